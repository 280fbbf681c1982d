// Reads the office's QR code with the camera: by the browser where it can, else by jsQR, which is loaded only then.

export interface Scanning {
  readonly found: Promise<string>;
  stop(): void;
}

type Reader = (video: HTMLVideoElement) => Promise<string | undefined>;

interface Detector {
  detect(source: CanvasImageSource): Promise<readonly { rawValue: string }[]>;
}

/** How often a picture is looked at, ms. */
const LOOK_MS = 200;

export async function scanner(video: () => HTMLVideoElement | undefined): Promise<Scanning> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const element = video();
  if (!element) throw new Error("no place for the picture");
  element.srcObject = stream;
  await element.play();
  const read = await reader();
  let timer: ReturnType<typeof setInterval> | undefined;
  const found = new Promise<string>((resolve) => {
    timer = setInterval(() => {
      void read(element).then((text) => text !== undefined && resolve(codeIn(text)));
    }, LOOK_MS);
  });
  return {
    found,
    stop() {
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
    },
  };
}

/** The code itself, also where the QR code holds an address that ends in it. */
function codeIn(text: string): string {
  return /(?:[?#&]code=|\/)([^/?#&=]+)$/.exec(text)?.[1] ?? text;
}

async function reader(): Promise<Reader> {
  const known = (globalThis as { BarcodeDetector?: new (options: object) => Detector }).BarcodeDetector;
  if (known) {
    const detector = new known({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video).catch(() => []))[0]?.rawValue;
  }
  const { default: jsQR } = await import("jsqr");
  const canvas = document.createElement("canvas");
  return async (video) => {
    const [width, height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context || width === 0) return undefined;
    [canvas.width, canvas.height] = [width, height];
    context.drawImage(video, 0, 0);
    return jsQR(context.getImageData(0, 0, width, height).data, width, height)?.data;
  };
}

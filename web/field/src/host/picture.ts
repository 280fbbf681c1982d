// Reducing a picture: upright, at most 1,920 px, marks burnt in, and a thumb for lists. What this browser cannot read is
// kept as it is.

import type { Mark, NewPhoto } from "./contract.js";
import { hostError } from "./errors.js";

const LONGER_MAX = 1_920;
const THUMB_MAX = 256;
const QUALITY = 0.82;
/** For a thumb of foliage or rubble that would be too large to go up as a preview. */
const QUALITY_LOW = 0.5;
/** What the server takes (protocol: Limits, `PHOTO_BYTES_MAX`). */
export const PHOTO_BYTES_MAX = 33_554_432;
/** What the server takes of a preview (protocol: Photos). */
export const PREVIEW_BYTES_MAX = 32_768;

export interface Reduced {
  readonly bytes: ArrayBuffer;
  readonly type: string;
  readonly width?: number;
  readonly height?: number;
  /** For lists, and the preview that goes before the photo over a bad link. */
  readonly thumb?: ArrayBuffer;
  readonly isUnreadable: boolean;
}

/** How pictures are read and written here; tests put another in its place. */
export type Reduce = (file: Blob, marks: readonly Mark[]) => Promise<Reduced>;

export async function reducePhoto(photo: NewPhoto, reduce: Reduce): Promise<Reduced> {
  const reduced = await reduce(photo.file, photo.marks ?? []);
  if (reduced.bytes.byteLength > PHOTO_BYTES_MAX) throw hostError("photo_too_large", `${reduced.bytes.byteLength} bytes, at most ${PHOTO_BYTES_MAX}`);
  if (reduced.bytes.byteLength === 0) throw hostError("photo_empty", "The picture has no bytes");
  return reduced;
}

export const reduceOnCanvas: Reduce = async (file, marks) => {
  const picture = await decode(file);
  if (!picture) return { bytes: await file.arrayBuffer(), type: file.type, isUnreadable: true };
  try {
    const [width, height] = fitted(picture, LONGER_MAX);
    const whole = await drawn(picture, width, height, marks, QUALITY);
    const thumb = await drawnSmall(picture, marks);
    return { bytes: whole, type: "image/jpeg", width, height, thumb, isUnreadable: false };
  } finally {
    picture.close();
  }
};

async function decode(file: Blob): Promise<ImageBitmap | undefined> {
  if (typeof OffscreenCanvas === "undefined") return undefined;
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return undefined;
  }
}

function fitted({ width, height }: ImageBitmap, longerMax: number): [number, number] {
  const scale = Math.min(1, longerMax / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

async function drawnSmall(picture: ImageBitmap, marks: readonly Mark[]): Promise<ArrayBuffer> {
  const [width, height] = fitted(picture, THUMB_MAX);
  const thumb = await drawn(picture, width, height, marks, QUALITY);
  return thumb.byteLength <= PREVIEW_BYTES_MAX ? thumb : drawn(picture, width, height, marks, QUALITY_LOW);
}

async function drawn(picture: ImageBitmap, width: number, height: number, marks: readonly Mark[], quality: number): Promise<ArrayBuffer> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw hostError("no_canvas", "This browser gave no canvas to draw on");
  context.imageSmoothingQuality = "high";
  // Behind pictures with transparent parts, which JPEG has not.
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  for (const mark of marks) draw(context, mark, width, height);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  return blob.arrayBuffer();
}

function draw(context: OffscreenCanvasRenderingContext2D, mark: Mark, width: number, height: number): void {
  context.lineWidth = Math.max(2, Math.max(width, height) / 200);
  context.lineCap = "round";
  context.strokeStyle = "#e60000";
  context.beginPath();
  if (mark.shape === "circle") {
    context.arc(mark.centre[0] * width, mark.centre[1] * height, mark.radius * Math.max(width, height), 0, 2 * Math.PI);
  } else {
    const [fromX, fromY] = [mark.from[0] * width, mark.from[1] * height];
    const [toX, toY] = [mark.to[0] * width, mark.to[1] * height];
    const angle = Math.atan2(toY - fromY, toX - fromX);
    const head = Math.max(width, height) / 30;
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    for (const side of [angle - Math.PI / 6, angle + Math.PI / 6]) {
      context.moveTo(toX, toY);
      context.lineTo(toX - head * Math.cos(side), toY - head * Math.sin(side));
    }
  }
  context.stroke();
}

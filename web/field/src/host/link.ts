// What is seen of the link while photos go up, and when it is called a bad one.

/** Below so many bytes a second a photo of half a megabyte takes more than half a minute. */
const SLOW_BYTES_PER_S = 16_384;

export interface Seen {
  /** An upload was cut, and no part of a photo has come through since. */
  readonly wasCut: boolean;
  /** Of the last part that came through and was large enough to tell. */
  readonly bytesPerS?: number;
  /** What the browser takes the link for (`navigator.connection.effectiveType`); many do not say. */
  readonly type?: string | undefined;
}

/** What was seen counts more than what the browser guesses. */
export function isBadLink({ wasCut, bytesPerS, type }: Seen): boolean {
  if (wasCut) return true;
  if (bytesPerS !== undefined) return bytesPerS < SLOW_BYTES_PER_S;
  return type === "slow-2g" || type === "2g";
}

export class Link {
  private seen: Seen = { wasCut: false };

  constructor(private readonly type: () => string | undefined) {}

  get isBad(): boolean {
    return isBadLink({ ...this.seen, type: this.type() });
  }

  cut(): void {
    this.seen = { ...this.seen, wasCut: true };
  }

  cameThrough(bytes: number, tookMs: number): void {
    this.seen = { wasCut: false, bytesPerS: (bytes * 1_000) / Math.max(1, tookMs) };
  }
}

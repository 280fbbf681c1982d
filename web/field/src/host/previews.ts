// Small pictures of photos that cannot come yet: the office has something to look at while the photo itself waits for a better
// link. When they are sent is decided in uploads.ts. One is no receipt: the photo stays wanted, and goes up all the same.

import { problemOf, type Api } from "./api.js";
import type { Engine } from "./engine.js";
import { PREVIEW_BYTES_MAX } from "./picture.js";
import type { Session } from "./session.js";

/** A preview may take so long on a slow link. */
const PREVIEW_SILENCE_MS = 60_000;
/** So often may one fail. What keeps previews from arriving may let photos through. */
const TRIES_MAX = 3;

export interface Preview {
  readonly hash: string;
  readonly bytes: ArrayBuffer;
}

export class Previews {
  /** Those that have gone, or never will. */
  private readonly done = new Set<string>();
  private readonly failures = new Map<string, number>();
  private isPhotosTurn = false;

  constructor(
    private readonly engine: Engine,
    private readonly session: Session,
    private readonly api: Api,
  ) {}

  /**
   * The first of these photos whose preview has not gone yet; none while it is a photo's turn, after a preview that failed. A
   * picture that this browser could not read has none.
   */
  async next(wanted: readonly string[]): Promise<Preview | undefined> {
    const isPhotosTurn = this.isPhotosTurn;
    this.isPhotosTurn = false;
    for (const hash of isPhotosTurn ? [] : wanted) {
      const photo = this.engine.ledger.photos.get(hash);
      if (photo?.state !== "kept" || photo.hasPreview || this.done.has(hash) || (this.failures.get(hash) ?? 0) >= TRIES_MAX) continue;
      const bytes = await this.engine.db.get("thumbs", hash);
      if (bytes && bytes.byteLength <= PREVIEW_BYTES_MAX) return { hash, bytes };
      this.done.add(hash);
    }
    return undefined;
  }

  async send({ hash, bytes }: Preview, signal: AbortSignal): Promise<void> {
    const headers = { "Content-Type": "image/jpeg" };
    const ask = { method: "PUT", headers, bytes: new Uint8Array(bytes), silenceMs: PREVIEW_SILENCE_MS, signal };
    const answer = await this.session.ask(this.engine.account, (token) => this.api.ask(`/photos/${hash}/preview`, { ...ask, token }));
    if (answer.status !== 204) throw problemOf(answer);
    this.done.add(hash);
  }

  /** Notes on the disk that the office has it. */
  async noteSent(hash: string): Promise<void> {
    await this.engine.exclusive(async () => {
      const photo = this.engine.ledger.photos.get(hash);
      if (photo?.state !== "kept") return;
      const entry = { ...photo, hasPreview: true };
      await this.engine.write(["photos"], (tx) => [tx.objectStore("photos").put(entry)]);
      this.engine.ledger.photos.set(hash, entry);
    });
  }

  /** This one is not taken, now or later. */
  refused(hash: string): void {
    this.done.add(hash);
  }

  failed(hash: string): void {
    this.failures.set(hash, (this.failures.get(hash) ?? 0) + 1);
    this.isPhotosTurn = true;
  }

  retryNow(): void {
    this.failures.clear();
  }
}

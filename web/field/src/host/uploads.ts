// Which photo goes up next, how much of it at once, and what every refusal means. Each call sends one part, so that records
// which are saved meanwhile need not wait for a whole photo. Over a bad link the previews of all go before the photos.

import { type Api, isProblem } from "./api.js";
import type { Trouble } from "./contract.js";
import type { Engine } from "./engine.js";
import { asHostError } from "./errors.js";
import { hashOf } from "./hash.js";
import { kindOf, type Kind } from "./failures.js";
import type { Link } from "./link.js";
import { type Preview, Previews } from "./previews.js";
import type { Session } from "./session.js";
import { Tus } from "./tus.js";

const PART_FIRST = 64 * 1024;
const PART_MIN = 16 * 1024;
const PART_MAX = 1024 * 1024;
/** A part is to take about so long: each ends with waiting for an answer, and progress is to be seen. A cut costs nothing of it. */
const PART_MS = 12_000;
/** What is saved while a part is under way waits no longer than this; what has come of the part stays with the server. */
const GIVE_WAY_MS = 2_000;
/** So many times as large may the next part be. */
const PART_GROWS = 4;
/** After a cut that followed progress the phone tries again within this time, and then waits longer each time. */
const AGAIN_WITHIN_MS = 500;
const WAIT_FIRST_MS = 1_000;
const WAIT_MAX_MS = 300_000;
/** So often may the same photo stand still before others are tried. */
const STANDSTILLS_MAX = 4;

/** What came of sending one part. `hash`: this photo's upload has ended, and the server is to be asked about it. */
export interface Sent {
  readonly goesOn: boolean;
  readonly hash?: string;
  readonly trouble?: Trouble;
}

interface Current {
  readonly hash: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Absent until the server has said where the upload stands. */
  offset?: number;
  /** Where the part began whose end is not known. */
  sentFrom?: number;
  standstills: number;
}

export class Uploads {
  private current: Current | undefined;
  private partBytes = PART_FIRST;
  private failures = 0;
  private failedAtMs = 0;
  private notBeforeMs = 0;
  private readonly refused = new Set<string>();
  private isStopped = false;
  /** Gives up the part that is under way. */
  private part: AbortController | undefined;
  private givingWay: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    private readonly engine: Engine,
    private readonly tus: Tus,
    private readonly previews: Previews,
    private readonly link: Link,
    private readonly moved: (hash: string) => void,
    private readonly now: () => number,
  ) {}

  static open(engine: Engine, session: Session, api: Api, link: Link, moved: (hash: string) => void, now: () => number): Uploads {
    return new Uploads(engine, new Tus(engine.account, session, api), new Previews(engine, session, api), link, moved, now);
  }

  stop(): void {
    this.isStopped = true;
    this.part?.abort();
  }

  /** Something more urgent waits: a part that is under way ends soon, whole or not. */
  giveWay(): void {
    const { part } = this;
    if (part) this.givingWay ??= setTimeout(() => part.abort(), GIVE_WAY_MS);
  }

  retryNow(): void {
    this.notBeforeMs = 0;
    this.refused.clear();
    this.previews.retryNow();
  }

  /** How long to wait after a failure. A clock that was set back behind it ends the wait, which might last for years otherwise. */
  waitMs(): number {
    const now = this.now();
    return now < this.failedAtMs ? 0 : Math.max(0, this.notBeforeMs - now);
  }

  /** Sends a part of one of these photos, or over a bad link the preview of one. */
  async send(wanted: readonly string[]): Promise<Sent> {
    if (this.isStopped || this.waitMs() > 0) return { goesOn: false };
    const preview = this.link.isBad ? await this.previews.next(wanted) : undefined;
    if (preview) return this.sendPreview(preview);
    const current = await this.choose(wanted);
    if (!current) return { goesOn: false };
    const before = current.offset;
    const startedAtMs = this.now();
    try {
      const offset = await this.unlessUrgent((signal) => this.step(current, signal));
      if (offset === undefined) return this.givenUp(current);
      current.offset = offset;
    } catch (error) {
      return this.failed(current, error);
    }
    this.failures = 0;
    if (before === undefined) this.lookAtRest(current);
    if (before !== undefined) this.adapt(current.offset - before, this.now() - startedAtMs);
    if (before !== undefined && current.offset <= before) current.standstills += 1;
    return this.progressed(current);
  }

  private givenUp(current: Current): Sent {
    this.resume(current, undefined);
    return { goesOn: !this.isStopped };
  }

  private async sendPreview(preview: Preview): Promise<Sent> {
    try {
      const isSent = await this.unlessUrgent(async (signal) => {
        await this.previews.send(preview, signal);
        return true;
      });
      if (!isSent) return { goesOn: !this.isStopped };
    } catch (error) {
      return this.previewFailed(preview.hash, error);
    }
    this.failures = 0;
    await this.previews.noteSent(preview.hash);
    this.moved(preview.hash);
    return { goesOn: true };
  }

  /** A preview that is not taken is no trouble: the photo itself still goes. */
  private previewFailed(hash: string, error: unknown): Sent {
    const kind = kindOf(error);
    if (kind === "refused") {
      this.previews.refused(hash);
      return { goesOn: true };
    }
    this.previews.failed(hash);
    return this.later(kind, error);
  }

  /** What `work` comes to; nothing where it was given up for something more urgent, or because the app ends. */
  private async unlessUrgent<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const part = (this.part = new AbortController());
    try {
      return await work(part.signal);
    } catch (error) {
      if (!part.signal.aborted) throw error;
      return undefined;
    } finally {
      clearTimeout(this.givingWay);
      this.part = this.givingWay = undefined;
    }
  }

  private step(current: Current, signal: AbortSignal): Promise<number> {
    const { hash, bytes, offset } = current;
    if (offset === undefined) return this.tus.create(hash, bytes.byteLength, signal);
    current.sentFrom = offset;
    return this.tus.patch(hash, offset, bytes.subarray(offset, offset + this.partBytes), signal);
  }

  /** After a part that was cut: where nothing of it has come the next is smaller. */
  private lookAtRest(current: Current): void {
    const { offset = 0, sentFrom } = current;
    delete current.sentFrom;
    if (sentFrom !== undefined && offset <= sentFrom) this.partBytes = Math.max(PART_MIN, this.partBytes / 2);
  }

  /** The next part is as large as goes up in its time, by what the last one took. */
  private adapt(bytes: number, tookMs: number): void {
    if (bytes < Math.min(this.partBytes, PART_FIRST)) return;
    this.link.cameThrough(bytes, tookMs);
    const inTime = (bytes * PART_MS) / Math.max(1, tookMs);
    this.partBytes = Math.round(Math.min(Math.max(inTime, PART_MIN), this.partBytes * PART_GROWS, PART_MAX));
  }

  private progressed(current: Current): Sent {
    const { hash, bytes, offset = 0 } = current;
    if (offset >= bytes.byteLength) return this.finish(hash);
    this.engine.ledger.bytesSent.set(hash, offset);
    this.moved(hash);
    return { goesOn: true };
  }

  private finish(hash: string): Sent {
    this.current = undefined;
    this.engine.ledger.bytesSent.delete(hash);
    this.moved(hash);
    return { goesOn: true, hash };
  }

  /** The photo that is under way; else, on a bad link, the smallest, so that at least something arrives. */
  private async choose(wanted: readonly string[]): Promise<Current | undefined> {
    const photos = this.engine.ledger.photos;
    const possible = wanted.filter((hash) => !this.refused.has(hash) && photos.get(hash)?.state !== "damaged");
    if (this.current && possible.includes(this.current.hash)) return this.current;
    const size = (hash: string) => photos.get(hash)?.bytes ?? 0;
    if (this.failures > 0 || this.link.isBad) possible.sort((a, b) => size(a) - size(b));
    for (const hash of possible) {
      const bytes = await this.engine.db.get("pictures", hash);
      if (bytes) return (this.current = { hash, bytes: new Uint8Array(bytes), standstills: 0 });
      // A browser may have thrown it away; its record stays, and the person is told.
      await this.damaged(hash);
    }
    return undefined;
  }

  private async failed(current: Current, error: unknown): Promise<Sent> {
    const { code } = asHostError(error);
    const offset = isProblem(error) ? error.offset : undefined;
    current.standstills += 1;
    switch (code) {
      case "upload_finished":
        return this.finish(current.hash);
      case "upload_offset_mismatch":
      case "upload_exceeded":
      case "checksum_mismatch":
        this.resume(current, offset);
        return this.unlessStuck(current);
      case "upload_interrupted":
        this.link.cut();
        this.resume(current, offset);
        return this.unlessStuck(current);
      case "upload_unknown":
      case "upload_expired":
        this.resume(current, undefined);
        return this.unlessStuck(current);
      case "content_hash_mismatch":
        if ((await hashOf(current.bytes)) !== current.hash) return this.damaged(current.hash);
        this.resume(current, 0);
        return this.unlessStuck(current);
      default:
        return this.unreached(current, error);
    }
  }

  private resume(current: Current, offset: number | undefined): void {
    if (offset === undefined) delete current.offset;
    else current.offset = offset;
  }

  private unlessStuck(current: Current): Sent {
    if (current.standstills < STANDSTILLS_MAX) return { goesOn: true };
    current.standstills = 0;
    return this.wait(undefined);
  }

  /** No answer, or one that asks to come later. What has arrived stays, and the server says how much that is. */
  private unreached(current: Current, error: unknown): Sent {
    this.resume(current, undefined);
    const kind = kindOf(error);
    if (kind !== "refused") return this.later(kind, error);
    const { code, detail } = asHostError(error);
    this.refused.add(current.hash);
    this.current = undefined;
    return { goesOn: true, trouble: { why: "refused", code, detail } };
  }

  private later(kind: Exclude<Kind, "refused">, error: unknown): Sent {
    if (kind === "network") this.link.cut();
    return { ...this.wait(asHostError(error).retryAfterS), trouble: { why: kind, sinceMs: this.now() } };
  }

  private wait(askedS: number | undefined): Sent {
    const whole = askedS === undefined ? this.pauseMs() : askedS * 1_000;
    const spread = (whole / 2) * Math.random();
    this.failures += 1;
    this.failedAtMs = this.now();
    this.notBeforeMs = this.failedAtMs + (askedS === undefined ? whole / 2 : whole) + spread;
    return { goesOn: false };
  }

  private pauseMs(): number {
    if (this.failures === 0) return AGAIN_WITHIN_MS;
    return Math.min(WAIT_FIRST_MS * 2 ** Math.min(this.failures - 1, 16), WAIT_MAX_MS);
  }

  /** The copy here is not what was taken: it is kept, and the person is told (status.ts). */
  private async damaged(hash: string): Promise<Sent> {
    this.current = undefined;
    const photo = this.engine.ledger.photos.get(hash);
    if (photo) {
      // Of a photo whose record was refused, and that was seen, there is nothing left to tell.
      const isSeen = this.engine.ledger.subjects(hash).length === 0;
      const entry = { ...photo, state: "damaged" as const, ...(isSeen ? { isSeen } : {}) };
      await this.engine.exclusive(() => this.engine.write(["photos"], (tx) => [tx.objectStore("photos").put(entry)]));
      this.engine.ledger.photos.set(hash, entry);
    }
    this.moved(hash);
    return { goesOn: true };
  }
}

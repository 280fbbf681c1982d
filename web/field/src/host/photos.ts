// The bytes of photos: held for drafts, kept once saved, shown, fetched, freed. Their way to the server is in uploads.ts.

import type { Api } from "./api.js";
import type { HeldPhoto, NewPhoto, Place } from "./contract.js";
import type { Engine } from "./engine.js";
import { whereRoom } from "./errors.js";
import { hashOf } from "./hash.js";
import { reducePhoto, type Reduce } from "./picture.js";
import type { Session } from "./session.js";
import { type PhotoEntry, type Writing } from "./store.js";

/** A picture that no draft names is removed after so long: its page was closed before anything was written. */
const ORPHAN_MS = 86_400_000;
/** Whoever chooses a picture that was taken so long ago stands where it was taken. */
const JUST_NOW_MS = 15 * 60_000;

export class Photos {
  constructor(
    private readonly engine: Engine,
    private readonly session: Session,
    private readonly api: Api,
    private readonly reduce: Reduce,
    private readonly now: () => number,
  ) {}

  /** Stores a picture before any record names it. */
  async hold(photo: NewPhoto): Promise<HeldPhoto> {
    const reduced = await reducePhoto(photo, this.reduce);
    const taken = await takenOf(photo, this.now());
    const hash = await hashOf(reduced.bytes);
    const held: HeldPhoto = {
      hash,
      bytes: reduced.bytes.byteLength,
      ...(reduced.width === undefined ? {} : { width: reduced.width }),
      ...(reduced.height === undefined ? {} : { height: reduced.height }),
      isUnreadable: reduced.isUnreadable,
      role: photo.role,
      ...(photo.caption === undefined ? {} : { caption: photo.caption }),
      ...taken,
    };
    const { bytes, type, thumb } = reduced;
    await this.engine.exclusive(async () => {
      const known = this.engine.ledger.photos.get(hash);
      const isSaved = known?.state === "kept" || known?.state === "received";
      const entry: PhotoEntry = isSaved ? known : { hash, state: "held", type, bytes: held.bytes, storedAtMs: this.now(), held };
      await this.write((tx) => [
        tx.objectStore("photos").put(entry),
        tx.objectStore("pictures").put(bytes, hash),
        ...(thumb ? [tx.objectStore("thumbs").put(thumb, hash)] : []),
      ]);
      this.engine.ledger.photos.set(hash, entry);
    });
    return held;
  }

  /** Removes held pictures that none of these drafts names. To be called within `exclusive`. */
  async drop(hashes: Iterable<string>): Promise<void> {
    const drafts = await this.engine.db.getAll("drafts");
    const named = new Set(drafts.flatMap((draft) => draft.photos.map((photo) => photo.hash)));
    const gone = [...hashes].filter((hash) => !named.has(hash) && this.engine.ledger.photos.get(hash)?.state === "held");
    if (gone.length > 0) await this.remove(gone);
  }

  /** At a start: pictures that were held for a page that never wrote a draft. */
  async dropOrphans(): Promise<void> {
    const before = this.now() - ORPHAN_MS;
    const old = [...this.engine.ledger.photos.values()].filter((photo) => photo.state === "held" && photo.storedAtMs < before);
    await whereRoom(this.engine.exclusive(() => this.drop(old.map((photo) => photo.hash))));
  }

  private async remove(hashes: readonly string[]): Promise<void> {
    await this.write((tx) =>
      hashes.flatMap((hash) => [tx.objectStore("photos").delete(hash), tx.objectStore("pictures").delete(hash), tx.objectStore("thumbs").delete(hash)]),
    );
    for (const hash of hashes) this.engine.ledger.photos.delete(hash);
  }

  /** From the phone, else from the server, and then kept for the next time where there is room. */
  async picture(hash: string, size: "thumb" | "full"): Promise<Blob | undefined> {
    const own = await this.own(hash, size);
    if (own) return own;
    const fetched = await this.fetch(hash, size).catch(() => undefined);
    if (!fetched) return undefined;
    await this.keepFetched(hash, size, fetched).catch(() => undefined);
    return new Blob([fetched.bytes], { type: fetched.type });
  }

  private async own(hash: string, size: "thumb" | "full"): Promise<Blob | undefined> {
    const thumb = size === "thumb" ? await this.engine.db.get("thumbs", hash) : undefined;
    if (thumb) return new Blob([thumb], { type: "image/jpeg" });
    const bytes = await this.engine.db.get("pictures", hash);
    return bytes && new Blob([bytes], { type: this.engine.ledger.photos.get(hash)?.type ?? "image/jpeg" });
  }

  private async fetch(hash: string, size: "thumb" | "full"): Promise<{ bytes: ArrayBuffer; type: string } | undefined> {
    if (this.session.ended || !this.session.person) return undefined;
    const variant = size === "thumb" ? 256 : 1280;
    const answer = await this.session.ask(this.engine.account, (token) => this.api.ask(`/photos/${hash}?variant=${variant}`, { token }));
    // A preview is for the office, which says that it is one: here it would be kept as if it were the photo.
    if (answer.status !== 200 || answer.headers.get("photo-state") === "preview") return undefined;
    return { bytes: answer.body.buffer, type: answer.headers.get("content-type") ?? "image/jpeg" };
  }

  private async keepFetched(hash: string, size: "thumb" | "full", { bytes, type }: { bytes: ArrayBuffer; type: string }): Promise<void> {
    if (size === "thumb") return this.engine.write(["thumbs"], (tx) => [tx.objectStore("thumbs").put(bytes, hash)]);
    await this.engine.exclusive(async () => {
      if (this.engine.ledger.photos.has(hash)) return;
      const entry: PhotoEntry = { hash, state: "fetched", type, bytes: bytes.byteLength, storedAtMs: this.now() };
      await this.write((tx) => [tx.objectStore("photos").put(entry), tx.objectStore("pictures").put(bytes, hash)]);
      this.engine.ledger.photos.set(hash, entry);
    });
  }

  /** The pictures that the server has and no draft needs. */
  private async freeable(): Promise<PhotoEntry[]> {
    const photos = [...this.engine.ledger.photos.values()].filter((photo) => photo.state === "received" || photo.state === "fetched");
    const drafts = await this.engine.db.getAll("drafts");
    const named = new Set(drafts.flatMap((draft) => draft.photos.map((photo) => photo.hash)));
    const there = new Set(await this.engine.db.getAllKeys("pictures"));
    return photos.filter((photo) => there.has(photo.hash) && !named.has(photo.hash));
  }

  async freeableBytes(): Promise<number> {
    return sumOf(await this.freeable());
  }

  /** Frees the pictures that the server has; thumbs stay. Gives back how many bytes. */
  free(): Promise<number> {
    return this.engine.exclusive(async () => {
      const gone = await this.freeable();
      await this.write((tx) => gone.map((photo) => tx.objectStore("pictures").delete(photo.hash)));
      return sumOf(gone);
    });
  }

  private write(write: (tx: Writing) => Promise<unknown>[]): Promise<void> {
    return this.engine.write(["photos", "pictures", "thumbs"], write);
  }
}

/** When and where: rather no place than one where the picture was not taken. */
async function takenOf({ file, takenAtMs, location, isChosen }: NewPhoto, nowMs: number): Promise<{ takenAtMs: number; location?: Place }> {
  const said = await import("./exif.js").then(({ saidBy }) => saidBy(file, nowMs)).catch(() => undefined);
  const isHere = !isChosen || Math.abs(nowMs - (said?.takenAtMs ?? 0)) < JUST_NOW_MS;
  return { takenAtMs, ...(isHere && location ? { location } : {}), ...said };
}

function sumOf(photos: readonly PhotoEntry[]): number {
  return photos.reduce((sum, photo) => sum + photo.bytes, 0);
}

// What this phone stores of one account: a database of its own for each, so that nobody sees another's records or sends
// them under their own name. Schemas and plain reads; what is written when is decided in engine.ts and photos.ts.

import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from "idb";

import type { Draft, HeldPhoto, Saved } from "./contract.js";
import { hostError } from "./errors.js";
import type { StoredRow } from "./rows.js";

/** One entry of the engine's log. `log` is the engine's own text. */
export interface LogEntry {
  readonly what: string;
  readonly log: string;
}

/** The state of one record as the feed brought it. */
export interface BaseEntry {
  readonly record: string;
  readonly kind: string;
  readonly state: string;
  readonly mark: string;
  /** The village in whose part of the feed it lies. */
  readonly part?: string;
}

/**
 * What is known of one photo's bytes. `held`: no record names it yet. `kept`: saved, without a receipt. `received`: the
 * server has them. `damaged`: the copy here is not what was taken. `fetched`: somebody else's.
 */
export interface PhotoEntry {
  readonly hash: string;
  readonly state: "held" | "kept" | "received" | "damaged" | "fetched";
  readonly type: string;
  readonly bytes: number;
  readonly storedAtMs: number;
  readonly held?: HeldPhoto;
  /** The office has a small picture of it, which is no receipt. */
  readonly hasPreview?: boolean;
  /** Of a damaged one: the person knows. */
  readonly isSeen?: boolean;
}

/** A state that a repair took out of the base, or that this build cannot read. */
export interface Apart {
  readonly why: "replaced" | "dropped" | "unreadable";
  readonly state: string;
  readonly atMs: number;
}

/** What became of a page's request, so that one that is asked twice is carried out once. */
export interface Finished {
  readonly request: string;
  readonly saved: Saved;
  readonly atMs: number;
}

export interface AccountSchema extends DBSchema {
  log: { key: number; value: LogEntry };
  base: { key: string; value: BaseEntry };
  rows: { key: string; value: StoredRow };
  photos: { key: string; value: PhotoEntry };
  pictures: { key: string; value: ArrayBuffer };
  thumbs: { key: string; value: ArrayBuffer };
  drafts: { key: string; value: Draft };
  apart: { key: number; value: Apart };
  finished: { key: string; value: Finished };
  meta: { key: string; value: string | number | boolean };
}

export type StoreName = "log" | "base" | "rows" | "photos" | "pictures" | "thumbs" | "drafts" | "apart" | "finished" | "meta";
export type AccountDb = IDBPDatabase<AccountSchema>;
export type Writing = IDBPTransaction<AccountSchema, StoreName[], "readwrite">;

/** The database of an account, made where there is none. `lost` is told when the browser takes it away. */
export function openAccount(account: string, lost: () => void): Promise<AccountDb> {
  return openDB<AccountSchema>(`hazard-field-${account}`, 1, {
    upgrade(db) {
      db.createObjectStore("log", { autoIncrement: true });
      db.createObjectStore("base", { keyPath: "record" });
      db.createObjectStore("rows", { keyPath: "id" });
      db.createObjectStore("photos", { keyPath: "hash" });
      db.createObjectStore("pictures");
      db.createObjectStore("thumbs");
      db.createObjectStore("drafts", { keyPath: "id" });
      db.createObjectStore("apart", { autoIncrement: true });
      db.createObjectStore("finished", { keyPath: "request" });
      db.createObjectStore("meta");
    },
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
      lost();
    },
    terminated: lost,
  });
}

/**
 * One host's right to write: the last one that took it has it. A tab that was frozen while another took over finds its own
 * gone, whatever it still has in memory.
 */
export class Pen {
  private readonly mine = crypto.randomUUID();

  private constructor(private readonly db: AccountDb) {}

  static async take(db: AccountDb): Promise<Pen> {
    const pen = new Pen(db);
    const tx = db.transaction("meta", "readwrite", { durability: "strict" });
    const asked = Promise.allSettled([tx.store.put(pen.mine, "pen")]);
    // Why it was not written, as where there is no room, only the transaction says.
    await tx.done;
    await asked;
    return pen;
  }

  /**
   * Writes in one transaction that is on the disk when the promise resolves; where anything fails, nothing of it is.
   * `write` asks for everything at once, without waiting for anything but the transaction itself.
   */
  async write(stores: readonly StoreName[], write: (tx: Writing) => Promise<unknown>[]): Promise<void> {
    const tx = this.db.transaction([...new Set<StoreName>([...stores, "meta"])], "readwrite", { durability: "strict" });
    let why: unknown;
    const giveUp = (error: unknown) => {
      why ??= error;
      tx.abort();
    };
    const asked: Promise<unknown>[] = [this.check(tx, giveUp)];
    try {
      asked.push(...write(tx));
    } catch (error) {
      // What cannot even be asked for takes back what was asked before it.
      giveUp(error);
    }
    const settled = Promise.allSettled(asked);
    // A request that fails aborts the transaction, and `done` then says why.
    await tx.done.catch((error: unknown) => {
      throw why ?? error;
    });
    await settled;
  }

  private async check(tx: Writing, giveUp: (error: unknown) => void): Promise<void> {
    const pen = await tx.objectStore("meta").get("pen");
    if (pen !== this.mine) giveUp(hostError("host_replaced", "Another tab has taken over"));
  }
}

/** The stored base states of records, by record; those without one are left out. */
export async function readBases(db: AccountDb, records: Iterable<string>): Promise<Map<string, BaseEntry>> {
  const tx = db.transaction("base");
  const entries = await Promise.all([...records].map((record) => tx.store.get(record)));
  await tx.done;
  const found = new Map<string, BaseEntry>();
  for (const entry of entries) if (entry) found.set(entry.record, entry);
  return found;
}

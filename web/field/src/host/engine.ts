// The engine of one account with what it stores: whatever sync-core's client gives to be stored goes into one transaction,
// and only then do the rows in memory follow. One thing at a time. Where a transaction fails, the client is made anew from
// the disk, so that memory is never ahead of it.

import { bucket, Client } from "../../../wasm/pkg/sync_core.js";
import type { OutboxEntry, StoredEffect } from "../../../wasm/pkg/types.js";
import { whereRoom } from "./errors.js";
import { merged, nothing, planIntake, readable, type Intake } from "./intake.js";
import { Ledger } from "./ledger.js";
import { planDay, planRows, type RowPlan, type RowSources } from "./rowplans.js";
import { ROWS_VERSION } from "./rows.js";
import { openAccount, Pen, readBases, type AccountDb, type PhotoEntry, type StoreName, type Writing } from "./store.js";
import { Written } from "./written.js";

/** What a commit writes beside the effects, in the same transaction. */
export interface Beside {
  readonly stores: StoreName[];
  write(tx: Writing): Promise<unknown>[];
}

/** Which rows have changed. */
export interface Changed {
  readonly kinds: Set<string>;
  readonly ids: Set<string>;
}

/** Under these keys of `meta` is what of the refused versions their author has seen. */
const SEEN = "seen/";

/** Under this key of `meta` is the life of the server's data that the phone has heard of last. */
const EPOCH = "epoch";

/** What is told while an account is opened, and after. */
export interface Opening {
  progress(done: number, total: number): void;
  /** The browser has taken the database away. */
  lost(): void;
}

/** So many records are read and written at once when all rows are made anew. */
const REBUILT_AT_ONCE = 500;

export class Engine implements RowSources {
  readonly written = new Written();
  readonly ledger = new Ledger(this.written);
  private turn: Promise<unknown> = Promise.resolve();
  private positionKeys: number[] = [];
  private epoch: string | undefined;
  /** How many states lie apart: taken out by a repair, or not readable. */
  apart = 0;

  private constructor(
    readonly db: AccountDb,
    private readonly pen: Pen,
    readonly account: string,
    public client: Client,
    readonly now: () => number,
  ) {}

  /** Opens what is stored of an account. `progress` is told while rows are made anew. */
  static async open(account: string, now: () => number, { progress, lost }: Opening): Promise<Engine> {
    const db = await openAccount(account, lost);
    try {
      const pen = await Pen.take(db);
      const engine = new Engine(db, pen, account, new Client(await firstReplica(db, pen)), now);
      await engine.load(progress);
      return engine;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  close(): void {
    this.db.close();
    this.client.free();
  }

  /** Writes beside the engine, in one transaction; to be called within `exclusive` where it follows from what was read. */
  write(stores: readonly StoreName[], write: (tx: Writing) => Promise<unknown>[]): Promise<void> {
    return this.pen.write(stores, write);
  }

  /** Does one thing after the other: whatever changes the engine or the store. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.turn.then(work);
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  private async load(progress: Opening["progress"]): Promise<void> {
    if ((await this.db.get("meta", "rows_version")) !== ROWS_VERSION) await this.remakeRows(progress);
    else for (const row of await this.db.getAll("rows")) this.ledger.put(row);
    const photos = await this.db.getAll("photos");
    this.apart = await this.db.count("apart");
    for (const photo of photos) this.ledger.photos.set(photo.hash, photo);
    const epoch = await this.db.get("meta", EPOCH);
    if (typeof epoch === "string") this.epoch = epoch;
    await this.restore();
  }

  /** Makes the client anew from what is stored. */
  async restore(): Promise<void> {
    const client = new Client(await firstReplica(this.db, this.pen));
    const tx = this.db.transaction("log");
    const [entries, keys] = await Promise.all([tx.store.getAll(), tx.store.getAllKeys()]);
    await tx.done;
    for (const { log } of entries) client.restore(log);
    for (const row of this.ledger.all()) if (row.mark !== undefined) client.noteBase(row.id, undefined, row.mark);
    this.positionKeys = keys.filter((_, at) => entries[at]?.what === "position");
    this.client.free();
    this.client = client;
    const seen = await this.db.getAllKeys("meta", IDBKeyRange.bound(SEEN, `${SEEN}\uffff`));
    this.written.load(client.outbox(), new Set(seen.map((key) => key.slice(SEEN.length))));
  }

  /** The state of a record as its user sees it. */
  async view(record: string): Promise<string | undefined> {
    return this.client.view(record, (await this.db.get("base", record))?.state);
  }

  /** The states of several records as their user sees them. */
  async views(records: readonly string[]): Promise<string[]> {
    const bases = await readBases(this.db, records);
    return records.flatMap((record) => this.client.view(record, bases.get(record)?.state) ?? []);
  }

  /**
   * Stores what one call of the client gave, and lets the rows follow. To be called within `exclusive`. Throws where the
   * disk did not take it; nothing has changed then. `seen`: records of which the author has looked at what was put aside.
   */
  async commit(given: readonly StoredEffect[], beside?: Beside, seen: readonly string[] = []): Promise<Changed> {
    try {
      const effects = [...given, ...(await this.offeredAgain(given))];
      const touched = new Set([...this.touched(effects), ...seen]);
      const looked = this.look(seen);
      const plan = await planIntake(this.db, this.ledger, effects, this.now());
      const rows = await planRows(this, [...touched, ...plan.base.keys()], plan.base);
      const positions = await this.store(plan, rows, [looked, ...(beside ? [beside] : [])]);
      if (positions.length > 0) this.positionKeys = positions;
      for (const photo of looked.photos) this.ledger.photos.set(photo.hash, photo);
      return this.follow(effects, plan, rows);
    } catch (error) {
      await this.restore();
      throw error;
    }
  }

  /**
   * Photos that the server is asked about anew. One that was restored from a backup begins a new epoch, and may have lost what
   * it gave receipts for since: until it gives them again, the pictures that are still here are not to be freed.
   */
  private async offeredAgain(effects: readonly StoredEffect[]): Promise<StoredEffect[]> {
    if (!effects.some((each) => each.effect === "position" && each.epoch !== this.epoch)) return [];
    const here = new Set(await this.db.getAllKeys("pictures"));
    const received = [...this.ledger.photos.values()].filter((photo) => photo.state === "received" && here.has(photo.hash));
    return received.map((photo) => this.client.addPhoto(photo.hash));
  }

  /** The author has seen why something of a record was refused: it asks for attention no longer, and with it its photos and comments. */
  see(record: string): Promise<Changed> {
    return this.exclusive(() => this.commit([], undefined, [record, ...this.ledger.goingWith(record)]));
  }

  /** Notes that what was put aside of these records, and which of their photos are damaged, was looked at; and what is to be stored of it. */
  private look(records: readonly string[]): Beside & { readonly photos: readonly PhotoEntry[] } {
    const dots = records.flatMap((record) => this.written.asideOf(record));
    const photos = records.flatMap((record) => this.ledger.damaged(record)).map((photo) => ({ ...photo, isSeen: true }));
    for (const record of records) this.written.see(record);
    const write = (tx: Writing) => [
      ...dots.map((dot) => tx.objectStore("meta").put(true, SEEN + dot)),
      ...photos.map((photo) => tx.objectStore("photos").put(photo)),
    ];
    return { stores: records.length > 0 ? ["meta", "photos"] : [], write, photos };
  }

  /** What the office has put aside of a record and its author has not looked at yet. */
  aside(record: string): OutboxEntry[] {
    const isAside = (entry: OutboxEntry) => entry.record === record && entry.is_quarantined && !this.written.seenDots.has(entry.dot.join());
    return this.client.outbox().filter(isAside);
  }

  /** The records whose view may change although their base does not. */
  private touched(effects: readonly StoredEffect[]): Set<string> {
    const touched = new Set<string>();
    for (const effect of effects) {
      if (effect.effect === "keep") touched.add(effect.record);
      if (effect.effect === "settle") {
        const record = this.written.recordOf(effect.replica, effect.outcome.seq);
        if (record !== undefined) touched.add(record);
      }
      if (Written.isSweeping(effect)) for (const record of this.written.all()) touched.add(record);
    }
    return touched;
  }

  viewOver(record: string, base: string | undefined): string | undefined {
    return this.client.view(record, base);
  }

  private async store(plan: Intake, rows: RowPlan, beside: readonly Beside[] = []): Promise<number[]> {
    const stores = new Set<StoreName>(["log", "rows", ...beside.flatMap((each) => each.stores)]);
    if (plan.base.size > 0) stores.add("base");
    if (plan.apart.length > 0) stores.add("apart");
    if (plan.photos.length > 0) stores.add("photos");
    const positions: Promise<number>[] = [];
    await this.write([...stores], (tx) => {
      const asked: Promise<unknown>[] = [];
      for (const each of plan.log) {
        const key = tx.objectStore("log").add(each);
        if (each.what === "position") positions.push(key);
        asked.push(key);
      }
      // A position stands for all earlier ones: nothing else in the log depends on them.
      if (positions.length > 0) asked.push(...this.positionKeys.map((key) => tx.objectStore("log").delete(key)));
      for (const [id, next] of plan.base) asked.push(next ? tx.objectStore("base").put(next) : tx.objectStore("base").delete(id));
      for (const row of rows.rows.values()) asked.push(tx.objectStore("rows").put(row));
      for (const id of rows.gone) asked.push(tx.objectStore("rows").delete(id));
      for (const each of plan.apart) asked.push(tx.objectStore("apart").add(each));
      for (const photo of plan.photos) asked.push(tx.objectStore("photos").put(photo));
      if (plan.epoch !== undefined) asked.push(tx.objectStore("meta").put(plan.epoch, EPOCH));
      return [...asked, ...beside.flatMap((each) => each.write(tx))];
    });
    return Promise.all(positions);
  }

  /** What is stored now is so in memory as well. */
  private follow(effects: readonly StoredEffect[], plan: Intake, rows: RowPlan): Changed {
    const changed: Changed = { kinds: new Set(), ids: new Set() };
    for (const [id, next] of plan.base) this.client.noteBase(id, this.ledger.get(id)?.mark, next?.mark);
    this.apart += plan.apart.length;
    this.epoch = plan.epoch ?? this.epoch;
    for (const photo of plan.photos) this.ledger.photos.set(photo.hash, photo);
    for (const row of rows.rows.values()) this.ledger.put(row);
    for (const id of [...rows.gone, ...rows.rows.keys()]) {
      const kind = this.ledger.get(id)?.kind;
      if (kind !== undefined) changed.kinds.add(kind);
      changed.ids.add(id);
      this.alsoSubject(id, changed);
      if (rows.gone.has(id)) this.ledger.remove(id);
    }
    for (const { hash } of plan.photos) for (const subject of this.ledger.subjects(hash)) this.also(subject, changed);
    if (effects.some(Written.isSweeping)) this.written.load(this.client.outbox(), this.written.seenDots);
    else for (const effect of effects) this.written.note(effect);
    this.compare();
    return changed;
  }

  /** The row of a photo's subject shows the photo. */
  private alsoSubject(id: string, changed: Changed): void {
    const row = this.ledger.get(id);
    const subject = row?.kind === "photo" ? row.values["subject"] : undefined;
    if (typeof subject === "string") this.also(subject, changed);
  }

  private also(id: string, changed: Changed): void {
    const shown = this.ledger.get(id);
    if (!shown) return;
    changed.ids.add(shown.id);
    changed.kinds.add(shown.kind);
  }

  /** The records whose versions are in a batch, for those who show how far they have come. */
  send(dots: readonly string[]): Changed {
    const changed: Changed = { kinds: new Set(), ids: new Set() };
    for (const id of this.written.send(dots)) {
      const row = this.ledger.get(id);
      if (row) changed.kinds.add(row.kind);
      changed.ids.add(id);
      this.alsoSubject(id, changed);
    }
    return changed;
  }

  /** Gives the client the marks that it waits for, if it does. */
  private compare(): void {
    const buckets = this.client.bucketsToCompare();
    if (!buckets) return;
    const marks: Record<string, string> = {};
    for (const row of this.ledger.all()) if (row.mark !== undefined && buckets.includes(bucket(row.id))) marks[row.id] = row.mark;
    this.client.compareMarks(marks);
  }

  /**
   * Looks anew where the hazards stand that a new day may have made overdue; once a day. Without room for it only memory
   * knows, and the next start looks again.
   */
  async newDay(today: string): Promise<Changed> {
    if ((await this.db.get("meta", "day")) === today) return { kinds: new Set(), ids: new Set() };
    const plan = await planDay(this);
    await whereRoom(this.store(nothing(), plan, [{ stores: ["meta"], write: (tx) => [tx.objectStore("meta").put(today, "day")] }]));
    return this.follow([], nothing(), plan);
  }

  /**
   * Makes all rows anew from the states, and reads again what an earlier build could not read. Where there is no room for
   * all of it, the rows are in memory only, and made again at the next start.
   */
  private async remakeRows(progress: Opening["progress"]): Promise<void> {
    let isStored = await whereRoom(this.db.clear("rows"));
    await this.restore();
    isStored = (await whereRoom(this.readAgain())) && isStored;
    const ids = [...new Set([...(await this.db.getAllKeys("base")), ...this.written.all()])];
    for (let at = 0; at < ids.length; at += REBUILT_AT_ONCE) {
      progress(at, ids.length);
      const rows = await planRows(this, ids.slice(at, at + REBUILT_AT_ONCE), new Map());
      isStored &&= await whereRoom(this.store(nothing(), rows));
      for (const row of rows.rows.values()) this.ledger.put(row);
    }
    if (isStored) await whereRoom(this.write(["meta"], (tx) => [tx.objectStore("meta").put(ROWS_VERSION, "rows_version")]));
  }

  /** States that came before this build could read them join the base as if they came now. */
  private async readAgain(): Promise<void> {
    const [keys, entries] = await Promise.all([this.db.getAllKeys("apart"), this.db.getAll("apart")]);
    for (const [at, { why, state }] of entries.entries()) {
      const key = keys[at];
      if (why !== "unreadable" || key === undefined) continue;
      const effect = readable(state);
      if (!effect) continue;
      const bases = await readBases(this.db, [effect.record]);
      const next = merged(effect, bases.get(effect.record));
      await this.write(["base", "apart"], (tx) => [tx.objectStore("base").put(next), tx.objectStore("apart").delete(key)]);
    }
  }
}

/** The id under which this account first wrote on this phone; the log says which came after it. */
async function firstReplica(db: AccountDb, pen: Pen): Promise<string> {
  const known = await db.get("meta", "replica");
  if (typeof known === "string") return known;
  const replica = crypto.randomUUID();
  await pen.write(["meta"], (tx) => [tx.objectStore("meta").put(replica, "replica")]);
  return replica;
}

// A phone for tests: the host with its own storage, its own clock, and a network that can be cut.

import "fake-indexeddb/auto";

import { readFileSync } from "node:fs";

import { IDBFactory } from "fake-indexeddb";

import { initSync } from "../../../wasm/pkg/sync_core.js";
import type { Edit } from "../../../wasm/pkg/types.js";
import type { HostEvent, NewPhoto, Save, Status } from "../../src/host/contract.js";
import { FieldHost } from "../../src/host/host.js";
import type { Reduced } from "../../src/host/picture.js";
import { openAccount, type AccountDb, type StoreName } from "../../src/host/store.js";
import { uuidV7 } from "../../src/host/uuid.js";
import { PASSWORD } from "./server.js";

initSync({ module: readFileSync(new URL("../../../wasm/pkg/sync_core_bg.wasm", import.meta.url)) });

export type Fetch = typeof fetch;

interface Backup {
  account: string;
  stores: { name: StoreName; keys: (string | number)[]; values: never[] }[];
}

export class Phone {
  host!: FieldHost;
  readonly events: HostEvent[] = [];
  isOnline = true;
  /** Added to the real clock. */
  aheadMs = 0;
  /** Stands between the phone and the network; by default nothing does. */
  network: Fetch = (...args) => fetch(...args);
  /** What the browser takes the link for. */
  linkType: string | undefined;
  savesData = false;
  /** The thumb of every picture; by default no more than its first bytes. */
  thumb: ArrayBuffer | undefined;
  private lastAccount = "";
  private storage = new IDBFactory();

  constructor(private readonly origin: string) {}

  /** Opens the app, for the first time or again. */
  async open(tell: (event: HostEvent) => void = (event) => this.events.push(event)): Promise<FieldHost> {
    globalThis.indexedDB = this.storage;
    const send: Fetch = async (...args) => {
      if (!this.isOnline) throw new TypeError("Failed to fetch");
      return this.network(...args);
    };
    const reduced = async (file: Blob) => ({ ...(await reduce(file)), ...(this.thumb ? { thumb: this.thumb } : {}) });
    const world = { origin: this.origin, fetch: send, reduce: reduced, linkType: () => this.linkType, savesData: () => this.savesData, now: () => Date.now() + this.aheadMs };
    this.host = await FieldHost.start(world, tell);
    return this.host;
  }

  /** The app is killed: nothing is said to anybody, what was under way never ends. */
  async kill(): Promise<void> {
    const wasOnline = this.isOnline;
    this.isOnline = false;
    await this.account();
    await this.host.stop();
    this.isOnline = wasOnline;
  }

  /** Killed and opened again. */
  async restart(): Promise<FieldHost> {
    await this.kill();
    return this.open();
  }

  /** Signs in and receives everything; the account's first village. */
  async signedIn(username: string): Promise<string> {
    await this.open();
    return this.signIn(username);
  }

  async signIn(username: string): Promise<string> {
    globalThis.indexedDB = this.storage;
    await this.host.signIn(username, PASSWORD, "红米 12");
    const { session } = await this.until("everything is here", ({ phase }) => phase === "ready");
    return session?.villages[0]?.id ?? "";
  }

  /** Until nothing waits any more. */
  settled(): Promise<Status> {
    return this.until("nothing waits", ({ unsent, work }) => unsent.versions === 0 && unsent.photos === 0 && work === undefined);
  }

  /** The disk has lost a part of a picture. */
  async damage(hash: string): Promise<void> {
    const db = await this.database(await this.account());
    const bytes = new Uint8Array((await db.get("pictures", hash)) ?? new ArrayBuffer(0));
    await db.put("pictures", bytes.map((byte) => byte ^ 1).buffer, hash);
    db.close();
  }

  /** The disk has lost a whole picture. */
  async lose(hash: string): Promise<void> {
    const db = await this.database(await this.account());
    await db.delete("pictures", hash);
    db.close();
  }

  /** A backup of the phone: every database with everything in it. */
  async copyStorage(): Promise<Backup> {
    const account = await this.account();
    const db = await this.database(account);
    const stores: Backup["stores"] = [];
    for (const name of db.objectStoreNames) stores.push({ name, keys: await db.getAllKeys(name), values: (await db.getAll(name)) as never[] });
    db.close();
    return { account, stores };
  }

  async putStorage({ account, stores }: Backup): Promise<void> {
    const db = await this.database(account);
    for (const { name, keys, values } of stores) {
      const tx = db.transaction(name, "readwrite");
      await tx.store.clear();
      for (const [at, value] of values.entries()) await (tx.store.keyPath === null ? tx.store.put(value, keys[at]) : tx.store.put(value));
      await tx.done;
    }
    db.close();
  }

  /** As a build that did not note in which life of the server's data its receipts were given. */
  async forgetEpoch(): Promise<void> {
    const db = await this.database(this.lastAccount);
    await db.delete("meta", "epoch");
    db.close();
  }

  /** As if another build had made the rows. */
  async spoilRows(): Promise<void> {
    const db = await this.database(this.lastAccount);
    for (const row of await db.getAll("rows")) await db.put("rows", { ...row, values: {}, refs: [], hazards: [] });
    await db.put("meta", -1, "rows_version");
    db.close();
  }

  /** As if another build read the states that lie apart in its own way. */
  async mendApart(mend: (state: string) => string): Promise<void> {
    const db = await this.database(this.lastAccount);
    for (const key of await db.getAllKeys("apart")) {
      const entry = await db.get("apart", key);
      if (entry) await db.put("apart", { ...entry, state: mend(entry.state) }, key);
    }
    db.close();
  }

  private database(account: string): Promise<AccountDb> {
    globalThis.indexedDB = this.storage;
    return openAccount(account, () => undefined);
  }

  private async account(): Promise<string> {
    this.lastAccount = (await this.host.status()).session?.accountId ?? this.lastAccount;
    return this.lastAccount;
  }

  async until(what: string, holds: (status: Status) => boolean | Promise<boolean>): Promise<Status> {
    for (let tries = 0; tries < 500; tries += 1) {
      const status = await this.host.status();
      if (await holds(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`It never came to this: ${what}; ${JSON.stringify(await this.host.status())}`);
  }

  async saved(save: Partial<Save>): Promise<void> {
    const saved = await this.host.save({ edits: [], photos: [], ...save }, crypto.randomUUID());
    if (saved.result !== "saved") throw new Error(JSON.stringify(saved));
  }
}

export function hazard(village: string, description: string, more: Edit["changes"] = {}): Edit {
  const changes = { description, sector: "fire", level: "general", found_at: Date.now(), found_by: "李安全", ...more };
  return { record: uuidV7(Date.now()), kind: "hazard", village, changes };
}

/** As if the picture were reduced already. */
async function reduce(file: Blob): Promise<Reduced> {
  const bytes = await file.arrayBuffer();
  return { bytes, type: "image/jpeg", width: 40, height: 30, thumb: bytes.slice(0, 16), isUnreadable: false };
}

export function picture(bytes: number, seed = 1): NewPhoto {
  const content = new Uint8Array(bytes).map((_, at) => (at * seed + (at >> 8)) & 0xff);
  return { file: new Blob([content]), role: "before", takenAtMs: Date.now() };
}

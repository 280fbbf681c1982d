// The host itself: who is signed in, that account's engine, and what pages ask of them. Runs in a worker; knows nothing of
// tabs (rpc.ts, connect.ts).

import { townshipDate } from "../../../wasm/pkg/sync_core.js";
import type { Edit, Refusal } from "../../../wasm/pkg/types.js";
import { Api } from "./api.js";
import { Account } from "./account.js";
import { carry, takeReceipts } from "./carry.js";
import type { CarriedArchive, Coverage, Detail, Draft, HeldPhoto, HostEvent, MapFacts, MonthlyReport, NewPhoto, Page, Query, Save, Saved, Status } from "./contract.js";
import { coverage, detail, followed } from "./details.js";
import { Device, type Person } from "./device.js";
import type { Changed } from "./engine.js";
import { hostError, isOutOfRoom } from "./errors.js";
import { countHazards, list } from "./lists.js";
import type { MapKeeper } from "./mapKeeper.js";
import { mapWorld } from "./mapWorld.js";
import { monthly } from "./monthly.js";
import type { Reduce } from "./picture.js";
import { callerOf, save } from "./saving.js";
import { Session } from "./session.js";
import { statusOf } from "./status.js";

/** What the host needs of the world; tests put other things in their place. */
export interface World {
  readonly origin: string;
  readonly fetch?: typeof fetch;
  readonly reduce: Reduce;
  now(): number;
  /** What the browser takes the link for: `slow-2g`, `2g`, `3g`, `4g`; many do not say. */
  linkType?(): string | undefined;
  /** The person has asked the browser to save data. */
  savesData?(): boolean;
  storage?(): Promise<Omit<NonNullable<Status["storage"]>, "freeableBytes">>;
  persist?(): Promise<boolean>;
  /** This host cannot go on; another is to be started in its place. */
  broke?(why: string): void;
}

/** What a page tells of itself, which a worker cannot see. */
export interface PageNews {
  /** The service worker is active and holds the app's files. */
  readonly hasShell?: boolean;
  readonly isVisible?: boolean;
  readonly isOnline?: boolean;
}

const LOST = "The browser has taken the storage away";
/** A change of status is told at most so often. */
const STATUS_EVERY_MS = 100;
/** How full the phone is is looked at so often. */
const STORAGE_EVERY_MS = 60_000;
/** After so long a rest the map has its turn: not while somebody has just opened the app. */
const MAP_AFTER_MS = 3_000;
/** So often the day is looked at. */
const DAY_CHECK_MS = 60_000;

export class FieldHost {
  private readonly api: Api;
  private account: Account | undefined;
  private phase: Status["phase"] = "starting";
  private hasShell = false;
  private reading: Status["work"];
  private storage: Status["storage"];
  private storageReadAtMs = 0;
  private turn: Promise<void> = Promise.resolve();
  private people: readonly Person[] = [];
  private statusTimer: ReturnType<typeof setTimeout> | undefined;
  private dayTimer: ReturnType<typeof setInterval> | undefined;
  private mapTimer: ReturnType<typeof setTimeout> | undefined;
  private day = "";
  /** Opened when it is first needed. */
  private keeping: Promise<MapKeeper> | undefined;
  private keeper: MapKeeper | undefined;
  private isStopped = false;

  private constructor(
    private readonly world: World,
    private readonly device: Device,
    private readonly session: Session,
    private readonly tell: (event: HostEvent) => void,
    api: Api,
  ) {
    this.api = api;
  }

  /**
   * Reads what is stored. Questions may be asked as soon as it resolves; the round trips begin by themselves. On a full phone
   * even that needs a little room: the map gives it, and is not fetched again until somebody asks for it.
   */
  static async start(world: World, tell: (event: HostEvent) => void): Promise<FieldHost> {
    try {
      return await FieldHost.begin(world, tell);
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
    }
    await import("./mapKeeper.js").then(({ deleteTiles }) => deleteTiles()).catch(() => undefined);
    const host = await FieldHost.begin(world, tell);
    void host.removeMap().catch(() => undefined);
    return host;
  }

  private static async begin(world: World, tell: (event: HostEvent) => void): Promise<FieldHost> {
    const device = await Device.open(() => world.broke?.(LOST));
    const api = new Api(world.origin, world.fetch);
    const session = new Session(device, api, () => world.now());
    await session.open();
    const host = new FieldHost(world, device, session, tell, api);
    try {
      await host.open();
    } catch (error) {
      await host.stop();
      throw error;
    }
    host.dayTimer = setInterval(() => void host.lookAtDay(), DAY_CHECK_MS);
    return host;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.statusTimer);
    clearTimeout(this.mapTimer);
    clearInterval(this.dayTimer);
    await (await this.keeping?.catch(() => undefined))?.close();
    await this.account?.close();
    this.device.close();
  }

  /** Opens the records of whoever is signed in. */
  private async open(): Promise<void> {
    const person = this.session.person;
    this.people = await this.device.people();
    await this.account?.close();
    this.account = undefined;
    if (!person) {
      this.phase = "signed_out";
      return this.noteStatus();
    }
    this.phase = "starting";
    this.noteStatus();
    const progress = (done: number, total: number) => {
      this.reading = { what: "reading", done, total };
      this.noteStatus();
    };
    this.account = await Account.open(person.accountId, this.session, this.api, this.world, {
      changed: (changed, isLong) => this.changed(changed, isLong),
      noted: () => this.noteStatus(),
      progress,
      began: () => this.keeper?.giveWay(),
      rested: () => void this.rested(),
      lost: () => this.world.broke?.(LOST),
    });
    this.reading = undefined;
    this.day = "";
    await this.lookAtDay();
    this.phase = this.account.wasPulled ? "ready" : "first_pull";
    await this.readStorage();
    this.tell({ type: "records", kinds: [], ids: "all" });
    this.noteStatus();
    void this.account.sync.run();
  }

  private async lookAtDay(): Promise<void> {
    const today = townshipDate(this.world.now());
    if (today === this.day || !this.account) return;
    this.day = today;
    const { engine } = this.account;
    this.changed(await engine.exclusive(() => engine.newDay(today)), false);
  }

  private changed({ kinds, ids }: Changed, isLong: boolean): void {
    if (ids.size > 0) this.tell({ type: "records", kinds: [...kinds], ids: isLong ? "all" : [...ids] });
    this.noteStatus();
  }

  private noteStatus(): void {
    this.statusTimer ??= setTimeout(() => {
      this.statusTimer = undefined;
      void this.status().then((status) => this.tell({ type: "status", status }));
    }, STATUS_EVERY_MS);
  }

  async status(): Promise<Status> {
    if (this.world.now() - this.storageReadAtMs > STORAGE_EVERY_MS) void this.readStorage();
    const account = this.account;
    if (account?.wasPulled && this.phase === "first_pull") this.phase = "ready";
    const map = this.keeper?.kept;
    const storage = this.storage && { ...this.storage, freeableBytes: this.storage.freeableBytes + (map?.bytes ?? 0) };
    return statusOf({ phase: this.phase, account, session: this.session, hasShell: this.hasShell, reading: this.reading, storage, people: this.people, map });
  }

  private async readStorage(): Promise<void> {
    this.storageReadAtMs = this.world.now();
    const [storage, freeableBytes] = await Promise.all([this.world.storage?.().catch(() => undefined), this.account?.photos.freeableBytes().catch(() => 0) ?? 0]);
    this.storage = storage && { ...storage, freeableBytes };
  }

  private signedIn(): { account: Account; person: Person } {
    const person = this.session.person;
    if (!this.account || !person) throw hostError("signed_out", "Nobody is signed in");
    return { account: this.account, person };
  }

  /** What a page sees of the network, of its own visibility, and of the app's files. */
  async news(news: PageNews): Promise<void> {
    if (news.hasShell !== undefined) this.hasShell = news.hasShell;
    if (news.isOnline || news.isVisible) {
      await this.lookAtDay();
      void this.account?.sync.retry();
    }
    this.noteStatus();
  }

  async enrol(code: string, deviceName: string): Promise<void> {
    await this.inTurn(() => this.session.enrol(code, deviceName));
  }

  async signIn(username: string, password: string, deviceName: string): Promise<void> {
    await this.inTurn(() => this.session.signIn(username, password, deviceName));
  }

  /** One change of who is here after the other. */
  private inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.turn.then(() => this.changeSession(change));
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  /** Whoever was here before keeps what is theirs; their round trips end before anybody else's begin. */
  private async changeSession(change: () => Promise<void>): Promise<void> {
    const before = this.session.person?.accountId;
    const left = this.account && this.session.person ? { ...this.session.person, unsent: this.account.unsent() } : undefined;
    await change();
    if (before === this.session.person?.accountId && this.account) return void this.account.sync.retry();
    if (left) await this.device.keepPerson(left);
    await this.withRoom(() => this.open());
  }

  async signOut(): Promise<void> {
    await this.inTurn(() => this.session.signOut());
  }

  async list(query: Query): Promise<Page> {
    return list(this.signedIn().account.engine.ledger, query);
  }

  async counts(): Promise<{ open: number; overdue: number; dueSoon: number; drafts: number }> {
    const { engine } = this.signedIn().account;
    return { ...countHazards(engine.ledger, this.world.now()), drafts: await engine.db.count("drafts") };
  }

  async detail(record: string): Promise<Detail | undefined> {
    const { account, person } = this.signedIn();
    return detail(account.engine, person, record);
  }

  async coverage(campaign: string): Promise<Coverage> {
    const { account, person } = this.signedIn();
    return coverage(account.engine, person, campaign);
  }

  async check(edit: Edit): Promise<readonly Refusal[]> {
    const { account, person } = this.signedIn();
    const base = await account.engine.db.get("base", edit.record);
    return account.engine.client.check(edit, callerOf(person, [edit]), base?.state, this.world.now());
  }

  /** `request` names the press of the button: asked again, it is not written again. */
  async save(toSave: Save, request: string): Promise<Saved> {
    const { account, person } = this.signedIn();
    const written = () => save(account.engine, person, toSave, request, this.world.now());
    const { saved, changed } = await this.withRoom(written, (result) => result.saved.result === "no_room");
    if (changed) this.changed(changed, false);
    if (toSave.draft !== undefined && saved.result === "saved") this.tell({ type: "drafts" });
    if (saved.result === "saved") void account.sync.saved();
    return saved;
  }

  async seen(record: string): Promise<void> {
    this.changed(await this.signedIn().account.engine.see(record), false);
  }

  async toFollow(hazard: string): Promise<readonly string[]> {
    return followed(this.signedIn().account.engine, hazard);
  }

  async monthly(village: string, month: string): Promise<MonthlyReport> {
    return monthly(this.signedIn().account.engine, village, month, this.world.now());
  }

  async drafts(): Promise<readonly Draft[]> {
    const drafts = await this.signedIn().account.engine.db.getAll("drafts");
    return drafts.sort((a, b) => b.changedAtMs - a.changedAtMs);
  }

  async draft(id: string): Promise<Draft | undefined> {
    return this.signedIn().account.engine.db.get("drafts", id);
  }

  async keepDraft(draft: Omit<Draft, "changedAtMs">): Promise<void> {
    const { engine, photos } = this.signedIn().account;
    const keep = () =>
      engine.exclusive(async () => {
        const before = await engine.db.get("drafts", draft.id);
        const next: Draft = { ...draft, changedAtMs: this.world.now() };
        await engine.write(["drafts"], (tx) => [tx.objectStore("drafts").put(next)]);
        await photos.drop((before?.photos ?? []).map((photo) => photo.hash));
      });
    await this.withRoom(keep);
    this.tell({ type: "drafts" });
  }

  async dropDraft(id: string): Promise<void> {
    const { engine, photos } = this.signedIn().account;
    await engine.exclusive(async () => {
      const before = await engine.db.get("drafts", id);
      await engine.write(["drafts"], (tx) => [tx.objectStore("drafts").delete(id)]);
      await photos.drop((before?.photos ?? []).map((photo) => photo.hash));
    });
    this.tell({ type: "drafts" });
  }

  async holdPhoto(photo: NewPhoto): Promise<HeldPhoto> {
    const { photos } = this.signedIn().account;
    return this.withRoom(() => photos.hold(photo));
  }

  async photo(hash: string, size: "thumb" | "full"): Promise<Blob | undefined> {
    return this.signedIn().account.photos.picture(hash, size);
  }

  async syncNow(): Promise<void> {
    await this.signedIn().account.sync.retry();
  }

  async carry(): Promise<CarriedArchive> {
    const { account, person } = this.signedIn();
    return carry(account.engine, person, this.world.now());
  }

  async takeReceipts(file: Blob): Promise<{ accepted: number; attention: number }> {
    const { account, person } = this.signedIn();
    const { accepted, attention, changed } = await takeReceipts(account.engine, person, await file.text());
    this.changed(changed, true);
    void account.sync.run();
    return { accepted, attention };
  }

  async freeSpace(): Promise<number> {
    const { photos } = this.signedIn().account;
    // The map first: it is no record, and can be fetched again.
    const freed = (await (await this.map()).remove()) + (await photos.free());
    await this.readStorage();
    this.noteStatus();
    return freed;
  }

  async mapFacts(): Promise<MapFacts | undefined> {
    const { facts } = await this.map();
    this.noteStatus();
    return facts;
  }

  async mapTiles(names: readonly string[]): Promise<readonly (Blob | undefined)[]> {
    return (await this.map()).tiles(names);
  }

  async fetchMap(): Promise<void> {
    await (await this.map()).want();
    this.noteStatus();
  }

  async removeMap(): Promise<number> {
    const freed = await (await this.map()).remove();
    await this.readStorage();
    this.noteStatus();
    return freed;
  }

  /** The tiles of the map, whoever is signed in. Their code comes when it is first needed. */
  private map(): Promise<MapKeeper> {
    this.keeping ??= this.openMap().catch((error: unknown) => {
      this.keeping = undefined;
      throw error;
    });
    return this.keeping;
  }

  private async openMap(): Promise<MapKeeper> {
    const { MapKeeper } = await import("./mapKeeper.js");
    const parts = { api: this.api, session: this.session, world: this.world, account: () => this.account, noted: () => this.noteStatus() };
    this.keeper = await MapKeeper.open(mapWorld(parts));
    return this.keeper;
  }

  /** No round trip is under way: the map has its turn, or gives the room that a round trip lacked. */
  private async rested(): Promise<void> {
    const { account } = this;
    if (this.isStopped || !account) return;
    if (account.sync.trouble?.why === "storage_full") {
      if (await this.dropMap()) await account.sync.retry();
    } else if (account.isAtRest) {
      clearTimeout(this.mapTimer);
      this.mapTimer = setTimeout(() => void this.map().then((map) => map.rest(), () => undefined), MAP_AFTER_MS);
    }
  }

  /** Does something once more where the phone's storage was full and the map could make room for it. */
  private async withRoom<T>(work: () => Promise<T>, isFull: (result: T) => boolean = () => false): Promise<T> {
    try {
      const result = await work();
      if (!isFull(result) || !(await this.dropMap())) return result;
    } catch (error) {
      if (!isOutOfRoom(error) || !(await this.dropMap())) throw error;
    }
    return work();
  }

  /** Whether there was a map that has made room. */
  private async dropMap(): Promise<boolean> {
    const freed = await this.map().then((map) => map.remove()).catch(() => 0);
    return freed > 0;
  }

  async persist(): Promise<boolean> {
    const isPersistent = (await this.world.persist?.()) ?? false;
    await this.readStorage();
    this.noteStatus();
    return isPersistent;
  }
}

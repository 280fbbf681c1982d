// The round trips: when one is due, what comes of its answer, and what every failure means. One at a time. Records go
// before photos; a photo under way is left where it stands when something more urgent waits.

import type { StoredEffect } from "../../../wasm/pkg/types.js";
import { problemOf, type Answer, type Api } from "./api.js";
import type { Trouble } from "./contract.js";
import type { Changed, Engine } from "./engine.js";
import { asHostError, hostError, isOutOfRoom } from "./errors.js";
import { failureOf, kindOf } from "./failures.js";
import type { Session } from "./session.js";
import type { Writing } from "./store.js";
import type { Uploads } from "./uploads.js";

/** Without an event the phone asks so often what is new. */
export const ASK_EVERY_MS = 300_000;

const WAIT_MAX_MS = 450_000;

/** What the rest of the host hears of the round trips. */
export interface SyncEvents {
  changed(changed: Changed, isLong: boolean): void;
  /** The status may have changed. */
  noted(): void;
  /** A pull has said that there is no more, and that is stored. */
  whole(): void;
  /** After a successful round trip nothing is due any more. */
  quiet(): void | Promise<void>;
  /** Something is to be done, or nothing more at the moment. */
  began(): void;
  rested(): void;
}

/** `idle`: nothing was due. `done`: it succeeded, and more may be due. */
type RoundEnd = "idle" | "done" | "failed";

interface Pulled {
  now_ms?: number;
  pull?: { more: boolean; records: unknown[]; position?: number };
}

export class Sync {
  trouble: Trouble | undefined;
  /** When the office last answered, at this start of the app or an earlier one. */
  lastContactMs: number | undefined;
  /** It has answered since this start. */
  private hasContact = false;
  clockAheadMs: number | undefined;
  work: { what: "receiving" | "sending" | "photos"; done: number; total?: number } | undefined;
  private running: Promise<void> | undefined;
  private isWantedAgain = false;
  private isStopped = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private received = 0;
  /** Where the feed is as the newest event tells it, and up to where the last pull has read it. */
  private heardOf: number | undefined;
  private readTo: number | undefined;
  /** Something waits for the end of a wait, even where that is over by the time that the next look is planned. */
  private isKeptBack = false;

  constructor(
    private readonly engine: Engine,
    private readonly session: Session,
    private readonly api: Api,
    private readonly uploads: Uploads,
    private readonly stopping: AbortController,
    private readonly events: SyncEvents,
    private readonly now: () => number,
  ) {}

  /** Nothing is under way, and what was failed at nothing. */
  get isAtRest(): boolean {
    return this.running === undefined && this.trouble === undefined && !this.isStopped;
  }

  /** Runs until nothing is due. A call while it runs lets it look once more. */
  run(): Promise<void> {
    if (this.isStopped || !this.session.person) return Promise.resolve();
    this.isWantedAgain = true;
    if (!this.running) this.events.began();
    this.running ??= this.guarded().finally(() => {
      this.running = undefined;
      this.work = undefined;
      this.schedule();
      this.events.noted();
      this.events.rested();
    });
    return this.running;
  }

  /** Something was saved: it goes before what is under way of a photo. */
  saved(): Promise<void> {
    this.uploads.giveWay();
    return this.run();
  }

  /** What fails beyond a round trip, as where the disk takes nothing, is said and tried again later. */
  private async guarded(): Promise<void> {
    try {
      await this.rounds();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      this.trouble = this.troubleOf(error);
    }
  }

  /** The network is back, somebody pressed the button, or has signed in. */
  async retry(): Promise<void> {
    if (this.isStopped) return;
    await this.engine.exclusive(async () => {
      this.engine.client.retryNow();
      this.engine.client.wantPull();
    });
    this.uploads.retryNow();
    if (!this.session.ended) this.trouble = undefined;
    await this.run();
  }

  /**
   * The server says that its feed has moved, and where to. Its answer to what is under way may say that this is already
   * here, as the phone's own records are: whether to pull is judged when nothing is under way.
   */
  async moved(position?: number): Promise<void> {
    if (this.isStopped) return;
    if (position === undefined) await this.engine.exclusive(async () => this.engine.client.wantPull());
    else this.heardOf = position;
    await this.run();
  }

  /** Ends what is under way; nothing is begun any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.stopping.abort();
    this.uploads.stop();
    await this.running;
  }

  private async rounds(): Promise<void> {
    this.isKeptBack = false;
    while (this.isWantedAgain && !this.isStopped) {
      this.isWantedAgain = false;
      let ended: RoundEnd = "done";
      while (ended === "done" && !this.isStopped) {
        ended = await this.round();
        if (ended === "idle" && (await this.photo())) ended = "done";
      }
    }
  }

  /** One round trip, where one is due. */
  private async round(): Promise<RoundEnd> {
    const body = await this.engine.exclusive(async () => {
      await this.renumber();
      if (this.heardOf !== undefined && this.heardOf !== this.readTo) this.engine.client.wantPull();
      this.heardOf = undefined;
      this.mustWait();
      const body = this.engine.client.poll(this.now());
      if (body !== undefined) this.tellSent(dotsOf(body));
      return body;
    });
    if (body === undefined) {
      if (!this.trouble && this.hasContact) await this.events.quiet();
      return "idle";
    }
    this.work = this.workOf(body);
    this.events.noted();
    try {
      await this.takeIn(body);
      return "done";
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      await this.fail(error);
      return "failed";
    }
  }

  private tellSent(dots: readonly string[]): void {
    const changed = this.engine.send(dots);
    if (changed.ids.size > 0) this.events.changed(changed, changed.ids.size > 100);
  }

  private async ask(body: string): Promise<string> {
    const answer = await this.session.ask(this.engine.account, (token) => this.api.ask("/sync", { token, json: body, signal: this.stopping.signal }));
    if (answer.status !== 200) throw problemOf(answer);
    return textOf(answer);
  }

  private async takeIn(body: string): Promise<void> {
    const askedAtMs = this.now();
    const text = await this.ask(body);
    const answeredAtMs = this.now();
    const heard = await this.engine.exclusive(async () => {
      const effects = this.handled(text);
      const read = JSON.parse(text) as Pulled;
      const isWhole = read.pull?.more === false && effects.some((each) => each.effect === "position");
      const beside = { stores: ["meta" as const], write: (tx: Writing) => this.noteContact(tx, answeredAtMs, isWhole) };
      const changed = await this.engine.commit(effects, beside);
      this.tellSent([]);
      await this.renumber();
      return { read, changed, isWhole, isMoved: effects.some(tellsOfMove) };
    });
    if (heard.isMoved) await this.session.askVillages(this.engine.account);
    const { now_ms, pull } = heard.read;
    if (heard.isWhole) this.events.whole();
    this.lastContactMs = answeredAtMs;
    this.hasContact = true;
    this.readTo = pull?.more ? undefined : pull?.position;
    // The server looked at its clock somewhere between the question and the answer.
    if (now_ms !== undefined) this.clockAheadMs = Math.round((askedAtMs + answeredAtMs) / 2 - now_ms);
    this.trouble = undefined;
    this.received = pull?.more ? this.received + pull.records.length : 0;
    this.events.changed(heard.changed, (pull?.records.length ?? 0) > 100);
  }

  /** When the office was last heard is known after a restart as well. */
  private noteContact(tx: Writing, atMs: number, isWhole: boolean): Promise<unknown>[] {
    const meta = tx.objectStore("meta");
    return [meta.put(atMs, "last_contact"), ...(isWhole ? [meta.put(true, "was_pulled")] : [])];
  }

  private handled(text: string): StoredEffect[] {
    try {
      return this.engine.client.handleAnswer(text);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      throw hostError("network", `An answer that is not the server's: ${String(error)}`);
    }
  }

  /** Takes a new replica id where one is due, and stores that before anything else is written. */
  private async renumber(): Promise<void> {
    const effects = this.engine.client.renumber(crypto.randomUUID());
    if (effects.length > 0) this.events.changed(await this.engine.commit(effects), true);
  }

  private async fail(error: unknown): Promise<void> {
    const failure = failureOf(error);
    this.trouble = this.troubleOf(error);
    await this.engine.exclusive(async () => {
      this.tellSent([]);
      const effects = this.engine.client.handleFailure(failure, this.now());
      this.mustWait();
      if (effects.length > 0) await this.engine.commit(effects);
      await this.renumber();
    });
    this.events.noted();
  }

  private troubleOf(error: unknown): Trouble {
    if (this.session.ended) return { why: this.session.ended };
    if (isOutOfRoom(error)) return { why: "storage_full" };
    const { code, detail } = asHostError(error);
    const kind = kindOf(error);
    if (kind === "refused") return { why: "refused", code, detail };
    const sinceMs = this.trouble && "sinceMs" in this.trouble ? this.trouble.sinceMs : this.now();
    return { why: kind, sinceMs };
  }

  /** Sends a little of one photo. Whether there was one that could go on. */
  private async photo(): Promise<boolean> {
    if (this.session.ended || this.mustWait()) return false;
    const wanted = await this.engine.exclusive(async () => this.engine.client.photosToSend());
    if (wanted.length === 0) return false;
    this.work = { what: "photos", done: 0, total: wanted.length };
    this.events.noted();
    const ended = await this.uploads.send(wanted);
    this.mustWait();
    if (ended.trouble) this.trouble = ended.trouble;
    if (ended.hash !== undefined) {
      const hash = ended.hash;
      await this.engine.exclusive(async () => this.engine.client.photoSent(hash));
    }
    this.events.noted();
    return ended.goesOn;
  }

  private workOf(body: string): Sync["work"] {
    const isSending = body.includes('"push":{');
    return isSending ? { what: "sending", done: 0, total: this.engine.written.waiting } : { what: "receiving", done: this.received };
  }

  /** Comes back when the wait after a failure is over, and now and then without a reason. */
  private schedule(): void {
    clearTimeout(this.timer);
    if (this.isStopped || this.session.ended) return;
    const waitMs = this.waitMs();
    if (this.trouble && "sinceMs" in this.trouble && waitMs > 0) this.trouble = { ...this.trouble, nextTryMs: this.now() + waitMs };
    const isWaiting = waitMs > 0 || this.isKeptBack;
    this.timer = setTimeout(() => void this.again(isWaiting), isWaiting ? waitMs : ASK_EVERY_MS);
  }

  private async again(wasWaiting: boolean): Promise<void> {
    await (wasWaiting ? this.run() : this.moved());
  }

  private mustWait(): boolean {
    const must = this.waitMs() > 0;
    this.isKeptBack ||= must;
    return must;
  }

  /** How long to wait after a failure; never long, for the clock may be set meanwhile, and is asked again then. */
  private waitMs(): number {
    return Math.min(WAIT_MAX_MS, Math.max(this.engine.client.waitMs(this.now()), this.uploads.waitMs()));
  }
}

/** The account has other villages than the phone knows: a form is to offer those. */
function tellsOfMove(effect: StoredEffect): boolean {
  return effect.effect === "forget" || (effect.effect === "settle" && effect.outcome.refusal?.code === "out_of_scope");
}

function textOf(answer: Answer): string {
  return new TextDecoder().decode(answer.body);
}

/** The versions in the body of a round trip, as `replica,seq`. */
function dotsOf(body: string): string[] {
  const { push } = JSON.parse(body) as { push?: { replica: string; first_seq: number; versions: unknown[] } };
  return push ? push.versions.map((_, at) => [push.replica, push.first_seq + at].join()) : [];
}

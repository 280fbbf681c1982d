// What this phone wrote and still keeps, by record: how far each has come. A mirror of the engine's outbox, for questions
// that are asked for every line of a list.

import type { OutboxEntry, StoredEffect } from "../../../wasm/pkg/types.js";
import type { Progress } from "./contract.js";

/** `seen`: put aside, and its author has looked at it. */
type State = "waiting" | "accepted" | "attention" | "seen";

export class Written {
  private readonly records = new Map<string, Map<string, State>>();
  private readonly dots = new Map<string, string>();
  private underWay = new Set<string>();
  private seen: Set<string> = new Set();
  waiting = 0;

  /** Begins anew from the engine's own list, and from which of what was put aside its author has seen. */
  load(outbox: readonly OutboxEntry[], seen: ReadonlySet<string>): void {
    this.seen = new Set(seen);
    this.records.clear();
    this.dots.clear();
    this.waiting = 0;
    for (const { dot, record, outcome, is_quarantined } of outbox) {
      const aside = this.seen.has(dot.join()) ? "seen" : "attention";
      this.set(dot.join(), record, outcome === undefined ? "waiting" : is_quarantined ? aside : "accepted");
    }
  }

  /** Whether the effect changes more than single entries, so that everything is to be loaded anew. */
  static isSweeping(effect: StoredEffect): boolean {
    return effect.effect === "reopen" || effect.effect === "renumbered";
  }

  note(effect: StoredEffect): void {
    if (effect.effect === "keep") this.set(effect.dot.join(), effect.record, "waiting");
    if (effect.effect !== "settle") return;
    const dot = [effect.replica, effect.outcome.seq].join();
    const record = this.dots.get(dot);
    if (record !== undefined) this.set(dot, record, isAside(effect) ? "attention" : "accepted");
  }

  get seenDots(): ReadonlySet<string> {
    return this.seen;
  }

  recordOf(replica: string, seq: number): string | undefined {
    return this.dots.get([replica, seq].join());
  }

  /** All records to which something was written. */
  all(): Iterable<string> {
    return this.records.keys();
  }

  has(record: string): boolean {
    return this.records.has(record);
  }

  /** The versions of the batch that is being sent, as `replica,seq`; gives the records that this changes. */
  send(dots: Iterable<string>): Set<string> {
    const before = this.underWay;
    this.underWay = new Set(dots);
    return new Set([...before, ...this.underWay].flatMap((dot) => this.dots.get(dot) ?? []));
  }

  progress(record: string): Progress | undefined {
    const entries = this.records.get(record);
    if (!entries) return undefined;
    const found = new Set([...entries].map(([dot, state]) => (state === "waiting" && this.underWay.has(dot) ? "sent" : state)));
    if (found.has("attention")) return "attention";
    if (found.has("waiting")) return "saved";
    if (found.has("sent")) return "sent";
    return found.has("accepted") ? "accepted" : undefined;
  }

  /** What was put aside of a record, as `replica,seq`, and not yet seen by its author. */
  asideOf(record: string): string[] {
    return [...(this.records.get(record) ?? [])].filter(([, state]) => state === "attention").map(([dot]) => dot);
  }

  /** The author has looked at what was put aside of a record. */
  see(record: string): void {
    for (const dot of this.asideOf(record)) {
      this.seen.add(dot);
      this.set(dot, record, "seen");
    }
  }

  /** The records with something that the office has put aside. */
  attention(): string[] {
    return [...this.records].filter(([, entries]) => [...entries.values()].includes("attention")).map(([record]) => record);
  }

  private set(dot: string, record: string, state: State): void {
    let entries = this.records.get(record);
    if (!entries) this.records.set(record, (entries = new Map()));
    const old = entries.get(dot);
    if (old === "waiting") this.waiting -= 1;
    if (state === "waiting") this.waiting += 1;
    entries.set(dot, state);
    this.dots.set(dot, record);
  }
}

/** Put aside, or judged in a way that this build does not know: a person looks. */
function isAside({ outcome }: Extract<StoredEffect, { effect: "settle" }>): boolean {
  const verdict = outcome.first ?? outcome.verdict;
  return verdict === "quarantined" || verdict === "later";
}

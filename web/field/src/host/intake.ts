// What effects change in the stored base, worked out before anything is written: states that join, take a place or leave,
// and what lies apart. Nothing is stored here.

import { join, lacks, mark } from "../../../wasm/pkg/sync_core.js";
import type { StoredEffect } from "../../../wasm/pkg/types.js";
import type { Ledger } from "./ledger.js";
import { partOf } from "./rows.js";
import { readBases, type AccountDb, type Apart, type BaseEntry, type PhotoEntry } from "./store.js";

/** What a commit does to log, base and photos. */
export interface Intake {
  readonly log: { what: string; log: string }[];
  /** The new base states; `undefined` where a record leaves the base. */
  readonly base: Map<string, BaseEntry | undefined>;
  readonly apart: Apart[];
  /** What is known of photos from now on. */
  readonly photos: PhotoEntry[];
  /** The life of the server's data from which the answer came. */
  epoch?: string;
}

export function nothing(): Intake {
  return { log: [], base: new Map(), apart: [], photos: [] };
}

/** Works out what effects change; `atMs` is when. */
export async function planIntake(db: AccountDb, ledger: Ledger, effects: readonly StoredEffect[], atMs: number): Promise<Intake> {
  const named = effects.flatMap((each) => (each.effect === "merge" || each.effect === "replace" || each.effect === "drop" ? each.record : []));
  const bases = await readBases(db, new Set(named));
  const plan = nothing();
  const held = (record: string) => (plan.base.has(record) ? plan.base.get(record) : bases.get(record));
  const unreadable = new Set<string>();
  for (const effect of effects) {
    if ("log" in effect) plan.log.push({ what: effect.effect, log: effect.log });
    if (effect.effect === "merge") plan.base.set(effect.record, merged(effect, held(effect.record)));
    if (effect.effect === "replace") {
      const old = held(effect.record);
      if (old && lacks(effect.state, old.state)) plan.apart.push({ why: "replaced", state: old.state, atMs });
      plan.base.set(effect.record, entry(effect, effect.state));
    }
    if (effect.effect === "drop") {
      const old = held(effect.record);
      if (old) plan.apart.push({ why: "dropped", state: old.state, atMs });
      plan.base.set(effect.record, undefined);
    }
    if (effect.effect === "forget") forget(ledger, effect.part, plan);
    if (effect.effect === "unreadable") unreadable.add(effect.delta);
    if (effect.effect === "position") plan.epoch = effect.epoch;
    if (effect.effect === "keep_photo" || effect.effect === "photo_received") note(ledger, effect, plan);
  }
  // Every comparison brings it again, for the base has not got it.
  if (unreadable.size > 0) for (const { state } of await db.getAll("apart")) unreadable.delete(state);
  for (const state of unreadable) plan.apart.push({ why: "unreadable", state, atMs });
  return plan;
}

/** What waits for a receipt is no draft's any more; the office's small picture of it, and that it is damaged, are of an earlier time. */
function note(ledger: Ledger, { effect, hash }: Extract<StoredEffect, { effect: "keep_photo" | "photo_received" }>, plan: Intake): void {
  const photo = ledger.photos.get(hash);
  if (!photo) return;
  const { held: _, hasPreview: __, isSeen: ___, ...kept } = photo;
  plan.photos.push(effect === "keep_photo" ? { ...kept, state: "kept" } : { ...photo, state: "received" });
}

/** Takes out what lies in a village's part of the feed. */
function forget(ledger: Ledger, part: string, plan: Intake): void {
  for (const [record, planned] of plan.base) if (planned?.part === part) plan.base.set(record, undefined);
  for (const row of ledger.all()) if (row.part === part) plan.base.set(row.id, undefined);
}

export type Merge = Extract<StoredEffect, { effect: "merge" }>;

export function merged(effect: Merge, held: BaseEntry | undefined): BaseEntry {
  return entry(effect, held ? join(held.state, effect.delta) : effect.delta);
}

function entry({ record, kind, part }: { record: string; kind: string; part?: string }, state: string): BaseEntry {
  return { record, kind, state, mark: mark(state), ...(part === undefined ? {} : { part }) };
}

/** The effect of a state that this build can read, `undefined` while it cannot. */
export function readable(state: string): Merge | undefined {
  try {
    const delta = join(state, state);
    const { id, kind, village } = JSON.parse(delta) as { id: string; kind: string; village?: string };
    const part = partOf(kind, village);
    return { effect: "merge", record: id, kind, delta, ...(part === undefined ? {} : { part }) };
  } catch {
    return undefined;
  }
}

// One press of "save": edits, photo records, photo bytes and the end of the draft in one transaction, or nothing.

import type { Caller, Edit, JsonValue, Refusal, StoredEffect } from "../../../wasm/pkg/types.js";
import type { Save, Saved } from "./contract.js";
import type { Person } from "./device.js";
import type { Beside, Changed, Engine } from "./engine.js";
import { hostError, isOutOfRoom } from "./errors.js";
import { uuidV7 } from "./uuid.js";

type Refused = Extract<Saved, { result: "refused" }>["refusals"];

/** Requests that were carried out are remembered for so long, in case they are asked again. */
const REMEMBERED_MS = 7 * 86_400_000;

export interface SaveResult {
  readonly saved: Saved;
  readonly changed?: Changed;
}

/**
 * Who writes these edits, as this phone judges them. Whose a village is may have changed since the phone last heard of it, and
 * may change before an edit arrives: that is judged there, and what is refused then lies in quarantine, where the office sees it.
 */
export function callerOf(person: Person, edits: readonly Edit[]): Caller {
  const named = edits.flatMap(({ village }) => village ?? []);
  return { account: person.accountId, role: person.role, villages: [...new Set([...person.villages, ...named])] };
}

/** Writes what a page gives, once for each `request` however often it is asked. */
export function save(engine: Engine, person: Person, save: Save, request: string, nowMs: number): Promise<SaveResult> {
  return engine.exclusive(async () => {
    const done = await engine.db.get("finished", request);
    if (done) return { saved: done.saved };
    const edits = [...save.edits, ...save.photos.map((photo) => photoEdit(photo, nowMs))];
    const photos = await named(engine, save);
    const old = await outdated(engine, nowMs);
    const written = await write(engine, callerOf(person, edits), edits, nowMs);
    if ("refusals" in written) return { saved: { result: "refused", refusals: written.refusals } };
    const saved: Saved = { result: "saved", records: save.edits.map((edit) => edit.record) };
    const effects = [...written.effects, ...photos.map((hash) => engine.client.addPhoto(hash))];
    try {
      const changed = await engine.commit(effects, beside(save, saved, request, nowMs, old), save.repairs);
      return { saved, changed };
    } catch (error) {
      if (isOutOfRoom(error)) return { saved: { result: "no_room" } };
      throw error;
    }
  });
}

function beside(save: Save, saved: Saved, request: string, atMs: number, outdated: readonly string[]): Beside {
  return {
    stores: ["finished", "drafts"],
    write: (tx) => [
      tx.objectStore("finished").put({ request, saved, atMs }),
      ...outdated.map((old) => tx.objectStore("finished").delete(old)),
      ...(save.draft === undefined ? [] : [tx.objectStore("drafts").delete(save.draft)]),
    ],
  };
}

async function outdated(engine: Engine, nowMs: number): Promise<string[]> {
  const all = await engine.db.getAll("finished");
  return all.filter((each) => each.atMs < nowMs - REMEMBERED_MS).map((each) => each.request);
}

/** The photos of a save. The bytes of one that a record names already may have been freed: the server has them. */
async function named(engine: Engine, save: Save): Promise<string[]> {
  const hashes = [...new Set(save.photos.map((photo) => photo.held.hash))];
  for (const hash of hashes) {
    const entry = engine.ledger.photos.get(hash);
    const isHere = async () => (await engine.db.getKey("pictures", hash)) !== undefined;
    if (!entry || (entry.state === "held" && !(await isHere()))) throw hostError("photo_gone", `The picture ${hash} is not on this phone`);
  }
  return hashes;
}

async function write(engine: Engine, caller: Caller, edits: readonly Edit[], nowMs: number): Promise<{ effects: StoredEffect[] } | { refusals: Refused }> {
  const bases = new Map<string, string | undefined>();
  for (const { record } of edits) bases.set(record, (await engine.db.get("base", record))?.state);
  const refused = edits.map((edit) => ({ record: edit.record, refusals: isFirst(edits, edit) ? engine.client.check(edit, caller, bases.get(edit.record), nowMs) : [] }));
  if (refused.some(({ refusals }) => refusals.length > 0)) return { refusals: refused.filter(({ refusals }) => refusals.length > 0) };
  const effects: StoredEffect[] = [];
  try {
    for (const edit of edits) {
      const written = engine.client.write(edit, caller, bases.get(edit.record), nowMs);
      if ("refusal" in written) return await takenBack(engine, edit, written.refusal);
      effects.push(written.effect);
    }
  } catch (error) {
    await engine.restore();
    throw error;
  }
  return { effects };
}

/** What was written before a refused edit is in memory only. */
async function takenBack(engine: Engine, edit: Edit, refusal: Refusal): Promise<{ refusals: Refused }> {
  await engine.restore();
  return { refusals: [{ record: edit.record, refusals: [refusal] }] };
}

/** A later edit of the same record can only be judged on top of the earlier. */
function isFirst(edits: readonly Edit[], edit: Edit): boolean {
  return edits.find((each) => each.record === edit.record) === edit;
}

function photoEdit({ held, subjectKind, subject, village }: Save["photos"][number], nowMs: number): Edit {
  const changes: Record<string, JsonValue> = {
    subject_kind: subjectKind,
    subject,
    hash: held.hash,
    bytes: held.bytes,
    taken_at: held.takenAtMs,
    role: held.role === "document" ? "document_scan" : held.role,
  };
  if (held.width !== undefined) changes["width"] = held.width;
  if (held.height !== undefined) changes["height"] = held.height;
  if (held.location !== undefined) changes["location"] = { ...held.location };
  if (held.caption !== undefined && held.caption.trim() !== "") changes["caption"] = held.caption.trim();
  return { record: uuidV7(nowMs), kind: "photo", ...(village === undefined ? {} : { village }), changes };
}

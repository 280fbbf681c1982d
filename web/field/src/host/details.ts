// One record with everything that its page shows.

import { covered, readRecord, toFollow, unsettled } from "../../../wasm/pkg/sync_core.js";
import type { Coverage, Detail, Mine } from "./contract.js";
import type { Person } from "./device.js";
import type { JsonValue } from "../../../wasm/pkg/types.js";
import type { Engine } from "./engine.js";
import { nameOf } from "./lists.js";
import { refusedView } from "./refused.js";
import type { StoredRow } from "./rows.js";

export async function detail(engine: Engine, person: Person, record: string): Promise<Detail | undefined> {
  const stored = engine.ledger.get(record);
  const state = await engine.view(record);
  const view = state === undefined ? refusedView(engine.aside(record)) : readRecord(state);
  if (!stored || !view) return undefined;
  const related = engine.ledger.namers(record).filter((row) => row.kind !== "photo");
  related.sort((a, b) => a.writtenAtMs - b.writtenAtMs || (a.id < b.id ? -1 : 1));
  return {
    row: engine.ledger.shown(stored),
    view,
    related: related.map((row) => engine.ledger.shown(row)),
    written: engine.written.has(record) ? engine.client.outbox().filter((entry) => entry.record === record) : [],
    mine: mineOf(engine, person, record),
    ...(view.kind === "hazard" && state !== undefined ? { unsettled: await unsettledOf(engine, record, state) } : {}),
    names: namesFor(engine, person, [stored, ...related]),
  };
}

/** What this phone's account wrote last to each path, of what was taken and is still kept here. */
function mineOf(engine: Engine, person: Person, record: string): Record<string, Mine> {
  const mine: Record<string, Mine> = {};
  if (!engine.written.has(record)) return mine;
  for (const entry of engine.client.outbox()) {
    if (entry.record !== record || entry.is_quarantined) continue;
    const { author, stamp, changes } = JSON.parse(entry.version) as { author: string; stamp: [number, number]; changes: Record<string, JsonValue> };
    if (author !== person.accountId) continue;
    for (const [path, value] of Object.entries(changes)) mine[path] = { value, writtenAtMs: stamp[0] };
  }
  return mine;
}

/** What the office asks to be settled of a hazard, and is not. */
async function unsettledOf(engine: Engine, hazard: string, state: string): Promise<readonly string[]> {
  const [setting] = engine.ledger.ofKind("setting");
  const facts = await engine.views(engine.ledger.facts(hazard).map((row) => row.id));
  return unsettled(setting && (await engine.view(setting.id)), state, facts);
}

/** Which sites of the person's villages a campaign means to reach, and which it has reached; those not yet reached first, by name. */
export async function coverage(engine: Engine, person: Person, campaign: string): Promise<Coverage> {
  const state = await engine.view(campaign);
  if (state === undefined) return { targets: [], visited: 0 };
  const statesOf = (rows: readonly StoredRow[]) => engine.views(rows.map((row) => row.id));
  const own = [...engine.ledger.ofKind("site")].filter((row) => row.village !== undefined && person.villages.includes(row.village));
  const found = covered(state, await statesOf(own), await statesOf([...engine.ledger.ofKind("inspection")]));
  const rows = found.flatMap(([id, isVisited]) => {
    const row = engine.ledger.get(id);
    return row ? [{ row, isVisited }] : [];
  });
  rows.sort((a, b) => Number(a.isVisited) - Number(b.isVisited) || nameOf(a.row).localeCompare(nameOf(b.row), "zh-CN"));
  const targets = rows.map(({ row, isVisited }) => ({ site: engine.ledger.shown(row), isVisited }));
  return { targets, visited: found.filter(([, isVisited]) => isVisited).length };
}

/** Names of the villages, sites, campaigns … that these rows mention, and of this phone's own account. */
function namesFor(engine: Engine, person: Person, rows: readonly StoredRow[]): Record<string, string> {
  const names: Record<string, string> = { [person.accountId]: person.name };
  for (const row of rows) {
    for (const id of [...row.refs, ...(row.village === undefined ? [] : [row.village])]) {
      const named = engine.ledger.get(id);
      if (named) names[id] = nameOf(named);
    }
  }
  return names;
}

/** What a re-inspection of a hazard made now follows. */
export async function followed(engine: Engine, hazard: string): Promise<readonly string[]> {
  const facts = engine.ledger.facts(hazard).map((row) => row.id);
  return toFollow(hazard, await engine.views(facts));
}

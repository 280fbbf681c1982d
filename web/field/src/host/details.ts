// One record with everything that its page shows.

import { readRecord, toFollow } from "../../../wasm/pkg/sync_core.js";
import type { Detail } from "./contract.js";
import type { Person } from "./device.js";
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
    names: namesFor(engine, person, [stored, ...related]),
  };
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

// Which rows change with what is about to be stored, worked out before it is: of the records themselves, and of the hazards
// that they speak of. Nothing is stored here.

import { standing, townshipDate } from "../../../wasm/pkg/sync_core.js";
import type { HazardStanding, OutboxEntry } from "../../../wasm/pkg/types.js";
import type { Ledger } from "./ledger.js";
import { refusedView } from "./refused.js";
import { makeRow, rowOf, type StoredRow } from "./rows.js";
import { readBases, type AccountDb, type BaseEntry } from "./store.js";
import type { Written } from "./written.js";

export interface RowPlan {
  readonly rows: Map<string, StoredRow>;
  readonly gone: Set<string>;
}

/** What rows follow from. */
export interface RowSources {
  readonly db: AccountDb;
  readonly account: string;
  readonly ledger: Ledger;
  readonly written: Written;
  now(): number;
  /** The state of a record as its user sees it, over this base. */
  viewOver(record: string, base: string | undefined): string | undefined;
  /** What the office has put aside of a record and its author has not looked at yet. */
  aside(record: string): OutboxEntry[];
}

/** The states of records as their user sees them, read once, over bases of which some are not stored yet. */
class Views {
  readonly bases: Map<string, BaseEntry | undefined>;
  private readonly states = new Map<string, string | undefined>();

  constructor(
    private readonly from: RowSources,
    base: ReadonlyMap<string, BaseEntry | undefined>,
  ) {
    this.bases = new Map(base);
  }

  async read(ids: Iterable<string>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.states.has(id));
    const stored = await readBases(this.from.db, missing.filter((id) => !this.bases.has(id)));
    for (const [id, found] of stored) this.bases.set(id, found);
    for (const id of missing) this.states.set(id, this.from.viewOver(id, this.bases.get(id)?.state));
  }

  get(id: string): string | undefined {
    return this.states.get(id);
  }
}

/** The rows of these records, over these new bases, and of the hazards that they speak of. */
export async function planRows(from: RowSources, records: Iterable<string>, base: ReadonlyMap<string, BaseEntry | undefined>): Promise<RowPlan> {
  const touched = new Set(records);
  const views = new Views(from, base);
  await views.read(touched);
  const plan: RowPlan = { rows: new Map(), gone: new Set() };
  const hazards = new Set<string>();
  for (const id of touched) {
    const before = from.ledger.get(id);
    const row = rowFor(from, id, views, before);
    if (row) plan.rows.set(id, row);
    else if (before) plan.gone.add(id);
    for (const hazard of [...(before?.hazards ?? []), ...(row?.hazards ?? [])]) hazards.add(hazard);
    if (row?.kind === "hazard") hazards.add(id);
  }
  await planStandings(from, hazards, plan, views);
  return plan;
}

function rowFor(from: RowSources, id: string, views: Views, before: StoredRow | undefined): StoredRow | undefined {
  const state = views.get(id);
  if (state !== undefined) return makeRow(state, from.account, before, views.bases.get(id), from.written.has(id));
  // Of a record of which nothing was taken there is nothing but what was put aside.
  const view = refusedView(from.aside(id));
  return view && { ...rowOf(view, from.account, before, true), isDoubtful: true };
}

async function planStandings(from: RowSources, hazards: ReadonlySet<string>, plan: RowPlan, views: Views): Promise<void> {
  const facts = new Map<string, Set<string>>();
  for (const hazard of hazards) facts.set(hazard, new Set(from.ledger.facts(hazard).map((row) => row.id)));
  for (const row of plan.rows.values()) for (const hazard of row.hazards) facts.get(hazard)?.add(row.id);
  await views.read([...hazards, ...[...facts.values()].flatMap((ids) => [...ids])]);
  const today = townshipDate(from.now());
  for (const [hazard, ids] of facts) {
    const row = plan.rows.get(hazard) ?? from.ledger.get(hazard);
    const state = views.get(hazard);
    if (row?.kind !== "hazard" || state === undefined || plan.gone.has(hazard)) continue;
    const now = standing(state, [...ids].flatMap((id) => views.get(id) ?? []), today);
    plan.rows.set(hazard, { ...row, standing: now, isVoided: now.is_void });
  }
}

/** The hazards that stand elsewhere on this day than their rows say. */
export async function planDay(from: RowSources): Promise<RowPlan> {
  const due = [...from.ledger.ofKind("hazard")].filter(({ standing }) => standing && standing.deadline !== null && standing.status !== "closed");
  const plan: RowPlan = { rows: new Map(), gone: new Set() };
  await planStandings(from, new Set(due.map((row) => row.id)), plan, new Views(from, new Map()));
  for (const [id, row] of plan.rows) if (isSame(row.standing, from.ledger.get(id)?.standing)) plan.rows.delete(id);
  return plan;
}

function isSame(a: HazardStanding | undefined, b: HazardStanding | undefined): boolean {
  return a?.is_overdue === b?.is_overdue && a?.status === b?.status && a?.deadline === b?.deadline;
}

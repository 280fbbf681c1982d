// A village's report of a month: the one record that it is, and the figures that this phone's ledger has for it.

import { countsIn, reportId, reportState, townshipDate } from "../../../wasm/pkg/sync_core.js";
import type { MonthlyReport } from "./contract.js";
import type { Engine } from "./engine.js";
import type { Ledger } from "./ledger.js";
import { declared, type StoredRow } from "./rows.js";

export async function monthly(engine: Engine, village: string, month: string, nowMs: number): Promise<MonthlyReport> {
  const record = reportId(village, month);
  const row = engine.ledger.get(record);
  const state = await engine.view(record);
  return {
    record,
    isNew: state === undefined,
    state: state === undefined ? "draft" : reportState(state),
    ...(row ? { row: engine.ledger.shown(row) } : {}),
    ledger: figures(engine.ledger, village, month, townshipDate(nowMs)),
  };
}

/** By name. What counts where is sync-core's to say; a site that was inspected twice is one site. */
export function figures(ledger: Ledger, village: string, month: string, today: string): Record<string, number> {
  const counts = declared.figures.map(() => 0);
  const sites = new Set<unknown>();
  const add = (bits: number, but: string | undefined) =>
    declared.figures.forEach((name, place) => {
      if ((bits >> place) % 2 === 1 && name !== but) counts[place] = (counts[place] ?? 0) + 1;
    });
  for (const row of ofVillage(ledger, "inspection", village)) {
    // Doubt is read the less safe way, as of a campaign's coverage: what may not have been is not told as work that was done.
    if (row.isDoubtful || row.conflicts.includes("inspected_at")) continue;
    const site = row.conflicts.includes("site") ? undefined : row.values["site"];
    const bits = countsIn(month, today, timeOf(row, "inspected_at"), undefined, null, null);
    const isAgain = site === undefined || sites.has(site);
    add(bits, isAgain ? "sites_inspected" : undefined);
    if (bits !== 0) sites.add(site);
  }
  for (const row of ofVillage(ledger, "hazard", village)) {
    const standing = row.standing;
    if (!standing) continue;
    add(countsIn(month, today, timeOf(row, "found_at"), standing.is_major, standing.deadline, standing.closed_at_ms), undefined);
  }
  return Object.fromEntries(declared.figures.map((name, place) => [name, counts[place] ?? 0]));
}

function* ofVillage(ledger: Ledger, kind: string, village: string): Iterable<StoredRow> {
  for (const row of ledger.ofKind(kind)) if (row.village === village && !row.isVoided) yield row;
}

function timeOf(row: StoredRow, field: string): number {
  const value = row.values[field];
  return typeof value === "number" ? value : row.writtenAtMs;
}

// What is said about a hazard in other records: when, and what of it is read.

import type { Json } from "./api.js";
import type { RecordView } from "./model.js";

const WHEN: Record<string, string> = { order: "issued_at", rectification: "done_at", reinspection: "at", escalation: "opened_at" };
const WHAT: Record<string, string[]> = {
  order: ["number", "kind", "recipient", "requirements", "deadline", "received_at", "lifted_at"],
  rectification: ["measures", "done_by", "funds"],
  reinspection: ["result", "authority", "by", "remark"],
  escalation: ["to", "lifted_at"],
};

export function valueOf(of: RecordView | undefined, path: string): Json {
  return of?.fields[path]?.value ?? null;
}

export const timeOf = (fact: RecordView) => Number(valueOf(fact, WHEN[fact.kind] ?? "") ?? 0);

/** The fields that say what it is, of those that are filled in, or cleared by somebody only. */
export const toldOf = (fact: RecordView) => (WHAT[fact.kind] ?? []).filter((path) => valueOf(fact, path) !== null || fact.fields[path]?.in_conflict);

/** The hazards that it is about. */
export function hazardsOf(fact: RecordView): string[] {
  const listed = Object.entries(fact.fields).filter(([path, { value }]) => path.startsWith("hazards/") && value === true);
  const named = valueOf(fact, "hazard");
  return [...listed.map(([path]) => path.slice("hazards/".length)), ...(typeof named === "string" ? [named] : [])];
}

// What is stored of each record beside its state, so that lists need not read states: what it shows, whom it names, and,
// of a hazard, where it stands. All of it follows from the states and can be made anew.

import kinds from "../../../wasm/pkg/kinds.json";
import type { CommentState, Field, HazardStanding, JsonValue, Kinds, RecordView } from "../../../wasm/pkg/types.js";
import { commentState, hazardsNamed, readRecord } from "../../../wasm/pkg/sync_core.js";

/** Raised whenever `makeRow` gives something else for the same state: the rows are made anew at the next start. */
export const ROWS_VERSION = 4;

export interface StoredRow {
  readonly id: string;
  readonly kind: string;
  readonly village?: string;
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly writtenAtMs: number;
  readonly conflicts: readonly string[];
  readonly isVoided: boolean;
  /** Whether it does not surely count: somebody voided it, decided or not, or the office has put aside all that there is of it. */
  readonly isDoubtful?: true;
  /** Whether the account of this database wrote to it. */
  readonly isMine: boolean;
  /** The records that it names, by any value that stands. */
  readonly refs: readonly string[];
  /** The hazards that it speaks of. */
  readonly hazards: readonly string[];
  readonly standing?: HazardStanding;
  /** Of comments only. */
  readonly comment?: CommentState;
  /** Of the base state; absent where there is only what this phone wrote. */
  readonly mark?: string;
  readonly part?: string;
}

export const declared: Kinds = kinds as Kinds;
const fieldsByKind = new Map(declared.kinds.map((kind) => [kind.name, kind.fields]));
const factKinds = new Set(["order", "rectification", "reinspection", "escalation"]);
const setsOfIds = new Set(["campaign.sites", "order.hazards", "reinspection.follows"]);
const id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The fields of a kind, none for one that this build does not know. */
export function fieldsOf(kind: string): readonly Field[] {
  return fieldsByKind.get(kind) ?? [];
}

/** The part of the feed in which a record lies: its village, or absent for the directory (protocol: Scopes). */
export function partOf(kind: string, village: string | undefined): string | undefined {
  const scope = declared.kinds.find((each) => each.name === kind)?.scope ?? "village";
  return scope === "village" ? village : undefined;
}

/**
 * The row of a state. `before` is the row that it replaces: what a state no longer tells is taken from there. `wroteIt`:
 * this phone still keeps something that it wrote to it.
 */
export function makeRow(state: string, account: string, before: StoredRow | undefined, base: { mark: string; part?: string } | undefined, wroteIt: boolean): StoredRow {
  const view = readRecord(state);
  const row = rowOf(view, account, before, wroteIt);
  return {
    ...row,
    hazards: factKinds.has(view.kind) ? hazardsNamed(state) : [],
    ...(view.kind === "comment" ? { comment: commentState(state) } : {}),
    ...(base ? { mark: base.mark } : {}),
    ...(base?.part === undefined ? {} : { part: base.part }),
  };
}

/** The row of what is shown, where there is no state that would speak of hazards or be compared. */
export function rowOf(view: RecordView, account: string, before: StoredRow | undefined, wroteIt: boolean): StoredRow {
  const values: Record<string, JsonValue> = {};
  const authors = new Set<string>();
  let writtenAtMs = before?.writtenAtMs ?? Number.MAX_SAFE_INTEGER;
  for (const [path, field] of Object.entries(view.fields)) {
    if (field.value !== null && field.value !== false) values[path] = field.value;
    else if (field.value === false && !path.includes("/")) values[path] = false;
    for (const sibling of field.siblings ?? [field]) {
      authors.add(sibling.author);
      writtenAtMs = Math.min(writtenAtMs, sibling.written_at_ms);
    }
  }
  return {
    id: view.id,
    kind: view.kind,
    ...(view.village === undefined ? {} : { village: view.village }),
    values,
    writtenAtMs: writtenAtMs === Number.MAX_SAFE_INTEGER ? 0 : writtenAtMs,
    conflicts: view.conflicts,
    isVoided: typeof view.voiding === "object" && "voided" in view.voiding,
    ...(view.voiding === "stands" ? {} : { isDoubtful: true }),
    isMine: wroteIt || before?.isMine === true || authors.has(account),
    refs: namedBy(view),
    hazards: [],
  };
}

/** The ids that any standing value of a record names. */
function namedBy(view: RecordView): string[] {
  const named = new Set<string>();
  const types = new Map(fieldsOf(view.kind).map((field) => [field.name, field.type]));
  for (const [path, shown] of Object.entries(view.fields)) {
    const [field = "", key] = splitPath(path);
    const type = types.get(field);
    if (key !== undefined && setsOfIds.has(`${view.kind}.${field}`)) {
      const [first = ""] = key.split("@");
      if (id.test(first)) named.add(first);
    } else if (type === "any_reference" || (typeof type === "object" && "reference" in type)) {
      for (const { value } of shown.siblings ?? [shown]) if (typeof value === "string") named.add(value);
    }
  }
  return [...named];
}

function splitPath(path: string): [string, string | undefined] {
  const at = path.indexOf("/");
  return at < 0 ? [path, undefined] : [path.slice(0, at), path.slice(at + 1)];
}

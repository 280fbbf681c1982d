// What the server answers, and the names that everything in it goes by.

import { reactive } from "vue";

import { get, type Json, post, Problem, session } from "./api.js";

export interface Line {
  id: string;
  village: string | null;
  site: string | null;
  sector: string;
  level: "major" | "general";
  status: "reported" | "ordered" | "rectified" | "closed";
  suspended: boolean;
  escalated: boolean;
  overdue: boolean;
  void: boolean;
  deadline: string | null;
  /** What must be settled and is not. */
  missing: string[];
  found_at: number;
  closed_at: number | null;
  description: string;
}

export type Dot = [string, number];

export interface Sibling {
  dot: Dot;
  value: Json;
  author: string;
  stamp: [number, number];
}

export interface FieldView {
  value: Json;
  in_conflict: boolean;
  siblings: Sibling[];
}

export interface RecordView {
  id: string;
  kind: string;
  village: string | null;
  voiding: "stands" | "voided" | "revived";
  void_reason?: string;
  fields: Record<string, FieldView>;
  conflicts: string[];
  standing?: {
    status: Line["status"];
    level: Line["level"];
    suspended: boolean;
    escalated: boolean;
    overdue: boolean;
    deadline: string | null;
    closed_at: number | null;
    must_settle: string[];
    missing: string[];
    facts: string[];
    to_follow: string[];
    to_void: string[];
  };
  photos: { record: string; hash: string; bytes: "stored" | "on_its_way" }[];
  comments: Comment[];
  /** Of a hazard: those that were voided because they are the same. */
  joined?: string[];
  seen: Record<string, number>;
}

export type CommentState = "note" | "open" | "answered" | "settled";

/** A comment on a record; with a reason it is a return. */
export interface Comment {
  record: string;
  village: string | null;
  void: boolean;
  state: CommentState;
  values: Record<string, Json>;
  seen: Record<string, number>;
}

export interface HistoryEntry {
  dot: Dot;
  /** Absent where it was written at a desk. */
  device?: { id: string; name: string };
  received_at: number;
  clock_offset_ms: number;
  outcome: { verdict: string; refusal?: { code: string; detail: string } };
  version: { author: string; changes: Record<string, Json>; stamp: Sibling["stamp"]; context?: Record<string, number> };
}

export interface Conflict {
  record: string;
  path: string;
  kind: string;
  village: string | null;
  shown: Json;
  siblings: Sibling[];
}

export interface RegisterRow {
  id: string;
  village: string | null;
  void: boolean;
  values: Record<string, Json>;
  conflicts: string[];
  report_state?: "draft" | "submitted" | "returned" | "accepted";
}

export interface Page<T> {
  rows: T[];
  next?: string;
}

export interface Edit {
  record: string;
  kind: string;
  village?: string | null;
  seen?: Record<string, number>;
  changes: Record<string, Json>;
}

/** Villages, sites and people by their ids. */
export const names = reactive<{ villages: Map<string, string>; sites: Map<string, RegisterRow>; people: Map<string, string> }>({
  villages: new Map(),
  sites: new Map(),
  people: new Map(),
});

/** Every row of a register, page by page. */
export async function all(kind: string, query: Record<string, string> = {}): Promise<RegisterRow[]> {
  const rows: RegisterRow[] = [];
  let after: string | undefined;
  do {
    const page: Page<RegisterRow> = await get("/records", { kind, limit: 500, after, ...query });
    rows.push(...page.rows);
    after = page.next;
  } while (after !== undefined);
  return rows;
}

/** Reads the directory: what ids are called. */
export async function readNames(): Promise<void> {
  const [villages, sites] = await Promise.all([all("village"), all("site")]);
  const byCode = (a: RegisterRow, b: RegisterRow) => String(a.values["code"] ?? "").localeCompare(String(b.values["code"] ?? "")) || byName(a, b);
  const byName = (a: RegisterRow, b: RegisterRow) => String(a.values["name"]).localeCompare(String(b.values["name"]), "zh-CN", { numeric: true });
  names.villages = new Map(villages.sort(byCode).map((row) => [row.id, String(row.values["name"] ?? row.id)]));
  names.sites = new Map(sites.sort(byName).map((row) => [row.id, row]));
  if (session.who) names.people.set(session.who.id, session.who.display_name);
  if (session.who?.role !== "supervisor" && session.who?.role !== "admin") return;
  let after: string | undefined;
  do {
    const page: { accounts: { id: string; display_name: string }[]; next?: string | null } = await get("/accounts", { after });
    for (const { id, display_name } of page.accounts) names.people.set(id, display_name);
    after = page.next ?? undefined;
  } while (after !== undefined);
}

export const nameOf = {
  village: (id: string | null | undefined) => (id ? (names.villages.get(id) ?? "…") : ""),
  site: (id: string | null | undefined) => (id ? String(names.sites.get(id)?.values["name"] ?? "…") : ""),
  person: (id: string) => names.people.get(id) ?? id.slice(0, 8),
};

/** The different values of a path that somebody must decide between; nothing where it is not in conflict. */
export function contested(view: RecordView | undefined, path: string): Json[] | undefined {
  const field = view?.fields[path];
  if (!field?.in_conflict) return undefined;
  return [...new Map(field.siblings.map(({ value }) => [JSON.stringify(value), value])).values()];
}

export const write = (edits: Edit[]) => post<{ verdict: string }[]>("/records", { edits });

/**
 * Writes records that this page begins. Where they are there already, as they are to be and by this account, an earlier press has
 * written them and only its answer was lost.
 */
export async function begin(edits: Edit[]): Promise<void> {
  try {
    await write(edits);
  } catch (error) {
    const isThere = async ({ record, changes }: Edit) => {
      const { fields } = await get<RecordView>(`/records/${record}`);
      const isOwn = (path: string) => fields[path]?.siblings.some(({ value, author }) => author === session.who?.id && JSON.stringify(value) === JSON.stringify(changes[path]));
      return Object.keys(changes).every(isOwn);
    };
    if (!(error instanceof Problem && error.code === "conflict_changed")) throw error;
    const there = await Promise.all(edits.map(isThere)).catch(() => [false]);
    if (there.includes(false)) throw error;
  }
}

/** An edit on top of what a view shows. */
export function on(view: RecordView, changes: Record<string, Json>): Edit {
  return { record: view.id, kind: view.kind, village: view.village, seen: view.seen, changes };
}

/** A fresh UUID of version 7 (RFC 9562). */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let ms = Date.now();
  for (let at = 5; at >= 0; at -= 1, ms = Math.floor(ms / 256)) bytes[at] = ms % 256;
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The township's day and minute at an instant. China has one time zone, without summer time. */
export const minuteOf = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 16).replace("T", " ");
export const dayOf = (ms: number) => minuteOf(ms).slice(0, 10);
export const stampMs = (stamp: Sibling["stamp"]) => stamp[0];

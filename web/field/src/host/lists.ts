// Lists: which rows, in which order, and a window of them. Reads memory only.

import type { JsonValue } from "../../../wasm/pkg/types.js";
import { townshipDate } from "../../../wasm/pkg/sync_core.js";
import { DUE_SOON_DAYS, type Page, type Place, type Query } from "./contract.js";
import type { Ledger } from "./ledger.js";
import { fieldsOf, type StoredRow } from "./rows.js";

const LIMIT = 50;
const DAY_MS = 86_400_000;
const EARTH_M = 6_371_000;

export function list(ledger: Ledger, query: Query): Page {
  const found = [...ledger.ofKind(query.kind)].filter(matcher(ledger, query));
  found.sort(order(query));
  const from = query.offset ?? 0;
  const rows = found.slice(from, from + (query.limit ?? LIMIT)).map((row) => ledger.shown(row));
  return { rows, total: found.length };
}

/** How many hazards are open, overdue, and due within seven days. Voided ones do not count. */
export function countHazards(ledger: Ledger, nowMs: number): { open: number; overdue: number; dueSoon: number } {
  const soon = townshipDate(nowMs + DUE_SOON_DAYS * DAY_MS);
  const counts = { open: 0, overdue: 0, dueSoon: 0 };
  for (const row of ledger.ofKind("hazard")) {
    if (row.isVoided || !isOpen(row)) continue;
    counts.open += 1;
    if (row.standing?.is_overdue) counts.overdue += 1;
    else if (isDueBy(row, soon)) counts.dueSoon += 1;
  }
  return counts;
}

function isOpen(row: StoredRow): boolean {
  return row.standing?.status !== "closed";
}

function isDueBy(row: StoredRow, day: string): boolean {
  const deadline = row.standing?.deadline ?? null;
  return isOpen(row) && row.standing?.is_overdue !== true && deadline !== null && deadline <= day;
}

function matcher(ledger: Ledger, query: Query): (row: StoredRow) => boolean {
  const words = query.text === undefined ? [] : folded(query.text).split(/\s+/).filter((word) => word !== "");
  const where = Object.entries(query.where ?? {});
  return (row) =>
    (query.withVoided === true || !row.isVoided) &&
    (query.village === undefined || row.village === query.village) &&
    (query.mine !== true || row.isMine) &&
    (query.attention !== true || ledger.progress(row) === "attention") &&
    (query.open === undefined || isOpen(row) === query.open) &&
    (query.overdue === undefined || (row.standing?.is_overdue ?? false) === query.overdue) &&
    (query.comment === undefined || row.comment === query.comment) &&
    (query.dueBy === undefined || isDueBy(row, query.dueBy)) &&
    where.every(([path, value]) => isSame(row.values[path], value)) &&
    (words.length === 0 || words.every((word) => textOf(row).includes(word) || siteText(ledger, row).includes(word)));
}

function isSame(shown: JsonValue | undefined, asked: JsonValue): boolean {
  if (asked === null) return shown === undefined;
  return shown === asked || (typeof asked === "object" && JSON.stringify(shown) === JSON.stringify(asked));
}

const texts = new WeakMap<StoredRow, string>();

/** The texts that a record shows, as they are searched: without case and width. */
function textOf(row: StoredRow): string {
  const known = texts.get(row);
  if (known !== undefined) return known;
  const shown: string[] = [];
  for (const { name, type } of fieldsOf(row.kind)) {
    const value = row.values[name];
    if (typeof value === "string" && typeof type === "object" && "text" in type) shown.push(value);
  }
  const text = folded(shown.join("\n"));
  texts.set(row, text);
  return text;
}

function siteText(ledger: Ledger, row: StoredRow): string {
  const site = row.values["site"];
  const found = typeof site === "string" ? ledger.get(site) : undefined;
  return found ? textOf(found) : "";
}

export function folded(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

function order(query: Query): (a: StoredRow, b: StoredRow) => number {
  const chosen = orders(query)[query.order ?? "newest"];
  return (a, b) => chosen(a, b) || b.writtenAtMs - a.writtenAtMs || (a.id < b.id ? -1 : 1);
}

function orders(query: Query): Record<NonNullable<Query["order"]>, (a: StoredRow, b: StoredRow) => number> {
  const from = query.from;
  return {
    newest: (a, b) => b.writtenAtMs - a.writtenAtMs,
    name: (a, b) => collator.compare(nameOf(a), nameOf(b)),
    deadline: (a, b) => compareText(deadlineOf(a), deadlineOf(b)),
    near: (a, b) => (from ? distance(from, a) - distance(from, b) || 0 : 0),
  };
}

const collator = new Intl.Collator("zh-CN", { numeric: true });

/** What a record is called: its name, title, number, or how it describes itself. */
export function nameOf(row: StoredRow): string {
  for (const field of ["name", "title", "number", "description", "place"]) {
    const value = row.values[field];
    if (typeof value === "string") return value;
  }
  return "";
}

/** Closed hazards are due no more; hazards without a deadline come after those that have one. */
function deadlineOf(row: StoredRow): string {
  const isDue = isOpen(row) && row.standing?.is_overdue ? "0" : "1";
  const deadline = row.standing ? row.standing.deadline : (row.values["deadline"] ?? null);
  if (!isOpen(row)) return `3${String(deadline ?? "")}`;
  return deadline === null ? "2" : `${isDue}${String(deadline)}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Metres as the crow flies; what has no place is farther than everything. */
function distance(from: { lat: number; lon: number }, row: StoredRow): number {
  const place = row.values["location"] as unknown as Place | undefined;
  if (typeof place?.lat !== "number" || typeof place.lon !== "number") return Number.MAX_VALUE;
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [dLat, dLon] = [radians(place.lat - from.lat), radians(place.lon - from.lon)];
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(radians(from.lat)) * Math.cos(radians(place.lat)) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(Math.min(1, h)));
}

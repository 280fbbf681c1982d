// A spreadsheet, read row by row: either every row can be added, or what is wrong is said by row and column.

import type { Json } from "./api.js";
import { type Edit, newId } from "./model.js";

export type Cell = string | number | boolean | Date | null;

export interface Fault {
  /** As the spreadsheet numbers its rows; 0: the sheet as a whole. */
  row: number;
  column: string;
  why: "missing" | "unknown" | "long" | "date" | "twice" | "doubled" | "header" | "empty" | "many" | "unreadable";
  /** What stands there. */
  value: string;
}

/** How a column is called, and how what stands in it is read. */
export interface Column {
  path: string;
  label: string;
  isRequired: boolean;
  charactersMax?: number;
  /** Words of a choice → value. */
  choices?: Map<string, Json>;
  isDate?: boolean;
}

/** Rows that go up in one piece: as many as the server takes in one. */
export const ROWS_MAX = 500;

/** Characters that fields take, as sync-core declares them (`kinds/site.rs`). */
export const CHARACTERS: Record<string, number> = { name: 120, category: 60, address: 200, responsible_person: 60, phone: 40, licence_no: 80 };

/** What somebody wrote, to the letter. */
const written = (cell: Cell | undefined) => String(cell ?? "").trim();
/** The same for comparing: full and half width are one. */
const plain = (cell: Cell | undefined) => written(cell).normalize("NFKC");
const isBlank = (row: Cell[]) => row.every((cell) => plain(cell) === "");
const place = (village: Json, name: Json) => `${String(village)}\n${plain(String(name))}`;

/** `YYYY-MM-DD`, of a cell that is a date or reads like one. */
function dateOf(cell: Cell): string | undefined {
  if (cell instanceof Date) return cell.toISOString().slice(0, 10);
  const [, year, month, day] = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$/.exec(plain(cell)) ?? [];
  if (!year || !month || !day) return undefined;
  const text = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? text : undefined;
}

function read(column: Column, cell: Cell): { value?: Json; why?: Fault["why"] } {
  const text = plain(cell);
  if (text === "") return column.isRequired ? { why: "missing" } : {};
  if (column.isDate) {
    const value = dateOf(cell);
    return value ? { value } : { why: "date" };
  }
  if (column.choices) {
    const value = column.choices.get(written(cell)) ?? column.choices.get(text);
    return value === undefined ? { why: "unknown" } : { value };
  }
  return [...written(cell)].length > (column.charactersMax ?? Infinity) ? { why: "long" } : { value: written(cell) };
}

/** The rows of a sheet by the columns' paths, as the spreadsheet numbers them, and what cannot be read of them. */
export function rowsIn(sheet: Cell[][], columns: Column[]): { rows: { row: number; values: Record<string, Json> }[]; faults: Fault[] } {
  const begins = sheet.findIndex((row) => !isBlank(row));
  if (begins < 0) return { rows: [], faults: [{ row: 0, column: "", why: "empty", value: "" }] };
  const header = (sheet[begins] ?? []).map(plain);
  const faults: Fault[] = columns
    .filter((column) => column.isRequired && !header.includes(column.label))
    .map((column) => ({ row: begins + 1, column: column.label, why: "header", value: "" }));
  if (faults.length > 0) return { rows: [], faults };
  const rows: { row: number; values: Record<string, Json> }[] = [];
  sheet.forEach((row, at) => {
    if (at <= begins || isBlank(row)) return;
    const values: Record<string, Json> = {};
    for (const column of columns) {
      const cell = row[header.indexOf(column.label)] ?? null;
      const { value, why } = read(column, cell);
      if (why) faults.push({ row: at + 1, column: column.label, why, value: plain(cell) });
      if (value !== undefined) values[column.path] = value;
    }
    rows.push({ row: at + 1, values });
  });
  return { rows, faults };
}

/** What a sheet adds to the register; `there`: village and name of the sites that are in it. */
export function sitesIn(sheet: Cell[][], columns: Column[], there: Iterable<[string, string]>): { edits: Edit[]; faults: Fault[] } {
  const { rows, faults } = rowsIn(sheet, columns);
  if (rows.length === 0 && faults.length > 0) return { edits: [], faults };
  const taken = new Set([...there].map(([village, name]) => place(village, name)));
  const edits: Edit[] = [];
  for (const { row, values } of rows) {
    const { village, ...changes } = values;
    const named = columns.find((column) => column.path === "name");
    if (village !== undefined && named && taken.has(place(village, changes["name"] ?? ""))) {
      faults.push({ row, column: named.label, why: "twice", value: String(changes["name"]) });
    }
    taken.add(place(village ?? "", changes["name"] ?? ""));
    edits.push({ record: newId(), kind: "site", village: String(village ?? ""), changes: { status: "in_use", ...changes } });
  }
  if (edits.length === 0) faults.push({ row: 0, column: "", why: "empty", value: "" });
  if (edits.length > ROWS_MAX) faults.push({ row: 0, column: "", why: "many", value: String(edits.length) });
  return { edits, faults };
}

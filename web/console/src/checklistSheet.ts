// A sheet of checklist items, read row by row: rows of one title and sector are one checklist.

import type { Json } from "./api.js";
import { type Edit, newId } from "./model.js";
import { type Cell, type Column, type Fault, rowsIn, ROWS_MAX } from "./sheet.js";

/** Characters that columns take; the title's as sync-core declares it (`kinds/checklist.rs`). */
export const CHECKLIST_CHARACTERS = { title: 120, code: 20, text: 500, basis: 500 };

interface Item {
  code: string;
  text: string;
  basis?: string;
}

/** What a sheet adds to the register; `there`: sector and title of the checklists that are in it. */
export function checklistsIn(sheet: Cell[][], columns: Column[], there: Iterable<[string, string]>): { edits: Edit[]; faults: Fault[] } {
  const { rows, faults } = rowsIn(sheet, columns);
  const label = (path: string) => columns.find((column) => column.path === path)?.label ?? path;
  const keyOf = (sector: Json, title: Json) => `${String(sector)}\n${String(title).normalize("NFKC")}`;
  const taken = new Set([...there].map(([sector, title]) => keyOf(sector, title)));
  const lists = new Map<string, { sector: string; title: string; items: Item[] }>();
  for (const { row, values } of rows) {
    const { sector, title, code, text, basis } = values;
    if (sector === undefined || title === undefined || code === undefined || text === undefined) continue;
    const key = keyOf(sector, title);
    if (taken.has(key)) faults.push({ row, column: label("title"), why: "doubled", value: String(title) });
    const list = lists.get(key) ?? { sector: String(sector), title: String(title), items: [] };
    if (list.items.some((item) => item.code === code)) faults.push({ row, column: label("code"), why: "doubled", value: String(code) });
    list.items.push({ code: String(code), text: String(text), ...(basis === undefined ? {} : { basis: String(basis) }) });
    lists.set(key, list);
  }
  if (rows.length === 0 && faults.length === 0) faults.push({ row: 0, column: "", why: "empty", value: "" });
  if (rows.length > ROWS_MAX) faults.push({ row: 0, column: "", why: "many", value: String(rows.length) });
  const edits = [...lists.values()].map(({ sector, title, items }): Edit => ({ record: newId(), kind: "checklist", village: null, changes: { sector, title, items: items as unknown as Json } }));
  return { edits, faults };
}

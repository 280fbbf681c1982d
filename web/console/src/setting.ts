// What the office has set for itself and its phones: one record of the township (docs/protocol.md, Kinds).

import { ref } from "vue";

import { get, type Json, Problem } from "./api.js";
import { type Edit, on, type RecordView, write } from "./model.js";
import kinds from "../../wasm/pkg/kinds.json";

/** The one record of kind `setting`. */
const SETTING = "73657474-696e-8000-8000-000000000001";

const chosenSectors = ref<string[]>([]);

/** The sectors that are offered: those in use, and one that something has already. */
export function sectorsInUse(own?: Json) {
  return kinds.sectors.filter((sector) => chosenSectors.value.length === 0 || chosenSectors.value.includes(sector) || sector === own);
}

/** The setting as it stands; nothing where the office has set nothing yet. */
export async function readSetting(): Promise<RecordView | undefined> {
  try {
    const setting = await get<RecordView>(`/records/${SETTING}`);
    chosenSectors.value = chosenIn(setting, "sectors");
    return setting;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  }
}

/** Changes it, on top of what was seen of it. */
export async function changeSetting(seen: RecordView | undefined, changes: Record<string, Json>): Promise<void> {
  const begun: Edit = { record: SETTING, kind: "setting", village: null, changes };
  await write([seen ? on(seen, changes) : begun]);
}

/** The elements of a set of it that are in. */
export function chosenIn(setting: RecordView | undefined, field: string): string[] {
  const paths = Object.entries(setting?.fields ?? {}).filter(([path, { value }]) => path.startsWith(`${field}/`) && value === true);
  return paths.map(([path]) => path.slice(field.length + 1));
}

/** A day of the township's calendar. */
export interface CalendarDay {
  day: string;
  why: "weekday" | "weekend" | "holiday" | "make_up";
  works: boolean;
}

export async function calendar(from: string, until: string): Promise<CalendarDay[]> {
  return (await get<{ days: CalendarDay[] }>("/calendar", { from, until })).days;
}

/** Working days that an order within a time limit gives, unless somebody says otherwise. */
export const WORKING_DAYS = 15;

/** The day on which so many working days end, by the township's calendar. */
export async function deadlineAfter(days: number): Promise<string> {
  return (await get<{ deadline: string }>("/calendar/deadline", { working_days: days })).deadline;
}

/** What must be settled of a hazard: the fields of which the office chooses some. */
export const MEMBERS = ["responsible", "measures", "funds", "deadline", "contingency_plan", "aim"] as const;

/** What is overdue, and what falls due soon. */
export interface Due {
  today: string;
  within: number;
  until: string;
  overdue: number;
  due: number;
  villages: { village: string | null; overdue: number; due: number }[];
}

// Months of the township's calendar, `YYYY-MM`, and the draft of a village's report of one.

import { dayOf } from "./words.js";

/** The month that this instant is in. */
export const monthAt = (ms: number) => dayOf(ms).slice(0, 7);

/** So many months after a month, before it where negative. */
export function monthsAfter(month: string, n: number): string {
  const [year = 0, of = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, of - 1 + n, 1)).toISOString().slice(0, 7);
}

/** The id of the draft of a village's report: there is one, however often its page is opened. */
export const draftOf = (village: string, month: string) => `month/${village}/${month}`;

/** The village and the month of such a draft. */
export function monthOf(draft: string): { village: string; month: string } {
  const [, village = "", month = ""] = draft.split("/");
  return { village, month };
}

// Common wordings of hazards: those that the office keeps, and where it keeps none of a sector those that the app brings along.

import { computed, type Ref } from "vue";

import type { Query } from "../host/contract.js";
import { type Phrase, PHRASES } from "../phrases.js";
import { useList } from "./useList.js";
import { text } from "./words.js";

/** More than anybody looks through. */
const PHRASES_MAX = 1_000;

export function usePhrases(sector: Ref<string>) {
  const { rows } = useList(computed<Query>(() => ({ kind: "phrase", order: "newest", limit: PHRASES_MAX })));
  return computed<readonly Phrase[]>(() => {
    const own = rows.value.filter((row) => text(row, "sector") === sector.value).map((row) => ({ description: text(row, "description"), measures: text(row, "measures") }));
    return own.length > 0 ? own : (PHRASES[sector.value] ?? PHRASES.other ?? []);
  });
}

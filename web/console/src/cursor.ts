// Walking through lines by keys, and choosing some of them.

import { computed, nextTick, ref, type Ref } from "vue";

import { useKeys } from "./keys.js";

/** As many lines as can be chosen: what one set of edits holds, with room for the largest. */
export const CHOSEN_MAX = 100;

/** J and K go on and back, enter opens, X chooses; `find` is called for a slash. */
export function useCursor<Row extends { id: string }>(rows: Ref<Row[]>, open: (row: Row) => void, find: () => void) {
  const at = ref(-1);
  const chosen = ref(new Set<string>());
  const chosenRows = computed(() => rows.value.filter((row) => chosen.value.has(row.id)));

  function toggle(id: string): void {
    const now = new Set(chosen.value);
    if (!now.delete(id) && now.size < CHOSEN_MAX) now.add(id);
    chosen.value = now;
  }

  function walk(by: number): void {
    at.value = Math.max(0, Math.min(rows.value.length - 1, at.value + by));
    void nextTick(() => document.querySelector("[data-cursor='true']")?.scrollIntoView({ block: "nearest" }));
  }

  useKeys((key, isHeld) => {
    const row = rows.value[at.value];
    if (key === "j") walk(1);
    else if (key === "k") walk(-1);
    else if (key === "/") find();
    else if (key === "x" && row && !isHeld) toggle(row.id);
    else if (key === "enter" && row && document.activeElement?.closest("a, button") === null) open(row);
    else if (key === "escape" && chosen.value.size > 0) chosen.value = new Set();
    else return false;
    return true;
  });

  const clear = () => (chosen.value = new Set());
  const restore = (ids: string[]) => (chosen.value = new Set(ids));
  return { at, chosen, chosenRows, toggle, clear, restore };
}

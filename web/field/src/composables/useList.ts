// A list that follows the ledger: asked again when its records change or its question does.

import { onActivated, onBeforeUnmount, onDeactivated, shallowRef, watch, type Ref } from "vue";

import type { Query, Row } from "../host/contract.js";
import { host, onRecords } from "./host.js";

/** How long changes are gathered before a list is asked again, ms. */
const GATHER_MS = 120;

export function useList(query: Ref<Query>) {
  const rows = shallowRef<readonly Row[]>([]);
  const total = shallowRef(0);
  const isLoaded = shallowRef(false);
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsleep = false;

  async function ask(): Promise<void> {
    const turn = (asked += 1);
    const page = await host.list(query.value);
    if (turn !== asked) return;
    [rows.value, total.value, isLoaded.value] = [page.rows, page.total, true];
  }

  function soon(): void {
    if (isAsleep) return;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), GATHER_MS);
  }

  watch(query, () => void ask(), { immediate: true, deep: true });
  const stop = onRecords([query.value.kind, "order", "rectification", "reinspection", "escalation", "photo"], soon);
  onActivated(() => {
    if (isAsleep) void ask();
    isAsleep = false;
  });
  onDeactivated(() => (isAsleep = true));
  onBeforeUnmount(() => {
    stop();
    clearTimeout(timer);
  });
  return { rows, total, isLoaded, ask };
}

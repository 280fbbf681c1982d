// One record with all that its page shows, asked again when anything of it changes.

import { onBeforeUnmount, shallowRef } from "vue";

import type { Detail } from "../host/contract.js";
import { host } from "./host.js";

export function useDetail(id: string) {
  const detail = shallowRef<Detail>();
  const isMissing = shallowRef(false);

  async function ask(): Promise<void> {
    const now = await host.detail(id);
    detail.value = now;
    isMissing.value = now === undefined;
  }

  const stop = host.subscribe((event) => {
    if (event.type === "records") void ask();
  });
  onBeforeUnmount(stop);
  void ask();
  return { detail, isMissing };
}

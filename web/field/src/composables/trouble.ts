// Why nothing goes up or comes down, in words that an inspector understands.

import type { ComposerTranslation } from "vue-i18n";

import type { Trouble } from "../host/contract.js";

export function troubleWords(trouble: Trouble, t: ComposerTranslation): string {
  if (trouble.why === "refused") return t("app.trouble.refused", { code: trouble.code });
  return t(`app.trouble.${trouble.why}`);
}

/** For how many whole days there has been no contact. */
export function daysSince(ms: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - ms) / 86_400_000));
}

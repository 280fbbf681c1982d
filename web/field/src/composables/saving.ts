// From a form to what is written: edits in one press of "save", and why it was not taken.

import { showToast } from "vant";
import "vant/es/toast/style";

import type { JsonValue, KindName } from "../../../wasm/pkg/types.js";
import type { HeldPhoto, Save } from "../host/contract.js";
import { codeOf, host } from "./host.js";
import { refusedWords, type Refused, type Words } from "./refusals.js";

/** Only what was filled in: an empty field is not written. */
export function filled(values: Record<string, JsonValue | undefined>): Record<string, JsonValue> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined && value !== "" && value !== null);
  return Object.fromEntries(entries.map(([path, value]) => [path, typeof value === "string" ? value.trim() : value])) as Record<
    string,
    JsonValue
  >;
}

/** Photos as `save` wants them. */
export const shownBy = (photos: readonly HeldPhoto[], subjectKind: KindName, subject: string, village: string): Save["photos"] =>
  photos.map((held) => ({ held, subjectKind, subject, village }));

const NOT_SAVED: Refused = { of: new Map(), words: [] };

/** Saves, and says so; gives back what was refused, or nothing when all is saved. */
export async function saveAll(save: Save, words: Words): Promise<Refused | undefined> {
  const { t } = words;
  // Forms are reactive; what crosses to the host is plain.
  const saved = await host.save(JSON.parse(JSON.stringify(save)) as Save).catch((error: unknown) => codeOf(error));
  if (typeof saved === "string") {
    showToast({ message: t("forms.failed", { code: saved }), type: "fail", duration: 6000 });
    return NOT_SAVED;
  }
  if (saved.result === "saved") {
    showToast({ message: t("forms.saved"), type: "success" });
    return undefined;
  }
  if (saved.result === "no_room") {
    showToast({ message: t("forms.noRoom"), type: "fail", duration: 6000 });
    return NOT_SAVED;
  }
  return { of: new Map(saved.refusals.map(({ record, refusals }) => [record, refusals])), words: refusedWords(save, saved.refusals, words) };
}

/** Saves from a page that has no form to say in what was refused; whether all is saved. */
export async function saveOrTell(save: Save, words: Words): Promise<boolean> {
  const refused = await saveAll(save, words);
  if (refused && refused.words.length > 0) showToast({ message: refused.words.join("\n"), type: "fail", duration: 6000 });
  return !refused;
}

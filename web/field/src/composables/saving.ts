// From a form to what is written: edits in one press of "save", and why it was not taken.

import { showToast } from "vant";
import "vant/es/toast/style";

import type { JsonValue, KindName, Refusal } from "../../../wasm/pkg/types.js";
import type { HeldPhoto, Save } from "../host/contract.js";
import type { Translate } from "../i18n.js";
import { codeOf, host } from "./host.js";

/** Only what was filled in: an empty field is not written. */
export function filled(values: Record<string, JsonValue | undefined>): Record<string, JsonValue> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined && value !== "" && value !== null);
  return Object.fromEntries(entries.map(([path, value]) => [path, typeof value === "string" ? value.trim() : value])) as Record<
    string,
    JsonValue
  >;
}

/** What is wrong with a field, in words of an inspector. */
export function refusalWords(refusal: Refusal, kind: KindName, t: Translate, te: (key: string) => boolean): string {
  const field = (refusal.field ?? "").split("/")[0] ?? "";
  const name = te(`records.field.${kind}.${field}`) ? t(`records.field.${kind}.${field}`) : field;
  const key = `forms.refusal.${refusal.code}`;
  return te(key) ? t(key, { field: name }) : t("forms.refusal.unknown", { field: name, code: refusal.code });
}

/** Photos as `save` wants them. */
export const shownBy = (photos: readonly HeldPhoto[], subjectKind: KindName, subject: string, village: string): Save["photos"] =>
  photos.map((held) => ({ held, subjectKind, subject, village }));

/** Saves, and says so; gives back what was refused, by record, or nothing when all is saved. */
export async function saveAll(save: Save, t: Translate): Promise<Map<string, readonly Refusal[]> | undefined> {
  // Forms are reactive; what crosses to the host is plain.
  const saved = await host.save(JSON.parse(JSON.stringify(save)) as Save).catch((error: unknown) => codeOf(error));
  if (typeof saved === "string") {
    showToast({ message: t("forms.failed", { code: saved }), type: "fail", duration: 6000 });
    return new Map();
  }
  if (saved.result === "saved") {
    showToast({ message: t("forms.saved"), type: "success" });
    return undefined;
  }
  if (saved.result === "no_room") {
    showToast({ message: t("forms.noRoom"), type: "fail", duration: 6000 });
    return new Map();
  }
  return new Map(saved.refusals.map(({ record, refusals }) => [record, refusals]));
}

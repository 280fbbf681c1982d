// One catalogue of strings with the inspectors' app: the names of records and fields are its own.

import { createI18n } from "vue-i18n";

import zhForms from "../../field/src/strings/zh-CN/forms.json";
import zhLedger from "../../field/src/strings/zh-CN/ledger.json";
import zhRecords from "../../field/src/strings/zh-CN/records.json";
import zhDesk from "./strings/zh-CN/desk.json";
import zhOffice from "./strings/zh-CN/office.json";

export type Language = "zh-CN" | "en";

const KEPT = "language";
const zh = { office: zhOffice, desk: zhDesk, records: zhRecords, ledger: zhLedger, month: zhForms.month };

export const i18n = createI18n({ legacy: false, locale: "zh-CN", fallbackLocale: "zh-CN", messages: { "zh-CN": zh } });

/** Switches every page at once, and remembers the choice in this browser. */
export async function choose(language: Language): Promise<void> {
  const { global } = i18n;
  if (language === "en" && !(global.availableLocales as string[]).includes("en")) {
    const { default: en } = await import("./strings/en.js");
    global.setLocaleMessage("en" as "zh-CN", en as unknown as typeof zh);
  }
  global.locale.value = language as "zh-CN";
  document.documentElement.lang = language;
  localStorage.setItem(KEPT, language);
}

/** What was chosen before. */
export function keptLanguage(): Language {
  return localStorage.getItem(KEPT) === "en" ? "en" : "zh-CN";
}

/** What a field of a kind is called; of a report's figures, each by its own name. */
export function fieldWord(kind: string, path: string): string {
  const { t, te } = i18n.global;
  const [field = "", key = ""] = path.split(/\/(.*)/s);
  if (field === "void") return t("office.hazard.void");
  if (field === "figures" && te(`month.figure.${key}`)) return t(`month.figure.${key}`);
  return te(`records.field.${kind}.${field}`) ? t(`records.field.${kind}.${field}`) : path;
}

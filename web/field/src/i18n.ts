// The catalogue of strings, Chinese first. The other language is loaded when somebody chooses it.

import { createI18n } from "vue-i18n";

import zh from "./strings/zh-CN.js";

export type Language = "zh-CN" | "en";

const KEPT = "language";

export const i18n = createI18n({ legacy: false, locale: "zh-CN", fallbackLocale: "zh-CN", messages: { "zh-CN": zh } });

/** Switches every page at once, and remembers the choice on this phone. */
export async function choose(language: Language): Promise<void> {
  const { global } = i18n;
  if (language === "en" && !(global.availableLocales as string[]).includes("en")) {
    const { default: en } = await import("./strings/en.js");
    global.setLocaleMessage("en" as "zh-CN", en as typeof zh);
  }
  global.locale.value = language as "zh-CN";
  document.documentElement.lang = language;
  localStorage.setItem(KEPT, language);
}

/** What was chosen before. */
export function keptLanguage(): Language {
  return localStorage.getItem(KEPT) === "en" ? "en" : "zh-CN";
}

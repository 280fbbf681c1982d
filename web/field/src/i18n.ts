// The catalogue of strings, Chinese first. The other language is loaded when somebody chooses it. A text may have blanks,
// `{n}`; there is nothing else in it, so that looking one up is all that a library would have to do here.

import { ref, shallowRef, type Ref } from "vue";

import zh from "./strings/zh-CN.js";

export type Language = "zh-CN" | "en";

export interface Catalogue {
  readonly [key: string]: string | Catalogue;
}

/** A text of the chosen language by its key (`app.tab.home`), its blanks filled in; the key itself where there is none. */
export type Translate = (key: string, blanks?: Readonly<Record<string, string | number>>) => string;

const KEPT = "language";
const catalogue = shallowRef<Catalogue>(zh);
const locale = ref<Language>("zh-CN");

function found(key: string): string | undefined {
  let at: string | Catalogue | undefined = catalogue.value;
  for (const part of key.split(".")) {
    if (typeof at !== "object" || !Object.hasOwn(at, part)) return undefined;
    at = at[part];
  }
  return typeof at === "string" ? at : undefined;
}

const t: Translate = (key, blanks) => (found(key) ?? key).replace(/\{(\w+)\}/g, (blank, name: string) => String(blanks?.[name] ?? blank));

/** Texts for a component, which is drawn anew when the language changes. `te`: whether there is a text. */
export function useI18n(): { t: Translate; te(key: string): boolean; locale: Readonly<Ref<Language>> } {
  return { t, te: (key) => found(key) !== undefined, locale };
}

/** Switches every page at once, and remembers the choice on this phone. */
export async function choose(language: Language): Promise<void> {
  catalogue.value = language === "en" ? (await import("./strings/en.js")).default : zh;
  locale.value = language;
  document.documentElement.lang = language;
  localStorage.setItem(KEPT, language);
}

/** What was chosen before. */
export function keptLanguage(): Language {
  return localStorage.getItem(KEPT) === "en" ? "en" : "zh-CN";
}

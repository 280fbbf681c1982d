// Both languages say the same, and every record, field and choice has a name.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import kinds from "../../../wasm/pkg/kinds.json";
import { PHRASES } from "../../src/phrases.js";

type Tree = { readonly [key: string]: string | Tree };

/** The catalogue as it is written; what is built from it is no longer text. */
function catalogue(language: string): Record<"app" | "forms" | "ledger" | "records", Tree> {
  const read = (part: string) =>
    JSON.parse(readFileSync(join(import.meta.dirname, `../../src/strings/${language}/${part}.json`), "utf8")) as Tree;
  return { app: read("app"), forms: read("forms"), ledger: read("ledger"), records: read("records") };
}

const zh = catalogue("zh-CN");
const en = catalogue("en");

function keys(tree: Tree, before = ""): string[] {
  return Object.entries(tree).flatMap(([key, value]) => (typeof value === "string" ? [`${before}${key}`] : keys(value, `${before}${key}.`)));
}

function texts(tree: Tree): Map<string, string> {
  const get = (key: string) => key.split(".").reduce<string | Tree>((at, part) => (typeof at === "string" ? at : (at[part] ?? "")), tree);
  return new Map(keys(tree).map((key) => [key, String(get(key))]));
}

/** What is put into a text: `{n}`. */
const blanks = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

test("both languages have the same texts with the same blanks", () => {
  expect(keys(en).sort()).toEqual(keys(zh).sort());
  const english = texts(en);
  for (const [key, text] of texts(zh)) {
    expect(text, key).not.toBe("");
    expect(blanks(english.get(key) ?? ""), key).toEqual(blanks(text));
  }
});

test("every kind, field, choice and sector of sync-core has a name in both languages", () => {
  for (const { records } of [zh, en]) {
    for (const kind of kinds.kinds) {
      expect(records.kind, kind.name).toHaveProperty(kind.name);
      for (const field of kind.fields) {
        expect(records.field, kind.name).toHaveProperty([kind.name, field.name]);
        const type: unknown = field.type;
        const of = typeof type === "object" && type !== null && "map" in type ? type.map : type;
        const choices = typeof of === "object" && of !== null && "choice" in of ? (of.choice as string[]) : [];
        for (const choice of choices) expect(records.choice).toHaveProperty(choice);
      }
    }
  }
});

test("every sector has common wordings of hazards", () => {
  for (const sector of kinds.sectors) expect(PHRASES[sector]?.length, sector).toBeGreaterThan(1);
});

/** Every text that a page names by a whole key. */
test("what pages name is in the catalogue", () => {
  const known = new Set(keys(zh));
  const source = join(import.meta.dirname, "../../src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => /\.(vue|ts)$/.test(name));
  const named = files.flatMap((name) =>
    [...readFileSync(join(source, name), "utf8").matchAll(/\bt\(\s*["']([\w.-]+)["']/g)].map((found) => found[1] ?? ""),
  );
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter((key) => !known.has(key))).toEqual([]);
});

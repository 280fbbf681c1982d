// Why something was not taken, in words of an inspector.

import type { KindName, Refusal } from "../../../wasm/pkg/types.js";
import type { Save, Saved } from "../host/contract.js";
import type { Translate } from "../i18n.js";

type Refusals = Extract<Saved, { result: "refused" }>["refusals"];

export interface Words {
  readonly t: Translate;
  te(key: string): boolean;
}

/** Why a save was not taken: by record, for the inputs; and all of it in words, for whoever has no such input in sight. */
export interface Refused {
  readonly of: ReadonlyMap<string, readonly Refusal[]>;
  readonly words: readonly string[];
}

/** What is wrong with a field. */
export function refusalWords(refusal: Refusal, kind: KindName, { t, te }: Words): string {
  const field = (refusal.field ?? "").split("/")[0] ?? "";
  const name = te(`records.field.${kind}.${field}`) ? t(`records.field.${kind}.${field}`) : field;
  const key = `forms.refusal.${refusal.code}`;
  return te(key) ? t(key, { field: name }) : t("forms.refusal.unknown", { field: name, code: refusal.code });
}

/** Whatever was refused of a save, each once; of which kind of record where there are several. */
export function refusedWords(save: Save, refusals: Refusals, { t, te }: Words): string[] {
  const kinds = new Map(save.edits.map((edit) => [edit.record, edit.kind as KindName]));
  const said = refusals.flatMap(({ record, refusals }) => {
    // The records of photos have no id before they are saved.
    const kind = kinds.get(record) ?? "photo";
    const name = record === save.edits[0]?.record ? "" : t("forms.of", { what: t(`records.kind.${kind}`) });
    return refusals.map((refusal) => name + refusalWords(refusal, kind, { t, te }));
  });
  return [...new Set(said)];
}

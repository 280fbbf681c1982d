// A register's form: one record opened, changed and saved on top of what was seen of it, or a new one.

import { ElMessageBox } from "element-plus";
import "element-plus/es/components/message-box/style/css";
import { reactive, ref } from "vue";

import { get, type Json } from "./api.js";
import { complain, tell, useAct } from "./ask.js";
import { i18n } from "./i18n.js";
import { contested, type Edit, newId, on, type RecordView, write } from "./model.js";

export type Values = Record<string, Json>;

const same = (a: Json, b: Json) => JSON.stringify(a) === JSON.stringify(b);
/** Nothing is written of a text that is empty, and of an empty list. */
const plain = (value: Json | undefined): Json => {
  const trimmed = typeof value === "string" ? value.trim() : (value ?? null);
  return trimmed === "" || (Array.isArray(trimmed) && trimmed.length === 0) ? null : trimmed;
};

/** The form of one kind. `sets`: fields that hold elements, each at a path of its own; in the form they are lists. */
export function useEditing(kind: string, fields: readonly string[], sets: readonly string[], done: () => Promise<unknown>) {
  /** `contested`: path → the values between which somebody must decide; a form shows them, and writes nothing there. */
  const form = reactive<{ id: string; village: string; values: Values; contested: Record<string, Json[]> }>({ id: "", village: "", values: {}, contested: {} });
  const isOpen = ref(false);
  const { isBusy, act } = useAct();
  /** The record as it was when the form was opened: the edit claims to have seen that, and no more. */
  let seen: RecordView | undefined;
  let created = newId();

  const shown = (path: string): Json => seen?.fields[path]?.value ?? null;
  const elements = (set: string): string[] =>
    Object.entries(seen?.fields ?? {}).filter(([path, { value }]) => path.startsWith(`${set}/`) && value === true).map(([path]) => path.slice(set.length + 1));

  async function open(id?: string, begin: Values = {}): Promise<void> {
    created = newId();
    try {
      seen = id === undefined ? undefined : await get<RecordView>(`/records/${id}`);
    } catch (error) {
      return complain(error);
    }
    const stored = Object.fromEntries([...fields.map((path) => [path, shown(path)] as const), ...sets.map((set) => [set, elements(set)] as const)]);
    const values = seen ? stored : { ...Object.fromEntries(sets.map((set) => [set, []])), ...begin };
    const split = Object.keys(seen?.fields ?? {}).flatMap((path) => {
      const values = contested(seen, path);
      return values ? [[path, values] as const] : [];
    });
    Object.assign(form, { id: id ?? "", village: seen?.village ?? "", values: structuredClone(values), contested: Object.fromEntries(split) });
    isOpen.value = true;
  }

  /** What differs from what was seen. Where there is a conflict nothing is written: it would settle it, unasked. */
  function changes(): Values {
    const texts = fields.map((path) => [path, plain(form.values[path])] as const).filter(([path, value]) => !same(value, shown(path)));
    const members = sets.flatMap((set) => {
      const [before, now] = [elements(set), (form.values[set] ?? []) as string[]];
      const added = now.filter((one) => !before.includes(one)).map((one) => [`${set}/${one}`, true] as const);
      const removed = before.filter((one) => !now.includes(one)).map((one) => [`${set}/${one}`, false] as const);
      return [...added, ...removed];
    });
    return Object.fromEntries([...texts, ...members].filter(([path]) => !(path in form.contested)));
  }

  const send = (edit: Edit) =>
    act(async () => {
      await write([edit]);
      tell(i18n.global.t("office.saved"));
      isOpen.value = false;
      await done();
    });

  async function save(): Promise<void> {
    const changed = changes();
    if (Object.keys(changed).length === 0) isOpen.value = false;
    else await send(seen ? on(seen, changed) : { record: created, kind, village: form.village || null, changes: changed });
  }

  /** Voids what is open, with a reason. */
  async function discard(): Promise<void> {
    const own = seen;
    const { t } = i18n.global;
    const asked = await ElMessageBox.prompt(t("office.hazard.why"), t("office.hazard.void"), {
      inputPattern: /\S/,
      confirmButtonText: t("office.hazard.void"),
      cancelButtonText: t("office.cancel"),
    }).catch(() => undefined);
    if (asked && own) await send(on(own, { void: asked.value.trim() }));
  }

  return { form, isOpen, isBusy, open, save, discard };
}

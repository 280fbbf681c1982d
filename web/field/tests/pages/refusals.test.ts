// Whatever was refused of a save is said, whichever record it belongs to.

import { expect, test } from "vitest";

import { refusedWords } from "../../src/composables/refusals.js";
import type { Save } from "../../src/host/contract.js";
import { useI18n } from "../../src/i18n.js";
import type { RefusalCode } from "../../../wasm/pkg/types.js";

const edit = (record: string, kind: string) => ({ record, kind, changes: {} });
const refusal = (code: RefusalCode, field?: string) => ({ code, detail: "", ...(field === undefined ? {} : { field }) });
const words = (save: Partial<Save>, refusals: Parameters<typeof refusedWords>[1]) => refusedWords({ edits: [], photos: [], ...save }, refusals, useI18n());

test("what no input stands for is said all the same, with what to do", () => {
  const refused = [{ record: "h", refusals: [refusal("supervisor_decides", "level"), refusal("village_mismatch")] }];
  expect(words({ edits: [edit("h", "hazard")] }, refused)).toEqual(["隐患等级要由镇里决定：请改回原样再保存，要改的写给镇里", "这条记录是别的村的，请改回原来的村"]);
});

test("of several records it is said which is meant, and the same only once", () => {
  const refused = ["a", "b"].map((record) => ({ record, refusals: [refusal("field_required", "description")] }));
  const photo = { record: "of the photo, which no edit names", refusals: [refusal("too_large", "caption")] };
  expect(words({ edits: [edit("i", "inspection"), edit("a", "hazard"), edit("b", "hazard")] }, [...refused, photo])).toEqual([
    "隐患：请填写隐患描述",
    "照片：内容太长，请写短些",
  ]);
});

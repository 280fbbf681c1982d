// A refused record goes back into the form that wrote it.

import { expect, test } from "vitest";

import { repairOf } from "../../src/composables/repair.js";
import type { Row } from "../../src/host/contract.js";

const row = (kind: string, values: Row["values"]): Row => ({ id: "r", kind, village: "v", values, writtenAtMs: 1, conflicts: [], isVoided: false, photos: [] });

test("a hazard comes back under its own id, with its figures as they were typed", () => {
  const repair = repairOf(row("hazard", { description: "私拉电线", found_at: 7, funds: 300 }));
  expect(repair).toEqual({
    form: "hazard",
    route: "report",
    content: { description: "私拉电线", found_at: 7, id: "r", village: "v", funds: "300", foundAtMs: 7 },
  });
});

test("an inspection comes back with its answers and people", () => {
  const repair = repairOf(row("inspection", { "answers/1": "fail", "notes/1": "过期", "inspectors/甲": true, inspected_at: 9 }));
  expect(repair?.content).toMatchObject({ id: "r", answers: { 1: "fail" }, notes: { 1: "过期" }, inspectors: "甲", inspectedAtMs: 9 });
});

test("what no form of the phone writes is not offered", () => {
  expect(repairOf(row("order", {}))).toBeUndefined();
});

// A refused record goes back into the form that wrote it.

import { expect, test } from "vitest";

import { goesWith, heldOf, repairOf } from "../../src/composables/repair.js";
import type { Row } from "../../src/host/contract.js";

const row = (kind: string, values: Row["values"], id = "r"): Row => ({ id, kind, village: "v", values, writtenAtMs: 1, conflicts: [], isVoided: false, photos: [] });

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

test("a refused photo goes with what it shows, and one of afterwards with what tells of that", () => {
  const [hazard, rectification, order] = [row("hazard", {}), row("rectification", { hazard: "r" }, "f"), row("order", {}, "o")];
  const photo = (role: string, subject = "r") => row("photo", { subject, role }, "p");
  expect(goesWith(photo("before"), [hazard, rectification])).toBe(hazard);
  expect(goesWith(photo("after"), [hazard, rectification])).toBe(rectification);
  expect(goesWith(photo("after"), [hazard])).toBe(hazard);
  expect(goesWith(photo("before", "other"), [hazard, rectification])).toBeUndefined();
  // No form of the phone writes an order: its photo is written again by itself.
  expect(goesWith(photo("signature", "o"), [order])).toBeUndefined();
});

test("a photo's record comes back as a form holds it", () => {
  const values = { subject_kind: "hazard", subject: "r", hash: "ab", bytes: 9, width: 4, height: 3, taken_at: 7, role: "document_scan", caption: "柜门" };
  expect(heldOf(row("photo", values))).toEqual({ hash: "ab", bytes: 9, width: 4, height: 3, isUnreadable: false, role: "document", caption: "柜门", takenAtMs: 7 });
});

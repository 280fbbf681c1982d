// Days, distances and directions as people say them.

import { expect, test } from "vitest";

import { bytesWords, dayOf, daysBetween, dueWords, elements, metresBetween, minuteOf, windTo } from "../../src/composables/words.js";

const t = ((key: string, given?: Record<string, unknown>) => [key, ...Object.values(given ?? {})].join(" ")) as never;

test("a day is the township's, not the phone's", () => {
  // 23:30 on the 23rd in London is the morning of the 24th in Chongqing.
  expect(dayOf(Date.UTC(2026, 10, 23, 23, 30))).toBe("2026-11-24");
  expect(minuteOf(Date.UTC(2026, 10, 23, 23, 30))).toBe("2026-11-24 07:30");
});

test("a deadline is said in days", () => {
  expect(daysBetween("2026-02-27", "2026-03-01")).toBe(2);
  expect(dueWords("2026-11-21", "2026-11-24", t)).toBe("ledger.due.over 3");
  expect(dueWords("2026-11-24", "2026-11-24", t)).toBe("ledger.due.today");
  expect(dueWords("2026-11-29", "2026-11-24", t)).toBe("ledger.due.in 5");
});

test("distance and direction are those of the ground", () => {
  const here = { lat: 29.563, lon: 106.551 };
  expect(metresBetween(here, { lat: 29.573, lon: 106.551 })).toBeCloseTo(1112, 0);
  expect(windTo(here, { lat: 29.573, lon: 106.551 })).toBe("north");
  expect(windTo(here, { lat: 29.563, lon: 106.541 })).toBe("west");
  expect(windTo(here, { lat: 29.554, lon: 106.561 })).toBe("southeast");
});

test("a set has the elements that are in it", () => {
  expect(elements({ "inspectors/a": true, "inspectors/b": false, "hazards/c": true }, "inspectors")).toEqual(["a"]);
});

test("bytes are rounded up to what a person reads", () => {
  expect([bytesWords(0), bytesWords(1), bytesWords(2_400_000), bytesWords(10_700_000_000)]).toEqual(["0 KB", "1 KB", "2.4 MB", "10.7 GB"]);
});

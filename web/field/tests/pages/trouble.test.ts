// When a page says that the clock is off or the storage runs short.

import { expect, test } from "vitest";

import { daysSince, isClockOff, isStorageShort } from "../../src/composables/trouble.js";
import type { Status } from "../../src/host/contract.js";

const status: Status = { phase: "ready", unsent: { versions: 0, photos: 0, photoBytes: 0 }, attention: 0, isOfflineReady: true, isGuest: false };
const stored = (usedBytes: number, quotaBytes: number, freeableBytes = 0) => ({ ...status, storage: { usedBytes, quotaBytes, isPersistent: false, freeableBytes } });

test("storage is short beyond four fifths of what the browser gives, or where much could be freed", () => {
  expect(isStorageShort(status)).toBe(false);
  expect(isStorageShort(stored(80, 100))).toBe(false);
  expect(isStorageShort(stored(81, 100))).toBe(true);
  expect(isStorageShort(stored(600e6, 10e9, 500e6))).toBe(false);
  expect(isStorageShort(stored(600e6, 10e9, 501e6))).toBe(true);
});

test("a clock is off beyond five minutes, whichever way", () => {
  expect(isClockOff(status)).toBe(false);
  for (const [minutes, isOff] of [[5, false], [6, true], [-5, false], [-6, true], [-3 * 525_600, true]] as const) {
    expect(isClockOff({ ...status, clockAheadMs: minutes * 60_000 }), `${minutes} min`).toBe(isOff);
  }
});

test("only whole days without the office count, and a clock that was set back makes none", () => {
  const day = 86_400_000;
  expect(daysSince(0, 2 * day - 1)).toBe(1);
  expect(daysSince(0, 2 * day)).toBe(2);
  expect(daysSince(3 * day, day)).toBe(0);
});

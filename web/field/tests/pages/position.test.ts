// Which place a record gets: that of the visit, not that of the kitchen table where the form was finished.

import { expect, test } from "vitest";

import { isVisit, placeToWrite } from "../../src/composables/usePosition.js";

const site = { lat: 29.5, lon: 106.5 };

test("the phone's place is written, and the site's where the phone knew its own only roughly or not at all", () => {
  const fine = { lat: 29.51, lon: 106.51, accuracy_m: 8 };
  const rough = { lat: 29.6, lon: 106.6, accuracy_m: 1500 };
  expect(placeToWrite(fine, site)).toEqual(fine);
  expect(placeToWrite(rough, site)).toEqual(site);
  expect(placeToWrite(rough, null)).toEqual(rough);
  expect(placeToWrite(null, site)).toEqual(site);
  expect(placeToWrite(null, null)).toBeUndefined();
});

test("a form that is finished in the evening takes no new position", () => {
  const morning = Date.UTC(2026, 10, 24, 1);
  expect(isVisit(morning, morning + 10 * 60_000)).toBe(true);
  expect(isVisit(morning, morning + 8 * 3_600_000)).toBe(false);
});

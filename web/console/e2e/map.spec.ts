// The desk's map: the server's own tiles under the hazards, and squares where it has none.

import { startTownship } from "../../tus/township.mjs";
import { expect, serious, signedIn, test as base, Village } from "./desk.js";
import type { Township } from "../../field/e2e/phone.js";

const test = base.extend<{ mapped: Township }>({
  mapped: async ({}, use) => {
    const township = await startTownship({ hasMap: true });
    await use(township);
    await township.stop();
  },
});

/** In the middle of the map that is drawn for the demo's first village. */
const LOCATION = { lat: 29.533, lon: 106.476 };

test("the hazards of a view lie on the server's map, and it is said whose it is", async ({ mapped, context }) => {
  const village = await Village.of(mapped, "inspector01");
  await village.reports("消防通道被占用", { location: LOCATION });
  const page = await signedIn(context, mapped);
  await page.getByTestId("nav-ledger").click();
  await page.getByTestId("map").click();
  const tiles = page.locator(".map-tile[src]");
  await expect(tiles.first()).toBeVisible();
  await expect.poll(() => tiles.evaluateAll((all) => all.some((one) => (one as HTMLImageElement).naturalWidth === 256))).toBe(true);
  await expect(page.locator(".leaflet-control-attribution")).toHaveText("示例地图，非真实地物 · 审图号：示例");
  await expect(page.getByTestId("hazard-map").locator("path.leaflet-interactive")).toHaveCount(1);
  expect(await serious(page)).toEqual([]);
});

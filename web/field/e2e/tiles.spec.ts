// The background map: kept on the phone, shown without a network, removed when somebody wants it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

import { startTownship } from "../../tus/township.mjs";
import { expect, signedIn, SMALL, test as base, type Township } from "./phone.js";

/** Stories in a township whose server has a map of the first village. */
const test = base.extend<{ township: Township }>({
  township: async ({}, use) => {
    const township = await startTownship({ hasMap: true });
    await use(township);
    await township.stop();
  },
});

async function openMap(page: Page): Promise<void> {
  await page.getByTestId("tab-sites").click();
  await page.getByTestId("map").click();
  await expect(page.getByTestId("spot").first()).toBeVisible();
}

/** That tiles are on the map, as pictures that the browser could draw. */
async function expectTiles(page: Page): Promise<void> {
  const tiles = page.getByTestId("tile");
  await expect(tiles.first()).toBeVisible();
  await expect.poll(() => tiles.evaluateAll((all) => all.every((one) => (one as HTMLImageElement).naturalWidth === 256))).toBe(true);
}

const kept = (page: Page) => page.getByTestId("map-kept");
const serious = async (page: Page) => {
  await page.evaluate(readFileSync(fileURLToPath(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url)), "utf8"));
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string }[] }> } }).axe.run();
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id }) => id);
  });
};

test("the map around the sites is kept by itself, shown in airplane mode after a new start, and removed by a button", SMALL, async ({ township, context }) => {
  const first = await signedIn(context, township);
  await first.getByTestId("tab-me").click();
  await expect(kept(first)).toContainText(/已存 \d+ 块/);
  await first.close();

  await context.setOffline(true);
  const page = await context.newPage();
  await page.goto(`${township.url}/field/`);
  await openMap(page);
  await expectTiles(page);
  await expect(page.getByTestId("map-source")).toContainText("审图号");
  expect(await serious(page)).toEqual([]);

  // Nearer than the finest level there are still tiles under the sites.
  for (let press = 0; press < 3; press += 1) await page.getByTestId("nearer").click();
  await page.getByTestId("whole").click();
  await expectTiles(page);

  await page.getByTestId("tab-me").click();
  expect(await serious(page)).toEqual([]);
  for (const button of ["fetch-map", "remove-map"]) expect((await page.getByTestId(button).boundingBox())?.height).toBeGreaterThanOrEqual(48);
  await page.getByTestId("remove-map").click();
  await expect(kept(page)).toContainText("没有存地图");
  await openMapAgain(page);
  await expect(page.getByTestId("tile")).toHaveCount(0);
  await expect(page.getByTestId("map-source")).toHaveCount(0);

  // What somebody has removed does not come back by itself, but when it is asked for.
  await context.setOffline(false);
  await page.getByTestId("tab-me").click();
  await page.reload();
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报");
  await expect(kept(page)).toContainText("没有存地图");
  await page.getByTestId("fetch-map").click();
  await expect(kept(page)).toContainText(/已存 \d+ 块/);
});

/** The page of sites is where it was left: with its map. */
async function openMapAgain(page: Page): Promise<void> {
  await page.getByTestId("tab-sites").click();
  const map = page.getByTestId("map");
  if ((await map.getAttribute("aria-pressed")) === "false") await map.click();
  await expect(page.getByTestId("spot").first()).toBeVisible();
}

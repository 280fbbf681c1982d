// The map: without a network, without tiles.

import { expect, home, report, signedIn, SMALL, test } from "./phone.js";

test("sites and hazards are on a map without a network, a finger apart, and open from there", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await context.setOffline(true);
  await report(page, "消防栓被遮挡");
  await home(page);
  await page.getByTestId("tab-sites").click();
  await expect(page.getByTestId("site-row").first()).toBeVisible();
  const sites = await page.getByTestId("site-row").count();
  await page.getByTestId("map").click();
  const spots = page.getByTestId("spot");
  await expect(spots.first()).toBeVisible();
  const shown = async () => (await spots.allTextContents()).map((text) => Number(/^\d+/.exec(text.trim())?.[0] ?? 1)).reduce((sum, one) => sum + one, 0);
  await expect.poll(shown).toBe(sites + 1);

  // No two spots are closer than a finger, so that each can be met.
  const boxes = await spots.evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ x, y }) => [x, y] as const));
  for (const [at, [x, y]] of boxes.entries()) {
    for (const [otherX, otherY] of boxes.slice(at + 1)) expect(Math.max(Math.abs(x - otherX), Math.abs(y - otherY))).toBeGreaterThanOrEqual(47);
  }
  // The hazard lies where the phone is; search leaves it alone on the map.
  await page.getByPlaceholder("按名称、地址查找").fill("消防栓被遮挡");
  await expect(spots).toHaveCount(1);
  await expect(spots).toHaveAccessibleName(/隐患.*消防栓被遮挡.*米/);
  await spots.click();
  await expect(page.getByTestId("hazard")).toContainText("消防栓被遮挡");
});

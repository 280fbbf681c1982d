// Every page, for everybody: nothing serious that axe finds, and on a phone no page that goes sideways.

import { expect, serious, signedIn, test, Village } from "./desk.js";

const PAGES = ["", "hazards", "hazards?show=map", "due", "review", "review/duplicates", "review/returns", "aside", "orders", "reports", "campaigns", "sites", "checklists", "villages", "people", "settings/calendar", "settings/members", "settings/phrases", "audit"];

test.use({ township: async ({ living }, use) => use(living) });

test("axe finds nothing serious on any page of a township that lives", async ({ township, context }) => {
  test.setTimeout(240_000);
  const page = await signedIn(context, township);
  const { rows } = await (await Village.of(township, "supervisor")).read<{ rows: { id: string }[] }>("/hazards?status=rectified&limit=1");
  for (const path of [...PAGES, `hazards/${rows[0]?.id}`]) {
    await page.goto(`${township.url}/office/${path}`);
    await expect(page.locator("main h1, main [data-testid=hazard]").first()).toBeVisible();
    await expect(page.getByText("正在读取…")).toHaveCount(0);
    expect(await serious(page), path).toEqual([]);
  }
  await page.getByTestId("sign-out").click();
  await expect(page.getByTestId("sign-in")).toBeVisible();
  expect(await serious(page)).toEqual([]);
});

test("on a phone every page fits the screen's width", async ({ township, browser }) => {
  test.setTimeout(240_000);
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "zh-CN", timezoneId: "Asia/Shanghai" });
  const page = await signedIn(context, township);
  const { rows } = await (await Village.of(township, "supervisor")).read<{ rows: { id: string }[] }>("/hazards?status=rectified&limit=1");
  for (const path of [...PAGES, `hazards/${rows[0]?.id}`]) {
    await page.goto(`${township.url}/office/${path}`);
    await expect(page.locator("main h1, main [data-testid=hazard]").first()).toBeVisible();
    await expect(page.getByText("正在读取…")).toHaveCount(0);
    const wide = await page.evaluate(() => [document.documentElement, document.querySelector("main")].map((element) => (element?.scrollWidth ?? 0) - (element?.clientWidth ?? 0)));
    expect(wide, path).toEqual([0, 0]);
  }
  await context.close();
});

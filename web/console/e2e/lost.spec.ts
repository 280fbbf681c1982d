// When the network is bad: answers that do not come, and a ledger that moves while nobody says so.

import type { BrowserContext } from "@playwright/test";

import { expect, signedIn, test, Village } from "./desk.js";

/** The next time that something is written, the server hears of it and the page hears nothing. */
const loseAnswer = (context: BrowserContext) =>
  context.route(
    "**/api/v1/records",
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );

test("an order and a re-inspection whose answers were lost are there once when they are sent again", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("灭火器过期", { level: "major", responsible: "店主" });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  const count = async (kind: string) => (await village.read<{ rows: unknown[] }>(`/records?kind=${kind}`)).rows.length;
  /** A press whose answer is lost, and another. */
  const twice = async (button: string, kind: string) => {
    await loseAnswer(context);
    await page.getByTestId(button).click();
    await expect(page.getByText("没有成功")).toBeVisible();
    expect(await count(kind)).toBe(1);
    await page.locator(".el-message__closeBtn").click();
    await expect(page.getByText("没有成功")).toHaveCount(0);
    await page.getByTestId(button).click();
    await expect(page.getByText("已保存")).toBeVisible();
    expect(await count(kind)).toBe(1);
    await expect(page.getByText("已保存")).toHaveCount(0);
  };
  await page.getByTestId("order").click();
  await expect(page.getByTestId("deadline")).not.toHaveValue("");
  await twice("issue", "order");
  await page.getByTestId("reinspect").click();
  await page.getByTestId("not-passed").click();
  await twice("save-reinspection", "reinspection");
});

test("orders for several whose answer was lost are the same orders when they are sent again", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  await village.reports("疏散指示灯不亮");
  await village.reports("安全出口上锁");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("choose-line")).toHaveCount(2);
  for (const box of await page.getByTestId("choose-line").all()) await box.check();
  const issue = async () => {
    await page.getByTestId("bulk-order").click();
    await expect(page.getByTestId("bulk-day")).not.toHaveValue("");
    await page.getByTestId("bulk-go").click();
    await expect(page.getByTestId("undo-bar")).toContainText("给 2 条隐患下达 1 份指令");
  };
  const orders = async () => (await village.read<{ rows: unknown[] }>("/records?kind=order")).rows.length;
  await loseAnswer(context);
  await issue();
  await expect(page.getByText("没有成功")).toBeVisible();
  await expect(page.getByTestId("bulk")).toContainText("已选 2 条");
  expect(await orders()).toBe(1);
  await issue();
  await expect(page.getByText("已保存")).toBeVisible();
  expect(await orders()).toBe(1);
});

test("a stream of events that falls silent is begun anew", async ({ township, context }) => {
  await context.clock.install();
  let isSilent = true;
  await context.route("**/api/v1/events", (route) => (isSilent ? undefined : route.continue()));
  const village = await Village.of(township, "inspector01");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("empty")).toBeVisible();
  isSilent = false;
  await village.reports("灭火器过期");
  await page.clock.fastForward(61_000);
  await expect(page.getByTestId("line")).toHaveCount(1);
});

test("a page that cannot listen asks by itself, and at once when the network is back", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  // First no stream can be begun; then one is silent, with neither an event nor an end.
  let isOff = true;
  await context.route("**/api/v1/events", (route) => (isOff ? route.abort() : undefined));
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("empty")).toBeVisible();
  await village.reports("灭火器过期");
  await expect(page.getByTestId("line")).toHaveCount(1);
  isOff = false;
  await page.reload();
  await expect(page.getByTestId("line")).toHaveCount(1);
  await village.reports("安全出口上锁");
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await expect(page.getByTestId("line")).toHaveCount(2);
});

// The overview and the ledger: numbers and the lines behind them, keys, several hazards at once, leaving the page, paper.

import { randomUUID } from "node:crypto";

import type { Page } from "@playwright/test";

import { expect, signedIn, test, Village } from "./desk.js";
import { percent } from "../src/counts.js";

const DAY_MS = 86_400_000;
const day = (offset: number) => new Date(Date.now() + 8 * 3_600_000 + offset * DAY_MS).toISOString().slice(0, 10);

test("a share is whole percents, rounded down, whatever its fraction is in binary", () => {
  expect([percent(29, 50), percent(57, 100), percent(1, 3), percent(199, 200), percent(5, 5), percent(0, 0)]).toEqual([58, 57, 33, 99, 100, 0]);
});

/** Every number of the overview that opens lines: where to, and how many it says. */
const numbers = (page: Page) =>
  page.locator("[data-testid=count], [data-testid^=figure-]:not([data-testid=figure-rate])").evaluateAll((links) =>
    links.filter((link) => link.hasAttribute("href")).map((link) => ({ to: link.getAttribute("href") ?? "", says: Number((link.querySelector("strong") ?? link).textContent) })),
  );

test("every number of the overview opens as many lines as it says", async ({ township, context }) => {
  test.setTimeout(180_000);
  const [here, there] = [await Village.of(township, "inspector01"), await Village.of(township, "inspector02")];
  const at = Date.now() - 40 * DAY_MS;
  await here.reports("灭火器过期", { sector: "fire", level: "major", deadline: "2020-01-01" });
  await here.reports("超量存放烟花爆竹", { found_at: at, deadline: day(1) });
  const closed = await here.reports("安全出口上锁", { sector: "school", found_at: at });
  await there.reports("燃气软管老化", { sector: "gas", level: "major" });
  await there.reports("疏散指示灯不亮", { sector: "fire" });
  const waits = await there.reports("配电箱无门", { sector: "fire" });
  await there.writes("rectification", randomUUID(), { hazard: waits, done_at: Date.now(), done_by: "店主", measures: "已装门" });
  const office = await Village.of(township, "supervisor");
  const { standing } = await office.read<{ standing: { to_follow: string[] } }>(`/records/${closed}`);
  const follows = Object.fromEntries(standing.to_follow.map((key) => [`follows/${key}`, true]));
  await office.writesIn(here.id, "reinspection", randomUUID(), { hazard: closed, at: Date.now(), by: "安监办", result: "passed", authority: "township", ...follows });

  const page = await signedIn(context, township);
  await expect(page.getByTestId("figure-closed")).toContainText("1");
  await expect(page.getByTestId("figure-rate")).toContainText("16%");
  await expect(page.getByTestId("rate-row").filter({ hasText: "重大隐患" })).toContainText("0%");
  const all = await numbers(page);
  // Seven figures, the months, and of two villages, two levels, four sectors and the total what is not nothing.
  expect(all.length).toBeGreaterThan(30);
  const asked = new Map(all.map(({ to, says }) => [to, says]));
  for (const [to, says] of asked) expect(all.filter((one) => one.to === to).map((one) => one.says), to).toEqual(all.filter((one) => one.to === to).map(() => says));
  for (const [to, says] of asked) {
    await page.locator(`main a[href="${to}"]`).first().click();
    await expect(says === 0 ? page.getByTestId("empty") : page.getByTestId("line").first(), to).toBeVisible();
    await expect(page.getByTestId("line"), to).toHaveCount(says);
    await page.goBack();
  }
});

test("the ledger is walked, searched and opened by keys alone", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  await village.reports("灭火器过期", { found_at: Date.now() - 3 * DAY_MS });
  await village.reports("安全出口上锁", { found_at: Date.now() - 2 * DAY_MS });
  await village.reports("配电箱无门", { found_at: Date.now() - DAY_MS });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("line")).toHaveCount(3);
  const here = page.locator("[data-cursor=true]");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(here).toContainText("安全出口");
  await page.keyboard.press("k");
  await expect(here).toContainText("配电箱");
  await page.keyboard.press("k");
  await expect(here, "before the first there is nothing").toContainText("配电箱");
  await page.keyboard.press("/");
  await expect(page.getByTestId("search")).toBeFocused();
  // What is typed there is a word, and no key of the page.
  await page.keyboard.type("jk");
  await expect(page.getByTestId("empty")).toBeVisible();
  await page.getByTestId("search").fill("灭火器");
  await expect(page.getByTestId("line")).toHaveCount(1);
  await page.getByTestId("search").blur();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("hazard")).toContainText("灭火器过期");
});

test("what is not settled stands in the ledger, and is filled in on the hazard's page", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("护栏缺失", { responsible: "村委会", inspection: randomUUID() });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("lacks")).toHaveText("措施 资金 时限 预案");
  await page.getByTestId("line").click();
  await page.getByTestId("settle").click();
  await expect(page.getByTestId("settle-responsible")).toHaveValue("村委会");
  await expect(page.getByTestId("settle-aim")).toHaveCount(0);
  await page.getByTestId("settle-measures").fill("补装护栏");
  await page.getByTestId("settle-funds").fill("1200");
  await page.getByTestId("settle-deadline").fill(day(20));
  // The village names somebody else meanwhile: what was not changed here is not written over.
  await village.writesApart("hazard", found, { responsible: "工程队" }, await village.seen(found));
  await page.getByTestId("save-settled").click();
  await expect(page.getByTestId("settled")).toHaveText("已落实 4/5");
  const { fields, conflicts } = await village.read<{ fields: Record<string, { value: unknown }>; conflicts: string[] }>(`/records/${found}`);
  expect([fields["responsible"]?.value, fields["funds"]?.value, fields["measures"]?.value, conflicts]).toEqual(["工程队", 1200, "补装护栏", []]);
  // Its history says who wrote what, from the first on.
  await expect(page.getByTestId("version")).toHaveCount(3);
  await expect(page.getByTestId("version").first()).toContainText(/新建.*检查记录：\s*另一条记录/s);
  await expect(page.getByTestId("version").last()).toContainText("补装护栏");
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("lacks")).toHaveText("预案");
});

test("several hazards are returned with one reason, and given one deadline", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = [await village.reports("疏散指示灯不亮"), await village.reports("安全出口上锁")];
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  const choose = async () => {
    await expect(page.getByTestId("choose-line")).toHaveCount(2);
    for (const box of await page.getByTestId("choose-line").all()) await box.check();
    await expect(page.getByTestId("bulk")).toContainText("已选 2 条");
    await expect(page.getByTestId("bulk-order")).toBeInViewport({ ratio: 1 });
  };
  await choose();
  await page.getByTestId("bulk-return").click();
  await expect(page.getByTestId("bulk-go")).toBeDisabled();
  await page.getByTestId("bulk-words").fill("请补整改前照片");
  await page.getByTestId("bulk-go").click();
  await expect(page.getByTestId("undo-bar")).toContainText("退回 2 条");
  for (const id of found) {
    await expect.poll(async () => (await village.read<{ comments: { state: string; values: { reason?: string } }[] }>(`/records/${id}`)).comments).toMatchObject([{ state: "open", values: { reason: "请补整改前照片" } }]);
  }
  await choose();
  await page.getByTestId("bulk-deadline").click();
  await page.getByTestId("bulk-day").fill(day(9));
  await page.getByTestId("bulk-go").click();
  await expect(page.getByTestId("line").filter({ hasText: day(9) })).toHaveCount(2);
});

test("what was decided outlives the page that is left before it was sent", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("通道堆放杂物");
  const before = await village.seen(found);
  await village.writesApart("hazard", found, { description: "二楼通道堆放杂物" }, before);
  await village.writesApart("hazard", found, { description: "三楼通道堆放杂物" }, before);
  const page = await signedIn(context, township);
  await page.getByTestId("nav-review").click();
  await expect(page.getByTestId("choose")).toHaveCount(2);
  await page.keyboard.press("1");
  await expect(page.getByTestId("undo-bar")).toBeVisible();
  await page.goto("about:blank");
  await expect.poll(async () => (await village.read<{ conflicts: string[] }>(`/records/${found}`)).conflicts).toEqual([]);
});

/** The sheets of a document, as its page objects say. */
const sheets = (pdf: Buffer) => pdf.toString("latin1").match(/\/Type \/Page\b/g)?.length ?? 0;

test("ledger, record and overview are whole on paper, with nothing to press", async ({ township, context }) => {
  test.setTimeout(180_000);
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("第 0 处：灭火器过期", { deadline: "2020-01-01" });
  for (let at = 1; at < 60; at += 1) await village.reports(`第 ${at} 处：灭火器过期`);
  const page = await signedIn(context, township);
  for (const [path, wide] of [["", false], [`hazards/${found}`, false], ["hazards", true]] as const) {
    await page.emulateMedia({ media: "screen" });
    await page.goto(`${township.url}/office/${path}`);
    await expect(page.locator("main h1, main [data-testid=hazard]").first()).toBeVisible();
    if (wide) await expect(page.getByTestId("line")).toHaveCount(60);
    await page.emulateMedia({ media: "print" });
    await expect(page.locator("nav").first()).toBeHidden();
    for (const button of await page.locator("main .el-button, main .el-input").all()) await expect(button).toBeHidden();
    await expect(page.getByText("示范镇 ·").first()).toBeVisible();
    const pdf = await page.pdf({ preferCSSPageSize: true });
    expect(sheets(pdf), path).toBeGreaterThan(wide ? 1 : 0);
    // The ledger lies on its side, all of its sheets.
    const areas = [...pdf.toString("latin1").matchAll(/\/MediaBox \[0 0 ([.\d]+) ([.\d]+)\]/g)].map(([, width, height]) => Number(width) > Number(height));
    expect(areas, path).toEqual(areas.map(() => wide));
  }
});

// Where two have written different things, nothing at the desk settles it but the review: forms, tables and what is done to several.

import { createHash, randomUUID } from "node:crypto";

import { expect, signedIn, test, Village } from "./desk.js";

interface View {
  fields: Record<string, { value: unknown }>;
  conflicts: string[];
}

test("a form shows what is in conflict, and saving it settles nothing", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("护栏缺失", { responsible: "村委会" });
  const before = await village.seen(found);
  await village.writesApart("hazard", found, { responsible: "一队" }, before);
  await village.writesApart("hazard", found, { responsible: "二队" }, before);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  const both = /待核定：(一队 \/ 二队|二队 \/ 一队)/;
  await expect(page.getByTestId("member").filter({ hasText: "整改责任人" })).toContainText(both);
  await page.getByTestId("settle").click();
  await expect(page.getByRole("dialog").getByTestId("contested-responsible")).toHaveText(both);
  await expect(page.getByTestId("settle-responsible")).toBeDisabled();
  await page.getByTestId("settle-measures").fill("补装护栏");
  await page.getByTestId("save-settled").click();
  await expect(page.getByTestId("member").filter({ hasText: "整改措施" })).toContainText("补装护栏");
  const { fields, conflicts } = await village.read<View>(`/records/${found}`);
  expect([fields["measures"]?.value, conflicts]).toEqual(["补装护栏", ["responsible"]]);
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.getByTestId("member").getByTestId("contested-responsible").getByRole("link").click();
  await expect(page.getByRole("heading", { name: "核定“整改责任人”" })).toBeVisible();
});

test("a register's row says what of it is in conflict, and its form leaves that alone", async ({ township, context }) => {
  const [village, office] = [await Village.of(township, "inspector01"), await Village.of(township, "supervisor")];
  const site = await office.writesIn(village.id, "site", randomUUID(), { name: "东街液化气站", sector: "gas", status: "in_use", address: "东街" });
  const before = await village.seen(site);
  await office.writesApart("site", site, { address: "东街一号" }, before, village.id);
  await office.writesApart("site", site, { address: "东街二号" }, before, village.id);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/sites`);
  const row = page.getByTestId("site").filter({ hasText: "东街液化气站" });
  await expect(row.getByTestId("contested")).toHaveText("待核定：地址");
  await row.getByRole("button").click();
  await expect(page.getByTestId("site-address")).toBeDisabled();
  await expect(page.getByTestId("contested-address")).toContainText("东街一号");
  await expect(page.getByTestId("contested-address")).toContainText("东街二号");
  await page.getByTestId("site-phone").fill("0745-110");
  await page.getByTestId("save").click();
  await expect(row).toContainText("0745-110");
  expect((await village.read<View>(`/records/${site}`)).conflicts).toEqual(["address"]);
});

/** The id of a village's report of a month (docs/protocol.md, Kinds). */
function reportId(village: string, month: string): string {
  const bytes = createHash("sha256").update(`monthly_report\n${village}\n${month}\n`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

test("a report with a figure in conflict is marked, not summed, and accepted only once that is decided", async ({ township, context }) => {
  const month = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 7);
  const village = await Village.of(township, "inspector01");
  const id = reportId(village.id, month);
  await village.writes("monthly_report", id, { month, "figures/inspections": 10, "figures/hazards_found": 3, submitted_at: Date.now() });
  const before = await village.seen(id);
  await village.writesApart("monthly_report", id, { "figures/inspections": 12 }, before);
  await village.writesApart("monthly_report", id, { "figures/inspections": 15 }, before);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/reports/${month}`);
  const row = page.getByTestId("report").filter({ has: page.getByTestId("contested-figure") });
  await expect(row.getByTestId("contested-figure")).toHaveText("待核定");
  await expect(row).toContainText("—");
  await expect(row.getByTestId("accept")).toHaveCount(0);
  await expect(page.locator("tfoot").getByTestId("contested-total")).toHaveCount(1);
  await expect(page.locator("tfoot")).not.toContainText("15");
  await row.getByTestId("contested-figure").click();
  await expect(page.getByTestId("choose")).toHaveCount(2);
  await page.getByTestId("choose").first().click();
  await expect(page.getByTestId("undo-bar")).toContainText(`已核定：${month}`);
  await expect.poll(async () => (await village.read<View>(`/records/${id}`)).conflicts, { timeout: 20_000 }).toEqual([]);
  await page.goto(`${township.url}/office/reports/${month}`);
  await page.getByTestId("accept").click();
  await expect(page.getByTestId("report").filter({ hasText: "已通过" })).toHaveCount(1);
});

test("a deadline for several is written on top of what the dialog shows, and of none that is in conflict", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const [plain, split] = [await village.reports("疏散指示灯不亮", { deadline: "2030-01-01" }), await village.reports("安全出口上锁")];
  const before = await village.seen(split);
  await village.writesApart("hazard", split, { deadline: "2030-02-01" }, before);
  await village.writesApart("hazard", split, { deadline: "2030-03-01" }, before);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("choose-line")).toHaveCount(2);
  for (const box of await page.getByTestId("choose-line").all()) await box.check();
  // What cannot be read is said, and what was chosen stays so.
  await context.route(`**/api/v1/records/${split}`, (route) => route.abort(), { times: 1 });
  await page.getByTestId("bulk-deadline").click();
  await expect(page.getByText("没有成功")).toBeVisible();
  await expect(page.getByTestId("bulk")).toContainText("已选 2 条");
  await page.getByTestId("bulk-deadline").click();
  await expect(page.getByTestId("bulk-line").filter({ hasText: "疏散指示灯不亮" })).toContainText("2030-01-01");
  await expect(page.getByTestId("bulk-line").filter({ hasText: "安全出口上锁" })).toContainText("时限待核定，不处理");
  await expect(page.getByTestId("bulk-day")).toHaveValue(/^\d{4}-\d\d-\d\d$/);
  await page.getByTestId("bulk-day").fill("2031-05-06");
  await page.getByTestId("bulk-go").click();
  await expect(page.getByTestId("undo-bar")).toContainText("给 1 条定时限");
  await expect.poll(async () => (await village.read<View>(`/records/${plain}`)).fields["deadline"]?.value, { timeout: 20_000 }).toBe("2031-05-06");
  expect((await village.read<View>(`/records/${split}`)).conflicts).toEqual(["deadline"]);
});

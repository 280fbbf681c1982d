// A supervisor's day at the desk, against the real server.

import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";

import { expect, signedIn, test, Village } from "./desk.js";
import { workbook } from "./workbook.js";

const YEAR = new Date(Date.now() + 8 * 3_600_000).getUTCFullYear();

test("a hazard goes from its report over a numbered order to its closure, and the ledger shows each step", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("超量存放烟花爆竹，约二十箱", { level: "major", responsible: "店主" });
  await village.reports("灭火器过期", { sector: "fire", deadline: "2020-01-01" });
  const page = await signedIn(context, township);
  await expect(page.getByTestId("figure-open")).toContainText("2");
  await page.getByTestId("figure-overdue").click();
  await expect(page.getByTestId("line")).toHaveCount(1);
  await expect(page).toHaveURL(/overdue=true/);
  await page.goto(`${township.url}/office/hazards`);
  await page.getByTestId("search").fill("烟花爆竹");
  await expect(page.getByTestId("line")).toHaveCount(1);
  await page.getByText("超量存放烟花爆竹").click();

  await page.getByTestId("order").click();
  await page.getByTestId("issue").click();
  await expect(page.getByTestId("fact")).toContainText(`安监〔${YEAR}〕1号`);
  await expect(page.getByTestId("hazard")).toContainText("已下令");

  await village.writes("rectification", randomUUID(), { hazard: found, done_at: Date.now(), done_by: "店主", measures: "多余的已运走" });
  // Nobody reloads the page: it hears of it.
  await expect(page.getByTestId("fact")).toHaveCount(2);
  await expect(page.getByTestId("hazard")).toContainText("多余的已运走");
  await page.getByTestId("reinspect").click();
  await page.getByTestId("passed").click();
  await page.getByTestId("save-reinspection").click();
  await expect(page.getByTestId("hazard")).toContainText("已销号");
  await page.getByTestId("nav-orders").click();
  await expect(page.getByTestId("order-row")).toContainText("未签收");
});

test("a failure that comes in while a re-inspection is being written is not answered by it", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("配电箱无门");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  await page.getByTestId("reinspect").click();
  await page.getByTestId("passed").click();
  await village.writes("reinspection", randomUUID(), { hazard: found, at: Date.now(), by: "村级安监员", result: "not_passed" });
  await expect(page.getByTestId("fact")).toHaveCount(1);
  await page.getByTestId("save-reinspection").click();
  await expect(page.getByTestId("fact")).toHaveCount(2);
  await expect(page.getByTestId("hazard")).not.toContainText("已销号");
});

test("the ledger is searched by words and read by what falls due", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  await village.reports("加油站卸油口静电接地夹锈蚀", { deadline: "2031-01-02" });
  await village.reports("小学食堂燃气软管老化", { deadline: "2031-01-01" });
  await village.reports("加油站灭火器压力不足");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("line")).toHaveCount(3);
  await page.getByTestId("by-due").click();
  await expect(page).toHaveURL(/order=due/);
  await expect(page.getByTestId("line").first()).toContainText("燃气软管");
  await expect(page.getByTestId("line").last()).toContainText("灭火器");
  await page.getByTestId("by-found").click();
  await expect(page.getByTestId("line").first()).toContainText("灭火器");
  await page.getByTestId("by-found").click();
  await expect(page.getByTestId("line").first()).toContainText("接地夹");
  await page.getByTestId("search").fill("锈蚀 加油站");
  await expect(page.getByTestId("line")).toHaveCount(1);
});

test("two values that did not see each other are put side by side, and one key decides", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const office = await signedIn(context, township);
  await office.getByTestId("nav-review").click();
  await expect(office.getByTestId("none")).toBeVisible();

  const other = await village.reports("通道堆放杂物");
  const before = await village.seen(other);
  await village.writesApart("hazard", other, { description: "二楼通道堆放杂物" }, before);
  await village.writesApart("hazard", other, { description: "三楼通道堆放杂物" }, before);
  await expect(office.getByTestId("left")).toContainText("还有 1 处");
  await expect(office.getByTestId("choose")).toHaveCount(2);
  await office.keyboard.press("2");
  await expect(office.getByTestId("none")).toBeVisible();
  // It is sent when nobody has taken it back for some seconds.
  await expect.poll(async () => (await village.read<{ conflicts: string[] }>(`/records/${other}`)).conflicts).toEqual([]);
});

test("a month's reports stand in one table, and one is returned with its reason", async ({ township, context }) => {
  const month = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 7);
  const village = await Village.of(township, "inspector01");
  const bytes = createHash("sha256").update(`monthly_report\n${village.id}\n${month}\n`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  const id = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  await village.writes("monthly_report", id, { month, "figures/inspections": 12, submitted_at: Date.now(), narrative: "节前检查" });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/reports/${month}`);
  const row = page.getByTestId("report").filter({ hasText: "已上报" });
  await expect(row).toContainText("12");
  await row.getByTestId("return").click();
  await page.getByRole("textbox").last().fill("检查次数与台账不符");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(page.getByTestId("report").filter({ hasText: "已退回" })).toHaveCount(1);
  expect(await village.read(`/records/${id}`)).toMatchObject({ fields: { review_remark: { value: "检查次数与台账不符" } } });
});

test("a phone is enrolled by a code, and a lost one is revoked", async ({ township, context }) => {
  await township.signIn("inspector01", "红米 12");
  const page = await signedIn(context, township);
  await page.getByTestId("nav-people").click();
  await page.getByTestId("account").filter({ hasText: "inspector01" }).getByTestId("enrol").click();
  const code = (await page.getByTestId("code").textContent()) ?? "";
  expect(code).toMatch(/^[0-9A-Z-]{8,}$/);
  const enrolled = await fetch(`${township.url}/api/v1/auth/enrol`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code, device_name: "新手机" }),
  });
  expect(enrolled.status).toBe(200);
  await page.keyboard.press("Escape");
  await page.reload();
  const lost = page.getByTestId("device").filter({ hasText: "红米 12" });
  await lost.getByTestId("revoke").click();
  await page.getByRole("button", { name: "停用手机" }).last().click();
  await expect(lost).toContainText("已停用");
});

test("a site is added at the desk and an inspector is sent to the app for phones", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("nav-sites").click();
  await page.getByTestId("add").click();
  await page.getByTestId("village").selectOption({ index: 0 });
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("site-name").fill("东街液化气站");
  await page.getByTestId("save").click();
  await page.getByTestId("search").fill("东街");
  await expect(page.getByTestId("site")).toHaveCount(1);
  await page.getByTestId("sign-out").click();
  await page.getByTestId("username").fill("inspector01");
  await page.getByTestId("password").fill(township.password);
  await page.getByTestId("sign-in").click();
  await expect(page.getByText("村级安监员请用手机端")).toBeVisible();
});

test("a sheet of sites is added whole, or not at all and with what is wrong by row and column", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/sites`);
  await page.getByTestId("open-import").click();
  const header = ["行业领域", "行政村", "名称", "负责人", "许可证有效期至", "重大危险源", "备注"];
  const good = ["烟花爆竹", "示范一村", "王家烟花店", "店主", "2027/1/31", "否", ""];
  const sheet = (rows: string[][]) => ({ name: "名册.xlsx", mimeType: "application/octet-stream", buffer: workbook([header, ...rows]) });
  await page.getByTestId("sheet").setInputFiles(sheet([good, ["烟火", "示范一村", "", "", "明年", "", ""], [], good]));
  const faults = page.getByTestId("faults");
  await expect(faults).toContainText("第 3 行“行业领域”：没有“烟火”这一项");
  await expect(faults).toContainText("第 3 行“名称”：没有填");
  await expect(faults).toContainText("第 3 行“许可证有效期至”：“明年”不是日期");
  await expect(faults).toContainText("第 5 行“名称”：这个村已经有“王家烟花店”");
  await expect(page.getByTestId("import")).toBeDisabled();
  await page.getByTestId("sheet").setInputFiles({ name: "名册.xls", mimeType: "application/octet-stream", buffer: Buffer.from("no workbook") });
  await expect(faults).toContainText("这个文件读不了");
  await page.getByTestId("sheet").setInputFiles(sheet([good, ["消防", "示范二村", "李家木材厂", "厂长", "", "", ""]]));
  await expect(page.getByTestId("ready")).toContainText("2");
  await page.getByTestId("import").click();
  await page.getByTestId("search").fill("王家");
  await expect(page.getByTestId("site")).toHaveCount(1);
  await expect(page.getByTestId("site")).toContainText("烟花爆竹");
  // As many as go up in one piece, and not one more; what was written stays as it was written.
  const many = (count: number) => Array.from({ length: count }, (_, at) => ["消防", "示范三村", `（东）${at + 1}号仓库`, "", "", "", ""]);
  await page.getByTestId("open-import").click();
  await page.getByTestId("sheet").setInputFiles(sheet(many(501)));
  await expect(faults).toContainText("有 501 行");
  await page.getByTestId("sheet").setInputFiles(sheet(many(500)));
  await page.getByTestId("import").click();
  await page.getByTestId("search").fill("仓库");
  await expect(page.getByTestId("site")).toHaveCount(500);
  await expect(page.getByTestId("site").first()).toContainText("（东）");
  // The same file again adds nothing twice.
  await page.getByTestId("open-import").click();
  await page.getByTestId("sheet").setInputFiles(sheet([good]));
  await expect(faults).toContainText("已经有“王家烟花店”");
});

test("what is listed goes into a workbook", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  await village.reports("超量存放烟花爆竹，约二十箱", { responsible: "店主", funds: 1200 });
  await village.reports("灭火器过期", { sector: "fire" });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards?sector=fireworks`);
  await expect(page.getByTestId("line")).toHaveCount(1);
  const download = page.waitForEvent("download");
  await page.getByTestId("export").click();
  const path = await (await download).path();
  const sheet = unzipped(readFileSync(path));
  expect(sheet).toContain("超量存放烟花爆竹");
  expect(sheet).toContain("1200");
  expect(sheet).not.toContain("灭火器过期");
});

/** The texts of the only sheet of a workbook (ZIP, deflated; ISO/IEC 29500). */
function unzipped(zip: Buffer): string {
  let text = "";
  for (let at = zip.indexOf("PK\u0001\u0002"); at >= 0; at = zip.indexOf("PK\u0001\u0002", at + 4)) {
    const [method, packed, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
    const name = zip.toString("utf8", at + 46, at + 46 + zip.readUInt16LE(at + 28));
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(begin, begin + packed);
    if (/sheet1|sharedStrings/.test(name)) text += method === 8 ? inflateRawSync(bytes).toString("utf8") : bytes.toString("utf8");
  }
  return text;
}

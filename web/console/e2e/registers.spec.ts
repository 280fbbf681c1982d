// The office keeps its calendar and its registers, and sees what falls due and what is still to be visited.

import { randomUUID } from "node:crypto";

import { expect, signedIn, test, Village } from "./desk.js";
import { workbook } from "./workbook.js";

const DAY_MS = 86_400_000;
const dayOf = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 10);
const weekday = (day: string) => new Date(`${day}T00:00:00Z`).getUTCDay();
const isWeekend = (day: string) => [0, 6].includes(weekday(day));
/** The n-th day from today that is, or is none, of a weekend. */
const day = (n: number, ofWeekend: boolean) => Array.from({ length: 30 }, (_, at) => dayOf(Date.now() + (at + 1) * DAY_MS)).filter((one) => isWeekend(one) === ofWeekend)[n] ?? "";

test("an order's deadline is counted in the working days that the office has entered, and a day of rest is said", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("灭火器过期", { responsible: "店主", funds: 300 });
  const page = await signedIn(context, township);
  // The next weekday is a holiday, and the first day of the next weekend makes up for it.
  const [holiday, second, makeUp] = [day(0, false), day(1, false), day(0, true)];
  await page.getByTestId("nav-settings").click();
  for (const one of [holiday, makeUp]) {
    if (!(await page.getByTestId(`day-${one}`).isVisible().catch(() => false))) await page.goto(`${township.url}/office/settings/calendar?year=${one.slice(0, 4)}`);
    await page.getByTestId(`day-${one}`).click();
    await page.getByTestId("save-calendar").click();
    await expect(page.getByTestId("save-calendar")).toBeDisabled();
  }
  await expect(page.getByTestId(`day-${makeUp}`)).toHaveAccessibleName(new RegExp(`${makeUp} 调休上班$`));

  await page.goto(`${township.url}/office/hazards/${found}`);
  await expect(page.getByTestId("settled")).toHaveText("已落实 2/5");
  await page.getByTestId("order").click();
  await expect(page.getByTestId("missing")).toContainText("整改措施、整改时限、应急预案");
  await page.getByTestId("give-1").click();
  const first = [second, makeUp].sort()[0] ?? "";
  await expect(page.getByTestId("deadline")).toHaveValue(first);
  await expect(page.getByTestId("rests")).toHaveCount(0);
  await page.getByTestId("deadline").fill(holiday);
  await expect(page.getByTestId("rests")).toContainText("放假");
  await page.getByTestId("give-1").click();
  await expect(page.getByTestId("rests")).toHaveCount(0);
  await page.getByTestId("issue").click();
  await expect(page.getByTestId("settled")).toHaveText("已落实 3/5");

  // What falls due stands in the navigation, by village on its page, and its rows behind every number.
  await page.getByTestId("nav-due").click();
  await expect(page.getByTestId("nav-due")).toContainText("1");
  await expect(page.getByTestId("due-village")).toHaveCount(1);
  await page.getByTestId("all-due").click();
  await expect(page.getByTestId("line")).toHaveCount(1);
  await expect(page).toHaveURL(/due_until=/);
  // And what is missing is a filter of the ledger.
  await page.goto(`${township.url}/office/hazards?missing=contingency_plan`);
  await expect(page.getByTestId("line")).toHaveCount(1);
  await page.goto(`${township.url}/office/hazards?missing=funds`);
  await expect(page.getByTestId("line")).toHaveCount(0);
});

test("the office chooses what must be settled", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("灭火器过期", { responsible: "店主" });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/settings/members`);
  await page.getByTestId("member-aim").check();
  await expect(page.getByTestId("member-aim")).toBeEnabled();
  await page.getByTestId("member-funds").uncheck();
  await expect(page.getByTestId("member-funds")).toBeEnabled();
  await page.goto(`${township.url}/office/hazards/${found}`);
  await expect(page.getByTestId("member").last()).toContainText("整改目标");
  await expect(page.getByTestId("member").filter({ hasText: "整改资金" })).toHaveCount(0);
  await expect(page.getByTestId("settled")).toHaveText("已落实 1/5");
});

test("a campaign says which sites were not visited, and hears of a visit by itself", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/campaigns`);
  await page.getByTestId("add").click();
  await page.getByTestId("campaign-title").fill("烟花爆竹节前检查");
  await page.getByTestId("of-fireworks").check();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("campaign")).toContainText(["烟花爆竹节前检查"]);
  await page.getByTestId("campaign").filter({ hasText: "烟花爆竹节前检查" }).getByRole("link").click();
  const targets = page.getByTestId("target");
  await expect(targets.first()).toBeVisible();
  const progress = (await page.getByTestId("progress").textContent()) ?? "";
  const all = Number(/共 (\d+) 处/.exec(progress)?.[1]);
  expect(all).toBeGreaterThan(0);
  await expect(targets).toHaveCount(all);

  const sites = await village.read<{ rows: { id: string; village: string; values: Record<string, string> }[] }>("/records?kind=site&limit=500");
  const own = sites.rows.find((site) => site.village === village.id && site.values["sector"] === "fireworks");
  expect(own, "the demo's first village sells fireworks").toBeDefined();
  await village.writes("inspection", randomUUID(), { site: own?.id, type: "routine", inspected_at: Date.now(), "inspectors/安监员": true });
  await expect(page.getByTestId("progress")).toContainText("已查 1 处");
  await expect(targets).toHaveCount(all - 1);
  await page.getByTestId("turn").click();
  await expect(targets).toHaveCount(1);
  await expect(targets).toContainText(String(own?.values["name"]));

  // Narrowed to a list of one site.
  await page.getByTestId("edit-campaign").click();
  await page.getByTestId("campaign-sites").fill(String(own?.values["name"]));
  await page.getByTestId("campaign-site").first().click();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("progress")).toContainText("共 1 处（100%）");
});

test("a checklist is written item by item, put in order, and brought in from a sheet or not at all", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/checklists`);
  await expect(page.getByTestId("checklist").first()).toBeVisible();
  const before = await page.getByTestId("checklist").count();
  await page.getByTestId("add").click();
  await page.getByTestId("checklist-title").fill("渡口检查表");
  await page.getByTestId("checklist-sector").selectOption("water");
  for (const text of ["救生衣是否配足", "渡工是否持证"]) {
    await page.getByTestId("add-item").click();
    await page.getByTestId("item-text").last().fill(text);
  }
  await page.getByTestId("up").last().click();
  await page.getByTestId("save").click();
  const row = page.getByTestId("checklist").filter({ hasText: "渡口检查表" });
  await row.locator("summary").click();
  await expect(row.locator("li")).toHaveText([/2 渡工是否持证/, /1 救生衣是否配足/]);

  await page.getByTestId("open-import").click();
  const header = ["行业领域", "标题", "编号", "检查内容", "依据"];
  const sheet = (rows: string[][]) => ({ name: "检查表.xlsx", mimeType: "application/octet-stream", buffer: workbook([header, ...rows]) });
  const good = ["燃气", "液化气站检查表", "1", "气瓶是否在检验期内", "《城镇燃气管理条例》"];
  await page.getByTestId("sheet").setInputFiles(sheet([good, ["煤气", "液化气站检查表", "2", "", ""], [...good.slice(0, 2), "1", "有无警示标志", ""]]));
  const faults = page.getByTestId("faults");
  await expect(faults).toContainText("第 3 行“行业领域”：没有“煤气”这一项");
  await expect(faults).toContainText("第 3 行“检查内容”：没有填");
  await expect(faults).toContainText("第 4 行“编号”：已经有“1”");
  await expect(page.getByTestId("import")).toBeDisabled();
  await page.getByTestId("sheet").setInputFiles(sheet([good, [...good.slice(0, 2), "2", "有无警示标志", ""]]));
  await page.getByTestId("import").click();
  await expect(page.getByTestId("checklist")).toHaveCount(before + 2);
  await expect(page.getByTestId("checklist").filter({ hasText: "液化气站检查表" })).toContainText("2 项");
  // The same sheet again adds nothing twice.
  await page.getByTestId("open-import").click();
  await page.getByTestId("sheet").setInputFiles(sheet([good]));
  await expect(faults).toContainText("第 2 行“标题”：已经有“液化气站检查表”");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "渡口检查表" }).click();
  await page.getByTestId("void-checklist").click();
  await page.getByRole("textbox").last().fill("不用了");
  await page.getByRole("button", { name: "作废" }).last().click();
  await expect(page.getByTestId("checklist")).toHaveCount(before + 1);
});

test("the registers of villages and of common wordings are kept at the desk", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("nav-villages").click();
  await page.getByRole("button", { name: "示范一村" }).click();
  await page.getByTestId("village-population").fill("2380");
  await page.getByTestId("village-head").fill("村主任");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("village-row").filter({ hasText: "示范一村" })).toContainText("2,380");
  await page.getByTestId("add").click();
  await page.getByTestId("village-name").fill("示范新村");
  await page.getByTestId("village-code").fill("999999999999");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("village-row").filter({ hasText: "示范新村" })).toContainText("999999999999");

  await page.goto(`${township.url}/office/settings/phrases`);
  await page.getByTestId("fill-phrases").click();
  await expect(page.getByTestId("phrase").first()).toBeVisible();
  const before = await page.getByTestId("phrase").count();
  await page.getByTestId("add-phrase").click();
  await page.getByTestId("phrase-description").fill("消火栓无水");
  await page.getByTestId("phrase-measures").fill("检修");
  await page.getByTestId("save-phrase").click();
  await expect(page.getByTestId("phrase")).toHaveCount(before + 1);
  await page.getByRole("button", { name: "消火栓无水" }).click();
  await page.getByTestId("void-phrase").click();
  await page.getByRole("textbox").last().fill("重复");
  await page.getByRole("button", { name: "作废" }).last().click();
  await expect(page.getByTestId("phrase")).toHaveCount(before);
});

test("operations are suspended and resumed, supervision is begun and ended, an order is received, and a leader signs off", async ({ township, context, browser }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("库房与住人房间连通", { level: "major", responsible: "店主" });
  const confirm = async (what: string) => {
    await expect(page.getByTestId("lifted-hazard")).toContainText("库房与住人房间连通");
    await page.getByTestId("confirm-lift").click();
    await expect(page.getByTestId(what)).toHaveCount(0);
  };
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  await page.getByTestId("order").click();
  await page.getByText("停产停业整顿").first().click();
  await page.getByTestId("issue").click();
  const hazard = page.getByTestId("hazard");
  await expect(hazard).toContainText("停产停业");
  await expect(page.getByTestId("unsigned")).toHaveText("待领导审批");
  await page.getByTestId("receive").click();
  await expect(page.getByTestId("receive")).toHaveCount(0);
  // A double press begins one supervision.
  for (const to of ["township", "county"]) await page.getByTestId(`escalate-${to}`).dblclick();
  await expect(page.getByTestId("unlist-county")).toBeVisible();
  expect((await village.read<{ rows: unknown[] }>("/records?kind=escalation")).rows).toHaveLength(2);
  await page.getByTestId("unlist-township").click();
  await confirm("unlist-township");
  await expect(page.getByTestId("escalate-township")).toBeVisible();
  await page.getByTestId("unlist-county").click();
  await confirm("unlist-county");
  await expect(page.getByTestId("escalate-county")).toBeVisible();

  // A pass by the village closes no major hazard; the township's does, and a leader approves it.
  await village.writes("reinspection", randomUUID(), { hazard: found, at: Date.now(), by: "村级安监员", result: "passed" });
  await expect(page.getByTestId("fact").filter({ hasText: "村级安监员" })).toHaveCount(1);
  await expect(hazard).not.toContainText("已销号");
  // The order is about another hazard too, which is not closed: who lifts it is shown both.
  const other = await village.reports("安全出口上锁");
  const { rows } = await village.read<{ rows: { id: string }[] }>("/records?kind=order");
  const [order] = rows;
  const office = await Village.of(township, "supervisor");
  await office.writesIn(village.id, "order", order?.id ?? "", { [`hazards/${other}`]: true }, await village.seen(order?.id ?? ""));
  await page.reload();
  await page.getByTestId("lift").click();
  await expect(page.getByTestId("lifted-hazard").filter({ hasText: "安全出口上锁" })).toContainText("已下令");
  await page.getByRole("button", { name: "取消" }).click();
  await expect(page.getByTestId("lift")).toBeVisible();
  await page.getByTestId("lift").click();
  await expect(page.getByTestId("lifted-hazard")).toHaveCount(2);
  await page.getByTestId("confirm-lift").click();
  await expect(page.getByTestId("lift")).toHaveCount(0);
  await page.getByTestId("reinspect").click();
  await page.getByTestId("passed").click();
  await page.getByTestId("save-reinspection").click();
  await expect(hazard).toContainText("已销号");

  const elsewhere = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: "zh-CN" });
  const leader = await signedIn(elsewhere, township, "leader");
  await leader.goto(`${township.url}/office/hazards/${found}`);
  await expect(leader.getByTestId("sign")).toHaveCount(2);
  await leader.getByTestId("sign").first().click();
  await expect(leader.getByTestId("signed")).toHaveCount(1);
  await leader.getByTestId("sign").click();
  await expect(leader.getByTestId("signed")).toHaveCount(2);
  await expect(page.getByTestId("signed")).toHaveCount(2);
  await elsewhere.close();
});

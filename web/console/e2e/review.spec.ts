// What waits for a supervisor: returns that the village answers, likely duplicates, decisions that are taken back.

import { randomUUID } from "node:crypto";

import { photos } from "../../tus/township.mjs";
import { expect, serious, signedIn, test, Village } from "./desk.js";

test("a record is returned with a reason, the village answers, and the office settles it", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("消火栓被货物挡住");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  await page.getByTestId("comment-words").fill("请补一张全景照片");
  await page.getByTestId("return").click();
  await expect(page.getByTestId("comment-line")).toContainText("等村里答复");

  const open = await village.read<{ rows: { record: string; seen: unknown }[] }>("/comments?state=open");
  const { record, seen } = open.rows[0]!;
  await village.writes("comment", record, { answer: "已补拍", answered_by: "村级安监员", answered_at: Date.now() }, seen);
  await page.getByTestId("nav-review").click();
  await page.getByTestId("tab-returns").click();
  const returned = page.getByTestId("returned");
  await expect(returned).toContainText("已补拍");
  await returned.getByTestId("settle").click();
  await expect(page.getByTestId("none")).toBeVisible();
});

test("a decision is taken back before anybody hears of it, and what each had seen is shown", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("通道堆放杂物");
  const before = await village.seen(found);
  await village.writesApart("hazard", found, { description: "二楼通道堆放杂物" }, before);
  await village.writesApart("hazard", found, { description: "三楼通道堆放杂物" }, before);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/review`);
  await expect(page.getByTestId("choose")).toHaveCount(2);
  await expect(page.getByTestId("saw").first()).toContainText("写之前看到的是“通道堆放杂物”");
  await expect(page.getByTestId("writer").first()).toContainText("phone");
  await page.keyboard.press("1");
  await expect(page.getByTestId("none")).toBeVisible();
  await page.keyboard.press("u");
  await expect(page.getByTestId("choose")).toHaveCount(2);
  expect((await village.read<{ conflicts: string[] }>(`/records/${found}`)).conflicts).toEqual(["description"]);
  await page.keyboard.press("2");
  await expect.poll(async () => (await village.read<{ conflicts: string[] }>(`/records/${found}`)).conflicts).toEqual([]);
});

test("what is in conflict stays under the hand while others come in, and a key that is held decides one thing", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  /** A conflict of a hazard whose id begins so: they are listed by their ids. */
  const conflict = async (first: string, description: string) => {
    const id = `${first}${randomUUID().slice(8)}`;
    await village.writes("hazard", id, { description, sector: "fire", level: "general", found_at: Date.now(), found_by: "村级安监员" });
    const before = await village.seen(id);
    for (const floor of ["二楼", "三楼"]) await village.writesApart("hazard", id, { place: floor }, before);
    return id;
  };
  await conflict("77777777", "通道堆放杂物");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/review`);
  await expect(page.getByTestId("choose")).toHaveCount(2);
  await conflict("11111111", "灭火器过期");
  await conflict("eeeeeeee", "安全出口上锁");
  await expect(page.getByTestId("left")).toContainText("还有 3 处");
  await expect(page.getByTestId("title")).toContainText("通道堆放杂物");
  await page.keyboard.down("1");
  await expect(page.getByTestId("left")).toContainText("还有 2 处");
  await expect(page.getByTestId("choose")).toHaveCount(2);
  await page.keyboard.down("1");
  await expect(page.getByTestId("undo-bar")).toContainText("已核定：通道堆放杂物 · 隐患部位");
  await expect(page.getByTestId("left")).toContainText("还有 2 处");
  await page.keyboard.up("1");
  // What is taken back by hand is looked at again.
  await page.keyboard.press("u");
  await expect(page.getByTestId("left")).toContainText("还有 3 处");
  await expect(page.getByTestId("title")).toContainText("通道堆放杂物");
});

test("a fact in conflict says about which hazard it is", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("配电箱无门");
  const fact = await village.writes("rectification", randomUUID(), { hazard: found, done_at: Date.now(), done_by: "店主", measures: "已装门" });
  const before = await village.seen(fact);
  for (const measures of ["已装铁门", "已装木门"]) await village.writesApart("rectification", fact, { measures }, before);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/review`);
  await expect(page.getByTestId("about")).toContainText("配电箱无门");
  await page.getByTestId("about").getByRole("link").click();
  await expect(page.getByTestId("hazard")).toContainText("配电箱无门");
});

test("who decides about what was voided and written to since is shown what the voiding had not seen", async ({ township, context }) => {
  const [village, office] = [await Village.of(township, "inspector01"), await Village.of(township, "supervisor")];
  const found = await village.reports("围栏损坏", { place: "东门" });
  await village.writes("rectification", randomUUID(), { hazard: found, done_at: Date.now(), done_by: "村委会", measures: "已补网" });
  const { seen, standing } = await office.read<{ seen: Record<string, number>; standing: { to_void: string[] } }>(`/records/${found}`);
  const follows = Object.fromEntries(standing.to_void.map((key) => [`void_follows/${key}`, true]));
  await office.writesIn(village.id, "hazard", found, { void: "报错了", ...follows }, seen);
  await village.writesApart("hazard", found, { place: "西门，长约十米" }, seen);
  await village.writes("reinspection", randomUUID(), { hazard: found, at: Date.now(), by: "村级安监员", result: "not_passed" });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/review`);
  await expect(page.getByRole("heading", { name: "作废后又有人写了内容" })).toBeVisible();
  await expect(page.getByTestId("since").getByTestId("version")).toHaveCount(1);
  await expect(page.getByTestId("since")).toContainText("西门，长约十米");
  await expect(page.getByTestId("unnamed")).toHaveCount(1);
  await expect(page.getByTestId("unnamed")).toContainText("未通过");
});

test("two hazards that are likely the same are joined, and what was joined is reached from the one that stays", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const place = { location: { lat: 27.5, lon: 109.2 } };
  const first = await village.reports("一楼灭火器压力不足", { ...place, sector: "fire" });
  const again = await village.reports("一楼楼梯口灭火器压力不足", { ...place, sector: "fire", level: "major" });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/review/duplicates`);
  await expect(page.getByTestId("side")).toHaveCount(2);
  await expect(page.getByTestId("keep-1")).toBeEnabled();
  await page.keyboard.press("n");
  await expect(page.getByTestId("none")).toBeVisible();
  await page.getByTestId("undo").click();
  await expect(page.getByTestId("keep-1")).toBeEnabled();
  await page.keyboard.press("1");
  await expect(page.getByTestId("none")).toBeVisible();
  await expect.poll(async () => (await village.read<{ voiding: string }>(`/records/${again}`)).voiding).toBe("voided");
  await page.goto(`${township.url}/office/hazards/${first}`);
  await expect(page.getByTestId("hazard")).toContainText("重大隐患");
  await page.getByTestId("joined").getByRole("link").click();
  await expect(page.getByTestId("voided")).toContainText("重复");
  await page.getByTestId("unvoid").click();
  await expect(page.getByTestId("voided")).toHaveCount(0);
});

test("several hazards get one order each site, and the order is taken back before it has a number", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  await village.reports("疏散指示灯不亮");
  await village.reports("安全出口上锁");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByTestId("line")).toHaveCount(2);
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  await expect(page.getByTestId("bulk")).toContainText("已选 2 条");
  const issue = async () => {
    await page.getByTestId("bulk-order").click();
    await page.getByTestId("bulk-go").click();
    await expect(page.getByTestId("undo-bar")).toContainText("给 2 条隐患下达 1 份指令");
  };
  await issue();
  await page.getByTestId("undo").click();
  await expect(page.getByTestId("bulk")).toContainText("已选 2 条");
  expect((await village.read<{ rows: unknown[] }>("/records?kind=order")).rows).toEqual([]);
  await issue();
  await expect(page.getByTestId("line").filter({ hasText: "已下令" })).toHaveCount(2);
});

test("a view is saved under a name and opened on another computer", async ({ township, context, browser }) => {
  const village = await Village.of(township, "inspector01");
  await village.reports("灭火器过期", { sector: "fire" });
  await village.reports("超量存放烟花爆竹");
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards?sector=fire`);
  await page.getByTestId("save-view").click();
  await page.getByRole("textbox").last().fill("消防");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(page.getByTestId("view")).toContainText("消防");
  const elsewhere = await signedIn(await browser.newContext({ locale: "zh-CN" }), township);
  await elsewhere.goto(`${township.url}/office/hazards`);
  await expect(elsewhere.getByTestId("line")).toHaveCount(2);
  await elsewhere.getByTestId("view").getByRole("button").first().click();
  await expect(elsewhere.getByTestId("line")).toHaveCount(1);
  await expect(elsewhere).toHaveURL(/sector=fire/);
});

test("the map shows where hazards are, without any tiles", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  await village.reports("灭火器过期", { location: { lat: 27.5, lon: 109.2 }, deadline: "2020-01-01" });
  await village.reports("安全出口上锁", { location: { lat: 27.5, lon: 109.2 } });
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards`);
  await page.getByTestId("map").click();
  await expect(page).toHaveURL(/show=map/);
  const cluster = page.getByTestId("hazard-map").locator(".cluster.late");
  await expect(cluster).toHaveAttribute("title", "2 处隐患，其中逾期 1 处");
});

test("the audit log says who signed in and what was changed, and a phone says how much waits on it", async ({ township, context }) => {
  const token = await township.signIn("inspector01", "红米 12");
  const told = { sent_at_ms: Date.now(), pull: {}, unsent: 3 };
  const answer = await fetch(`${township.url}/api/v1/sync`, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: JSON.stringify(told) });
  expect(answer.status).toBe(200);
  const page = await signedIn(context, township);
  await page.getByTestId("nav-people").click();
  const phone = page.getByTestId("device").filter({ hasText: "红米 12" });
  await expect(phone.getByTestId("unsent")).toContainText("3 条没上报");
  await phone.getByTestId("revoke").click();
  await page.getByRole("button", { name: "停用手机" }).last().click();
  await expect(phone).toContainText("已停用");
  await page.getByTestId("nav-audit").click();
  await expect(page.getByTestId("entry").first()).toContainText("停用手机");
  await expect(page.getByTestId("entry").filter({ hasText: "登录" }).first()).toBeVisible();
});

test("a photo on its way is shown by its preview, which says that it is one, until the photo itself is here", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("围栏损坏");
  const [photo, other] = photos("phones");
  const hash = await village.shows(found, "before", photo!.bytes);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  await expect(page.getByText("照片还在路上")).toBeVisible();
  await village.previews(hash, other!.bytes);
  await page.reload();
  await expect(page.locator("figure")).toContainText("预览，原图未到");
  await page.getByTestId("photo").click();
  await expect(page.getByTestId("large")).toContainText("预览，原图未到");
  await village.uploads(photo!.bytes);
  await page.reload();
  await expect(page.getByTestId("photo")).toBeVisible();
  await expect(page.getByText("预览，原图未到")).toHaveCount(0);
});

test("photos of before stand beside those of after", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = await village.reports("围栏损坏");
  const [before, after] = photos("phones");
  await village.photographs(found, "before", before!.bytes);
  await village.photographs(found, "after", after!.bytes);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  await page.getByTestId("photo").first().click();
  await expect(page.getByTestId("large")).toHaveCount(1);
  await page.keyboard.press("c");
  await expect(page.getByTestId("large")).toHaveCount(2);
  await expect(page.getByTestId("large").last()).toContainText("整改后");
});

test("axe finds nothing serious where the office reviews, on the map, and in the audit log", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const place = { location: { lat: 27.5, lon: 109.2 } };
  const found = await village.reports("灭火器过期", place);
  await village.reports("灭火器过期两月", place);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/hazards/${found}`);
  await page.getByTestId("comment-words").fill("请补一张全景照片");
  await page.getByTestId("return").click();
  await expect(page.getByTestId("comment-line")).toBeVisible();
  for (const path of ["review/duplicates", "review/returns", "hazards?show=map", "audit"]) {
    await page.goto(`${township.url}/office/${path}`);
    await expect(page.locator("main h1")).toBeVisible();
    expect(await serious(page), path).toEqual([]);
  }
});

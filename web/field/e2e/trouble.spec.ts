// When the office does not take what was written, or the phone is no longer let in: nothing is lost, and it is said.

import { type BrowserContext, chromium, type Page } from "@playwright/test";

import { photos, sha256 } from "../../tus/township.mjs";
import { accountOf, descriptions, expect, home, office, report, sent, setClock, signedIn, signIn, SMALL, test, type Township } from "./phone.js";

const DAY_MS = 86_400_000;

test("a session that has ended is said, and work goes up after signing in again", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const ended = (status: number, code: string) => ({ status, contentType: "application/problem+json", body: JSON.stringify({ status, code, title: code }) });
  await context.route("**/api/v1/sync", (route) => route.fulfill(ended(401, "token_expired")));
  await context.route("**/api/v1/auth/refresh", (route) => route.fulfill(ended(401, "refresh_reused")));
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("description").fill("疏散通道堆放杂物");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("status-strip")).toContainText("登录已失效");
  await expect(page.getByTestId("status-strip")).toContainText("未上报");
  await context.unroute("**/api/v1/sync");
  await context.unroute("**/api/v1/auth/refresh");
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sign-in-again").click();
  await page.getByTestId("by-password").click();
  await page.getByTestId("username").fill("inspector01");
  await page.getByTestId("password").fill(township.password);
  await page.getByTestId("sign-in").click();
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报");
});

/** Writes a hazard with a photo without a network, while its inspector is put in charge of another village: the office takes neither. */
async function refusedWithPhoto(page: Page, context: BrowserContext, township: Township): Promise<void> {
  const ask = await office(township, "admin");
  const [own, other] = [await accountOf(ask, "inspector01"), await accountOf(ask, "inspector02")];
  await context.setOffline(true);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("description").fill("液化气瓶超期未检");
  await takePhoto(page);
  await expect(page.locator("figure img")).toBeVisible();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toBeVisible();
  await ask("PATCH", `/accounts/${own.id}`, { villages: other.villages });
  await context.setOffline(false);
  await expect(page.getByTestId("status-strip")).toContainText("1 条记录需要处理");
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sync-row").first().click();
  await expect(page.getByTestId("refused")).toHaveCount(1);
  await expect(page.getByTestId("refused")).toContainText("不归您的村管");
  await expect(page.getByTestId("refused").locator("img")).toBeVisible();
}

async function takePhoto(page: Page, at = 0, input = page.getByTestId("photo-input").first()): Promise<void> {
  const picture = photos("phones")[at];
  if (!picture) throw new Error("no photo");
  await input.setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: picture.bytes });
}

test("what the office put aside is said with its reason, and corrected in its form, and its photo goes along", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await refusedWithPhoto(page, context, township);
  await page.getByTestId("repair").click();
  await expect(page.getByTestId("description")).toHaveValue("液化气瓶超期未检");
  await expect(page.locator("figure img")).toBeVisible();
  await expect(page.getByTestId("elsewhere")).toBeVisible();
  await page.getByTestId("village").selectOption({ index: 1 });
  await expect(page.getByTestId("elsewhere")).toHaveCount(0);
  await page.getByTestId("save").click();
  await expect(page.locator(".shot [data-progress=accepted]")).toBeVisible();
  await expect(page.getByTestId("refused")).toHaveCount(0);
  await sent(page);
  expect(await descriptions(township)).toEqual(["液化气瓶超期未检"]);
});

test("what the office put aside asks no longer once it was seen, nor does its photo", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await refusedWithPhoto(page, context, township);
  await page.getByTestId("seen").click();
  await sent(page);
});

test("what was begun for a village that somebody else has now is saved, and lies where the office sees it", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const [admin, supervisor] = [await office(township, "admin"), await office(township, "supervisor")];
  const [own, other] = [await accountOf(admin, "inspector01"), await accountOf(admin, "inspector02")];
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("choose-site").click();
  await page.getByTestId("site").first().click();
  await page.getByTestId("description").fill("换村以前看到的");
  await expect(page.getByTestId("elsewhere")).toHaveCount(0);
  await admin("PATCH", `/accounts/${own.id}`, { villages: other.villages });
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sync-now").click();
  await page.goBack();
  await expect(page.getByTestId("elsewhere")).toContainText("由镇里处理");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("换村以前看到的");
  await expect(page.getByTestId("refused")).toContainText("不归您的村管");
  const { rows } = await supervisor<{ rows: { body: string }[] }>("GET", "/quarantine");
  expect(rows.map(({ body }) => (JSON.parse(body) as { changes: { description: string } }).changes.description)).toEqual(["换村以前看到的"]);
});

test("a refused rectification whose hazard has left the phone is told of with its photo, and seen, where the strip leads", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const ask = await office(township, "admin");
  const [own, other] = [await accountOf(ask, "inspector01"), await accountOf(ask, "inspector02")];
  await report(page, "消火栓无水");
  await expect.poll(() => descriptions(township)).toEqual(["消火栓无水"]);
  await context.setOffline(true);
  await page.getByTestId("rectify").click();
  await page.getByTestId("measures").fill("已修好");
  await takePhoto(page);
  await expect(page.locator("figure img")).toBeVisible();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("已修好");
  await ask("PATCH", `/accounts/${own.id}`, { villages: other.villages });
  await context.setOffline(false);
  await expect(page.getByTestId("status-strip")).toContainText("需要处理");
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sync-row").filter({ hasText: "已修好" }).click();
  await expect(page.getByTestId("refused")).toContainText("不归您的村管");
  await expect(page.getByTestId("refused").locator("img")).toBeVisible();
  await page.getByTestId("seen").click();
  await sent(page);
});

test("a change that only the office may make is refused with words, beside the input and above the form", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("level-major").click();
  await page.getByTestId("description").fill("气瓶间无通风");
  await page.getByTestId("save").click();
  await expect.poll(() => descriptions(township)).toEqual(["气瓶间无通风"]);
  const ask = await office(township, "supervisor");
  const [row] = (await ask<{ rows: { id: string; village: string }[] }>("GET", "/hazards")).rows;
  const changes = { subject_kind: "hazard", subject: row?.id, by: "镇安监办", at: Date.now(), reason: "应为一般隐患" };
  await ask("POST", "/records", { edits: [{ record: "01920000-0000-7000-8000-000000000710", kind: "comment", village: row?.village, changes }] });
  await page.getByTestId("amend").click();
  await page.getByTestId("level-general").click();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("wrong")).toContainText("隐患等级要由镇里决定");
  await expect(page.getByTestId("wrong")).toBeInViewport();
  await expect(page.getByText("隐患等级要由镇里决定")).toHaveCount(2);
  // The way out that the words tell.
  await page.getByTestId("level-major").click();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("comment")).toContainText("已答复");
  await sent(page);
});

test("a photo that the phone has lost is told of and taken again", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await context.setOffline(true);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("description").fill("灭火器失效");
  await takePhoto(page);
  await expect(page.locator("figure img")).toBeVisible();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toBeVisible();
  await page.evaluate(async () => {
    const name = (await indexedDB.databases()).map((one) => one.name ?? "").find((one) => /^hazard-field-[0-9a-f-]{36}$/.test(one)) ?? "";
    const db = await new Promise<IDBDatabase>((resolve) => {
      const asked = indexedDB.open(name);
      asked.onsuccess = () => resolve(asked.result);
    });
    const tx = db.transaction("pictures", "readwrite");
    tx.objectStore("pictures").clear();
    await new Promise((resolve) => (tx.oncomplete = resolve));
    db.close();
  });
  await context.setOffline(false);
  await expect(page.getByTestId("status-strip")).toContainText("照片已损坏");
  await expect(page.getByTestId("refused")).toContainText("镇里没有这张照片");
  await takePhoto(page, 1, page.getByTestId("retake"));
  await expect(page.getByTestId("refused")).toHaveCount(0);
  await expect(page.locator(".shot [data-progress=accepted]")).toBeVisible();
  await expect(page.locator(".shot [data-progress=lost]")).toContainText("没有上报");
  await sent(page);
});

test("a phone that was moved to another village gets that village's hazards, and forgets the first's", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const [admin, supervisor] = [await office(township, "admin"), await office(township, "supervisor")];
  const [own, other] = [await accountOf(admin, "inspector01"), await accountOf(admin, "inspector02")];
  const edits = [own, other].map(({ username, villages }, at) => ({
    record: `01920000-0000-7000-8000-00000000070${at}`,
    kind: "hazard",
    village: villages[0],
    changes: { description: `${username} 村的隐患`, sector: "fire", level: "general", found_at: Date.now(), found_by: "镇安监办" },
  }));
  await supervisor("POST", "/records", { edits });
  await page.getByTestId("tab-hazards").click();
  await expect(page.getByTestId("hazard-row")).toHaveText([/inspector01 村的隐患/]);
  await admin("PATCH", `/accounts/${own.id}`, { villages: other.villages });
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sync-now").click();
  await page.goto(`${township.url}/field/`);
  await page.getByTestId("tab-hazards").click();
  await expect(page.getByTestId("hazard-row")).toHaveText([/inspector02 村的隐患/]);
});

test("a disabled account is said, its work stays on the phone, and goes up once it is enabled again", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const ask = await office(township, "admin");
  const { id } = await accountOf(ask, "inspector01");
  await ask("PATCH", `/accounts/${id}`, { disabled: true });
  await report(page, "煤气罐放在楼道");
  await expect(page.getByTestId("status-strip")).toContainText("账号已停用");
  await expect(page.getByTestId("status-strip")).toContainText("未上报");
  await page.reload();
  await expect(page.getByTestId("hazard")).toContainText("煤气罐放在楼道");
  await ask("PATCH", `/accounts/${id}`, { disabled: false });
  await page.getByTestId("status-strip").click();
  // Disabling has ended the session.
  await page.getByTestId("sync-now").click();
  await page.getByTestId("sign-in-again").click();
  await signIn(page, township);
  await sent(page);
  expect(await descriptions(township)).toEqual(["煤气罐放在楼道"]);
});

test("a revoked phone still exports what it has, and goes on as a new one after signing in again", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const ask = await office(township, "admin");
  const { id } = await accountOf(ask, "inspector01");
  const { devices } = await ask<{ devices: { id: string }[] }>("GET", `/devices?account=${id}`);
  for (const device of devices) await ask("POST", `/devices/${device.id}/revoke`, {});
  await report(page, "灭火器过期");
  await expect(page.getByTestId("status-strip")).toContainText("这部手机已被停用");
  await home(page);
  await page.getByTestId("tab-me").click();
  const downloading = page.waitForEvent("download");
  await page.getByTestId("carry").click();
  expect((await downloading).suggestedFilename()).toMatch(/\.zip$/);
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sign-in-again").click();
  await signIn(page, township);
  await sent(page);
  expect(await descriptions(township)).toEqual(["灭火器过期"]);
});

test("an app that finds no room to begin says so, and that nothing is lost, and begins once there is room", async ({ township, launchOptions, contextOptions }) => {
  const browser = await chromium.launch(launchOptions);
  const context = await browser.newContext(contextOptions);
  const page = await signedIn(context, township);
  await context.setOffline(true);
  await report(page, "存不下的那天");
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: township.url, quotaSize: 1 });
  // Chromium asks how much room there is only now and then.
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("手机存储已满，记录都还在。")).toBeVisible({ timeout: 8_000 });
  }).toPass();
  await expect(page.getByText("不要清除本应用的数据")).toBeVisible();
  await session.send("Storage.overrideQuotaForOrigin", { origin: township.url });
  await expect(page.getByTestId("hazard")).toContainText("存不下的那天");
  await browser.close();
});

test("a storage that the browser does not open is said as such", async ({ township, browser }) => {
  const context = await browser.newContext({ serviceWorkers: "block" });
  const broken = `indexedDB.open = () => { throw new DOMException("Internal error opening backing store", "UnknownError"); };\n`;
  await context.route("**/assets/worker-*.js", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: broken + (await answer.text()) });
  });
  const page = await context.newPage();
  await page.goto(`${township.url}/field/`);
  await expect(page.getByText("打不开手机存储")).toBeVisible();
  await context.close();
});

test("a clock that is wrong by years is said, and keeps nothing from reaching the office", async ({ township, browser }) => {
  // The worker's file comes changed on its way, so the service worker is kept out of it.
  const context = await browser.newContext({ serviceWorkers: "block" });
  await setClock(context, -3 * 365 * DAY_MS);
  const page = await context.newPage();
  await page.goto(`${township.url}/field/`);
  await signIn(page, township);
  await expect(page.getByTestId("status-strip")).toContainText("手机时间不准");
  await report(page, "三年前的钟");
  await page.getByTestId("status-strip").click();
  await expect(page.getByText("请在系统设置里打开自动时间")).toBeVisible();
  await expect(page.getByText("未上报：0 条记录")).toBeVisible();
  expect(await descriptions(township)).toEqual(["三年前的钟"]);
  await context.close();
});

test("after days without the server the phone says so and how to help oneself, and all goes up when it is back", SMALL, async ({ township, browser }) => {
  const context = await browser.newContext({ serviceWorkers: "block" });
  const page = await context.newPage();
  await page.goto(`${township.url}/field/`);
  await signIn(page, township);
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报");
  await report(page, "第一天");
  await sent(page);
  // The address answers, as a mast or a proxy does, but nobody behind it.
  await context.route("**/api/v1/**", (route) => route.fulfill({ status: 502, contentType: "text/html", body: "Bad Gateway" }));
  await setClock(context, 5 * DAY_MS);
  await page.goto(`${township.url}/field/`);
  await report(page, "第五天");
  await page.getByTestId("status-strip").click();
  await expect(page.getByText(/已有 5 天没有联网/)).toBeVisible();
  await expect(page.getByText("未上报：1 条记录")).toBeVisible();
  await context.unroute("**/api/v1/**");
  await page.getByTestId("sync-now").click();
  await expect(page.getByText("未上报：0 条记录")).toBeVisible();
  expect(await descriptions(township)).toEqual(["第一天", "第五天"]);
  await context.close();
});

test("storage that runs short is said before it hurts, with what can be freed, and nothing unsent goes with it", async ({ township, launchOptions, contextOptions }) => {
  // Chromium otherwise tells pages of ten gigabytes, whatever there is.
  const browser = await chromium.launch({ ...launchOptions, args: [...(launchOptions.args ?? []), "--disable-features=StaticStorageQuota", "--disable-blink-features=StaticStorageQuota"] });
  const context = await browser.newContext(contextOptions);
  const page = await signedIn(context, township);
  const picture = photos("phones")[0];
  if (!picture) throw new Error("no photo");
  const withPhoto = async (description: string) => {
    await page.getByTestId("report-hazard").click();
    await page.getByTestId("sector").selectOption("fire");
    await page.getByTestId("description").fill(description);
    await page.getByTestId("photo-input").first().setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: picture.bytes });
    await expect(page.locator("figure img").first()).toBeVisible();
    await page.getByTestId("save").click();
    await expect(page.getByTestId("hazard")).toContainText(description);
  };
  await withPhoto("消防通道被占用");
  await sent(page);
  const session = await context.newCDPSession(page);
  const { usage } = (await session.send("Storage.getUsageAndQuota", { origin: township.url })) as { usage: number };
  await session.send("Storage.overrideQuotaForOrigin", { origin: township.url, quotaSize: Math.round(usage / 0.85) });
  await page.reload();
  await expect(page.getByTestId("status-strip")).toContainText(/手机存储快满了，可清理 [\d.]+ [KM]B/);
  await page.getByTestId("status-strip").click();
  await page.getByTestId("free-space").click();
  await expect(page.getByText(/已腾出 [\d.]+ [KM]B/)).toBeVisible();
  await page.goto(`${township.url}/field/`);
  await page.getByTestId("tab-hazards").click();
  // The small picture is still here, and the large one comes from the office.
  await expect(page.locator("[data-testid=hazard-row] img")).toBeVisible();
  await browser.close();
});

test("a photo that this browser cannot read is said, kept as it is, and reaches the office", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("description").fill("照片是坏的");
  const files = photos("invalid").slice(0, 3).map(({ name, bytes }) => ({ name, mimeType: "image/jpeg", buffer: bytes }));
  const torn = { name: "torn.heic", mimeType: "image/heic", buffer: Buffer.from("ftypheic, and then nothing that a picture would have") };
  await page.getByTestId("photo-input").first().setInputFiles([...files, torn]);
  await expect(page.getByText("格式手机显示不了")).toBeVisible();
  await expect(page.locator("figure")).toHaveCount(4);
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("照片是坏的");
  await sent(page);
  await home(page);
  const token = await township.signIn("supervisor", "office");
  expect((await township.original(token, sha256(torn.buffer))).bytes.equals(torn.buffer)).toBe(true);
});

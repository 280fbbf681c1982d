// Photos that are still being reduced when somebody saves or leaves, and what they say of when and where they were taken.

import type { BrowserContext, Locator, Page } from "@playwright/test";

import { photos, type Township } from "../../tus/township.mjs";
import { drafted, expect, office, report, sent, signedIn, SMALL, test } from "./phone.js";

const [first, second] = photos("gps");
const bare = photos("phones").find((one) => one.name.endsWith("jolla.jpg"));

/** A photo as the gallery gives it. */
function file(photo: { bytes: Buffer } | undefined, name = "photo.jpg") {
  if (!photo) throw new Error("no photo");
  return { name, mimeType: "image/jpeg", buffer: photo.bytes };
}

/** From the next start of the app on, no picture is reduced until `go`. */
async function slow(context: BrowserContext) {
  const wait = `{ const make = createImageBitmap.bind(self); const going = new Promise((go) => { new BroadcastChannel("go").onmessage = go; }); self.createImageBitmap = (...args) => going.then(() => make(...args)); }\n`;
  await context.route("**/assets/worker-*.js", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: wait + (await answer.text()) });
  });
  return (page: Page) => page.evaluate(() => new BroadcastChannel("go").postMessage(""));
}

/** Draws a line on what is there to be drawn on. */
async function draw(page: Page, on: Locator): Promise<void> {
  await on.scrollIntoViewIfNeeded();
  const box = await on.boundingBox();
  if (!box) throw new Error("nothing to draw on");
  await page.mouse.move(box.x + 20, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 120, box.y + 90, { steps: 4 });
  await page.mouse.up();
}

interface Shown {
  readonly hash: string;
  readonly role: string;
  readonly taken_at: number;
  readonly location?: { readonly lat: number; readonly lon: number };
}

/** What the office's photo records say. */
async function recorded(township: Township): Promise<Shown[]> {
  const ask = await office(township, "supervisor");
  const { rows } = await ask<{ rows: { values: Shown }[] }>("GET", "/records?kind=photo");
  return rows.map((row) => row.values);
}

test("a save waits for photos that are still being reduced", SMALL, async ({ township, context }) => {
  const go = await slow(context);
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("description").fill("楼道堆放杂物");
  await page.getByTestId("photo-input").setInputFiles([file(first), file(second)]);
  await page.getByTestId("save").click();
  await expect(page.getByTestId("save")).toHaveText("还有 2 张，处理完就保存…");
  await expect(page.getByTestId("save")).toBeDisabled();
  await expect(page.getByTestId("description")).toBeDisabled();
  await go(page);
  await expect(page.getByTestId("hazard")).toContainText("楼道堆放杂物");
  await expect(page.locator(".shot")).toHaveCount(2);
});

test("leaving a form adds photos that are still being reduced to its draft", SMALL, async ({ township, context }) => {
  const go = await slow(context);
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("description").fill("河堤塌方");
  await page.getByTestId("photo-input").setInputFiles([file(first), file(second)]);
  await expect(page.getByText("照片还在处理，先别关闭应用")).toBeVisible();
  await page.getByText("返回").click();
  await expect(page.getByTestId("draft")).toBeVisible();
  await go(page);
  await drafted(page, "河堤塌方", 2);
  await page.getByTestId("draft").click();
  await expect(page.locator("figure img")).toHaveCount(2);
});

test("an inspection is saved with the photos of its hazards and with the signature that was drawn", SMALL, async ({ township, context }) => {
  const go = await slow(context);
  const page = await signedIn(context, township);
  await page.getByTestId("start-inspection").click();
  await page.getByTestId("place").fill("村口桥头");
  await page.getByTestId("add-hazard").click();
  await page.getByTestId("sector").selectOption("water");
  await page.getByTestId("description").fill("护栏缺失");
  await page.getByTestId("photo-input").first().setInputFiles([file(first), file(second)]);
  await page.getByTestId("photo-input").last().setInputFiles(file(bare));
  await page.getByRole("button", { name: "现场签字" }).click();
  await draw(page, page.getByTestId("signature"));
  await page.getByTestId("save").click();
  await go(page);
  await expect(page.getByTestId("inspection")).toBeVisible();
  await sent(page);
  expect((await recorded(township)).map((photo) => photo.role).sort()).toEqual(["before", "before", "evidence", "signature"]);
});

test("a signature that was drawn stays in the draft of whoever leaves", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("start-inspection").click();
  await page.getByTestId("conclusion").fill("签到一半");
  await page.getByRole("button", { name: "现场签字" }).click();
  await draw(page, page.getByTestId("signature"));
  await page.getByText("返回").click();
  await drafted(page, "签到一半", 1);
  await page.getByTestId("draft").click();
  await expect(page.getByText("已签字，可重签")).toBeVisible();
});

test("a photo from the gallery says itself when and where it was taken, and one from the camera was taken here", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await report(page, "电箱敞开");
  await page.getByTestId("rectify").click();
  await page.getByTestId("measures").fill("已装门上锁");
  await page.getByTestId("photo-input").setInputFiles([file(first), file(bare)]);
  await page.getByTestId("camera-input").setInputFiles(file(photos("orientation")[0]));
  await expect(page.locator("figure img")).toHaveCount(3);
  // Marks drawn on it make it another picture, of the same time and place.
  await page.locator("figure .thumb").nth(0).click();
  await draw(page, page.locator(".stage img"));
  await page.getByTestId("marks-done").click();
  await expect(page.locator("figure img")).toHaveCount(3);
  await page.getByTestId("save").click();
  await expect(page.locator("[aria-current=step]")).toHaveText("已整改");
  await sent(page);
  const said = (await recorded(township)).map(({ taken_at, location }) => ({ taken: new Date(taken_at).toISOString().slice(0, 16), location }));
  const place = (lat: number, lon: number) => expect.objectContaining({ lat: expect.closeTo(lat, 3), lon: expect.closeTo(lon, 3) });
  expect(said).toHaveLength(3);
  expect(said).toContainEqual({ taken: "2008-10-22T08:28", location: place(43.4674, 11.8851) });
  expect(said).toContainEqual({ taken: "2014-09-21T08:00", location: undefined });
  expect(said).toContainEqual(expect.objectContaining({ location: place(29.563, 106.551) }));
});

// What comes after a hazard was reported: the office's word, its order, the rectification, and a campaign's round.

import { randomUUID } from "node:crypto";

import type { Page } from "@playwright/test";

import { photos } from "../../tus/township.mjs";
import { expect, office, report, sent, signedIn, SMALL, test } from "./phone.js";

async function choosePhoto(page: Page, at: number): Promise<void> {
  const photo = photos("phones")[at];
  if (!photo) throw new Error("no photo");
  await page.getByTestId("photo-input").first().setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: photo.bytes });
  await expect(page.locator("figure img").first()).toBeVisible();
}

async function sign(page: Page): Promise<void> {
  const pad = page.getByTestId("signature");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (!box) throw new Error("no pad");
  await page.mouse.move(box.x + 30, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + 120, box.y + 60, { steps: 5 });
  await page.mouse.up();
  await page.getByTestId("signed").click();
}

test("an order is received by signature, and what was rectified is shown beside what was found", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("description").fill("疏散通道堆放杂物");
  await choosePhoto(page, 0);
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toBeVisible();
  const hazard = page.url().split("/").at(-1) ?? "";
  await sent(page);

  const ask = await office(township, "supervisor");
  const { village } = await ask<{ village: string }>("GET", `/records/${hazard}`);
  const changes = { [`hazards/${hazard}`]: true, kind: "time_limit", issued_at: Date.now(), issuer: "镇安监办", recipient: "王负责", requirements: "三日内清理通道", deadline: "2099-01-15" };
  await ask("POST", "/records", { edits: [{ record: randomUUID(), kind: "order", village, changes }] });

  await page.getByText("三日内清理通道").click();
  await page.getByTestId("sign-receipt").click();
  await sign(page);
  await expect(page.getByText("送达签收")).toBeVisible();
  await page.getByText("返回").click();
  await page.getByTestId("rectify").click();
  await page.getByTestId("measures").fill("已清理，通道划线");
  await choosePhoto(page, 1);
  await page.getByTestId("save").click();
  await expect(page.locator("[aria-current=step]")).toHaveText("已整改");
  const sides = page.locator(".pair section");
  await expect(sides.nth(0).locator("img")).toHaveCount(1);
  await expect(sides.nth(1).locator("img")).toHaveCount(1);
  const [before, after] = [await sides.nth(0).boundingBox(), await sides.nth(1).boundingBox()];
  expect(before?.y).toBe(after?.y);
  await sent(page);
  const order = await ask<{ rows: { values: Record<string, unknown> }[] }>("GET", "/records?kind=order");
  expect(order.rows[0]?.values["received_at"]).toBeGreaterThan(0);
});

test("what the office has changed is said beside what was written here, and which of them stands", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await report(page, "灭火器过期");
  const hazard = page.url().split("/").at(-1) ?? "";
  await sent(page);
  const ask = await office(township, "supervisor");
  const { village, seen } = await ask<{ village: string; seen: unknown }>("GET", `/records/${hazard}`);
  await ask("POST", "/records", { edits: [{ record: hazard, kind: "hazard", village, seen, changes: { sector: "fireworks" } }] });
  await expect(page.getByTestId("replaced")).toContainText("您写的是“消防”");
  await expect(page.getByTestId("replaced")).toContainText("以现在的为准");
  await expect(page.locator(".fact").filter({ hasText: "行业领域" })).toContainText("烟花爆竹");
});

test("what must be settled is what the office has chosen", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await report(page, "灭火器过期");
  await expect(page.getByTestId("lacking")).toContainText("应急预案");
  await sent(page);
  const ask = await office(township, "admin");
  const { rows } = await ask<{ rows: { id: string; seen: unknown }[] }>("GET", "/records?kind=setting");
  const setting = rows[0]?.id ?? "01920000-0000-7000-8000-00000000f001";
  const supervisor = await office(township, "supervisor");
  await supervisor("POST", "/records", { edits: [{ record: setting, kind: "setting", changes: { "must_settle/responsible": true, "must_settle/deadline": true } }] });
  await expect(page.getByTestId("lacking")).not.toContainText("应急预案");
  await expect(page.getByTestId("lacking")).toContainText("责任");
});

test("the office's wordings are offered instead of those that the app brings along", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const ask = await office(township, "supervisor");
  await ask("POST", "/records", { edits: [{ record: randomUUID(), kind: "phrase", changes: { sector: "fire", description: "微型消防站无人值守", measures: "排班并上墙" } }] });
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("phrases").click();
  await page.getByText("微型消防站无人值守").click();
  await expect(page.getByTestId("description")).toHaveValue("微型消防站无人值守");
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("phrases").click();
  await expect(page.getByText("微型消防站无人值守", { exact: true })).toHaveCount(0);
});

test("a campaign shows which sites were not visited yet, without a network, and a visit takes one off", async ({ township, context }) => {
  const page = await signedIn(context, township);
  const ask = await office(township, "supervisor");
  const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
  const changes = { title: "烟花爆竹节前检查", type: "holiday", starts: today, ends: "2099-01-01", "sectors/fireworks": true };
  await ask("POST", "/records", { edits: [{ record: randomUUID(), kind: "campaign", changes }] });
  const card = page.getByTestId("campaign-card").filter({ hasText: "烟花爆竹节前检查" });
  await expect(card).toBeVisible();
  await context.setOffline(true);
  await card.click();
  await expect(page.getByTestId("target").first()).toBeVisible();
  const all = await page.getByTestId("target").count();
  expect(all).toBeGreaterThan(0);
  await expect(page.getByTestId("coverage")).toHaveText(`已检查 0 / ${all} 处`);
  await page.getByTestId("target").first().click();
  for (const code of ["1", "2", "3", "4", "5", "6"]) await page.getByTestId(`answer-${code}-pass`).click();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("inspection")).toContainText("烟花爆竹节前检查");
  await page.getByText("返回").click();
  await expect(page.getByTestId("coverage")).toHaveText(`已检查 1 / ${all} 处`);
});

// An inspector's day without a network, and what comes of it when there is one again.

import { photos } from "../../tus/township.mjs";
import { drafted, expect, signedIn, SMALL, test } from "./phone.js";

test("a day offline survives closing the app, and comes to the office whole", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await context.setOffline(true);
  await page.reload();
  await page.getByTestId("start-inspection").click();
  await page.getByTestId("choose-site").click();
  await page.getByTestId("site").filter({ hasText: "烟花爆竹" }).first().click();
  for (const code of ["1", "2", "3", "4", "6"]) await page.getByTestId(`answer-${code}-pass`).click();
  await page.getByTestId("answer-5-fail").click();
  await page.getByTestId("hazard-of-5").click();
  await page.getByTestId("description").fill("超量存放烟花爆竹，约二十箱");
  const photo = photos("phones")[0];
  if (!photo) throw new Error("no photo");
  await page.getByTestId("photo-input").first().setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: photo.bytes });
  await expect(page.locator("figure img").first()).toBeVisible();

  // The app is closed in the middle of the form, and opened again from the home screen.
  await drafted(page, "超量存放烟花爆竹，约二十箱", 1);
  await page.close();
  const again = await context.newPage();
  await again.goto(`${township.url}/field/`);
  await again.getByTestId("draft").first().click();
  await expect(again.getByTestId("description")).toHaveValue("超量存放烟花爆竹，约二十箱");
  await expect(again.locator("figure img").first()).toBeVisible();
  await again.getByTestId("save").click();
  await expect(again.getByTestId("inspection")).toBeVisible();
  await expect(again.getByTestId("status-strip")).toContainText("已存在手机");

  // Each record and each photo says how far it has come.
  await again.getByTestId("status-strip").click();
  await expect(again.getByTestId("sync-photo")).toHaveText(["已存手机"]);
  await context.setOffline(false);
  await expect(again.getByTestId("status-strip")).toContainText("全部已上报");
  await expect(again.getByTestId("sync-photo")).toHaveText(["镇里已收"]);
  await expect(again.getByTestId("sync-row").locator("[data-progress]")).toHaveText(["镇里已收", "镇里已收"]);
  const token = await township.signIn("supervisor", "office");
  const answer = await fetch(`${township.url}/api/v1/hazards`, { headers: { authorization: `Bearer ${token}` } });
  const ledger = (await answer.json()) as { rows: { description: string }[] };
  expect(ledger.rows.map((row) => row.description)).toEqual(["超量存放烟花爆竹，约二十箱"]);
});

test("a hazard goes from its report to its closure on the phone", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("save").click();
  await expect(page.getByRole("alert")).toContainText("请填写隐患描述");
  await page.getByTestId("category").fill("物的因素");
  await page.getByTestId("phrases").click();
  await page.getByText("安全出口上锁或被遮挡").click();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("安全出口上锁或被遮挡");
  await page.getByText("返回").click();
  await page.getByTestId("tab-hazards").click();
  await expect(page.getByTestId("hazard-row")).toHaveCount(1);
  await page.getByTestId("only-sector").selectOption("gas");
  await expect(page.getByTestId("hazard-row")).toHaveCount(0);
  await page.getByTestId("only-sector").selectOption("fire");
  await page.getByTestId("hazard-row").click();
  await expect(page.getByTestId("hazard")).toContainText("物的因素");
  await page.getByTestId("rectify").click();
  await page.getByTestId("measures").fill("已打开，营业期间不上锁");
  await page.getByTestId("save").click();
  await expect(page.locator("[aria-current=step]")).toHaveText("已整改");
  await page.getByTestId("reinspect").click();
  await page.getByTestId("result-passed").click();
  await page.getByTestId("save").click();
  await expect(page.locator("[aria-current=step]")).toHaveText("已销号");
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报");
});

test("the plug is pulled at the office, and the phone sends once it is in again", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await township.kill();
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("description").fill("气瓶与火源同室");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toBeVisible();
  await expect(page.getByTestId("status-strip")).toContainText("已存在手机");
  await township.restart();
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sync-now").click();
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报");
});

test("a wrong password is said in words", async ({ township, page }) => {
  await page.goto(`${township.url}/field/`);
  await page.getByTestId("by-password").click();
  await page.getByTestId("username").fill("inspector01");
  await page.getByTestId("password").fill("something else");
  await page.getByTestId("sign-in").click();
  await expect(page.getByRole("alert")).toHaveText("用户名或密码不对");
});

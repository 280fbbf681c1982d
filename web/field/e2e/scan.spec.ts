// The office's QR code, seen by a camera.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "@playwright/test";
import { create } from "qrcode";

import { accountOf, expect, office, signedIn, SMALL, test, type Township } from "./phone.js";

/** Two seconds of a picture of a QR code, as a camera would see it: black on white, with an edge around it. */
function film(text: string): Buffer {
  const { modules } = create(text, { errorCorrectionLevel: "M" });
  const [side, edge] = [480, 60];
  const luma = Buffer.alloc(side * side, 235);
  const scale = (side - 2 * edge) / modules.size;
  for (let y = edge; y < side - edge; y += 1) {
    for (let x = edge; x < side - edge; x += 1) {
      if (modules.get(Math.floor((y - edge) / scale), Math.floor((x - edge) / scale))) luma[y * side + x] = 16;
    }
  }
  const colour = Buffer.alloc((side * side) / 2, 128);
  const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, colour]);
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${side} H${side} F10:1 Ip A1:1 C420jpeg\n`), ...Array.from({ length: 20 }, () => frame)]);
}

/** What the office's QR code for an account holds. */
async function enrolment(township: Township, username: string): Promise<{ code: string; enrol_url: string }> {
  const ask = await office(township, "admin");
  const { id } = await accountOf(ask, username);
  return ask("POST", `/accounts/${id}/enrolments`, {});
}

test("a phone that looks at the office's QR code is enrolled", SMALL, async ({ township, launchOptions, viewport }) => {
  const { enrol_url } = await enrolment(township, "inspector01");
  const folder = mkdtempSync(join(tmpdir(), "hazard-film-"));
  const path = join(folder, "code.y4m");
  writeFileSync(path, film(enrol_url));
  const camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${path}`];
  const browser = await chromium.launch({ ...launchOptions, args: [...(launchOptions.args ?? []), ...camera] });
  try {
    const context = await browser.newContext({ viewport, locale: "zh-CN", permissions: ["camera"] });
    const page = await context.newPage();
    await page.goto(`${township.url}/field/`);
    await page.getByTestId("device-name").fill("红米 12");
    await page.getByTestId("scan").click();
    await expect(page.getByTestId("offline-ready")).toBeVisible();
    await page.getByTestId("tab-me").click();
    await expect(page.getByText("手机：红米 12")).toBeVisible();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
});

test("a code that the phone's own camera has opened signs in at once, and is not left in the address", async ({ township, context }) => {
  const { code } = await enrolment(township, "inspector01");
  const page = await context.newPage();
  await page.goto(`${township.url}/field/sign-in#code=${code}`);
  await expect(page.getByTestId("offline-ready")).toBeVisible();
  expect(page.url()).toBe(`${township.url}/field/`);
  await page.getByTestId("tab-me").click();
  await expect(page.getByRole("heading", { name: "示范一村安监员" })).toBeVisible();
  await page.goBack();
  expect(page.url()).toBe(`${township.url}/field/`);
  await page.goBack();
  expect(page.url()).toBe("about:blank");
});

test("a code that does not count is said, and stands in the form instead of the address", async ({ township, context }) => {
  const page = await context.newPage();
  await page.goto(`${township.url}/field/sign-in#code=AAAA-BBBB`);
  await expect(page.getByRole("alert")).toContainText("登记码无效或已用过");
  await expect(page.getByTestId("code")).toHaveValue("AAAA-BBBB");
  expect(page.url()).toBe(`${township.url}/field/sign-in`);
});

test("whoever opens a code on a phone where somebody is signed in is told so, and the code still counts", async ({ township, context }) => {
  const first = await signedIn(context, township);
  await first.close();
  const { code } = await enrolment(township, "inspector02");
  const page = await context.newPage();
  await page.goto(`${township.url}/field/sign-in#code=${code}`);
  await expect(page.getByText("示范一村安监员已在这部手机登录")).toBeVisible();
  await page.getByText("知道了").click();
  await expect(page.getByTestId("offline-ready")).toBeVisible();
  expect(page.url()).toBe(`${township.url}/field/`);
  await page.getByTestId("tab-me").click();
  await expect(page.getByRole("heading", { name: "示范一村安监员" })).toBeVisible();
  const body = JSON.stringify({ code, device_name: "另一部" });
  const enrolled = await fetch(`${township.url}/api/v1/auth/enrol`, { method: "POST", headers: { "content-type": "application/json" }, body });
  expect(enrolled.status).toBe(200);
});

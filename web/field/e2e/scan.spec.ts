// The office's QR code, seen by a camera.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "@playwright/test";
import { create } from "qrcode";

import { accountOf, expect, office, SMALL, test } from "./phone.js";

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

test("a phone that looks at the office's QR code is enrolled", SMALL, async ({ township, launchOptions, viewport }) => {
  const ask = await office(township, "admin");
  const { id } = await accountOf(ask, "inspector01");
  const { enrol_url } = await ask<{ enrol_url: string }>("POST", `/accounts/${id}/enrolments`, {});
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

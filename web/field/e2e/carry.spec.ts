// A phone that finds no network: what waits goes to the office as a file, and the receipts come back as one.

import { readFileSync } from "node:fs";

import { unzipSync } from "fflate";

import { photos, sha256 } from "../../tus/township.mjs";
import { descriptions, expect, home, report, sent, signedIn, test } from "./phone.js";

test("a day is carried to the office as a file, and its receipts are taken in again", async ({ township, context }) => {
  const page = await signedIn(context, township);
  await context.setOffline(true);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("description").fill("气瓶间与灶台相连");
  const photo = photos("gps")[0];
  if (!photo) throw new Error("no photo");
  await page.getByTestId("photo-input").first().setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: photo.bytes });
  await expect(page.locator("figure img").first()).toBeVisible();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("气瓶间与灶台相连");
  await home(page);
  await page.getByTestId("tab-me").click();
  const downloading = page.waitForEvent("download");
  await page.getByTestId("carry").click();
  const file = await downloading;
  const carried = unzipSync(readFileSync(await file.path()));

  // At the office: the batch, then the pictures, as whoever brings them.
  const token = await township.signIn("supervisor", "office");
  const authorization = `Bearer ${token}`;
  const brought = async () => {
    const answer = await fetch(`${township.url}/api/v1/batches`, { method: "POST", headers: { authorization }, body: Buffer.from(carried["batch"] ?? []) });
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    return text;
  };
  const first = await brought();
  expect(await descriptions(township)).toEqual(["气瓶间与灶台相连"]);
  const pictures = Object.entries(carried).filter(([name]) => name.startsWith("photos/"));
  expect(pictures.map(([name]) => name)).toEqual(pictures.map(([, bytes]) => `photos/${sha256(bytes)}`));
  expect(pictures).toHaveLength(1);
  for (const [name, bytes] of pictures) {
    const headers = {
      authorization,
      "tus-resumable": "1.0.0",
      "upload-length": String(bytes.length),
      "upload-metadata": `sha256 ${Buffer.from(name.slice("photos/".length)).toString("base64")}`,
      "content-type": "application/offset+octet-stream",
    };
    expect((await fetch(`${township.url}/api/v1/uploads`, { method: "POST", headers, body: Buffer.from(bytes) })).status).toBe(201);
  }

  // The first receipts are of the records alone; brought again, the pictures are among them.
  const receive = (text: string) => page.getByTestId("receipts").setInputFiles({ name: "receipts", mimeType: "text/plain", buffer: Buffer.from(text) });
  await receive(first);
  await expect(page.getByText("已收 2 条")).toBeVisible();
  await receive(await brought());
  await expect(page.getByTestId("carry")).toBeDisabled();
  await page.getByTestId("tab-hazards").click();
  await expect(page.getByTestId("hazard-row").locator("[data-progress=accepted]")).toBeVisible();

  // A file that somebody has changed is not believed.
  await page.getByTestId("tab-me").click();
  await receive(first.replace("accepted", "refused"));
  await expect(page.getByText("回执读不了")).toBeVisible();
  await context.setOffline(false);
  await sent(page);
});

test("a phone whose sharing refuses the file has it in its downloads, and says so; one whose sheet was closed has none", async ({ township, context }) => {
  // As Chromium on Android does with archives: it says that it can share them, and then does not.
  await context.addInitScript(() => {
    const refusing = { name: "NotAllowedError" };
    const share = () => Promise.reject(new DOMException("Permission denied", refusing.name));
    Object.assign(navigator, { canShare: () => true, share, refusing });
  });
  const page = await signedIn(context, township);
  await context.setOffline(true);
  await report(page, "烟道穿过木屋顶");
  await home(page);
  await page.getByTestId("tab-me").click();
  const downloading = page.waitForEvent("download");
  await page.getByTestId("carry").click();
  const name = (await downloading).suggestedFilename();
  expect(name).toMatch(/^hazard-inspector01-.*\.zip$/);
  await expect(page.getByTestId("carried")).toHaveText(`文件已存到手机的“下载”里：${name}`);

  let isDownloaded = false;
  page.on("download", () => (isDownloaded = true));
  await page.evaluate(() => Object.assign((navigator as unknown as { refusing: object }).refusing, { name: "AbortError" }));
  await page.getByTestId("carry").click();
  await expect(page.getByTestId("carried")).toBeEmpty();
  await expect(page.getByTestId("carry")).toBeEnabled();
  expect(isDownloaded).toBe(false);
});

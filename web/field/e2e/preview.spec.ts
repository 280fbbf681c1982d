// Over a link that lets no photo through the office sees a preview, which says that it is one; the photo itself comes later.

import { photos } from "../../tus/township.mjs";
import { expect, office, sent, signedIn, SMALL, test } from "./phone.js";

test("where photos are cut off the office sees a preview before the photo, and both ends say so", SMALL, async ({ township, context }) => {
  const page = await signedIn(context, township);
  await context.route("**/api/v1/uploads/*", (route) => (route.request().method() === "PATCH" ? route.abort("connectionreset") : route.continue()));
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("description").fill("疏散楼梯堆放纸箱");
  const photo = photos("phones")[0];
  if (!photo) throw new Error("no photo");
  await page.getByTestId("photo-input").first().setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: photo.bytes });
  await expect(page.locator("figure img").first()).toBeVisible();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText("预览已送达，原图待传");
  await page.getByTestId("status-strip").click();
  await expect(page.getByTestId("sync-photo")).toContainText("预览已送达，原图待传");
  await expect(page.getByText("未上报：0 条记录，1 张照片")).toBeVisible();

  const ask = await office(township, "supervisor");
  const { rows } = await ask<{ rows: { id: string }[] }>("GET", "/hazards");
  const { photos: shown } = await ask<{ photos: { hash: string; bytes: string }[] }>("GET", `/records/${rows[0]?.id}`);
  expect(shown.map((one) => one.bytes)).toEqual(["on_its_way"]);
  const token = await township.signIn("supervisor", "desk");
  const small = () => fetch(`${township.url}/api/v1/photos/${shown[0]?.hash}?variant=256`, { headers: { authorization: `Bearer ${token}` } });
  const preview = await small();
  expect([preview.status, preview.headers.get("photo-state")]).toEqual([200, "preview"]);
  expect((await preview.arrayBuffer()).byteLength).toBeGreaterThan(1_000);

  await context.unroute("**/api/v1/uploads/*");
  await page.getByTestId("sync-now").click();
  await sent(page);
  await expect(page.getByTestId("sync-photo")).toContainText("镇里已收");
  const whole = await small();
  expect([whole.status, whole.headers.get("photo-state")]).toEqual([200, null]);
});

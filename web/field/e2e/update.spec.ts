// A newer app comes to the phone: nobody is interrupted, and nothing that was not sent is lost.

import { descriptions, expect, front, home, report, sent, signedIn, test } from "./phone.js";

test("an update waits for the form to be left and for the person's word, and unsent work survives it and a new server", async ({ township, context }) => {
  let release = 1;
  const served = await front(township, (path) => (path.endsWith("/field/sw.js") ? (text) => `${text}\n// ${release}` : undefined));
  const page = await signedIn(context, township, "inspector01", served.url);
  const other = await context.newPage();
  await other.goto(`${served.url}/field/`);
  await other.getByTestId("report-hazard").click();
  await other.getByTestId("description").fill("写到一半的隐患");
  await township.kill();
  await report(page, "未上报的隐患");
  await expect(page.getByTestId("status-strip")).toContainText("未上报");
  await township.restart();

  // The office has put in a newer program with a newer app.
  release = 2;
  await page.evaluate(() => navigator.serviceWorker.getRegistration().then((one) => one?.update()));
  await expect.poll(() => page.evaluate(() => navigator.serviceWorker.getRegistration().then((one) => one?.waiting?.state))).toBe("installed");
  await expect(other.getByTestId("update")).toHaveCount(0);
  await expect(page.getByTestId("update")).toHaveCount(0);
  await home(page);
  await other.evaluate(() => Object.assign(globalThis, { isTheOlderPage: true }));
  const reloaded = page.waitForEvent("load");
  await page.getByTestId("update").getByRole("button").click();
  await reloaded;
  await expect(page.getByTestId("start-inspection")).toBeVisible();

  // The form in the other tab stays as it is until it is left.
  await expect(other.getByTestId("description")).toHaveValue("写到一半的隐患");
  expect(await other.evaluate(() => "isTheOlderPage" in globalThis)).toBe(true);
  const left = other.waitForEvent("load");
  await other.getByText("返回").click();
  await left;
  await other.getByTestId("draft").click();
  await expect(other.getByTestId("description")).toHaveValue("写到一半的隐患");
  await sent(page);
  expect(await descriptions(township)).toEqual(["未上报的隐患"]);
  served.close();
});

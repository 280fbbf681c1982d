// A phone that is online, and one with several tabs.

import { descriptions, expect, home, report, sent, signedIn, test } from "./phone.js";

test("a phone that is online shows at once what a colleague has reported", async ({ township, context, browser }) => {
  const page = await signedIn(context, township);
  await page.getByTestId("tab-hazards").click();
  await expect(page.getByTestId("hazard-row")).toHaveCount(0);
  const colleague = await browser.newContext();
  await report(await signedIn(colleague, township), "配电箱敞开，线路私拉乱接");
  // The phone would ask by itself only after five minutes.
  await expect(page.getByTestId("hazard-row")).toContainText("配电箱敞开");
  await colleague.close();
});

test("of two tabs one works for both, and the other goes on when it is closed", async ({ township, context }) => {
  const first = await signedIn(context, township);
  const second = await context.newPage();
  await second.goto(`${township.url}/field/`);
  await expect(second.getByTestId("offline-ready")).toBeVisible();
  const workers = () => first.workers().length + second.workers().length;
  expect(workers()).toBe(1);

  // One says what the other shows, and it is sent once.
  let pushed = 0;
  context.on("request", (asked) => {
    if (asked.url().endsWith("/api/v1/sync") && (asked.postData() ?? "").includes('"push":{')) pushed += 1;
  });
  await report(second, "消防栓被遮挡");
  await first.getByTestId("tab-hazards").click();
  await expect(first.getByTestId("hazard-row")).toContainText("消防栓被遮挡");
  await sent(first);
  expect(pushed).toBe(1);

  await context.setOffline(true);
  await home(second);
  await report(second, "疏散指示灯损坏");
  await first.close();
  await home(second);
  await second.getByTestId("tab-hazards").click();
  await expect(second.getByTestId("hazard-row")).toHaveCount(2);
  await context.setOffline(false);
  await sent(second);
  expect(second.workers().length).toBe(1);
  expect(await descriptions(township)).toEqual(["消防栓被遮挡", "疏散指示灯损坏"]);
});

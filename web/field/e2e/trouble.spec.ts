// When the office does not take what was written, or the phone is no longer let in: nothing is lost, and it is said.

import { expect, signedIn, test } from "./phone.js";

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
  await expect(page.getByTestId("status-strip")).toContainText("全部已上报", { timeout: 40_000 });
});

test("what the office put aside is said with its reason, and corrected in its form", async ({ township, context }) => {
  const page = await signedIn(context, township);
  // The inspector is moved to another village while the phone is offline: what it wrote for the first is no longer theirs to write.
  const admin = await township.signIn("admin", "office");
  const ask = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${admin}`, "content-type": "application/json" };
    const answer = await fetch(`${township.url}/api/v1${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return (await answer.json()) as { accounts: { id: string; username: string; villages: string[] }[] };
  };
  const { accounts } = await ask("GET", "/accounts");
  const [own, other] = ["inspector01", "inspector02"].map((name) => accounts.find((one) => one.username === name));
  await context.setOffline(true);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("gas");
  await page.getByTestId("description").fill("液化气瓶超期未检");
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toBeVisible();
  await ask("PATCH", `/accounts/${own?.id}`, { villages: other?.villages });
  await context.setOffline(false);
  await expect(page.getByTestId("status-strip")).toContainText("需要处理", { timeout: 40_000 });
  await page.getByTestId("status-strip").click();
  await page.getByTestId("sync-row").first().click();
  await expect(page.getByTestId("refused")).toContainText("不归您的村管");
  await page.getByTestId("repair").click();
  await expect(page.getByTestId("description")).toHaveValue("液化气瓶超期未检");
});

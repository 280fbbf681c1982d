// What the rules did not let in: mended, or dismissed with a reason, and never out of sight.

import { randomUUID } from "node:crypto";

import { expect, signedIn, test, Village } from "./desk.js";

test("what was dismissed stays in sight with its reason, and is mended when it was a mistake", async ({ township, context }) => {
  const village = await Village.of(township, "inspector01");
  const found = { description: "煤气泄漏", sector: "gas", level: "很大", found_at: Date.now(), found_by: "村级安监员" };
  await village.isRefused("hazard", randomUUID(), found);
  const page = await signedIn(context, township);
  await page.goto(`${township.url}/office/aside`);
  const row = page.getByTestId("put-aside").filter({ hasText: "煤气泄漏" });
  await row.getByTestId("dismiss").click();
  const asked = page.getByRole("dialog");
  await asked.getByRole("textbox").fill("与另一条重复");
  await asked.getByRole("button", { name: /OK|确定/ }).click();
  await expect(page.getByTestId("none")).toBeVisible();
  await expect(page.getByTestId("nav-aside")).toHaveText("未收下的");

  await page.getByTestId("settled").click();
  await expect(row.getByTestId("how")).toContainText("定为不用处理：与另一条重复");
  await expect(row.getByTestId("dismiss")).toHaveCount(0);
  await row.getByTestId("repair").click();
  await asked.getByRole("textbox").fill("major");
  await asked.getByRole("button", { name: /OK|确定/ }).click();
  await expect(row.getByTestId("how")).toContainText("改后收下");
  await expect(row.getByTestId("repair")).toHaveCount(0);
  await page.goto(`${township.url}/office/hazards`);
  await expect(page.getByText("煤气泄漏")).toBeVisible();
});

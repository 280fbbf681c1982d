// What every story needs: a township of its own, and a phone with the app in its hands.

import { type BrowserContext, expect, type Page, test as base } from "@playwright/test";

import { startTownship, type Township } from "../../tus/township.mjs";

export type { Township };

export const test = base.extend<{ township: Township }>({
  township: async ({}, use) => {
    const township = await startTownship();
    await use(township);
    await township.stop();
  },
});

export { expect };

/** Opens the app on this phone and signs in; resolves when it says that it is ready to work offline. */
export async function signedIn(context: BrowserContext, township: Township, username = "inspector01"): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${township.url}/field/`);
  await page.getByTestId("by-password").click();
  await page.getByTestId("username").fill(username);
  await page.getByTestId("password").fill(township.password);
  await page.getByTestId("sign-in").click();
  await expect(page.getByTestId("offline-ready")).toBeVisible({ timeout: 30_000 });
  return page;
}

// What every story needs: a township of its own, and a phone with the app in its hands.

import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

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

/** Fills in the form to sign in with, from wherever the app is. */
export async function signIn(page: Page, township: Township, username = "inspector01"): Promise<void> {
  await page.getByTestId("by-password").click();
  await page.getByTestId("username").fill(username);
  await page.getByTestId("password").fill(township.password);
  await page.getByTestId("sign-in").click();
}

/** Opens the app on this phone and signs in; resolves when it says that it is ready to work offline. */
export async function signedIn(context: BrowserContext, township: Township, username = "inspector01", url = township.url): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/field/`);
  await signIn(page, township, username);
  await expect(page.getByTestId("offline-ready")).toBeVisible();
  return page;
}

/** A story of which one run is on a small screen (playwright.config.ts). */
export const SMALL = { tag: "@small" };

/** Until the phone's disk has a draft with these words and so many photos. */
export async function drafted(page: Page, words: string, photos: number): Promise<void> {
  const kept = () =>
    page.evaluate(async () => {
      const name = (await indexedDB.databases()).map((one) => one.name ?? "").find((one) => /^hazard-field-[0-9a-f-]{36}$/.test(one)) ?? "";
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const asked = indexedDB.open(name);
        asked.onsuccess = () => resolve(asked.result);
        asked.onerror = () => reject(asked.error);
      });
      const asked = db.transaction("drafts").objectStore("drafts").getAll();
      const drafts = await new Promise<{ photos: unknown[] }[]>((resolve) => (asked.onsuccess = () => resolve(asked.result)));
      db.close();
      return drafts.map((draft) => ({ text: JSON.stringify(draft), photos: draft.photos.length }));
    });
  await expect.poll(async () => (await kept()).some((draft) => draft.text.includes(words) && draft.photos === photos)).toBe(true);
}

/** Reports a hazard at a free place by its form; ends on the hazard's page. */
export async function report(page: Page, description: string, sector = "fire"): Promise<void> {
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption(sector);
  await page.getByTestId("description").fill(description);
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toContainText(description);
}

/** From a page in the middle back to the first one. */
export async function home(page: Page): Promise<void> {
  await page.getByText("返回").click();
  await page.getByTestId("tab-home").click();
}

export const sent = (page: Page) => expect(page.getByTestId("status-strip")).toContainText("全部已上报");

/** Requests of the office: `await office(township, "admin")` gives a function that makes them. */
export async function office(township: Township, username: string) {
  const token = await township.signIn(username, "office");
  return async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${township.url}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as Answer;
  };
}

export interface Account {
  readonly id: string;
  readonly username: string;
  readonly villages: string[];
}

export async function accountOf(ask: Awaited<ReturnType<typeof office>>, username: string): Promise<Account> {
  const { accounts } = await ask<{ accounts: Account[] }>("GET", "/accounts");
  const found = accounts.find((one) => one.username === username);
  if (!found) throw new Error(`no account ${username}`);
  return found;
}

/** How the descriptions of all hazards stand in the office's ledger. */
export async function descriptions(township: Township): Promise<string[]> {
  const ask = await office(township, "supervisor");
  const { rows } = await ask<{ rows: { description: string }[] }>("GET", "/hazards");
  return rows.map((row) => row.description).sort();
}

/** An address in front of a township's, at which answers may be changed on their way: `path` and the text, for those that it names. */
export async function front(township: Township, changed: (path: string) => ((text: string) => string) | undefined) {
  const server = createServer((asked, answer) => {
    const change = changed(asked.url ?? "");
    const headers = { ...asked.headers, ...(change ? { "accept-encoding": "identity" } : {}) };
    const far = request({ host: "127.0.0.1", port: township.port, path: asked.url, method: asked.method, headers }, (got) => {
      if (!change) {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        return void got.pipe(answer);
      }
      const parts: Buffer[] = [];
      got.on("data", (part: Buffer) => parts.push(part));
      got.on("end", () => {
        const { "content-length": _, etag: __, ...kept } = got.headers;
        answer.writeHead(got.statusCode ?? 502, kept);
        answer.end(change(Buffer.concat(parts).toString()));
      });
    });
    far.on("error", () => answer.destroy());
    asked.on("error", () => far.destroy());
    answer.on("close", () => far.destroy());
    asked.pipe(far);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** From the next start of the app on, this phone's clock is ahead of the real one by so much. */
export async function setClock(context: BrowserContext, aheadMs: number): Promise<void> {
  const shift = `{ const now = Date.now.bind(Date); Date.now = () => now() + ${aheadMs}; }\n`;
  await context.addInitScript(shift);
  await context.unroute("**/assets/worker-*.js");
  await context.route("**/assets/worker-*.js", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: shift + (await answer.text()) });
  });
}

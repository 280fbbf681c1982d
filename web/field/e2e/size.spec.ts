// What has to come over the network before somebody can work: nothing that is not needed yet.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";

import type { BrowserContext } from "@playwright/test";

import { expect, signedIn, test } from "./phone.js";

/** JavaScript, styles and sync-core of a first screen, gzipped. */
const FIRST_SCREEN_MAX = 250_000;
const assets = new URL("../../dist/field/assets/", import.meta.url);

/** The built files that this phone asks for from now on, by name; what the service worker fetches in the background is not among them. */
function asked(context: BrowserContext): Map<string, number> {
  const files = new Map<string, number>();
  context.on("request", (request) => {
    if (request.serviceWorker()) return;
    const { pathname } = new URL(request.url());
    if (!/\/assets\/.+\.(js|css|wasm)$/.test(pathname)) return;
    const name = basename(pathname);
    files.set(name, gzipSync(readFileSync(new URL(name, assets)), { level: 9 }).length);
  });
  return files;
}

function expectSmall(files: ReadonlyMap<string, number>): void {
  const told = [...files].map(([name, bytes]) => `${bytes} ${name}`).join("\n");
  for (const part of [/^index-.*\.js$/, /^index-.*\.css$/, /^worker-.*\.js$/, /\.wasm$/]) expect([...files.keys()].some((name) => part.test(name)), told).toBe(true);
  const sum = [...files.values()].reduce((all, bytes) => all + bytes, 0);
  expect(sum, told).toBeLessThanOrEqual(FIRST_SCREEN_MAX);
}

test("the form to sign in with needs less than 250 KB", async ({ township, context, page }) => {
  const files = asked(context);
  await page.goto(`${township.url}/field/`);
  await expect(page.getByTestId("sign-in")).toBeVisible();
  expectSmall(files);
});

test("the first page after signing in needs less than 250 KB", async ({ township, context, page }) => {
  await (await signedIn(context, township)).close();
  const files = asked(context);
  await page.goto(`${township.url}/field/`);
  await expect(page.getByTestId("start-inspection")).toBeVisible();
  expectSmall(files);
});

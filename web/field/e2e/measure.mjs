// What the app takes on a phone: `npm run measure --workspace field`, after `make web`; HAZARD_SERVER names the server. Bytes
// on the wire of one inspection; a photo of 12 megapixels; and a ledger of 10,000 hazards: saving, scrolling, starting.
// "4×" is Chromium's slowing of the page. It does not slow the worker; what that does is given as it is and four times as long.

import { connect, createServer } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";

import { photos, startTownship } from "../../tus/township.mjs";
import { allSent, hazard, inspection, launch, median, phone, save, signedIn, slower, villageOf, words } from "./bench.mjs";

const HAZARDS = Number(process.env.HAZARDS ?? 10_000);
const RUNS = 5;

/** Stands between the phone and the server, and counts what goes each way: HTTP with its headers, without those of TCP. */
async function counting(port) {
  const went = { up: 0, down: 0 };
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    near.on("data", (bytes) => (went.up += bytes.length)).on("error", () => far.destroy());
    far.on("data", (bytes) => (went.down += bytes.length)).on("error", () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}`, went, close: () => server.close() };
}

/** Until nothing has gone either way for two seconds. */
async function quiet(went) {
  for (let before = -1; before !== went.up + went.down; await wait(2_000)) before = went.up + went.down;
}

async function wire(browser, township) {
  const line = await counting(township.port);
  const context = await phone(browser);
  const page = await signedIn(context, line.url, township.password);
  const village = await villageOf(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await quiet(line.went);
  for (let at = 0; at < 3; at += 1) {
    const before = { ...line.went };
    const found = inspection(village, at, Date.now());
    await save(page, [found, hazard(village, 2 * at, Date.now(), found.record), hazard(village, 2 * at + 1, Date.now(), found.record)]);
    await allSent(page);
    await quiet(line.went);
    const [up, down] = [line.went.up - before.up, line.went.down - before.down];
    console.log(`1 inspection and 2 hazards: ${up + down} bytes (${up} up, ${down} down)`);
  }
  await context.close();
  line.close();
}

/** Notes the page's tasks over 50 ms, and where each began. */
const watchTasks = (page) =>
  page.evaluate(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => globalThis.longTasks.push(...list.getEntries().map(({ startTime, duration }) => ({ startTime, duration })))).observe({ type: "longtask" });
  });
/** Those that began in what follows; an earlier one, as of this tool's own preparations, may be told only now. */
const tasksFrom = (page) => page.evaluate(() => performance.now());
const tasks = async (page, fromMs) => {
  const long = await page.evaluate(async (fromMs) => {
    // The observer is called in an idle moment after the task.
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 200)));
    return globalThis.longTasks.splice(0).filter(({ startTime }) => startTime >= fromMs).map(({ duration }) => duration);
  }, fromMs);
  return `${long.length} tasks over 50 ms, the longest ${Math.round(Math.max(0, ...long))} ms`;
};

/** A real photo, blown up to 12 megapixels with a grain that compresses no better than a camera's. */
const twelveMegapixels = (page, picture) =>
  page.evaluate(async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const canvas = new OffscreenCanvas(4_000, 3_000);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0, 4_000, 3_000);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
    const url = await new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.readAsDataURL(blob);
    });
    return url.split(",")[1];
  }, picture.bytes.toString("base64"));

async function photo(browser, township) {
  const context = await phone(browser);
  const page = await signedIn(context, township.url, township.password);
  const large = Buffer.from(await twelveMegapixels(page, photos("phones").find(({ name }) => name.includes("iphone_hdr_YES"))), "base64");
  await page.getByTestId("report-hazard").click();
  await watchTasks(page);
  await slower(page, 4);
  const took = [];
  for (let run = 0; run < RUNS; run += 1) {
    // A few bytes after the end of the picture make it another file.
    const file = Buffer.concat([large, Buffer.alloc(run)]);
    await page.getByTestId("photo-input").first().evaluate((input, text) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      globalThis.toChoose = new DataTransfer();
      globalThis.toChoose.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
      input.files = globalThis.toChoose.files;
    }, file.toString("base64"));
    const fromMs = await tasksFrom(page);
    took.push(
      await page.getByTestId("photo-input").first().evaluate(async (input) => {
        const began = performance.now();
        input.dispatchEvent(new Event("change"));
        while (!document.querySelector("figure img[src]")) await new Promise(requestAnimationFrame);
        return performance.now() - began;
      }),
    );
    console.log(`  page while it is reduced: ${await tasks(page, fromMs)}`);
    await page.locator("figure .remove").first().click();
    await page.locator("figure img").first().waitFor({ state: "detached" });
  }
  console.log(`a photo of 12 megapixels, ${large.length} bytes, chosen until it is stored and shown, page at 4×: ${words(took)} ms`);
  console.log(`  if all of that were the worker's and took four times as long: ${Math.round(4 * median(took))} ms`);
  await context.close();
}

/** Hazards of the village that the office has written. */
async function fill(township, village) {
  const token = await township.signIn("supervisor", "office");
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  for (let from = 0; from < HAZARDS; from += 500) {
    const edits = Array.from({ length: Math.min(500, HAZARDS - from) }, (_, at) => hazard(village, from + at, Date.now() - from - at));
    const answer = await fetch(`${township.url}/api/v1/records`, { method: "POST", headers, body: JSON.stringify({ edits }) });
    if (!answer.ok) throw new Error(await answer.text());
  }
}

async function ledger(browser, township) {
  const context = await phone(browser);
  const page = await signedIn(context, township.url, township.password);
  const village = await villageOf(page);
  const began = performance.now();
  await fill(township, village);
  await page.waitForFunction((count) => Number(document.querySelectorAll(".figure strong")[2]?.textContent) >= count, HAZARDS, { timeout: 600_000 });
  console.log(`${HAZARDS} hazards came to the phone as they were written: ${Math.round((performance.now() - began) / 1_000)} s`);
  await context.setOffline(true);

  const saves = [];
  for (let at = 0; at < 40; at += 1) {
    const edits = [hazard(village, HAZARDS + at, Date.now())];
    saves.push(
      await page.evaluate((edits) => {
        const channel = new BroadcastChannel("hazard-field");
        const request = crypto.randomUUID();
        const began = performance.now();
        return new Promise((saved, failed) => {
          channel.onmessage = ({ data }) => {
            if (data.to !== "page" || data.request !== request) return;
            channel.close();
            if (data.result?.result === "saved") saved(performance.now() - began);
            else failed(new Error(JSON.stringify(data)));
          };
          channel.postMessage({ to: "host", page: request, request, method: "save", args: [{ edits, photos: [] }] });
        });
      }, edits),
    );
  }
  const sorted = [...saves].sort((a, b) => a - b);
  console.log(`saving one at ${HAZARDS}, from the page and back: p50 ${sorted[20].toFixed(1)}, p95 ${sorted[37].toFixed(1)} ms`);

  await page.getByTestId("tab-hazards").click();
  await page.getByTestId("hazard-row").first().waitFor();
  await watchTasks(page);
  await slower(page, 4);
  const session = await context.newCDPSession(page);
  for (const [what, yDistance, speed] of [["slowly", -8_000, 2_000], ["fast", -60_000, 20_000], ["back", 60_000, 20_000]]) {
    const fromMs = await tasksFrom(page);
    await session.send("Input.synthesizeScrollGesture", { x: 190, y: 500, yDistance, speed, gestureSourceType: "touch" });
    console.log(`scrolling ${what} through ${HAZARDS}, page at 4×: ${await tasks(page, fromMs)}`);
  }
  await page.close();

  for (const rate of [1, 4]) {
    const starts = [];
    for (let run = 0; run < RUNS; run += 1) {
      const again = await context.newPage();
      await slower(again, rate);
      const at = performance.now();
      await again.goto(`${township.url}/field/`, { waitUntil: "commit" });
      await again.getByTestId("offline-ready").waitFor();
      starts.push(performance.now() - at);
      await again.close();
    }
    console.log(`start without a network with ${HAZARDS} hazards, page at ${rate}×: ${words(starts)} ms`);
  }
  await context.close();
}

const browser = await launch();
for (const part of [wire, photo, ledger].filter(({ name }) => !process.env.ONLY || process.env.ONLY === name)) {
  const township = await startTownship();
  await part(browser, township).finally(() => township.stop());
}
await browser.close();

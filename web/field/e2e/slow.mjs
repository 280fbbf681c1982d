// How the app starts on a slow phone and a slow network: `npm run slow --workspace field`, after `make web` and a release
// build of the server (HAZARD_SERVER names the program). The network is a proxy on loopback that every connection of the
// browser goes through, workers included; "slow 3G" is what Lighthouse calls so: 400 kbit/s each way, 400 ms a round trip.

import { createServer, connect } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";

import { chromium } from "@playwright/test";

import { startTownship } from "../../tus/township.mjs";

const BITS_PER_S = 400_000;
const ONE_WAY_MS = 200;
const RUNS = 5;

// A line that all connections share: bytes leave at its rate and arrive one way later, in order.
function line() {
  let freeAt = 0;
  return async (bytes, deliver) => {
    const now = performance.now();
    freeAt = Math.max(now, freeAt) + (bytes.length * 8_000) / BITS_PER_S;
    await wait(freeAt + ONE_WAY_MS - now);
    deliver(bytes);
  };
}

async function slowly(port) {
  const [up, down] = [line(), line()];
  let sent = 0;
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to, carry] of [
      [near, far, up],
      [far, near, down],
    ]) {
      from.on("error", () => to.destroy());
      from.on("data", (bytes) => {
        if (carry === down) sent += bytes.length;
        // Nobody sends faster than the line takes it.
        from.pause();
        void carry(bytes, (late) => to.write(late));
        void wait((bytes.length * 8_000) / BITS_PER_S).then(() => from.resume());
      });
      from.on("end", () => void carry(Buffer.alloc(0), () => to.end()));
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { port: server.address().port, received: () => sent, close: () => server.close() };
}

const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
const words = (times) => `median ${Math.round(median(times))} ms of ${times.map(Math.round).join(", ")}`;

const township = await startTownship();
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
const phone = () => browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "zh-CN" });

async function slower(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate });
}

async function firstLoad() {
  const proxy = await slowly(Number(new URL(township.url).port));
  const context = await phone();
  const page = await context.newPage();
  const began = performance.now();
  await page.goto(`http://127.0.0.1:${proxy.port}/field/`, { waitUntil: "commit" });
  await page.getByTestId("by-password").click();
  await page.getByTestId("username").fill("inspector01");
  const took = performance.now() - began;
  const bytes = proxy.received();
  await context.close();
  proxy.close();
  return { took, bytes };
}

async function signedIn(context) {
  const page = await context.newPage();
  await page.goto(`${township.url}/field/`);
  await page.getByTestId("by-password").click();
  await page.getByTestId("username").fill("inspector01");
  await page.getByTestId("password").fill(township.password);
  await page.getByTestId("sign-in").click();
  await page.getByTestId("offline-ready").waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.close();
}

async function coldStart(context, rate) {
  const page = await context.newPage();
  await slower(page, rate);
  const began = performance.now();
  await page.goto(`${township.url}/field/`, { waitUntil: "commit" });
  await page.getByTestId("offline-ready").waitFor();
  const took = performance.now() - began;
  await page.close();
  return took;
}

try {
  const loads = [];
  for (let run = 0; run < RUNS; run += 1) loads.push(await firstLoad());
  const floor = (1_000 * 8 * loads[0].bytes) / BITS_PER_S;
  console.log(`first load, slow 3G, until a name is typed: ${words(loads.map(({ took }) => took))}`);
  console.log(`  ${loads[0].bytes} bytes came down: ${Math.round(floor)} ms of the line alone`);
  const context = await phone();
  await signedIn(context);
  await context.setOffline(true);
  for (const rate of [1, 4]) {
    const starts = [];
    for (let run = 0; run < RUNS; run += 1) starts.push(await coldStart(context, rate));
    console.log(`start without a network, page slowed ${rate}×, until it is ready to work: ${words(starts)}`);
  }
} finally {
  await browser.close();
  await township.stop();
}

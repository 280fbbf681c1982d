// What measurements need: the app in Chromium as a phone has it, and its host asked directly, as a page asks it, so that a
// whole day is written without pressing every button.

import { randomUUID } from "node:crypto";

import { chromium } from "@playwright/test";

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const words = (values) => `median ${Math.round(median(values))} of ${values.map(Math.round).join(", ")}`;

export const launch = (args = []) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", ...args],
  });

export const phone = (browser, options = {}) =>
  browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "zh-CN", timezoneId: "Asia/Shanghai", ...options });

export async function slower(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate });
}

/** The app with somebody signed in and everything received. */
export async function signedIn(context, url, password, username = "inspector01") {
  const page = await context.newPage();
  await page.goto(`${url}/field/`);
  await page.getByTestId("by-password").click();
  await page.getByTestId("username").fill(username);
  await page.getByTestId("password").fill(password);
  await page.getByTestId("sign-in").click();
  await page.getByTestId("offline-ready").waitFor({ timeout: 300_000 });
  return page;
}

/** Asks the host (src/host/rpc.ts). `pictures` are the base64 of files that become blobs in place of `{picture: n}`. */
export function ask(page, method, args = [], pictures = []) {
  return page.evaluate(
    ({ method, args, pictures }) => {
      const blobs = pictures.map((text) => new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: "image/jpeg" }));
      const whole = args.map((arg) => (arg?.file?.picture === undefined ? arg : { ...arg, file: blobs[arg.file.picture] }));
      const channel = new BroadcastChannel("hazard-field");
      const request = crypto.randomUUID();
      return new Promise((resolve, reject) => {
        channel.onmessage = ({ data }) => {
          if (data.to !== "page" || data.request !== request) return;
          channel.close();
          if ("error" in data) reject(new Error(JSON.stringify(data.error)));
          else resolve(data.result);
        };
        channel.postMessage({ to: "host", page: request, request, method, args: whole });
      });
    },
    { method, args, pictures },
  );
}

/** A fresh id of version 7. */
export function id(nowMs = Date.now()) {
  const time = nowMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const PLACES = ["东头烟花店", "村小学食堂", "李家组自建房", "加油站卸油口", "幸福院二楼", "砂石厂配电房"];
const FOUND = ["灭火器压力不足，未及时更换", "疏散通道堆放杂物，通行宽度不足一米", "配电箱未装漏电保护器，线路私拉乱接", "烟花与日用品混放，无隔离措施", "气瓶与灶台距离不足一米，无报警器"];

/** An inspection with all that a typical one says. */
export function inspection(village, at, nowMs) {
  const answers = Object.fromEntries(["1", "2", "3", "4", "5", "6", "7", "8"].map((code, n) => [`answers/${code}`, (n + at) % 5 === 0 ? "fail" : "pass"]));
  const changes = { place: PLACES[at % PLACES.length], type: "routine", inspected_at: nowMs, "inspectors/李安全": true, conclusion: "已当场告知负责人，限期整改", signed_by: "王负责", location: { lat: 29.563 + at / 1e3, lon: 106.551, accuracy_m: 8 }, ...answers };
  return { record: id(nowMs), kind: "inspection", village, changes };
}

/** A hazard found there, with the five that must be fixed. */
export function hazard(village, at, nowMs, found) {
  const five = { responsible: "王负责", measures: "更换并建立台账，每月检查", funds: 300, deadline: "2027-01-15", contingency_plan: "整改前专人看守" };
  const changes = { description: `${FOUND[at % FOUND.length]}（${at}）`, sector: "fire", category: "物的因素", level: "general", place: PLACES[at % PLACES.length], found_at: nowMs, found_by: "李安全", location: { lat: 29.563, lon: 106.551, accuracy_m: 8 }, ...five, ...(found ? { inspection: found } : {}) };
  return { record: id(nowMs), kind: "hazard", village, changes };
}

/** Saves, and fails where it was not. */
export async function save(page, edits, photos = []) {
  const saved = await ask(page, "save", [{ edits, photos }]);
  if (saved.result !== "saved") throw new Error(JSON.stringify(saved));
}

export const villageOf = async (page) => (await ask(page, "status")).session.villages[0].id;

/** Until nothing waits on this phone; every look is told. */
export async function allSent(page, told = () => {}) {
  for (;;) {
    const status = await ask(page, "status");
    told(status);
    if (status.unsent.versions === 0 && status.unsent.photos === 0 && !status.work) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

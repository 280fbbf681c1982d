// Whoever sees or touches less well, has large letters, or a small phone: every page and every form, one line each.

import { readFileSync } from "node:fs";

import type { BrowserContext, Page } from "@playwright/test";

import { photos, startTownship, type Township } from "../../tus/township.mjs";
import { expect, home, office, report, sent, signedIn, test } from "./phone.js";

/** What a finger needs, px. */
const FINGER = 48;
const axe = readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");

let township: Township;
let context: BrowserContext;
let page: Page;
const addresses = { hazard: "", inspection: "", order: "", month: "" };

const tab = async (name: string) => {
  await page.goto(`${township.url}/field/`);
  await page.getByTestId(`tab-${name}`).click();
};
const address = async (path: string) => void (await page.goto(path));
const fromHazard = async (button: string) => {
  await address(addresses.hazard);
  await page.getByTestId(button).click();
};

/** Each page: how one comes there, and what shows that it is there. */
const PAGES: Record<string, [open: () => Promise<void>, there: string]> = {
  home: [() => tab("home"), "start-inspection"],
  hazards: [() => tab("hazards"), "hazard-row"],
  sites: [() => tab("sites"), "site-row"],
  "the map": [async () => (await tab("sites"), await page.getByTestId("map").click()), "map"],
  me: [() => tab("me"), "carry"],
  "what was sent": [() => address(`${township.url}/field/sync`), "sync-row"],
  "an inspection's form": [async () => (await tab("home"), await page.getByTestId("start-inspection").click()), "choose-site"],
  "a checklist": [
    async () => {
      await tab("sites");
      await page.getByTestId("site-row").filter({ hasText: "烟花爆竹" }).first().click();
      await page.getByTestId("inspect-site").click();
    },
    "answer-1-pass",
  ],
  "a hazard's form": [async () => (await tab("home"), await page.getByTestId("report-hazard").click()), "description"],
  "a hazard": [() => address(addresses.hazard), "hazard"],
  "a rectification's form": [() => fromHazard("rectify"), "measures"],
  "a re-inspection's form": [() => fromHazard("reinspect"), "result-passed"],
  "a site": [async () => (await tab("sites"), await page.getByTestId("site-row").first().click()), "inspect-site"],
  "an inspection": [() => address(addresses.inspection), "inspection"],
  "an order": [() => address(addresses.order), "sign-receipt"],
  "a campaign": [async () => (await tab("home"), await page.getByTestId("campaign-card").first().click()), "target"],
  "a month's form": [() => address(addresses.month), "figure-inspections"],
};

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000);
  township = await startTownship();
  context = await browser.newContext();
  page = await signedIn(context, township);
  addresses.month = new URL((await page.getByTestId("month-card").getAttribute("href")) ?? "", township.url).href;
  await page.getByTestId("start-inspection").click();
  await page.getByTestId("choose-site").click();
  await page.getByTestId("site").filter({ hasText: "烟花爆竹" }).first().click();
  for (const code of ["1", "2", "3", "4", "5", "6"]) await page.getByTestId(`answer-${code}-pass`).click();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("inspection")).toBeVisible();
  addresses.inspection = page.url();
  await home(page);
  await page.getByTestId("report-hazard").click();
  await page.getByTestId("sector").selectOption("fire");
  await page.getByTestId("description").fill("疏散通道堆放杂物，通行宽度不足一米，安全出口指示灯损坏");
  const photo = photos("phones")[0];
  if (!photo) throw new Error("no photo");
  await page.getByTestId("photo-input").first().setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: photo.bytes });
  await expect(page.locator("figure img").first()).toBeVisible();
  await page.getByTestId("save").click();
  await expect(page.getByTestId("hazard")).toBeVisible();
  addresses.hazard = page.url();
  await sent(page);

  const ask = await office(township, "supervisor");
  const hazard = addresses.hazard.split("/").at(-1) ?? "";
  const { village } = await ask<{ village: string }>("GET", `/records/${hazard}`);
  const order = hazard.replace(/.{4}$/, "0ffe");
  const changes = { [`hazards/${hazard}`]: true, kind: "time_limit", issued_at: Date.now(), issuer: "镇安监办", recipient: "王负责", requirements: "清理通道", deadline: "2027-01-15" };
  await ask("POST", "/records", { edits: [{ record: order, kind: "order", village, changes }] });
  addresses.order = `${township.url}/field/orders/${order}`;
});

test.afterAll(async () => {
  await context.close();
  await township.stop();
});

/** Serious and critical findings of axe. */
async function findings(): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe;
    const { violations } = await run.run();
    return violations.filter((one) => ["serious", "critical"].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
  });
}

/** What a finger is to meet, and is too small for it. What is visually hidden stands for a label that is not. */
const small = (finger: number) =>
  [...document.querySelectorAll<HTMLElement>("button, a[href], input, select, textarea, [role=button], [role=tab], [role=radio], label:has(input[type=file])")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !one.closest(".visually-hidden, [aria-hidden=true]"))
    // A box inside its label is touched by the label.
    .map((one) => (one.matches("input") ? (one.closest<HTMLElement>("label, .van-field, .van-search") ?? one) : one))
    .filter((one) => {
      const { width, height } = one.getBoundingClientRect();
      return width > 0 && (width < finger - 0.5 || height < finger - 0.5);
    })
    .map((one) => `${one.outerHTML.slice(0, 160)} ${Math.round(one.getBoundingClientRect().width)}×${Math.round(one.getBoundingClientRect().height)}`);

/** What goes beyond the screen, and words that are cut off where nothing says that there are more. */
const cut = () => {
  const beyond = document.documentElement.scrollWidth > window.innerWidth ? [`the page is ${document.documentElement.scrollWidth} px wide`] : [];
  const isCut = (one: HTMLElement) => {
    const style = getComputedStyle(one);
    if (!["hidden", "clip"].includes(style.overflowX) && !["hidden", "clip"].includes(style.overflowY)) return false;
    // Words that end in dots say that there are more; a map goes on beyond its frame.
    if (style.webkitLineClamp !== "none" || style.textOverflow === "ellipsis" || one.matches(".map, svg *") || one.clientWidth <= 1) return false;
    return one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2;
  };
  const clipped = [...document.querySelectorAll<HTMLElement>("#app *")].filter((one) => one.checkVisibility() && (one.textContent ?? "").trim() !== "" && isCut(one));
  return [...beyond, ...clipped.map((one) => one.outerHTML.slice(0, 200))];
};

async function isReachable(there: string): Promise<void> {
  await expect(page.getByTestId(there).first()).toBeVisible();
  const found = { axe: await findings(), tooSmall: await page.evaluate(small, FINGER), at320: [""], withLargeLetters: [""] };
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/field-${there}.png` });
  await page.setViewportSize({ width: 320, height: 568 });
  found.at320 = await page.evaluate(cut);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
  found.withLargeLetters = await page.evaluate(cut);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/field-200-${there}.png` });
  await page.evaluate(() => (document.documentElement.style.fontSize = ""));
  expect(found).toEqual({ axe: [], tooSmall: [], at320: [], withLargeLetters: [] });
}

for (const [name, [open, there]] of Object.entries(PAGES)) {
  test(`${name} is within everybody's reach`, async () => {
    await open();
    await isReachable(there);
  });
}

test("the form to sign in with is within everybody's reach", async ({ browser }) => {
  const before = page;
  const fresh = await browser.newContext();
  page = await fresh.newPage();
  await page.goto(`${township.url}/field/`);
  await isReachable("sign-in");
  await page.getByTestId("by-password").click();
  await isReachable("password");
  await fresh.close();
  page = before;
});

test("the form in which something refused is repaired is within everybody's reach", async () => {
  const admin = await office(township, "admin");
  const { accounts } = await admin<{ accounts: { id: string; username: string; villages: string[] }[] }>("GET", "/accounts");
  const [own, other] = ["inspector01", "inspector02"].map((name) => accounts.find((one) => one.username === name));
  await tab("home");
  await context.setOffline(true);
  await report(page, "液化气瓶超期未检", "gas");
  const address = page.url();
  await admin("PATCH", `/accounts/${own?.id}`, { villages: other?.villages });
  await context.setOffline(false);
  await expect(page.getByTestId("status-strip")).toContainText("需要处理");
  await page.goto(address);
  await isReachable("refused");
  await page.getByTestId("repair").click();
  await isReachable("description");
});

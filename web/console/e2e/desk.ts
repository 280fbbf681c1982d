// What every story of the office needs: a township of its own, a desk signed in to it, and a village that reports.

import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { BrowserContext, Page } from "@playwright/test";

import { expect, test as base, type Township } from "../../field/e2e/phone.js";
import { startTownship } from "../../tus/township.mjs";

export { expect };

/** `living` is a township with a year of inspections, as `make run` shows it. */
export const test = base.extend<object, { living: Township }>({
  living: [
    async ({}, use) => {
      const township = await startTownship({ isLiving: true });
      await use(township);
      await township.stop();
    },
    { scope: "worker", timeout: 240_000 },
  ],
});

/** Opens the desk and signs in. */
export async function signedIn(context: BrowserContext, township: Township, username = "supervisor"): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${township.url}/office/`);
  await page.getByTestId("username").fill(username);
  await page.getByTestId("password").fill(township.password);
  await page.getByTestId("sign-in").click();
  await expect(page.getByTestId("nav-ledger")).toBeVisible();
  return page;
}

/** What axe finds serious on a page. */
export async function serious(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(fileURLToPath(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url)), "utf8"));
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe.run();
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  });
}

type Changes = Record<string, unknown>;

/** An inspector of a village, who writes as a phone's records would come in. */
export class Village {
  private constructor(
    private readonly township: Township,
    private readonly token: string,
    readonly id: string,
  ) {}

  static async of(township: Township, username: string): Promise<Village> {
    const token = await township.signIn(username, "phone");
    const me = (await (await fetch(`${township.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })).json()) as { account: { villages: string[] } };
    return new Village(township, token, me.account.villages[0] ?? "");
  }

  async read<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.township.url}/api/v1${path}`, { headers: { authorization: `Bearer ${this.token}` } })).json()) as T;
  }

  writes(kind: string, record: string, changes: Changes, seen: unknown = undefined): Promise<string> {
    return this.writesIn(this.id, kind, record, changes, seen);
  }

  /** Writes of another village, as the office may. */
  async writesIn(village: string, kind: string, record: string, changes: Changes, seen: unknown = undefined): Promise<string> {
    const edit = { record, kind, village, changes, ...(seen === undefined ? {} : { seen }) };
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const answer = await fetch(`${this.township.url}/api/v1/records`, { method: "POST", headers, body: JSON.stringify({ edits: [edit] }) });
    expect(answer.status, await answer.text()).toBe(200);
    return record;
  }

  /** Writes as a phone of its own that has seen so much and no more. */
  writesApart(kind: string, record: string, changes: Changes, seen: Record<string, number>, village = this.id): Promise<void> {
    return this.pushes(kind, record, changes, seen, village, /"(merged|conflict)"/);
  }

  /** Sends what the office's rules do not let in. */
  async isRefused(kind: string, record: string, changes: Changes): Promise<void> {
    await this.pushes(kind, record, changes, {}, this.id, /"quarantined"/);
  }

  private async pushes(kind: string, record: string, changes: Changes, seen: Record<string, number>, village: string, verdict: RegExp): Promise<void> {
    const replica = randomUUID();
    const { account } = await this.read<{ account: { id: string } }>("/me");
    const version = { record, kind, village, dot: [replica, 1], context: seen, stamp: [Date.now(), 0], author: account.id, changes };
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const body = JSON.stringify({ sent_at_ms: Date.now(), replica, first_seq: 1, versions: [version] });
    const answer = await fetch(`${this.township.url}/api/v1/push`, { method: "POST", headers, body });
    const text = await answer.text();
    expect(text).toMatch(verdict);
  }

  reports(description: string, more: Changes = {}): Promise<string> {
    const changes = { description, sector: "fireworks", level: "general", found_at: Date.now(), found_by: "村级安监员", ...more };
    return this.writes("hazard", randomUUID(), changes);
  }

  /** A photo of a record, whose bytes have arrived. */
  async photographs(subject: string, role: string, bytes: Buffer): Promise<void> {
    await this.uploads(bytes);
    await this.shows(subject, role, bytes);
  }

  /** The record of a photo, whose bytes may be on their way; its hash. */
  async shows(subject: string, role: string, bytes: Buffer): Promise<string> {
    const hash = createHash("sha256").update(bytes).digest("hex");
    await this.writes("photo", randomUUID(), { subject_kind: "hazard", subject, hash, bytes: bytes.length, role, taken_at: Date.now() });
    return hash;
  }

  /** A preview of a photo that is on its way: the small variant of another. */
  async previews(hash: string, other: Buffer): Promise<void> {
    const like = await this.uploads(other);
    const authorization = `Bearer ${this.token}`;
    const small = await fetch(`${this.township.url}/api/v1/photos/${like}?variant=256`, { headers: { authorization } });
    const ask = { method: "PUT", headers: { authorization }, body: await small.arrayBuffer() };
    const sent = await fetch(`${this.township.url}/api/v1/photos/${hash}/preview`, ask);
    expect(sent.status, await sent.text()).toBe(204);
  }

  /** The bytes of a photo; their hash. */
  async uploads(bytes: Buffer): Promise<string> {
    const hash = createHash("sha256").update(bytes).digest("hex");
    const headers = {
      authorization: `Bearer ${this.token}`,
      "tus-resumable": "1.0.0",
      "upload-length": String(bytes.length),
      "upload-metadata": `sha256 ${Buffer.from(hash).toString("base64")}`,
      "content-type": "application/offset+octet-stream",
    };
    const sent = await fetch(`${this.township.url}/api/v1/uploads`, { method: "POST", headers, body: new Uint8Array(bytes) });
    expect(sent.status, await sent.text()).toBe(201);
    return hash;
  }

  async seen(record: string): Promise<Record<string, number>> {
    return (await this.read<{ seen: Record<string, number> }>(`/records/${record}`)).seen;
  }
}

// A village's monthly report as its pages get it, against a real server.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Edit } from "../../../wasm/pkg/types.js";
import { hazard, Phone } from "./phone.js";
import { PASSWORD, Server } from "./server.js";

const MONTH = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 7);

describe("the month", () => {
  let server: Server;
  let mine: Phone;

  beforeAll(async () => {
    server = await Server.start();
    mine = new Phone(server.origin);
  });
  afterAll(async () => {
    await mine.host.stop();
    await server.remove();
  });

  /** Requests of the office. */
  async function office(username: string) {
    const send = async <Answer>(method: string, path: string, body: object | undefined, token?: string): Promise<Answer> => {
      const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
      const answer = await fetch(`${server.origin}/api/v1${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as Answer;
    };
    const { access_token } = await send<{ access_token: string }>("POST", "/auth/login", { username, password: PASSWORD, device_name: "office" });
    return <Answer>(method: string, path: string, body?: object) => send<Answer>(method, path, body, access_token);
  }

  const visit = (village: string, site: string, inspected_at = Date.now()): Edit => ({
    ...hazard(village, ""),
    kind: "inspection",
    changes: { site, type: "routine", inspected_at, "inspectors/李安全": true },
  });

  it("counts a site once, a closed hazard not as open, and another month's work not at all", async () => {
    const village = await mine.signedIn("inspector01");
    const [site] = (await mine.host.list({ kind: "site", village })).rows;
    await mine.saved({ edits: [visit(village, site!.id), visit(village, site!.id), visit(village, site!.id, Date.UTC(2020, 1, 1))] });
    await mine.saved({ edits: [hazard(village, "配电箱无门"), hazard(village, "灭火器过期", { deadline: "2020-01-01", level: "major" })] });
    const report = await mine.host.monthly(village, MONTH);
    expect(report).toMatchObject({ state: "draft" });
    expect(report.row).toBeUndefined();
    expect(report.ledger).toMatchObject({
      inspections: 2,
      sites_inspected: 1,
      hazards_found: 2,
      major_hazards_found: 1,
      hazards_closed: 0,
      hazards_open: 2,
    });
    const [general] = (await mine.host.list({ kind: "hazard", where: { level: "general" } })).rows;
    const follows = Object.fromEntries((await mine.host.toFollow(general!.id)).map((key) => [`follows/${key}`, true]));
    const passed = { hazard: general!.id, at: Date.now(), by: "李安全", result: "passed", ...follows };
    await mine.saved({ edits: [{ ...hazard(village, ""), kind: "reinspection", changes: passed }] });
    expect((await mine.host.monthly(village, MONTH)).ledger).toMatchObject({ hazards_found: 2, hazards_closed: 1, hazards_overdue: 1 });
    expect((await mine.host.monthly(village, "2020-02")).ledger).toMatchObject({ inspections: 1, hazards_found: 0, hazards_open: 0 });
  });

  it("is the same record however often it is begun, and knows what was written to it", async () => {
    const village = (await mine.host.status()).session!.villages[0]!.id;
    const { record } = await mine.host.monthly(village, MONTH);
    await mine.saved({ edits: [{ record, kind: "monthly_report", village, changes: { month: MONTH, "figures/inspections": 2, submitted_at: Date.now() } }] });
    const report = await mine.host.monthly(village, MONTH);
    expect(report).toMatchObject({ record, state: "submitted", row: { values: { "figures/inspections": 2 } } });
    await expect(mine.saved({ edits: [{ record, kind: "monthly_report", village, changes: { month: "2020-01" } }] })).rejects.toThrow();
  });

  it("counts no inspection of which it is doubtful that it was or when, and no site where it is disputed which", async () => {
    const phone = new Phone(server.origin);
    const village = await phone.signedIn("inspector02");
    const [a, b, c] = (await phone.host.list({ kind: "site", village })).rows.map(({ id }) => id) as [string, string, string];
    const visits = Array.from({ length: 6 }, () => visit(village, a));
    const [plain, revived, restored, moved, dated] = visits as [Edit, Edit, Edit, Edit, Edit];
    visits[5] = visit(village, b);
    const counted = async () => {
      const { inspections, sites_inspected } = (await phone.host.monthly(village, MONTH)).ledger;
      return [inspections, sites_inspected];
    };
    await phone.saved({ edits: visits });
    await phone.settled();
    expect(await counted()).toEqual([6, 2]);

    const ask = await office("supervisor");
    const seenOf = async ({ record }: Edit) => (await ask<{ seen: unknown }>("GET", `/records/${record}`)).seen;
    const decide = async ({ record }: Edit, seen: unknown, changes: Edit["changes"]) => {
      await ask("POST", "/records", { edits: [{ record, kind: "inspection", village, seen, changes }] });
    };
    const of = ({ record }: Edit, changes: Edit["changes"]) => ({ record, kind: "inspection", village, changes });
    phone.isOnline = false;
    await phone.saved({ edits: [of(revived, { conclusion: "已改" }), of(moved, { site: b }), of(dated, { inspected_at: Date.now() - 1 })] });
    await decide(revived, await seenOf(revived), { void: "重复" });
    await decide(moved, await seenOf(moved), { site: c });
    await decide(dated, await seenOf(dated), { inspected_at: Date.now() - 2 });
    // Voided, and restored by somebody who did not know of it: the later word shows, and the other stands.
    const other = new Phone(server.origin);
    await other.signedIn("supervisor");
    other.isOnline = false;
    await decide(restored, await seenOf(restored), { void: "重复" });
    await other.saved({ edits: [of(restored, { void: null })] });
    other.isOnline = true;
    await other.host.syncNow();
    await other.settled();
    await other.host.stop();
    phone.isOnline = true;
    await phone.host.syncNow();
    await phone.settled();
    await phone.until("the office's word is here", async () => (await phone.host.detail(restored.record))?.view.fields["void"]?.value === null);
    const voiding = async ({ record }: Edit) => (await phone.host.detail(record))?.view.voiding;
    expect([await voiding(plain), await voiding(revived), await voiding(restored)]).toEqual(["stands", { revived: "重复" }, { revived: "重复" }]);
    expect((await phone.host.detail(moved.record))?.row.conflicts).toEqual(["site"]);
    expect((await phone.host.detail(dated.record))?.row.conflicts).toEqual(["inspected_at"]);
    // The plain one and that of another site; the one that may have been elsewhere, but for its site.
    expect(await counted()).toEqual([3, 2]);
    await phone.host.stop();
  });

  it("does not count an inspection of which the office has put aside everything", async () => {
    const phone = new Phone(server.origin);
    const village = await phone.signedIn("inspector03");
    const [site] = (await phone.host.list({ kind: "site", village })).rows;
    phone.isOnline = false;
    const edit = visit(village, site!.id);
    await phone.saved({ edits: [edit] });
    expect((await phone.host.monthly(village, MONTH)).ledger).toMatchObject({ inspections: 1, sites_inspected: 1 });
    const ask = await office("admin");
    const { accounts } = await ask<{ accounts: { id: string; username: string; villages: string[] }[] }>("GET", "/accounts");
    const of = (username: string) => accounts.find((one) => one.username === username);
    await ask("PATCH", `/accounts/${of("inspector03")?.id}`, { villages: of("inspector04")?.villages });
    phone.isOnline = true;
    await phone.host.syncNow();
    await phone.until("a person is asked", ({ attention }) => attention === 1);
    expect(await phone.host.detail(edit.record)).toBeDefined();
    expect((await phone.host.monthly(village, MONTH)).ledger).toMatchObject({ inspections: 0, sites_inspected: 0 });
    await phone.restart();
    expect((await phone.host.monthly(village, MONTH)).ledger).toMatchObject({ inspections: 0, sites_inspected: 0 });
    await phone.host.stop();
  });
});

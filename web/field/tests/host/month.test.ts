// A village's monthly report as its pages get it, against a real server.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { hazard, Phone } from "./phone.js";
import { Server } from "./server.js";

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

  it("counts a site once, a closed hazard not as open, and another month's work not at all", async () => {
    const village = await mine.signedIn("inspector01");
    const [site] = (await mine.host.list({ kind: "site", village })).rows;
    const visit = (inspected_at: number) => ({
      ...hazard(village, ""),
      kind: "inspection" as const,
      changes: { site: site!.id, type: "routine", inspected_at, "inspectors/李安全": true },
    });
    await mine.saved({ edits: [visit(Date.now()), visit(Date.now()), visit(Date.UTC(2020, 1, 1))] });
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
});

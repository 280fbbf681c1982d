// Lists: which records, in which order, in which window. No server, no storage.

import { beforeEach, describe, expect, it } from "vitest";

import type { Query } from "../../src/host/contract.js";
import { Ledger } from "../../src/host/ledger.js";
import { countHazards, list } from "../../src/host/lists.js";
import type { StoredRow } from "../../src/host/rows.js";
import { Written } from "../../src/host/written.js";
import "./phone.js";

const TODAY = Date.UTC(2026, 2, 10);

describe("lists", () => {
  let ledger: Ledger;
  let number = 0;

  beforeEach(() => {
    ledger = new Ledger(new Written());
    number = 0;
  });

  function add(kind: string, values: StoredRow["values"], more: Partial<StoredRow> = {}): string {
    number += 1;
    const id = `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;
    const refs = Object.values(values).filter((value): value is string => typeof value === "string" && value.startsWith("00000000-"));
    ledger.put({ id, kind, values, writtenAtMs: number, conflicts: [], isVoided: false, isMine: false, refs, hazards: [], ...more });
    return id;
  }

  function hazard(values: StoredRow["values"], status: "reported" | "closed" = "reported", deadline: string | null = null): string {
    const is_overdue = status !== "closed" && deadline !== null && deadline < "2026-03-10";
    const standing = { status, deadline, is_overdue, is_void: false, is_major: false, is_suspended: false, is_escalated: false, closed_at_ms: null };
    return add("hazard", values, { standing });
  }

  const found = (query: Query) => list(ledger, query).rows.map((row) => row.id);

  it.each([
    ["one word of the description", "通道", true],
    ["both words, wherever they are", "消防 二楼", true],
    ["a word that does not occur", "消防 三楼", false],
    ["letters of another width and case", "ＣＢＤ", true],
    ["the name of the site", "向阳", true],
    ["spaces only", "  ", true],
  ])("text: %s", (_, text, isFound) => {
    const site = add("site", { name: "向阳加油站" });
    const id = hazard({ description: "消防通道堵塞 cbd", place: "二楼", site });
    expect(found({ kind: "hazard", text })).toEqual(isFound ? [id] : []);
  });

  it("open and closed, overdue, of a site, mine, and voided ones only when asked for", () => {
    const site = add("site", { name: "加油站" });
    const open = hazard({ description: "a", site }, "reported", "2026-03-01");
    const closed = hazard({ description: "b" }, "closed", "2026-03-01");
    const voided = add("hazard", { description: "c" }, { isVoided: true, isMine: true });
    expect(found({ kind: "hazard", open: true })).toEqual([open]);
    expect(found({ kind: "hazard", open: false })).toEqual([closed]);
    expect(found({ kind: "hazard", overdue: true })).toEqual([open]);
    expect(found({ kind: "hazard", where: { site } })).toEqual([open]);
    expect(found({ kind: "hazard", where: { site: null } })).toEqual([closed]);
    expect(found({ kind: "hazard", mine: true })).toEqual([]);
    expect(found({ kind: "hazard", mine: true, withVoided: true })).toEqual([voided]);
  });

  it("by deadline: overdue first, then by day, then those without, then what is closed", () => {
    const [none, late, soon, closed, later] = [
      hazard({ description: "none" }),
      hazard({ description: "late" }, "reported", "2026-01-01"),
      hazard({ description: "soon" }, "reported", "2026-03-12"),
      hazard({ description: "closed" }, "closed", "2025-01-01"),
      hazard({ description: "later" }, "reported", "2026-02-01"),
    ];
    expect(found({ kind: "hazard", order: "deadline" })).toEqual([late, later, soon, none, closed]);
  });

  it("by name in Chinese order, by nearness, and the newest first", () => {
    const far = add("site", { name: "张家沟", location: { lat: 31, lon: 104 } });
    const nowhere = add("site", { name: "安乐村" });
    const near = add("site", { name: "李家坝", location: { lat: 30.01, lon: 104 } });
    expect(found({ kind: "site", order: "name" })).toEqual([nowhere, near, far]);
    expect(found({ kind: "site", order: "near", from: { lat: 30, lon: 104 } })).toEqual([near, far, nowhere]);
    expect(found({ kind: "site" })).toEqual([near, nowhere, far]);
  });

  it("a window tells how many there are in all", () => {
    const ids = Array.from({ length: 5 }, () => add("site", { name: "同名" })).reverse();
    expect(list(ledger, { kind: "site", offset: 1, limit: 2 })).toMatchObject({ total: 5, rows: [{ id: ids[1] }, { id: ids[2] }] });
    expect(list(ledger, { kind: "checklist" })).toEqual({ rows: [], total: 0 });
  });

  it("counts open, overdue, and due within seven days; voided ones do not count", () => {
    hazard({}, "reported", "2026-03-09");
    hazard({}, "reported", "2026-03-17");
    hazard({}, "reported", "2026-03-18");
    hazard({}, "closed", "2026-03-09");
    add("hazard", {}, { isVoided: true });
    expect(countHazards(ledger, TODAY)).toEqual({ open: 3, overdue: 1, dueSoon: 1 });
    expect(list(ledger, { kind: "hazard", dueBy: "2026-03-17" }).total).toBe(1);
    expect(list(ledger, { kind: "hazard", dueBy: "2026-03-18" }).total).toBe(2);
  });

  it("photos of a record come in the order in which they were taken, and leave with their row", () => {
    const subject = hazard({ description: "x" });
    const photo = (taken_at: number, hash: string) => add("photo", { subject, hash, taken_at, role: "before" });
    const late = photo(20, "b".repeat(64));
    const early = photo(10, "a".repeat(64));
    const photos = () => list(ledger, { kind: "hazard" }).rows[0]?.photos.map((each) => each.record);
    expect(photos()).toEqual([early, late]);
    ledger.remove(early);
    expect(photos()).toEqual([late]);
  });
});

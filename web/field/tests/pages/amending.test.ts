// A returned hazard that is written again: only what its inspector changed, over what others wrote meanwhile.

import { beforeEach, expect, test, vi } from "vitest";

import { amending } from "../../src/composables/amending.js";
import { host } from "../../src/composables/host.js";
import type { Detail, Row } from "../../src/host/contract.js";

vi.mock("../../src/composables/host.js", () => ({ host: { detail: vi.fn() } }));

const BEGUN = { description: "气瓶与火源同室 ", level: "general", sector: "gas", deadline: "2026-06-30", funds: 300, found_at: 7 };
/** What the form writes where nobody changed anything. */
const WRITTEN = { ...BEGUN, description: "气瓶与火源同室", found_by: "李安全" };
/** What stands when the form is saved. */
let standing: Row["values"];

beforeEach(() => {
  standing = BEGUN;
  vi.mocked(host.detail).mockImplementation(async (id) => ({ row: { id, village: "v", values: id === "h" ? standing : {} } }) as Detail);
});

/** What is written to the hazard; absent where nothing is. */
async function amended(changes: Row["values"], begun: Row["values"] | undefined) {
  const edits = await amending("c", { id: "h", village: "v" }, { ...WRITTEN, ...changes }, "李安全", begun);
  expect(edits.at(-1)).toMatchObject({ record: "c", kind: "comment", changes: { answered_by: "李安全" } });
  return edits.find(({ record }) => record === "h")?.changes;
}

test("what the office wrote after the form was begun stands, and what was changed in the form is written", async () => {
  standing = { ...BEGUN, deadline: "2026-05-01", responsible: "王店主", level: "major" };
  expect(await amended({ description: "东街面馆气瓶与火源同室" }, BEGUN)).toEqual({ description: "东街面馆气瓶与火源同室" });
  expect(await amended({ deadline: "2026-06-01" }, BEGUN)).toEqual({ deadline: "2026-06-01" });
});

test("a form in which nothing was changed writes nothing, nor what others have written just so", async () => {
  expect(await amended({}, BEGUN)).toBeUndefined();
  standing = { ...BEGUN, deadline: "2026-05-01" };
  expect(await amended({ deadline: "2026-05-01" }, BEGUN)).toBeUndefined();
});

test("a draft that does not say what stood when it was begun writes what differs from what stands", async () => {
  standing = { ...BEGUN, funds: 500 };
  expect(await amended({ description: "东街面馆" }, undefined)).toEqual({ description: "东街面馆", funds: 300 });
});

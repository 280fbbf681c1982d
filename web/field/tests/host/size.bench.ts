// How long a phone with 10,000 hazards takes to begin, to list and to save: `npx vitest bench`. The storage is in memory
// here; in a browser the disk comes on top.

import { bench, describe } from "vitest";

import { Client } from "../../../wasm/pkg/sync_core.js";
import type { Caller, StoredEffect } from "../../../wasm/pkg/types.js";
import type { Person } from "../../src/host/device.js";
import { Engine } from "../../src/host/engine.js";
import { countHazards, list } from "../../src/host/lists.js";
import { save } from "../../src/host/saving.js";
import { hazard } from "./phone.js";

const RECORDS = 10_000;
const AT_ONCE = 500;
const ACCOUNT = "00000000-0000-4000-8000-000000000001";
const VILLAGE = "00000000-0000-4000-8000-000000000002";
const OPENING = { progress: () => undefined, lost: () => undefined };

const person: Person = {
  accountId: ACCOUNT,
  username: "bench",
  name: "测量",
  role: "inspector",
  villages: [VILLAGE],
  township: "",
  deviceName: "",
  sealKey: "",
  unsent: 0,
};

/** States of hazards that somebody else wrote, as the feed brings them. */
function states(from: number): StoredEffect[] {
  const caller: Caller = { account: "00000000-0000-4000-8000-000000000003", role: "inspector", villages: [VILLAGE] };
  const writer = new Client(crypto.randomUUID());
  const effects = Array.from({ length: AT_ONCE }, (_, at): StoredEffect => {
    const edit = hazard(VILLAGE, `第${from + at}处：二楼疏散通道堆放杂物，请尽快清理`, { place: "二楼楼梯间", deadline: "2027-01-01" });
    writer.write(edit, caller, undefined, Date.now());
    return { effect: "merge", record: edit.record, kind: "hazard", part: VILLAGE, delta: writer.view(edit.record, undefined) ?? "" };
  });
  writer.free();
  return effects;
}

async function filled(): Promise<Engine> {
  const engine = await Engine.open(ACCOUNT, () => Date.now(), OPENING);
  for (let from = 0; from < RECORDS; from += AT_ONCE) await engine.exclusive(() => engine.commit(states(from)));
  return engine;
}

const engine = await filled();

describe(`${RECORDS} hazards`, () => {
  bench("save one more", async () => {
    const { saved } = await save(engine, person, { edits: [hazard(VILLAGE, "新的隐患")], photos: [] }, crypto.randomUUID(), Date.now());
    if (saved.result !== "saved") throw new Error(saved.result);
  });
  bench("the first page by deadline", () => void list(engine.ledger, { kind: "hazard", open: true, order: "deadline", limit: 20 }));
  bench("search for two words", () => void list(engine.ledger, { kind: "hazard", text: "疏散 9999", limit: 20 }));
  bench("counts", () => void countHazards(engine.ledger, Date.now()));
  bench(
    "cold start",
    async () => {
      const other = await Engine.open(ACCOUNT, () => Date.now(), OPENING);
      other.close();
    },
    { iterations: 3, warmupIterations: 1, time: 0 },
  );
});

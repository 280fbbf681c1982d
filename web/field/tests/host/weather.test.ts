// Bad weather of every kind, by a seed: answers lost, requests cut, the disk full, the app killed. Whatever the person was
// told is saved must be in the office's ledger at the end, once.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { startFailure } from "../../src/host/errors.js";
import { disk } from "./disk.js";
import { hazard, Phone, picture } from "./phone.js";
import { Server } from "./server.js";

const STEPS = 60;

/** Numbers from 0 to 1 (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("bad weather", () => {
  let server: Server;
  let mine: Phone;

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(async () => {
    disk.isFull = false;
    await mine.host.stop();
  });
  afterAll(() => server.remove());

  it.each([1, 2, 3, 4])("seed %d: everything that was saved arrives, and nothing else", async (seed) => {
    const chance = random(seed);
    mine = new Phone(server.origin);
    const village = await mine.signedIn(`inspector0${seed}`);
    mine.network = async (input, init) => {
      const fate = chance();
      if (fate < 0.25) throw new TypeError("Failed to fetch");
      const answer = await fetch(input, init);
      if (fate < 0.45) throw new TypeError("The answer was lost");
      return answer;
    };
    const saved = new Map<string, string>();
    for (let step = 0; step < STEPS; step += 1) {
      const what = chance();
      if (what < 0.5) await save(step);
      else if (what < 0.65) await edit();
      else if (what < 0.75) disk.isFull = !disk.isFull;
      else if (what < 0.85) await restart();
      else await mine.host.syncNow();
    }
    disk.isFull = false;
    mine.network = (...args) => fetch(...args);
    await mine.restart();
    await mine.host.syncNow();
    await mine.settled();
    await sameEverywhere();

    async function save(step: number): Promise<void> {
      const description = `第${step}处，种子${seed}`;
      const made = hazard(village, description);
      try {
        const held = chance() < 0.3 ? [await mine.host.holdPhoto(picture(2_000 + step, seed * 100 + step))] : [];
        const photos = held.map((each) => ({ held: each, subjectKind: "hazard" as const, subject: made.record, village }));
        const { result } = await mine.host.save({ edits: [made], photos }, crypto.randomUUID());
        if (result === "saved") saved.set(made.record, description);
      } catch (error) {
        expect([disk.isFull, (error as Error).name]).toEqual([true, "QuotaExceededError"]);
      }
    }

    async function edit(): Promise<void> {
      const records = [...saved.keys()];
      const record = records[Math.floor(chance() * records.length)];
      if (record === undefined) return;
      const description = `${saved.get(record) ?? ""}，改`;
      const { result } = await mine.host.save({ edits: [{ record, kind: "hazard", village, changes: { description } }], photos: [] }, crypto.randomUUID());
      if (result === "saved") saved.set(record, description);
    }

    async function restart(): Promise<void> {
      await mine.kill();
      await mine.open().catch(async (error: unknown) => {
        // With a full disk the app does not begin, and loses nothing by having tried.
        expect([disk.isFull, startFailure(error).code]).toEqual([true, "no_room"]);
        disk.isFull = false;
        await mine.open();
      });
    }

    async function sameEverywhere(): Promise<void> {
      const told = [...saved].sort();
      const office = new Phone(server.origin);
      await office.signedIn("supervisor");
      for (const phone of [mine, office]) {
        const { rows } = await phone.host.list({ kind: "hazard", village, limit: 1_000 });
        expect(rows.map((row) => [row.id, row.values["description"]]).sort()).toEqual(told);
        expect(rows.flatMap((row) => row.conflicts)).toEqual([]);
      }
      await office.host.stop();
    }
  });
});

// A phone without room when the app begins: the map goes first, then what can wait does, and what was saved stays.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { startFailure } from "../../src/host/errors.js";
import { disk } from "./disk.js";
import { hazard, Phone } from "./phone.js";
import { Server } from "./server.js";

const DAY_MS = 86_400_000;

describe("a start without room", () => {
  let server: Server;
  let mine: Phone;

  beforeAll(async () => {
    server = await Server.start();
  });
  beforeEach(async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector01");
    mine.isOnline = false;
    await mine.saved({ edits: [hazard(village, "油桶堆在灶边", { deadline: new Date().toISOString().slice(0, 10) })] });
    await mine.kill();
  });
  afterEach(async () => {
    Object.assign(disk, { isFull: false, writes: Infinity });
    await mine.host.stop();
  });
  afterAll(() => server.remove());

  const overdue = async () => (await mine.host.list({ kind: "hazard", text: "油桶", overdue: true })).total;

  it("gives the map up for it, and fetches none unasked", async () => {
    const { deleteDatabase } = indexedDB;
    const given: string[] = [];
    indexedDB.deleteDatabase = (name) => {
      given.push(name);
      disk.isFull = false;
      return deleteDatabase.call(indexedDB, name);
    };
    disk.isFull = true;
    const { phase, unsent } = await (await mine.open()).status();
    expect([phase, unsent.versions, given]).toEqual(["ready", 1, ["hazard-map"]]);
    await mine.until("the map is removed", ({ map }) => map?.isRemoved === true);
  });

  it("says that the phone is full where the map was not enough, and everything is there once it is not", async () => {
    disk.isFull = true;
    expect(startFailure(await mine.open().catch((error: unknown) => error))).toMatchObject({ code: "no_room" });
    disk.isFull = false;
    await mine.open();
    expect((await mine.host.status()).unsent.versions).toBe(1);
  });

  it("goes on without what can be made again later: the rows of a new build and of a new day", async () => {
    await mine.spoilRows();
    mine.aheadMs = 2 * DAY_MS;
    // Only the mark that this host is the one that writes.
    disk.writes = 1;
    await mine.open();
    expect([(await mine.host.status()).phase, await overdue(), (await mine.host.list({ kind: "village" })).total]).toEqual(["ready", 1, 18]);
    disk.writes = Infinity;
    await mine.restart();
    expect(await overdue()).toBe(1);
    disk.writes = 1;
    await mine.restart();
    expect(await overdue()).toBe(1);
  });

  it("a storage that cannot be opened at all is another thing", async () => {
    const { open } = indexedDB;
    indexedDB.open = () => {
      throw new DOMException("Internal error opening backing store for indexedDB.open.", "UnknownError");
    };
    expect(startFailure(await mine.open().catch((error: unknown) => error))).toMatchObject({ code: "no_storage" });
    indexedDB.open = open;
    await mine.open();
  });
});

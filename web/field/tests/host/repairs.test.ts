// Copies of a phone, states that cannot be read, rows of an earlier build: the host puts right what is stored.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { hazard, Phone } from "./phone.js";
import { Server } from "./server.js";

describe("what is stored is put right", () => {
  let server: Server;
  let phones: Phone[] = [];

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(async () => {
    for (const phone of phones) await phone.host.stop();
    phones = [];
  });
  afterAll(() => server.remove());

  function phone(): Phone {
    const made = new Phone(server.origin);
    phones.push(made);
    return made;
  }

  it("a phone that was restored from a backup writes on under a new id, and nothing of either copy is lost", async () => {
    const mine = phone();
    const village = await mine.signedIn("inspector01");
    const backup = await mine.copyStorage();
    const [first, second] = [hazard(village, "备份之后写的"), hazard(village, "恢复之后写的")];
    await mine.saved({ edits: [first] });
    await mine.settled();
    await mine.kill();
    await mine.putStorage(backup);
    mine.isOnline = false;
    await mine.open();
    await mine.saved({ edits: [second] });
    mine.isOnline = true;
    await mine.host.syncNow();
    await mine.settled();
    const rows = (await mine.host.list({ kind: "hazard" })).rows;
    expect(rows.map((row) => row.id).sort()).toEqual([first.record, second.record].sort());
    expect((await mine.host.detail(second.record))?.row.progress).toBe("accepted");
    await mine.restart();
    expect((await mine.settled()).unsent.versions).toBe(0);
  });

  it("the rows of an earlier build are made anew from the states", async () => {
    const mine = phone();
    const village = await mine.signedIn("inspector02");
    const edit = hazard(village, "旧行", { deadline: "2020-01-01" });
    await mine.saved({ edits: [edit] });
    await mine.settled();
    const before = await mine.host.list({ kind: "hazard" });
    await mine.kill();
    await mine.spoilRows();
    mine.isOnline = false;
    await mine.open();
    expect(await mine.host.list({ kind: "hazard" })).toEqual(before);
    expect((await mine.host.list({ kind: "village" })).total).toBe(18);
  });

  it("a state that cannot be read is kept and said, and read once a build can", async () => {
    const mine = phone();
    const village = await mine.signedIn("inspector03");
    const office = phone();
    await office.signedIn("supervisor");
    // What came is such that this build stumbles over it.
    mine.network = async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith("/sync")) return answer;
      return new Response((await answer.text()).replace(`"fields":`, `"feelds":`), { status: answer.status, headers: answer.headers });
    };
    const edit = hazard(village, "看不懂的状态");
    await office.saved({ edits: [edit] });
    await office.settled();
    await mine.host.syncNow();
    const status = await mine.until("it is said", ({ apart }) => apart === 1);
    expect(status.trouble).toBeUndefined();
    expect((await mine.host.list({ kind: "hazard" })).total).toBe(0);
    await mine.kill();
    await mine.mendApart((state) => state.replace(`"feelds":`, `"fields":`));
    await mine.spoilRows();
    mine.isOnline = false;
    await mine.open();
    expect((await mine.host.list({ kind: "hazard" })).rows.map((row) => row.id)).toEqual([edit.record]);
    expect((await mine.host.status()).apart).toBeUndefined();
  });
});

// A day in the village, against a real server.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { photos } from "../../../tus/township.mjs";
import { hazard, Phone, picture } from "./phone.js";
import { Server } from "./server.js";

describe("a day in the village", () => {
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

  it("a hazard saved without a network survives the app and arrives once the network is back", async () => {
    const mine = phone();
    const village = await mine.signedIn("inspector01");
    mine.isOnline = false;
    const edit = hazard(village, "二楼疏散通道堆放杂物");
    await mine.saved({ edits: [edit] });
    await mine.restart();
    await mine.until("it has tried in vain", ({ trouble }) => trouble?.why === "network");
    const [row] = (await mine.host.list({ kind: "hazard" })).rows;
    expect(row).toMatchObject({ id: edit.record, progress: "saved", standing: { status: "reported" } });
    mine.isOnline = true;
    await mine.host.syncNow();
    const status = await mine.settled();
    expect(status.trouble).toBeUndefined();
    expect((await mine.host.detail(edit.record))?.row.progress).toBe("accepted");
    const office = phone();
    await office.signedIn("supervisor");
    expect((await office.host.list({ kind: "hazard", text: "疏散通道" })).total).toBe(1);
  });

  it("a photo goes up after its records, in parts, and another phone can look at it", async () => {
    const mine = phone();
    const village = await mine.signedIn("inspector02");
    const asked: string[] = [];
    mine.network = (input, init) => {
      asked.push(`${init?.method} ${String(input).replace(/.*\/api\/v1/, "").replace(/[0-9a-f]{64}/, "…")}`);
      return fetch(input, init);
    };
    const held = await mine.host.holdPhoto(picture(700_000));
    const edit = hazard(village, "配电箱无门");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    expect((await mine.host.status()).unsent.photos).toBe(1);
    await mine.settled();
    expect(asked.indexOf("POST /sync")).toBeLessThan(asked.indexOf("POST /uploads"));
    expect(asked.filter((each) => each === "PATCH /uploads/…").length).toBeGreaterThan(1);
    const [photo] = (await mine.host.detail(edit.record))?.row.photos ?? [];
    expect(photo).toMatchObject({ hash: held.hash, progress: "accepted", role: "before" });
    expect(await mine.host.freeSpace()).toBe(700_000);
    expect((await mine.host.photo(held.hash, "thumb"))?.size).toBe(16);
  });

  it("a photo says itself when and where it was taken, and the phone's place is only that of one taken now", async () => {
    const mine = phone();
    await mine.signedIn("inspector02");
    const [placed, bare] = ["gps/DSCN0010.jpg", "phones/jolla.jpg"].map((name) => photos(name.split("/")[0] ?? "").find((one) => one.name === name)?.bytes);
    const location = { lat: 29.5, lon: 106.5 };
    const hold = (bytes: Uint8Array | undefined, isChosen: boolean) =>
      mine.host.holdPhoto({ file: new Blob([new Uint8Array(bytes ?? [])]), role: "after", takenAtMs: 1, location, isChosen });

    const place = { lat: expect.closeTo(43.4674, 3), lon: expect.closeTo(11.8851, 3) };
    expect(await hold(placed, true)).toMatchObject({ takenAtMs: new Date(2008, 9, 22, 16, 28, 39).getTime(), location: place });
    // Chosen, and taken long ago or nobody knows when: it may have been anywhere.
    const takenAtMs = new Date(2014, 8, 21, 16, 0, 56).getTime();
    expect(await hold(bare, true)).toMatchObject({ takenAtMs });
    expect(await hold(bare, true)).not.toHaveProperty("location");
    expect(await hold(new Uint8Array(500), true)).toMatchObject({ takenAtMs: 1 });
    expect(await hold(new Uint8Array(500), true)).not.toHaveProperty("location");
    // By the camera, or chosen within minutes.
    expect(await hold(new Uint8Array(501), false)).toMatchObject({ takenAtMs: 1, location });
    mine.aheadMs = takenAtMs + 5 * 60_000 - Date.now();
    expect(await hold(bare, true)).toMatchObject({ takenAtMs, location });
  });

  it("an order closes nothing, a re-inspection that follows it does, and the list knows at once", async () => {
    const mine = phone();
    const village = await mine.signedIn("inspector03");
    const edit = hazard(village, "灭火器过期", { deadline: "2020-01-01" });
    await mine.saved({ edits: [edit] });
    expect(await mine.host.counts()).toMatchObject({ open: 1, overdue: 1 });
    const follows = await mine.host.toFollow(edit.record);
    const changes = { hazard: edit.record, at: Date.now(), by: "李安全", result: "passed", ...Object.fromEntries(follows.map((key) => [`follows/${key}`, true])) };
    const reinspection = { ...hazard(village, ""), kind: "reinspection", changes };
    await mine.saved({ edits: [reinspection] });
    expect(await mine.host.counts()).toMatchObject({ open: 0, overdue: 0 });
    const detail = await mine.host.detail(edit.record);
    expect(detail?.row.standing?.status).toBe("closed");
    expect(detail?.related.map((row) => row.kind)).toEqual(["reinspection"]);
    await mine.settled();
    await mine.restart();
    expect(await mine.host.counts()).toMatchObject({ open: 0, overdue: 0 });
  });

  it("a hazard becomes overdue overnight without anybody writing", async () => {
    const mine = phone();
    const village = await mine.signedIn("inspector04");
    const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
    await mine.saved({ edits: [hazard(village, "电线老化", { deadline: tomorrow })] });
    expect(await mine.host.counts()).toMatchObject({ overdue: 0, dueSoon: 1 });
    mine.aheadMs = 4 * 86_400_000;
    await mine.restart();
    expect(await mine.host.counts()).toMatchObject({ overdue: 1, dueSoon: 0 });
  });

  it("what another inspector wrote in the same village comes with the next pull", async () => {
    const [mine, office] = [phone(), phone()];
    const village = await mine.signedIn("inspector05");
    await office.signedIn("supervisor");
    const edit = hazard(village, "应急灯不亮");
    await office.saved({ edits: [edit] });
    await office.settled();
    await mine.host.syncNow();
    const rows = (await mine.host.list({ kind: "hazard" })).rows;
    expect(rows.map((row) => [row.id, row.progress])).toEqual([[edit.record, undefined]]);
    expect((await mine.host.list({ kind: "hazard", mine: true })).total).toBe(0);
  });
});

// What the office did not take, and photos that never reach it: said until it was seen or written again, and never lost.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import type { Detail, Row } from "../../src/host/contract.js";
import { uuidV7 } from "../../src/host/uuid.js";
import { hazard, Phone, picture } from "./phone.js";
import { PASSWORD, Server } from "./server.js";

describe("what asks for attention", () => {
  let server: Server;
  let mine: Phone;

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(() => mine.host.stop());
  afterAll(() => server.remove());

  async function signedIn(username: string): Promise<string> {
    mine = new Phone(server.origin);
    return mine.signedIn(username);
  }

  /** Requests of the office. */
  async function office(username: string) {
    const send = async <Answer>(method: string, path: string, body: object | undefined, headers: Record<string, string>): Promise<Answer> => {
      const json = { "content-type": "application/json", ...headers };
      const answer = await fetch(`${server.origin}/api/v1${path}`, { method, headers: json, ...(body ? { body: JSON.stringify(body) } : {}) });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as Answer;
    };
    const { access_token } = await send<{ access_token: string }>("POST", "/auth/login", { username, password: PASSWORD, device_name: "office" }, {});
    return <Answer>(method: string, path: string, body?: object) => send<Answer>(method, path, body, { authorization: `Bearer ${access_token}` });
  }

  /** Puts an inspector in charge of the village of another. */
  async function moved(username: string, to: string): Promise<string> {
    const ask = await office("admin");
    const { accounts } = await ask<{ accounts: { id: string; username: string; villages: string[] }[] }>("GET", "/accounts");
    const of = (name: string) => accounts.find((one) => one.username === name);
    await ask("PATCH", `/accounts/${of(username)?.id}`, { villages: of(to)?.villages });
    return of(to)?.villages[0] ?? "";
  }

  /** A hazard with a photo, written offline for a village that is taken from its inspector meanwhile: both are refused. */
  async function refusedWithPhoto(username: string, to: string) {
    const from = await signedIn(username);
    mine.isOnline = false;
    const held = await mine.host.holdPhoto({ ...picture(3_000, 17), caption: "阀门" });
    const edit = hazard(from, "液化气瓶超期未检");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village: from }] });
    const village = await moved(username, to);
    mine.isOnline = true;
    await mine.host.syncNow();
    await mine.until("a person is asked", ({ attention, unsent }) => attention > 0 && unsent.versions === 0 && unsent.photos === 0);
    const [photo] = (await mine.host.list({ kind: "photo", attention: true })).rows;
    return { edit, held, village, photo: photo as Row };
  }

  const codes = (detail: Detail | undefined) => detail?.written.map((entry) => entry.outcome?.refusal?.code);

  it("a draft of a village that is not the account's any more is judged by the office, where it is seen", async () => {
    const from = await signedIn("inspector01");
    await moved("inspector01", "inspector02");
    // The token's refresh brings the villages.
    mine.aheadMs = 16 * 60_000;
    await mine.host.syncNow();
    await mine.until("the phone knows", ({ session }) => session?.villages[0]?.id !== from);
    const edit = hazard(from, "换村以前看到的");
    expect(await mine.host.check(edit)).toEqual([]);
    await mine.saved({ edits: [edit] });
    await mine.until("a person is asked", ({ attention }) => attention === 1);
    expect(codes(await mine.host.detail(edit.record))).toEqual(["out_of_scope"]);
    const { rows } = await (await office("supervisor"))<{ rows: { code: string; body: string }[] }>("GET", "/quarantine");
    expect(rows.find(({ body }) => body.includes(edit.record))).toMatchObject({ code: "out_of_scope" });
  });

  it("a refused hazard and its photo are one thing to look at, and seen at once", async () => {
    const { edit, held, village, photo } = await refusedWithPhoto("inspector03", "inspector04");
    const status = await mine.host.status();
    expect(status.attention).toBe(1);
    // A form offers the village that the account has now, without waiting for the token to end.
    expect(status.session?.villages.map(({ id }) => id)).toEqual([village]);
    expect(photo).toMatchObject({ progress: "attention", values: { subject: edit.record, hash: held.hash } });
    expect(codes(await mine.host.detail(photo.id))).toEqual(["out_of_scope"]);
    await mine.host.seen(edit.record);
    expect((await mine.host.status()).attention).toBe(0);
    await mine.restart();
    expect((await mine.host.status()).attention).toBe(0);
    expect((await mine.host.photo(held.hash, "full"))?.size).toBe(3_000);
  });

  it("a corrected hazard takes its refused photo along, whose bytes the phone may have freed, and nothing asks for attention", async () => {
    const { edit, held, village, photo } = await refusedWithPhoto("inspector05", "inspector06");
    expect(await mine.host.freeSpace()).toBeGreaterThanOrEqual(3_000);
    const save = { edits: [{ ...edit, village }], photos: [{ held, subjectKind: "hazard" as const, subject: edit.record, village }] };
    await mine.saved({ ...save, repairs: [edit.record, photo.id] });
    expect((await mine.host.status()).attention).toBe(0);
    await mine.settled();
    const detail = await mine.host.detail(edit.record);
    expect(detail?.row).toMatchObject({ village, progress: "accepted", photos: [{ hash: held.hash, progress: "accepted", caption: "阀门" }] });
    const ask = await office("supervisor");
    const there = await ask<{ village: string; fields: Record<string, { value: unknown }> }>("GET", `/records/${detail?.row.photos[0]?.record}`);
    expect([there.village, there.fields["hash"]?.value]).toEqual([village, held.hash]);
    await mine.restart();
    expect((await mine.host.status()).attention).toBe(0);
  });

  it("a repair that is refused itself leaves what it was to mend where it was", async () => {
    const { edit, village, photo } = await refusedWithPhoto("inspector07", "inspector08");
    const again = { ...edit, village, changes: { ...edit.changes, level: "huge" } };
    const saved = await mine.host.save({ edits: [again], photos: [], repairs: [edit.record, photo.id] }, "the repair");
    expect(saved.result).toBe("refused");
    expect((await mine.host.status()).attention).toBe(1);
    expect((await mine.host.list({ kind: "photo", attention: true })).rows.map(({ id }) => id)).toEqual([photo.id]);
  });

  it("a photo of afterwards waits for its rectification, when the hazard was seen", async () => {
    const from = await signedIn("inspector09");
    mine.isOnline = false;
    const edit = hazard(from, "灭火器过期");
    const changes = { hazard: edit.record, done_at: Date.now(), done_by: "李安全", measures: "已更换" };
    const rectification = { record: uuidV7(Date.now()), kind: "rectification", village: from, changes };
    const held = await mine.host.holdPhoto({ ...picture(2_000, 19), role: "after" });
    await mine.saved({ edits: [edit, rectification], photos: [{ held, subjectKind: "hazard", subject: edit.record, village: from }] });
    await moved("inspector09", "inspector10");
    mine.isOnline = true;
    await mine.host.syncNow();
    await mine.until("both ask", ({ attention, unsent }) => attention === 2 && unsent.versions === 0);
    await mine.host.seen(edit.record);
    const left = (await mine.host.list({ kind: "photo", attention: true })).rows;
    expect(left.map(({ values }) => values["hash"])).toEqual([held.hash]);
    await mine.host.seen(rectification.record);
    for (const { id } of left) await mine.host.seen(id);
    expect((await mine.host.status()).attention).toBe(0);
  });

  it("a damaged photo is out of the counts once it was seen, and still said to be missing at the office", async () => {
    const village = await signedIn("inspector11");
    mine.isOnline = false;
    const held = await mine.host.holdPhoto(picture(5_000, 3));
    const edit = hazard(village, "消防栓无水");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    await mine.damage(held.hash);
    mine.isOnline = true;
    await mine.host.syncNow();
    const before = await mine.until("it is found out", ({ attention, work }) => attention === 1 && work === undefined);
    expect(before).toMatchObject({ trouble: { why: "damaged_photo" }, unsent: { versions: 0, photos: 1 } });
    await mine.host.seen(edit.record);
    for (const now of [await mine.host.status(), await (await mine.restart()).status()]) {
      expect([now.attention, now.trouble, now.unsent.photos]).toEqual([0, undefined, 0]);
    }
    expect((await mine.host.detail(edit.record))?.row).toMatchObject({ progress: "accepted", photos: [{ hash: held.hash, progress: "lost" }] });
    // Nothing is left that could be sent to the office before the next person signs in here.
    await mine.host.signOut();
    await mine.signIn("inspector12");
    expect((await mine.host.status()).others).toBeUndefined();
  });

  it("a damaged photo that is taken again asks no longer, and the new one arrives", async () => {
    const village = await signedIn("inspector13");
    mine.isOnline = false;
    const shown = { subjectKind: "hazard" as const, village };
    const [torn, whole] = [await mine.host.holdPhoto(picture(5_000, 3)), await mine.host.holdPhoto(picture(6_000, 5))];
    const edit = hazard(village, "配电箱无门");
    await mine.saved({ edits: [edit], photos: [{ held: torn, subject: edit.record, ...shown }] });
    await mine.lose(torn.hash);
    mine.isOnline = true;
    await mine.host.syncNow();
    await mine.until("it is found out", ({ attention, work }) => attention === 1 && work === undefined);
    const [photo] = (await mine.host.list({ kind: "photo", attention: true })).rows;
    await mine.saved({ photos: [{ held: whole, subject: edit.record, ...shown }], repairs: [photo?.id ?? ""] });
    const status = await mine.settled();
    expect([status.attention, status.trouble]).toEqual([0, undefined]);
    const photos = (await mine.host.detail(edit.record))?.row.photos.map(({ hash, progress }) => [hash, progress]);
    expect(photos?.sort()).toEqual([[torn.hash, "lost"], [whole.hash, "accepted"]].sort());
  });
});

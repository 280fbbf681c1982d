// Whatever is cut, killed, full or lost: what was saved arrives, once.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { disk } from "./disk.js";
import { hazard, Phone, picture } from "./phone.js";
import { Server } from "./server.js";

describe("nothing that was saved is lost", () => {
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

  it("a save that is asked again after a crash is not written twice", async () => {
    const village = await signedIn("inspector01");
    mine.isOnline = false;
    const save = { edits: [hazard(village, "井盖缺失")], photos: [] };
    const first = await mine.host.save(save, "the same press of the button");
    await mine.restart();
    expect(await mine.host.save(save, "the same press of the button")).toEqual(first);
    expect((await mine.host.status()).unsent.versions).toBe(1);
  });

  it("an answer that is lost after the server took the batch costs nothing", async () => {
    const village = await signedIn("inspector02");
    mine.network = async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith("/sync")) return answer;
      await answer.arrayBuffer();
      throw new TypeError("Failed to fetch");
    };
    const edit = hazard(village, "护栏松动");
    await mine.saved({ edits: [edit] });
    await mine.until("the answer was lost", ({ trouble }) => trouble?.why === "network");
    await mine.kill();
    mine.network = (...args) => fetch(...args);
    await mine.open();
    await mine.settled();
    const detail = await mine.host.detail(edit.record);
    expect(detail?.written.map((entry) => [entry.outcome?.verdict, entry.outcome?.first])).toEqual([["duplicate", "merged"]]);
  });

  it("a full disk refuses the save, keeps the draft, and numbers on without a gap", async () => {
    const village = await signedIn("inspector03");
    await mine.host.keepDraft({ id: "d1", form: "hazard", title: "仓库", content: { text: "仓库通道" }, photos: [] });
    disk.isFull = true;
    const edit = hazard(village, "仓库通道堵塞");
    const refused = await mine.host.save({ edits: [edit], photos: [], draft: "d1" }, "first");
    disk.isFull = false;
    expect(refused).toEqual({ result: "no_room" });
    expect(await mine.host.detail(edit.record)).toBeUndefined();
    expect((await mine.host.draft("d1"))?.title).toBe("仓库");
    await mine.saved({ edits: [edit], draft: "d1" });
    expect(await mine.host.drafts()).toEqual([]);
    await mine.settled();
    expect((await mine.host.detail(edit.record))?.written.map((entry) => entry.dot[1])).toEqual([1]);
  });

  it("a save of which one record is refused writes none of them", async () => {
    const village = await signedIn("inspector04");
    const [good, bad] = [hazard(village, "好的"), hazard(village, "坏的", { level: "huge" })];
    const saved = await mine.host.save({ edits: [good, bad], photos: [] }, "once");
    expect(saved).toMatchObject({ result: "refused", refusals: [{ record: bad.record, refusals: [{ code: "field_range", field: "level" }] }] });
    expect(await mine.host.detail(good.record)).toBeUndefined();
    const again = await mine.host.save({ edits: [good, { ...good, changes: { level: "huge" } }], photos: [] }, "twice the same record");
    expect(again.result).toBe("refused");
    expect(await mine.host.detail(good.record)).toBeUndefined();
    expect((await mine.host.status()).unsent.versions).toBe(0);
  });

  it("a refresh whose answer is lost is asked again with the old token", async () => {
    const village = await signedIn("inspector05");
    await mine.saved({ edits: [hazard(village, "线路裸露")] });
    await mine.settled();
    let lost = 0;
    mine.network = async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith("/auth/refresh") || lost > 0) return answer;
      lost += 1;
      throw new TypeError("Failed to fetch");
    };
    mine.aheadMs = 16 * 60_000;
    await mine.saved({ edits: [hazard(village, "线路裸露，二楼")] });
    await mine.until("the refresh was lost", ({ trouble }) => trouble?.why === "network");
    await mine.restart();
    const status = await mine.settled();
    expect([lost, status.trouble]).toEqual([1, undefined]);
  });

  it("a photo that is cut off again and again goes on where it stood", async () => {
    const village = await signedIn("inspector06");
    let patches = 0;
    mine.network = async (input, init) => {
      if (init?.method === "PATCH") {
        patches += 1;
        if (patches % 2 === 1) throw new TypeError("Failed to fetch");
      }
      return fetch(input, init);
    };
    const held = await mine.host.holdPhoto(picture(600_000, 7));
    const edit = hazard(village, "气瓶未固定");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    await mine.until("the photo is received", async ({ unsent, trouble }) => {
      if (trouble) await mine.host.syncNow();
      return unsent.photos === 0;
    });
    const sizes = patches - Math.ceil(patches / 2);
    expect(sizes).toBeGreaterThan(1);
  });

  it("a photo whose copy here is damaged is said to be so, and the rest goes on", async () => {
    const village = await signedIn("inspector07");
    mine.isOnline = false;
    const [broken, whole] = [await mine.host.holdPhoto(picture(5_000, 3)), await mine.host.holdPhoto(picture(6_000, 5))];
    const edit = hazard(village, "消防栓无水");
    const shown = { subjectKind: "hazard" as const, subject: edit.record, village };
    await mine.saved({ edits: [edit], photos: [{ held: broken, ...shown }, { held: whole, ...shown }] });
    await mine.damage(broken.hash);
    mine.isOnline = true;
    await mine.host.syncNow();
    const status = await mine.until("one has arrived", ({ unsent, work }) => unsent.photos === 1 && work === undefined);
    expect(status.attention).toBe(1);
    const photos = (await mine.host.detail(edit.record))?.row.photos.map((photo) => [photo.hash, photo.progress]);
    expect(photos).toContainEqual([broken.hash, "attention"]);
    expect(photos).toContainEqual([whole.hash, "accepted"]);
  });

  it("what one person left unsent is neither seen nor sent by another, and goes when they come back", async () => {
    const village = await signedIn("inspector08");
    mine.isOnline = false;
    const edit = hazard(village, "梯子断裂");
    await mine.saved({ edits: [edit] });
    await mine.host.signOut();
    mine.isOnline = true;
    await mine.signIn("inspector09");
    expect((await mine.host.list({ kind: "hazard" })).total).toBe(0);
    await mine.host.syncNow();
    const status = await mine.settled();
    expect(status.others).toEqual([{ name: "示范八村安监员", username: "inspector08", unsent: 1 }]);
    await mine.host.signOut();
    await mine.signIn("inspector08");
    expect((await mine.settled()).others).toBeUndefined();
    expect((await mine.host.detail(edit.record))?.row.progress).toBe("accepted");
  });

  it("a phone whose session was ended keeps everything and goes on after signing in", async () => {
    const village = await signedIn("inspector10");
    const other = new Phone(server.origin);
    mine.network = async (input, init) => (String(input).endsWith("/sync") ? refusal(401, "session_revoked") : fetch(input, init));
    await mine.saved({ edits: [hazard(village, "楼道堆物")] });
    await mine.until("it is said", ({ trouble }) => trouble?.why === "signed_out");
    await mine.saved({ edits: [hazard(village, "楼道堆物，三楼")] });
    const status = await mine.host.status();
    expect([status.phase, status.unsent.versions]).toEqual(["ready", 2]);
    mine.network = other.network;
    await mine.signIn("inspector10");
    expect((await mine.settled()).trouble).toBeUndefined();
  });

  it("a disabled account is told so, keeps everything, and goes on once it is enabled again", async () => {
    const village = await signedIn("inspector12");
    mine.network = async (input, init) => (String(input).endsWith("/sync") ? refusal(403, "account_disabled") : fetch(input, init));
    await mine.saved({ edits: [hazard(village, "屋面漏水")] });
    const status = await mine.until("it is said", ({ trouble }) => trouble?.why === "account_disabled");
    expect([status.phase, status.unsent.versions]).toEqual(["ready", 1]);
    mine.network = (...args) => fetch(...args);
    await mine.host.syncNow();
    expect((await mine.settled()).trouble).toBeUndefined();
  });

  it("an answer of something in between is no answer: the same is sent again", async () => {
    const village = await signedIn("inspector13");
    const login = () => new Response("<html>请登录</html>", { status: 200, headers: { "content-type": "text/html" } });
    mine.network = async (input, init) => (String(input).endsWith("/sync") ? login() : fetch(input, init));
    await mine.saved({ edits: [hazard(village, "雨棚破损")] });
    await mine.until("it counts as no network", ({ trouble }) => trouble?.why === "network");
    mine.network = (...args) => fetch(...args);
    await mine.host.syncNow();
    expect((await mine.settled()).trouble).toBeUndefined();
  });

  it("what the office puts aside stays in sight with its reason until it was seen", async () => {
    const village = await signedIn("inspector14");
    mine.network = async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith("/sync")) return answer;
      // As if the village had been taken from this account before the version arrived.
      const heard = JSON.parse(await answer.text()) as { push?: { outcomes: object[] }; pull: { records: unknown[]; digest?: unknown } };
      for (const outcome of heard.push?.outcomes ?? []) Object.assign(outcome, { verdict: "quarantined", refusal: { code: "out_of_scope", detail: "no village of yours" } });
      heard.pull.records = [];
      delete heard.pull.digest;
      return new Response(JSON.stringify(heard), { status: answer.status, headers: answer.headers });
    };
    const edit = hazard(village, "油罐旁动火", { level: "major" });
    await mine.saved({ edits: [edit] });
    await mine.until("a person is asked", ({ attention }) => attention === 1);
    await mine.restart();
    expect((await mine.host.status()).unsent.versions).toBe(0);
    expect((await mine.host.list({ kind: "hazard", text: "油罐" })).rows).toMatchObject([{ id: edit.record, progress: "attention" }]);
    expect(await mine.host.counts()).toMatchObject({ open: 1 });
    const detail = await mine.host.detail(edit.record);
    expect(detail?.view.fields["level"]?.value).toBe("major");
    expect(detail?.written.map((entry) => entry.outcome?.refusal?.code)).toEqual(["out_of_scope"]);
    await mine.host.seen(edit.record);
    expect((await mine.host.status()).attention).toBe(0);
    expect((await mine.host.list({ kind: "hazard", text: "油罐" })).total).toBe(0);
    await mine.restart();
    expect((await mine.host.status()).attention).toBe(0);
  });

  it("nothing of one person goes out under the name of another who signs in meanwhile", async () => {
    const village = await signedIn("inspector15");
    const edit = hazard(village, "配电房渗水");
    const asked: (string | null)[] = [];
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    mine.network = async (input, init) => {
      if (!String(input).endsWith("/sync")) return fetch(input, init);
      asked.push(new Headers(init?.headers).get("authorization"));
      if (asked.length === 1) await held;
      return asked.length === 1 ? refusal(401, "token_expired") : fetch(input, init);
    };
    await mine.saved({ edits: [edit] });
    await mine.until("it is under way", () => asked.length === 1);
    const signedInAnew = mine.signIn("inspector16");
    await mine.until("the other has signed in", ({ session }) => session?.username === "inspector16");
    goOn();
    await signedInAnew;
    const status = await mine.settled();
    expect(status.others?.map(({ username, unsent }) => [username, unsent])).toEqual([["inspector15", 1]]);
    expect(new Set(asked.slice(1)).has(asked[0] ?? null)).toBe(false);
    mine.network = (...args) => fetch(...args);
    await mine.signIn("inspector15");
    await mine.settled();
    expect((await mine.host.detail(edit.record))?.written.map((entry) => entry.outcome?.verdict)).toEqual(["merged"]);
  });

  it("a draft's pictures go with the draft, but not those of a saved record", async () => {
    const village = await signedIn("inspector11");
    mine.isOnline = false;
    const [kept, dropped] = [await mine.host.holdPhoto(picture(900, 11)), await mine.host.holdPhoto(picture(901, 13))];
    await mine.host.keepDraft({ id: "d", form: "hazard", title: "", content: null, photos: [kept, dropped] });
    const edit = hazard(village, "堆垛过高");
    await mine.saved({ edits: [edit], photos: [{ held: kept, subjectKind: "hazard", subject: edit.record, village }] });
    await mine.host.dropDraft("d");
    expect((await mine.host.photo(kept.hash, "full"))?.size).toBe(900);
    expect(await mine.host.photo(dropped.hash, "full")).toBeUndefined();
  });
});

function refusal(status: number, code: string): Response {
  const body = JSON.stringify({ code, status, title: "", detail: "" });
  return new Response(body, { status, headers: { "content-type": "application/problem+json" } });
}

// Without any network for days: the outbox goes to the office as a file, and receipts come back.

import { unzipSync } from "fflate";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { hazard, Phone, picture } from "./phone.js";
import { PASSWORD, Server } from "./server.js";

describe("a file that is carried to the office", () => {
  let server: Server;
  let mine: Phone;

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(() => mine.host.stop());
  afterAll(() => server.remove());

  /** Revokes the phone of an account. */
  async function revoke(username: string): Promise<void> {
    const headers = { authorization: `Bearer ${await signedInAs(username)}` };
    const { devices } = (await (await fetch(`${server.origin}/api/v1/devices`, { headers })).json()) as { devices: { id: string; name: string }[] };
    const phone = devices.find((device) => device.name === "红米 12");
    expect((await fetch(`${server.origin}/api/v1/devices/${phone?.id ?? ""}/revoke`, { method: "POST", headers })).status).toBe(200);
  }

  async function signedInAs(username: string): Promise<string> {
    const signIn = await fetch(`${server.origin}/api/v1/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password: PASSWORD, device_name: "办公室" }),
    });
    const { access_token } = (await signIn.json()) as { access_token: string };
    return access_token;
  }

  async function office(path: string, body: Blob | string): Promise<Response> {
    const access_token = await signedInAs("supervisor");
    return fetch(`${server.origin}/api/v1${path}`, { method: "POST", headers: { authorization: `Bearer ${access_token}` }, body });
  }

  it("holds versions and pictures, and its receipts settle what was in it", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector01");
    mine.isOnline = false;
    const held = await mine.host.holdPhoto(picture(3_000, 17));
    const edit = hazard(village, "山洪沟边住人");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    const { file, isWhole } = await mine.host.carry();
    expect(isWhole).toBe(true);
    const parts = unzipSync(new Uint8Array(await file.arrayBuffer()));
    expect(Object.keys(parts).sort()).toEqual(["batch", `photos/${held.hash}`]);
    expect(parts[`photos/${held.hash}`]?.byteLength).toBe(3_000);
    const answer = await office("/batches", new TextDecoder().decode(parts["batch"]));
    expect(answer.status).toBe(200);
    const receipts = await answer.text();
    expect(await mine.host.takeReceipts(new Blob([receipts]))).toEqual({ accepted: 2, attention: 0 });
    expect((await mine.host.status()).unsent).toMatchObject({ versions: 0, photos: 1 });
    expect(await mine.host.takeReceipts(new Blob([receipts]))).toEqual({ accepted: 0, attention: 0 });
    await mine.restart();
    expect((await mine.host.status()).unsent).toMatchObject({ versions: 0, photos: 1 });
  });

  it("says how many pictures are lost, and holds everything else", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector03");
    mine.isOnline = false;
    const [lost, kept] = [await mine.host.holdPhoto(picture(3_000, 18)), await mine.host.holdPhoto(picture(3_000, 19))];
    const edit = hazard(village, "护坡开裂");
    const photos = [lost, kept].map((held) => ({ held, subjectKind: "hazard" as const, subject: edit.record, village }));
    await mine.saved({ edits: [edit], photos });
    await mine.lose(lost.hash);
    const { file, isWhole, lostPictures } = await mine.host.carry();
    expect({ isWhole, lostPictures }).toEqual({ isWhole: true, lostPictures: 1 });
    expect(Object.keys(unzipSync(new Uint8Array(await file.arrayBuffer()))).sort()).toEqual(["batch", `photos/${kept.hash}`]);
  });

  it("is made and taken of a phone that the office has revoked, which then signs in as a new one", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector04");
    await mine.settled();
    await revoke("inspector04");
    await mine.saved({ edits: [hazard(village, "停用之后写的")] });
    await mine.until("it is said", ({ trouble }) => trouble?.why === "device_revoked");
    await mine.restart();
    expect((await mine.host.status()).trouble).toEqual({ why: "device_revoked" });
    const { file } = await mine.host.carry();
    const answer = await office("/batches", new TextDecoder().decode(unzipSync(new Uint8Array(await file.arrayBuffer()))["batch"]));
    expect(answer.status).toBe(200);
    const receipts = await answer.text();
    expect(await mine.host.takeReceipts(new Blob([receipts]))).toEqual({ accepted: 1, attention: 0 });
    await mine.saved({ edits: [hazard(village, "重新登录之后报的")] });
    await mine.signIn("inspector04");
    expect((await mine.settled()).trouble).toBeUndefined();
  });

  it("receipts of another phone, or none at all, change nothing", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector02");
    mine.isOnline = false;
    await mine.saved({ edits: [hazard(village, "山体裂缝")] });
    await expect(mine.host.takeReceipts(new Blob(["no receipts"]))).rejects.toMatchObject({ code: "file_unreadable" });
    const forged = `hazard-ledger-receipts-1 ${"0".repeat(64)}\n{"account":"","device":"","now_ms":0,"epoch":"","pushes":[]}`;
    await expect(mine.host.takeReceipts(new Blob([forged]))).rejects.toMatchObject({ code: expect.stringMatching(/^file_/) as string });
    expect((await mine.host.status()).unsent.versions).toBe(1);
  });
});

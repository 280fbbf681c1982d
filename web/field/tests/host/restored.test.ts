// The server's disk dies, and a backup takes its place: what it had given receipts for since is offered again while it is
// still on the phone, photos as well as records.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { hazard, Phone, picture } from "./phone.js";
import { PASSWORD, Server } from "./server.js";

describe("a server that was restored from a backup", () => {
  let server: Server;
  let mine: Phone;
  let village: string;
  /** How often the bytes of a photo were offered. */
  let uploads: number;

  beforeEach(async () => {
    server = await Server.start();
    mine = new Phone(server.origin);
    uploads = 0;
    mine.network = (input, init) => {
      if (String(input).endsWith("/uploads")) uploads += 1;
      return fetch(input, init);
    };
    village = await mine.signedIn("inspector01");
  });
  afterEach(async () => {
    await mine.host.stop();
    await server.remove();
  });

  /** Saves a hazard with a photo, and waits for both receipts. */
  async function received(description: string, bytes: number): Promise<{ record: string; hash: string }> {
    const held = await mine.host.holdPhoto(picture(bytes, bytes));
    const edit = hazard(village, description);
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    await mine.settled();
    return { record: edit.record, hash: held.hash };
  }

  async function officeHas(hash: string): Promise<number> {
    const body = JSON.stringify({ username: "supervisor", password: PASSWORD, device_name: "办公室" });
    const signIn = await fetch(`${server.origin}/api/v1/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { access_token } = (await signIn.json()) as { access_token: string };
    const answer = await fetch(`${server.origin}/api/v1/photos/${hash}?variant=original`, { headers: { authorization: `Bearer ${access_token}` } });
    return answer.ok ? (await answer.arrayBuffer()).byteLength : 0;
  }

  const progress = async (record: string) => (await mine.host.detail(record))?.row.photos.map((photo) => photo.progress);

  it("gets the photos again that it had received since, and until then none of them is freed", async () => {
    const before = await received("备份之前", 2_001);
    server.backUp();
    const after = await received("备份之后", 3_001);
    await server.restore();
    const through = mine.network;
    mine.network = (input, init) => (String(input).includes("/uploads") ? Promise.reject(new TypeError("Failed to fetch")) : through(input, init));
    uploads = 0;
    await mine.host.syncNow();
    await mine.until("what it still has has its receipt again", async ({ unsent }) => unsent.photos === 1 && (await progress(after.record))?.[0] === "saved");
    expect(await progress(before.record)).toEqual(["accepted"]);
    expect(await mine.host.freeSpace()).toBe(2_001);
    await mine.restart();
    expect(await mine.host.freeSpace()).toBe(0);
    expect((await mine.host.status()).unsent).toMatchObject({ photos: 1, photoBytes: 3_001 });
    mine.network = through;
    await mine.host.syncNow();
    await mine.settled();
    expect([await officeHas(before.hash), await officeHas(after.hash), uploads]).toEqual([2_001, 3_001, 1]);
    expect(await progress(after.record)).toEqual(["accepted"]);
    expect(await mine.host.freeSpace()).toBe(3_001);
  });

  it("gets them as well from a phone that was signed out, and from one whose build had not noted the epoch", async () => {
    server.backUp();
    const { hash } = await received("退出之前", 4_001);
    await mine.host.signOut();
    await server.restore();
    await mine.signIn("inspector01");
    await mine.settled();
    expect([await officeHas(hash), uploads]).toEqual([4_001, 2]);

    await mine.kill();
    await mine.forgetEpoch();
    await server.restore();
    await mine.open();
    // The session is younger than the backup.
    await mine.until("it is said", ({ trouble }) => trouble?.why === "signed_out");
    await mine.signIn("inspector01");
    await mine.until("it is offered once more", () => uploads === 3);
    await mine.settled();
    expect(await officeHas(hash)).toBe(4_001);
  });
});

// A day in the village, against a real server.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { hazard, Phone, picture } from "./phone.js";
import { PASSWORD, Server } from "./server.js";

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

  async function signedIn(username: string): Promise<{ phone: Phone; village: string }> {
    const phone = new Phone(server.origin);
    phones.push(phone);
    await phone.open();
    await phone.host.signIn(username, PASSWORD, "红米 12");
    const { session } = await phone.until("everything is here", ({ phase }) => phase === "ready");
    return { phone, village: session?.villages[0]?.id ?? "" };
  }

  it("a hazard saved without a network survives the app and arrives once the network is back", async () => {
    const { phone, village } = await signedIn("inspector01");
    phone.isOnline = false;
    const edit = hazard(village, "二楼疏散通道堆放杂物");
    await phone.saved({ edits: [edit] });
    await phone.restart();
    await phone.until("it has tried in vain", ({ trouble }) => trouble?.why === "network");
    const [row] = (await phone.host.list({ kind: "hazard" })).rows;
    expect(row).toMatchObject({ id: edit.record, progress: "saved", standing: { status: "reported" } });
    phone.isOnline = true;
    await phone.host.syncNow();
    const status = await phone.until("nothing waits", ({ unsent }) => unsent.versions === 0);
    expect(status.trouble).toBeUndefined();
    expect((await phone.host.detail(edit.record))?.row.progress).toBe("accepted");
    const office = await signedIn("supervisor");
    expect((await office.phone.host.list({ kind: "hazard", text: "疏散通道" })).total).toBe(1);
  });

  it("a photo goes up after its records, and the office sees it", async () => {
    const { phone, village } = await signedIn("inspector02");
    const held = await phone.host.holdPhoto(picture(700_000));
    const edit = hazard(village, "配电箱无门");
    await phone.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    expect((await phone.host.status()).unsent.photos).toBe(1);
    await phone.until("the photo is received", ({ unsent }) => unsent.photos === 0 && unsent.versions === 0);
    const [photo] = (await phone.host.detail(edit.record))?.row.photos ?? [];
    expect(photo).toMatchObject({ hash: held.hash, progress: "accepted", role: "before" });
  });
});

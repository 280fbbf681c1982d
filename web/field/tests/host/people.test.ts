// Coming and going: a code of the office, a wrong password, leaving.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { Phone } from "./phone.js";
import { PASSWORD, Server } from "./server.js";

describe("people", () => {
  let server: Server;
  let mine: Phone;

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(() => mine.host.stop());
  afterAll(() => server.remove());

  async function post(path: string, body: object, token = ""): Promise<Record<string, unknown>> {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const answer = await fetch(`${server.origin}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return (await answer.json()) as Record<string, unknown>;
  }

  it("a code of the office signs a phone in, once", async () => {
    const known = await post("/auth/login", { username: "inspector01", password: PASSWORD, device_name: "电脑" });
    const { id } = known["account"] as { id: string };
    const { code } = await post(`/accounts/${id}/enrolments`, {}, String(known["access_token"]));
    mine = new Phone(server.origin);
    await mine.open();
    await mine.host.enrol(String(code), "红米 12");
    const { session } = await mine.until("everything is here", ({ phase }) => phase === "ready");
    expect(session).toMatchObject({ username: "inspector01", deviceName: "红米 12", villages: [{ name: "示范一村" }] });
    await expect(mine.host.enrol(String(code), "另一部")).rejects.toMatchObject({ code: "enrolment_refused" });
    expect((await mine.host.status()).phase).toBe("ready");
  });

  it("a wrong password is said by its code, and nobody is signed in", async () => {
    mine = new Phone(server.origin);
    await mine.open();
    await expect(mine.host.signIn("inspector02", "wrong", "红米 12")).rejects.toMatchObject({ code: "credentials_refused" });
    expect((await mine.host.status()).phase).toBe("signed_out");
    await expect(mine.host.list({ kind: "hazard" })).rejects.toMatchObject({ code: "signed_out" });
  });

  it("without a network nobody signs in, but whoever was signed in opens the app", async () => {
    mine = new Phone(server.origin);
    await mine.signedIn("inspector03");
    mine.isOnline = false;
    await mine.restart();
    const status = await mine.host.status();
    expect([status.phase, status.session?.username]).toEqual(["ready", "inspector03"]);
    await mine.host.signOut();
    await expect(mine.host.signIn("inspector03", PASSWORD, "红米 12")).rejects.toMatchObject({ code: "network" });
    await mine.restart();
    expect((await mine.host.status()).phase).toBe("signed_out");
  });

  it("airplane mode may come once everything is here and the app's files are", async () => {
    mine = new Phone(server.origin);
    await mine.signedIn("inspector04");
    await mine.settled();
    expect((await mine.host.status()).isOfflineReady).toBe(false);
    await mine.host.news({ hasShell: true });
    await mine.until("the app may go offline", ({ isOfflineReady }) => isOfflineReady);
  });
});

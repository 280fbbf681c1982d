// What the office did not take, and photos that never reach it: said until it was seen or written again, and never lost.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import type { Detail } from "../../src/host/contract.js";
import { hazard, Phone } from "./phone.js";
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
});

// Several tabs, one host: who holds it, and what becomes of questions when it goes.

import { afterEach, describe, expect, it } from "vitest";

import { Connection } from "../../src/host/connect.js";
import type { Host } from "../../src/host/contract.js";
import { FieldHost } from "../../src/host/host.js";
import { Leader, type Broke } from "../../src/host/leader.js";
import { CHANNEL, serve, type Message } from "../../src/host/rpc.js";
import { hazard, Phone } from "./phone.js";
import { Locks } from "./locks.js";
import { Server } from "./server.js";

/** A tab: its end of the channel, and the host that it runs while it holds the lock. */
class Tab {
  readonly channel = new BroadcastChannel(CHANNEL);
  readonly connection = new Connection(this.channel);
  readonly host: Host = this.connection.host();
  readonly leader: Leader;
  running: Promise<{ host: FieldHost; channel: BroadcastChannel }> | undefined;
  breaks: Broke | undefined;

  constructor(phone: Phone, locks: Locks, start: () => Promise<void> = () => Promise.resolve()) {
    this.leader = new Leader(
      {
        start: (broke) => {
          this.breaks = broke;
          this.running = start().then(() => begin(phone));
          return { terminate: () => void this.end() };
        },
        holds: (isHolder) => this.connection.hold(isHolder),
        broke: (...why) => this.connection.broke(...why),
      },
      locks as unknown as LockManager,
    );
    this.leader.queue();
  }

  async end(): Promise<void> {
    const running = await this.running;
    this.running = undefined;
    running?.channel.close();
    await running?.host.stop();
  }
}

async function begin(phone: Phone): Promise<{ host: FieldHost; channel: BroadcastChannel }> {
  const channel = new BroadcastChannel(CHANNEL);
  const say = (message: Message) => channel.postMessage(message);
  const host = await phone.open((event) => say({ to: "pages", event }));
  serve(host, channel);
  say({ to: "pages", begun: true });
  return { host, channel };
}

describe("tabs", () => {
  let tabs: Tab[] = [];
  let server: Server | undefined;

  afterEach(async () => {
    for (const tab of tabs) {
      await tab.end();
      tab.channel.close();
    }
    tabs = [];
    await server?.remove();
    server = undefined;
  });

  function tab(...args: ConstructorParameters<typeof Tab>): Tab {
    const made = new Tab(...args);
    tabs.push(made);
    return made;
  }

  async function village(first: Tab): Promise<string> {
    await first.host.signIn("inspector01", "demo-only-password", "红米 12");
    for (;;) {
      const { phase, session } = await first.host.status();
      if (phase === "ready") return session?.villages[0]?.id ?? "";
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it("the second tab works through the first, and takes over when it goes", async () => {
    server = await Server.start();
    const [phone, locks] = [new Phone(server.origin), new Locks()];
    const first = tab(phone, locks);
    const home = await village(first);
    const second = tab(phone, locks);
    expect([(await first.host.status()).isGuest, (await second.host.status()).isGuest]).toEqual([false, true]);
    const edit = hazard(home, "楼梯扶手松动");
    expect((await second.host.save({ edits: [edit], photos: [] })).result).toBe("saved");
    await first.end();
    const asked = second.host.list({ kind: "hazard" });
    locks.release();
    expect((await asked).rows.map((row) => row.id)).toEqual([edit.record]);
    expect((await second.host.status()).isGuest).toBe(false);
  });

  it("a save that was stored but not answered is answered by the next host, and stands once", async () => {
    server = await Server.start();
    const [phone, locks] = [new Phone(server.origin), new Locks()];
    const first = tab(phone, locks);
    const home = await village(first);
    const second = tab(phone, locks);
    await second.host.status();
    phone.isOnline = false;
    const running = await first.running;
    // The host stores, and dies before its answer leaves.
    if (running) running.channel.postMessage = () => undefined;
    const saved = second.host.save({ edits: [hazard(home, "吊装无人指挥")], photos: [] });
    await phone.until("it is stored", ({ unsent }) => unsent.versions === 1);
    await first.end();
    locks.release();
    expect((await saved).result).toBe("saved");
    expect((await second.host.status()).unsent.versions).toBe(1);
  });

  it("a host that froze and was replaced can write nothing any more", async () => {
    server = await Server.start();
    const [phone, locks] = [new Phone(server.origin), new Locks()];
    const first = tab(phone, locks);
    const home = await village(first);
    phone.isOnline = false;
    const frozen = phone.host;
    const next = await phone.open();
    const save = { edits: [hazard(home, "临边无防护")], photos: [] };
    await expect(frozen.save(save, "of the frozen one")).rejects.toMatchObject({ code: "host_replaced" });
    expect((await next.save(save, "of the new one")).result).toBe("saved");
    expect((await next.status()).unsent.versions).toBe(1);
    await next.stop();
  });

  it("a tab that is left waiting takes the host away from one that does not answer", async () => {
    const [phone, locks] = [new Phone("http://127.0.0.1:9"), new Locks()];
    const first = tab(phone, locks);
    await first.host.status();
    const second = tab(phone, locks);
    await second.host.status();
    const running = await first.running;
    if (running) running.channel.onmessage = null;
    const asked = second.host.status();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(second.connection.isUnheard(performance.now())).toBe(false);
    expect(second.connection.isUnheard(performance.now() + 60_000)).toBe(true);
    second.leader.steal();
    expect((await asked).phase).toBe("signed_out");
    expect([(await first.host.status()).isGuest, (await second.host.status()).isGuest]).toEqual([true, false]);
  });

  it("where no host begins any more, pages are told why, and a later one is met as ever", async () => {
    const [phone, locks] = [new Phone("http://127.0.0.1:9"), new Locks()];
    let isFull = true;
    const first = tab(phone, locks, () => (isFull ? new Promise(() => undefined) : Promise.resolve()));
    const asked = first.host.status();
    for (let tries = 0; tries < 3; tries += 1) first.connection.broke("The phone's storage is full", "no_room");
    await expect(asked).rejects.toMatchObject({ code: "no_room" });
    isFull = false;
    first.running = undefined;
    first.breaks?.("The phone's storage is full", "no_room");
    expect((await first.host.status()).phase).toBe("signed_out");
  });

  it("a sign-in that was under way when the host broke fails clearly; a question is asked again", async () => {
    const [phone, locks] = [new Phone("http://127.0.0.1:9"), new Locks()];
    const first = tab(phone, locks);
    await first.host.status();
    phone.network = () => new Promise(() => undefined);
    const signIn = first.host.signIn("inspector01", "x", "x");
    await new Promise((resolve) => setTimeout(resolve, 10));
    first.breaks?.("It trapped");
    await expect(signIn).rejects.toMatchObject({ code: "host_lost" });
    expect((await first.host.status()).phase).toBe("signed_out");
  });
});

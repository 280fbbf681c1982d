// A phone that is online hears that the feed has moved, and does not wait until it would ask by itself.

import { afterAll, afterEach, beforeAll, describe, expect, it, test } from "vitest";

import { Events } from "../../src/host/live.js";
import { hazard, Phone, type Fetch } from "./phone.js";
import { Server } from "./server.js";

test("an event is heard once, wherever the stream is cut", () => {
  const stream = 'event: feed\ndata: {"position":1}\n\n: alive\n\nevent: feed\ndata: {"position":2}\n\nevent: later\ndata: {}\n\n';
  for (let cut = 1; cut < stream.length; cut += 1) {
    let heard = 0;
    const events = new Events(() => (heard += 1));
    // What comes in one piece is one reason to pull.
    events.take(stream.slice(0, cut));
    events.take(stream.slice(cut));
    expect(events.count, `cut at ${cut}`).toBe(2);
    expect(heard, `cut at ${cut}`).toBeGreaterThan(0);
  }
});

describe("live", () => {
  let server: Server;
  let hearing: Phone;
  let writing: Phone;

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(async () => {
    await hearing.host.stop();
    await writing.host.stop();
  });
  afterAll(() => server.remove());

  /** The network of a phone, with the answer of the server's events replaced. */
  const events = (answer: () => Response | Promise<Response>, asked: () => void): Fetch => async (...args) => {
    if (!String(args[0]).endsWith("/events")) return fetch(...args);
    asked();
    return answer();
  };

  const sees = (phone: Phone, text: string) =>
    phone.until(`it has ${text}`, async () => (await phone.host.list({ kind: "hazard", text })).total === 1);

  it("what one phone writes another has at once, without asking", async () => {
    [hearing, writing] = [new Phone(server.origin), new Phone(server.origin)];
    await hearing.signedIn("inspector01");
    await hearing.settled();
    const village = await writing.signedIn("inspector01");
    await writing.saved({ edits: [hazard(village, "液化气瓶靠近灶台")] });
    await sees(hearing, "液化气瓶靠近灶台");
  });

  it("an event about what the phone wrote itself, or has pulled already, makes no round trip", async () => {
    [hearing, writing] = [new Phone(server.origin), new Phone(server.origin)];
    let tell: (text: string) => Promise<void> = async () => undefined;
    const stream = new ReadableStream<Uint8Array>(
      {
        // Asked for more, the stream has been heard up to here.
        pull: (controller) =>
          new Promise<void>((asked) => {
            heard();
            tell = (text) => {
              const isHeard = new Promise<void>((resolve) => (heard = resolve));
              controller.enqueue(new TextEncoder().encode(text));
              asked();
              return isHeard;
            };
          }),
      },
      { highWaterMark: 0 },
    );
    let heard: () => void = () => undefined;
    let trips = 0;
    let position = 0;
    const listening = events(() => new Response(stream), () => undefined);
    writing.network = async (...args) => {
      const answer = await listening(...args);
      if (!String(args[0]).endsWith("/sync")) return answer;
      trips += 1;
      position = ((await answer.clone().json()) as { pull: { position: number } }).pull.position;
      return answer;
    };
    const village = await writing.signedIn("inspector03");
    await writing.settled();
    await hearing.signedIn("inspector03");
    await writing.saved({ edits: [hazard(village, "自己写的")] });
    await writing.settled();
    const before = trips;
    await tell(`event: feed\ndata: {"position":${position}}\n\n`);
    await writing.settled();
    expect(trips).toBe(before);
    await hearing.saved({ edits: [hazard(village, "别人写的")] });
    await hearing.settled();
    await tell(`event: feed\ndata: {"position":${position + 1}}\n\n`);
    await sees(writing, "别人写的");
    expect(trips).toBe(before + 1);
  });

  it("a refusal to listen is not asked about again at every round trip", async () => {
    [hearing, writing] = [new Phone(server.origin), new Phone(server.origin)];
    let asked = 0;
    const full = () => new Response(JSON.stringify({ code: "too_many_streams" }), { status: 503, headers: { "content-type": "application/problem+json" } });
    writing.network = events(full, () => (asked += 1));
    const village = await writing.signedIn("inspector02");
    for (const words of ["甲", "乙", "丙"]) {
      await writing.saved({ edits: [hazard(village, words)] });
      await writing.settled();
    }
    expect(asked).toBe(1);
    await hearing.signedIn("inspector02");
    await sees(hearing, "丙");
  });
});

// Over a bad link small pictures go before the photos, over a good one nothing goes but the photos; and whatever comes of a
// preview, the photo itself arrives.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import type { PhotoRow } from "../../src/host/contract.js";
import { isBadLink, type Seen } from "../../src/host/link.js";
import { hazard, Phone, picture } from "./phone.js";
import { PASSWORD, Server } from "./server.js";

/** A JPEG of eight by eight grey pixels. */
const GREY = Uint8Array.from([
  [0xff, 0xd8],
  [0xff, 0xdb, 0, 67, 0, ...Array<number>(64).fill(1)],
  [0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
  // Of either kind a table of one code of one bit.
  ...[0, 0x10].map((table) => [0xff, 0xc4, 0, 20, table, 1, ...Array<number>(16).fill(0)]),
  [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x3f],
  [0xff, 0xd9],
].flat()).buffer;

describe("a link", () => {
  const cases: [string, Seen, boolean][] = [
    ["of which nothing is known is not bad", { wasCut: false }, false],
    ["that cut an upload is bad", { wasCut: true, bytesPerS: 1_000_000, type: "4g" }, true],
    ["on which a photo takes minutes is bad, whatever the browser thinks", { wasCut: false, bytesPerS: 16_383, type: "4g" }, true],
    ["that is fast enough is not, whatever the browser thinks", { wasCut: false, bytesPerS: 16_384, type: "2g" }, false],
    ["that the browser takes for 2G is bad until a photo says otherwise", { wasCut: false, type: "2g" }, true],
    ["that the browser takes for slow 2G is bad too", { wasCut: false, type: "slow-2g" }, true],
    ["that the browser takes for 3G is not", { wasCut: false, type: "3g" }, false],
  ];
  it.each(cases)("%s", (_, seen, isBad) => expect(isBadLink(seen)).toBe(isBad));
});

describe("previews", () => {
  let server: Server;
  let mine: Phone;
  /** What is asked of photos: their methods, in order. */
  let asked: string[];
  /** No two photos are alike. */
  let seed = 40;

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(() => mine.host.stop());
  afterAll(() => server.remove());

  /** Signs in on a phone whose requests about photos come to what `weather` says, or go through. */
  async function phone(username: string, weather: (method: string) => Promise<Response> | undefined): Promise<string> {
    mine = new Phone(server.origin);
    mine.thumb = GREY;
    asked = [];
    const village = await mine.signedIn(username);
    mine.network = async (input, init) => {
      if (!/\/(uploads|photos)/.test(String(input))) return fetch(input, init);
      const method = init?.method ?? "";
      asked.push(method);
      return (await weather(method)) ?? fetch(input, init);
    };
    return village;
  }

  /** Reports a hazard with so many photos. */
  async function report(village: string, photos: number): Promise<void> {
    const edit = hazard(village, "照片");
    const held = await Promise.all(Array.from({ length: photos }, () => mine.host.holdPhoto(picture(200_000, (seed += 2)))));
    await mine.saved({ edits: [edit], photos: held.map((each) => ({ held: each, subjectKind: "hazard" as const, subject: edit.record, village })) });
  }

  const cut = () => Promise.reject(new TypeError("The link was cut"));
  const refuse = (status: number, body: string, type: string) => Promise.resolve(new Response(body, { status, headers: { "content-type": type } }));

  async function shown(): Promise<readonly PhotoRow[]> {
    const { rows } = await mine.host.list({ kind: "hazard", mine: true });
    return rows.flatMap((row) => row.photos);
  }

  /** What the office is told that the small picture of a photo is. */
  async function told(hash: string): Promise<string> {
    const body = JSON.stringify({ username: "supervisor", password: PASSWORD, device_name: "office" });
    const signedIn = await fetch(`${server.origin}/api/v1/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { access_token } = (await signedIn.json()) as { access_token: string };
    const answer = await fetch(`${server.origin}/api/v1/photos/${hash}?variant=256`, { headers: { authorization: `Bearer ${access_token}` } });
    return `${answer.status} ${answer.headers.get("photo-state") ?? "itself"}`;
  }

  it("go first, all of them, where photos are cut off; the photos follow when they can", async () => {
    let isBad = true;
    const village = await phone("inspector01", (method) => (isBad && method === "PATCH" ? cut() : undefined));
    await report(village, 3);
    await mine.until("the office has all previews", async () => (await shown()).every((photo) => photo.hasPreview));
    expect(asked.slice(0, 5)).toEqual(["POST", "PATCH", "PUT", "PUT", "PUT"]);
    const { unsent } = await mine.host.status();
    expect(unsent.photos).toBe(3);
    const photos = await shown();
    for (const { hash } of photos) expect(await told(hash)).toBe("200 preview");

    await mine.restart();
    const before = asked.length;
    await mine.until("a photo is tried again", () => asked.slice(before).includes("PATCH"));
    isBad = false;
    await mine.host.syncNow();
    await mine.settled();
    expect(asked.filter((method) => method === "PUT")).toHaveLength(3);
    expect((await shown()).map(({ hasPreview, progress }) => [hasPreview, progress])).toEqual(Array(3).fill([undefined, "accepted"]));
    // The demo's pictures are no pictures: the office has the photo, and nothing that could be shown small.
    for (const { hash } of photos) expect(await told(hash)).toBe("415 itself");
  });

  it("do not go over a good link", async () => {
    const village = await phone("inspector02", () => undefined);
    await report(village, 3);
    await mine.settled();
    expect(asked).not.toContain("PUT");
  });

  it("go before anything of a photo where the browser takes the link for 2G", async () => {
    const village = await phone("inspector03", () => undefined);
    mine.linkType = "2g";
    await report(village, 2);
    await mine.settled();
    expect(asked.slice(0, 3)).toEqual(["PUT", "PUT", "POST"]);
  });

  it.each([
    ["a server that knows none", () => refuse(404, JSON.stringify({ code: "not_found", title: "" }), "application/problem+json")],
    ["a server that does not take this one", () => refuse(422, JSON.stringify({ code: "preview_unusable", title: "" }), "application/problem+json")],
    ["a server that is busy", () => refuse(503, JSON.stringify({ code: "busy", title: "", retry_after_s: 1 }), "application/problem+json")],
    ["a proxy that forbids the method", () => refuse(405, "", "text/html")],
    ["a link that carries none", cut],
  ])("keep no photo back: %s", async (_, weather) => {
    const village = await phone("inspector04", (method) => (method === "PUT" ? weather() : undefined));
    mine.linkType = "2g";
    await report(village, 2);
    await mine.settled();
    expect(asked).toContain("PUT");
  });
});

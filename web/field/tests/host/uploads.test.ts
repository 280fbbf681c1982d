// What every refusal of an upload means (protocol: Photos), against a real server that is made to say it once.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { reducePhoto, PHOTO_BYTES_MAX, type Reduced } from "../../src/host/picture.js";
import { hazard, Phone, picture } from "./phone.js";
import { Server } from "./server.js";

const BYTES = 300_000;

describe("uploads", () => {
  let server: Server;
  let mine: Phone;
  let seed = 20;

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(() => mine.host.stop());
  afterAll(() => server.remove());

  /** The methods of the uploads' requests, where the first part is refused like this. */
  async function refusedOnce(status: number, problem: object): Promise<string[]> {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector01");
    const asked: string[] = [];
    mine.network = (input, init) => {
      if (!String(input).includes("/uploads")) return fetch(input, init);
      asked.push(init?.method ?? "");
      const isFirstPart = init?.method === "PATCH" && asked.filter((each) => each === "PATCH").length === 1;
      const body = JSON.stringify({ status, title: "", detail: "", ...problem });
      return isFirstPart ? Promise.resolve(new Response(body, { status, headers: { "content-type": "application/problem+json" } })) : fetch(input, init);
    };
    seed += 2;
    const held = await mine.host.holdPhoto(picture(BYTES, seed));
    const edit = hazard(village, "照片");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    await mine.until("the photo is received", async ({ unsent, trouble, work }) => {
      if (trouble && work === undefined) await mine.host.syncNow();
      return unsent.photos === 0;
    });
    return asked;
  }

  it.each([
    ["upload_offset_mismatch", 409, { offset: 0 }],
    ["upload_interrupted", 408, { offset: 0 }],
    ["checksum_mismatch", 460, { offset: 0 }],
    ["content_hash_mismatch", 460, { offset: 0 }],
  ])("after %s it goes on from where it is told", async (code, status, more) => {
    expect((await refusedOnce(status, { code, ...more })).slice(0, 3)).toEqual(["POST", "PATCH", "PATCH"]);
  });

  it.each([
    ["upload_unknown", 404, {}],
    ["upload_expired", 410, {}],
    ["upload_busy", 423, { retry_after_s: 1 }],
    ["storage_full", 507, { retry_after_s: 1 }],
    ["busy", 503, { retry_after_s: 1 }],
  ])("after %s the upload is created again", async (code, status, more) => {
    expect((await refusedOnce(status, { code, ...more })).slice(0, 4)).toEqual(["POST", "PATCH", "POST", "PATCH"]);
  });

  it("a photo that the township has from somebody else is not sent again", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector02");
    const parts: string[] = [];
    mine.network = (input, init) => {
      if (init?.method === "PATCH") parts.push(String(input));
      return fetch(input, init);
    };
    for (const description of ["第一张", "同一张"]) {
      const held = await mine.host.holdPhoto(picture(1_000, 99));
      const edit = hazard(village, description);
      await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
      await mine.settled();
    }
    expect(parts).toHaveLength(1);
  });

  it("records that are saved while a photo goes up do not wait for it", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector03");
    const asked: string[] = [];
    let later: Promise<void> | undefined;
    mine.network = async (input, init) => {
      asked.push(`${init?.method} ${String(input).split("/").includes("sync") ? "sync" : "upload"}`);
      if (init?.method === "PATCH") later ??= mine.saved({ edits: [hazard(village, "途中保存")] });
      await later;
      return fetch(input, init);
    };
    const held = await mine.host.holdPhoto(picture(2_000_000, 31));
    const edit = hazard(village, "大照片");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    await mine.settled();
    const first = asked.indexOf("PATCH upload");
    expect(asked[first + 1]).toBe("POST sync");
    expect(asked.lastIndexOf("PATCH upload")).toBeGreaterThan(first + 1);
  });

  it("a part that takes long is left where it stands for what is saved meanwhile, and goes on behind it", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector04");
    const asked: string[] = [];
    mine.network = (input, init) => {
      asked.push(`${init?.method} ${String(input).split("/").includes("sync") ? "sync" : "upload"}`);
      const isFirstPart = init?.method === "PATCH" && asked.filter((each) => each === "PATCH upload").length === 1;
      if (!isFirstPart) return fetch(input, init);
      // A link that takes for ever, until the request is given up.
      void mine.saved({ edits: [hazard(village, "途中保存")] });
      return new Promise((_, cut) => init.signal?.addEventListener("abort", () => cut(init.signal?.reason)));
    };
    const held = await mine.host.holdPhoto(picture(20_000, 32));
    const edit = hazard(village, "慢照片");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    const { trouble } = await mine.settled();
    const first = asked.indexOf("PATCH upload");
    expect(asked.slice(first, first + 4)).toEqual(["PATCH upload", "POST sync", "POST upload", "PATCH upload"]);
    expect(trouble).toBeUndefined();
  });

  it("after a cut that followed progress it goes on at once, from the byte, and no smaller", async () => {
    mine = new Phone(server.origin);
    const village = await mine.signedIn("inspector05");
    const parts: [number, number][] = [];
    mine.network = async (input, init) => {
      if (init?.method !== "PATCH") return fetch(input, init);
      const from = Number(new Headers(init.headers).get("upload-offset"));
      parts.push([from, (init.body as Uint8Array).byteLength]);
      const answer = await fetch(input, init);
      // The bytes have come, and nobody hears of it.
      if (parts.length === 2) throw new TypeError("The link was cut");
      return answer;
    };
    const held = await mine.host.holdPhoto(picture(500_000, 33));
    const edit = hazard(village, "隧道");
    await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
    await mine.settled();
    const [, cut, next] = parts;
    expect(next?.[0]).toBe((cut?.[0] ?? 0) + (cut?.[1] ?? 0));
    expect(next?.[1]).toBe(Math.min(cut?.[1] ?? 0, 500_000 - (next?.[0] ?? 0)));
  });
});

describe("a picture", () => {
  const photo = picture(10);
  const reduced = (bytes: number): Reduced => ({ bytes: new ArrayBuffer(bytes), type: "image/heic", isUnreadable: true });

  it("that this browser cannot read is kept as it is", async () => {
    expect((await reducePhoto(photo, async (file) => ({ ...reduced(0), bytes: await file.arrayBuffer() }))).bytes.byteLength).toBe(10);
  });

  it.each([
    [PHOTO_BYTES_MAX + 1, "photo_too_large"],
    [0, "photo_empty"],
  ])("of %d bytes is refused as %s", async (bytes, code) => {
    await expect(reducePhoto(photo, async () => reduced(bytes))).rejects.toMatchObject({ code });
  });
});

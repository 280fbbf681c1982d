// When and where a photo was taken: what the picture says, before what the phone knows when it is chosen.

import { expect, test } from "vitest";

import { photos } from "../../../tus/township.mjs";
import { saidBy } from "../../src/host/exif.js";

const NOW = Date.UTC(2026, 10, 29);

function photo(name: string): Uint8Array<ArrayBuffer> {
  const found = photos(name.split("/")[0] ?? "").find((one) => one.name === name);
  if (!found) throw new Error(`no photo ${name}`);
  return new Uint8Array(found.bytes);
}

/** The same photo with another text of the same length in its head. */
function changed(bytes: Uint8Array<ArrayBuffer>, from: string, to: string): Blob {
  const text = Buffer.from(bytes).toString("latin1");
  if (!text.includes(from) || from.length !== to.length) throw new Error(`no ${from} to change`);
  return new Blob([Buffer.from(text.replaceAll(from, to), "latin1")]);
}

test("a photo says when and where it was taken, and its time is one of the phone's zone unless it names an offset", async () => {
  const camera = await saidBy(new Blob([photo("gps/DSCN0010.jpg")]), NOW);
  expect(camera.takenAtMs).toBe(new Date(2008, 9, 22, 16, 28, 39).getTime());
  expect(camera.location?.lat).toBeCloseTo(43.46745, 4);
  expect(camera.location?.lon).toBeCloseTo(11.88513, 4);
  const phone = await saidBy(new Blob([photo("phones/HMD_Nokia_8.3_5G.jpg")]), NOW);
  expect(phone.takenAtMs).toBe(Date.UTC(2022, 7, 14, 11, 12, 31));
  const west = await saidBy(new Blob([photo("phones/iphone_hdr_NO.jpg")]), NOW);
  expect(west.location?.lon).toBeCloseTo(-3.72475, 4);
});

test("a photo without a place, and a file that is damaged or no photo, says nothing of it", async () => {
  expect(await saidBy(new Blob([photo("phones/jolla.jpg")]), NOW)).toEqual({ takenAtMs: new Date(2014, 8, 21, 16, 0, 56).getTime() });
  expect(await saidBy(new Blob([photo("orientation/portrait_6.jpg")]), NOW)).toEqual({});
  const broken = [photo("gps/DSCN0010.jpg").slice(0, 40), Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), new Uint8Array(), new Uint8Array(300_000)];
  for (const bytes of [...broken, ...photos("invalid").map((one) => new Uint8Array(one.bytes))]) expect(await saidBy(new Blob([bytes]), NOW)).toEqual({});
});

test("a time before 2000, more than a day ahead, or none at all is not taken, and the place stands", async () => {
  const bytes = photo("gps/DSCN0010.jpg");
  const at = (time: string) => saidBy(changed(bytes, "2008:10:22 16:28:39", time), NOW);
  for (const time of ["1999:12:30 12:00:00", "2026:12:01 12:00:00", "2080:01:01 00:00:00", "0000:00:00 00:00:00", "    :  :     :  :  "]) {
    const said = await at(time);
    expect(said, time).not.toHaveProperty("takenAtMs");
    expect(said.location?.lat, time).toBeCloseTo(43.46745, 4);
  }
  expect((await at("2026:11:29 12:00:00")).takenAtMs).toBe(new Date(2026, 10, 29, 12).getTime());
});

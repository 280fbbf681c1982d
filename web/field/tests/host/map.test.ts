// The tiles of the map around this phone's places: fetched when nothing else is to be done, and never in the way of a record.

import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

import type { Status } from "../../src/host/contract.js";
import { tilesOf, worldOf } from "../../src/host/tiles.js";
import { disk } from "./disk.js";
import { hazard, Phone, picture } from "./phone.js";
import { Server } from "./server.js";

/** The middle of the first village, where the map is. */
const VILLAGE = worldOf({ lat: 29.533, lon: 106.476 });

let server: Server;
let mine: Phone;
/** The addresses that were asked for below `/map`, and how many at the same time at most. */
let asked: string[];
let atOnce: number;

beforeAll(async () => {
  server = await Server.start({ maxZoom: 14 });
});
afterEach(async () => {
  disk.isFull = false;
  await mine.host.stop();
});
afterAll(() => server.remove());

/** Signs in on a phone whose requests for tiles come to what `weather` says, or go through. */
async function signedIn(weather: (path: string) => Promise<Response> | undefined = () => undefined, prepare: (phone: Phone) => void = () => undefined): Promise<string> {
  mine = new Phone(server.origin);
  prepare(mine);
  [asked, atOnce] = [[], 0];
  let underWay = 0;
  mine.network = async (input, init) => {
    const path = new URL(String(input)).pathname.replace("/api/v1", "");
    if (!path.startsWith("/map")) return fetch(input, init);
    asked.push(path);
    underWay += 1;
    atOnce = Math.max(atOnce, underWay);
    try {
      return (await weather(path)) ?? (await fetch(input, init));
    } finally {
      underWay -= 1;
    }
  };
  return mine.signedIn("inspector01");
}

const isWhole = ({ map }: Status) => map !== undefined && map.tiles > 0 && map.fetching === undefined && !map.isWaiting;
const middle = (zoom: number) => {
  const { columns, rows } = tilesOf({ west: VILLAGE.x, east: VILLAGE.x, north: VILLAGE.y, south: VILLAGE.y }, zoom);
  return `${zoom}/${columns[0]}/${rows[0]}`;
};
const tilesAsked = () => asked.filter((path) => path !== "/map");

it("the tiles around the village are kept by themselves, one request at a time, each once, and are there without a network", async () => {
  await signedIn();
  const { map } = await mine.until("the map is here", isWhole);
  expect(map?.tiles).toBe(tilesAsked().length);
  expect(new Set(asked).size).toBe(asked.length);
  expect(atOnce).toBe(1);
  mine.isOnline = false;
  await mine.restart();
  expect((await mine.host.mapFacts())?.attribution).toContain("审图号");
  const [tile, none] = await mine.host.mapTiles([middle(14), "14/0/0"]);
  expect([tile?.type, none]).toEqual(["image/png", undefined]);
  expect(tile?.size).toBeGreaterThan(200);
  mine.isOnline = true;
});

it("what was broken off is gone on with where it stood", async () => {
  let left = 2;
  await signedIn((path) => (path === "/map" || left-- > 0 ? undefined : Promise.reject(new TypeError("Failed to fetch"))));
  await mine.until("the link broke", ({ map }) => map?.tiles === 2 && map.fetching === undefined);
  const before = tilesAsked().slice(0, 2);
  asked = [];
  left = Infinity;
  await mine.host.syncNow();
  const { map } = await mine.until("the map is here", (status) => isWhole(status) && status.map?.tiles !== 2);
  expect(map?.tiles).toBe(2 + tilesAsked().length);
  for (const path of before) expect(asked).not.toContain(path);
});

it("a record that is saved meanwhile goes first, and the tile under way is given up", async () => {
  const village = await signedIn((path) => (path !== "/map" && tilesAsked().length === 1 ? new Promise(() => undefined) : undefined));
  await mine.until("a tile is under way", () => tilesAsked().length === 1);
  await mine.saved({ edits: [hazard(village, "通道堵塞")] });
  await mine.settled();
  await mine.until("the map is here", isWhole);
  expect(tilesAsked().slice(1)).toContain(tilesAsked()[0]);
});

it("while a photo waits no tile is asked for", async () => {
  const village = await signedIn(undefined, (phone) => void (phone.savesData = true));
  const held = await mine.host.holdPhoto(picture(2_000));
  const edit = hazard(village, "通道堵塞");
  mine.isOnline = false;
  await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
  await mine.host.fetchMap();
  const through = mine.network;
  mine.network = async (input, init) => (String(input).includes("/uploads") ? Promise.reject(new TypeError("Failed to fetch")) : through(input, init));
  mine.isOnline = true;
  await mine.host.syncNow();
  const { map } = await mine.until("the record is there and the photo is not", ({ unsent }) => unsent.versions === 0 && unsent.photos === 1);
  expect([map?.isWaiting, tilesAsked()]).toEqual([true, []]);
  mine.network = through;
  await mine.host.syncNow();
  await mine.until("the map is here", isWhole);
});

it.each([
  ["where data is to be saved", (phone: Phone) => void (phone.savesData = true)],
  ["over 2G", (phone: Phone) => void (phone.linkType = "2g")],
])("%s nothing is fetched unasked, and everything when it is asked for", async (_, prepare) => {
  await signedIn(undefined, prepare);
  await mine.host.syncNow();
  await mine.settled();
  await mine.host.mapFacts();
  expect(asked).toEqual([]);
  await mine.host.fetchMap();
  await mine.until("the map is here", isWhole);
});

it("what somebody has removed stays away until it is asked for", async () => {
  await signedIn();
  const { map } = await mine.until("the map is here", isWhole);
  expect(await mine.host.removeMap()).toBe(map?.bytes);
  await mine.restart();
  asked = [];
  await mine.host.syncNow();
  await mine.settled();
  await mine.host.mapFacts();
  expect((await mine.host.status()).map).toMatchObject({ tiles: 0, bytes: 0, isRemoved: true, hasMap: true });
  expect(tilesAsked()).toEqual([]);
  await mine.host.fetchMap();
  await mine.until("the map is here", isWhole);
});

it("on a full phone the map makes room for a record", async () => {
  const village = await signedIn();
  await mine.until("the map is here", isWhole);
  const clear = IDBObjectStore.prototype.clear;
  IDBObjectStore.prototype.clear = function (this: IDBObjectStore) {
    if (this.name === "tiles") disk.isFull = false;
    return clear.call(this);
  };
  try {
    disk.isFull = true;
    await mine.saved({ edits: [hazard(village, "通道堵塞")] });
  } finally {
    IDBObjectStore.prototype.clear = clear;
  }
  expect((await mine.host.status()).map).toMatchObject({ tiles: 0, isRemoved: true });
});

it("making room takes the map as well as the photos that the office has", async () => {
  const village = await signedIn();
  const { map } = await mine.until("the map is here", isWhole);
  const held = await mine.host.holdPhoto(picture(3_000));
  const edit = hazard(village, "通道堵塞");
  await mine.saved({ edits: [edit], photos: [{ held, subjectKind: "hazard", subject: edit.record, village }] });
  await mine.settled();
  expect(await mine.host.freeSpace()).toBe((map?.bytes ?? 0) + held.bytes);
});

it("another map takes the place of the one that was kept", async () => {
  await signedIn();
  await mine.until("the map is here", isWhole);
  const before = await mine.host.mapFacts();
  server.draw(15);
  await mine.host.fetchMap();
  await mine.until("the other map is here", async (status) => isWhole(status) && (await mine.host.mapTiles([middle(15)]))[0] !== undefined);
  const after = await mine.host.mapFacts();
  expect(after?.max_zoom).toBe(15);
  expect(after?.id).not.toBe(before?.id);
});

// The plane of the map, and the tiles that are laid under it. What a page needs of a browser is in e2e/map.spec.ts.

import { expect, test, vi } from "vitest";

vi.mock("../../src/composables/host.js", () => ({ host: {}, useStatus: () => ({ value: {} }) }));

import { chosen, laid, tilesUnder, withCoarser } from "../../src/composables/mapTiles.js";
import { around, pixelOf, pulled, scaleBar, zoomed, type Plane } from "../../src/composables/plainMap.js";
import { metresBetween } from "../../src/composables/words.js";
import type { MapFacts } from "../../src/host/contract.js";

const MAP: MapFacts = { id: "0", min_zoom: 10, max_zoom: 16 };
const VILLAGE = { lat: 29.533, lon: 106.476 };
const other = { lat: 29.541, lon: 106.488 };
const plane = (): Plane => around([VILLAGE, other], 360, 360);

test("all places are seen, a finger from the edges, and distances are the same in both directions", () => {
  for (const place of [VILLAGE, other]) {
    const { x, y } = pixelOf(plane(), place);
    expect(Math.min(x, y, 360 - x, 360 - y)).toBeGreaterThanOrEqual(47.9);
  }
  const middle = pixelOf(plane(), VILLAGE);
  const length = (to: { lat: number; lon: number }) => Math.hypot(pixelOf(plane(), to).x - middle.x, pixelOf(plane(), to).y - middle.y) / metresBetween(VILLAGE, to);
  expect(length({ ...VILLAGE, lat: VILLAGE.lat + 0.005 }) / length({ ...VILLAGE, lon: VILLAGE.lon + 0.005 })).toBeCloseTo(1, 2);
});

test("the scale's bar is as long as what it says", () => {
  const { metres, px } = scaleBar(plane());
  const { x, y } = pixelOf(plane(), plane().middle);
  const east = { lat: plane().middle.lat, lon: plane().middle.lon + metres / (111_195 * Math.cos((plane().middle.lat * Math.PI) / 180)) };
  expect(Math.hypot(pixelOf(plane(), east).x - x, pixelOf(plane(), east).y - y)).toBeCloseTo(px, 0);
});

test("what is pulled comes along, and what one comes nearer to stays where it is", () => {
  const before = pixelOf(plane(), other);
  const after = pixelOf(pulled(plane(), 30, -20), other);
  expect([after.x - before.x, after.y - before.y]).toEqual([expect.closeTo(30, 6), expect.closeTo(-20, 6)]);
  const nearer = pixelOf(zoomed(plane(), 2, before.x, before.y), other);
  expect([nearer.x, nearer.y]).toEqual([expect.closeTo(before.x, 6), expect.closeTo(before.y, 6)]);
});

test("tiles fill the plane without a gap, at nearly their own size", () => {
  const names = tilesUnder(plane(), MAP);
  const tiles = names.map((name) => laid(plane(), name));
  const { side } = tiles[0] ?? { side: 0 };
  expect(side).toBeGreaterThan(180);
  expect(side).toBeLessThan(363);
  for (const [x, y] of [[0.5, 0.5], [359.5, 0.5], [0.5, 359.5], [359.5, 359.5], [180, 180]] as const) {
    expect(tiles.filter((tile) => tile.x <= x && x < tile.x + tile.side && tile.y <= y && y < tile.y + tile.side)).toHaveLength(1);
  }
});

test("nearer than the finest level its tiles are drawn larger; much farther than the coarsest there are none", () => {
  expect(tilesUnder(zoomed(plane(), 64), MAP).every((name) => name.startsWith("16/"))).toBe(true);
  expect(tilesUnder(zoomed(plane(), 1 / 4_096), MAP)).toEqual([]);
});

test("where a tile is not here the nearest coarser one is laid, once and below", () => {
  expect(withCoarser("12/5/7", 10)).toEqual(["12/5/7", "11/2/3", "10/1/1"]);
  const here = new Set(["12/4/6", "11/2/3", "10/1/1"]);
  expect(chosen(["12/4/6", "12/5/6", "12/4/7", "12/5/7"], 10, (name) => here.has(name))).toEqual(["11/2/3", "12/4/6"]);
  expect(chosen(["12/9/9"], 10, () => false)).toEqual([]);
});

// Where tiles lie, and which of them a phone keeps.

import { describe, expect, test } from "vitest";

import type { MapFacts } from "../../src/host/contract.js";
import { namesOf, OVERVIEW_TILES_MAX, placeAt, tilesOf, TILES_MAX, wantedTiles, worldOf } from "../../src/host/tiles.js";

const MAP: MapFacts = { id: "0", min_zoom: 10, max_zoom: 17, bounds: [106, 29, 107, 30] };
const VILLAGE = { lat: 29.533, lon: 106.476 };
/** A place so many metres to the north and the east of the village. */
const near = (north: number, east: number) => ({ lat: VILLAGE.lat + north / 111_320, lon: VILLAGE.lon + east / (111_320 * Math.cos((VILLAGE.lat * Math.PI) / 180)) });
const nameOf = (place: { lat: number; lon: number }, zoom: number) => {
  const { x, y } = worldOf(place);
  return namesOf(tilesOf({ west: x, east: x, north: y, south: y }, zoom), zoom)[0] ?? "";
};
const zoomOf = (name: string) => Number(name.split("/")[0]);

test("places lie in the tiles that OpenStreetMap's table has for them", () => {
  // wiki.openstreetmap.org/wiki/Slippy_map_tilenames
  const cases: [number, number, number, string][] = [
    [0, 0, 0, "0/0/0"],
    [51.51202, 0.02435, 17, "17/65544/43582"],
    [-33.8688, 151.2093, 10, "10/942/614"],
    [85.06, -180, 3, "3/0/0"],
    [-90, 179.9999, 3, "3/7/7"],
  ];
  for (const [lat, lon, zoom, name] of cases) expect(nameOf({ lat, lon }, zoom), name).toBe(name);
});

test("a place in the world's square is the same place again", () => {
  for (const lat of [-80, -33.1, 0, 29.533, 84.9]) {
    const again = placeAt(worldOf({ lat, lon: 106.476 }));
    expect(again.lat).toBeCloseTo(lat, 9);
    expect(again.lon).toBeCloseTo(106.476, 9);
  }
});

describe("a phone keeps", () => {
  test("what lies around a place on every level, and not what lies far off", () => {
    const wanted = wantedTiles([VILLAGE], MAP);
    for (let zoom = MAP.min_zoom; zoom <= MAP.max_zoom; zoom += 1) {
      for (const seen of [VILLAGE, near(390, 0), near(-390, 0), near(0, 390), near(0, -390)]) expect(wanted).toContain(nameOf(seen, zoom));
    }
    expect(wanted).not.toContain(nameOf(near(1_200, 0), 17));
    expect(wanted.length).toBeLessThan(100);
  });

  test("what lies between places on the coarse levels, whole", () => {
    const [one, other] = [VILLAGE, near(0, 6_000)];
    const wanted = wantedTiles([one, other], MAP);
    expect(wanted).toContain(nameOf(near(0, 3_000), 14));
    expect(wanted).not.toContain(nameOf(near(0, 3_000), 17));
    for (const zoom of [10, 12, 14]) expect(wanted.filter((name) => zoomOf(name) === zoom).length).toBeLessThanOrEqual(OVERVIEW_TILES_MAX);
  });

  test("the coarse tiles before the fine ones, each once, and no more than there is room for", () => {
    const many = Array.from({ length: 400 }, (_, at) => near((at % 20) * 900, Math.floor(at / 20) * 900));
    const wanted = wantedTiles(many, MAP);
    expect(wanted).toHaveLength(TILES_MAX);
    expect(new Set(wanted).size).toBe(TILES_MAX);
    const zooms = wanted.map(zoomOf);
    expect(zooms).toEqual([...zooms].sort((a, b) => a - b));
    expect(zooms[0]).toBe(MAP.min_zoom);
  });

  test("nothing of places beyond the map, and of a map without bounds what there may be", () => {
    expect(wantedTiles([{ lat: 35, lon: 120 }], MAP)).toEqual([]);
    expect(wantedTiles([], MAP)).toEqual([]);
    const edge = wantedTiles([{ lat: 29.5, lon: 106.0001 }], MAP);
    expect(edge).toContain(nameOf({ lat: 29.5, lon: 106.001 }, 17));
    expect(edge).not.toContain(nameOf({ lat: 29.5, lon: 105.996 }, 17));
    expect(wantedTiles([{ lat: 35, lon: 120 }], { ...MAP, bounds: null })).not.toEqual([]);
  });
});

// Where tiles of a map lie (Web Mercator, 256 px, rows from the north), and which of them a phone keeps. Arithmetic alone.

import type { MapFacts } from "./contract.js";

/** A place on the earth, degrees. */
interface LatLon {
  readonly lat: number;
  readonly lon: number;
}

/** Tiles within so much of a place are kept, m: what is seen around somebody who stands there. */
export const NEAR_M = 400;
/** A level of which the whole village needs no more tiles than this is kept whole. */
export const OVERVIEW_TILES_MAX = 30;
/** So many tiles are kept at most. */
export const TILES_MAX = 3_000;
/** Web Mercator ends there (EPSG:3857), degrees. */
export const LAT_MAX = 85.051_128_779_8;
/** Metres around the equator. */
const EQUATOR_M = 40_075_016.686;

/** A place in the world's square: from 0 in the west and the north to 1. */
export function worldOf({ lat, lon }: LatLon): { x: number; y: number } {
  const phi = (Math.max(-LAT_MAX, Math.min(LAT_MAX, lat)) * Math.PI) / 180;
  return { x: (lon + 180) / 360, y: (1 - Math.asinh(Math.tan(phi)) / Math.PI) / 2 };
}

/** The place at a point of the world's square. */
export function placeAt({ x, y }: { x: number; y: number }): LatLon {
  return { lat: (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI, lon: x * 360 - 180 };
}

/** A part of the world's square. */
export interface Box {
  readonly west: number;
  readonly east: number;
  readonly north: number;
  readonly south: number;
}

/** Tiles from and to, both included. */
export interface TileRange {
  readonly columns: readonly [number, number];
  readonly rows: readonly [number, number];
}

/** The tiles of a level that a part of the world touches. */
export function tilesOf({ west, east, north, south }: Box, zoom: number): TileRange {
  const side = 2 ** zoom;
  const at = (part: number) => Math.max(0, Math.min(side - 1, Math.floor(part * side)));
  return { columns: [at(west), at(east)], rows: [at(north), at(south)] };
}

/** The names of tiles, `z/x/y`, row by row. */
export function namesOf({ columns, rows }: TileRange, zoom: number): string[] {
  const names: string[] = [];
  for (let row = rows[0]; row <= rows[1]; row += 1) {
    for (let column = columns[0]; column <= columns[1]; column += 1) names.push(`${zoom}/${column}/${row}`);
  }
  return names;
}

const countOf = ({ columns, rows }: TileRange) => (columns[1] - columns[0] + 1) * (rows[1] - rows[0] + 1);

function around(place: LatLon): Box {
  const { x, y } = worldOf(place);
  const reach = NEAR_M / (EQUATOR_M * Math.cos((place.lat * Math.PI) / 180));
  return { west: x - reach, east: x + reach, north: y - reach, south: y + reach };
}

function joined(boxes: readonly Box[]): Box {
  const all = (edge: keyof Box) => boxes.map((box) => box[edge]);
  return { west: Math.min(...all("west")), east: Math.max(...all("east")), north: Math.min(...all("north")), south: Math.max(...all("south")) };
}

/** What of a box is on the map; `undefined` where nothing is. */
function onMap(box: Box, { bounds }: MapFacts): Box | undefined {
  if (!bounds) return box;
  const [upper, lower] = [worldOf({ lat: bounds[3], lon: bounds[0] }), worldOf({ lat: bounds[1], lon: bounds[2] })];
  const cut = { west: Math.max(box.west, upper.x), east: Math.min(box.east, lower.x), north: Math.max(box.north, upper.y), south: Math.min(box.south, lower.y) };
  return cut.west < cut.east && cut.north < cut.south ? cut : undefined;
}

/**
 * The names of the tiles that a phone keeps for these places, the coarse ones first: of every level what lies around each
 * place, and of those levels where that is little the whole of what lies between them.
 */
export function wantedTiles(places: readonly LatLon[], facts: MapFacts): string[] {
  const boxes = places.flatMap((place) => onMap(around(place), facts) ?? []);
  if (boxes.length === 0) return [];
  const whole = joined(boxes);
  const wanted = new Set<string>();
  for (let zoom = facts.min_zoom; zoom <= facts.max_zoom; zoom += 1) {
    const overview = tilesOf(whole, zoom);
    const ranges = countOf(overview) <= OVERVIEW_TILES_MAX ? [overview] : boxes.map((box) => tilesOf(box, zoom));
    for (const name of ranges.flatMap((range) => namesOf(range, zoom))) {
      if (wanted.size >= TILES_MAX) return [...wanted];
      wanted.add(name);
    }
  }
  return [...wanted];
}

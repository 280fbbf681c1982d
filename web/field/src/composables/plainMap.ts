// What the map draws: places on a plane around a middle (Web Mercator, as the tiles under them are), in pixels, and those
// that a finger cannot tell apart as one spot. North is above.

import { placeAt, worldOf } from "../host/tiles.js";
import { metresBetween, type LatLon } from "./words.js";

/** Spots closer than this are one: each must be met by a finger alone, px. */
export const FINGER = 48;
/** The largest scale, px a degree of longitude: about 1 m a pixel. Beyond it a phone's position says nothing. */
const SCALE_MAX = 111_000;
/** A place alone is shown with at least so much around it, degrees of latitude: about 400 m. */
const SPAN_MIN = 0.004;
/** Lengths that a scale bar may have, m. */
const LENGTHS = [20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];

export interface Plane {
  readonly middle: LatLon;
  /** Pixels a degree of longitude; one of latitude is longer (see `stretch`). */
  readonly scale: number;
  /** What is to be seen, px. */
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly id: string;
  readonly kind: "site" | "hazard";
  readonly name: string;
  readonly place: LatLon;
  /** Asks to be looked at first: a major or overdue hazard. */
  readonly isUrgent?: boolean;
}

export interface Spot {
  readonly points: readonly Point[];
  readonly x: number;
  readonly y: number;
}

/** A degree of latitude is longer than one of longitude by this much. */
const stretch = ({ lat }: LatLon) => 1 / Math.cos((lat * Math.PI) / 180);

/** The side of the world's square, px. */
export const worldPx = ({ scale }: Plane) => 360 * scale;

/** The plane on which all of these places are seen. */
export function around(places: readonly LatLon[], width: number, height: number): Plane {
  const worlds = places.map(worldOf);
  const [xs, ys] = [worlds.map(({ x }) => x), worlds.map(({ y }) => y)];
  const edges = { west: Math.min(...xs), east: Math.max(...xs), north: Math.min(...ys), south: Math.max(...ys) };
  const middle = placeAt({ x: (edges.west + edges.east) / 2, y: (edges.north + edges.south) / 2 });
  const least = SPAN_MIN * stretch(middle);
  const [wide, tall] = [360 * (edges.east - edges.west), 360 * (edges.south - edges.north)];
  const room = (length: number) => Math.max(1, length - 2 * FINGER);
  const scale = Math.min(room(width) / Math.max(least, wide), room(height) / Math.max(least, tall), SCALE_MAX);
  return { middle, scale, width, height };
}

/** A point of the world's square on the plane, px. */
export function pixelAt(plane: Plane, world: { x: number; y: number }): { x: number; y: number } {
  const middle = worldOf(plane.middle);
  return { x: plane.width / 2 + (world.x - middle.x) * worldPx(plane), y: plane.height / 2 + (world.y - middle.y) * worldPx(plane) };
}

export const pixelOf = (plane: Plane, place: LatLon) => pixelAt(plane, worldOf(place));

/** The plane after the paper was pulled by so many pixels. */
export function pulled(plane: Plane, dx: number, dy: number): Plane {
  const { x, y } = worldOf(plane.middle);
  return { ...plane, middle: placeAt({ x: x - dx / worldPx(plane), y: y - dy / worldPx(plane) }) };
}

/** Nearer or farther by a factor, around a pixel that stays where it is. */
export function zoomed(plane: Plane, factor: number, x = plane.width / 2, y = plane.height / 2): Plane {
  const scale = Math.min(plane.scale * factor, SCALE_MAX);
  const by = scale / plane.scale - 1;
  return { ...pulled(plane, -((x - plane.width / 2) * by) / (1 + by), -((y - plane.height / 2) * by) / (1 + by)), scale };
}

export const isNearest = (plane: Plane) => plane.scale >= SCALE_MAX;

/** What is to be seen, gathered into spots that are at least a finger apart where they can be. */
export function spotsOf(points: readonly Point[], plane: Plane): Spot[] {
  const spots: { points: Point[]; x: number; y: number }[] = [];
  for (const point of points) {
    const { x, y } = pixelOf(plane, point.place);
    if (x < 0 || y < 0 || x > plane.width || y > plane.height) continue;
    const near = spots.find((spot) => Math.abs(spot.x - x) < FINGER && Math.abs(spot.y - y) < FINGER);
    if (near) near.points.push(point);
    else spots.push({ points: [point], x, y });
  }
  return spots;
}

/** A round length that takes about a third of the width. */
export function scaleBar(plane: Plane): { metres: number; px: number } {
  const degree = metresBetween(plane.middle, { lat: plane.middle.lat + 1, lon: plane.middle.lon });
  const pixels = (metres: number) => (metres / degree) * plane.scale * stretch(plane.middle);
  const metres = LENGTHS.filter((length) => pixels(length) < plane.width / 3).at(-1) ?? LENGTHS[0] ?? 20;
  return { metres, px: pixels(metres) };
}

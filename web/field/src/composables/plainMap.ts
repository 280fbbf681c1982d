// What a map without tiles draws: places on a plane around a middle, in pixels, and those that a finger cannot tell apart as
// one spot. North is above.

import { metresBetween, type LatLon } from "./words.js";

/** Spots closer than this are one: each must be met by a finger alone, px. */
export const FINGER = 48;
/** The largest scale, px a degree: about 1 m a pixel. Beyond it a phone's position says nothing. */
const SCALE_MAX = 111_000;
/** A place alone is shown with at least so much around it, degrees: about 400 m. */
const SPAN_MIN = 0.004;
/** Lengths that a scale bar may have, m. */
const LENGTHS = [20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];

export interface Plane {
  readonly middle: LatLon;
  /** Pixels a degree of latitude. */
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

/** A degree of longitude is shorter by this much. */
const shrink = ({ middle }: Plane) => Math.cos((middle.lat * Math.PI) / 180);

/** The plane on which all of these places are seen. */
export function around(places: readonly LatLon[], width: number, height: number): Plane {
  const [lats, lons] = [places.map((place) => place.lat), places.map((place) => place.lon)];
  const middle = { lat: (Math.min(...lats) + Math.max(...lats)) / 2, lon: (Math.min(...lons) + Math.max(...lons)) / 2 };
  const narrow = Math.cos((middle.lat * Math.PI) / 180);
  const [tall, wide] = [Math.max(...lats) - Math.min(...lats), (Math.max(...lons) - Math.min(...lons)) * narrow];
  const room = (length: number) => Math.max(1, length - 2 * FINGER);
  const scale = Math.min(room(width) / Math.max(SPAN_MIN, wide), room(height) / Math.max(SPAN_MIN, tall), SCALE_MAX);
  return { middle, scale, width, height };
}

export function pixelOf(plane: Plane, place: LatLon): { x: number; y: number } {
  const { middle, scale, width, height } = plane;
  return { x: width / 2 + (place.lon - middle.lon) * shrink(plane) * scale, y: height / 2 - (place.lat - middle.lat) * scale };
}

/** The plane after the paper was pulled by so many pixels. */
export function pulled(plane: Plane, dx: number, dy: number): Plane {
  const { middle, scale } = plane;
  return { ...plane, middle: { lat: middle.lat + dy / scale, lon: middle.lon - dx / (scale * shrink(plane)) } };
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
  const metres = LENGTHS.filter((length) => (length / degree) * plane.scale < plane.width / 3).at(-1) ?? LENGTHS[0] ?? 20;
  return { metres, px: (metres / degree) * plane.scale };
}

// Dates, places and values as people say them.

import type { JsonValue } from "../../../wasm/pkg/types.js";
import type { Row } from "../host/contract.js";
import type { Translate } from "../i18n.js";

/** The township's calendar day at an instant, `YYYY-MM-DD`. China has one time zone, without summer time. */
export function dayOf(ms: number): string {
  return new Date(ms + 8 * 3_600_000).toISOString().slice(0, 10);
}

/** Day and minute in the township: `2026-11-24 09:30`. */
export function minuteOf(ms: number): string {
  return new Date(ms + 8 * 3_600_000).toISOString().slice(0, 16).replace("T", " ");
}

/** Days from one calendar day to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
}

/** `逾期 3 天`, `还有 5 天`, `今天到期`. */
export function dueWords(deadline: string, today: string, t: Translate): string {
  const days = daysBetween(today, deadline);
  if (days < 0) return t("ledger.due.over", { n: -days });
  if (days === 0) return t("ledger.due.today");
  return t("ledger.due.in", { n: days });
}

/** The shown text of a path, or nothing. */
export function text(row: Row | undefined, path: string): string {
  const value = row?.values[path];
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** The elements of a set field that are in it. */
export function elements(values: Readonly<Record<string, JsonValue>>, field: string): string[] {
  const start = `${field}/`;
  return Object.keys(values).filter((path) => path.startsWith(start) && values[path] === true).map((path) => path.slice(start.length));
}

export interface LatLon {
  readonly lat: number;
  readonly lon: number;
  readonly accuracy_m?: number;
}

export function placeOf(row: Row | undefined): LatLon | undefined {
  const value = row?.values.location;
  return typeof value === "object" && value !== null && !Array.isArray(value) && typeof value.lat === "number"
    ? (value as unknown as LatLon)
    : undefined;
}

const EARTH_M = 6_371_000;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Distance in metres, on a sphere (haversine). */
export function metresBetween(a: LatLon, b: LatLon): number {
  const [dLat, dLon] = [radians(b.lat - a.lat) / 2, radians(b.lon - a.lon) / 2];
  const h = Math.sin(dLat) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(dLon) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(h));
}

/** `350 米`, `2.4 公里`. */
export function distanceWords(metres: number, t: Translate): string {
  return metres < 1000 ? t("ledger.metres", { n: Math.round(metres / 10) * 10 }) : t("ledger.kilometres", { n: (metres / 1000).toFixed(1) });
}

const WINDS = ["north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"] as const;

/** Towards which of eight winds `b` lies from `a`. */
export function windTo(a: LatLon, b: LatLon): (typeof WINDS)[number] {
  const east = radians(b.lon - a.lon) * Math.cos(radians(a.lat));
  const turn = Math.atan2(east, radians(b.lat - a.lat));
  return WINDS[(Math.round((turn / Math.PI) * 4) + 8) % 8] ?? "north";
}

/** Bytes as people read them: `3.4 MB`. */
export function bytesWords(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

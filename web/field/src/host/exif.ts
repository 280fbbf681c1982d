// When and where a picture itself says that it was taken. Loaded with the first picture: nothing else needs it.

import { parse } from "exifr/dist/mini.esm.mjs";

import type { Place } from "./contract.js";

/** What there is to read stands before the picture, in a JPEG's first segments of at most 64 KiB each. */
const HEAD_BYTES = 262_144;
/** What a clock that was never set says. */
const FROM_MS = Date.UTC(2000, 0);
const AHEAD_MAX_MS = 86_400_000;
/** EXIF 2.32: DateTimeOriginal, OffsetTimeOriginal. */
const TIME = 0x9003;
const OFFSET = 0x9011;
const WANTED = { exif: { pick: [TIME, OFFSET] }, gps: true, translateKeys: false, reviveValues: false, mergeOutput: false };

export interface Said {
  readonly takenAtMs?: number;
  readonly location?: Place;
}

/** Nothing of what is absent, damaged or absurd. */
export async function saidBy(file: Blob, nowMs: number): Promise<Said> {
  const head = await file.slice(0, HEAD_BYTES).arrayBuffer();
  const tags = await (parse(head, WANTED) as Promise<Tags | undefined>).catch(() => undefined);
  const takenAtMs = timeOf(tags?.exif?.[TIME], tags?.exif?.[OFFSET]);
  const location = placeOf(tags?.gps?.latitude, tags?.gps?.longitude);
  return {
    ...(takenAtMs >= FROM_MS && takenAtMs <= nowMs + AHEAD_MAX_MS ? { takenAtMs } : {}),
    ...(location ? { location } : {}),
  };
}

interface Tags {
  readonly exif?: Readonly<Record<number, unknown>>;
  readonly gps?: { readonly latitude?: unknown; readonly longitude?: unknown };
}

/** A time that names no offset is one of this phone's zone; NaN where there is none. */
function timeOf(time: unknown, offset: unknown): number {
  const zone = typeof offset === "string" && /^[+-]\d\d:\d\d$/.test(offset) ? offset : "";
  return Date.parse(String(time).trim().replace(/^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)$/, `$1-$2-$3T$4${zone}`));
}

function placeOf(lat: unknown, lon: unknown): Place | undefined {
  if (typeof lat !== "number" || typeof lon !== "number") return undefined;
  // Cameras that have found no place yet write noughts.
  const isPlace = Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && (lat !== 0 || lon !== 0);
  return isPlace ? { lat, lon } : undefined;
}

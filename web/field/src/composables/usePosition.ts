// Where the phone is, asked in the background: a save never waits for it.

import { onActivated, onBeforeUnmount, onDeactivated, shallowRef } from "vue";

import type { Place } from "../host/contract.js";

/** A position is one of the visit only so long after the form was begun, ms: it may be finished at home. */
const VISIT_MS = 15 * 60_000;

/** Beyond this a site's known place says more than the phone, m. */
const COARSE_M = 100;

/** A newer position stands beside a more accurate one that is older than this, ms. */
const STALE_MS = 30_000;

export function usePosition() {
  const place = shallowRef<Place>();
  const isDenied = shallowRef(false);
  let watching: number | undefined;
  let takenAtMs = 0;
  let isWanted = false;

  /** Begins to look; of positions at about the same time the most accurate stands. */
  function look(): void {
    isWanted = true;
    if (watching !== undefined || !navigator.geolocation) return;
    watching = navigator.geolocation.watchPosition(
      ({ coords }) => {
        const now = { lat: coords.latitude, lon: coords.longitude, accuracy_m: Math.round(coords.accuracy) };
        const isBetter = now.accuracy_m <= (place.value?.accuracy_m ?? Infinity);
        if (!isBetter && Date.now() - takenAtMs < STALE_MS) return;
        [place.value, takenAtMs] = [now, Date.now()];
      },
      (error) => (isDenied.value = error.code === error.PERMISSION_DENIED),
      { enableHighAccuracy: true, maximumAge: 30_000, timeout: 60_000 },
    );
  }

  function stop(): void {
    if (watching !== undefined) navigator.geolocation.clearWatch(watching);
    watching = undefined;
  }

  onActivated(() => isWanted && look());
  onDeactivated(stop);
  onBeforeUnmount(stop);
  return { place, isDenied, look };
}

/** Whether a form that was begun then is still being filled in where it was begun. */
export function isVisit(begunAtMs: number, nowMs: number): boolean {
  return nowMs - begunAtMs < VISIT_MS;
}

/** The place to write: where the phone was, unless it knew that only roughly and the site's own place is known. */
export function placeToWrite(phone: Place | null, site: Place | null): Place | undefined {
  const isRough = phone !== null && (phone.accuracy_m ?? 0) > COARSE_M;
  return (isRough ? (site ?? phone) : (phone ?? site)) ?? undefined;
}

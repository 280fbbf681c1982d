// Where the phone is, asked in the background: a save never waits for it.

import { onBeforeUnmount, shallowRef } from "vue";

import type { Place } from "../host/contract.js";

export function usePosition() {
  const place = shallowRef<Place>();
  const isDenied = shallowRef(false);
  let watching: number | undefined;

  /** Begins to look; the most accurate position so far stands. */
  function look(): void {
    if (watching !== undefined || !navigator.geolocation) return;
    watching = navigator.geolocation.watchPosition(
      ({ coords }) => {
        const now = { lat: coords.latitude, lon: coords.longitude, accuracy_m: Math.round(coords.accuracy) };
        if (!place.value || now.accuracy_m <= (place.value.accuracy_m ?? Infinity)) place.value = now;
      },
      (error) => (isDenied.value = error.code === error.PERMISSION_DENIED),
      { enableHighAccuracy: true, maximumAge: 30_000, timeout: 60_000 },
    );
  }

  onBeforeUnmount(() => {
    if (watching !== undefined) navigator.geolocation.clearWatch(watching);
  });
  return { place, isDenied, look };
}

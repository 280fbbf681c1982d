// The app's service worker, and a newer one beside it: installed, waiting, and taking over when somebody says so.

import { ref } from "vue";

export function useUpdate() {
  /** A newer app is on the phone and waits. */
  const isWaiting = ref(false);
  /** It has taken over, here or in another tab: this page is still the older one. */
  const isReplaced = ref(false);
  let waiting: ServiceWorker | undefined;

  function look(registration: ServiceWorkerRegistration): void {
    const next = registration.active ? (registration.waiting ?? undefined) : undefined;
    if (next === undefined || next === waiting) return;
    waiting = next;
    isWaiting.value = true;
    next.addEventListener("statechange", () => {
      if (next.state === "activated") isReplaced.value = true;
    });
  }

  async function register(): Promise<void> {
    const registration = await navigator.serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`);
    const watched = () => registration.installing?.addEventListener("statechange", () => look(registration));
    registration.addEventListener("updatefound", watched);
    watched();
    look(registration);
    // A phone keeps an app open for days: whoever comes back to it looks for a newer one.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void registration.update().catch(() => undefined);
    });
  }

  // Where there is none, or it cannot be fetched, the app works as long as it is open.
  if ("serviceWorker" in navigator) void register().catch(() => undefined);
  return { isWaiting, isReplaced, takeOver: () => waiting?.postMessage({ type: "SKIP_WAITING" }) };
}

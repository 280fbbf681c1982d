// The one connection of this page to its host, and what it says of itself.

import { readonly, shallowRef } from "vue";

import { connectHost } from "../host/connect.js";
import type { HostError, HostEvent, Status } from "../host/contract.js";

export const host = connectHost();

const status = shallowRef<Status>({
  phase: "starting",
  unsent: { versions: 0, photos: 0, photoBytes: 0 },
  attention: 0,
  isOfflineReady: false,
  isGuest: false,
});

host.subscribe((event) => {
  if (event.type === "status") status.value = event.status;
});

const failure = shallowRef("");

/** Resolves as soon as the host has said who is signed in, if anybody, or that it cannot. */
export const known: Promise<void> = host.status().then(
  (now) => void (status.value = now),
  (error: unknown) => void (failure.value = codeOf(error)),
);

/** Why the app could not begin so far: `no_room`, `no_storage`, or anything else. It goes on trying. */
export const useFailure = () => readonly(failure);

/** How the phone stands, always of this moment. */
export const useStatus = () => readonly(status);

/** Calls `changed` when records of these kinds have changed, or nobody knows which, until the returned function is called. */
export function onRecords(kinds: readonly string[], changed: () => void): () => void {
  return host.subscribe((event: HostEvent) => {
    if (event.type === "records" && (event.kinds.length === 0 || event.kinds.some((kind) => kinds.includes(kind)))) changed();
  });
}

/** The code of what a host's request was refused with. */
export function codeOf(error: unknown): string {
  return (error as Partial<HostError> | undefined)?.code ?? "unknown";
}

// The errors that reach a page: plain objects, for they cross from a worker to a tab. No words for people; the pages have
// those, by `code`.

import type { HostError } from "./contract.js";

/** A code of the server's problems, or one of the host's own, and what happened in words for a report. */
export function hostError(code: string, detail: string, retryAfterS?: number): HostError {
  return retryAfterS === undefined ? { code, detail } : { code, detail, retryAfterS };
}

export function isHostError(thrown: unknown): thrown is HostError {
  return typeof thrown === "object" && thrown !== null && !(thrown instanceof Error) && "code" in thrown && "detail" in thrown;
}

/** Whatever was thrown, as a page gets it. */
export function asHostError(thrown: unknown): HostError {
  if (isHostError(thrown)) return thrown;
  if (isOutOfRoom(thrown)) return hostError("no_room", "The phone's storage is full");
  // The engine throws errors with these members where an argument cannot be read.
  if (thrown instanceof Error && "code" in thrown && "detail" in thrown) return hostError(String(thrown.code), String(thrown.detail));
  const { name, message } = thrown instanceof Error ? thrown : { name: "Error", message: String(thrown) };
  return hostError("internal", `${name}: ${message}`);
}

/** Whether something was written that can be done at a later start as well; not where there was no room for it. */
export function whereRoom(writing: Promise<unknown>): Promise<boolean> {
  return writing.then(
    () => true,
    (error: unknown) => {
      if (!isOutOfRoom(error)) throw error;
      return false;
    },
  );
}

/** Why the app does not begin: the phone is full, its storage cannot be opened, or something else. */
export function startFailure(thrown: unknown): HostError {
  const error = asHostError(thrown);
  if (error.code === "no_room") return error;
  // At a start only the storage throws these.
  return hostError(thrown instanceof DOMException ? "no_storage" : "host_failed", error.detail);
}

/** Whether the browser has refused to store more. */
export function isOutOfRoom(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "QuotaExceededError";
}

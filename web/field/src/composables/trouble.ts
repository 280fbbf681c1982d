// Why nothing goes up or comes down, in words that an inspector understands.

import type { Status, Trouble } from "../host/contract.js";
import type { Translate } from "../i18n.js";

export function troubleWords(trouble: Trouble, t: Translate): string {
  if (trouble.why === "refused") return t("app.trouble.refused", { code: trouble.code });
  return t(`app.trouble.${trouble.why}`);
}

/** Whether nothing goes on until somebody signs in again: a revoked phone does so as a new one. */
export function mustSignIn({ trouble }: Status): boolean {
  return trouble?.why === "signed_out" || trouble?.why === "device_revoked";
}

/** For how many whole days there has been no contact. */
export function daysSince(ms: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - ms) / 86_400_000));
}

/** Beyond this a clock is said to be wrong, ms. */
const CLOCK_OFF_MS = 5 * 60_000;

/** Beyond this share of what the browser gives, room is said to run short: before it hurts. */
const STORAGE_SHORT = 0.8;
/** Some browsers name ten gigabytes whatever the phone has left: there, so much that can be freed is said, bytes. */
const FREEABLE_MUCH = 500_000_000;

export function isClockOff(status: Status): boolean {
  return Math.abs(status.clockAheadMs ?? 0) > CLOCK_OFF_MS;
}

export function isStorageShort({ storage }: Status): boolean {
  return storage !== undefined && (storage.usedBytes > STORAGE_SHORT * storage.quotaBytes || storage.freeableBytes > FREEABLE_MUCH);
}

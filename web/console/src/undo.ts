// What somebody has just done and may still take back: it is sent some seconds later, or at once when the next thing is done or
// the page goes. Until then the server has not heard of it, so that taking it back leaves no trace, and no number is used up.

import { shallowRef } from "vue";

import { complain } from "./ask.js";

/** How long there is to think better of it, ms. */
const REST_MS = 6_000;

interface Done {
  /** What was done, in words. */
  readonly words: string;
  readonly send: () => Promise<unknown>;
  /** Puts back what the page had taken away: it was taken back by hand, or did not work. */
  readonly back: (isByHand: boolean) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** The last thing that can be taken back. */
export const last = shallowRef<Done>();

export function later(words: string, send: () => Promise<unknown>, back: (isByHand: boolean) => void = () => undefined): void {
  sendNow();
  last.value = { words, send, back, timer: setTimeout(sendNow, REST_MS) };
}

/** Sends what waits. */
export function sendNow(): void {
  const done = last.value;
  if (!done) return;
  clearTimeout(done.timer);
  last.value = undefined;
  done.send().catch((error: unknown) => {
    done.back(false);
    complain(error);
  });
}

export function takeBack(): void {
  const done = last.value;
  if (!done) return;
  clearTimeout(done.timer);
  last.value = undefined;
  done.back(true);
}

addEventListener("pagehide", sendNow);

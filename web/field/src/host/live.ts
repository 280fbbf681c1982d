// Listening to the server's events (protocol: Events): a phone that is online hears how far the feed has moved, and pulls.
// An event says nothing but that; what is lost of them the next pull brings.

import type { Api } from "./api.js";
import type { Session } from "./session.js";

/** The server says something every 20 s; one that has said nothing for so long is gone. */
const SILENCE_MS = 60_000;
/** A stream that has ended is followed by a pull after at most so long, not by everybody's at once. */
const AGAIN_WITHIN_MS = 5_000;
/** After a refusal the phone asks from time to time instead, and tries to listen again after so long. */
const REFUSED_MS = 300_000;

export class Live {
  private isListening = false;
  private notBeforeMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly account: string,
    private readonly session: Session,
    private readonly api: Api,
    private readonly signal: AbortSignal,
    private readonly moved: (position?: number) => void,
    private readonly now: () => number,
  ) {
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  /** Listens, where it does not yet: the server has just answered. */
  listen(): void {
    if (this.isListening || this.signal.aborted || this.now() < this.notBeforeMs) return;
    this.isListening = true;
    void this.hear().finally(() => (this.isListening = false));
  }

  private async hear(): Promise<void> {
    const events = new Events(this.moved);
    const heard = (text: string) => events.take(text);
    try {
      const ask = { silenceMs: SILENCE_MS, signal: this.signal };
      const answer = await this.session.ask(this.account, (token) => this.api.hear("/events", { ...ask, token }, heard));
      if (answer.status !== 200) this.notBeforeMs = this.now() + REFUSED_MS;
    } catch {
      // No network, or no session: the round trips say so.
    }
    // The pull after the end of a stream begins the next one; where nothing was heard there is none to follow.
    if (events.count > 0 && !this.signal.aborted) this.timer = setTimeout(() => this.moved(), AGAIN_WITHIN_MS * Math.random());
  }
}

/** Reads a stream of events, however it is cut into pieces. */
export class Events {
  count = 0;
  private text = "";

  constructor(private readonly moved: (position?: number) => void) {}

  take(text: string): void {
    const blocks = (this.text + text).split("\n\n");
    this.text = blocks.pop() ?? "";
    const told = blocks.filter((block) => block.split("\n").includes("event: feed"));
    this.count += told.length;
    const newest = told.at(-1);
    if (newest !== undefined) this.moved(positionOf(newest));
  }
}

/** `undefined` where an event does not say it. */
function positionOf(event: string): number | undefined {
  const position = /^data: .*"position":(\d+)/m.exec(event)?.[1];
  return position === undefined ? undefined : Number(position);
}

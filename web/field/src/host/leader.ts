// Which tab holds the host: the one with the lock. It starts the worker, and another when that one breaks; when the tab goes
// away, so do lock and worker, and the next tab in the queue takes over. A tab that is frozen keeps the lock without
// answering: another may take it from there, and the store then refuses what the frozen one still writes (store.ts, Pen).

const LOCK = "hazard-field-host";
const RESTART_FIRST_MS = 500;
const RESTART_MAX_MS = 30_000;
/** A worker that ran so long was not broken from the start. */
const RAN_WELL_MS = 60_000;

/** Why a host cannot go on; `code` is for the pages. */
export type Broke = (why: string, code?: string) => void;

/** What tests put another thing in the place of. */
export interface Running {
  terminate(): void;
}

export interface Leading {
  /** Starts a host; `broke` is to be called when it cannot go on. */
  start(broke: Broke): Running;
  /** Whether this tab holds the host has changed. */
  holds(isHolder: boolean): void;
  /** The host broke; another is being started. */
  readonly broke: Broke;
}

export class Leader {
  private waiting = new AbortController();
  private running: Running | undefined;
  private restart: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly leading: Leading,
    private readonly locks: LockManager | undefined,
  ) {}

  /** Waits for its turn, then keeps a host running for as long as this tab lives. */
  queue(): void {
    // Without locks (or where they are forbidden) this tab is on its own.
    if (!this.locks) return this.begin();
    this.waiting = new AbortController();
    this.hold({ signal: this.waiting.signal });
  }

  /** Takes the lock away from a tab that holds it and does not answer. */
  steal(): void {
    if (!this.locks) return;
    this.waiting.abort();
    this.hold({ steal: true });
  }

  private hold(options: LockOptions): void {
    let isHeld = false;
    const forever = () => {
      isHeld = true;
      this.begin();
      return new Promise<never>(() => undefined);
    };
    // It ends only when another tab takes the lock, when this one gives up waiting in order to take it itself, or where
    // locks are forbidden.
    this.locks?.request(LOCK, options, forever).catch((error: unknown) => {
      if (isHeld) this.lost();
      else if (!(error instanceof DOMException && error.name === "AbortError")) this.begin();
    });
  }

  private begin(): void {
    this.leading.holds(true);
    this.run(RESTART_FIRST_MS);
  }

  /** Another tab has taken the lock. */
  private lost(): void {
    clearTimeout(this.restart);
    this.running?.terminate();
    this.running = undefined;
    this.leading.holds(false);
    this.queue();
  }

  private run(waitMs: number): void {
    const startedAtMs = performance.now();
    const running = this.leading.start((why, code) => {
      if (this.running !== running) return;
      running.terminate();
      this.leading.broke(why, code);
      const ranWell = performance.now() - startedAtMs > RAN_WELL_MS;
      const nextMs = ranWell ? RESTART_FIRST_MS : Math.min(waitMs * 2, RESTART_MAX_MS);
      this.restart = setTimeout(() => this.run(nextMs), waitMs);
    });
    this.running = running;
  }
}

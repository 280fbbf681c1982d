// Which tab holds the host: the one with the lock. It starts the worker, and another when that one breaks; when the tab goes
// away, so do lock and worker, and the next tab in the queue takes over.

const LOCK = "hazard-field-host";
const RESTART_FIRST_MS = 500;
const RESTART_MAX_MS = 30_000;
/** A worker that ran so long was not broken from the start. */
const RAN_WELL_MS = 60_000;

export interface Leading {
  /** This tab holds the host now. */
  begun(): void;
  /** The worker broke; another is started. */
  broke(error: string): void;
}

/** Waits for its turn, then keeps a worker running for as long as this tab lives. */
export function lead(start: () => Worker, leading: Leading): void {
  const forever = () => {
    leading.begun();
    keepRunning(start, leading, RESTART_FIRST_MS);
    return new Promise<never>(() => undefined);
  };
  // Without locks (or where they are forbidden) this tab is on its own.
  if (navigator.locks) navigator.locks.request(LOCK, forever).catch(() => undefined);
  else void forever();
}

function keepRunning(start: () => Worker, leading: Leading, waitMs: number): void {
  const startedAtMs = performance.now();
  const worker = start();
  worker.onerror = (event) => {
    event.preventDefault();
    worker.terminate();
    leading.broke(event.message ?? "The worker could not be started");
    const ranWell = performance.now() - startedAtMs > RAN_WELL_MS;
    const next = ranWell ? RESTART_FIRST_MS : Math.min(waitMs * 2, RESTART_MAX_MS);
    setTimeout(() => keepRunning(start, leading, next), waitMs);
  };
}

// When the next look is planned, on a clock that is moved by hand: the round trips alone, with nothing real behind them.

import { expect, it, vi } from "vitest";

import type { Api } from "../../src/host/api.js";
import type { Engine } from "../../src/host/engine.js";
import type { Session } from "../../src/host/session.js";
import { Sync, type SyncEvents } from "../../src/host/sync.js";
import type { Uploads } from "../../src/host/uploads.js";

const nothing = { changed: () => undefined, noted: () => undefined, whole: () => undefined, quiet: () => undefined, began: () => undefined, rested: () => undefined } satisfies SyncEvents;

it.each([1, 2, 3, 4, 5, 6, 7, 8])("a wait that ends after %s looks at the clock is over, and not forgotten for minutes", async (looks) => {
  vi.useFakeTimers();
  const client = { poll: () => undefined, waitMs: () => 0, renumber: () => [], photosToSend: () => ["photo"] };
  const engine = { client, exclusive: <T>(work: () => Promise<T>) => work() } as unknown as Engine;
  /** What is left of the wait after a part that fails; a timer may come a little early. */
  const left: number[] = [];
  const send = vi.fn(() => {
    left.push(...Array<number>(looks).fill(0.4));
    return Promise.resolve({ goesOn: false, trouble: { why: "network" as const, sinceMs: 0 } });
  });
  const uploads = { send, waitMs: () => left.shift() ?? 0, stop: () => undefined } as unknown as Uploads;
  const sync = new Sync(engine, { person: {} } as Session, {} as Api, uploads, new AbortController(), nothing, () => 0);

  await sync.run();
  expect(send).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(send.mock.calls.length).toBeGreaterThan(1);
  await sync.stop();
  vi.useRealTimers();
});

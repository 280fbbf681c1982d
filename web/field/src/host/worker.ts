// The worker in which the host runs: the engine's code, the stored data, the canvas and the network. One at a time, started
// by whichever tab holds the lock (leader.ts).

import init from "../../../wasm/pkg/sync_core.js";
import { startFailure } from "./errors.js";
import { FieldHost, type World } from "./host.js";
import { reduceOnCanvas } from "./picture.js";
import { CHANNEL, serve, type Message } from "./rpc.js";

async function begin(): Promise<void> {
  await init();
  const channel = new BroadcastChannel(CHANNEL);
  const say = (message: Message) => channel.postMessage(message);
  const world: World = { origin: location.origin, reduce: reduceOnCanvas, now: () => Date.now(), linkType, savesData, storage: readStorage, persist, broke };
  const host = await FieldHost.start(world, (event) => say({ to: "pages", event }));
  serve(host, channel);
  say({ to: "pages", begun: true });
}

/** Said to the tab that started this worker, as an error that nobody caught: it starts another. */
function broke(why: unknown): void {
  setTimeout(() => {
    throw why instanceof Error ? why : new Error(String(why));
  });
}

// A trap in the engine leaves it in no state that could be relied on; everything that was saved is on the disk.
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof WebAssembly.RuntimeError) broke(event.reason);
});

function savesData(): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}

function linkType(): string | undefined {
  // Not in every browser, and not in the declarations of the others.
  const { connection } = navigator as { connection?: { effectiveType?: string } };
  return connection?.effectiveType;
}

async function readStorage(): ReturnType<NonNullable<World["storage"]>> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  return { usedBytes: usage, quotaBytes: quota, isPersistent: await navigator.storage.persisted() };
}

async function persist(): Promise<boolean> {
  // Workers may look whether storage is kept, but only a page may ask for it (connect.ts).
  return navigator.storage.persisted();
}

begin().catch((error: unknown) => postMessage(startFailure(error)));

// The worker in which the host runs: the engine's code, the stored data, the canvas and the network. One at a time, started
// by whichever tab holds the lock (leader.ts).

import init from "../../../wasm/pkg/sync_core.js";
import type { Status } from "./contract.js";
import { FieldHost } from "./host.js";
import { reduceOnCanvas } from "./picture.js";
import { CHANNEL, serve, type Message } from "./rpc.js";

async function begin(): Promise<void> {
  await init();
  const channel = new BroadcastChannel(CHANNEL);
  const say = (message: Message) => channel.postMessage(message);
  const world = { origin: location.origin, reduce: reduceOnCanvas, now: () => Date.now(), storage: readStorage, persist };
  const host = await FieldHost.start(world, (event) => say({ to: "pages", event }));
  serve(host, channel);
  say({ to: "pages", begun: crypto.randomUUID() });
}

async function readStorage(): Promise<Status["storage"]> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  return { usedBytes: usage, quotaBytes: quota, isPersistent: await navigator.storage.persisted() };
}

async function persist(): Promise<boolean> {
  // Workers may look whether storage is kept, but only a page may ask for it (connect.ts).
  return navigator.storage.persisted();
}

// What cannot begin is said to the tab that started it, which starts another.
begin().catch((error: unknown) => {
  setTimeout(() => {
    throw error;
  });
});

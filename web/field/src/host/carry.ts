// What waits, as a file for the office, and the office's receipts for it (protocol: Batch as a file).

import type { CarriedArchive } from "./contract.js";
import type { Person } from "./device.js";
import type { Changed, Engine } from "./engine.js";
import { hostError } from "./errors.js";

/** A ZIP archive with the sealed batch, and the pictures beside it. */
export async function carry(engine: Engine, person: Person, nowMs: number): Promise<CarriedArchive> {
  const deviceId = person.deviceId;
  if (deviceId === undefined) throw hostError("device_revoked", "This phone is no device of the account any more");
  const carried = await engine.exclusive(async () => engine.client.carry(person.sealKey, person.accountId, deviceId, nowMs));
  const { Zip, ZipPassThrough, strToU8 } = await import("fflate");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const zip = new Zip((error, part) => {
    if (error) throw error;
    parts.push(new Uint8Array(part));
  });
  const add = (name: string, bytes: Uint8Array) => {
    const entry = new ZipPassThrough(name);
    zip.add(entry);
    entry.push(bytes, true);
  };
  add("batch", strToU8(carried.text));
  let lostPictures = 0;
  for (const hash of carried.photos) {
    const bytes = await engine.db.get("pictures", hash);
    if (bytes) add(`photos/${hash}`, new Uint8Array(bytes));
    else lostPictures += 1;
  }
  zip.end();
  const day = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  const file = new Blob(parts, { type: "application/zip" });
  return { file, name: `hazard-${person.username}-${day}.zip`, isWhole: carried.is_whole, lostPictures };
}

/** Takes in the office's receipts; how many versions they settle, and how many of those a person must look at. */
export async function takeReceipts(engine: Engine, person: Person, text: string): Promise<{ accepted: number; attention: number; changed: Changed }> {
  return engine.exclusive(async () => {
    const effects = opened(engine, person, text);
    const changed = await engine.commit(effects);
    const settled = effects.flatMap((effect) => (effect.effect === "settle" ? [effect.outcome.first ?? effect.outcome.verdict] : []));
    const attention = settled.filter((verdict) => verdict === "quarantined" || verdict === "later").length;
    return { accepted: settled.length - attention, attention, changed };
  });
}

function opened(engine: Engine, person: Person, text: string) {
  try {
    return engine.client.takeReceipts(person.sealKey, text);
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string };
    throw hostError(code === "forged_file" ? "file_forged" : "file_unreadable", detail ?? String(error));
  }
}

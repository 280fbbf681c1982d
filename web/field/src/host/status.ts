// What every page may show at its top, from what the parts of the host know.

import type { Account } from "./account.js";
import type { MapKept, Session as ShownSession, Status } from "./contract.js";
import type { Person } from "./device.js";
import { isLost } from "./ledger.js";
import type { Session } from "./session.js";
import type { PhotoEntry } from "./store.js";

export interface StatusParts {
  readonly phase: Status["phase"];
  readonly account: Account | undefined;
  readonly session: Session;
  readonly hasShell: boolean;
  readonly reading: Status["work"];
  readonly storage: Status["storage"];
  readonly people: readonly Person[];
  readonly map: MapKept | undefined;
}

export function statusOf({ phase, account, session, hasShell, reading, storage, people, map }: StatusParts): Status {
  const sync = account?.sync;
  const shown = account && shownSession(session, account);
  const work = reading ?? sync?.work;
  const trouble = session.person && session.ended ? { why: session.ended } : (sync?.trouble ?? damagedPhoto(account));
  const others = people.filter((each) => each.unsent > 0 && each.accountId !== session.person?.accountId);
  return {
    phase,
    ...(shown ? { session: shown } : {}),
    ...(work ? { work } : {}),
    unsent: unsentOf(account),
    attention: attentionOf(account),
    ...(account && account.engine.apart > 0 ? { apart: account.engine.apart } : {}),
    ...(others.length > 0 ? { others: others.map(({ name, username, unsent }) => ({ name, username, unsent })) } : {}),
    ...(trouble ? { trouble } : {}),
    ...(sync?.lastContactMs === undefined ? {} : { lastContactMs: sync.lastContactMs }),
    ...(sync?.clockAheadMs === undefined ? {} : { clockAheadMs: sync.clockAheadMs }),
    ...(storage ? { storage } : {}),
    ...(map ? { map } : {}),
    isOfflineReady: phase === "ready" && hasShell && (account?.isComplete ?? false),
    isGuest: false,
  };
}

function shownSession(session: Session, account: Account): ShownSession | undefined {
  const person = session.person;
  if (!person) return undefined;
  const nameOf = (id: string) => String(account.engine.ledger.get(id)?.values["name"] ?? id);
  return {
    accountId: person.accountId,
    name: person.name,
    username: person.username,
    role: person.role,
    township: person.township,
    villages: person.villages.map((id) => ({ id, name: nameOf(id) })),
    deviceName: person.deviceName,
  };
}

function unsentOf(account: Account | undefined): Status["unsent"] {
  if (!account) return { versions: 0, photos: 0, photoBytes: 0 };
  const kept = [...account.engine.ledger.photos.values()].filter((photo) => photo.state === "kept" || isUnseen(photo));
  const photoBytes = kept.reduce((sum, photo) => sum + photo.bytes, 0);
  return { versions: account.engine.written.waiting, photos: kept.length, photoBytes };
}

function damagedPhoto(account: Account | undefined): Status["trouble"] {
  for (const photo of account?.engine.ledger.photos.values() ?? []) if (isUnseen(photo)) return { why: "damaged_photo", hash: photo.hash };
  return undefined;
}

function attentionOf(account: Account | undefined): number {
  if (!account) return 0;
  const { ledger, written } = account.engine;
  const records = new Set(written.attention().map((id) => ledger.spokenOf(id)));
  for (const photo of ledger.photos.values()) if (isUnseen(photo)) for (const subject of ledger.subjects(photo.hash)) records.add(subject);
  return records.size;
}

function isUnseen(photo: PhotoEntry): boolean {
  return photo.state === "damaged" && !isLost(photo);
}

// Everything that belongs to one account while it is open: its engine, its photos and its round trips.

import type { Api } from "./api.js";
import { Engine, type Changed, type Opening } from "./engine.js";
import { Link } from "./link.js";
import { Live } from "./live.js";
import { Photos } from "./photos.js";
import type { Reduce } from "./picture.js";
import type { Session } from "./session.js";
import { Sync } from "./sync.js";
import { Uploads } from "./uploads.js";

export interface AccountEvents extends Opening {
  changed(changed: Changed, isLong: boolean): void;
  noted(): void;
  /** A round trip begins, or none is under way any more. */
  began(): void;
  rested(): void;
}

/** What an account needs of the world (host.ts). */
export interface AccountWorld {
  readonly reduce: Reduce;
  now(): number;
  linkType?(): string | undefined;
}

export class Account {
  /** Everything that the server had was received, at least once. */
  wasPulled = false;
  /** Beyond that nothing was left to compare, at least once. */
  isComplete = false;

  private constructor(
    readonly engine: Engine,
    readonly photos: Photos,
    readonly sync: Sync,
  ) {}

  static async open(id: string, session: Session, api: Api, world: AccountWorld, events: AccountEvents): Promise<Account> {
    const now = () => world.now();
    const engine = await Engine.open(id, now, events);
    const photos = new Photos(engine, session, api, world.reduce, now);
    const stopping = new AbortController();
    const link = new Link(() => world.linkType?.());
    const moved = (hash: string) => events.changed(subjectsOf(engine, hash), false);
    const uploads = Uploads.open(engine, session, api, link, moved, now);
    let account: Account | undefined;
    const live = new Live(id, session, api, stopping.signal, (position) => void sync.moved(position), now);
    const quiet = async () => {
      live.listen();
      await account?.noteQuiet();
    };
    const sync: Sync = new Sync(engine, session, api, uploads, stopping, { ...events, whole: () => account?.noteWhole(), quiet }, now);
    account = new Account(engine, photos, sync);
    account.wasPulled = (await engine.db.get("meta", "was_pulled")) === true;
    account.isComplete = (await engine.db.get("meta", "was_complete")) === true;
    const contact = await engine.db.get("meta", "last_contact");
    if (typeof contact === "number") sync.lastContactMs = contact;
    await photos.dropOrphans();
    return account;
  }

  private noteWhole(): void {
    this.wasPulled = true;
  }

  private async noteQuiet(): Promise<void> {
    if (this.isComplete || !this.wasPulled) return;
    await this.engine.write(["meta"], (tx) => [tx.objectStore("meta").put(true, "was_complete")]);
    this.isComplete = true;
  }

  /** Versions and photos without a receipt, but for what can never get one. */
  unsent(): number {
    return this.engine.written.waiting + this.engine.client.photosUnsent() - this.engine.ledger.lostPhotos;
  }

  /** Everything is here and everything is sent: what can wait may have its turn. */
  get isAtRest(): boolean {
    return this.wasPulled && this.sync.isAtRest && this.unsent() === 0;
  }

  async close(): Promise<void> {
    await this.sync.stop();
    await this.engine.exclusive(async () => this.engine.close());
  }
}

/** The records whose rows show a photo. */
function subjectsOf(engine: Engine, hash: string): Changed {
  const changed: Changed = { kinds: new Set(), ids: new Set() };
  for (const subject of engine.ledger.subjects(hash)) {
    changed.kinds.add(engine.ledger.get(subject)?.kind ?? "photo");
    changed.ids.add(subject);
  }
  return changed;
}

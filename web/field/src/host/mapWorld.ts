// What the keeper of the map sees of the rest of the host.

import type { Account } from "./account.js";
import type { Api } from "./api.js";
import type { Place, Status } from "./contract.js";
import { hostError } from "./errors.js";
import { isBadLink } from "./link.js";
import type { MapWorld } from "./mapKeeper.js";
import type { Session } from "./session.js";

/** Kinds of records that have a place. */
const PLACED = ["village", "site", "hazard"];

export interface MapParts {
  readonly api: Api;
  readonly session: Session;
  readonly world: {
    now(): number;
    linkType?(): string | undefined;
    savesData?(): boolean;
    storage?(): Promise<Omit<NonNullable<Status["storage"]>, "freeableBytes">>;
  };
  account(): Account | undefined;
  noted(): void;
}

export function mapWorld({ api, session, world, account, noted }: MapParts): MapWorld {
  return {
    noted,
    now: () => world.now(),
    isAtRest: () => account()?.isAtRest ?? false,
    places: () => placesOf(account(), session.person?.villages ?? []),
    isDear: () => (world.savesData?.() ?? false) || isBadLink({ wasCut: false, type: world.linkType?.() }),
    async ask(path, signal) {
      const person = session.person;
      if (!person) throw hostError("signed_out", "Nobody is signed in");
      return session.ask(person.accountId, (token) => api.ask(path, { token, signal }));
    },
    async roomBytes() {
      const storage = await world.storage?.().catch(() => undefined);
      return storage && storage.quotaBytes - storage.usedBytes;
    },
  };
}

/** The places of the own villages and of what is in them; of somebody without a village, of everything. */
function placesOf(account: Account | undefined, villages: readonly string[]): Place[] {
  if (!account?.wasPulled) return [];
  const isOwn = (village: string | undefined) => villages.length === 0 || (village !== undefined && villages.includes(village));
  const rows = PLACED.flatMap((kind) => [...account.engine.ledger.ofKind(kind)]);
  return rows.flatMap((row) => {
    const place = row.values["location"] as unknown as Partial<Place> | undefined;
    const isThere = typeof place?.lat === "number" && typeof place.lon === "number";
    return isThere && !row.isVoided && isOwn(row.kind === "village" ? row.id : row.village) ? [place as Place] : [];
  });
}

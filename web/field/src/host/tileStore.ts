// Tiles of the map as this phone keeps them, in a database of their own: they are nobody's records, and can be fetched again.

import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { MapFacts } from "./contract.js";

const NAME = "hazard-map";

interface StoredTile {
  readonly bytes: ArrayBuffer;
  readonly type: string;
}

interface TileSchema extends DBSchema {
  tiles: { key: string; value: StoredTile };
  /** Tiles that the map has not. */
  absent: { key: string; value: true };
  /** `facts`; `bytes` of all tiles together; `removed`: somebody wants none on this phone. */
  meta: { key: "facts" | "bytes" | "removed"; value: MapFacts | number | boolean };
}

/** Gives all of it up, unopened. A tab that does not let it go is not waited for. */
export function deleteTiles(): Promise<void> {
  return new Promise((resolve, reject) => void deleteDB(NAME, { blocked: () => resolve() }).then(resolve, reject));
}

export class TileStore {
  private constructor(
    private readonly db: IDBPDatabase<TileSchema>,
    private readonly kept: Set<string>,
    private readonly absent: Set<string>,
    public facts: MapFacts | undefined,
    public bytes: number,
    public isRemoved: boolean,
  ) {}

  static async open(): Promise<TileStore> {
    const db = await openDB<TileSchema>(NAME, 1, {
      upgrade(db) {
        db.createObjectStore("tiles");
        db.createObjectStore("absent");
        db.createObjectStore("meta");
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
      },
    });
    const [kept, absent] = await Promise.all([db.getAllKeys("tiles"), db.getAllKeys("absent")]);
    const [facts, bytes, removed] = await Promise.all([db.get("meta", "facts"), db.get("meta", "bytes"), db.get("meta", "removed")]);
    const known = typeof facts === "object" ? facts : undefined;
    return new TileStore(db, new Set(kept), new Set(absent), known, typeof bytes === "number" ? bytes : 0, removed === true);
  }

  close(): void {
    this.db.close();
  }

  get count(): number {
    return this.kept.size;
  }

  /** Whether nothing is to be asked of this tile: it is here, or the map has it not. */
  isKnown(name: string): boolean {
    return this.kept.has(name) || this.absent.has(name);
  }

  async tile(name: string): Promise<Blob | undefined> {
    const found = this.kept.has(name) ? await this.db.get("tiles", name) : undefined;
    return found && new Blob([found.bytes], { type: found.type });
  }

  async put(name: string, tile: StoredTile): Promise<void> {
    const bytes = this.bytes + tile.bytes.byteLength;
    const tx = this.db.transaction(["tiles", "meta"], "readwrite", { durability: "relaxed" });
    await Promise.all([tx.objectStore("tiles").put(tile, name), tx.objectStore("meta").put(bytes, "bytes"), tx.done]);
    this.kept.add(name);
    this.bytes = bytes;
  }

  async putAbsent(name: string): Promise<void> {
    await this.db.put("absent", true, name);
    this.absent.add(name);
  }

  /** The map that the tiles from now on are of. Those of another are removed with it. */
  async putFacts(facts: MapFacts): Promise<void> {
    if (this.facts && this.facts.id !== facts.id) await this.clear();
    await this.db.put("meta", facts, "facts");
    this.facts = facts;
  }

  /** Removes the tiles that are not among these. */
  async keepOnly(wanted: ReadonlySet<string>): Promise<void> {
    const gone = [...this.kept].filter((name) => !wanted.has(name));
    for (const name of gone) {
      const bytes = this.bytes - ((await this.db.get("tiles", name))?.bytes.byteLength ?? 0);
      const tx = this.db.transaction(["tiles", "meta"], "readwrite", { durability: "relaxed" });
      await Promise.all([tx.objectStore("tiles").delete(name), tx.objectStore("meta").put(bytes, "bytes"), tx.done]);
      this.kept.delete(name);
      this.bytes = bytes;
    }
  }

  /** Whether somebody wants no map on this phone. */
  async setRemoved(isRemoved: boolean): Promise<void> {
    if (this.isRemoved === isRemoved) return;
    await this.db.put("meta", isRemoved, "removed");
    this.isRemoved = isRemoved;
  }

  /** Removes all tiles; gives back how many bytes they had. The facts stay, for they say that there is a map. */
  async clear(): Promise<number> {
    const bytes = this.bytes;
    const tx = this.db.transaction(["tiles", "absent", "meta"], "readwrite", { durability: "relaxed" });
    await Promise.all([tx.objectStore("tiles").clear(), tx.objectStore("absent").clear(), tx.objectStore("meta").delete("bytes"), tx.done]);
    this.kept.clear();
    this.absent.clear();
    this.bytes = 0;
    return bytes;
  }

  /** The server has no map any more. */
  async forget(): Promise<void> {
    await this.clear();
    await this.db.delete("meta", "facts");
    this.facts = undefined;
  }
}

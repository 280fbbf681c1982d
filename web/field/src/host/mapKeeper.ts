// Keeps the tiles of the map around this phone's places: fetched one at a time when nothing else is to be done, given up as
// soon as something is, and gone on with at the next rest. Loaded when it is first needed, for no record waits for it.

import { problemOf, type Answer } from "./api.js";
import type { MapFacts, MapKept, Place } from "./contract.js";
import { isOutOfRoom } from "./errors.js";
import { TileStore } from "./tileStore.js";
import { wantedTiles } from "./tiles.js";

export { deleteTiles } from "./tileStore.js";

/** Bytes of all tiles at most. */
export const TILE_BYTES_MAX = 48_000_000;
/** What the map is is asked so often. */
const FACTS_EVERY_MS = 3_600_000;
/** Without so much room left nothing is fetched unasked, bytes. */
const ROOM_MIN = 100_000_000;
/** A server that is asked too often is waited for so long at most, ms. */
const WAIT_MAX_MS = 60_000;

/** What the keeper needs of the host. */
export interface MapWorld {
  /** Asks the server in the name of whoever is signed in; throws where there is no answer. */
  ask(path: string, signal: AbortSignal): Promise<Answer>;
  /** The places of the sites and hazards that this phone has; none before everything was received. */
  places(): readonly Place[];
  /** Nothing that matters more is under way. */
  isAtRest(): boolean;
  /** Somebody has to pay for what is fetched unasked, or it would take too long. */
  isDear(): boolean;
  roomBytes(): Promise<number | undefined>;
  noted(): void;
  now(): number;
}

export class MapKeeper {
  private stopping = new AbortController();
  private running: Promise<void> | undefined;
  /** Somebody has pressed the button, and it is not done yet. */
  private isAsked = false;
  private isClosed = false;
  private factsAtMs = -Infinity;
  private wanted: readonly string[] = [];

  private constructor(
    private readonly store: TileStore,
    private readonly world: MapWorld,
  ) {}

  static async open(world: MapWorld): Promise<MapKeeper> {
    return new MapKeeper(await TileStore.open(), world);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.giveWay();
    await this.running;
    this.store.close();
  }

  get facts(): MapFacts | undefined {
    return this.store.facts;
  }

  get kept(): MapKept {
    const { facts, count, bytes, isRemoved } = this.store;
    const isFetching = this.running !== undefined && this.wanted.length > 0;
    return {
      hasMap: facts !== undefined,
      tiles: count,
      bytes,
      isRemoved,
      ...(isFetching ? { fetching: { done: this.wanted.filter((name) => this.store.isKnown(name)).length, total: this.wanted.length } } : {}),
      ...(this.isAsked && !isFetching ? { isWaiting: true } : {}),
    };
  }

  /** Those of the tiles that are here. */
  tiles(names: readonly string[]): Promise<readonly (Blob | undefined)[]> {
    return Promise.all(names.map((name) => this.store.tile(name)));
  }

  /** Nothing else is to be done at the moment. */
  rest(): void {
    if (this.running || this.isClosed || !this.world.isAtRest()) return;
    this.stopping = new AbortController();
    const { signal } = this.stopping;
    this.running = this.work(signal).finally(() => {
      this.running = undefined;
      this.world.noted();
      // What made it give way may have come to its end before this did.
      if (signal.aborted) this.rest();
    });
  }

  /** Something else is to be done. */
  giveWay(): void {
    this.stopping.abort();
  }

  /** Somebody wants the map on this phone, whatever it costs. */
  async want(): Promise<void> {
    await this.store.setRemoved(false);
    this.isAsked = true;
    this.factsAtMs = -Infinity;
    this.rest();
  }

  /** Removes the tiles, and fetches none until somebody wants them. Gives back how many bytes. */
  async remove(): Promise<number> {
    this.isAsked = false;
    // On a full disk the mark may not be taken before there is room.
    const isMarked = await this.store.setRemoved(true).then(() => true, () => false);
    this.giveWay();
    await this.running;
    const bytes = await this.store.clear();
    if (!isMarked) await this.store.setRemoved(true);
    this.world.noted();
    return bytes;
  }

  private async work(signal: AbortSignal): Promise<void> {
    try {
      if (!this.isAsked && !(await this.mayUnasked())) return;
      const isWhole = (await this.lookUp(signal)) && (await this.fetchAll(signal));
      if (isWhole) this.isAsked = false;
    } catch (error) {
      // Without a network, or without room: what is here stays, and is gone on from later.
      if (isOutOfRoom(error)) this.isAsked = false;
    }
  }

  private async mayUnasked(): Promise<boolean> {
    if (this.store.isRemoved || this.world.isDear()) return false;
    const room = await this.world.roomBytes();
    return room === undefined || room > ROOM_MIN;
  }

  /** Whether there is a map, as the server says now and then. */
  private async lookUp(signal: AbortSignal): Promise<boolean> {
    if (this.world.now() - this.factsAtMs < FACTS_EVERY_MS) return this.store.facts !== undefined;
    const answer = await this.world.ask("/map", signal);
    if (answer.status !== 200 && answer.status !== 404) return false;
    // What is none of the server's own says nothing of its map.
    if (answer.status === 404 && problemOf(answer).code !== "not_found") return false;
    this.factsAtMs = this.world.now();
    if (answer.status === 404) await this.store.forget();
    else await this.store.putFacts(JSON.parse(new TextDecoder().decode(answer.body)) as MapFacts);
    if (answer.status === 404) this.isAsked = false;
    this.world.noted();
    return answer.status === 200;
  }

  /** Whether everything that is wanted is here. */
  private async fetchAll(signal: AbortSignal): Promise<boolean> {
    const { facts } = this.store;
    const places = this.world.places();
    if (!facts || places.length === 0) return false;
    this.wanted = wantedTiles(places, facts);
    await this.store.keepOnly(new Set(this.wanted));
    for (const name of this.wanted) {
      if (this.store.isKnown(name)) continue;
      if (this.store.bytes >= TILE_BYTES_MAX) return true;
      if (signal.aborted || !(await this.fetchOne(facts.id, name, signal))) return false;
      this.world.noted();
    }
    return true;
  }

  /** Whether it is known now what there is of this tile. */
  private async fetchOne(map: string, name: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.world.ask(`/map/${map}/${name}`, signal);
    if (answer.status === 200) {
      await this.store.put(name, { bytes: answer.body.buffer, type: answer.headers.get("content-type") ?? "image/png" });
      return true;
    }
    const problem = problemOf(answer);
    if (answer.status === 429) {
      await rested(Math.min(WAIT_MAX_MS, (problem.retryAfterS ?? 1) * 1_000), signal);
      return this.fetchOne(map, name, signal);
    }
    if (answer.status !== 404 || problem.code !== "not_found") return false;
    return this.isStill(map, name, signal);
  }

  /** A tile is not there: the map has it not, or the map is another by now. */
  private async isStill(map: string, name: string, signal: AbortSignal): Promise<boolean> {
    this.factsAtMs = -Infinity;
    if (!(await this.lookUp(signal)) || this.store.facts?.id !== map) return false;
    await this.store.putAbsent(name);
    return true;
  }
}

/** Resolves after a while, or fails as soon as it is given up. */
function rested(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      clearTimeout(timer);
      reject(new DOMException("Given up", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", gone);
      resolve();
    }, ms);
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  });
}

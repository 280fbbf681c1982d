// The tiles of the map that lie under a plane, as far as this phone keeps them; where one is not here, a coarser one that is.

import { computed, onBeforeUnmount, shallowRef, watch, type Ref } from "vue";

import type { MapFacts } from "../host/contract.js";
import { namesOf, tilesOf } from "../host/tiles.js";
import { host, useStatus } from "./host.js";
import { pixelAt, worldPx, type Plane } from "./plainMap.js";

/** Pixels of a tile's side, where it is shown as it is. */
const TILE_PX = 256;
/** So many levels above a tile that is not here one is looked for. */
const COARSER_MAX = 4;
/** More tiles than this are not laid: the plane shows far more than the map is made for. */
const LAID_MAX = 80;
/** Pictures that are held, beyond what is to be seen. */
const HELD_MAX = 240;
/** How long a movement may go on before tiles are asked for, ms. */
const ASK_AFTER_MS = 60;

/** A tile on the plane, px. */
export interface LaidTile {
  readonly name: string;
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** The names of the tiles that fill a plane, of the level that fits its scale best. */
export function tilesUnder(plane: Plane, facts: MapFacts): string[] {
  const fitting = Math.round(Math.log2(worldPx(plane) / TILE_PX));
  const zoom = Math.max(facts.min_zoom, Math.min(facts.max_zoom, fitting));
  const middle = pixelAt(plane, { x: 0, y: 0 });
  const part = (px: number) => px / worldPx(plane);
  const box = { west: part(-middle.x), east: part(plane.width - middle.x), north: part(-middle.y), south: part(plane.height - middle.y) };
  const range = tilesOf(box, zoom);
  const count = (range.columns[1] - range.columns[0] + 1) * (range.rows[1] - range.rows[0] + 1);
  return count > LAID_MAX ? [] : namesOf(range, zoom);
}

/** A tile and those above it in which it lies, the nearest first. */
export function withCoarser(name: string, minZoom: number): string[] {
  const [zoom = 0, column = 0, row = 0] = name.split("/").map(Number);
  const levels = Math.min(COARSER_MAX, zoom - minZoom);
  return Array.from({ length: levels + 1 }, (_, up) => `${zoom - up}/${column >> up}/${row >> up}`);
}

/** Where a tile lies on a plane. */
export function laid(plane: Plane, name: string): LaidTile {
  const [zoom = 0, column = 0, row = 0] = name.split("/").map(Number);
  const parts = 2 ** zoom;
  return { name, zoom, side: worldPx(plane) / parts, ...pixelAt(plane, { x: column / parts, y: row / parts }) };
}

/** What is laid for these tiles where only some are here: the coarse ones first, so that finer ones cover them. */
export function chosen(names: readonly string[], minZoom: number, isHere: (name: string) => boolean): string[] {
  const found = new Set(names.flatMap((name) => withCoarser(name, minZoom).find(isHere) ?? []));
  const zoomOf = (name: string) => Number(name.split("/")[0]);
  return [...found].sort((a, b) => zoomOf(a) - zoomOf(b));
}

export function useTiles(plane: Ref<Plane | undefined>) {
  const status = useStatus();
  const facts = shallowRef<MapFacts>();
  /** Addresses of pictures by the names of their tiles; `undefined`: not here. */
  const pictures = shallowRef<ReadonlyMap<string, string | undefined>>(new Map());
  const names = computed(() => (plane.value && facts.value ? tilesUnder(plane.value, facts.value) : []));
  const tiles = computed(() => {
    const [at, map] = [plane.value, facts.value];
    if (!at || !map) return [];
    const here = chosen(names.value, map.min_zoom, (name) => pictures.value.get(name) !== undefined);
    return here.map((name) => ({ ...laid(at, name), url: pictures.value.get(name) ?? "" }));
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isGone = false;

  function drop(isDropped: (name: string, url: string | undefined) => boolean): void {
    const rest = new Map(pictures.value);
    for (const [name, url] of rest) {
      if (!isDropped(name, url)) continue;
      if (url !== undefined) URL.revokeObjectURL(url);
      rest.delete(name);
    }
    pictures.value = rest;
  }

  async function ask(): Promise<void> {
    const map = facts.value;
    if (!map) return;
    const needed = new Set(names.value.flatMap((name) => withCoarser(name, map.min_zoom)));
    if (pictures.value.size > HELD_MAX) drop((name) => !needed.has(name));
    const asked = [...needed].filter((name) => !pictures.value.has(name));
    if (asked.length === 0) return;
    const got = await host.mapTiles(asked).catch(() => []);
    if (isGone || facts.value?.id !== map.id) return;
    const more = new Map(pictures.value);
    for (const [at, name] of asked.entries()) if (!more.has(name)) more.set(name, got[at] && URL.createObjectURL(got[at]));
    pictures.value = more;
  }

  async function lookUp(): Promise<void> {
    const found = await host.mapFacts().catch(() => undefined);
    if (isGone) return;
    if (found?.id !== facts.value?.id) drop(() => true);
    facts.value = found;
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), ASK_AFTER_MS);
  };
  watch(names, soon);
  // Tiles come while somebody looks, or are removed.
  watch(
    () => status.value.map?.tiles,
    async (count, before) => {
      drop((_, url) => url === undefined || (count ?? 0) < (before ?? 0));
      await lookUp();
      soon();
    },
  );
  void lookUp();
  onBeforeUnmount(() => {
    isGone = true;
    clearTimeout(timer);
    drop(() => true);
  });
  return { tiles, facts };
}

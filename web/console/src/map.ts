// The parts of Leaflet that the desk draws with, loaded when a map is first opened; what lies close together, in clusters; and
// the server's own tiles.

import { control, DomUtil, GridLayer, type Coords, type DoneCallback, type Map as LeafletMap } from "leaflet";
import "leaflet/dist/leaflet.css";

import { get, image, Problem } from "./api.js";

export { circleMarker, divIcon, featureGroup, latLngBounds, map, marker } from "leaflet";
export type { Map as LeafletMap } from "leaflet";

/** Places closer than this are one, pixels. */
const CLUSTER_PX = 46;

export interface Spot<Item> {
  lat: number;
  lon: number;
  items: Item[];
}

/** What lies within one square of the screen at a zoom is one spot, in the middle of what is there. */
export function clustered<Item extends { lat: number; lon: number }>(items: readonly Item[], toPixels: (lat: number, lon: number) => { x: number; y: number }): Spot<Item>[] {
  const spots = new Map<string, Spot<Item>>();
  for (const item of items) {
    const { x, y } = toPixels(item.lat, item.lon);
    const key = `${Math.floor(x / CLUSTER_PX)} ${Math.floor(y / CLUSTER_PX)}`;
    const spot = spots.get(key);
    if (spot) spot.items.push(item);
    else spots.set(key, { lat: item.lat, lon: item.lon, items: [item] });
  }
  for (const spot of spots.values()) {
    spot.lat = mean(spot.items.map((item) => item.lat));
    spot.lon = mean(spot.items.map((item) => item.lon));
  }
  return [...spots.values()];
}

const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** Plain squares where there are no tiles: one knows how far one has moved. */
export class PlainGrid extends GridLayer {
  override createTile(_: Coords): HTMLElement {
    return DomUtil.create("div", "plain-square");
  }
}

/** What the background map on the server is (protocol: The map). */
interface MapFacts {
  id: string;
  attribution: string | null;
  bounds: [number, number, number, number] | null;
  min_zoom: number;
  max_zoom: number;
}

/** The map's own tiles, which are asked for in the name of whoever has signed in; where there is none, the squares are seen. */
class ServerTiles extends GridLayer {
  constructor(private readonly facts: MapFacts) {
    const { bounds, min_zoom, max_zoom } = facts;
    super({
      minNativeZoom: min_zoom,
      maxNativeZoom: max_zoom,
      // Beside coarser tiles than these a screen would need thousands.
      minZoom: Math.max(0, min_zoom - 1),
      ...(bounds ? { bounds: [[bounds[1], bounds[0]], [bounds[3], bounds[2]]] } : {}),
    });
  }

  override createTile({ x, y, z }: Coords, done: DoneCallback): HTMLElement {
    const tile = DomUtil.create("img", "map-tile");
    tile.alt = "";
    image(`/map/${this.facts.id}/${z}/${x}/${y}`).then(
      (blob) => {
        const url = URL.createObjectURL(blob);
        const shown = () => {
          URL.revokeObjectURL(url);
          done(undefined, tile);
        };
        tile.onload = shown;
        tile.onerror = shown;
        tile.src = url;
      },
      // Leaflet shows a tile that failed as well; without a picture it is not seen.
      () => done(undefined, tile),
    );
    return tile;
  }
}

/** The server's map as layers to be laid under what is drawn: its tiles, and whose it is; empty where there is none. */
export async function serverMap(): Promise<{ addTo(map: LeafletMap): unknown }[]> {
  let facts: MapFacts;
  try {
    facts = await get<MapFacts>("/map");
  } catch (error) {
    // Without a map, or without the server, there are the squares.
    if (error instanceof Problem) return [];
    throw error;
  }
  const tiles = new ServerTiles(facts);
  return facts.attribution ? [tiles, control.attribution({ prefix: false }).addAttribution(escaped(facts.attribution))] : [tiles];
}

/** A text as Leaflet may put it into a page. */
function escaped(text: string): string {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML;
}

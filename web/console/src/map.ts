// The parts of Leaflet that the desk draws with, loaded when a map is first opened; and what lies close together, in clusters.

import { DomUtil, GridLayer, type Coords } from "leaflet";
import "leaflet/dist/leaflet.css";

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

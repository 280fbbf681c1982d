// An inspection with its hazards as one form holds it, and as it is written.

import type { Edit, JsonValue } from "../../../wasm/pkg/types.js";
import type { HeldPhoto, Place, Row } from "../host/contract.js";
import { emptyHazard, hazardChanges, type HazardForm } from "./hazardForm.js";
import { filled } from "./saving.js";

export type Answer = "pass" | "fail" | "not_applicable";

export interface Item {
  readonly code: string;
  readonly text: string;
  readonly basis?: string;
}

export interface InspectionForm {
  id: string;
  site: string;
  siteName: string;
  sector: string;
  village: string;
  place: string;
  type: string;
  campaign: string;
  checklist: string;
  answers: Record<string, Answer>;
  notes: Record<string, string>;
  inspectors: string;
  conclusion: string;
  signed_by: string;
  inspectedAtMs: number;
  hazards: HazardForm[];
  photos: HeldPhoto[];
}

export function emptyInspection(id: string, inspector: string): InspectionForm {
  return {
    id,
    site: "",
    siteName: "",
    sector: "",
    village: "",
    place: "",
    type: "routine",
    campaign: "",
    checklist: "",
    answers: {},
    notes: {},
    inspectors: inspector,
    conclusion: "",
    signed_by: "",
    inspectedAtMs: Date.now(),
    hazards: [],
    photos: [],
  };
}

/** Those of the visit, and those of each hazard. */
export function photosOf(form: InspectionForm): readonly HeldPhoto[] {
  return [...form.photos, ...form.hazards.flatMap((hazard) => hazard.photos)];
}

/** The items of a checklist's record. */
export function itemsOf(checklist: Row | undefined): readonly Item[] {
  const items = checklist?.values.items;
  return Array.isArray(items) ? (items as unknown as Item[]) : [];
}

/** A hazard that a failed item speaks of; `failed` says of an item's text that it does not hold. */
export function hazardOf(id: string, item: Item | undefined, form: InspectionForm, failed: (text: string) => string): HazardForm {
  return {
    ...emptyHazard(id),
    site: form.site,
    siteName: form.siteName,
    inspection: form.id,
    sector: form.sector,
    place: form.place,
    description: item ? form.notes[item.code] || failed(item.text) : "",
    item: item?.code ?? "",
  };
}

/** The inspection and its hazards, in the order in which they are written. */
export function inspectionEdits(form: InspectionForm, location: Place | undefined): Edit[] {
  const names = form.inspectors.split(/[、,，;；\s]+/).filter((name) => name !== "");
  const map = (field: string, entries: Record<string, string>) =>
    Object.fromEntries(Object.entries(entries).map(([code, value]) => [`${field}/${code}`, value]));
  const changes = filled({
    site: form.site,
    place: form.place,
    type: form.type,
    campaign: form.campaign,
    checklist: Object.keys(form.answers).length > 0 ? form.checklist : "",
    inspected_at: form.inspectedAtMs,
    conclusion: form.conclusion,
    signed_by: form.signed_by,
    location: location as unknown as JsonValue | undefined,
    ...Object.fromEntries(names.map((name) => [`inspectors/${name}`, true])),
    ...map("answers", form.answers),
    ...map("notes", form.notes),
  });
  const village = form.village;
  const foundBy = names[0] ?? "";
  const hazards = form.hazards.map((hazard) => ({
    record: hazard.id,
    kind: "hazard",
    village,
    changes: hazardChanges({ ...hazard, inspection: form.id, site: form.site, foundAtMs: form.inspectedAtMs }, foundBy, location),
  }));
  return [{ record: form.id, kind: "inspection", village, changes }, ...hazards];
}

// One hazard as a form holds it, and as it is written.

import type { JsonValue } from "../../../wasm/pkg/types.js";
import type { HeldPhoto, Place } from "../host/contract.js";
import { filled } from "./saving.js";

export interface HazardForm {
  id: string;
  site: string;
  siteName: string;
  inspection: string;
  /** The item of the checklist that it was recorded for. */
  item: string;
  sector: string;
  category: string;
  level: "general" | "major";
  description: string;
  place: string;
  suggested_measures: string;
  responsible: string;
  measures: string;
  funds: string;
  deadline: string;
  contingency_plan: string;
  foundAtMs: number;
  photos: HeldPhoto[];
}

export function emptyHazard(id: string): HazardForm {
  return {
    id,
    site: "",
    siteName: "",
    inspection: "",
    item: "",
    sector: "",
    category: "",
    level: "general",
    description: "",
    place: "",
    suggested_measures: "",
    responsible: "",
    measures: "",
    funds: "",
    deadline: "",
    contingency_plan: "",
    foundAtMs: Date.now(),
    photos: [],
  };
}

/** Path → value of a new hazard; what is empty is left out. */
export function hazardChanges(form: HazardForm, foundBy: string, location: Place | undefined): Record<string, JsonValue> {
  const funds = Number.parseInt(form.funds, 10);
  return filled({
    site: form.site,
    inspection: form.inspection,
    sector: form.sector,
    category: form.category,
    level: form.level,
    description: form.description,
    place: form.place,
    suggested_measures: form.suggested_measures,
    responsible: form.responsible,
    measures: form.measures,
    funds: form.funds.trim() === "" ? undefined : Number.isNaN(funds) ? form.funds : funds,
    deadline: form.deadline,
    contingency_plan: form.contingency_plan,
    found_at: form.foundAtMs,
    found_by: foundBy,
    location: location as unknown as JsonValue | undefined,
  });
}

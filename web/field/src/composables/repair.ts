// From a record that was refused back into the form that wrote it, and its photos with it.

import type { JsonValue } from "../../../wasm/pkg/types.js";
import type { HeldPhoto, Place, Row } from "../host/contract.js";
import type { Form } from "./startDraft.js";
import { elements, text } from "./words.js";

export interface Repair {
  readonly form: Form;
  readonly route: string;
  readonly content: Record<string, JsonValue>;
}

/** The entries of a map field by their keys. */
function entries(row: Row, field: string): Record<string, JsonValue> {
  const own = Object.entries(row.values).filter(([path]) => path.startsWith(`${field}/`));
  return Object.fromEntries(own.map(([path, value]) => [path.slice(field.length + 1), value]));
}

/** The form with what the record says; nothing for kinds that no form of the phone writes. */
export function repairOf(row: Row): Repair | undefined {
  const { funds, ...values } = row.values;
  const own = { ...values, id: row.id, village: row.village ?? "", ...(funds === undefined ? {} : { funds: String(funds) }) };
  switch (row.kind) {
    case "hazard":
      return { form: "hazard", route: "report", content: { ...own, foundAtMs: values.found_at ?? Date.now() } };
    case "inspection":
      return {
        form: "inspection",
        route: "inspect",
        content: {
          ...own,
          answers: entries(row, "answers"),
          notes: entries(row, "notes"),
          inspectors: elements(row.values, "inspectors").join("、"),
          inspectedAtMs: values.inspected_at ?? Date.now(),
        },
      };
    case "rectification":
      return { form: "rectification", route: "rectify", content: { ...own, doneAtMs: values.done_at ?? Date.now() } };
    case "reinspection":
      return { form: "reinspection", route: "reinspect", content: own };
    default:
      return undefined;
  }
}

/** With which of these refused records a photo goes when that is written again: of how it looks afterwards with what tells of it, else with what it shows. */
export function goesWith(photo: Row, refused: readonly Row[]): Row | undefined {
  const subject = text(photo, "subject");
  const tells = (row: Row) => (row.kind === "rectification" || row.kind === "reinspection") && text(row, "hazard") === subject;
  const after = text(photo, "role") === "after" ? refused.find(tells) : undefined;
  return after ?? refused.find((row) => row.id === subject && repairOf(row) !== undefined);
}

/** The photo of a record as a form holds it, to be saved under another record. Its bytes are still here, or with the office. */
export function heldOf({ values }: Row): HeldPhoto {
  const { hash, bytes, width, height, role, caption, taken_at, location } = values;
  return {
    hash: String(hash),
    bytes: Number(bytes),
    ...(width === undefined ? {} : { width: Number(width) }),
    ...(height === undefined ? {} : { height: Number(height) }),
    isUnreadable: false,
    role: role === "document_scan" ? "document" : (role as HeldPhoto["role"]),
    ...(caption === undefined ? {} : { caption: String(caption) }),
    takenAtMs: Number(taken_at),
    ...(location === undefined ? {} : { location: location as unknown as Place }),
  };
}

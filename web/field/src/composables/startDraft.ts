// A form is begun from many places; what keeps it comes with the form.

import type { JsonValue } from "../../../wasm/pkg/types.js";
import { uuidV7 } from "../host/uuid.js";
import { host } from "./host.js";

export type Form = "inspection" | "hazard" | "rectification" | "reinspection" | "month";

/** Begins a form, and gives the id under which its page finds it. */
export async function startDraft(form: Form, title: string, content: Record<string, JsonValue>): Promise<string> {
  const id = uuidV7(Date.now());
  await host.keepDraft({ id, form, title, content, photos: [] });
  return id;
}

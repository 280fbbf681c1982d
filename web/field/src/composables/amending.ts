// A record that the office returned, written again: what is different now, and the word that it was dealt with.

import type { Edit, JsonValue } from "../../../wasm/pkg/types.js";
import { host } from "./host.js";

type Values = Readonly<Record<string, JsonValue>>;

/**
 * The edits of a hazard that answer a return: only what a person changed since the form was begun with `begun`, and of that only
 * what differs from what stands, so that nobody else's word is overwritten. `begun` is absent from drafts of older builds.
 */
export async function amending(returned: string, hazard: { id: string; village: string }, changes: Values, by: string, begun: Values | undefined): Promise<Edit[]> {
  const [now, comment] = await Promise.all([host.detail(hazard.id), host.detail(returned)]);
  // Both have left this phone where its inspector was moved to another village: the office is given all that was written.
  if (!now) return [{ record: hazard.id, kind: "hazard", village: hazard.village, changes }];
  const isNew = (path: string, value: JsonValue) => [now.row.values, begun ?? {}].every((before) => JSON.stringify(trimmed(before[path])) !== JSON.stringify(value));
  // Who found it, when and where is not what is being mended.
  const { found_at: _at, found_by: _by, location: _place, ...said } = changes;
  const different = Object.fromEntries(Object.entries(said).filter(([path, value]) => isNew(path, value)));
  const village = now.row.village;
  const edit: Edit[] = Object.keys(different).length > 0 ? [{ record: hazard.id, kind: "hazard", ...(village ? { village } : {}), changes: different }] : [];
  return [...edit, answering(returned, comment?.row.village, by)];
}

/** As a form writes it: what only loses its spaces there was changed by nobody. */
const trimmed = (value: JsonValue | undefined) => (typeof value === "string" ? value.trim() : value);

/** The word that a return was dealt with, in words where there are any. */
export function answering(returned: string, village: string | undefined, by: string, answer = ""): Edit {
  const changes = { answered_at: Date.now(), answered_by: by, ...(answer === "" ? {} : { answer }) };
  return { record: returned, kind: "comment", ...(village ? { village } : {}), changes };
}

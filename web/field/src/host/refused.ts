// A record of which the office has taken nothing yet: what this phone wrote and the server has put aside. It is in no state,
// but its author must find it, see why, and correct it.

import type { FieldView, JsonValue, OutboxEntry, RecordView } from "../../../wasm/pkg/types.js";

interface Version {
  record: string;
  kind: string;
  village?: string;
  stamp: [number, number];
  author: string;
  changes: Record<string, JsonValue>;
}

/** What these refused versions of one record would show, the later over the earlier. */
export function refusedView(entries: readonly OutboxEntry[]): RecordView | undefined {
  const versions = entries.map((entry) => JSON.parse(entry.version) as Version);
  const first = versions[0];
  if (!first) return undefined;
  const fields: Record<string, FieldView> = {};
  for (const { author, stamp, changes } of versions) {
    for (const [path, value] of Object.entries(changes)) fields[path] = { value, author, written_at_ms: stamp[0], in_conflict: false };
  }
  const { record: id, kind, village } = first;
  return { id, kind, ...(village === undefined ? {} : { village }), fields, conflicts: [], voiding: "stands" };
}

// All rows of the account in memory, with who names whom: what lists, counts and details are read from. It holds no more
// than what is stored, and changes only after it was stored.

import type { PhotoRow, Progress, Row } from "./contract.js";
import type { PhotoEntry } from "./store.js";
import type { StoredRow } from "./rows.js";
import type { Written } from "./written.js";

export class Ledger {
  private readonly rows = new Map<string, StoredRow>();
  private readonly kinds = new Map<string, Map<string, StoredRow>>();
  private readonly naming = new Map<string, Set<string>>();
  readonly photos = new Map<string, PhotoEntry>();
  /** How much of a photo has gone up, while it does. */
  readonly bytesSent = new Map<string, number>();

  constructor(private readonly written: Written) {}

  put(row: StoredRow): void {
    this.unlink(row.id);
    this.rows.set(row.id, row);
    let ofKind = this.kinds.get(row.kind);
    if (!ofKind) this.kinds.set(row.kind, (ofKind = new Map()));
    ofKind.set(row.id, row);
    for (const ref of row.refs) {
      let names = this.naming.get(ref);
      if (!names) this.naming.set(ref, (names = new Set()));
      names.add(row.id);
    }
  }

  remove(id: string): void {
    this.unlink(id);
    const row = this.rows.get(id);
    if (row) this.kinds.get(row.kind)?.delete(id);
    this.rows.delete(id);
  }

  private unlink(id: string): void {
    const old = this.rows.get(id);
    for (const ref of old?.refs ?? []) this.naming.get(ref)?.delete(id);
  }

  get(id: string): StoredRow | undefined {
    return this.rows.get(id);
  }

  all(): Iterable<StoredRow> {
    return this.rows.values();
  }

  get size(): number {
    return this.rows.size;
  }

  ofKind(kind: string): Iterable<StoredRow> {
    return this.kinds.get(kind)?.values() ?? [];
  }

  /** The records that name a record, in no order. */
  namers(id: string): StoredRow[] {
    return [...(this.naming.get(id) ?? [])].flatMap((each) => this.rows.get(each) ?? []);
  }

  /** The orders, rectifications, re-inspections and escalations that speak of a hazard. */
  facts(hazard: string): StoredRow[] {
    return this.namers(hazard).filter((row) => row.hazards.includes(hazard));
  }

  /** The records that a photo shows. */
  subjects(hash: string): string[] {
    const ofHash = [...this.ofKind("photo")].filter((row) => row.values["hash"] === hash);
    return ofHash.flatMap((row) => (typeof row.values["subject"] === "string" ? row.values["subject"] : []));
  }

  /** A row as pages get it. */
  shown(row: StoredRow): Row {
    const progress = this.written.progress(row.id);
    return {
      id: row.id,
      kind: row.kind,
      ...(row.village === undefined ? {} : { village: row.village }),
      values: row.values,
      writtenAtMs: row.writtenAtMs,
      conflicts: row.conflicts,
      isVoided: row.isVoided,
      ...(row.standing ? { standing: row.standing } : {}),
      ...(row.comment ? { comment: row.comment } : {}),
      ...(progress ? { progress } : {}),
      photos: this.photosOf(row.id),
    };
  }

  private photosOf(subject: string): PhotoRow[] {
    const rows = this.namers(subject).filter((row) => row.kind === "photo" && !row.isVoided && row.values["subject"] === subject);
    const takenAt = (row: StoredRow) => number(row.values["taken_at"]) ?? row.writtenAtMs;
    return rows.sort((a, b) => takenAt(a) - takenAt(b) || (a.id < b.id ? -1 : 1)).map((row) => this.photoRow(row));
  }

  private photoRow(row: StoredRow): PhotoRow {
    const hash = String(row.values["hash"]);
    const caption = row.values["caption"];
    const takenAtMs = number(row.values["taken_at"]);
    const bytes = number(row.values["bytes"]);
    const progress = this.photoProgress(row.id, hash);
    const bytesSent = this.bytesSent.get(hash);
    const photo = this.photos.get(hash);
    const hasPreview = photo?.hasPreview && photo.state === "kept" && progress !== "attention";
    return {
      record: row.id,
      hash,
      role: String(row.values["role"] ?? "evidence"),
      ...(typeof caption === "string" ? { caption } : {}),
      ...(takenAtMs === undefined ? {} : { takenAtMs }),
      ...(progress ? { progress } : {}),
      ...(bytes === undefined ? {} : { bytes }),
      ...(bytesSent === undefined ? {} : { bytesSent }),
      ...(hasPreview ? { hasPreview } : {}),
    };
  }

  /** A photo has come as far as the slower of its record and its bytes. */
  private photoProgress(record: string, hash: string): Progress | undefined {
    const ofRecord = this.written.progress(record);
    const state = this.photos.get(hash)?.state;
    if (ofRecord === undefined) return undefined;
    if (ofRecord === "attention" || state === "damaged") return "attention";
    if (state === "kept") return this.bytesSent.has(hash) ? "sent" : "saved";
    return ofRecord;
  }
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

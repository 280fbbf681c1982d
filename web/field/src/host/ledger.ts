// All rows of the account in memory, with who names whom: what lists, counts and details are read from. It holds no more
// than what is stored, and changes only after it was stored.

import type { PhotoRow, Progress, Row } from "./contract.js";
import type { PhotoEntry } from "./store.js";
import type { StoredRow } from "./rows.js";
import type { Written } from "./written.js";

const SPEAKING = new Set(["photo", "comment"]);
const FOLLOW_UPS = new Set(["rectification", "reinspection"]);

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

  /** The record that a photo or a comment speaks of, where the phone has it; else itself. */
  spokenOf(id: string): string {
    const row = this.rows.get(id);
    const subject = row && SPEAKING.has(row.kind) ? row.values["subject"] : undefined;
    return typeof subject === "string" && this.rows.has(subject) ? subject : id;
  }

  /**
   * The photos and comments of a record. A photo of how it looks afterwards goes with its rectification or re-inspection, as
   * long as one of those asks for attention itself: written again it takes the photo along.
   */
  goingWith(id: string): string[] {
    const namers = this.namers(id);
    const isPending = namers.some((row) => FOLLOW_UPS.has(row.kind) && this.written.progress(row.id) === "attention");
    return namers.filter((row) => SPEAKING.has(row.kind) && !(isPending && row.values["role"] === "after")).map((row) => row.id);
  }

  /** What is known of the bytes of a photo whose copy here is damaged, by its record. */
  damaged(record: string): PhotoEntry[] {
    const row = this.rows.get(record);
    const photo = row?.kind === "photo" ? this.photos.get(String(row.values["hash"])) : undefined;
    return photo?.state === "damaged" ? [photo] : [];
  }

  /** How many photos will never reach the office from here, as their author knows. */
  get lostPhotos(): number {
    return [...this.photos.values()].filter(isLost).length;
  }

  /** The worst state of what this phone wrote to a record; of a photo, of its bytes as well. */
  progress(row: StoredRow): Progress | undefined {
    return row.kind === "photo" ? this.photoProgress(row.id, String(row.values["hash"])) : this.written.progress(row.id);
  }

  /** A row as pages get it. */
  shown(row: StoredRow): Row {
    const progress = this.progress(row);
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
    const photo = this.photos.get(hash);
    if (ofRecord === undefined) return undefined;
    if (ofRecord === "attention") return "attention";
    if (photo?.state === "damaged") return isLost(photo) ? "lost" : "attention";
    if (photo?.state === "kept") return this.bytesSent.has(hash) ? "sent" : "saved";
    return ofRecord;
  }
}

/** The copy here is damaged, and its author knows. */
export function isLost(photo: PhotoEntry): boolean {
  return photo.state === "damaged" && photo.isSeen === true;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

// What the pages ask of the host, and what it tells them. The host is the engine room of the app: it runs in a worker,
// holds sync-core, the stored records, the photos and the connection, and of all tabs only one of them has it.
// Pages hold no records of their own: they ask, show, and ask again when they are told that something changed.

import type {
  CommentState,
  Edit,
  HazardStanding,
  JsonValue,
  KindName,
  OutboxEntry,
  RecordId,
  RecordView,
  Refusal,
  ReportState,
  Role,
  VillageId,
} from "../../../wasm/pkg/types.js";

/** How far what this phone wrote has come: on the phone, on its way, taken by the office, or put aside for a person. `lost`: a damaged photo, as its author knows. */
export type Progress = "saved" | "sent" | "accepted" | "attention" | "lost";

/** One line of a list: a record as it is shown, with what lists need to know of the records that speak of it. */
export interface Row {
  readonly id: RecordId;
  readonly kind: string;
  readonly village?: VillageId;
  /** The shown value of each path (`answers/3.1`); cleared and absent fields are left out. */
  readonly values: Readonly<Record<string, JsonValue>>;
  /** When its creation was written, ms since 1970, by the writer's clock. */
  readonly writtenAtMs: number;
  /** The paths that wait for a supervisor. */
  readonly conflicts: readonly string[];
  readonly isVoided: boolean;
  /** Of hazards only. */
  readonly standing?: HazardStanding;
  /** Of comments only: where they stand. */
  readonly comment?: CommentState;
  /** The worst state of what this phone wrote to it; absent where it wrote nothing. */
  readonly progress?: Progress;
  /** Photos whose subject it is, in the order in which they were taken. */
  readonly photos: readonly PhotoRow[];
}

/** One photo of a record. */
export interface PhotoRow {
  readonly record: RecordId;
  readonly hash: string;
  readonly role: string;
  readonly caption?: string;
  readonly takenAtMs?: number;
  /** Of a photo taken on this phone; absent for those of others. `bytesSent` counts while it goes up. */
  readonly progress?: Progress;
  readonly bytes?: number;
  readonly bytesSent?: number;
  /** The office has a small picture of it, while the photo itself still waits. */
  readonly hasPreview?: boolean;
}

/** What waits on this phone, to be carried by hand. */
export interface CarriedArchive {
  readonly file: Blob;
  readonly name: string;
  /** Whether all versions that wait found room; else the rest goes with the next file, after the receipts of this one. */
  readonly isWhole: boolean;
  /** How many photos wait whose picture this phone no longer has: they are named in the file, and not in it. */
  readonly lostPictures: number;
}

/** Days within which a deadline is near. */
export const DUE_SOON_DAYS = 7;

/** Which records a list shows. Lists are windows: a page asks for what its screen needs. */
export interface Query {
  readonly kind: KindName;
  /** All of these shown values must be equal. */
  readonly where?: Readonly<Record<string, JsonValue>>;
  /** Hazards that are not closed, or only those that are. */
  readonly open?: boolean;
  readonly overdue?: boolean;
  /** Comments that stand so. */
  readonly comment?: CommentState;
  /** Hazards that are not closed, not overdue, and due on this day of the township or before (`YYYY-MM-DD`). */
  readonly dueBy?: string;
  /** Words that must all occur in the shown texts (name, description, place, address …), whatever their case and width. */
  readonly text?: string;
  /** Only what this phone's account wrote. */
  readonly mine?: boolean;
  /** Only what asks for attention: refused, or a damaged photo. */
  readonly attention?: boolean;
  readonly village?: VillageId;
  /** Also those that are voided, which no longer count. */
  readonly withVoided?: boolean;
  /**
   * `deadline`: overdue first, then by deadline, then those without. `newest`: by `writtenAtMs`. `name`: by name or title.
   * `near`: by distance from `from`, those without a place last.
   */
  readonly order?: "deadline" | "newest" | "name" | "near";
  readonly from?: { readonly lat: number; readonly lon: number };
  readonly offset?: number;
  readonly limit?: number;
}

export interface Page {
  readonly rows: readonly Row[];
  /** How many there are in all. */
  readonly total: number;
}

/** One record with everything that its page shows. */
export interface Detail {
  readonly row: Row;
  /** Every value that stands, with author and time. */
  readonly view: RecordView;
  /** The records that name it (orders, rectifications, re-inspections, escalations, hazards of an inspection), oldest first. */
  readonly related: readonly Row[];
  /** What this phone wrote to it and still keeps, oldest first: with outcome and refusal. */
  readonly written: readonly OutboxEntry[];
  /** What this phone's account wrote last to each path: beside what stands now. */
  readonly mine: Readonly<Record<string, Mine>>;
  /** Of hazards: what the office asks to be settled and is not, in its order. */
  readonly unsettled?: readonly string[];
  /** Names of the accounts and sites that the view and the related records mention, where the phone knows them. */
  readonly names: Readonly<Record<string, string>>;
}

/** A value that this phone's account wrote, and when by its clock. */
export interface Mine {
  readonly value: JsonValue;
  readonly writtenAtMs: number;
}

/** How far a campaign is among the sites that this phone has. */
export interface Coverage {
  readonly targets: readonly { readonly site: Row; readonly isVisited: boolean }[];
  readonly visited: number;
}

/** A photo that the person has just taken or chosen, not yet saved. */
export interface NewPhoto {
  /** The picture as it came from the camera or the gallery. The host reduces it; what it cannot read it keeps as it is. */
  readonly file: Blob;
  /** Lines drawn on it, in fractions of width and height, burnt into the reduced picture. */
  readonly marks?: readonly Mark[];
  readonly role: "before" | "after" | "evidence" | "signature" | "document";
  readonly caption?: string;
  /** What the picture itself says of when and where goes before these two. */
  readonly takenAtMs: number;
  readonly location?: Place;
  /** It was chosen from the gallery: `location` counts only where the picture says that it was taken just now. */
  readonly isChosen?: boolean;
}

export type Mark =
  | { readonly shape: "arrow"; readonly from: readonly [number, number]; readonly to: readonly [number, number] }
  | { readonly shape: "circle"; readonly centre: readonly [number, number]; readonly radius: number };

/** A place as records hold it (WGS 84). */
export interface Place {
  readonly lat: number;
  readonly lon: number;
  readonly accuracy_m?: number;
}

/** A reduced picture that is stored but belongs to no record yet: a draft names it by `hash`. */
export interface HeldPhoto {
  readonly hash: string;
  readonly bytes: number;
  readonly width?: number;
  readonly height?: number;
  /** Why it was kept as it is: this browser cannot read its format. */
  readonly isUnreadable: boolean;
  readonly role: NewPhoto["role"];
  readonly caption?: string;
  readonly takenAtMs: number;
  readonly location?: Place;
}

/** What one press of "save" writes, all of it in one transaction or none of it. */
export interface Save {
  /** In order: an inspection before its hazards. */
  readonly edits: readonly Edit[];
  /** Photos that were held, each with the record that it shows. */
  readonly photos: readonly { readonly held: HeldPhoto; readonly subjectKind: KindName; readonly subject: RecordId; readonly village?: VillageId }[];
  /** Records of which something was refused, or a photo damaged, that this writes anew: they ask for attention no longer. */
  readonly repairs?: readonly RecordId[];
  /** The draft that this finishes. */
  readonly draft?: string;
}

/** Saved: the records written. Refused: nothing was written, and why, per edit. */
export type Saved =
  | { readonly result: "saved"; readonly records: readonly RecordId[] }
  | { readonly result: "refused"; readonly refusals: readonly { readonly record: RecordId; readonly refusals: readonly Refusal[] }[] }
  | { readonly result: "no_room" };

/** A form that somebody has begun. Its content is the page's own. */
export interface Draft {
  readonly id: string;
  /** Which form: `inspection`, `hazard`, `rectification`, `reinspection` … */
  readonly form: string;
  /** What lists call it: the site's name, the first words. */
  readonly title: string;
  readonly content: JsonValue;
  readonly photos: readonly HeldPhoto[];
  readonly changedAtMs: number;
}

/** Who is signed in on this phone. */
export interface Session {
  readonly accountId: string;
  readonly name: string;
  readonly username: string;
  readonly role: Role;
  readonly township: string;
  readonly villages: readonly { readonly id: VillageId; readonly name: string }[];
  readonly deviceName: string;
}

/** Why nothing goes up or comes down at the moment; a page turns it into words. */
export type Trouble =
  | { readonly why: "network" | "busy" | "server"; readonly sinceMs: number; readonly nextTryMs?: number }
  | { readonly why: "signed_out" | "account_disabled" | "device_revoked" }
  | { readonly why: "refused"; readonly code: string; readonly detail: string }
  | { readonly why: "storage_full" }
  | { readonly why: "damaged_photo"; readonly hash: string };

/** What the background map on the server is (protocol: The map). */
export interface MapFacts {
  /** Another one as soon as the map is another. */
  readonly id: string;
  readonly name?: string | null;
  /** Whose map it is and its approval number: shown wherever the map is. */
  readonly attribution?: string | null;
  /** West, south, east and north, degrees. */
  readonly bounds?: readonly [number, number, number, number] | null;
  readonly min_zoom: number;
  readonly max_zoom: number;
}

/** What of the map lies on this phone. */
export interface MapKept {
  /** The server has a map, as far as this phone knows. */
  readonly hasMap: boolean;
  readonly tiles: number;
  readonly bytes: number;
  /** Somebody has removed it from this phone: nothing is fetched unasked. */
  readonly isRemoved: boolean;
  /** Tiles are being fetched. */
  readonly fetching?: { readonly done: number; readonly total: number };
  /** Somebody has asked for it, and it waits for a network or for what matters more. */
  readonly isWaiting?: boolean;
}

/** What every page may show at its top. */
export interface Status {
  /** `starting`: storage is being read. `signed_out`: nobody. `first_pull`: not yet ready to work offline. `ready`. */
  readonly phase: "starting" | "signed_out" | "first_pull" | "ready";
  readonly session?: Session;
  /** Long work under way, for a progress bar. `total` is absent where it is not known. */
  readonly work?: { readonly what: "receiving" | "sending" | "photos" | "reading"; readonly done: number; readonly total?: number };
  readonly unsent: { readonly versions: number; readonly photos: number; readonly photoBytes: number };
  /** Records with a refused version, photo or comment, or a damaged photo. */
  readonly attention: number;
  /** States that a repair took out of what lists show, or that this build cannot read: kept, and to be said. */
  readonly apart?: number;
  /** Others whose unsent work lies on this phone: only they can send it, by signing in here. */
  readonly others?: readonly { readonly name: string; readonly username: string; readonly unsent: number }[];
  readonly trouble?: Trouble;
  readonly lastContactMs?: number;
  /** How far this phone's clock is off from the server's, ms (positive: the phone is ahead), as of the last answer. */
  readonly clockAheadMs?: number;
  readonly storage?: {
    readonly usedBytes: number;
    readonly quotaBytes: number;
    readonly isPersistent: boolean;
    /** How much `freeSpace` would free. */
    readonly freeableBytes: number;
  };
  /** Absent until the map has been looked at. */
  readonly map?: MapKept;
  /** The app's files and everything received are on the phone: airplane mode may come. */
  readonly isOfflineReady: boolean;
  /** Another tab holds the host; this page works through it. */
  readonly isGuest: boolean;
}

export type HostEvent =
  | { readonly type: "status"; readonly status: Status }
  /** Records whose rows changed; `all` after a long intake. */
  | { readonly type: "records"; readonly kinds: readonly string[]; readonly ids: readonly RecordId[] | "all" }
  | { readonly type: "drafts" };

/** Why a request of a page came to nothing; thrown. `code` is the server's problem code, or one of the host's own. */
export interface HostError {
  readonly code: string;
  readonly detail: string;
  readonly retryAfterS?: number;
}

/** A village's report of a month: where it stands, what it says, and what the ledger has of that month on this phone. */
export interface MonthlyReport {
  readonly record: RecordId;
  /** Whether nothing of it stands: what the row then shows was put aside by the office. */
  readonly isNew: boolean;
  readonly state: ReportState;
  /** Absent where nobody has begun it. */
  readonly row?: Row;
  /** By the names of the figures, in their order. */
  readonly ledger: Readonly<Record<string, number>>;
}

export interface Host {
  status(): Promise<Status>;
  subscribe(listener: (event: HostEvent) => void): () => void;

  /** The code of the office's QR, or its text. */
  enrol(code: string, deviceName: string): Promise<void>;
  signIn(username: string, password: string, deviceName: string): Promise<void>;
  /** Ends the session. What is unsent stays on the phone, for the same account to send. */
  signOut(): Promise<void>;

  list(query: Query): Promise<Page>;
  /** How many hazards are open, overdue, due within seven days, and how many drafts there are. */
  counts(): Promise<{ open: number; overdue: number; dueSoon: number; drafts: number }>;
  detail(record: RecordId): Promise<Detail | undefined>;
  /** Which of the own sites a campaign means to reach, and which not yet visited. */
  coverage(campaign: RecordId): Promise<Coverage>;
  /** All that is wrong with an edit now, empty where it would be taken. */
  check(edit: Edit): Promise<readonly Refusal[]>;
  save(save: Save): Promise<Saved>;
  /** The person has seen why something that they wrote to a record was refused: it asks for attention no longer, nor do its photos and comments. */
  seen(record: RecordId): Promise<void>;
  /** What a re-inspection of this hazard made now follows: the value of its field `follows`. */
  toFollow(hazard: RecordId): Promise<readonly string[]>;

  /** A village's report of a month (`YYYY-MM`). */
  monthly(village: VillageId, month: string): Promise<MonthlyReport>;

  drafts(): Promise<readonly Draft[]>;
  draft(id: string): Promise<Draft | undefined>;
  /** Resolves once it is durable. */
  keepDraft(draft: Omit<Draft, "changedAtMs">): Promise<void>;
  dropDraft(id: string): Promise<void>;

  /** Reduces a picture (longer side at most 1,920 px) and stores it. */
  holdPhoto(photo: NewPhoto): Promise<HeldPhoto>;
  /** A picture: from the phone, else from the server when it can be reached. `thumb` is at most 256 px. */
  photo(hash: string, size: "thumb" | "full"): Promise<Blob | undefined>;

  /** Somebody pressed the button. */
  syncNow(): Promise<void>;
  /** Everything that waits, as a file to be carried to the office, with its photos (ZIP). */
  carry(): Promise<CarriedArchive>;
  takeReceipts(file: Blob): Promise<{ accepted: number; attention: number }>;
  /** Frees the map and the pictures that the server has receipted and that lists do not need; gives back how many bytes. */
  freeSpace(): Promise<number>;
  /** The map that this phone has tiles of; absent where it knows of none. */
  mapFacts(): Promise<MapFacts | undefined>;
  /** Tiles by their names (`z/x/y`, rows from the north), in their order; absent those that are not here. */
  mapTiles(names: readonly string[]): Promise<readonly (Blob | undefined)[]>;
  /** Fetches the tiles around this phone's places, whatever that costs. Resolves when it has begun. */
  fetchMap(): Promise<void>;
  /** Removes the tiles; none are fetched again until somebody asks. Gives back how many bytes. */
  removeMap(): Promise<number>;
  /** Asks the browser to keep the storage. */
  persist(): Promise<boolean>;
}

//! The server's own limits on one page, each with its unit and reason. Those that both ends share are in
//! `sync_core::limits`; the database's queues are in `db/`.

use std::time::Duration;

/// Bytes of a body of the account endpoints: names, passwords and a few hundred village ids.
pub const SMALL_BODY_BYTES_MAX: usize = 32 * 1024;

/// How long a client may take to send the first head on a connection. 2G needs seconds, an idle attacker is cut. Actix has no
/// such limit for a later head of which a part has come.
pub const REQUEST_HEAD_WAIT: Duration = Duration::from_secs(30);

/// How long a body may pause before its request is given up. A link in the hills may fall silent for half a minute.
pub const BODY_STALL: Duration = Duration::from_secs(60);

/// Bytes a second that a body makes on average once `BODY_STALL` is over; 2G makes ten times as many.
pub const BODY_BYTES_PER_S_MIN: u64 = 256;

/// Bytes of a body that a thread of the network inflates itself; larger ones are given to others.
pub const INLINE_BODY_BYTES_MAX: usize = 256 * 1024;

/// How long a connection may idle between requests.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long it is taken for granted that the database takes a write, once it did, ms: `/readyz` is open to anybody.
pub const READY_KEPT_MS: u64 = 1_000;

/// How often the files of the TLS certificate are looked at.
pub const TLS_LOOK_EVERY: Duration = Duration::from_secs(60);

/// How long a TLS handshake may take: three round trips on 2G, and the certificates.
pub const TLS_HANDSHAKE_WAIT: Duration = Duration::from_secs(20);

/// TLS handshakes at the same time on one thread; more wait. Each costs the processor a millisecond.
pub const TLS_HANDSHAKES_MAX: usize = 256;

/// How long before its end a certificate is warned of, ms: a fortnight to mend a renewal that fails.
pub const TLS_EXPIRY_WARNING_MS: u64 = 14 * 24 * 3_600_000;

/// Bytes of a file with a certificate chain or a key; a chain has some 6,000.
pub const TLS_FILE_BYTES_MAX: u64 = 256 * 1024;

/// Bytes of a file with the authorities that may sign a database's certificate; that of a system has some 250,000.
pub const TLS_AUTHORITIES_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Seconds for which a browser that was here over TLS comes over nothing else.
pub const HSTS_S: u32 = 365 * 24 * 3_600;

/// How long an access token is valid, s. Revocation does not wait for it: every request looks the session up.
pub const ACCESS_TOKEN_S: u64 = 15 * 60;

/// So much later than it says an access token ends, s: the clocks of several processes are never quite the same.
pub const ACCESS_LEEWAY_S: u64 = 5;

/// How long a refresh token is valid, ms: a phone may stay in a drawer over the winter.
pub const REFRESH_TOKEN_MS: u64 = 90 * 24 * 3_600_000;

/// Within this time after its rotation the previous refresh token may be presented again, ms (decision 0003).
pub const ROTATION_GRACE_MS: u64 = 60_000;

/// How long an enrolment code is valid, ms.
pub const ENROLMENT_MS: u64 = 24 * 3_600_000;

/// Characters of an enrolment code, 5 bits each: 2^50 codes cannot be tried out in a day.
pub const ENROLMENT_CODE_CHARS: usize = 10;

/// Characters of a password, at least (NIST SP 800-63B, 5.1.1.2).
pub const PASSWORD_CHARS_MIN: usize = 8;

/// Bytes of a password, at most: hashing must not become a way to burn the processor.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// Characters of a username.
pub const USERNAME_CHARS_MAX: usize = 64;

/// Characters of a display name or a device's name.
pub const NAME_CHARS_MAX: usize = 80;

/// Villages of one inspector. A township has 18; a merged one may have many more.
pub const VILLAGES_PER_ACCOUNT_MAX: usize = 200;

/// Devices of one account that are not revoked.
pub const DEVICES_PER_ACCOUNT_MAX: u64 = 100;

/// Townships under one county that are read.
pub const COUNTY_TOWNSHIPS_MAX: u32 = 500;

/// Rows in one page of a list of accounts or devices.
pub const PAGE_ROWS_MAX: u32 = 200;

/// Passwords hashed at the same time; each needs 19 MiB and a core for some 30 ms.
pub const PASSWORD_HASHES_MAX: usize = 4;

/// Sign-ins that may wait for a hash; beyond it the server says that it is busy.
pub const PASSWORD_HASHES_WAITING_MAX: usize = 64;

/// Failed sign-ins in a row before one account at one address must wait; afterwards one each `LOGIN_REFILL_S`.
pub const LOGIN_FAILURES_MAX: u32 = 5;

/// Failed sign-ins in a row before a whole address must wait. An office shares one.
pub const ADDRESS_FAILURES_MAX: u32 = 50;

/// Seconds until one more attempt is allowed to an account at an address.
pub const LOGIN_REFILL_S: u64 = 30;

/// Seconds until one more attempt is allowed to an address.
pub const ADDRESS_REFILL_S: u64 = 3;

/// Requests that one account may make of a class of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests at once, after a rest.
    pub burst: u32,
    /// Requests a minute, lastingly.
    pub per_minute: u32,
}

/// Beginning and renewing sessions. A phone renews four times an hour.
pub const SIGN_IN_RATE: Rate = Rate { burst: 30, per_minute: 10 };

/// Push, pull, batches. A phone that comes back from a month without a network sends 24,000 versions at once.
pub const SYNC_RATE: Rate = Rate { burst: 240, per_minute: 120 };

/// Photos and uploads: two requests for each photo that is sent, one for each that is shown.
pub const PHOTO_RATE: Rate = Rate { burst: 1_200, per_minute: 600 };

/// Tiles of the map: a phone that fetches those of its village, one after the other, and a desk that moves over its screen.
pub const MAP_RATE: Rate = Rate { burst: 1_200, per_minute: 600 };

/// Everything else: a person who clicks twice a second with three requests a click.
pub const READING_RATE: Rate = Rate { burst: 600, per_minute: 360 };

/// Accounts whose rates one address has together, unless another number is set: an office, or a carrier's shared address.
pub const ACCOUNTS_PER_ADDRESS_DEFAULT: u32 = 64;

/// Accounts or addresses whose rates are remembered, for each class; about 100 bytes each.
pub const RATE_KEYS_MAX: usize = 20_000;

/// Requests of one account that are under way: every picture of a long page at once, over HTTP/2.
pub const UNDER_WAY_PER_ACCOUNT_MAX: usize = 128;

/// Requests that are under way in one process.
pub const UNDER_WAY_MAX: usize = 4_096;

/// Connections of one process: every stream of events, and as many again that ask. The system must allow as many files.
pub const CONNECTIONS_MAX: usize = 24_000;

/// Open files that the server asks the system for: [`CONNECTIONS_MAX`], and room for the database, photos and their store.
pub const OPEN_FILES_WANTED: u64 = 32_768;

/// Addresses and accounts whose attempts are remembered; about 100 bytes each.
pub const THROTTLE_ENTRIES_MAX: usize = 20_000;

/// Lines of the ledger, or open conflicts, in one page unless another number is asked for.
pub const LEDGER_ROWS_DEFAULT: usize = 50;

/// Lines of the ledger, or open conflicts, in one page: about 200 KB.
pub const LEDGER_ROWS_MAX: usize = 500;

/// Workbooks that are written at the same time; beyond that `busy`.
pub const EXPORTS_MAX: usize = 2;

/// Spans of an overview whose turnover is asked for at once: two years of months.
pub const OVERVIEW_SPANS_MAX: usize = 24;

/// Versions in one page of a record's history; each may have 64 KiB, and most have 1.
pub const HISTORY_ROWS_MAX: usize = 100;

/// Uploads of one device that are not finished: several days of photos on a phone that keeps being cut off.
pub const UPLOADS_PER_DEVICE_MAX: u64 = 1_000;

/// How long after its last byte an unfinished upload is kept, ms: a week without a network.
pub const UPLOAD_IDLE_MS: u64 = 7 * 24 * 3_600_000;

/// How long a body may be silent before its request is given up. The phone's next try ends it sooner.
pub const UPLOAD_SILENCE: Duration = Duration::from_secs(30);

/// How long a request waits for an earlier one to let the same upload go: it makes durable what has come.
pub const UPLOAD_TURN_WAIT: Duration = Duration::from_secs(5);

/// Bytes of a body that are gathered in memory before they are written.
pub const UPLOAD_BUFFER_BYTES: usize = 128 * 1024;

/// Bytes after which an upload under way is made durable, so that a crash of the server costs no more.
pub const UPLOAD_CHECKPOINT_BYTES: u64 = 1024 * 1024;

/// Bytes of an unfinished upload in one object of an object store: what a request to it may cost in memory, and how often
/// a whole photo is divided, 32 times at most. That of a checkpoint, so that each begins a new object.
pub const UPLOAD_SLOT_BYTES: u64 = UPLOAD_CHECKPOINT_BYTES;

/// Bytes of a finished photo that are sent to an object store at a time; S3 takes no part under 5 MiB but the last.
pub const STORE_PART_BYTES: u64 = 8 * 1024 * 1024;

/// How long a connection to an object store may take.
pub const STORE_CONNECT_WAIT: Duration = Duration::from_secs(3);

/// How long one request to an object store may take.
pub const STORE_REQUEST_WAIT: Duration = Duration::from_secs(30);

/// How often a request to an object store is tried again, and for how long.
pub const STORE_RETRIES_MAX: usize = 2;
/// After this time a request to an object store is not tried again.
pub const STORE_RETRY_WAIT: Duration = Duration::from_secs(10);

/// How long bytes of a slow body may wait to be made durable.
pub const UPLOAD_CHECKPOINT_WAIT: Duration = Duration::from_secs(5);

/// Bodies of uploads that one process takes in at the same time; beyond it `busy`. Each holds up to
/// [`UPLOAD_SLOT_BYTES`] in memory; one that falls silent is given up after [`UPLOAD_SILENCE`].
pub const UPLOADS_TAKEN_IN_MAX: usize = 256;

/// Uploads whose end is worked on at the same time: each hashes a photo, and over an object store sends one part at a time.
pub const UPLOADS_FINISHING_MAX: usize = 4;

/// Bytes of a preview as a phone sends it: half of them do for 256 px of most scenes, and on 2G they take 8 s.
pub const PREVIEW_BYTES_MAX: usize = 32 * 1024;

/// Pixels of an image that is decoded at all: the largest phone sensors give 48–50 million by default.
pub const PIXELS_MAX: u64 = 50_000_000;

/// Pixels of the longer side that is decoded at all: panoramas fit, and a strip of one pixel by millions does not.
pub const SIDE_PX_MAX: u32 = 20_000;

/// Bytes of memory that one decoder may take for its pixels: 50 million of four bytes.
pub const DECODE_BYTES_MAX: u64 = 200_000_000;

/// A day, ms.
pub const DAY_MS: u64 = 24 * 3_600_000;

/// Photos that nobody names which a sweep reads at a time.
pub const IDLE_PHOTOS_PAGE_ROWS: u32 = 200;

/// After this time a stored photo that a phone offers again is noted as offered again: that it is kept must not cost a write
/// each time.
pub const PHOTO_RENEW_MS: u64 = DAY_MS;

/// How often expired uploads, and photos that nobody names, are looked for.
pub const UPLOAD_SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// Expired uploads that one sweep removes.
pub const UPLOAD_SWEEP_ROWS_MAX: u32 = 500;

/// Streams of events that are open at the same time: some 10 KB each. The system must allow as many open files.
pub const EVENT_STREAMS_MAX: usize = 12_000;

/// Streams of events of one account: a few windows and phones of the same person.
pub const EVENT_STREAMS_PER_ACCOUNT_MAX: usize = 8;

/// How often a stream without events says that it is alive: proxies cut what is silent for a minute.
pub const EVENT_HEARTBEAT: Duration = Duration::from_secs(20);

/// Images decoded at the same time; each may take 200 MB of pixels and as much again while it
/// is decoded; a JPEG of a phone takes a tenth of it.
pub const DECODES_MAX: usize = 2;

/// Photos that may wait to be decoded; beyond it readers are told that the server is busy.
pub const DECODES_WAITING_MAX: usize = 64;

/// How long one image may be decoded: the largest photo of a phone takes half a second.
pub const DECODE_TIME_MAX: Duration = Duration::from_secs(15);

/// How long a reader waits for a variant to be made.
pub const DECODE_WAIT: Duration = Duration::from_secs(20);

/// Bytes of a photo that are read from disk at a time while it is sent.
pub const SEND_CHUNK_BYTES: u64 = 128 * 1024;

/// Characters of a search: SQLite and FTS5 each look one up by a term of its own, and take a few hundred.
pub const SEARCH_CHARS_MAX: usize = 100;

/// Days of the calendar in one answer: a year, and what of the next falls into its last weeks.
pub const CALENDAR_DAYS_MAX: usize = 400;

/// Working days within which something falls due soon, unless somebody asks otherwise: time for a call and a visit.
pub const DUE_WITHIN_DAYS: u16 = 5;

/// Comments that are shown with one record; a record that is talked about more often has another trouble.
pub const COMMENTS_SHOWN_MAX: usize = 200;

/// Views that one account keeps: as many as a menu holds.
pub const VIEWS_PER_ACCOUNT_MAX: usize = 50;

/// Bytes of what a saved view asks for: every village by its id, with room.
pub const VIEW_QUERY_BYTES_MAX: usize = 4_000;

/// How long a phone that has told how much waits on it is not noted again while nothing changes, ms.
pub const DEVICE_NOTED_EVERY_MS: u64 = 60_000;

/// Open hazards that are compared with each other for being the same, the newest: as many as a supervisor looks after in a
/// season, and their states are read in some 100 ms.
pub const LIKENESS_HAZARDS_MAX: usize = 2_000;

/// Pairs of likely duplicates in one answer: what one sitting gets through.
pub const LIKENESS_PAIRS_MAX: usize = 100;

/// Hazards on one map, the newest: their places are read from their states, in some 100 ms.
pub const PLACES_MAX: usize = 2_000;

/// Bytes of one tile of the map that are given out; a picture of 512 px has some 100,000, and larger ones are taken for mistakes.
pub const MAP_TILE_BYTES_MAX: usize = 1024 * 1024;

/// The finest level of a map: 4 cm a pixel at the equator, beyond any position of a phone.
pub const MAP_ZOOM_MAX: u8 = 22;

/// Characters of a map's name and of its attribution, which is shown on every map: an owner, an approval number, a year.
pub const MAP_WORDS_CHARS_MAX: usize = 200;

/// Tiles of the map that may wait to be read, each in some 100 µs; beyond it `busy`.
pub const MAP_READS_WAITING_MAX: usize = 256;

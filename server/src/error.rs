//! Every answer that is not plain success: one `Problem` type, one enum of stable codes, and the only place in the
//! server that names HTTP statuses (those of success stand at the end). `docs/problems.md` lists the codes; a test compares.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::db::DbError;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $code:literal, $status:expr, $title:literal, $retry:expr;)*) => {
        /// What went wrong, as a stable word that programs may rely on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as it is sent.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status it is sent with.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => $status,)* }
            }

            /// What it means, in a few words that never change.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// After how many seconds asking again makes sense, if nothing better is known.
            #[must_use]
            pub fn retry_after_s(self) -> Option<u32> {
                match self { $(Self::$variant => $retry,)* }
            }
        }
    };
}

codes! {
    /// The body is not the JSON that this URL takes.
    MalformedBody, "malformed_body", StatusCode::BAD_REQUEST, "The body is not what this address takes", None;
    /// A part of the URL, its query or a header cannot be read.
    MalformedRequest, "malformed_request", StatusCode::BAD_REQUEST, "The address or a header cannot be read", None;
    /// A field's value is not allowed.
    InvalidField, "invalid_field", StatusCode::UNPROCESSABLE_ENTITY, "A field's value is not allowed", None;
    /// The body is larger than this URL takes, after decompression.
    BodyTooLarge, "body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large", None;
    /// The body stopped coming.
    BodyStalled, "body_stalled", StatusCode::REQUEST_TIMEOUT, "The body stopped coming", Some(2);
    /// The body has a media type or encoding that is not read.
    UnsupportedMedia, "unsupported_media", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body's type or encoding is not read here", None;
    /// Nothing is there, or not for this caller.
    NotFound, "not_found", StatusCode::NOT_FOUND, "Nothing is there", None;
    /// The address exists, but not with this method.
    MethodNotAllowed, "method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "This address does not take that method", None;
    /// No token was sent.
    TokenMissing, "token_missing", StatusCode::UNAUTHORIZED, "Sign in first", None;
    /// The access token was not made by this server, or is not an access token.
    TokenInvalid, "token_invalid", StatusCode::UNAUTHORIZED, "The access token is not valid", None;
    /// The access token has expired: refresh it.
    TokenExpired, "token_expired", StatusCode::UNAUTHORIZED, "The access token has expired", None;
    /// Unknown username or wrong password.
    CredentialsRefused, "credentials_refused", StatusCode::UNAUTHORIZED, "The username or the password is wrong", None;
    /// The enrolment code is unknown, used or expired.
    EnrolmentRefused, "enrolment_refused", StatusCode::UNAUTHORIZED, "The enrolment code is not valid", None;
    /// The refresh token is unknown.
    RefreshUnknown, "refresh_unknown", StatusCode::UNAUTHORIZED, "The refresh token is not known", None;
    /// The refresh token has expired.
    RefreshExpired, "refresh_expired", StatusCode::UNAUTHORIZED, "The refresh token has expired", None;
    /// A rotated refresh token was used again; its whole family is revoked.
    RefreshReused, "refresh_reused", StatusCode::UNAUTHORIZED, "The refresh token was used before", None;
    /// The session was ended.
    SessionRevoked, "session_revoked", StatusCode::UNAUTHORIZED, "The session has ended", None;
    /// The device was revoked.
    DeviceRevoked, "device_revoked", StatusCode::UNAUTHORIZED, "The device has been revoked", None;
    /// The account is disabled.
    AccountDisabled, "account_disabled", StatusCode::FORBIDDEN, "The account is disabled", None;
    /// The caller's role does not allow it.
    Forbidden, "forbidden", StatusCode::FORBIDDEN, "This account may not do that", None;
    /// A county account reads ledgers; it works in no township.
    CountyReadsOnly, "county_reads_only", StatusCode::FORBIDDEN, "An account of a county only reads ledgers", None;
    /// The username belongs to another account.
    UsernameTaken, "username_taken", StatusCode::CONFLICT, "The username is taken", None;
    /// A township must keep an administrator.
    LastAdmin, "last_admin", StatusCode::CONFLICT, "The township would be left without an administrator", None;
    /// The account has as many devices as are allowed.
    TooManyDevices, "too_many_devices", StatusCode::CONFLICT, "The account has too many devices", None;
    /// The batch has more versions than one request takes.
    BatchTooLarge, "batch_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The batch has too many versions", None;
    /// The replica id belongs to another account.
    ReplicaForeign, "replica_foreign", StatusCode::CONFLICT, "The replica belongs to another account", None;
    /// The text is no batch that was carried by hand, or only a part of one.
    FileUnreadable, "file_unreadable", StatusCode::UNPROCESSABLE_ENTITY, "The file is not a batch", None;
    /// The seal is not that of the device that the file names: it was changed, or is of another server.
    FileForged, "file_forged", StatusCode::UNPROCESSABLE_ENTITY, "The file's seal is not right", None;
    /// The values that stand are no longer those that the caller decided between.
    ConflictChanged, "conflict_changed", StatusCode::CONFLICT, "Other values stand there now", None;
    /// The record does not take this change; `refusal` says why.
    ChangeRefused, "change_refused", StatusCode::UNPROCESSABLE_ENTITY, "The record does not take this change", None;
    /// The ledger would look safer than what was reported; `lost` says what would be out of sight.
    LedgerSafer, "ledger_safer", StatusCode::CONFLICT, "The ledger would look safer than what was reported", None;
    /// It exists already.
    Conflict, "conflict", StatusCode::CONFLICT, "It exists already", None;
    /// The request does not speak tus 1.0.0; `Tus-Version` in the answer says what is spoken.
    TusVersionUnsupported, "tus_version_unsupported", StatusCode::PRECONDITION_FAILED, "This version of tus is not spoken", None;
    /// The photo is longer than any that is taken; `bytes_max` says how long it may be.
    PhotoTooLarge, "photo_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The photo is too large", None;
    /// This device has no upload there: create it (again).
    UploadUnknown, "upload_unknown", StatusCode::NOT_FOUND, "There is no such upload", None;
    /// No byte came for too long; create the upload again.
    UploadExpired, "upload_expired", StatusCode::GONE, "The upload has expired", None;
    /// The chunk does not begin where the upload stands; `offset` and `Upload-Offset` say where that is.
    UploadOffsetMismatch, "upload_offset_mismatch", StatusCode::CONFLICT, "The upload stands elsewhere", None;
    /// All bytes are stored already, and what is stored is not taken back.
    UploadFinished, "upload_finished", StatusCode::CONFLICT, "The upload is finished", None;
    /// Another request is sending bytes to the same upload.
    UploadBusy, "upload_busy", StatusCode::LOCKED, "Another request sends to this upload", Some(2);
    /// The chunk reaches beyond the upload's length; nothing beyond `offset` was kept.
    UploadExceeded, "upload_exceeded", StatusCode::PAYLOAD_TOO_LARGE, "The chunk is longer than what is missing", None;
    /// The body broke off or fell silent; what came is kept, up to `offset`.
    UploadInterrupted, "upload_interrupted", StatusCode::REQUEST_TIMEOUT, "The upload was interrupted", None;
    /// The chunk has not the checksum that it was sent with and was discarded; send it again from `offset`.
    ChecksumMismatch, "checksum_mismatch", checksum_mismatch(), "The chunk arrived damaged", None;
    /// The whole has not the announced SHA-256 and was discarded; begin again.
    ContentHashMismatch, "content_hash_mismatch", checksum_mismatch(), "The photo is not the one that was announced", None;
    /// The device has as many unfinished uploads as are allowed: finish or end some.
    TooManyUploads, "too_many_uploads", StatusCode::TOO_MANY_REQUESTS, "Too many uploads are unfinished", Some(60);
    /// As many streams of events are open as are allowed, of this account or in all.
    TooManyStreams, "too_many_streams", StatusCode::SERVICE_UNAVAILABLE, "Too many streams of events are open", Some(30);
    /// No photo with this hash is known, or not to this caller.
    PhotoUnknown, "photo_unknown", StatusCode::NOT_FOUND, "There is no such photo", None;
    /// The photo is recorded, but its bytes are still on their way.
    PhotoPending, "photo_pending", StatusCode::NOT_FOUND, "The photo is on its way", Some(30);
    /// No reduced picture can be made; `reason` says why. The original can be fetched.
    VariantUnavailable, "variant_unavailable", StatusCode::UNSUPPORTED_MEDIA_TYPE, "There is no reduced picture of this photo", None;
    /// What was sent is no small JPEG; `reason` says why. The photo itself may come all the same.
    PreviewUnusable, "preview_unusable", StatusCode::UNPROCESSABLE_ENTITY, "This is no preview of a photo", None;
    /// No byte of the photo lies in the range that was asked for.
    RangeUnsatisfiable, "range_unsatisfiable", StatusCode::RANGE_NOT_SATISFIABLE, "The photo has no such bytes", None;
    /// Too many attempts.
    TooManyAttempts, "too_many_attempts", StatusCode::TOO_MANY_REQUESTS, "Too many attempts", Some(30);
    /// The account or the address asks for more than its share; `of` says which.
    TooManyRequests, "too_many_requests", StatusCode::TOO_MANY_REQUESTS, "Too many requests", Some(1);
    /// The server has more to do than it can.
    Busy, "busy", StatusCode::SERVICE_UNAVAILABLE, "The server is busy", Some(2);
    /// The server is ending or cannot write now.
    NotReady, "not_ready", StatusCode::SERVICE_UNAVAILABLE, "The server is not ready", Some(5);
    /// The disk is full. Nothing of the request was kept.
    StorageFull, "storage_full", StatusCode::INSUFFICIENT_STORAGE, "The server's disk is full", Some(60);
    /// The store that holds the photos' bytes does not answer. The ledger does; nothing that was acknowledged is lost.
    PhotoStoreUnavailable, "photo_store_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The photo store does not answer", Some(10);
    /// The database file is damaged.
    DatabaseDamaged, "database_damaged", StatusCode::INTERNAL_SERVER_ERROR, "The database is damaged", None;
    /// A fault of the server.
    Internal, "internal", StatusCode::INTERNAL_SERVER_ERROR, "The server failed", None;
}

/// 460, the status of the tus checksum extension, which HTTP does not know.
fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

/// An answer that says what went wrong: `application/problem+json` (RFC 9457) with a stable `code`.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    extra: Map<String, Value>,
    retry_after_s: Option<u32>,
    allow: Option<String>,
    cause: Option<String>,
}

impl Problem {
    /// A problem with words for the person who reads it. They must not repeat passwords, tokens, names or bodies.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after_s = code.retry_after_s();
        Self { code, detail: detail.into(), extra: Map::new(), retry_after_s, allow: None, cause: None }
    }

    /// A fault of the server: the cause is logged, not sent.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "The request was not carried out; the cause is in the server's log")
            .caused_by(cause.to_string())
    }

    /// A field's value that is not allowed, and why.
    #[must_use]
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidField, detail).with("field", field)
    }

    /// Adds a member to the JSON, for programs.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(member.to_owned(), value.into());
        self
    }

    /// Says after how many seconds to ask again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Names the methods that the address takes.
    #[must_use]
    pub(crate) fn allowing(mut self, methods: &str) -> Self {
        self.allow = Some(methods.to_owned());
        self
    }

    /// Keeps what is logged and not sent.
    #[must_use]
    pub(crate) fn caused_by(mut self, cause: String) -> Self {
        self.cause = Some(cause);
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The words for the person who reads it.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What the log should say beside the code.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The JSON that is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = json!({
            "type": format!("urn:hazard-ledger:problem:{}", self.code.name()),
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "detail": self.detail,
            "code": self.code.name(),
        });
        if let Some(object) = members.as_object_mut() {
            for (name, value) in &self.extra {
                object.entry(name.clone()).or_insert_with(|| value.clone());
            }
            if let Some(seconds) = self.retry_after_s {
                object.insert("retry_after_s".to_owned(), seconds.into());
            }
        }
        members
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(methods) = &self.allow {
            response.insert_header((header::ALLOW, methods.as_str()));
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(self.to_json().to_string())
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let cause = error.to_string();
        let problem = match error {
            DbError::Full(_) => {
                Self::new(Code::StorageFull, "Nothing of this request was kept; keep it and send it again later")
            }
            DbError::Busy(_) => Self::new(Code::Busy, "Nothing was done; send the request again after a moment"),
            DbError::Unsure(_) => Self::new(
                Code::Busy,
                "The database was lost while it took the request in: whether it was done is not known. Send it again",
            ),
            DbError::Damaged(_) => Self::new(Code::DatabaseDamaged, "The server's operator must restore the database"),
            DbError::Conflict(_) => Self::new(Code::Conflict, "Something with the same key is there already"),
            DbError::Internal(_) => return Self::internal(cause),
        };
        problem.caused_by(cause)
    }
}

/// 200 with JSON that no cache may keep.
pub fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

/// 201 with JSON that no cache may keep.
pub fn created(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

/// 204: done, and nothing to say.
#[must_use]
pub fn done() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// The answers of success whose body or headers their handler adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// 200: the whole of what was asked for.
    Whole,
    /// 201: made, and `Location` says where.
    Made,
    /// 204: done, and only headers to say.
    Done,
    /// 206: the part that was asked for.
    Part,
    /// 304: the client has it already.
    Unchanged,
}

impl Success {
    /// The answer, to be filled.
    #[must_use]
    pub fn answer(self) -> HttpResponseBuilder {
        match self {
            Self::Whole => HttpResponse::Ok(),
            Self::Made => HttpResponse::Created(),
            Self::Done => HttpResponse::NoContent(),
            Self::Part => HttpResponse::PartialContent(),
            Self::Unchanged => HttpResponse::NotModified(),
        }
    }
}

/// 200 with text of a given type.
#[must_use]
pub fn text(content_type: &'static str, body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, content_type)).body(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn every_code_is_listed_in_the_documentation_as_it_is_sent() {
        let text = include_str!("../../docs/problems.md");
        let listed: Vec<Vec<String>> = text
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).take(5).skip(1).collect())
            .collect();
        let sent: Vec<Vec<String>> = Code::ALL
            .iter()
            .map(|code| {
                let retry = code.retry_after_s().map_or("–".to_owned(), |seconds| format!("{seconds} s"));
                vec![code.name().to_owned(), code.status().as_u16().to_string(), code.title().to_owned(), retry]
            })
            .collect();
        assert_eq!(listed, sent);
    }

    #[test]
    fn a_member_cannot_replace_what_every_problem_has() {
        let json = Problem::new(Code::Busy, "wait").with("code", "other").with("field", "x").to_json();
        assert_eq!(json["code"], "busy");
        assert_eq!(json["field"], "x");
        assert_eq!(json["retry_after_s"], 2);
    }

    #[test]
    fn the_cause_of_a_fault_is_not_sent() {
        let problem = Problem::from(DbError::Internal("no such table: secrets".to_owned()));
        assert!(!problem.to_json().to_string().contains("secrets"));
        assert!(problem.cause().unwrap().contains("secrets"));
    }
}

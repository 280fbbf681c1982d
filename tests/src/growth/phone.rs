//! A new phone that pulls everything its user may see: a `Client`, and the base that a browser would keep in IndexedDB,
//! here in memory as text. It runs as a process of its own, so that its memory is its own.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Instant;

use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use serde::{Deserialize, Serialize};
use sync_core::client::{Client, Effect};
use sync_core::digest::Mark;
use sync_core::ids::{RecordId, ReplicaId};
use sync_core::protocol::SyncAnswer;
use uuid::Uuid;

use super::Failure;

/// What the first pull came to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Pulled {
    /// Records in the base.
    pub records: usize,
    /// Round trips.
    pub pages: usize,
    /// Bytes of the answers as they came, compressed.
    pub wire_bytes: usize,
    /// Bytes of the answers as they read.
    pub plain_bytes: usize,
    /// Bytes of the states that are kept.
    pub kept_bytes: usize,
    /// Seconds of the whole.
    pub seconds: f64,
    /// Seconds of them that the phone worked: unpacking, reading, joining.
    pub phone_seconds: f64,
    /// The most memory that the process held, MB (10^6 bytes).
    pub peak_mb: f64,
}

/// Pulls until nothing more comes.
///
/// # Errors
/// The server did not answer, or not with what can be read.
pub async fn pull_everything(url: &str, token: &str) -> Result<Pulled, Failure> {
    let http = reqwest::Client::new();
    let mut client = Client::new(ReplicaId(Uuid::new_v4()));
    let mut base: BTreeMap<RecordId, Box<str>> = BTreeMap::new();
    let mut pulled = Pulled::default();
    let began = Instant::now();
    // Comparing digests is another measurement: the phone has what it asked for when the feed ends.
    while let Some(request) = client.poll(0).filter(|request| request.pull.is_some()) {
        let body = serde_json::to_string(&request)?;
        let asked = http.post(format!("{url}/api/v1/sync")).bearer_auth(token).header(ACCEPT_ENCODING, "gzip");
        let answer = asked.header("content-type", "application/json").body(body).send().await?.error_for_status()?;
        let is_packed = answer.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let bytes = answer.bytes().await?;
        let worked = Instant::now();
        let mut text = String::new();
        if is_packed {
            GzDecoder::new(bytes.as_ref()).read_to_string(&mut text)?;
        } else {
            text.push_str(str::from_utf8(&bytes)?);
        }
        pulled.pages = pulled.pages.saturating_add(1);
        pulled.wire_bytes = pulled.wire_bytes.saturating_add(bytes.len());
        pulled.plain_bytes = pulled.plain_bytes.saturating_add(text.len());
        let answer: SyncAnswer = serde_json::from_str(&text)?;
        let more = answer.pull.as_ref().is_some_and(|pull| pull.more);
        for effect in client.handle_answer(answer) {
            if let Effect::Merge(record) = &effect {
                let state = record.to_json();
                client.note_base(record.id, None, Some(Mark::of_json(&state)));
                base.insert(record.id, state.into());
            }
            client.restore(effect);
        }
        pulled.phone_seconds += worked.elapsed().as_secs_f64();
        if !more {
            break;
        }
    }
    pulled.seconds = began.elapsed().as_secs_f64();
    pulled.records = base.len();
    pulled.kept_bytes = base.values().map(|state| state.len()).sum();
    pulled.peak_mb = peak_mb("self")?;
    Ok(pulled)
}

/// The most memory that a process has held so far, in MB (10^6 bytes), as Linux counts it.
///
/// # Errors
/// There is no such process, or no such system.
pub fn peak_mb(process: &str) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0 / 1e6)
}

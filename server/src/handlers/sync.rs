//! The sync protocol over HTTP: the round trip, and its halves. What is taken is durable before the answer.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::value::RawValue;
use sync_core::ids::ReplicaId;
use sync_core::limits::{BODY_BYTES_MAX, PHOTOS_ASKED_MAX};
use sync_core::protocol::{
    Compare, CompareAnswer, Outcome, Pull, PullAnswer, Push, PushAnswer, SyncAnswer, SyncRequest,
};
use sync_core::time::Ms;

use crate::app::App;
use crate::db::Scope;
use crate::db::devices::Device;
use crate::error::{Problem, ok};
use crate::extract::{Authenticated, Body, Json};
use crate::limits::DEVICE_NOTED_EVERY_MS;
use crate::photos::hash::{ContentHash, read_all};
use crate::photos::receipts::receipts;
use crate::sync::push::{Batch, Sender};
use crate::sync::{pull, push};

impl Body for SyncRequest {
    const BYTES_MAX: usize = BODY_BYTES_MAX;
}

/// A push alone.
#[derive(Debug, Deserialize)]
pub struct PushRequest {
    sent_at_ms: Ms,
    replica: ReplicaId,
    first_seq: u64,
    versions: Vec<Box<RawValue>>,
    #[serde(default)]
    refused: Vec<Outcome>,
}

impl Body for PushRequest {
    const BYTES_MAX: usize = BODY_BYTES_MAX;
}

impl Body for Pull {}

/// POST /api/v1/sync: push, pull and "which photos do you lack" in one round trip.
pub async fn round_trip(
    app: web::Data<App>,
    who: Authenticated,
    Json(request): Json<SyncRequest>,
) -> Result<HttpResponse, Problem> {
    let asked_photos = hashes(&request.photos)?;
    let pushed = match request.push {
        Some(push) => Some(take(&app, &who, push, request.sent_at_ms).await?),
        None => None,
    };
    let pull = match request.pull {
        Some(asked) => Some(read(&app, &who, asked, pushed.clone()).await?),
        None => None,
    };
    let compare = match request.compare {
        Some(asked) => Some(compare(&app, &who, asked).await?),
        None => None,
    };
    if let Some(unsent) = request.unsent {
        note_unsent(&app, &who, unsent).await;
    }
    let (photos_received, photos_wanted) = photos(&app, &who, asked_photos).await?;
    let push = pushed.map(|(answer, _)| answer);
    Ok(ok(&SyncAnswer { now_ms: app.clock.now_ms(), push, pull, photos_received, photos_wanted, compare }))
}

/// POST /api/v1/push: the first half alone.
pub async fn push(
    app: web::Data<App>,
    who: Authenticated,
    Json(request): Json<PushRequest>,
) -> Result<HttpResponse, Problem> {
    let PushRequest { sent_at_ms, replica, first_seq, versions, refused } = request;
    let push = Push { replica, first_seq, versions, refused };
    let (answer, _) = take(&app, &who, push, sent_at_ms).await?;
    Ok(ok(&answer))
}

/// POST /api/v1/pull: the second half alone.
pub async fn pull(app: web::Data<App>, who: Authenticated, Json(asked): Json<Pull>) -> Result<HttpResponse, Problem> {
    Ok(ok(&read(&app, &who, asked, None).await?))
}

async fn take(app: &App, who: &Authenticated, push: Push, sent_at_ms: Ms) -> Result<(PushAnswer, Arc<Batch>), Problem> {
    let batch = Arc::new(push::read(push)?);
    let sender = sender(app, who, sent_at_ms);
    let taken = Arc::clone(&batch);
    let answer = app.database.write(Scope::Township(sender.township), move |tx| taken.take(tx, &sender)).await?;
    push::count(&answer);
    Ok((answer, batch))
}

async fn read(
    app: &App,
    who: &Authenticated,
    asked: Pull,
    pushed: Option<(PushAnswer, Arc<Batch>)>,
) -> Result<PullAnswer, Problem> {
    let (township, caller) = (who.township, who.caller.clone());
    let pushed = pushed.filter(|_| asked.as_pushed);
    let answer = app.database.read(move |tx| {
        let brought = pushed.as_ref().map(|(answer, batch)| batch.brought(answer)).unwrap_or_default();
        Ok::<_, Problem>(pull::pull(tx, township, &caller, &asked, &brought)?)
    });
    let answer = answer.await?;
    metrics::counter!("hazard_records_pulled_total").increment(u64::try_from(answer.records.len()).unwrap_or(0));
    Ok(answer)
}

/// Notes how much waits on a phone. What was merged and read is told, whatever becomes of the note.
async fn note_unsent(app: &App, who: &Authenticated, unsent: u64) {
    if let Err(problem) = try_to_note_unsent(app, who, unsent).await {
        tracing::warn!(cause = problem.cause(), "how much waits on a phone is noted another time");
    }
}

/// Notes it, unless that was done a moment ago.
async fn try_to_note_unsent(app: &App, who: &Authenticated, unsent: u64) -> Result<(), Problem> {
    let (id, now_ms) = (who.device, app.now_ms());
    let device = app.database.read(move |tx| tx.device(id).map_err(Problem::from)).await?;
    let is_known = |device: Device| {
        device.unsent == Some(unsent) && now_ms < device.seen_at_ms.saturating_add(DEVICE_NOTED_EVERY_MS)
    };
    if device.is_some_and(is_known) {
        return Ok(());
    }
    let home = Scope::Township(who.township);
    app.database.write(home, move |tx| tx.device_told(id, unsent, now_ms).map_err(Problem::from)).await
}

async fn compare(app: &App, who: &Authenticated, asked: Compare) -> Result<CompareAnswer, Problem> {
    let (township, caller) = (who.township, who.caller.clone());
    metrics::counter!("hazard_comparisons_total").increment(1);
    app.database.read(move |tx| pull::compare(tx, township, &caller, &asked)).await
}

/// The named photos as hashes; checked before anything of the request is carried out.
fn hashes(asked: &[String]) -> Result<Vec<ContentHash>, Problem> {
    if asked.len() > PHOTOS_ASKED_MAX {
        return Err(Problem::field("photos", format!("Ask about at most {PHOTOS_ASKED_MAX} photos at once")));
    }
    read_all(asked)
}

/// The named photos, apart: those whose bytes the township has, and those that it lacks. In neither is what cannot be told now.
async fn photos(
    app: &App,
    who: &Authenticated,
    asked: Vec<ContentHash>,
) -> Result<(Vec<String>, Vec<String>), Problem> {
    let told = receipts(&app.database, &app.photos.store, who.township, asked).await?;
    let text = |hashes: Vec<ContentHash>| hashes.iter().map(ToString::to_string).collect();
    Ok((text(told.received), text(told.wanted)))
}

/// Who sends, and when, with how far their clock is off.
pub(super) fn sender(app: &App, who: &Authenticated, sent_at_ms: Ms) -> Sender {
    let received_at_ms = app.clock.now_ms();
    let ahead = i128::from(sent_at_ms).saturating_sub(i128::from(received_at_ms));
    Sender {
        caller: who.caller.clone(),
        township: who.township,
        device: who.device,
        received_at_ms,
        clock_offset_ms: i64::try_from(ahead).unwrap_or(i64::MAX),
    }
}

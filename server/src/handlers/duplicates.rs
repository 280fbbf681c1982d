//! Hazards that are likely the same: proposing them in pairs, joining two, telling two apart.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use sync_core::dots::VersionVector;
use sync_core::ids::RecordId;
use sync_core::permissions::may_decide;
use sync_core::protocol::Outcome;
use sync_core::record::Record;
use sync_core::time::township_date;

use super::ledger::unknown;
use super::page::Page;
use super::review::refused;
use super::sync::sender;
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::{Code, Problem, done, ok};
use crate::extract::{Authenticated, Body, Json};
use crate::ledger::duplicates::{self, Joined};
use crate::ledger::project::{is_void, villages_of};
use crate::ledger::read::{self, Line, asked_in};
use crate::sync::authored;
use crate::sync::push::Sender;

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// A pair, as it is sent.
#[derive(Serialize)]
struct PairView {
    one: Line,
    other: Line,
    alike_percent: usize,
    /// How far apart they are at most; absent where they have the same site.
    #[serde(skip_serializing_if = "Option::is_none")]
    metres: Option<u32>,
}

/// GET /api/v1/duplicates: pairs of open hazards that are likely the same, the most alike first.
pub async fn list(app: web::Data<App>, who: Authenticated) -> Result<HttpResponse, Problem> {
    let villages = villages_of(&who.caller);
    let read = app.database.read(move |tx| {
        let pairs = duplicates::likely(tx, who.township, villages.clone())?;
        Ok::<_, Problem>((pairs, asked_in(tx, [who.township])?))
    });
    let (pairs, asked) = read.await?;
    let asked = asked.get(&who.township).map(Vec::as_slice).unwrap_or_default();
    let today = township_date(app.clock.now_ms());
    let row = |pair: duplicates::Pair| PairView {
        one: Line::on(pair.one, &today, asked, None),
        other: Line::on(pair.other, &today, asked, None),
        alike_percent: pair.likeness.alike_percent,
        metres: pair.likeness.metres,
    };
    Ok(ok(&Page { rows: pairs.into_iter().map(row).collect(), next: None }))
}

/// Which hazard goes, and which stays for it.
#[derive(Clone, Debug, Deserialize)]
pub struct Joining {
    kept: RecordId,
    gone: RecordId,
    /// What was seen of each: its `seen`.
    kept_seen: VersionVector,
    gone_seen: VersionVector,
    reason: String,
}

impl Body for Joining {}

/// POST /api/v1/duplicates/join: voids one of two hazards as the same as the other, which takes the stricter level and deadline.
pub async fn join(app: web::Data<App>, who: Authenticated, Json(body): Json<Joining>) -> Result<HttpResponse, Problem> {
    supervisor(&who)?;
    let chars = body.reason.trim().chars().count();
    if chars == 0 || chars > REASON_CHARS_MAX {
        return Err(Problem::field("reason", format!("Say why, in 1 to {REASON_CHARS_MAX} characters")));
    }
    if body.kept == body.gone {
        return Err(Problem::field("gone", "Another hazard than the one that is kept"));
    }
    let by = sender(&app, &who, app.clock.now_ms());
    Ok(ok(&app.database.write(Scope::Township(by.township), move |tx| join_now(tx, &by, &body)).await?))
}

fn join_now(tx: &mut dyn Transaction, by: &Sender, body: &Joining) -> Result<Vec<Outcome>, Problem> {
    let kept = standing_hazard(tx, by, body.kept)?;
    let gone = standing_hazard(tx, by, body.gone)?;
    for (record, seen) in [(&kept, &body.kept_seen), (&gone, &body.gone_seen)] {
        authored::demand_seen(tx, by, record, seen)?;
    }
    let kept = Joined { record: &kept, seen: body.kept_seen.clone() };
    let gone = Joined { record: &gone, seen: body.gone_seen.clone() };
    let writings = duplicates::joining(tx, by.township, kept, gone, body.reason.trim())?.map_err(|lost| {
        Problem::new(Code::LedgerSafer, "Keep the other one, or bring the kept one up to it first").with("lost", lost)
    })?;
    authored::write(tx, by, &writings)?.map_err(|refusal| refused(&refusal))
}

fn standing_hazard(tx: &mut dyn Transaction, by: &Sender, id: RecordId) -> Result<Record, Problem> {
    let record = read::visible(tx, by.township, &by.caller, id)?;
    let record = record.filter(|record| record.kind == "hazard").ok_or_else(unknown)?;
    if is_void(tx, by.township, &record)? { Err(unknown()) } else { Ok(record) }
}

/// Whether two hazards are apart.
#[derive(Clone, Debug, Deserialize)]
pub struct Telling {
    one: RecordId,
    other: RecordId,
    /// `false` takes it back.
    apart: bool,
}

impl Body for Telling {}

/// POST /api/v1/duplicates/apart: two hazards are not the same, and are proposed no more; or that is taken back.
pub async fn apart(
    app: web::Data<App>,
    who: Authenticated,
    Json(body): Json<Telling>,
) -> Result<HttpResponse, Problem> {
    supervisor(&who)?;
    let by = sender(&app, &who, app.clock.now_ms());
    let told = app.database.write(Scope::Township(by.township), move |tx| {
        for id in [body.one, body.other] {
            read::visible(tx, by.township, &by.caller, id)?
                .filter(|record| record.kind == "hazard")
                .ok_or_else(unknown)?;
        }
        let pair = (body.one, body.other);
        if body.apart {
            tx.tell_apart(by.township, pair, by.caller.account, by.received_at_ms)?;
        } else {
            tx.forget_told_apart(by.township, pair)?;
        }
        Ok::<_, Problem>(())
    });
    told.await?;
    Ok(done())
}

fn supervisor(who: &Authenticated) -> Result<(), Problem> {
    if may_decide(who.caller.role) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "A supervisor decides whether two hazards are the same"))
}

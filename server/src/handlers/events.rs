//! Telling a client that its township's feed has moved, for as long as it listens.

use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::error::{Problem, Success};
use crate::events;
use crate::extract::Authenticated;
use crate::limits::EVENT_HEARTBEAT;

/// `GET events`: server-sent events, `feed` with the position of the township's feed, never with what is in it. Ends with
/// the access token: the client refreshes it and listens again.
///
/// # Errors
/// `too_many_streams`; those of an access token; the database failed.
pub async fn listen(app: web::Data<App>, who: Authenticated) -> Result<HttpResponse, Problem> {
    let seat = app.seats.take(who.account())?;
    let (township, feeds) = (who.township, app.database.feeds());
    let moved = feeds.subscribe(township);
    // Looked up after the subscription, so that what is committed in between is told by one of the two.
    let end = app.database.read(move |tx| tx.feed_end(township).map_err(Problem::from)).await?;
    feeds.tell(township, end);
    let life = Duration::from_millis(who.expires_at_ms.saturating_sub(app.now_ms()));
    let answer = Success::Whole
        .answer()
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Compression would hold events back until there is enough of them.
        .insert_header(ContentEncoding::Identity)
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events::body(seat, moved, EVENT_HEARTBEAT, life));
    Ok(answer)
}

//! Photos as they are shown: the original or a reduced picture, or a preview while the original is on its way. How bytes are
//! sent is in `photos::send`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use sync_core::ids::TownshipId;

use crate::app::App;
use crate::db::blobs::Blob;
use crate::error::{Code, Problem, done};
use crate::extract::{Authenticated, Raw, Reader};
use crate::ledger::reach;
use crate::limits::PREVIEW_BYTES_MAX;
use crate::photos::hash::ContentHash;
use crate::photos::names::BlobName;
use crate::photos::send::{Sent, is_unchanged, send, unchanged};
use crate::photos::sight::Sight;
use crate::photos::storage_problem;
use crate::photos::variants::VariantSize;
use crate::photos::workshop::lost;

/// Which picture of a photo is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Wanted {
    /// 256 px: lists and maps.
    #[serde(rename = "256")]
    Small,
    /// 1280 px: a screen, a page.
    #[default]
    #[serde(rename = "1280")]
    Large,
    /// The bytes as they came.
    #[serde(rename = "original")]
    Original,
}

/// The query of `GET photos/{sha256}`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PhotoQuery {
    #[serde(default)]
    variant: Wanted,
    township: Option<TownshipId>,
}

/// `GET` and `HEAD photos/{sha256}?variant=256|1280|original`: a photo that the caller may see; of the original also one
/// range of bytes.
///
/// # Errors
/// `photo_unknown`, `photo_pending`, `variant_unavailable`, `range_unsatisfiable`, `busy`.
pub async fn show(
    app: web::Data<App>,
    me: Reader,
    hash: web::Path<ContentHash>,
    query: web::Query<PhotoQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let hash = hash.into_inner();
    let over = me.over(query.township)?;
    let seen = app.database.read(move |tx| reach::photo(tx, &over, &me.caller, hash).map_err(Problem::from)).await?;
    match seen {
        Sight::Unknown => Err(Problem::new(Code::PhotoUnknown, "No record that you may see names this photo")),
        Sight::Pending(township) => {
            let waits = Problem::new(Code::PhotoPending, "Its record is here; its bytes are on their way");
            preview_or(waits, &app, (township, hash), query.variant, &request).await
        }
        Sight::Stored(photo) => stored(&app, &photo, query.variant, &request).await,
    }
}

/// `PUT photos/{sha256}/preview`: a small JPEG of a photo whose record is here and whose bytes cannot come yet. It is no receipt.
///
/// # Errors
/// `photo_unknown`, `preview_unusable`, `body_too_large`, `busy`.
pub async fn keep_preview(
    app: web::Data<App>,
    me: Authenticated,
    hash: web::Path<ContentHash>,
    Raw(sent): Raw<PREVIEW_BYTES_MAX>,
) -> Result<HttpResponse, Problem> {
    app.photos.previews.keep(me.township, me.caller, hash.into_inner(), sent).await?;
    Ok(done())
}

async fn stored(app: &App, photo: &Blob, wanted: Wanted, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let shown = match wanted {
        Wanted::Original => original(app, photo, request).await,
        Wanted::Small => reduced(app, photo.hash, VariantSize::Small, request).await,
        Wanted::Large => reduced(app, photo.hash, VariantSize::Large, request).await,
    };
    match shown {
        Err(gone) if gone.code() == Code::PhotoPending => {
            preview_or(gone, app, (photo.township, photo.hash), wanted, request).await
        }
        shown => shown,
    }
}

/// In place of the small variant of a photo whose bytes are not here: the preview that a phone has sent, or the problem.
async fn preview_or(
    problem: Problem,
    app: &App,
    (township, hash): (TownshipId, ContentHash),
    wanted: Wanted,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    if wanted != Wanted::Small {
        return Err(problem);
    }
    let blob = app.photos.previews.open(township, hash).await?.ok_or(problem)?;
    let etag = format!("\"{hash}-preview\"");
    Ok(send(request, blob, &Sent { content_type: "image/jpeg", etag, ranges: false, is_preview: true }))
}

async fn original(app: &App, photo: &Blob, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let etag = format!("\"{}-original\"", photo.hash);
    if is_unchanged(request, &etag) {
        return Ok(unchanged(&etag));
    }
    let found = app.photos.store.open(BlobName::original(photo.hash)).await.map_err(storage_problem)?;
    let sent = Sent { content_type: &photo.content_type, etag, ranges: true, is_preview: false };
    Ok(send(request, found.ok_or_else(lost)?, &sent))
}

async fn reduced(
    app: &App,
    hash: ContentHash,
    size: VariantSize,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let etag = format!("\"{hash}-{}\"", size.long_edge_px());
    if is_unchanged(request, &etag) {
        return Ok(unchanged(&etag));
    }
    let blob = app.photos.workshop.variant(hash, size).await?;
    Ok(send(request, blob, &Sent { content_type: "image/jpeg", etag, ranges: false, is_preview: false }))
}

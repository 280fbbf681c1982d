//! Photos as they are shown: the original or a reduced picture. How bytes are sent is in `photos::send`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use sync_core::ids::TownshipId;

use crate::app::App;
use crate::db::blobs::Blob;
use crate::error::{Code, Problem};
use crate::extract::Reader;
use crate::ledger::reach;
use crate::photos::hash::ContentHash;
use crate::photos::send::{Sent, is_unchanged, send, unchanged};
use crate::photos::sight::Sight;
use crate::photos::storage_problem;
use crate::photos::store::BlobName;
use crate::photos::variants::VariantSize;

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
        Sight::Pending => Err(Problem::new(Code::PhotoPending, "Its record is here; its bytes are on their way")),
        Sight::Stored(photo) => match query.variant {
            Wanted::Original => original(&app, &photo, &request).await,
            Wanted::Small => reduced(&app, hash, VariantSize::Small, &request).await,
            Wanted::Large => reduced(&app, hash, VariantSize::Large, &request).await,
        },
    }
}

async fn original(app: &App, photo: &Blob, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let etag = format!("\"{}-original\"", photo.hash);
    if is_unchanged(request, &etag) {
        return Ok(unchanged(&etag));
    }
    let found = app.photos.store.open(BlobName::original(photo.hash)).await.map_err(storage_problem)?;
    let lost =
        || Problem::new(Code::PhotoPending, "Its bytes are lost here; a phone that has them may send them again");
    Ok(send(request, found.ok_or_else(lost)?, &Sent { content_type: &photo.content_type, etag, ranges: true }))
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
    Ok(send(request, blob, &Sent { content_type: "image/jpeg", etag, ranges: false }))
}

//! The background map: what it is, and its tiles.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::db::tiles::TileAt;
use crate::error::{Code, Problem, Success, ok};
use crate::extract::Person;
use crate::photos::send::{CACHE, is_unchanged, unchanged};

/// `GET map`: the map's name, attribution, levels, bounds, and the id under which its tiles are.
///
/// # Errors
/// `not_found` where the server has none, `busy`.
pub async fn facts(app: web::Data<App>, _: Person) -> Result<HttpResponse, Problem> {
    Ok(ok(&app.map.facts().await?))
}

/// `GET map/{id}/{z}/{x}/{y}`: a tile, with rows counted from the north. Under one id it never changes.
///
/// # Errors
/// `not_found` where there is no such tile or the map is another by now, `busy`.
pub async fn tile(
    app: web::Data<App>,
    _: Person,
    path: web::Path<(String, u8, u32, u32)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, zoom, column, row) = path.into_inner();
    let outside = || Problem::new(Code::NotFound, "There is no such tile in the world");
    let at = TileAt::new(zoom, column, row).ok_or_else(outside)?;
    let etag = format!("\"{id}-{zoom}-{column}-{row}\"");
    let tile = app.map.tile(id, at).await?;
    if is_unchanged(&request, &etag) {
        return Ok(unchanged(&etag));
    }
    Ok(Success::Whole
        .answer()
        .insert_header((header::CONTENT_TYPE, tile.content_type))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::ETAG, etag))
        .insert_header(CACHE)
        .body(tile.bytes))
}

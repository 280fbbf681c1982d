//! Uploads by tus 1.0.0: creation (with upload), head, patch, termination. Headers are read in `photos::tus`, and what
//! they do is decided in `photos::uploads`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::error::{Problem, Success, done};
use crate::extract::Authenticated;
use crate::photos::hash::ContentHash;
use crate::photos::tus::{self, ChunkHead};
use crate::photos::uploads::{Standing, Uploader};

impl From<&Authenticated> for Uploader {
    fn from(me: &Authenticated) -> Self {
        Self { township: me.township, account: me.account(), device: me.device }
    }
}

/// `OPTIONS uploads`: what is spoken, to anybody.
pub async fn describe() -> HttpResponse {
    let mut answer = Success::Done.answer();
    tus::describe(&mut answer);
    answer.finish()
}

/// `POST uploads`: begins an upload or finds it again; a body of the chunk type is its beginning. `Upload-Offset` says
/// where it stands: at its end when the township has the photo already.
pub async fn create(app: web::Data<App>, me: Authenticated, request: HttpRequest, body: web::Payload) -> HttpResponse {
    answered(begin(app, &me, &request, body).await)
}

async fn begin(
    app: web::Data<App>,
    me: &Authenticated,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (announced, head) = (tus::announced(request.headers())?, tus::chunk_head(request.headers())?);
    let mut standing = app.photos.uploads.create(me.into(), announced).await?;
    if let Some(head) = head.filter(|_| standing.received < standing.length) {
        standing = take_in(&app, me.into(), announced.hash, None, head, body).await?;
    }
    let mut answer = Success::Made.answer();
    tus::tell(&mut answer, &standing);
    Ok(answer.insert_header((header::LOCATION, tus::location(announced.hash))).finish())
}

/// `HEAD uploads/{sha256}`: where the upload stands.
pub async fn find(app: web::Data<App>, me: Authenticated, hash: web::Path<ContentHash>) -> HttpResponse {
    let hash = hash.into_inner();
    let found = app.photos.uploads.find((&me).into(), hash).await;
    answered(found.map(|standing| {
        let mut answer = Success::Whole.answer();
        tus::tell(&mut answer, &standing);
        answer.insert_header(("upload-metadata", tus::metadata_of(hash)));
        answer.finish()
    }))
}

/// `PATCH uploads/{sha256}`: a chunk from `Upload-Offset` on.
pub async fn append(
    app: web::Data<App>,
    me: Authenticated,
    hash: web::Path<ContentHash>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    answered(go_on(app, &me, hash.into_inner(), &request, body).await)
}

async fn go_on(
    app: web::Data<App>,
    me: &Authenticated,
    hash: ContentHash,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let head = tus::chunk_head(request.headers())?.ok_or_else(tus::wrong_type)?;
    let offset = tus::offset(request.headers())?;
    let standing = take_in(&app, me.into(), hash, Some(offset), head, body).await?;
    let mut answer = Success::Done.answer();
    tus::tell(&mut answer, &standing);
    Ok(answer.finish())
}

/// Takes in a body in a task of its own: when the phone is cut off and its request is dropped, what came is still kept.
async fn take_in(
    app: &App,
    who: Uploader,
    hash: ContentHash,
    offset: Option<u64>,
    head: ChunkHead,
    body: web::Payload,
) -> Result<Standing, Problem> {
    let photos = app.photos.clone();
    let taken = actix_web::rt::spawn(async move {
        let standing = photos.uploads.append(who, hash, offset, head, body).await?;
        if standing.received == standing.length {
            photos.workshop.prepare(hash);
        }
        Ok(standing)
    });
    taken.await.map_err(Problem::internal)?
}

/// `DELETE uploads/{sha256}`: ends an unfinished upload and removes its bytes.
///
/// # Errors
/// `upload_unknown`, `upload_finished`, `upload_busy`.
pub async fn end(
    app: web::Data<App>,
    me: Authenticated,
    hash: web::Path<ContentHash>,
) -> Result<HttpResponse, Problem> {
    app.photos.uploads.end((&me).into(), hash.into_inner()).await?;
    Ok(done())
}

/// The answer, or the problem as one that also tells its offset in a header.
fn answered(outcome: Result<HttpResponse, Problem>) -> HttpResponse {
    outcome.unwrap_or_else(tus::answer_to)
}

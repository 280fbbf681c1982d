//! Where browsers begin, and the files of the apps.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::Problem;
use crate::pages;

/// `GET /`: the way to the inspector's app for phones, to the office's desk for everything else. Browsers of phones have said
/// `Mobi` since long (MDN: Browser detection using the user agent).
pub async fn entrance(request: HttpRequest) -> HttpResponse {
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    to(if agent.is_some_and(|agent| agent.contains("Mobi")) { "/field/" } else { "/office/" })
}

/// `GET /field`: the inspector's app.
pub async fn field_entrance() -> HttpResponse {
    to("/field/")
}

/// `GET /enrol`: what the QR code of an enrolment holds, also for a phone's own camera. The code stands after `#`, which a browser
/// takes along and sends to nobody.
pub async fn enrol_entrance() -> HttpResponse {
    to("/field/sign-in")
}

/// `GET /office`: the office's desk.
pub async fn office_entrance() -> HttpResponse {
    to("/office/")
}

fn to(app: &'static str) -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, app)).insert_header((header::VARY, "user-agent")).finish()
}

/// `GET` and `HEAD /field/{path}`: a page or a file of the inspector's app.
///
/// # Errors
/// `not_found`.
pub async fn field(path: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    pages::of("field", &path, &request)
}

/// `GET` and `HEAD /office/{path}`: a page or a file of the office's desk.
///
/// # Errors
/// `not_found`.
pub async fn office(path: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    pages::of("office", &path, &request)
}

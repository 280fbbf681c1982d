//! Where browsers begin, and the files of the apps.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::Problem;
use crate::pages;

/// `GET /` and `GET /field`: the way to the inspector's app.
pub async fn entrance() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/field/")).finish()
}

/// `GET` and `HEAD /field/{path}`: a page or a file of the inspector's app.
///
/// # Errors
/// `not_found`.
pub async fn field(path: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    pages::of("field", &path, &request)
}

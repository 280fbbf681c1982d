//! What is seen of a request: its id, one log line, its count and its time. Never a token, a name, a phone or a body:
//! addresses are logged as route patterns, without their parameters.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use tracing::Instrument;
use uuid::Uuid;

use crate::error::Problem;
use crate::extract::client_address;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of a request id that a proxy may bring; longer ones are replaced.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// The id of a request, as it was sent by a proxy or made here; found in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The middleware around every request.
///
/// # Errors
/// Those of the inner services, unchanged.
pub async fn observe<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let began = Instant::now();
    let id = request_id(&request);
    let method = method_label(request.method());
    let client = client_address(request.request()).map_or_else(|_| "-".to_owned(), |address| address.to_string());
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request_id = %id, client, method, route = %route);
    let mut outcome = next.call(request).instrument(span.clone()).await;
    let _entered = span.enter();
    let status = match &mut outcome {
        Ok(response) => {
            if let Ok(value) = HeaderValue::from_str(&id) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            log_problem(response.response().error());
            response.status().as_u16()
        }
        Err(error) => {
            log_problem(Some(error));
            error.as_response_error().status_code().as_u16()
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    let labels = [("method", method.to_owned()), ("route", route), ("status", status.to_string())];
    metrics::counter!("hazard_http_requests_total", &labels).increment(1);
    metrics::histogram!("hazard_http_request_seconds", &labels).record(seconds);
    tracing::info!(status, seconds, "answered");
    outcome
}

/// Logs why a request failed: faults of the server as errors, refusals only for who looks closely.
fn log_problem(error: Option<&Error>) {
    let Some(error) = error else { return };
    match error.as_error::<Problem>() {
        Some(problem) if problem.code().status().is_server_error() => {
            tracing::error!(code = problem.code().name(), cause = problem.cause().unwrap_or("-"), "request failed");
        }
        Some(problem) => tracing::info!(code = problem.code().name(), "request refused"),
        None => tracing::info!(cause = %error, "request refused by the framework"),
    }
}

/// A few known methods; a client cannot make up labels without end.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn request_id(request: &ServiceRequest) -> String {
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|text| is_sane(text))
        .map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned)
}

fn is_sane(text: &str) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_request_ids_are_taken_over() {
        assert!(is_sane("7f3a-01.b_2"));
        for odd in ["", "a b", "x\ny", "号", &"x".repeat(65)] {
            assert!(!is_sane(odd), "{odd:?}");
        }
    }
}

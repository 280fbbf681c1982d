//! Every address of the server on one page.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, PathConfig, QueryConfig, ServiceConfig};

use crate::error::{Code, Problem};
use crate::handlers::{accounts, auth, carried, devices, events, health, ledger, photos, review, sync, uploads};
use crate::photos::tus;
use crate::rate;
use crate::resource::at;

/// Adds every address, and what is answered elsewhere.
pub fn configure(config: &mut ServiceConfig) {
    config
        .app_data(
            PathConfig::default()
                .error_handler(|_, _| Problem::new(Code::NotFound, "A part of the address is not an id").into()),
        )
        .app_data(QueryConfig::default().error_handler(|error, _| {
            Problem::new(Code::MalformedRequest, "The query cannot be read").with("reason", error.to_string()).into()
        }))
        .service(at("/healthz").get(health::alive))
        .service(at("/readyz").get(health::ready))
        .service(at("/metrics").get(health::metrics))
        .service(web::scope("/api/v1").wrap(from_fn(rate::limit)).configure(api))
        .default_service(web::route().to(nowhere));
}

fn api(config: &mut ServiceConfig) {
    config
        .service(at("/auth/login").post(auth::login))
        .service(at("/auth/enrol").post(auth::enrol))
        .service(at("/auth/refresh").post(auth::refresh))
        .service(at("/auth/logout").post(auth::logout))
        .service(at("/me").get(accounts::me))
        .service(at("/accounts").get(accounts::list).post(accounts::create))
        .service(at("/accounts/{id}").patch(accounts::change))
        .service(at("/accounts/{id}/enrolments").post(accounts::enrol))
        .service(at("/devices").get(devices::list))
        .service(at("/devices/{id}/revoke").post(devices::revoke))
        .service(at("/sync").post(sync::round_trip))
        .service(at("/push").post(sync::push))
        .service(at("/pull").post(sync::pull))
        .service(at("/batches").post(carried::import))
        .service(at("/events").get(events::listen))
        .service(at("/hazards").get(ledger::hazards))
        .service(at("/records/{id}").get(ledger::record))
        .service(at("/records/{id}/history").get(ledger::history))
        .service(at("/records/{id}/resolve").post(review::resolve))
        .service(at("/conflicts").get(review::conflicts))
        .service(at("/quarantine").get(review::quarantine))
        .service(at("/quarantine/{replica}/{seq}/repair").post(review::repair))
        .service(at("/quarantine/{replica}/{seq}/dismiss").post(review::dismiss))
        .service(at("/photos/{sha256}").get(photos::show).on(&Method::HEAD, photos::show))
        .service(
            web::scope("/uploads")
                .wrap(from_fn(tus::speak))
                .service(at("").on(&Method::OPTIONS, uploads::describe).post(uploads::create))
                .service(
                    at("/{sha256}")
                        .on(&Method::OPTIONS, uploads::describe)
                        .on(&Method::HEAD, uploads::find)
                        .patch(uploads::append)
                        .on(&Method::DELETE, uploads::end),
                )
                .default_service(web::route().to(nowhere)),
        )
        .default_service(web::route().to(nowhere));
}

async fn nowhere() -> Result<actix_web::HttpResponse, Problem> {
    Err(Problem::new(Code::NotFound, "No such address; docs/protocol.md lists them"))
}

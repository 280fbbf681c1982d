//! Every address of the server on one page.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, PathConfig, QueryConfig, ServiceConfig};

use crate::error::{Code, Problem};
use crate::handlers::{
    accounts, audit, auth, calendar, campaigns, carried, comments, devices, duplicates, events, export, health, ledger,
    map, office, overview, pages, photos, review, saved, sync, townships, uploads,
};
use crate::photos::tus;
use crate::rate;
use crate::resource::{Address, Route, at};

/// Where phones and screens ask.
const API: &str = "/api/v1";

/// Where photos are uploaded, below [`API`].
const UPLOADS: &str = "/uploads";

/// Adds every address, and what is answered elsewhere.
pub fn configure(config: &mut ServiceConfig) {
    config
        .app_data(
            PathConfig::default()
                .error_handler(|_, _| Problem::new(Code::NotFound, "A part of the address is not an id").into()),
        )
        .app_data(QueryConfig::default().error_handler(|error, _| {
            Problem::new(Code::MalformedRequest, "The query cannot be read").with("reason", error.to_string()).into()
        }));
    add(config, operation());
    add(config, apps());
    config
        .service(web::scope(API).wrap(from_fn(rate::limit)).configure(|config| {
            add(config, api());
            let uploads = web::scope(UPLOADS).wrap(from_fn(tus::speak)).configure(|config| add(config, uploads()));
            config.service(uploads.default_service(web::route().to(nowhere)));
            config.default_service(web::route().to(nowhere));
        }))
        .default_service(web::route().to(nowhere));
}

/// Everything that the server answers, in order: made of the same lists as [`configure`].
#[must_use]
pub fn table() -> Vec<Route> {
    let uploads_at = [API, UPLOADS].concat();
    let parts = [("", operation()), ("", apps()), (API, api()), (uploads_at.as_str(), uploads())];
    parts.iter().flat_map(|(scope, list)| list.iter().flat_map(|address| address.routes(scope))).collect()
}

fn add(config: &mut ServiceConfig, addresses: Vec<Address>) {
    for address in addresses {
        config.service(address);
    }
}

fn operation() -> Vec<Address> {
    vec![at("/healthz").get(health::alive), at("/readyz").get(health::ready), at("/metrics").get(health::metrics)]
}

fn apps() -> Vec<Address> {
    vec![
        at("/").get(pages::entrance),
        at("/enrol").get(pages::enrol_entrance),
        at("/field").get(pages::field_entrance),
        at("/field/{path:.*}").get(pages::field).on(&Method::HEAD, pages::field),
        at("/office").get(pages::office_entrance),
        at("/office/{path:.*}").get(pages::office).on(&Method::HEAD, pages::office),
    ]
}

fn api() -> Vec<Address> {
    vec![
        at("/auth/login").post(auth::login),
        at("/auth/enrol").post(auth::enrol),
        at("/auth/refresh").post(auth::refresh),
        at("/auth/logout").post(auth::logout),
        at("/me").get(accounts::me),
        at("/accounts").get(accounts::list).post(accounts::create),
        at("/accounts/{id}").patch(accounts::change),
        at("/accounts/{id}/enrolments").post(accounts::enrol),
        at("/devices").get(devices::list),
        at("/devices/{id}/revoke").post(devices::revoke),
        at("/audit").get(audit::list),
        at("/views").get(saved::list).put(saved::replace),
        at("/sync").post(sync::round_trip),
        at("/push").post(sync::push),
        at("/pull").post(sync::pull),
        at("/batches").post(carried::import),
        at("/events").get(events::listen),
        at("/townships").get(townships::list),
        at("/hazards").get(ledger::hazards),
        at("/hazards.xlsx").get(export::workbook),
        at("/hazards.csv").get(export::table),
        at("/hazards/places").get(ledger::places),
        at("/duplicates").get(duplicates::list),
        at("/duplicates/join").post(duplicates::join),
        at("/duplicates/apart").post(duplicates::apart),
        at("/comments").get(comments::list),
        at("/overview").get(overview::overview),
        at("/due").get(calendar::due),
        at("/campaigns/{id}/coverage").get(campaigns::covered),
        at("/calendar").get(calendar::days),
        at("/calendar/deadline").get(calendar::deadline),
        at("/records").get(office::register).post(office::write),
        at("/records/{id}").get(ledger::record),
        at("/records/{id}/history").get(ledger::history),
        at("/records/{id}/resolve").post(review::resolve),
        at("/conflicts").get(review::conflicts),
        at("/quarantine").get(review::quarantine),
        at("/quarantine/{replica}/{seq}/repair").post(review::repair),
        at("/quarantine/{replica}/{seq}/dismiss").post(review::dismiss),
        at("/photos/{sha256}").get(photos::show).on(&Method::HEAD, photos::show),
        at("/photos/{sha256}/preview").put(photos::keep_preview),
        at("/map").get(map::facts),
        at("/map/{id}/{z}/{x}/{y}").get(map::tile),
    ]
}

fn uploads() -> Vec<Address> {
    vec![
        at("").on(&Method::OPTIONS, uploads::describe).post(uploads::create),
        at("/{sha256}")
            .on(&Method::OPTIONS, uploads::describe)
            .on(&Method::HEAD, uploads::find)
            .patch(uploads::append)
            .on(&Method::DELETE, uploads::end),
    ]
}

async fn nowhere() -> Result<actix_web::HttpResponse, Problem> {
    Err(Problem::new(Code::NotFound, "No such address; docs/protocol.md lists them"))
}

//! Every address of the server, asked with the ids of one township. What changes most comes last, so that what comes before
//! still has its object when the township's own people ask the same.

use hazard_tests::server::START_MS;
use serde_json::{Value, json};

use crate::attempt::{Attempt, attempt};
use crate::town::{CHUNK_TYPE, HALF, Town, metadata};

/// What a stranger who knows all ids of a township may try.
pub(crate) fn attempts(of: &Town) -> Vec<Attempt> {
    [operation(), map(), sync(of), ledger(of), review(of), photos(of), uploads(of), people(of), sessions(of)].concat()
}

fn operation() -> Vec<Attempt> {
    ["GET /healthz", "GET /readyz", "GET /metrics"].map(|route| attempt(route, &[])).to_vec()
}

/// The map is of the server and nobody's; here there is none.
fn map() -> Vec<Attempt> {
    let none: &[&str] = &["not_found"];
    vec![
        attempt("GET /api/v1/map", &[]).refused(none).closed_at_home(),
        attempt("GET /api/v1/map/{id}/{z}/{x}/{y}", &[&"0", &0, &0, &0]).refused(none).closed_at_home(),
    ]
}

fn sync(of: &Town) -> Vec<Attempt> {
    let round = |member: &str, value: Value| json!({"sent_at_ms": START_MS, member: value});
    let next = of.inspector.client.outbox().waiting().next().map_or(1, |(dot, _)| dot.seq);
    let push = json!({"replica": of.inspector.client.replica(), "first_seq": next, "versions": []});
    let mut alone = push.clone();
    alone["sent_at_ms"] = json!(START_MS);
    let foreign: &[&str] = &["replica_foreign"];
    vec![
        attempt("POST /api/v1/sync", &[]).json(round("pull", json!({"cursor": of.cursor}))),
        attempt("POST /api/v1/sync", &[]).json(round("push", push)).refused(foreign),
        attempt("POST /api/v1/sync", &[])
            .json(round("compare", json!({"records": [of.hazard, of.village]})))
            .empty("/compare/states/records"),
        attempt("POST /api/v1/sync", &[]).json(round("photos", json!([of.photo, of.half]))).empty("/photos_received"),
        attempt("POST /api/v1/push", &[]).json(alone).refused(foreign),
        attempt("POST /api/v1/pull", &[]).json(json!({"cursor": of.cursor})),
        attempt("POST /api/v1/pull", &[]).json(json!({})),
        attempt("POST /api/v1/batches", &[]).bytes(of.file.clone()).refused(&["file_forged"]),
        attempt("GET /api/v1/events", &[]),
    ]
}

fn ledger(of: &Town) -> Vec<Attempt> {
    let hazards = |query: String| attempt("GET /api/v1/hazards", &[]).query(&query);
    vec![
        attempt("GET /api/v1/townships", &[]),
        attempt("GET /api/v1/townships", &[]).query(&format!("?township={}", of.id)).refused(&["not_found"]),
        hazards(String::new()),
        hazards(format!("?township={}", of.id)).refused(&["not_found"]),
        hazards(format!("?village={}", of.village)).empty("/rows"),
        hazards(format!("?site={}", of.hazard)).empty("/rows"),
        hazards(format!("?after={}-{}", START_MS + 1, of.hazard)),
        hazards("?with_void=true&limit=500".to_owned()),
        attempt("GET /api/v1/overview", &[]),
        attempt("GET /api/v1/due", &[]),
        attempt("GET /api/v1/campaigns/{id}/coverage", &[&of.hazard]).refused(&["not_found"]).closed_at_home(),
        attempt("GET /api/v1/calendar", &[]).query("?from=2026-03-01&until=2026-03-31"),
        attempt("GET /api/v1/calendar/deadline", &[]).query("?working_days=5"),
        hazards("?due_until=9999-01-01&missing=funds".to_owned()),
        attempt("GET /api/v1/hazards.xlsx", &[]).query(&format!("?village={}", of.village)),
        attempt("GET /api/v1/hazards.csv", &[]).query(&format!("?village={}", of.village)),
        attempt("GET /api/v1/records", &[]).query("?kind=hazard"),
        attempt("GET /api/v1/records", &[]).query(&format!("?kind=hazard&village={}", of.village)).empty("/rows"),
        attempt("GET /api/v1/records/{id}", &[&of.hazard]).refused(&["not_found"]),
        attempt("GET /api/v1/records/{id}", &[&of.village]).refused(&["not_found"]),
        attempt("GET /api/v1/records/{id}/history", &[&of.hazard]).refused(&["not_found"]),
        attempt("GET /api/v1/records/{id}", &[&of.hazard])
            .query(&format!("?township={}", of.id))
            .refused(&["not_found"]),
        attempt("GET /api/v1/conflicts", &[]),
        attempt("GET /api/v1/conflicts", &[]).query(&format!("?township={}", of.id)).refused(&["not_found"]),
        attempt("GET /api/v1/conflicts", &[]).query(&format!("?after={}-a", of.hazard)),
        attempt("GET /api/v1/quarantine", &[]).query("?limit=500"),
        attempt("GET /api/v1/hazards/places", &[]).query(&format!("?village={}", of.village)).empty("/rows"),
        attempt("GET /api/v1/duplicates", &[]),
        attempt("GET /api/v1/comments", &[]).query("?state=open"),
        attempt("GET /api/v1/comments", &[]).query(&format!("?state=open&after={}", of.hazard)),
    ]
}

fn review(of: &Town) -> Vec<Attempt> {
    let decision = json!({"path": "description", "value": "二楼", "siblings": of.siblings});
    // A stranger's desk knows nothing of the record: to it this is a hazard that lacks nearly everything.
    let edit =
        json!({"record": of.hazard, "kind": "hazard", "village": of.village, "changes": {"description": "二楼"}});
    vec![
        attempt("POST /api/v1/records", &[])
            .json(json!({"edits": [edit]}))
            .refused(&["change_refused"])
            .closed_at_home(),
        attempt("POST /api/v1/records/{id}/resolve", &[&of.hazard]).json(decision).refused(&["not_found"]),
        attempt("POST /api/v1/duplicates/join", &[])
            .json(json!({"kept": of.hazard, "gone": of.village, "kept_seen": {}, "gone_seen": {}, "reason": "重复"}))
            .refused(&["not_found"])
            .closed_at_home(),
        attempt("POST /api/v1/duplicates/apart", &[])
            .json(json!({"one": of.hazard, "other": of.hazard, "apart": true}))
            .refused(&["not_found"]),
        attempt("POST /api/v1/quarantine/{replica}/{seq}/repair", &[&of.aside, &1])
            .json(json!({"changes": {"level": "major"}}))
            .refused(&["not_found"]),
        attempt("POST /api/v1/quarantine/{replica}/{seq}/dismiss", &[&of.aside, &2])
            .json(json!({"reason": "重复"}))
            .refused(&["not_found"]),
    ]
}

fn photos(of: &Town) -> Vec<Attempt> {
    let mut found = Vec::new();
    for query in ["?variant=original", "?variant=256", ""] {
        for route in ["GET /api/v1/photos/{sha256}", "HEAD /api/v1/photos/{sha256}"] {
            let shown = attempt(route, &[&of.photo]).query(query).refused(&["photo_unknown"]);
            // The bytes are no picture: only the original can be had at home.
            found.push(if query == "?variant=original" { shown } else { shown.closed_at_home() });
        }
    }
    let preview = attempt("PUT /api/v1/photos/{sha256}/preview", &[&of.photo]).bytes("a preview");
    found.push(preview.refused(&["photo_unknown"]));
    found
}

fn uploads(of: &Town) -> Vec<Attempt> {
    let spoken = |route, parts: &[&dyn std::fmt::Display]| attempt(route, parts).header("Tus-Resumable", "1.0.0");
    let begin = |hash: &str, bytes: usize| {
        spoken("POST /api/v1/uploads", &[]).header("Upload-Length", bytes).header("Upload-Metadata", metadata(hash))
    };
    let unknown: &[&str] = &["upload_unknown"];
    vec![
        attempt("OPTIONS /api/v1/uploads", &[]),
        attempt("OPTIONS /api/v1/uploads/{sha256}", &[&of.half]),
        spoken("HEAD /api/v1/uploads/{sha256}", &[&of.half]).refused(unknown),
        spoken("HEAD /api/v1/uploads/{sha256}", &[&of.photo]).refused(unknown),
        spoken("PATCH /api/v1/uploads/{sha256}", &[&of.half])
            .header("Upload-Offset", HALF)
            .header("Content-Type", CHUNK_TYPE)
            .bytes(&of.half_bytes[HALF..=HALF])
            .refused(unknown),
        spoken("DELETE /api/v1/uploads/{sha256}", &[&of.half]).refused(unknown),
        // A stranger begins uploads of their own, from the first byte.
        begin(&of.photo, of.photo_bytes.len()),
        begin(&of.half, of.half_bytes.len()),
    ]
}

fn people(of: &Town) -> Vec<Attempt> {
    let person = of.inspector.session.account;
    let username = format!("{}-inspector", of.secrets[0]);
    let same_name = json!({"username": username, "display_name": "x", "role": "inspector", "villages": [of.village]});
    vec![
        attempt("GET /api/v1/me", &[]),
        attempt("GET /api/v1/accounts", &[]),
        attempt("GET /api/v1/accounts", &[]).query(&format!("?after={}", &of.secrets[0][..2])),
        attempt("GET /api/v1/audit", &[]).query("?limit=500"),
        attempt("GET /api/v1/audit", &[]).query(&format!("?account={person}")).empty("/rows"),
        attempt("GET /api/v1/views", &[]),
        attempt("PUT /api/v1/views", &[]).json(json!({"views": [{"name": "a", "query": ""}]})),
        attempt("GET /api/v1/devices", &[]),
        attempt("GET /api/v1/devices", &[]).query(&format!("?account={person}")).empty("/devices"),
        attempt("GET /api/v1/devices", &[]).query(&format!("?after={}", of.inspector.session.device)),
        // Usernames are one list over all townships: that a name is taken is all that is told.
        attempt("POST /api/v1/accounts", &[]).json(same_name).refused(&["username_taken"]).closed_at_home(),
        attempt("POST /api/v1/accounts/{id}/enrolments", &[&person]).refused(&["not_found"]),
        attempt("PATCH /api/v1/accounts/{id}", &[&person])
            .json(json!({"display_name": "x", "role": "leader", "disabled": false}))
            .refused(&["not_found"]),
        attempt("POST /api/v1/devices/{id}/revoke", &[&of.inspector.session.device]).refused(&["not_found"]),
    ]
}

fn sessions(of: &Town) -> Vec<Attempt> {
    let person = format!("{}-inspector", of.secrets[0]);
    let wrong = json!({"username": person, "password": "wrong horse", "device_name": "x", "device_id": of.inspector.session.device});
    let refused: &[&str] = &["credentials_refused", "too_many_attempts"];
    let token = json!({"refresh_token": of.inspector.session.access_token});
    let code = json!({"code": "00000-00000", "device_name": "x"});
    vec![
        attempt("POST /api/v1/auth/login", &[]).json(wrong).refused(refused).closed_at_home(),
        attempt("POST /api/v1/auth/enrol", &[]).json(code).refused(&["enrolment_refused"]).closed_at_home(),
        attempt("POST /api/v1/auth/refresh", &[]).json(token).refused(&["refresh_unknown"]).closed_at_home(),
        attempt("POST /api/v1/auth/logout", &[]),
    ]
}

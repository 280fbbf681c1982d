//! All attempts, made by everybody of the other township: nothing is told, nothing changes, and every address is among them.

use std::collections::BTreeSet;

use hazard_tests::server::{Session, TestServer};
use server::resource::Route;
use server::routes;
use sync_core::people::Role;

use crate::attempt::{Answer, Attempt, Outcome};
use crate::attempts::attempts;
use crate::county::county_over;
use crate::rows::{assert_unchanged, rows_of};
use crate::town::Town;

/// What keeps a role out, whatever it names.
const BY_ROLE: [&str; 2] = ["forbidden", "county_reads_only"];

/// Files of the program, which are the same for everybody: nothing of a township is in them.
const APPS: [&str; 6] = ["/", "/enrol", "/field", "/field/{path:.*}", "/office", "/office/{path:.*}"];

/// The routes that attempts do not name, and those that they name although they are none.
fn unlike(routes: &[Route], attempts: &[Attempt]) -> Vec<String> {
    let of_townships = routes.iter().filter(|route| !APPS.contains(&route.path.as_str()));
    let there: BTreeSet<String> = of_townships.map(|route| format!("{} {}", route.method, route.path)).collect();
    let tried: BTreeSet<String> =
        attempts.iter().map(|attempt| format!("{} {}", attempt.method, attempt.route)).collect();
    there.symmetric_difference(&tried).cloned().collect()
}

/// What of a township's secrets an answer tells that its request did not say. Strangers who were appointed to one of its
/// villages have that id in their own accounts.
fn told<'a>(answer: &Answer, attempt: &Attempt, of: &'a Town) -> Vec<&'a String> {
    let is_of_accounts = ["/api/v1/me", "/api/v1/accounts"].contains(&attempt.route);
    let is_known = |secret: &str| attempt.names(secret) || (is_of_accounts && secret == of.village.to_string());
    let secrets = of.secrets.iter().filter(|secret| !is_known(secret));
    secrets.filter(|secret| answer.text.contains(secret.as_str())).collect()
}

/// Makes one attempt as all strangers, and looks at what came of it.
async fn try_as_strangers(server: &TestServer, attempt: &Attempt, of: &Town, strangers: &[&Session]) {
    let mut codes = Vec::new();
    for who in strangers {
        let answer = attempt.make(server, Some(who)).await;
        let told = told(&answer, attempt, of);
        assert!(told.is_empty(), "{attempt:?} tells {told:?}: {}", answer.text);
        let is_done = (200..300).contains(&answer.status);
        match &attempt.outcome {
            Outcome::Refused(_) if attempt.method == "HEAD" => {
                assert!([403, 404].contains(&answer.status), "{attempt:?}");
            }
            Outcome::Refused(expected) => {
                let code = answer.code.as_str();
                assert!(expected.contains(&code) || BY_ROLE.contains(&code), "{attempt:?}: {}", answer.text);
            }
            Outcome::Empty(pointer) if is_done => {
                // Empty lists may be left out.
                let list = answer.json.pointer(pointer).and_then(|list| list.as_array());
                assert!(list.is_none_or(Vec::is_empty), "{attempt:?}: {}", answer.text);
            }
            Outcome::Empty(_) | Outcome::Own => {
                assert!(
                    is_done || [&BY_ROLE[..], &["invalid_field"]].concat().contains(&answer.code.as_str()),
                    "{attempt:?}: {}",
                    answer.text
                );
            }
        }
        codes.push(if is_done { "done".to_owned() } else { answer.code });
    }
    let wanted = match &attempt.outcome {
        Outcome::Refused(expected) => expected[0],
        Outcome::Empty(_) | Outcome::Own => "done",
    };
    assert!(attempt.method == "HEAD" || codes.iter().any(|code| code == wanted), "{attempt:?}: {codes:?}");
}

#[actix_web::test]
async fn nobody_of_one_township_reads_or_changes_anything_of_another_at_any_address() {
    let server = TestServer::start().await;
    let (one, two) = (Town::found(&server, "jiaxiang").await, Town::found(&server, "yixiang").await);
    one.work_at_the_desk(&server).await;
    two.work_at_the_desk(&server).await;
    let trials = [(&one, &two, "jiaxiang-stray"), (&two, &one, "yixiang-stray")];
    let (mut strays, mut counties) = (Vec::new(), Vec::new());
    for (own, of, word) in trials {
        // An inspector whom a careless administrator has appointed to a village of the other township.
        strays.push(Town::enlist(&server, own.id, word, Role::Inspector, &[of.village]).await);
        // Somebody of the county of the own township, which the other is not under.
        counties.push(county_over(&server, &format!("{word}-xian"), &[own.id]).await);
    }
    for ((own, of, _), (stray, county)) in trials.into_iter().zip(strays.iter().zip(&counties)) {
        let before = rows_of(&server, of.id);
        // SQLite's index of the search takes lines by the thousand.
        let has_none = |(table, rows): &(&String, &Vec<String>)| rows.is_empty() && *table != "hazard_grams";
        let empty: Vec<&String> = before.iter().filter(has_none).map(|(table, _)| table).collect();
        assert!(empty.is_empty(), "every table has rows of it, but {empty:?}");
        let strangers: Vec<&Session> = own.people().into_iter().chain([stray, county]).collect();
        for attempt in attempts(of).iter().filter(|attempt| !attempt.route.ends_with("/logout")) {
            try_as_strangers(&server, attempt, of, &strangers).await;
        }
        assert_unchanged(&server, of.id, &before);
    }
    // The same requests are done for those whose ids they have.
    for attempt in attempts(&one).iter().filter(|attempt| attempt.is_open_at_home) {
        let mut answers = Vec::new();
        for who in one.people() {
            let answer = attempt.make(&server, Some(who)).await;
            let is_done = (200..300).contains(&answer.status);
            answers.push(answer.text);
            if is_done {
                break;
            }
            assert!(answers.len() < 4, "{attempt:?}: {answers:?}");
        }
    }
    let before = rows_of(&server, two.id);
    for attempt in attempts(&two).iter().filter(|attempt| attempt.route.ends_with("/logout")) {
        try_as_strangers(&server, attempt, &two, &[&one.leader]).await;
    }
    assert_unchanged(&server, two.id, &before);
}

#[actix_web::test]
async fn every_address_is_tried_by_strangers() {
    let server = TestServer::start().await;
    let mut attempts = attempts(&Town::found(&server, "jiaxiang").await);
    let missed = unlike(&routes::table(), &attempts);
    assert!(
        missed.is_empty(),
        "tests/tests/tenants/attempts.rs must try each route of server/src/routes.rs: {missed:?}"
    );
    attempts.retain(|attempt| attempt.route != "/api/v1/hazards");
    assert_eq!(unlike(&routes::table(), &attempts), ["GET /api/v1/hazards"]);
}

#[actix_web::test]
async fn every_address_but_the_public_ones_needs_a_session() {
    let server = TestServer::start().await;
    let town = Town::found(&server, "jiaxiang").await;
    for attempt in attempts(&town) {
        let public =
            ["/healthz", "/readyz", "/metrics", "/api/v1/auth/login", "/api/v1/auth/enrol", "/api/v1/auth/refresh"];
        let answer = attempt.make(&server, None).await;
        assert_eq!(told(&answer, &attempt, &town), Vec::<&String>::new(), "{attempt:?}");
        if public.contains(&attempt.route) || attempt.method == "OPTIONS" {
            assert_ne!(answer.code, "token_missing", "{attempt:?}");
        } else {
            assert_eq!(answer.status, 401, "{attempt:?}: {}", answer.text);
        }
    }
}

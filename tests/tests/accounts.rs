//! Stories over HTTP: signing in, sessions, devices, accounts, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use hazard_tests::server::{PASSWORD, START_MS, Session, TestServer, answer, township, village};
use reqwest::Method;
use serde_json::{Value, json};
use sync_core::people::Role;

const MINUTE_MS: u64 = 60_000;

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or("-"))
}

#[tokio::test]
async fn an_inspector_signs_in_and_sees_who_they_are() {
    let server = TestServer::start().await;
    server.make_account("wang", Role::Inspector, &[village(2)]).await;
    let (status, signed_in) = server.try_log_in(" WANG ", PASSWORD).await;
    assert_eq!(status, 200, "{signed_in}");
    assert_eq!(signed_in["server_time_ms"], START_MS);
    assert_eq!(signed_in["access_expires_at_ms"], START_MS + 15 * MINUTE_MS);
    assert!(!signed_in.to_string().contains("argon2"), "no hash leaves the server");
    let session = Session::of(&signed_in);
    let (status, me) = server.get(&session, "/me").await;
    assert_eq!(status, 200, "{me}");
    assert_eq!(me["account"]["username"], "wang");
    assert_eq!(me["account"]["role"], "inspector");
    assert_eq!(me["account"]["villages"], json!([village(2)]));
    assert_eq!(me["township"], json!({ "id": township(), "name": "示范镇" }));
    assert_eq!(me["device_id"], json!(session.device));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_answered_alike() {
    let server = TestServer::start().await;
    server.make_account("wang", Role::Leader, &[]).await;
    let wrong = server.try_log_in("wang", "wrong password").await;
    let unknown = server.try_log_in("nobody", "wrong password").await;
    assert_eq!(code(&wrong), (401, "credentials_refused"));
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_the_wait_is_named() {
    let server = TestServer::start().await;
    server.make_account("wang", Role::Leader, &[]).await;
    for _ in 0..5 {
        assert_eq!(server.try_log_in("wang", "guess guess").await.0, 401);
    }
    let slowed = server.try_log_in("wang", PASSWORD).await;
    assert_eq!(code(&slowed), (429, "too_many_attempts"));
    assert_eq!(slowed.1["retry_after_s"], 30);
    server.clock.advance(30_000);
    server.log_in("wang").await;
    assert_eq!(server.try_log_in("wang", "guess guess").await.0, 401, "a success forgets the failures");
}

#[tokio::test]
async fn the_same_device_signs_in_again_and_its_old_session_ends() {
    let server = TestServer::start().await;
    let first = server.enlist("wang", Role::Leader, &[]).await;
    let body = json!({ "username": "wang", "password": PASSWORD, "device_name": "phone", "device_id": first.device });
    let (status, again) = answer(server.request(Method::POST, "/auth/login").json(&body)).await;
    assert_eq!(status, 200, "{again}");
    assert_eq!(Session::of(&again).device, first.device);
    assert_eq!(code(&server.get(&first, "/me").await), (401, "session_revoked"));
    let other = server.enlist("li", Role::Leader, &[]).await;
    let body = json!({ "username": "wang", "password": PASSWORD, "device_name": "x", "device_id": other.device });
    let (_, borrowed) = answer(server.request(Method::POST, "/auth/login").json(&body)).await;
    assert_ne!(Session::of(&borrowed).device, other.device, "a device belongs to one account");
}

#[tokio::test]
async fn a_request_without_a_good_token_is_refused() {
    let server = TestServer::start().await;
    let session = server.enlist("wang", Role::Leader, &[]).await;
    let me = |token: &str| server.request(Method::GET, "/me").header("authorization", token);
    assert_eq!(code(&answer(server.request(Method::GET, "/me")).await), (401, "token_missing"));
    assert_eq!(code(&answer(me("Basic d2FuZzp4")).await), (401, "token_invalid"));
    assert_eq!(code(&answer(me("Bearer a.b.c")).await), (401, "token_invalid"));
    let claims = session.access_token.split('.').nth(1).unwrap();
    let none = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
    assert_eq!(code(&answer(me(&format!("Bearer {none}.{claims}."))).await), (401, "token_invalid"));
    let mut cut = session.access_token.clone();
    cut.pop();
    assert_eq!(code(&answer(me(&format!("Bearer {cut}"))).await), (401, "token_invalid"));
    let other = TestServer::start().await;
    let foreign = other.enlist("wang", Role::Leader, &[]).await;
    assert_eq!(code(&server.get(&foreign, "/me").await), (401, "token_invalid"));
    let response = me("Bearer a.b.c").send().await.unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn an_access_token_ends_after_fifteen_minutes_and_a_refresh_goes_on() {
    let server = TestServer::start().await;
    let session = server.enlist("wang", Role::Leader, &[]).await;
    server.clock.advance(15 * MINUTE_MS + 6_000);
    assert_eq!(code(&server.get(&session, "/me").await), (401, "token_expired"));
    let (status, renewed) = server.refresh(&session.refresh_token).await;
    assert_eq!(status, 200, "{renewed}");
    let renewed = Session::of(&renewed);
    assert_eq!(renewed.device, session.device);
    assert_ne!(renewed.refresh_token, session.refresh_token);
    assert_eq!(server.get(&renewed, "/me").await.0, 200);
}

#[tokio::test]
async fn a_reused_refresh_token_revokes_its_family() {
    let server = TestServer::start().await;
    let stolen = server.enlist("wang", Role::Leader, &[]).await;
    let second = Session::of(&server.refresh(&stolen.refresh_token).await.1);
    let third = Session::of(&server.refresh(&second.refresh_token).await.1);
    assert_eq!(code(&server.refresh(&stolen.refresh_token).await), (401, "refresh_reused"));
    assert_eq!(code(&server.refresh(&third.refresh_token).await), (401, "refresh_reused"));
    assert_eq!(code(&server.get(&third, "/me").await), (401, "session_revoked"), "access tokens end with it");
    server.log_in("wang").await;
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_may_be_asked_again_for_a_minute() {
    let server = TestServer::start().await;
    let session = server.enlist("wang", Role::Leader, &[]).await;
    assert_eq!(server.refresh(&session.refresh_token).await.0, 200, "and the answer is lost on the way");
    server.clock.advance(MINUTE_MS);
    let (status, renewed) = server.refresh(&session.refresh_token).await;
    assert_eq!(status, 200, "{renewed}");
    server.clock.advance(2 * MINUTE_MS);
    assert_eq!(server.refresh(&Session::of(&renewed).refresh_token).await.0, 200);
    assert_eq!(code(&server.refresh(&session.refresh_token).await), (401, "refresh_reused"));
}

#[tokio::test]
async fn a_refresh_token_that_nobody_gave_out_is_unknown() {
    let server = TestServer::start().await;
    for token in ["", "rubbish", &"A".repeat(43)] {
        assert_eq!(code(&server.refresh(token).await), (401, "refresh_unknown"), "{token}");
    }
    let session = server.enlist("wang", Role::Leader, &[]).await;
    assert_eq!(code(&server.refresh(&session.access_token).await), (401, "refresh_unknown"));
    server.clock.advance(90 * 24 * 60 * MINUTE_MS);
    assert_eq!(code(&server.refresh(&session.refresh_token).await), (401, "refresh_expired"));
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let server = TestServer::start().await;
    let session = server.enlist("wang", Role::Leader, &[]).await;
    assert_eq!(server.post(&session, "/auth/logout", &json!({})).await.0, 204);
    assert_eq!(code(&server.get(&session, "/me").await), (401, "session_revoked"));
    assert_eq!(code(&server.refresh(&session.refresh_token).await), (401, "session_revoked"));
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once_and_stays_out() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let lost = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let path = format!("/devices/{}/revoke", lost.device);
    let (status, revoked) = server.post(&admin, &path, &json!({})).await;
    assert_eq!((status, &revoked["revoked_at_ms"]), (200, &json!(START_MS)));
    server.clock.advance(1_000);
    assert_eq!(server.post(&admin, &path, &json!({})).await, (200, revoked), "asking again changes nothing");
    assert_eq!(code(&server.get(&lost, "/me").await), (401, "device_revoked"));
    assert_eq!(code(&server.refresh(&lost.refresh_token).await), (401, "device_revoked"));
    let body = json!({ "username": "wang", "password": PASSWORD, "device_name": "phone", "device_id": lost.device });
    assert_eq!(code(&answer(server.request(Method::POST, "/auth/login").json(&body)).await), (401, "device_revoked"));
    server.log_in("wang").await;
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_until_it_is_enabled() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let wang = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let path = format!("/accounts/{}", wang.account);
    let (status, account) = server.patch(&admin, &path, &json!({ "disabled": true })).await;
    assert_eq!((status, &account["disabled"]), (200, &json!(true)));
    assert_eq!(code(&server.get(&wang, "/me").await), (403, "account_disabled"));
    assert_eq!(code(&server.try_log_in("wang", PASSWORD).await), (403, "account_disabled"));
    assert_eq!(code(&server.try_log_in("wang", "wrong password").await), (401, "credentials_refused"));
    assert_eq!(server.patch(&admin, &path, &json!({ "disabled": false })).await.0, 200);
    assert_eq!(code(&server.get(&wang, "/me").await), (401, "session_revoked"), "old sessions stay ended");
    server.log_in("wang").await;
}

#[tokio::test]
async fn a_changed_password_ends_the_sessions_of_the_old_one() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let wang = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let path = format!("/accounts/{}", wang.account);
    let short = server.patch(&admin, &path, &json!({ "password": "short" })).await;
    assert_eq!((code(&short), &short.1["field"]), ((422, "invalid_field"), &json!("password")));
    assert_eq!(server.get(&wang, "/me").await.0, 200);
    assert_eq!(server.patch(&admin, &path, &json!({ "password": "battery staple" })).await.0, 200);
    assert_eq!(code(&server.get(&wang, "/me").await), (401, "session_revoked"));
    assert_eq!(code(&server.try_log_in("wang", PASSWORD).await), (401, "credentials_refused"));
    assert_eq!(server.try_log_in("wang", "battery staple").await.0, 200);
}

#[tokio::test]
async fn a_changed_role_or_village_counts_from_the_next_request() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let wang = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let path = format!("/accounts/{}", wang.account);
    assert_eq!(server.patch(&admin, &path, &json!({ "villages": [village(1), village(2)] })).await.0, 200);
    let me = server.get(&wang, "/me").await.1;
    assert_eq!(me["account"]["villages"].as_array().unwrap().len(), 2);
    assert_eq!(code(&server.get(&wang, "/accounts").await), (403, "forbidden"));
    assert_eq!(server.patch(&admin, &path, &json!({ "role": "supervisor" })).await.0, 200);
    assert_eq!(server.get(&wang, "/accounts").await.0, 200);
    assert_eq!(server.get(&wang, "/me").await.1["account"]["villages"], json!([]));
    let misplaced = server.patch(&admin, &path, &json!({ "villages": [village(1)] })).await;
    assert_eq!(code(&misplaced), (422, "invalid_field"));
}

#[tokio::test]
async fn an_administrator_makes_accounts_and_nobody_else_does() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let new = json!({
        "username": "Zhao", "display_name": "赵六", "role": "inspector", "villages": [village(3)], "password": PASSWORD
    });
    let (status, made) = server.post(&admin, "/accounts", &new).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["username"], &made["has_password"]), (&json!("zhao"), &json!(true)));
    assert_eq!(code(&server.post(&admin, "/accounts", &new).await), (409, "username_taken"));
    let zhao = server.log_in("zhao").await;
    assert_eq!(zhao.account.to_string(), made["id"]);
    for (username, role) in [("s", Role::Supervisor), ("l", Role::Leader), ("i", Role::Inspector)] {
        let other = server.enlist(username, role, &[]).await;
        assert_eq!(code(&server.post(&other, "/accounts", &new).await), (403, "forbidden"), "{role:?}");
        let path = format!("/accounts/{}", zhao.account);
        assert_eq!(code(&server.patch(&other, &path, &json!({ "disabled": true })).await), (403, "forbidden"));
    }
    let wrong_role = json!({ "username": "q", "display_name": "q", "role": "king" });
    assert_eq!(code(&server.post(&admin, "/accounts", &wrong_role).await), (400, "malformed_body"));
    let leader = json!({ "username": "q", "display_name": "q", "role": "leader", "villages": [village(1)] });
    assert_eq!(code(&server.post(&admin, "/accounts", &leader).await), (422, "invalid_field"));
}

#[tokio::test]
async fn the_list_of_accounts_comes_in_pages() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    for n in 1..=4 {
        server.make_account(&format!("user{n}"), Role::Inspector, &[village(n)]).await;
    }
    let mut names = Vec::new();
    let mut after = String::new();
    loop {
        let (status, page) = server.get(&admin, &format!("/accounts?limit=2&after={after}")).await;
        assert_eq!(status, 200, "{page}");
        names.extend(
            page["accounts"].as_array().unwrap().iter().map(|one| one["username"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        after = next.to_owned();
    }
    assert_eq!(names, ["admin", "user1", "user2", "user3", "user4"]);
    assert_eq!(code(&server.get(&admin, "/accounts?limit=many").await), (400, "malformed_request"));
}

#[tokio::test]
async fn the_last_administrator_can_neither_be_disabled_nor_demoted() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let path = format!("/accounts/{}", admin.account);
    for change in [json!({ "disabled": true }), json!({ "role": "leader" })] {
        assert_eq!(code(&server.patch(&admin, &path, &change).await), (409, "last_admin"));
    }
    server.make_account("second", Role::Admin, &[]).await;
    assert_eq!(server.patch(&admin, &path, &json!({ "role": "leader" })).await.0, 200);
}

#[tokio::test]
async fn a_code_enrols_one_phone_once_within_a_day() {
    let server = TestServer::start().await;
    let supervisor = server.enlist("office", Role::Supervisor, &[]).await;
    let wang = server.make_account("wang", Role::Inspector, &[village(0)]).await;
    let path = format!("/accounts/{wang}/enrolments");
    let (status, given) = server.post(&supervisor, &path, &json!({})).await;
    assert_eq!(status, 201, "{given}");
    assert_eq!(given["expires_at_ms"], START_MS + 24 * 60 * MINUTE_MS);
    let typed = given["code"].as_str().unwrap().to_lowercase().replace('-', " ");
    assert!(
        given["enrol_url"].as_str().unwrap().ends_with(&format!("/enrol#code={}", given["code"].as_str().unwrap()))
    );
    let enrol = |code: &str| {
        let body = json!({ "code": code, "device_name": "红米" });
        answer(server.request(Method::POST, "/auth/enrol").json(&body))
    };
    assert_eq!(code(&enrol("00000-00000").await), (401, "enrolment_refused"));
    let (status, enrolled) = enrol(&typed).await;
    assert_eq!(status, 200, "{enrolled}");
    let phone = Session::of(&enrolled);
    assert_eq!(phone.account, wang);
    assert_eq!(server.get(&phone, "/me").await.0, 200);
    assert_eq!(code(&enrol(&typed).await), (401, "enrolment_refused"), "a code is good once");
    let replaced = server.post(&supervisor, &path, &json!({})).await.1;
    let late = server.post(&supervisor, &path, &json!({})).await.1;
    assert_eq!(
        code(&enrol(replaced["code"].as_str().unwrap()).await),
        (401, "enrolment_refused"),
        "a new code voids it"
    );
    server.clock.advance(24 * 60 * MINUTE_MS);
    assert_eq!(code(&enrol(late["code"].as_str().unwrap()).await), (401, "enrolment_refused"), "a day has passed");
}

#[tokio::test]
async fn a_code_that_was_not_used_ends_with_the_sessions_that_could_have_asked_for_it() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let wang = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let account = format!("/accounts/{}", wang.account);
    let path = format!("{account}/enrolments");
    let given = || async {
        // The sessions of the account have ended after each turn.
        let session = server.log_in("wang").await;
        let (status, given) = server.post(&session, &path, &json!({})).await;
        assert_eq!(status, 201, "{given}");
        (session, given["code"].as_str().unwrap().to_owned())
    };
    let enrol = async |typed: String| {
        let body = json!({ "code": typed, "device_name": "another phone" });
        answer(server.request(Method::POST, "/auth/enrol").json(&body)).await
    };
    let (session, typed) = given().await;
    assert_eq!(server.post(&admin, &format!("/devices/{}/revoke", session.device), &json!({})).await.0, 200);
    assert_eq!(code(&enrol(typed).await), (401, "enrolment_refused"), "the device was revoked");
    let (_, typed) = given().await;
    assert_eq!(server.patch(&admin, &account, &json!({ "disabled": true })).await.0, 200);
    assert_eq!(server.patch(&admin, &account, &json!({ "disabled": false })).await.0, 200);
    assert_eq!(code(&enrol(typed).await), (401, "enrolment_refused"), "the account was disabled");
    let (_, typed) = given().await;
    assert_eq!(server.patch(&admin, &account, &json!({ "password": PASSWORD })).await.0, 200);
    assert_eq!(code(&enrol(typed).await), (401, "enrolment_refused"), "the password was changed");
    let (_, typed) = given().await;
    assert_eq!(server.patch(&admin, &account, &json!({ "display_name": "老王" })).await.0, 200);
    assert_eq!(enrol(typed).await.0, 200, "another name ends nothing");
}

#[tokio::test]
async fn a_supervisor_enrols_inspectors_only_and_an_inspector_nobody() {
    let server = TestServer::start().await;
    let supervisor = server.enlist("office", Role::Supervisor, &[]).await;
    let inspector = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let admin = server.make_account("admin", Role::Admin, &[]).await;
    let enrol = |who: sync_core::ids::AccountId| format!("/accounts/{who}/enrolments");
    assert_eq!(code(&server.post(&supervisor, &enrol(admin), &json!({})).await), (403, "forbidden"));
    assert_eq!(code(&server.post(&inspector, &enrol(supervisor.account), &json!({})).await), (403, "forbidden"));
    assert_eq!(server.post(&inspector, &enrol(inspector.account), &json!({})).await.0, 201, "for their own new phone");
    let nobody = sync_core::ids::AccountId(uuid::Uuid::nil());
    assert_eq!(code(&server.post(&supervisor, &enrol(nobody), &json!({})).await), (404, "not_found"));
}

#[tokio::test]
async fn everybody_sees_their_own_devices_and_the_office_sees_all() {
    let server = TestServer::start().await;
    let supervisor = server.enlist("office", Role::Supervisor, &[]).await;
    let wang = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let li = server.enlist("li", Role::Inspector, &[village(1)]).await;
    let count = |answer: (u16, Value)| answer.1["devices"].as_array().unwrap().len();
    assert_eq!(count(server.get(&supervisor, "/devices").await), 3);
    assert_eq!(count(server.get(&supervisor, &format!("/devices?account={}", li.account)).await), 1);
    assert_eq!(count(server.get(&wang, "/devices").await), 1);
    assert_eq!(code(&server.get(&wang, &format!("/devices?account={}", li.account)).await), (403, "forbidden"));
    assert_eq!(
        code(&server.post(&wang, &format!("/devices/{}/revoke", li.device), &json!({})).await),
        (403, "forbidden")
    );
    assert_eq!(server.post(&wang, &format!("/devices/{}/revoke", wang.device), &json!({})).await.0, 200);
    assert_eq!(server.post(&supervisor, &format!("/devices/{}/revoke", li.device), &json!({})).await.0, 200);
}

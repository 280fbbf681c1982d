//! A township with everything that another must not see or touch: people, phones, records, a conflict, versions in quarantine, a
//! stored photo and a begun one, a code for a phone, a file that is carried by hand.

use hazard_tests::server::{START_MS, Session, TestServer};
use hazard_tests::story::{Phone, change, edit, hazard};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sync_core::carried::seal;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::people::Role;
use uuid::Uuid;

pub(crate) struct Town {
    pub(crate) id: TownshipId,
    pub(crate) village: VillageId,
    pub(crate) admin: Session,
    pub(crate) supervisor: Phone,
    pub(crate) leader: Session,
    pub(crate) inspector: Phone,
    /// A hazard on whose description two values stand.
    pub(crate) hazard: RecordId,
    /// The dots of those values.
    pub(crate) siblings: Value,
    /// The replica under which two versions lie in quarantine, 1 and 2.
    pub(crate) aside: Uuid,
    /// The hash of a stored photo that a record names.
    pub(crate) photo: String,
    pub(crate) photo_bytes: Vec<u8>,
    /// The hash of a photo of which the inspector's phone has sent [`HALF`] of its bytes.
    pub(crate) half: String,
    pub(crate) half_bytes: Vec<u8>,
    /// What the inspector's phone gave away.
    pub(crate) file: String,
    /// Where the supervisor's pull ended.
    pub(crate) cursor: String,
    /// What nobody else may ever read: names, texts, ids.
    pub(crate) secrets: Vec<String>,
}

/// Bytes of the begun photo that are there.
pub(crate) const HALF: usize = 5;

/// A request of an upload.
pub(crate) fn tus(server: &TestServer, who: &Session, method: Method, path: &str) -> RequestBuilder {
    server.request_as(who, method, &format!("/uploads{path}")).header("Tus-Resumable", "1.0.0")
}

/// The header that names a photo.
pub(crate) fn metadata(hash: &str) -> String {
    format!("sha256 {}", data_encoding::BASE64.encode(hash.as_bytes()))
}

/// The hash under which bytes are sent.
pub(crate) fn hash(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Sends the first `sent` bytes of a photo.
pub(crate) async fn upload(server: &TestServer, who: &Session, bytes: &[u8], sent: usize) -> String {
    let hash = hash(bytes);
    let request = tus(server, who, Method::POST, "").header("Upload-Length", bytes.len());
    let request = request.header("Upload-Metadata", metadata(&hash)).header("Content-Type", CHUNK_TYPE);
    assert_eq!(request.body(bytes[..sent].to_vec()).send().await.unwrap().status(), 201);
    hash
}

pub(crate) const CHUNK_TYPE: &str = "application/offset+octet-stream";

impl Town {
    /// Founds a township whose names and texts begin with `word`.
    pub(crate) async fn found(server: &TestServer, word: &str) -> Self {
        let (id, village) = (TownshipId(Uuid::now_v7()), VillageId(Uuid::now_v7()));
        server.make_township_of(id, &format!("{word}-镇")).await;
        let admin = Self::enlist(server, id, word, Role::Admin, &[]).await;
        let leader = Self::enlist(server, id, word, Role::Leader, &[]).await;
        let session = Self::enlist(server, id, word, Role::Supervisor, &[]).await;
        let mut supervisor = Phone::with(session, Role::Supervisor, &[]);
        let session = Self::enlist(server, id, word, Role::Inspector, &[village]).await;
        let mut inspector = Phone::with(session, Role::Inspector, &[village]);

        let place = [("code", json!("350182101200")), ("name", json!(format!("{word}-村")))];
        supervisor.save(edit(RecordId(village.0), "village", None, &place));
        supervisor.sync(server).await;
        let hazard = disputed(server, &mut inspector, &mut supervisor, village, word).await;
        let aside = put_aside(server, &inspector, village, word).await;
        let photo_bytes = format!("{word}: all of a photo").into_bytes();
        let photo = upload(server, &inspector.session, &photo_bytes, photo_bytes.len()).await;
        let named = photo_of(hazard, village, &photo, photo_bytes.len());
        inspector.save(named);
        inspector.sync(server).await;
        let half_bytes = format!("{word}: a photo that is on its way").into_bytes();
        let half = upload(server, &inspector.session, &half_bytes, HALF).await;

        let (status, answer) =
            server.post(&admin, &format!("/accounts/{}/enrolments", inspector.session.account), &json!({})).await;
        assert_eq!(status, 201, "{answer}");
        let code = answer["code"].as_str().unwrap().to_owned();
        inspector.save(change(hazard, village, &[("place", json!(format!("{word}-二楼")))]));
        let session = &inspector.session;
        let file = seal(&session.seal_key, &inspector.client.carry(session.account, session.device, START_MS));
        let (_, pulled) = server.post(&supervisor.session, "/pull", &json!({})).await;
        let cursor = pulled["cursor"].as_str().unwrap().to_owned();
        let (_, record) = server.get(&supervisor.session, &format!("/records/{hazard}")).await;
        let found = record["fields"]["description"]["siblings"].as_array().unwrap();
        assert_eq!(found.len(), 2, "{record}");
        let siblings = found.iter().map(|sibling| sibling["dot"].clone()).collect();

        let mut secrets = vec![word.to_owned(), id.to_string(), village.to_string(), hazard.to_string()];
        secrets.extend([aside.to_string(), photo.clone(), half.clone(), code]);
        for session in [&admin, &leader, &supervisor.session, &inspector.session] {
            secrets.extend([session.account.to_string(), session.device.to_string()]);
        }
        for record in pulled["records"].as_array().unwrap() {
            let replicas = record["replicas"].as_array().unwrap().iter().chain([&record["id"]]);
            secrets.extend(replicas.map(|id| id.as_str().unwrap().to_owned()));
        }
        Self {
            id,
            village,
            admin,
            supervisor,
            leader,
            inspector,
            hazard,
            siblings,
            aside,
            photo,
            photo_bytes,
            half,
            half_bytes,
            file,
            cursor,
            secrets,
        }
    }

    /// What the office writes at its desk: an order, a visit, a return, a view, and that a pair is not the same.
    pub(crate) async fn work_at_the_desk(&self, server: &TestServer) {
        let changes = json!({
            format!("hazards/{}", self.hazard): true, "kind": "time_limit", "issued_at": START_MS, "issuer": self.secrets[0],
            "recipient": self.secrets[0], "deadline": "2026-12-01",
        });
        let order = json!({"record": Uuid::now_v7(), "kind": "order", "village": self.village, "changes": changes});
        let visited =
            json!({"site": Uuid::now_v7(), "type": "routine", "inspected_at": START_MS, "inspectors/镇安监办": true});
        let visit =
            json!({"record": Uuid::now_v7(), "kind": "inspection", "village": self.village, "changes": visited});
        let said = json!({
            "subject_kind": "hazard", "subject": self.hazard, "at": START_MS, "reason": format!("{}-没有照片", self.secrets[0]),
        });
        let comment = json!({"record": Uuid::now_v7(), "kind": "comment", "village": self.village, "changes": said});
        let desk = &self.supervisor.session;
        let (status, answer) = server.post(desk, "/records", &json!({"edits": [order, visit, comment]})).await;
        assert_eq!(status, 200, "{answer}");
        let query = format!("village={}", self.village);
        let views = json!({"views": [{"name": format!("{}-视图", self.secrets[0]), "query": query}]});
        assert_eq!(server.request_as(desk, Method::PUT, "/views").json(&views).send().await.unwrap().status(), 200);
        let apart = json!({"one": self.hazard, "other": self.hazard, "apart": true});
        assert_eq!(server.post(desk, "/duplicates/apart", &apart).await.0, 204);
    }

    /// Makes one more account of a township, and signs in.
    pub(crate) async fn enlist(
        server: &TestServer,
        township: TownshipId,
        word: &str,
        role: Role,
        villages: &[VillageId],
    ) -> Session {
        let username = format!("{word}-{}", role.name());
        server.make_account_in(township, &username, role, villages).await;
        server.log_in(&username).await
    }

    /// Everybody who has signed in here.
    pub(crate) fn people(&self) -> [&Session; 4] {
        [&self.admin, &self.supervisor.session, &self.leader, &self.inspector.session]
    }
}

/// A hazard on whose description the inspector and the supervisor disagree.
async fn disputed(
    server: &TestServer,
    inspector: &mut Phone,
    supervisor: &mut Phone,
    village: VillageId,
    word: &str,
) -> RecordId {
    let found = inspector.save(hazard(village));
    inspector.sync(server).await;
    supervisor.sync(server).await;
    inspector.save(change(found, village, &[("description", json!(format!("{word}-通道堵塞")))]));
    supervisor.save(change(found, village, &[("description", json!(format!("{word}-电线老化")))]));
    inspector.sync(server).await;
    supervisor.sync(server).await;
    found
}

/// Sends two versions that nobody can take in; their replica.
async fn put_aside(server: &TestServer, inspector: &Phone, village: VillageId, word: &str) -> Uuid {
    let replica = Uuid::now_v7();
    let bad = |seq: u64| {
        json!({"record": Uuid::now_v7(), "kind": "hazard", "village": village, "dot": [replica, seq], "stamp": [START_MS, 0],
            "author": inspector.session.account,
            "changes": {"sector": "fire", "level": "terrible", "description": format!("{word}-煤气泄漏"), "found_at": START_MS,
                "found_by": "安监员"}})
    };
    let body = json!({"sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": [bad(1), bad(2)]});
    let (status, answer) = server.post(&inspector.session, "/push", &body).await;
    assert_eq!((status, &answer["outcomes"][1]["verdict"]), (200, &json!("quarantined")), "{answer}");
    replica
}

/// A photo's record.
pub(crate) fn photo_of(hazard: RecordId, village: VillageId, hash: &str, bytes: usize) -> sync_core::client::Edit {
    let changes = [
        ("subject_kind", json!("hazard")),
        ("subject", json!(hazard)),
        ("hash", json!(hash)),
        ("bytes", json!(bytes)),
        ("taken_at", json!(START_MS)),
        ("role", json!("before")),
    ];
    edit(RecordId(Uuid::now_v7()), "photo", Some(village), &changes)
}

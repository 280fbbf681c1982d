//! Stories of phones and a server: what is written, sent, answered, refused, lost and repaired.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::carried::SealKey;
use sync_core::ids::{DeviceId, RecordId};
use sync_core::kinds::KINDS;
use sync_core::people::{Caller, Role};
use uuid::Uuid;

use super::{NOW_MS, record_id, replica};
use crate::server_in_memory::{Server, caller, village};
use crate::session::Session;

/// A shell around the binding, as a page would be: it stores what it is given, and nothing else.
struct Shell {
    name: &'static str,
    caller: Caller,
    base: BTreeMap<RecordId, (Option<String>, String)>,
    log: Vec<String>,
    now_ms: u64,
}

impl Shell {
    fn new(session: &mut Session, name: &'static str, number: u128, caller: Caller) -> Self {
        let shell = Self { name, caller, base: BTreeMap::new(), log: Vec::new(), now_ms: NOW_MS };
        shell.call(session, "new", &[json!(replica(number))]);
        shell
    }

    fn call(&self, session: &mut Session, call: &str, args: &[Value]) -> Value {
        let text = session.call(Some(self.name), call, args).unwrap();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    fn stored(&self, number: u128) -> Value {
        self.base.get(&record_id(number)).map_or(Value::Null, |(_, state)| json!(state))
    }

    /// Stores effects, in order.
    fn store(&mut self, session: &mut Session, effects: &Value) {
        for effect in effects.as_array().unwrap() {
            self.log.extend(effect["log"].as_str().map(str::to_owned));
            let id = || effect["record"].as_str().unwrap().parse::<RecordId>().unwrap();
            let text = |member: &str| effect[member].as_str().map(str::to_owned);
            match effect["effect"].as_str().unwrap() {
                "merge" => {
                    let delta = text("delta").unwrap();
                    let state = match self.base.get(&id()) {
                        Some((_, base)) => session.ask("join", &[json!(base), json!(delta)]),
                        None => delta,
                    };
                    self.put(session, id(), Some((text("part"), state)));
                }
                "replace" => self.put(session, id(), Some((text("part"), text("state").unwrap()))),
                "drop" => self.put(session, id(), None),
                "forget" => {
                    let part = text("part");
                    let gone: Vec<RecordId> =
                        self.base.iter().filter(|(_, (of, _))| *of == part).map(|(id, _)| *id).collect();
                    gone.into_iter().for_each(|id| self.put(session, id, None));
                }
                _ => {}
            }
        }
    }

    fn put(&mut self, session: &mut Session, id: RecordId, state: Option<(Option<String>, String)>) {
        let mark = |session: &mut Session, state: Option<&(Option<String>, String)>| {
            state.map_or(Value::Null, |(_, state)| json!(session.ask("mark", &[json!(state)])))
        };
        let (old, new) = (mark(session, self.base.get(&id)), mark(session, state.as_ref()));
        self.call(session, "noteBase", &[json!(id), old, new]);
        match state {
            Some(state) => self.base.insert(id, state),
            None => self.base.remove(&id),
        };
    }

    fn write(&mut self, session: &mut Session, number: u128, changes: &Value) -> Value {
        self.write_as(session, "hazard", Some(1), number, changes)
    }

    fn write_as(
        &mut self,
        session: &mut Session,
        kind: &str,
        of: Option<u128>,
        number: u128,
        changes: &Value,
    ) -> Value {
        self.now_ms += 1_000;
        let mut edit = json!({"record": record_id(number), "kind": kind, "changes": changes});
        if let Some(of) = of {
            edit["village"] = json!(village(of));
        }
        let args = [edit, json!(self.caller), self.stored(number), json!(self.now_ms)];
        self.call(session, "check", &args);
        let written = self.call(session, "write", &args);
        if let Some(effect) = written.get("effect") {
            self.store(session, &json!([effect]));
        }
        self.look(session, number);
        written
    }

    fn look(&self, session: &mut Session, number: u128) {
        let view = session.call(Some(self.name), "view", &[json!(record_id(number)), self.stored(number)]).unwrap();
        if !view.is_empty() {
            session.ask("readRecord", &[json!(view)]);
        }
    }

    /// One round trip; `false` when none was due. `loses`: the answer does not arrive.
    fn round_trip(&mut self, session: &mut Session, server: &mut Server, loses: bool) -> bool {
        self.now_ms += 400_000;
        let body = session.call(Some(self.name), "poll", &[json!(self.now_ms)]).unwrap();
        if body.is_empty() {
            return false;
        }
        let answer = server.sync(&self.caller, &body, self.now_ms);
        let effects = if loses {
            self.call(session, "handleFailure", &[json!("network"), json!(self.now_ms)])
        } else {
            self.call(session, "handleAnswer", &[json!(answer)])
        };
        self.store(session, &effects);
        true
    }

    /// Round trips until none is due; photos and comparisons are answered as a page would.
    fn sync(&mut self, session: &mut Session, server: &mut Server) {
        for _ in 0..60 {
            let went = self.round_trip(session, server, false);
            self.compare(session);
            if let Some(hash) = self.call(session, "photosToSend", &[])[0].as_str() {
                server.photos.insert(hash.to_owned());
                self.call(session, "photoSent", &[json!(hash)]);
            } else if !went {
                break;
            }
        }
        self.call(session, "waitMs", &[json!(self.now_ms)]);
        for call in ["isIdle", "isProvedEqual", "photosUnsent", "replica", "outbox"] {
            self.call(session, call, &[]);
        }
    }

    fn compare(&self, session: &mut Session) {
        let Value::Array(buckets) = self.call(session, "bucketsToCompare", &[]) else { return };
        let mut marks = serde_json::Map::new();
        for (id, (_, state)) in &self.base {
            let bucket: Value = serde_json::from_str(&session.ask("bucket", &[json!(id)])).unwrap();
            if buckets.contains(&bucket) {
                marks.insert(id.to_string(), json!(session.ask("mark", &[json!(state)])));
            }
        }
        self.call(session, "compareMarks", &[Value::Object(marks)]);
    }

    /// The same phone, come back from its log.
    fn revived(&self, session: &mut Session, name: &'static str, first: u128) -> Self {
        let log = self.log.clone();
        let revived = Self { name, caller: self.caller.clone(), base: self.base.clone(), log, now_ms: self.now_ms };
        revived.call(session, "new", &[json!(replica(first))]);
        for entry in &revived.log {
            revived.call(session, "restore", &[json!(entry)]);
        }
        revived.call(session, "outbox", &[]);
        revived
    }
}

fn inspector(number: u128) -> Caller {
    caller(number, Role::Inspector, &[1])
}

fn hazard(words: &str) -> Value {
    json!({"sector": "fire", "level": "general", "description": words, "found_at": NOW_MS, "found_by": "李安全"})
}

/// The roles of a township, in the order in which `form_checks` has always recorded them.
const TOWNSHIP_ROLES: [Role; 4] = [Role::Inspector, Role::Supervisor, Role::Leader, Role::Admin];

/// Every kind with nothing, with nonsense in every field, and with too much; by everybody.
pub fn form_checks(session: &mut Session) {
    let shell = Shell::new(session, "a", 1, inspector(1));
    let nonsense =
        [json!(""), json!(1.5), json!(-1), json!("x".repeat(41)), json!([[[[[[[[[1]]]]]]]]]), json!({"lat": 91})];
    for (kind, role) in KINDS.iter().zip(TOWNSHIP_ROLES.iter().cycle()) {
        let who = caller(1, *role, &[1]);
        let mut forms = vec![json!({})];
        for wrong in &nonsense {
            let fields = kind.fields.iter().map(|field| (field.name.to_owned(), wrong.clone()));
            forms.push(Value::Object(fields.collect()));
        }
        forms.push(
            json!({"": 1, "/": 1, "void/x": "y", "void": "", "level/x": 1, "of_tomorrow/": {}, "title/\u{7}": null}),
        );
        for form in forms {
            let edit = json!({"record": record_id(1), "kind": kind.name, "village": village(2), "changes": form});
            shell.call(session, "check", &[edit.clone(), json!(who), Value::Null, json!(NOW_MS)]);
            shell.call(session, "write", &[edit, json!(who), Value::Null, json!(NOW_MS)]);
        }
    }
    let many: serde_json::Map<String, Value> = (0..513).map(|at| (format!("f{at}"), json!(at))).collect();
    let edit = json!({"record": record_id(1), "kind": "k".repeat(41), "changes": many});
    shell.call(session, "check", &[edit, json!(inspector(1)), Value::Null, json!(NOW_MS)]);
    let edit = json!({"record": record_id(1), "kind": "hazard", "village": village(1), "changes": {}});
    let county = caller(1, Role::County, &[1]);
    for what in ["check", "write"] {
        shell.call(session, what, &[edit.clone(), json!(county), Value::Null, json!(NOW_MS)]);
    }
}

/// Written without a network, sent, lost, sent again, answered, refused, decided, freed; with a photo.
pub fn a_day_of_work(session: &mut Session) {
    let mut server = Server::new();
    let mut phone = Shell::new(session, "phone", 1, inspector(1));
    let mut office = Shell::new(session, "office", 2, caller(99, Role::Supervisor, &[]));
    for number in 0..6 {
        phone.write(session, number, &hazard(&format!("隐患 {number} 😀\u{2028}")));
    }
    phone.write(
        session,
        2,
        &json!({"level": "major", "place": "二楼", "location": {"lat": 29.5, "lon": 106.55, "accuracy_m": 3.5}}),
    );
    let hash = "ab".repeat(32);
    let photo =
        json!({"subject_kind": "hazard", "subject": record_id(2), "hash": hash, "bytes": 1000, "role": "before"});
    phone.write_as(session, "photo", Some(1), 20, &photo);
    let effect = phone.call(session, "addPhoto", &[json!(hash)]);
    phone.store(session, &json!([effect]));
    assert!(phone.round_trip(session, &mut server, true));
    phone.call(session, "waitMs", &[json!(phone.now_ms)]);
    phone.call(session, "retryNow", &[]);
    phone.sync(session, &mut server);
    office.sync(session, &mut server);
    office.write(session, 2, &json!({"description": "改写", "deadline": "2023-12-01"}));
    phone.write(session, 2, &json!({"description": "another", "deadline": "2023-11-30"}));
    office.sync(session, &mut server);
    phone.sync(session, &mut server);
    let refused = phone.write(session, 2, &json!({"level": "general", "description": "mine", "authority": 1}));
    assert!(refused.get("refusal").is_some());
    office.sync(session, &mut server);
    office.write(session, 2, &json!({"description": "decided", "level": "major", "deadline": null}));
    office.write(session, 3, &json!({"void": "重复"}));
    phone.write(session, 3, &json!({"place": "unseen"}));
    office.sync(session, &mut server);
    phone.call(session, "wantPull", &[]);
    phone.sync(session, &mut server);
    for number in 0..6 {
        phone.look(session, number);
    }
    for number in 0..6 {
        phone.call(session, "freeSettled", &[phone.stored(number), json!(replica(1)), json!(4)]);
    }
    phone.call(session, "outbox", &[]);
    phone.call(session, "handleFailure", &[json!({"busy": {"retry_after_s": 9}}), json!(phone.now_ms)]);
    phone.call(session, "waitMs", &[json!(phone.now_ms)]);
    phone.call(session, "handleFailure", &[json!({"busy": {}}), json!(phone.now_ms)]);
    phone.call(session, "handleFailure", &[json!("signed_out"), json!(phone.now_ms)]);
    assert!(!phone.round_trip(session, &mut server, false), "signed out");
    phone.revived(session, "again", 1);
}

/// A phone that was cloned; each copy writes on; the second takes a new replica.
pub fn forks(session: &mut Session) {
    let mut server = Server::new();
    let mut one = Shell::new(session, "one", 1, inspector(1));
    one.write(session, 0, &hazard("before the copy"));
    one.sync(session, &mut server);
    let mut two = one.revived(session, "two", 1);
    for (shell, words) in [(&mut one, "of the first"), (&mut two, "of the second")] {
        shell.write(session, 0, &json!({"description": words}));
        shell.write(session, 0, &json!({"place": words, "funds": 12}));
        shell.write(session, 7, &hazard(words));
    }
    one.sync(session, &mut server);
    two.sync(session, &mut server);
    let effects = two.call(session, "renumber", &[json!(replica(11))]);
    assert!(!effects.as_array().unwrap().is_empty(), "the copy was not told");
    two.store(session, &effects);
    two.sync(session, &mut server);
    one.call(session, "wantPull", &[]);
    one.sync(session, &mut server);
    one.look(session, 0);
    two.look(session, 0);
    assert_eq!(one.call(session, "renumber", &[json!(replica(12))]), json!([]), "nobody asked");
    two.revived(session, "two again", 1);
    assert_eq!(one.base, two.base);
}

/// An inspector who moves; a server restored from a backup; a record that this build cannot read.
pub fn moves_and_restores(session: &mut Session) {
    let mut server = Server::new();
    let mut office = Shell::new(session, "office", 2, caller(99, Role::Supervisor, &[]));
    let mut phone = Shell::new(session, "phone", 1, inspector(1));
    for (number, of) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
        office.write_as(session, "hazard", Some(of), number, &hazard("of a village"));
    }
    let site = json!({"name": "加油站", "sector": "hazardous_chemicals", "major_hazard_source": true});
    office.write_as(session, "site", Some(1), 5, &site);
    office.sync(session, &mut server);
    phone.sync(session, &mut server);
    let backup = server.clone();
    phone.caller.villages = [village(2)].into_iter().collect();
    phone.write(session, 1, &json!({"place": "too late"}));
    phone.sync(session, &mut server);
    phone.write_as(session, "hazard", Some(2), 6, &hazard("in the new village"));
    phone.sync(session, &mut server);
    server = server.restored(&backup);
    phone.call(session, "wantPull", &[]);
    phone.sync(session, &mut server);
    office.call(session, "wantPull", &[]);
    office.sync(session, &mut server);
    phone.now_ms += 500_000;
    phone.call(session, "wantPull", &[]);
    phone.call(session, "poll", &[json!(phone.now_ms)]);
    let odd = json!({"now_ms": 1, "of_tomorrow": {}, "pull": {
        "records": [{"id": "x", "level": 1.0}], "cursor": "c", "more": false, "epoch": Uuid::from_u128(3)}});
    let effects = phone.call(session, "handleAnswer", &[json!(odd.to_string())]);
    phone.store(session, &effects);
    phone.revived(session, "again", 1);
}

/// A base that was damaged is compared with the server's, and repaired.
pub fn comparison(session: &mut Session) {
    let mut server = Server::new();
    let mut office = Shell::new(session, "office", 2, caller(99, Role::Supervisor, &[]));
    let mut phone = Shell::new(session, "phone", 1, inspector(1));
    for number in 0..9 {
        office.write(session, number, &hazard("whole"));
    }
    office.sync(session, &mut server);
    phone.sync(session, &mut server);
    let whole = phone.base.clone();
    let (part, state) = phone.base[&record_id(3)].clone();
    phone.put(session, record_id(3), Some((part, state.replace("whole", "damaged"))));
    phone.put(session, record_id(4), None);
    phone.call(session, "wantPull", &[]);
    phone.sync(session, &mut server);
    assert_eq!(phone.base, whole, "repaired");
}

/// An outbox that is carried to the office as a file, and its receipts; files that are none, or another device's.
pub fn carried(session: &mut Session) {
    const SECRET: &[u8] = b"only the server knows it";
    let (device, other) = (DeviceId(Uuid::from_u128(0xde01)), DeviceId(Uuid::from_u128(0xde02)));
    let [key, foreign] = [device, other].map(|device| SealKey::of_device(SECRET, device).hex());
    let mut server = Server::new();
    let mut phone = Shell::new(session, "phone", 1, inspector(1));
    phone.write(session, 1, &hazard("carried by hand"));
    phone.write(session, 1, &json!({"place": "二楼"}));
    let effect = phone.call(session, "addPhoto", &[json!("ab".repeat(32))]);
    phone.store(session, &json!([effect]));
    let args = [json!(key), json!(phone.caller.account), json!(device), json!(phone.now_ms)];
    let file = phone.call(session, "carry", &args);
    let text = file["text"].as_str().unwrap();
    let receipts = server.import(&phone.caller, SECRET, text, NOW_MS).unwrap();
    for (key, file) in [
        (foreign.as_str(), receipts.as_str()),
        ("", &receipts),
        (&key, text),
        (&key, ""),
        (&key, &receipts.replace("merged", "mErged")),
    ] {
        session.call(Some("phone"), "takeReceipts", &[json!(key), json!(file)]).unwrap_err();
    }
    let effects = phone.call(session, "takeReceipts", &[json!(key), json!(receipts)]);
    phone.store(session, &effects);
    phone.sync(session, &mut server);
    phone.call(session, "carry", &args);
    phone.revived(session, "again", 1);
}

//! Calls of the binding by the names that JavaScript knows, recorded as lines of a history and replayed from them. The
//! same lines are replayed in wasm by `replay.mjs`. Support of the golden histories; no test itself.

use std::collections::BTreeMap;

use hazard_wasm::client::Client;
use hazard_wasm::fault::{Fault, id};
use hazard_wasm::record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::ids::ReplicaId;

/// One call and what it gave: a line of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The name of the function, or of the method.
    pub call: String,
    /// The client whose method it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// `null` where an argument is left out.
    pub args: Vec<Value>,
    /// The text that came out, byte for byte; empty where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives: Option<String>,
    /// What was thrown instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throws: Option<Fault>,
}

/// The clients of one history, and what was called so far.
#[derive(Default)]
pub struct Session {
    clients: BTreeMap<String, Client>,
    pub calls: Vec<Call>,
}

impl Session {
    /// Calls, notes what came out, and hands it out.
    pub fn call(&mut self, on: Option<&str>, call: &str, args: &[Value]) -> Result<String, Fault> {
        let result = match on {
            None => function(call, args),
            Some(name) if call == "new" => Client::new(&text(args, 0)).map(|client| {
                self.clients.insert(name.to_owned(), client);
                String::new()
            }),
            Some(name) => method(self.clients.get_mut(name).unwrap(), call, args),
        };
        let (gives, throws) = (result.as_ref().ok().cloned(), result.as_ref().err().cloned());
        let (call, on) = (call.to_owned(), on.map(str::to_owned));
        self.calls.push(Call { call, on, args: args.to_vec(), gives, throws });
        result
    }

    /// A function that is expected to give something.
    pub fn ask(&mut self, call: &str, args: &[Value]) -> String {
        self.call(None, call, args).unwrap()
    }
}

fn text(args: &[Value], at: usize) -> String {
    args[at].as_str().unwrap_or_else(|| panic!("argument {at} is no text: {args:?}")).to_owned()
}

fn optional(args: &[Value], at: usize) -> Option<&str> {
    args.get(at).and_then(Value::as_str)
}

fn texts(args: &[Value], at: usize) -> Vec<String> {
    args[at].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn number(args: &[Value], at: usize) -> u64 {
    args[at].as_u64().unwrap()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn function(call: &str, args: &[Value]) -> Result<String, Fault> {
    Ok(match call {
        "join" => record::join(&text(args, 0), &text(args, 1))?,
        "readRecord" => json(&record::read_record(&text(args, 0))?),
        "fingerprint" => record::fingerprint(&text(args, 0))?,
        "mark" => record::mark(&text(args, 0))?,
        "bucket" => json(&record::bucket(&text(args, 0))?),
        "lacks" => json(&record::lacks(&text(args, 0), &text(args, 1))?),
        "standing" => json(&record::standing(&text(args, 0), &texts(args, 1), &text(args, 2))?),
        "hazardsNamed" => json(&record::hazards_named(&text(args, 0))?),
        "toFollow" => json(&record::to_follow(&text(args, 0), &texts(args, 1))?),
        "mayWrite" => json(&record::may_write(&text(args, 0), &text(args, 1), &text(args, 2))?),
        "reportId" => record::report_id(&text(args, 0), &text(args, 1))?.to_string(),
        "reportState" => record::report_state(&text(args, 0))?.name().to_owned(),
        "commentState" => record::comment_state(&text(args, 0))?.name().to_owned(),
        "countsIn" => json(&record::counts_in(
            &text(args, 0),
            &text(args, 1),
            number(args, 2),
            args[3].as_bool(),
            args[4].as_str(),
            args[5].as_u64(),
        )),
        "townshipDate" => sync_core::time::township_date(number(args, 0)),
        other => panic!("no function {other}"),
    })
}

fn method(client: &mut Client, call: &str, args: &[Value]) -> Result<String, Fault> {
    let nothing = String::new;
    Ok(match call {
        "restore" => client.restore(&text(args, 0)).map(|()| nothing())?,
        "write" => json(&client.write(&json(&args[0]), &json(&args[1]), optional(args, 2), number(args, 3))?),
        "check" => json(&client.check(&json(&args[0]), &json(&args[1]), optional(args, 2), number(args, 3))?),
        "view" => client.view(&text(args, 0), optional(args, 1))?.unwrap_or_default(),
        "poll" => client.poll(number(args, 0)).unwrap_or_default(),
        "handleAnswer" => json(&client.handle_answer(&text(args, 0))?),
        "handleFailure" => json(&client.handle_failure(&json(&args[0]), number(args, 1))?),
        "noteBase" => client.note_base(&text(args, 0), optional(args, 1), optional(args, 2)).map(|()| nothing())?,
        "compareMarks" => client.compare_marks(&json(&args[0])).map(|()| nothing())?,
        "renumber" => json(&client.renumber(&text(args, 0))?),
        "addPhoto" => json(&client.add_photo(text(args, 0))),
        "photosToSend" => json(&client.photos_to_send()),
        "carry" => json(&client.carry(&text(args, 0), &text(args, 1), &text(args, 2), number(args, 3))?),
        "takeReceipts" => json(&client.take_receipts(&text(args, 0), &text(args, 1))?),
        "freeSettled" => client.free_settled(&text(args, 0), &text(args, 1), number(args, 2)).map(|()| nothing())?,
        "outbox" => json(&client.outbox()),
        other => return untranslated(client, other, args),
    })
}

/// What the binding hands to the engine as it is.
fn untranslated(client: &mut Client, call: &str, args: &[Value]) -> Result<String, Fault> {
    let engine = client.engine_mut();
    Ok(match call {
        "retryNow" => {
            engine.retry_now();
            String::new()
        }
        "wantPull" => {
            engine.want_pull();
            String::new()
        }
        "photoSent" => {
            engine.photo_sent(&text(args, 0));
            String::new()
        }
        "replica" => id::<ReplicaId>("replica", &engine.replica().to_string())?.to_string(),
        "photosUnsent" => json(&engine.photos_unsent()),
        "isIdle" => json(&engine.is_idle()),
        "isProvedEqual" => json(&engine.is_proved_equal()),
        "bucketsToCompare" => json(&engine.buckets_to_compare()),
        "waitMs" => json(&engine.wait_ms(number(args, 0))),
        other => panic!("no method {other}"),
    })
}

//! Faults that are planted on purpose, to see the model find them.

use serde_json::{Value, json};
use sync_core::people::Caller;

use crate::server_in_memory::Server;

/// What is wrong with the world, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    None,
    /// The server answers before it has kept what was sent, and a power cut comes between.
    AcknowledgesBeforeKeeping,
    /// The server forgets what the author of an edit had seen.
    ForgetsContexts,
    /// The server looks at a version's number only, not at its bytes.
    ComparesNumbersOnly,
    /// The phone takes silence for consent.
    TakesSilenceForConsent,
}

impl Plant {
    /// The server's answer to a request.
    pub(crate) fn serve(self, server: &mut Server, who: &Caller, body: &str, now_ms: u64) -> String {
        match self {
            Self::AcknowledgesBeforeKeeping => server.clone().sync(who, body, now_ms),
            Self::ForgetsContexts => server.sync(who, &without_contexts(body), now_ms),
            Self::ComparesNumbersOnly => {
                let answer = server.sync(who, body, now_ms);
                if answer.contains("replica_forked") { agreed(&answer, body) } else { answer }
            }
            Self::None | Self::TakesSilenceForConsent => server.sync(who, body, now_ms),
        }
    }

    /// What the phone makes of a request that brought no answer, where it makes anything of it.
    pub(crate) fn takes_for_granted(self, body: &str) -> Option<String> {
        (self == Self::TakesSilenceForConsent).then(|| agreed(r#"{"now_ms":0}"#, body))
    }
}

fn without_contexts(body: &str) -> String {
    let mut request: Value = serde_json::from_str(body).unwrap();
    if let Some(versions) = request.pointer_mut("/push/versions").and_then(Value::as_array_mut) {
        for version in versions {
            let creates = version["changes"].get("sector").is_some();
            // An empty context would be a creation, and refused as one that lacks its fields.
            version["context"] = if creates { json!({}) } else { json!({"00000000-0000-0000-0000-0000000000ff": 1}) };
        }
    }
    request.to_string()
}

/// The answer with every version of the request accepted.
fn agreed(answer: &str, body: &str) -> String {
    let (mut answer, request): (Value, Value) =
        (serde_json::from_str(answer).unwrap(), serde_json::from_str(body).unwrap());
    let push = &request["push"];
    let (first, count) = (push["first_seq"].as_u64(), push["versions"].as_array().map_or(0, Vec::len));
    if let Some(first) = first {
        let outcomes: Vec<Value> = (first..).take(count).map(|seq| json!({"seq": seq, "verdict": "merged"})).collect();
        answer["push"] = json!({"result": "accepted", "outcomes": outcomes, "through": first + count as u64 - 1});
    }
    answer.to_string()
}

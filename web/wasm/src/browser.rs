//! The exports to JavaScript. Each reads its arguments, calls one function of `client` or `record`, and hands out its
//! answer: data as plain objects (through JSON text, which engines parse fastest), states and bodies as text, untouched.
//! Whatever the arguments are, the worst that happens is a thrown [`Fault`].

use serde::Serialize;
use sync_core::limits::SEQ_MAX;
use wasm_bindgen::prelude::*;

use crate::client::Client;
use crate::fault::{self, Fault};
use crate::record;

type Answer<T = JsValue> = Result<T, JsValue>;

#[wasm_bindgen]
extern "C" {
    /// What is thrown.
    type Error;

    #[wasm_bindgen(constructor)]
    fn new(message: &str) -> Error;

    #[wasm_bindgen(method, setter)]
    fn set_name(this: &Error, name: &str);

    #[wasm_bindgen(method, setter)]
    fn set_code(this: &Error, code: &str);

    #[wasm_bindgen(method, setter)]
    fn set_field(this: &Error, field: &str);

    #[wasm_bindgen(method, setter)]
    fn set_detail(this: &Error, detail: &str);

    #[wasm_bindgen(catch, js_namespace = JSON, js_name = parse)]
    fn parse_json(text: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_namespace = JSON, js_name = stringify)]
    fn write_json(value: &JsValue) -> Result<JsValue, JsValue>;
}

impl From<Fault> for JsValue {
    /// The `Error` that is thrown, with the members of the fault.
    fn from(fault: Fault) -> Self {
        let Fault { code, field, detail } = fault;
        let error = Error::new(&detail);
        error.set_name("Fault");
        error.set_code(code.name());
        error.set_field(&field);
        error.set_detail(&detail);
        error.into()
    }
}

fn text(argument: &str, value: &JsValue) -> Answer<String> {
    value.as_string().ok_or_else(|| Fault::malformed(argument, "expected a string").into())
}

fn optional_text(argument: &str, value: &JsValue) -> Answer<Option<String>> {
    if value.is_null_or_undefined() { Ok(None) } else { text(argument, value).map(Some) }
}

fn texts(argument: &str, value: &JsValue) -> Answer<Vec<String>> {
    Ok(fault::read(argument, &object(argument, value)?)?)
}

/// The JSON text of an object.
fn object(argument: &str, value: &JsValue) -> Answer<String> {
    let json = write_json(value).ok().and_then(|json| json.as_string());
    json.ok_or_else(|| Fault::malformed(argument, "expected plain data").into())
}

/// A whole number from 0 to 2^53 - 1.
fn whole(argument: &str, value: &JsValue) -> Answer<u64> {
    // By its digits, which JavaScript writes out up to 10^21.
    let number = object(argument, value)?.parse().ok().filter(|number| *number <= SEQ_MAX);
    number.ok_or_else(|| Fault::malformed(argument, "expected a whole number from 0 to 2^53 - 1").into())
}

fn plain(value: &impl Serialize) -> Answer {
    let json = serde_json::to_string(value).map_err(|error| JsValue::from(Error::new(&error.to_string())))?;
    parse_json(&json)
}

/// A number that JavaScript holds exactly: of milliseconds, or of things that are counted.
fn number(value: u64) -> Answer {
    plain(&value)
}

/// The state machine of one replica. Nothing in it is stored until the caller has stored what its methods give.
#[wasm_bindgen(js_name = Client)]
#[derive(Debug)]
pub struct BrowserClient(Client);

#[wasm_bindgen(js_class = Client)]
impl BrowserClient {
    /// A client that has written and seen nothing. The id must be a fresh random UUID, or the one whose log is restored.
    #[wasm_bindgen(constructor)]
    pub fn new(#[wasm_bindgen(unchecked_param_type = "ReplicaId")] replica: &JsValue) -> Answer<BrowserClient> {
        Ok(Self(Client::new(&text("replica", replica)?)?))
    }

    /// Takes back one entry of the stored log, in the order in which they were stored.
    pub fn restore(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] log: &JsValue) -> Answer<()> {
        Ok(self.0.restore(&text("log", log)?)?)
    }

    /// Writes an edit on top of what the caller sees. It is saved once the effect is stored, not before.
    #[wasm_bindgen(unchecked_return_type = "Written")]
    pub fn write(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Edit")] edit: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Caller")] caller: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | undefined")] base: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number", js_name = now_ms)] now_ms: &JsValue,
    ) -> Answer {
        let (edit, caller) = (object("edit", edit)?, object("caller", caller)?);
        let (base, now_ms) = (optional_text("base", base)?, whole("now_ms", now_ms)?);
        plain(&self.0.write(&edit, &caller, base.as_deref(), now_ms)?)
    }

    /// Everything that is wrong with an edit, with the path of each; empty where `write` would take it.
    #[wasm_bindgen(unchecked_return_type = "Refusal[]")]
    pub fn check(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Edit")] edit: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Caller")] caller: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | undefined")] base: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number", js_name = now_ms)] now_ms: &JsValue,
    ) -> Answer {
        let (edit, caller) = (object("edit", edit)?, object("caller", caller)?);
        let (base, now_ms) = (optional_text("base", base)?, whole("now_ms", now_ms)?);
        plain(&self.0.check(&edit, &caller, base.as_deref(), now_ms)?)
    }

    /// The state of a record as its user sees it: its stored base with this replica's own versions joined over it.
    #[wasm_bindgen(unchecked_return_type = "string | undefined")]
    pub fn view(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RecordId")] record: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | undefined")] base: &JsValue,
    ) -> Answer<Option<String>> {
        let (record, base) = (text("record", record)?, optional_text("base", base)?);
        Ok(self.0.view(&record, base.as_deref())?)
    }

    /// The body of the next `POST /sync`, when one is due. It is sent as it is: a repeat is known by its bytes.
    pub fn poll(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "number", js_name = now_ms)] now_ms: &JsValue,
    ) -> Answer<Option<String>> {
        Ok(self.0.poll(whole("now_ms", now_ms)?))
    }

    /// Takes in the body of the answer, as text. When that throws, the round trip is still under way: `handleFailure` ends it.
    #[wasm_bindgen(js_name = handleAnswer, unchecked_return_type = "StoredEffect[]")]
    pub fn handle_answer(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] body: &JsValue) -> Answer {
        plain(&self.0.handle_answer(&text("body", body)?)?)
    }

    /// Takes note that the round trip under way brought no answer.
    #[wasm_bindgen(js_name = handleFailure, unchecked_return_type = "StoredEffect[]")]
    pub fn handle_failure(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Failure")] failure: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number", js_name = now_ms)] now_ms: &JsValue,
    ) -> Answer {
        let (failure, now_ms) = (object("failure", failure)?, whole("now_ms", now_ms)?);
        plain(&self.0.handle_failure(&failure, now_ms)?)
    }

    /// Everything that waits, as a file to be carried by hand, sealed with the key that the answer to a sign-in gave.
    #[wasm_bindgen(unchecked_return_type = "CarriedFile")]
    pub fn carry(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", js_name = seal_key)] seal_key: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "AccountId")] account: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "DeviceId")] device: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number", js_name = now_ms)] now_ms: &JsValue,
    ) -> Answer {
        let (seal_key, account, device) =
            (text("seal_key", seal_key)?, text("account", account)?, text("device", device)?);
        plain(&self.0.carry(&seal_key, &account, &device, whole("now_ms", now_ms)?)?)
    }

    /// Takes in the receipts for such a file. When that throws, nothing was taken from it.
    #[wasm_bindgen(js_name = takeReceipts, unchecked_return_type = "StoredEffect[]")]
    pub fn take_receipts(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "string", js_name = seal_key)] seal_key: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string")] file: &JsValue,
    ) -> Answer {
        plain(&self.0.take_receipts(&text("seal_key", seal_key)?, &text("file", file)?)?)
    }

    /// Signed in again, the network is back, or somebody pressed the button.
    #[wasm_bindgen(js_name = retryNow)]
    pub fn retry_now(&mut self) {
        self.0.engine_mut().retry_now();
    }

    /// Asks for what is new at the next poll.
    #[wasm_bindgen(js_name = wantPull)]
    pub fn want_pull(&mut self) {
        self.0.engine_mut().want_pull();
    }

    /// Takes note that the stored base state of a record has become another one: the marks of both, `undefined` where there
    /// was, or is, none. To be called for every change of the base, and at a start for every record of it.
    #[wasm_bindgen(js_name = noteBase)]
    pub fn note_base(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "RecordId")] record: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | undefined")] old: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | undefined")] new: &JsValue,
    ) -> Answer<()> {
        let (record, old, new) = (text("record", record)?, optional_text("old", old)?, optional_text("new", new)?);
        Ok(self.0.note_base(&record, old.as_deref(), new.as_deref())?)
    }

    /// The buckets (0 to 255) in which the base differs from what the server has, when their marks are to be compared.
    #[wasm_bindgen(js_name = bucketsToCompare, unchecked_return_type = "number[] | null")]
    pub fn buckets_to_compare(&self) -> Answer {
        plain(&self.0.engine().buckets_to_compare())
    }

    /// Takes the marks of all records of the base in those buckets, by record; more do no harm.
    #[wasm_bindgen(js_name = compareMarks)]
    pub fn compare_marks(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Record<RecordId, string>")] marks: &JsValue,
    ) -> Answer<()> {
        Ok(self.0.compare_marks(&object("marks", marks)?)?)
    }

    /// Whether the base was shown to be, byte for byte, what the server had for this account at the last pull.
    #[wasm_bindgen(js_name = isProvedEqual)]
    #[must_use]
    pub fn is_proved_equal(&self) -> bool {
        self.0.engine().is_proved_equal()
    }

    /// Takes a new replica id (a fresh random UUID), when `take_new_replica` asked for one; else gives nothing.
    #[wasm_bindgen(unchecked_return_type = "StoredEffect[]")]
    pub fn renumber(&mut self, #[wasm_bindgen(unchecked_param_type = "ReplicaId")] replica: &JsValue) -> Answer {
        plain(&self.0.renumber(&text("replica", replica)?)?)
    }

    /// Notes a photo by its SHA-256. Its bytes are stored in the same transaction as the effect.
    #[wasm_bindgen(js_name = addPhoto, unchecked_return_type = "StoredEffect")]
    pub fn add_photo(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] hash: &JsValue) -> Answer {
        plain(&self.0.add_photo(text("hash", hash)?))
    }

    /// The photos to send now: those that the server has said it lacks, once no record waits.
    #[wasm_bindgen(js_name = photosToSend, unchecked_return_type = "string[]")]
    pub fn photos_to_send(&self) -> Answer {
        plain(&self.0.photos_to_send())
    }

    /// A photo's upload ended, one way or the other: the server is asked again, and only its receipt counts.
    #[wasm_bindgen(js_name = photoSent)]
    pub fn photo_sent(&mut self, #[wasm_bindgen(unchecked_param_type = "string")] hash: &JsValue) -> Answer<()> {
        self.0.engine_mut().photo_sent(&text("hash", hash)?);
        Ok(())
    }

    /// How many photos the server has given no receipt for.
    #[wasm_bindgen(js_name = photosUnsent)]
    #[must_use]
    pub fn photos_unsent(&self) -> usize {
        self.0.engine().photos_unsent()
    }

    /// Frees accepted entries of one record, by its stored base, up to a number of their replica, when no backup of the server
    /// is older than they are. What the base does not hold yet stays.
    #[wasm_bindgen(js_name = freeSettled)]
    pub fn free_settled(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "string")] base: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "ReplicaId")] replica: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number", js_name = up_to_seq)] up_to_seq: &JsValue,
    ) -> Answer<()> {
        let (base, replica) = (text("base", base)?, text("replica", replica)?);
        Ok(self.0.free_settled(&base, &replica, whole("up_to_seq", up_to_seq)?)?)
    }

    /// Everything that this replica wrote and keeps, in order.
    #[wasm_bindgen(unchecked_return_type = "OutboxEntry[]")]
    pub fn outbox(&self) -> Answer {
        plain(&self.0.outbox())
    }

    /// This replica's id.
    #[wasm_bindgen(unchecked_return_type = "ReplicaId")]
    #[must_use]
    pub fn replica(&self) -> String {
        self.0.engine().replica().to_string()
    }

    /// Whether nothing waits to be sent, received or asked.
    #[wasm_bindgen(js_name = isIdle)]
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.engine().is_idle()
    }

    /// For how many milliseconds from now on `poll` gives nothing after a failure. To be asked anew after a while: the clock may
    /// be set.
    #[wasm_bindgen(js_name = waitMs, unchecked_return_type = "number")]
    pub fn wait_ms(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number", js_name = now_ms)] now_ms: &JsValue,
    ) -> Answer {
        number(self.0.engine().wait_ms(whole("now_ms", now_ms)?))
    }
}

/// The join of two states or deltas of one record.
#[wasm_bindgen]
pub fn join(
    #[wasm_bindgen(unchecked_param_type = "string")] base: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] delta: &JsValue,
) -> Answer<String> {
    Ok(record::join(&text("base", base)?, &text("delta", delta)?)?)
}

/// What a state shows.
#[wasm_bindgen(js_name = readRecord, unchecked_return_type = "RecordView")]
pub fn read_record(#[wasm_bindgen(unchecked_param_type = "string")] state: &JsValue) -> Answer {
    plain(&record::read_record(&text("state", state)?)?)
}

/// SHA-256 over a state, in lower-case hex: equal states, and only those, have equal fingerprints.
#[wasm_bindgen]
pub fn fingerprint(#[wasm_bindgen(unchecked_param_type = "string")] state: &JsValue) -> Answer<String> {
    Ok(record::fingerprint(&text("state", state)?)?)
}

/// What stands for a state in a digest: 16 hex digits, to be stored beside it.
#[wasm_bindgen]
pub fn mark(#[wasm_bindgen(unchecked_param_type = "string")] state: &JsValue) -> Answer<String> {
    Ok(record::mark(&text("state", state)?)?)
}

/// The bucket of a digest in which a record is, 0 to 255.
#[wasm_bindgen]
pub fn bucket(#[wasm_bindgen(unchecked_param_type = "RecordId")] record: &JsValue) -> Answer<u8> {
    Ok(record::bucket(&text("record", record)?)?)
}

/// Whether a value stands in another state of a record that this one neither holds nor has overwritten.
#[wasm_bindgen]
pub fn lacks(
    #[wasm_bindgen(unchecked_param_type = "string")] state: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] other: &JsValue,
) -> Answer<bool> {
    Ok(record::lacks(&text("state", state)?, &text("other", other)?)?)
}

/// Where a hazard stands on a day (`YYYY-MM-DD`), by the states of the records that speak of it.
#[wasm_bindgen(unchecked_return_type = "HazardStanding")]
pub fn standing(
    #[wasm_bindgen(unchecked_param_type = "string")] hazard: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string[]")] facts: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] today: &JsValue,
) -> Answer {
    let (hazard, facts, today) = (text("hazard", hazard)?, texts("facts", facts)?, text("today", today)?);
    plain(&record::standing(&hazard, &facts, &today)?)
}

/// What the office asks to be settled of a hazard (`must_settle` of its setting) and is not, by the states of what speaks of it.
#[wasm_bindgen(unchecked_return_type = "string[]")]
pub fn unsettled(
    #[wasm_bindgen(unchecked_param_type = "string | undefined")] setting: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] hazard: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string[]")] facts: &JsValue,
) -> Answer {
    let (setting, hazard, facts) =
        (optional_text("setting", setting)?, text("hazard", hazard)?, texts("facts", facts)?);
    plain(&record::unsettled(setting.as_deref(), &hazard, &facts)?)
}

/// Those of the sites that a campaign means to reach, each with whether one of the inspections reached it for the campaign.
#[wasm_bindgen(unchecked_return_type = "[RecordId, boolean][]")]
pub fn covered(
    #[wasm_bindgen(unchecked_param_type = "string")] campaign: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string[]")] sites: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string[]")] inspections: &JsValue,
) -> Answer {
    let (campaign, sites) = (text("campaign", campaign)?, texts("sites", sites)?);
    plain(&record::covered(&campaign, &sites, &texts("inspections", inspections)?)?)
}

/// The hazards that a record speaks of.
#[wasm_bindgen(js_name = hazardsNamed, unchecked_return_type = "RecordId[]")]
pub fn hazards_named(#[wasm_bindgen(unchecked_param_type = "string")] state: &JsValue) -> Answer {
    plain(&record::hazards_named(&text("state", state)?)?)
}

/// The keys that a re-inspection of a hazard made now writes under `follows`, given the states of what speaks of it.
#[wasm_bindgen(js_name = toFollow, unchecked_return_type = "string[]")]
pub fn to_follow(
    #[wasm_bindgen(unchecked_param_type = "RecordId")] hazard: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string[]")] facts: &JsValue,
) -> Answer {
    plain(&record::to_follow(&text("hazard", hazard)?, &texts("facts", facts)?)?)
}

/// The id of the record that is the monthly report of a village for a month (`YYYY-MM`).
#[wasm_bindgen(js_name = reportId, unchecked_return_type = "RecordId")]
pub fn report_id(
    #[wasm_bindgen(unchecked_param_type = "VillageId")] village: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] month: &JsValue,
) -> Answer<String> {
    Ok(record::report_id(&text("village", village)?, &text("month", month)?)?.to_string())
}

/// Where a monthly report stands.
#[wasm_bindgen(js_name = reportState, unchecked_return_type = "ReportState")]
pub fn report_state(#[wasm_bindgen(unchecked_param_type = "string")] state: &JsValue) -> Answer {
    Ok(record::report_state(&text("state", state)?)?.name().into())
}

/// Where a comment stands.
#[wasm_bindgen(js_name = commentState, unchecked_return_type = "CommentState")]
pub fn comment_state(#[wasm_bindgen(unchecked_param_type = "string")] state: &JsValue) -> Answer {
    Ok(record::comment_state(&text("state", state)?)?.name().into())
}

/// Which figures of a month (`YYYY-MM`) one record counts in: a bit for each of `kinds.json`'s `figures`, the first the
/// lowest. A hazard has a level; what has none is an inspection.
#[wasm_bindgen(js_name = countsIn)]
pub fn counts_in(
    #[wasm_bindgen(unchecked_param_type = "string")] month: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] today: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "number", js_name = at_ms)] at_ms: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "boolean | undefined", js_name = is_major)] is_major: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string | null")] deadline: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "number | null", js_name = closed_at_ms)] closed_at_ms: &JsValue,
) -> Answer<u8> {
    let deadline = optional_text("deadline", deadline)?;
    let closed_at_ms =
        if closed_at_ms.is_null_or_undefined() { None } else { Some(whole("closed_at_ms", closed_at_ms)?) };
    let (month, today, at_ms) = (text("month", month)?, text("today", today)?, whole("at_ms", at_ms)?);
    Ok(record::counts_in(&month, &today, at_ms, is_major.as_bool(), deadline.as_deref(), closed_at_ms))
}

/// Whether a role writes a field of a kind at all; where and on top of what is for `check` to say.
#[wasm_bindgen(js_name = mayWrite)]
pub fn may_write(
    #[wasm_bindgen(unchecked_param_type = "Role")] role: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] kind: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] field: &JsValue,
) -> Answer<bool> {
    Ok(record::may_write(&text("role", role)?, &text("kind", kind)?, &text("field", field)?)?)
}

/// The township's calendar day at an instant, as `YYYY-MM-DD`.
#[wasm_bindgen(js_name = townshipDate)]
pub fn township_date(
    #[wasm_bindgen(unchecked_param_type = "number", js_name = now_ms)] now_ms: &JsValue,
) -> Answer<String> {
    Ok(sync_core::time::township_date(whole("now_ms", now_ms)?))
}

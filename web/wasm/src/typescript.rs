//! TypeScript declarations of everything that crosses the boundary, from the Rust types, and of the names of kinds and
//! fields, from their declarations. The signatures of functions are wasm-bindgen's.

use sync_core::client::{Edit, Failure};
use sync_core::comment::CommentState;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, VillageId};
use sync_core::kinds::KINDS;
use sync_core::monthly::ReportState;
use sync_core::people::{Caller, Role};
use sync_core::protocol::{Outcome, Verdict};
use sync_core::rules::Voiding;
use sync_core::schema::{Field, FieldType, Kind, Rule, Scope};
use sync_core::status::Status;
use sync_core::validate::{Refusal, RefusalCode};
use ts_rs::{Config, TS};

use crate::fault::{Fault, FaultCode};
use crate::views;

/// The declared names, and the module that declares them.
#[must_use]
pub fn declarations() -> (Vec<String>, String) {
    // Numbers of the protocol are at most 2^53 - 1: a JavaScript number holds them.
    let config = Config::new().with_large_int("number");
    let mut all = Declarations { config, names: Vec::new(), text: String::new() };
    all.add::<serde_json::Value>();
    all.add::<ReplicaId>().add::<RecordId>().add::<VillageId>().add::<AccountId>().add::<DeviceId>().add::<Dot>();
    all.add::<Role>().add::<Caller>().add::<Edit>().add::<Failure>();
    all.add::<Refusal>().add::<RefusalCode>().add::<Fault>().add::<FaultCode>();
    all.add::<Outcome>().add::<Verdict>().add::<Voiding>();
    all.add::<Kind>().add::<Scope>().add::<Field>().add::<FieldType>().add::<Rule>();
    all.add::<CommentState>().add::<ReportState>().add::<Status>().add::<views::HazardStanding>();
    all.add::<views::RecordView>().add::<views::FieldView>().add::<views::SiblingView>();
    all.add::<views::Written>().add::<views::StoredEffect>();
    all.add::<views::OutboxEntry>().add::<views::CarriedFile>().add::<views::Kinds>();
    all.add_names_of_kinds();
    (all.names, all.text)
}

struct Declarations {
    config: Config,
    names: Vec<String>,
    text: String,
}

impl Declarations {
    fn add<T: TS>(&mut self) -> &mut Self {
        self.declare(T::ident(&self.config), &T::docs().unwrap_or_default(), &T::decl(&self.config))
    }

    fn declare(&mut self, name: String, docs: &str, declaration: &str) -> &mut Self {
        self.names.push(name);
        self.text.extend([docs, "export ", declaration, "\n\n"]);
        self
    }

    fn add_names_of_kinds(&mut self) {
        let union = |names: Vec<&str>| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" | ");
        let kinds = union(KINDS.iter().map(|kind| kind.name).collect());
        self.declare(
            "KindName".to_owned(),
            "/** The kinds that this build knows; a record may be of another. */\n",
            &format!("type KindName = {kinds};"),
        );
        let fields = KINDS.iter().map(|kind| {
            let names = union(kind.fields.iter().map(|field| field.name).collect());
            format!("  {}: {names};\n", kind.name)
        });
        self.declare(
            "FieldNames".to_owned(),
            "/** For each kind the names of its fields. */\n",
            &format!("interface FieldNames {{\n{}}}", fields.collect::<String>()),
        );
    }
}

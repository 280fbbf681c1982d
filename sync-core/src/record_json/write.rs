//! Writing a state, straight into text. States are written far more often than anything else, and most of each is words
//! that need no escaping: going through a serialiser letter by letter took twice as long.

use serde_json::Value;

use super::Tables;
use crate::dots::VersionVector;
use crate::record::{Authorship, Record, Register};

/// A state's JSON text.
pub(super) fn record(record: &Record) -> String {
    let tables = Tables::of(record);
    let mut out = Text(String::with_capacity(room(record, &tables)));
    out.key("{\"id\":").id(&record.id.0);
    out.key(",\"kind\":").text(&record.kind);
    if let Some(village) = &record.village {
        out.key(",\"village\":").id(&village.0);
    }
    out.key(",\"replicas\":").list(tables.replicas.iter(), |out, replica| out.id(&replica.0));
    out.key(",\"authors\":").list(tables.authors.iter(), |out, author| out.id(&author.0));
    out.key(",\"seen\":").vector(&tables, &record.seen.prefix);
    if !record.seen.ahead.is_empty() {
        out.key(",\"ahead\":").list(record.seen.ahead.iter(), |out, (replica, seq, previous)| {
            out.key("[").place(tables.replica(*replica)).key(",").number(*seq).key(",").number(*previous).key("]")
        });
    }
    out.key(",\"versions\":").list(record.versions.iter(), |out, (dot, by)| {
        out.key("[").place(tables.replica(dot.replica)).key(",").number(dot.seq).authorship(&tables, by).key("]")
    });
    out.key(",\"fields\":{");
    for (at, (path, register)) in record.fields.iter().enumerate() {
        out.key(if at == 0 { "" } else { "," }).text(path).key(":").siblings(&tables, register);
    }
    out.key("}");
    let mut between = ",\"overwritten\":{";
    for (path, register) in record.fields.iter().filter(|(_, register)| !register.overwritten.is_empty()) {
        out.key(between).text(path).key(":").vector(&tables, &register.overwritten);
        between = ",";
    }
    out.key(if between == "," { "}}" } else { "}" });
    out.0
}

/// About how many bytes it will take: rather too many than a second allocation.
fn room(record: &Record, tables: &Tables) -> usize {
    let words = |(path, register): (&String, &Register)| {
        let values = register.siblings.iter().map(|(_, value)| 8 + value.as_str().map_or(32, str::len));
        path.len().saturating_add(values.sum()).saturating_add(8)
    };
    let fields: usize = record.fields.iter().map(words).sum();
    let version = tables.replicas.len().saturating_mul(4).saturating_add(40);
    let ids = tables.replicas.len().saturating_add(tables.authors.len()).saturating_add(3).saturating_mul(40);
    fields.saturating_add(record.versions.len().saturating_mul(version)).saturating_add(ids).saturating_add(96)
}

struct Text(String);

impl Text {
    /// What is written as it is.
    #[inline]
    fn key(&mut self, text: &str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    #[inline]
    fn number(&mut self, number: u64) -> &mut Self {
        // Most are places and counts of one digit.
        match u8::try_from(number) {
            Ok(digit @ 0..10) => self.0.push(char::from(b'0' | digit)),
            _ => self.0.push_str(itoa::Buffer::new().format(number)),
        }
        self
    }

    #[inline]
    fn place(&mut self, place: usize) -> &mut Self {
        self.number(u64::try_from(place).unwrap_or(u64::MAX))
    }

    fn id(&mut self, id: &uuid::Uuid) -> &mut Self {
        self.key("\"").key(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer())).key("\"")
    }

    fn text(&mut self, text: &str) -> &mut Self {
        if !is_plain(text) {
            return self.json(&Value::from(text));
        }
        self.0.reserve(text.len().saturating_add(2));
        self.key("\"").key(text).key("\"")
    }

    fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::String(text) => self.text(text),
            Value::Bool(true) => self.key("true"),
            Value::Bool(false) => self.key("false"),
            Value::Null => self.key("null"),
            Value::Number(number) => match number.as_u64() {
                Some(number) => self.number(number),
                None => self.json(value),
            },
            Value::Array(_) | Value::Object(_) => self.json(value),
        }
    }

    fn json(&mut self, value: &Value) -> &mut Self {
        self.key(&value.to_string())
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, write: impl Fn(&mut Self, T) -> &mut Self) -> &mut Self {
        self.key("[");
        for (at, item) in items.enumerate() {
            write(self.key(if at == 0 { "" } else { "," }), item);
        }
        self.key("]")
    }

    /// The numbers in the order of the table, without the zeros at the end.
    fn vector(&mut self, tables: &Tables, vector: &VersionVector) -> &mut Self {
        let (mut replicas, mut between) = (tables.replicas.iter(), "");
        self.key("[");
        for dot in vector.iter() {
            for _ in replicas.by_ref().take_while(|replica| **replica != dot.replica) {
                self.key(between).key("0");
                between = ",";
            }
            self.key(between).number(dot.seq);
            between = ",";
        }
        self.key("]")
    }

    fn authorship(&mut self, tables: &Tables, by: &Authorship) -> &mut Self {
        self.key(",").number(by.stamp.ms).key(",").number(u64::from(by.stamp.counter));
        self.key(",").place(tables.author(by.author));
        if by.context.is_empty() { self } else { self.key(",").vector(tables, &by.context) }
    }

    /// The place of each one's version, and its value, in turn.
    fn siblings(&mut self, tables: &Tables, register: &Register) -> &mut Self {
        self.key("[");
        let mut between = "";
        for (dot, value) in &register.siblings {
            if let Some(at) = tables.version(*dot) {
                self.key(between).place(at).key(",").value(value);
                between = ",";
            }
        }
        self.key("]")
    }
}

/// Whether nothing of a text needs escaping. Looked at eight letters at a time: most texts are too short for more.
#[inline]
fn is_plain(text: &str) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    let is_odd = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // The top bit of each byte: whether it is below 32, a quotation mark or a backslash. Bytes of 128 and more are neither.
    let odd = chunks.iter().fold(0, |odd, chunk| {
        let letters = u64::from_le_bytes(*chunk);
        let is_zero = |bytes: u64| bytes.wrapping_sub(EACH) & !bytes;
        let is_low = letters.wrapping_sub(0x20 * EACH) & !letters;
        odd | is_low | is_zero(letters ^ (0x22 * EACH)) | is_zero(letters ^ (0x5c * EACH))
    });
    odd & (0x80 * EACH) == 0 && !rest.iter().copied().any(is_odd)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_letter_that_needs_escaping_is_seen_wherever_it_stands() {
        for letter in (0..=0x7f_u8).map(char::from).chain(['é', '防', '\u{10ffff}']) {
            for place in 0..20 {
                let text = format!("{}{letter}{}", "消".repeat(place % 3) + &"a".repeat(place), "b".repeat(19 - place));
                let needs = letter < ' ' || letter == '"' || letter == '\\';
                assert_eq!(is_plain(&text), !needs, "{text:?}");
                let mut out = Text(String::new());
                assert_eq!(out.text(&text).0, Value::from(text.as_str()).to_string());
            }
        }
    }

    #[test]
    fn no_two_letters_that_need_escaping_hide_each_other() {
        let letters = ['\u{0}', '\u{1f}', '"', '\\', 'a', '!', '#', ' '];
        for (first, second) in letters.iter().flat_map(|first| letters.iter().map(move |second| (first, second))) {
            for apart in 0..17 {
                let text = format!("{first}{}{second}{}", "a".repeat(apart), "b".repeat(24));
                assert_eq!(
                    is_plain(&text),
                    text.chars().all(|letter| letter >= ' ' && letter != '"' && letter != '\\'),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn every_value_is_written_as_serde_json_writes_it() {
        let texts = ["", "消防", "say \"no\"", "a\\b", "\u{0}\n\t\u{1f}", "\u{7f}\u{2028}é", "/"].map(Value::from);
        let numbers =
            [json!(0), json!(-7), json!(u64::MAX), json!(i64::MIN), json!(0.1), json!(1e300), json!(29.123_456)];
        let others = [Value::Null, json!(true), json!(false), json!([]), json!({"b": [1, "\""], "a": null})];
        for value in texts.iter().chain(&numbers).chain(&others) {
            let mut out = Text(String::new());
            out.value(value);
            assert_eq!(out.0, value.to_string());
        }
    }
}

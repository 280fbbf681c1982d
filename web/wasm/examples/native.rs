//! The native half of `bench.mjs`: reads its cases, times each through the functions that the binding calls, and prints
//! one line of JSON with the median of ns a call by name.
#![allow(
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use hazard_wasm::client::Client;
use hazard_wasm::record;
use serde_json::Value;

const REPLICA: &str = "00000000-0000-0000-0000-000000000001";

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let cases: BTreeMap<String, Vec<Value>> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let times: BTreeMap<&str, f64> = cases.iter().map(|(name, args)| (name.as_str(), time(name, args))).collect();
    println!("{}", serde_json::to_string(&times).unwrap());
}

fn time(name: &str, args: &[Value]) -> f64 {
    let mut client = Client::new(REPLICA).unwrap();
    let texts: Vec<String> =
        args.iter().map(|arg| arg.as_str().map_or_else(|| arg.to_string(), str::to_owned)).collect();
    let facts: Vec<String> = args
        .get(1)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let mut call = || match name {
        "join" => record::join(&texts[0], &texts[1]).unwrap().len(),
        "readRecord" => serde_json::to_string(&record::read_record(&texts[0]).unwrap()).unwrap().len(),
        "mark" => record::mark(&texts[0]).unwrap().len(),
        "standing" => serde_json::to_string(&record::standing(&texts[0], &facts, &texts[2]).unwrap()).unwrap().len(),
        "check" => {
            let found = client.check(&texts[0], &texts[1], Some(&texts[2]), args[3].as_u64().unwrap()).unwrap();
            serde_json::to_string(&found).unwrap().len()
        }
        _ => {
            client.engine_mut().want_pull();
            black_box(client.poll(0));
            serde_json::to_string(&client.handle_answer(&texts[0]).unwrap()).unwrap().len()
        }
    };
    let mut batches: Vec<f64> = (0..7).map(|_| batch(&mut call)).collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}

/// Nanoseconds a call, over at least 100 ms.
fn batch(call: &mut impl FnMut() -> usize) -> f64 {
    let (began, mut calls) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_millis(100) {
        black_box(call());
        calls += 1;
    }
    began.elapsed().as_nanos() as f64 / f64::from(calls)
}

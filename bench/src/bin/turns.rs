//! x
use std::time::Duration;
use hazard_bench::{history, measure::{Operation, medians, subject}, peers::{Automerge, Loro, SyncCore, Yrs, messages}};
fn main() {
    let all = std::env::args().any(|a| a == "all");
    for h in history::all() {
        let mut s = vec![Some(subject::<SyncCore>(messages::<SyncCore>(&h))), Some(subject::<Yrs>(messages::<Yrs>(&h)))];
        if all { s.push(Some(subject::<Automerge>(messages::<Automerge>(&h)))); s.push(Some(subject::<Loro>(messages::<Loro>(&h)))); }
        for op in Operation::ALL { if op == Operation::Build && !all { continue }
            let t = medians(&mut s, op, Duration::from_millis(700));
            let t: Vec<f64> = t.iter().map(|t| t.unwrap().as_nanos() as f64 / 1000.0).collect();
            println!("{:8} {:8} ratio to yrs {:.2}  {:?}", h.name, op.name(), t[0]/t[1], t);
        }
    }
}

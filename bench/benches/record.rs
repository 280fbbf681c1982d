//! Times, per library and history: `join` (one more edit, from its bytes, into the record that has all the others),
//! `encode` and `decode` (the whole record as stored), `build` (the record from the bytes of all its edits).
//! Every timed result is read once, so that no library can put the work off.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use hazard_bench::{
    history::{self, History},
    peers::{Automerge, Loro, Peer, SyncCore, Yrs, messages},
};

/// The field that is read from each result.
const READ: &str = "level";

fn read<P: Peer>(doc: P::Doc) -> P::Doc {
    black_box(P::values(&doc, READ));
    doc
}

fn measure<P: Peer>(criterion: &mut Criterion, history: &History) {
    let messages = messages::<P>(history);
    let [earlier @ .., warming, last] = messages.as_slice() else { panic!("a history of two edits or more") };
    let mut before = P::build(earlier);
    let mut whole = P::build(&messages);
    let stored = P::encode(&mut whole);
    let id = || BenchmarkId::new(P::NAME, history.name);

    let mut join = criterion.benchmark_group("join");
    join.bench_function(id(), |bencher| {
        let take = |mut doc| {
            P::take(&mut doc, last);
            read::<P>(doc)
        };
        // The edit before goes in untimed: some libraries read a copy in only when it is first written to.
        let prepare = || {
            let mut doc = P::fork(&mut before);
            P::take(&mut doc, warming);
            read::<P>(doc)
        };
        bencher.iter_batched(prepare, take, BatchSize::SmallInput);
    });
    join.finish();

    let mut encode = criterion.benchmark_group("encode");
    encode.bench_function(id(), |bencher| bencher.iter(|| P::encode(&mut whole)));
    encode.finish();

    let mut decode = criterion.benchmark_group("decode");
    decode.bench_function(id(), |bencher| bencher.iter(|| read::<P>(P::decode(&stored))));
    decode.finish();

    let mut build = criterion.benchmark_group("build");
    build.bench_function(id(), |bencher| bencher.iter(|| read::<P>(P::build(&messages))));
    build.finish();
}

fn all(criterion: &mut Criterion) {
    for history in history::all() {
        measure::<SyncCore>(criterion, &history);
        measure::<Automerge>(criterion, &history);
        measure::<Loro>(criterion, &history);
        measure::<Yrs>(criterion, &history);
    }
}

criterion_group! {
    name = record;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500));
    targets = all
}
criterion_main!(record);

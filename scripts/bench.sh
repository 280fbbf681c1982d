#!/usr/bin/env bash
# Runs the benchmarks and writes target/bench/summary.json, one JSON object a line: `make bench`. First the record beside
# other libraries, then the server. The first run also compiles those libraries, which takes several minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/prepare.sh
mkdir -p target/bench
export CARGO_TARGET_DIR=$PWD/bench/target
bench=(--manifest-path bench/Cargo.toml --locked)

# The same edits must come to the same values before it means anything how fast they do.
cargo test --release "${bench[@]}" --test agreement
cargo run --release --quiet "${bench[@]}" --bin agreement -- --histories 20000 | tee target/bench/agreement.json
cargo bench "${bench[@]}" --bench record
cargo run --release --quiet "${bench[@]}" --bin summary -- \
    "$CARGO_TARGET_DIR/criterion" target/bench/summary.json
# The same, taken in turns. How it grows with edits and replicas takes longer: see docs/performance.md.
cargo run --release --quiet "${bench[@]}" --bin growth -- 0.5 history | tee target/bench/growth.json

# The server: ingest beside plain diesel, then a cold start on the ledger of 100,000 records that the ingest left.
unset CARGO_TARGET_DIR
rm -rf target/bench/ledger
cargo build --release --locked --package server --package hazard-tests --bins
target/release/ingest --batches 160 --keep target/bench/ledger | tee -a target/bench/summary.json
HAZARD_TEST_FSYNC=on scripts/postgres.sh target/release/ingest --batches 160 --postgres --townships 8 |
    tee -a target/bench/summary.json
target/release/coldstart --data-dir target/bench/ledger | tee -a target/bench/summary.json
target/release/fanout | tee -a target/bench/summary.json
HAZARD_TEST_FSYNC=on scripts/postgres.sh target/release/fanout --processes 2 | tee -a target/bench/summary.json
target/release/load | tee -a target/bench/summary.json
rm -rf target/bench/ledger
target/release/growth --sizes 1000,10000 | tee target/bench/server_growth.json
HAZARD_TEST_FSYNC=on scripts/postgres.sh target/release/growth --postgres --sizes 10000,100000 |
    tee target/bench/server_growth_postgres.json

# The office: its questions to a ledger of a million hazards, and the workbook beside Python's xlsxwriter.
target/release/office | tee target/bench/office.json
scripts/workbook.sh | tee -a target/bench/summary.json

# Photos beside vipsthumbnail, two at a time as the server has it, and one at a time.
scripts/prepare.sh photos
for jobs in 2 1; do
    target/release/thumbnails --photos "${HAZARD_SHARED:-../shared}/data/photos/phones" --jobs "$jobs" |
        tee -a target/bench/summary.json
done

# The browser's build beside the native one.
scripts/prepare.sh web
scripts/wasm.sh
cargo build --release --locked --package hazard-wasm --example native
node web/wasm/bench.mjs target/release/examples/native target/bench/wasm-cases.json | tee -a target/bench/summary.json

#!/usr/bin/env bash
# Runs the benchmarks and writes target/bench/summary.json, one JSON object a line: `make bench`.
# The first run also compiles the libraries that sync-core is measured beside, which takes several minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/prepare.sh
mkdir -p target/bench
export CARGO_TARGET_DIR=$PWD/bench/target
bench=(--manifest-path bench/Cargo.toml --locked)

# The same edits must come to the same values before it means anything how fast they do.
cargo test --release "${bench[@]}" --test agreement
cargo bench "${bench[@]}" --bench record
cargo run --release --quiet "${bench[@]}" --bin summary -- \
    "$CARGO_TARGET_DIR/criterion" target/bench/summary.json

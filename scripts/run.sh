#!/usr/bin/env bash
# Builds the pages and the server, and serves the demo township: `make run`. Everything it keeps is under $DATA, and is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/prepare.sh
scripts/web.sh
cargo build --release --locked -p server --bin hazard-ledger
# exec: an interrupt reaches the server itself, which finishes what it has begun and ends.
exec "${CARGO_TARGET_DIR:-target}/release/hazard-ledger" serve --demo --demo-history --data-dir "${DATA:-data}" --listen "${LISTEN:-127.0.0.1:8080}"

#!/usr/bin/env bash
# Formatting and lints, warnings refused: `make lint`.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo clippy --locked --workspace --all-targets -- -D warnings

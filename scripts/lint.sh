#!/usr/bin/env bash
# Formatting and lints, warnings refused: `make lint`.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo fmt --manifest-path web/glue/Cargo.toml --check
cargo clippy --locked --workspace --all-targets -- -D warnings

#!/usr/bin/env bash
# Replays the inspections of $CSV with the photos of $PHOTOS through simulated phones, at $SEED, against the release
# server, and verifies the ledger field by field: `make replay`. Arguments are handed on to the fleet.
set -euo pipefail
cd "$(dirname "$0")/.."

for input in "$CSV" "$PHOTOS"; do
    if [[ ! -e $input ]]; then
        echo "No $input. Name the input: make replay CSV=inspections.csv PHOTOS=photos/" >&2
        exit 1
    fi
done

scripts/prepare.sh
cargo build --release --locked -p server -p hazard-tests --bins
exec "${CARGO_TARGET_DIR:-target}/release/fleet" --csv "$CSV" --photos-dir "$PHOTOS" --seed "${SEED:-1}" "$@"

#!/usr/bin/env bash
# Replays a slice of the real inspections with every fault switched on: the part of `make replay` that `make test` runs.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${HAZARD_SHARED:=../shared}"
: "${CSV:=$HAZARD_SHARED/data/fire-inspections/inspections-2017-2018.csv}"
: "${PHOTOS:=$HAZARD_SHARED/data/photos}"
if [[ ! -e $CSV || ! -e $PHOTOS ]]; then
    echo "No inspections at $CSV or no photos at $PHOTOS. Set HAZARD_SHARED, or CSV and PHOTOS." >&2
    exit 1
fi
cargo build --locked -p server -p hazard-tests --bins
"${CARGO_TARGET_DIR:-target}/debug/fleet" --csv "$CSV" --photos-dir "$PHOTOS" --seed 1 --slice

#!/usr/bin/env bash
# Runs $SEEDS seeds of the simulator from $FROM on, the server's data in $STORE (memory, sqlite or postgres), stories of
# $DAYS days where that is set: `make sim`. A seed that breaks an invariant is printed, shrunk to a short story.
# docs/simulator.md says what is checked.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/prepare.sh
cargo build --release --locked -p hazard-tests --bin sim
options=(--seeds "${SEEDS:-1000}" --from "${FROM:-0}" --store "${STORE:-memory}")
if [[ -n ${DAYS:-} ]]; then
    options+=(--days "$DAYS")
fi
with=()
if [[ ${STORE:-} == postgres && -z ${HAZARD_TEST_POSTGRES:-} ]]; then
    with=(scripts/postgres.sh)
fi
exec "${with[@]}" "${CARGO_TARGET_DIR:-target}/release/sim" "${options[@]}" "$@"

#!/usr/bin/env bash
# Runs everything: `make test`. Each check outside the Rust test suites (format and lints, dependencies) counts as one;
# the replayed slice of real inspections is one of the suites. A failing check does not stop the others. The last line is
# the sum.
set -euo pipefail
cd "$(dirname "$0")/.."

logs=target/test-logs
passed=0
failed=0

# check NAME COMMAND…: runs the command, and counts it as one check.
check() {
    local name=$1 started=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        passed=$((passed + 1))
        printf '== %s: passed in %d s\n' "$name" $((SECONDS - started))
    else
        failed=$((failed + 1))
        printf '== %s: FAILED after %d s\n' "$name" $((SECONDS - started))
    fi
}

# suites NAME COMMAND…: runs a test command of cargo or node, and counts what its closing lines say. A run that fails
# without a failed test (it does not compile, it was killed) counts as one failure, and so does a run of no test.
suites() {
    local name=$1 log=$logs/$1.log started=$SECONDS status=0 ran=0 bad=0
    shift
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$log" || status=$?
    read -r ran bad < <(scripts/count-tests.awk "$log")
    if ((bad == 0 && (status != 0 || ran == 0))); then
        bad=1
    fi
    passed=$((passed + ran))
    failed=$((failed + bad))
    printf '== %s: %d passed, %d failed, %d s\n' "$name" "$ran" "$bad" $((SECONDS - started))
}

# What crosses into browsers and the apps themselves, as the type checker reads them.
types() {
    npm --prefix web run --silent types && npm --prefix web run --silent types --workspaces
}

scripts/prepare.sh browser
mkdir -p "$logs"
check "pages" scripts/web.sh
check "formatting and lints" scripts/lint.sh
# One throwaway PostgreSQL, and one S3-compatible server, for all: the suites run on SQLite, then those that touch the database once more on PostgreSQL,
# with the same binaries.
suites "tests" scripts/postgres.sh scripts/with-s3.sh cargo test --locked --workspace --no-fail-fast
suites "tests-on-postgresql" scripts/postgres.sh env HAZARD_TEST_DATABASE=postgres scripts/with-s3.sh \
    scripts/suites-on-postgres.sh
suites "wasm" node --test --test-reporter=tap web/wasm/tests/replay.mjs
check "types" types
check "server for the clients" cargo build --locked --workspace --tests --bin hazard-ledger
export HAZARD_SERVER=${CARGO_TARGET_DIR:-$PWD/target}/debug/hazard-ledger
suites "tus" node --test --test-reporter=tap web/tus/uploads.mjs
suites "field" env NO_COLOR=1 npm --prefix web run unit --workspace field
suites "field-in-a-browser" env NO_COLOR=1 npm --prefix web run e2e --workspace field
suites "office-in-a-browser" env NO_COLOR=1 npm --prefix web run e2e --workspace console
check "dependencies" scripts/deny.sh

printf '\n%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))

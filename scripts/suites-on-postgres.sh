#!/usr/bin/env bash
# The suites that touch the database, with HAZARD_TEST_DATABASE=postgres: scripts/test.sh runs them after all suites have
# run on SQLite. What starts its own servers with folders of its own (`program`), and what touches no database, is not
# repeated. A suite that fails does not stop the others.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
# The stories of PostgreSQL itself have run with all others.
cargo test --locked --workspace --no-fail-fast --lib -p server -- db::tests db::ledger_tests auth::rotation || status=1
cargo test --locked --workspace --no-fail-fast --test accounts --test carried --test chassis --test digest --test events \
    --test ledger --test photos --test bucket --test sync --test tenants || status=1
cargo test --locked --workspace --no-fail-fast --test simulation -- real_database stories || status=1
cargo test --locked --workspace --no-fail-fast --test replay -- a_slice || status=1
exit "$status"

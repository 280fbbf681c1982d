#!/usr/bin/env bash
# Checks licences, bans and sources of every dependency against deny.toml: `make deny`.
# Security advisories come from a database on the network: they are checked where CARGO_DENY_ADVISORIES=1 asks for it.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=$PWD/target/tools
PATH=$tools/bin:$PATH

if ! cargo deny --version >/dev/null 2>&1; then
    echo "Installing cargo-deny $version into target/tools (a minute or two, once)"
    # Not optimised: it runs for a second, and its release profile takes three times as long to build.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --locked --quiet \
        --root "$tools" --target-dir "$tools/build-deny" "cargo-deny@$version"
    rm -rf "$tools/build-deny"
fi

checks=(licenses bans sources)
if [[ ${CARGO_DENY_ADVISORIES:-} == 1 ]]; then
    checks+=(advisories)
fi
cargo deny --workspace --locked check "${checks[@]}"

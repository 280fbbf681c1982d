#!/usr/bin/env bash
# Breaks sync-core in every small way that cargo-mutants knows, and lists the breaks that its tests do not notice:
# `make mutants`, or for some of the files FILES='sync-core/src/record.rs', or for what a change touches DIFF=change.diff. It takes hours on a small machine; docs/fuzzing.md
# says what was run. The results lie in target/mutants.
set -euo pipefail
cd "$(dirname "$0")/.."

version=27.1.0
tools=$PWD/target/tools
PATH=$tools/bin:$PATH

if ! cargo mutants --version >/dev/null 2>&1; then
    echo "Installing cargo-mutants $version into target/tools (a few minutes, once)"
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --locked --quiet \
        --root "$tools" --target-dir "$tools/build-mutants" "cargo-mutants@$version"
    rm -rf "$tools/build-mutants"
fi

options=(--package sync-core --jobs 1 --output target/mutants)
# (The option --file would only add to the files of .cargo/mutants.toml.)
for file in ${FILES:-}; do
    options+=(--re "^${file//./\\.}:")
done
# What a change touches: DIFF names its unified diff.
[[ -n ${DIFF:-} ]] && options+=(--in-diff "$DIFF")
exec cargo mutants "${options[@]}"

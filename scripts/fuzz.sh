#!/usr/bin/env bash
# Fuzzes one target for a while: `make fuzz TARGET=engine SECONDS=600`. Needs a C++ compiler for libFuzzer; without a sanitizer
# the ordinary Rust does. What is found lies in fuzz/artifacts/TARGET; new inputs that reach further are kept in
# target/fuzz-corpus/TARGET. `MINIMISE=1` takes them into fuzz/corpus/TARGET, reduced to few enough to commit.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${TARGET:-engine}
seconds=${FUZZ_SECONDS:-60}
version=0.13.2
tools=$PWD/target/tools
PATH=$tools/bin:$PATH

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "Installing cargo-fuzz $version into target/tools (a minute or two, once)"
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --locked --quiet \
        --root "$tools" --target-dir "$tools/build-fuzz" "cargo-fuzz@$version"
    rm -rf "$tools/build-fuzz"
fi

# Nothing here is unsafe code: without the address sanitizer the same hour tries several times as many inputs.
options=(--sanitizer none)
inputs=(-max_len=2048 -timeout=20)
case $target in
    headers) options+=(--features headers) ;;
    # Events are read byte by byte, nothing is compared with words: tracing comparisons would only cost.
    engine) options+=(--no-trace-compares); inputs=(-max_len=512 -len_control=0 -timeout=20) ;;
    join) options+=(--no-trace-compares); inputs=(-max_len=192 -len_control=0 -timeout=20) ;;
esac
if [[ $target == decode ]]; then
    inputs+=(-dict=sync.dict)
fi

cd fuzz
found=../target/fuzz-corpus/$target
mkdir -p "corpus/$target" "$found"
if [[ ${MINIMISE:-} == 1 ]]; then
    find "$found" -type f -exec cp -n -t "corpus/$target" {} +
    exec cargo fuzz cmin "${options[@]}" "$target" -- "${inputs[@]}"
fi
exec cargo fuzz run "${options[@]}" "$target" "$found" "corpus/$target" -- "${inputs[@]}" "-max_total_time=$seconds" -print_final_stats=1

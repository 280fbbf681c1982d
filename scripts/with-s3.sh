#!/usr/bin/env bash
# with-s3.sh COMMAND…: runs a command beside an S3-compatible server (s3s-fs, from crates.io) on a free loopback port and a
# folder of its own, and ends the server with it. The server is built into target/tools once. The command is told where it
# is by HAZARD_TEST_S3 (the address) and HAZARD_TEST_S3_ROOT (its folder, one file an object), and finds its keys where every client
# of S3 looks for them.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.14.1
tools=$PWD/target/tools
server=$tools/bin/s3s-fs
if [[ $("$server" --version 2>/dev/null) != "s3s-fs $version" ]]; then
    echo "Building s3s-fs $version into target/tools" >&2
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug s3s-fs --version "$version" --features binary \
        --root "$tools" --target-dir "$tools/s3s-fs"
    rm -rf "$tools/s3s-fs"
fi

root=$(mktemp -d)
mkdir "$root/photos"
export HAZARD_TEST_S3_ROOT=$root AWS_ACCESS_KEY_ID=ledger AWS_SECRET_ACCESS_KEY=ledger-secret
pid=
end() {
    if [[ -n $pid ]]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$root"
}
trap end EXIT

# A port that was free a moment ago may be taken by now: then another is tried.
for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    "$server" --host 127.0.0.1 --port "$port" --access-key "$AWS_ACCESS_KEY_ID" \
        --secret-key "$AWS_SECRET_ACCESS_KEY" "$root" >"$root.log" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break 2
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill "$pid" 2>/dev/null || true
    pid=
done
if [[ -z $pid ]]; then
    echo "The S3-compatible server did not start:" >&2
    cat "$root.log" >&2
    exit 1
fi
rm -f "$root.log"
export HAZARD_TEST_S3=http://127.0.0.1:$port
"$@"

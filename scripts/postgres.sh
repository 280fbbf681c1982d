#!/usr/bin/env bash
# Runs a command with a throwaway PostgreSQL: scripts/postgres.sh COMMAND ARGUMENTS…
# A private cluster in a temporary folder on a free port of the loopback address; HAZARD_TEST_POSTGRES names it for the
# command. It is stopped and removed afterwards, whatever comes of the command. No service of the system is touched. The
# server is installed from Debian when it is missing. It does not wait for the disk (fsync = off): what it holds is lost
# with the machine, not with a process. HAZARD_TEST_PG_CTL is the command with which stories restart it.
set -euo pipefail
# The command runs where the caller stands.
here=$(cd "$(dirname "$0")" && pwd)

# The folder with initdb and postgres: the newest that is installed. What stands on PATH may be a wrapper.
programs() {
    local found
    found=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || true)
    if [[ -z $found ]] && command -v pg_config >/dev/null && [[ -x $(pg_config --bindir)/initdb ]]; then
        found=$(pg_config --bindir)/initdb
    fi
    [[ -n $found ]] && dirname "$found"
}

if ! bin=$(programs); then
    "$here/prepare.sh" postgres
    bin=$(programs)
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/hazard-postgres.XXXXXX")
# PostgreSQL does not run as root: then it runs as its own user, or as nobody.
as=()
if ((EUID == 0)); then
    owner=nobody
    id postgres >/dev/null 2>&1 && owner=postgres
    chown "$owner" "$folder"
    as=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups env HOME="$folder")
fi

stop() {
    "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w -t 300 stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT

"${as[@]}" "$bin/initdb" -D "$folder/data" -U hazard -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 ||
    { cat "$folder/initdb.log" >&2; exit 1; }
cat >>"$folder/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 128MB
fsync = ${HAZARD_TEST_FSYNC:-off}
max_wal_size = 512MB
# In the folder of the cluster: a container may have little room in /dev/shm.
dynamic_shared_memory_type = mmap
log_min_messages = fatal
logging_collector = off
SETTINGS
# Below the ports that systems give to outgoing connections; one that was free a moment ago may be taken by now. A machine
# that does much else takes its time, and a server that comes up late must not stand in the way of the next attempt.
control=("${as[@]}" "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 300)
started=
for port in $(shuf -i 20000-32000 -n 5); do
    echo "port = $port" >>"$folder/data/postgresql.conf"
    if "${control[@]}" start >>"$folder/pg_ctl.log" 2>&1; then
        started=yes
        break
    fi
    "${control[@]}" -m immediate stop >>"$folder/pg_ctl.log" 2>&1 || true
done
if [[ -z $started ]]; then
    df -h "$folder" >&2
    cat "$folder/pg_ctl.log" "$folder/log" >&2
    exit 1
fi

export HAZARD_TEST_POSTGRES="postgres://hazard@127.0.0.1:$port/postgres"
export HAZARD_TEST_PG_CTL="${control[*]}"
status=0
"$@" || status=$?
exit "$status"

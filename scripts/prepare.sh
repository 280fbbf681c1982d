#!/usr/bin/env bash
# Makes sure that the tools of a build are there: Rust's cargo and a C compiler (SQLite and PostgreSQL's client
# library are built from source).
# `prepare.sh web` also makes sure of Node.js and npm, with which what runs in browsers is built.
# `prepare.sh browser` also makes sure of a browser, in which it is tested, and of a font with Chinese letters.
# `prepare.sh postgres` makes sure of a PostgreSQL server, which scripts/postgres.sh starts for tests.
# `prepare.sh photos` makes sure of what photos are reduced with beside the server.
# Debian packages are installed when missing; Rust is not, because how to install it is the machine owner's choice.
set -euo pipefail

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
if [[ ${1:-} == web || ${1:-} == browser ]]; then
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
fi
if [[ ${1:-} == browser ]]; then
    command -v chromium >/dev/null || missing+=(chromium)
    [[ -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ]] || missing+=(fonts-wqy-microhei)
fi
if [[ ${1:-} == photos ]]; then
    command -v vipsthumbnail >/dev/null || missing+=(libvips-tools)
    [[ -x /usr/bin/time ]] || missing+=(time)
fi
if [[ ${1:-} == postgres ]] && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    missing+=(postgresql)
    # The package would make a cluster and start it: nothing of the system is to run for tests.
    export PG_CREATECLUSTER=no
fi

if ((${#missing[@]})); then
    as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "Tools are missing and there is no sudo. As root, run: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    if ! command -v apt-get >/dev/null; then
        echo "Missing: ${missing[*]}. Install them with this system's package manager, and run this again." >&2
        exit 1
    fi
    echo "Installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
fi

if ! command -v cargo >/dev/null; then
    echo "Rust is missing: cargo is not on PATH. Install Rust $(sed -n 's/^channel = "\(.*\)"/\1/p' \
        rust-toolchain.toml) or newer, and run this again." >&2
    exit 1
fi

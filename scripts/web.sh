#!/usr/bin/env bash
# Builds the apps for browsers into web/dist, from where the server takes them: `make web`. Nothing is done where nothing
# has changed since.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/prepare.sh web
scripts/wasm.sh >&2
npm() { command npm --prefix web --silent "$@"; }
# Browsers for tests come from the system, not from a download.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
installed=web/node_modules/.package-lock.json
[[ -e $installed && ! web/package-lock.json -nt $installed ]] || npm ci

# What the built files are made of, by name and content.
sources=$(find web/field web/console web/wasm/pkg web/compress.mjs web/package-lock.json -type f -not -path '*/node_modules/*' \
    -not -path '*/test-results/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
[[ $(cat target/web-sources 2>/dev/null) == "$sources" && -e web/dist/field/index.html && -e web/dist/office/index.html ]] && exit 0
npm run build --workspace field
npm run build --workspace console
node web/compress.mjs web/dist/field
node web/compress.mjs web/dist/office
mkdir -p target
printf '%s' "$sources" >target/web-sources

#!/usr/bin/env bash
# Builds web/wasm/pkg, sync-core for browsers with its JavaScript and TypeScript declarations: `make wasm`.
# The compiler is the one on PATH where it has the target wasm32-unknown-unknown; else Debian's, which builds the target's
# standard library from source. Debian's packages are installed when missing.
set -euo pipefail
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
debian=(rustc-web cargo-web rust-web-src lld-19)
# The crate type is said here, because a crate that is also a Rust library gets no link-time optimisation.
build=(rustc --quiet --locked --package hazard-wasm --lib --crate-type cdylib --profile wasm --target "$target"
    --target-dir target/wasm)

has_target() {
    local libraries
    libraries=$(rustc --print target-libdir --target "$target" 2>/dev/null) && compgen -G "$libraries/libcore-*.rlib" >/dev/null
}

has_debian() {
    [[ -x /usr/bin/cargo && -x /usr/bin/rustc && -d /usr/src/rustc-$(/usr/bin/rustc --version | cut -d' ' -f2)/library ]] &&
        command -v wasm-ld-19 >/dev/null
}

install_debian() {
    command -v apt-get >/dev/null || return 1
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || return 1
        as_root=(sudo)
    fi
    echo "Installing ${debian[*]}" >&2
    "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${debian[@]}" >/dev/null
}

# Whatever rustup, cargo or the user set for other builds does not reach this one. SHA-256 comes without
# unrolled rounds, which are some KB less for what hashes a few states.
clean_env=(env -u CARGO -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET -u CARGO_ENCODED_RUSTFLAGS -u RUSTFLAGS -u RUSTC
    -u RUSTC_WRAPPER -u RUSTDOC -u RUSTUP_TOOLCHAIN)
flags='--cfg sha2_backend_soft="compact"'

if has_target; then
    "${clean_env[@]}" RUSTFLAGS="$flags" cargo "${build[@]}"
elif has_debian || { install_debian && has_debian; }; then
    # RUSTC_BOOTSTRAP for this build alone: build-std is not yet in a stable release. A panic, which no input causes, stops
    # the module without words: these would be a twentieth of it. A standard library that came built has them.
    "${clean_env[@]}" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS="$flags -Zunstable-options -Cpanic=immediate-abort" \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 \
        /usr/bin/cargo "${build[@]}" -Z build-std=std,panic_abort -Z build-std-features=optimize_for_size
else
    echo "No Rust compiler for $target. Install one of these, and run this again:" >&2
    echo "  rustup target add $target" >&2
    echo "  apt-get install --no-install-recommends ${debian[*]}" >&2
    exit 1
fi

# Not locked: its lock file follows sync-core's dependencies, which the root's lock file has settled already.
"${clean_env[@]}" cargo run --quiet --manifest-path web/glue/Cargo.toml --target-dir target/glue -- \
    "target/wasm/$target/wasm/hazard_wasm.wasm" web/wasm/pkg

#!/usr/bin/env bash
# Do the engine's digests hold on another processor? Builds the engine alone for aarch64 and runs tests/determinism.rs under
# an emulator: the digests pinned there were made on x86-64.
#
#   tools/aarch64.sh [FOLDER]     FOLDER [default: target/aarch64] keeps a Debian 13 tree (1.5 GB) for the next run
#
# Needs root, debootstrap, cargo, and the packages of Debian and crates.io; a first run takes a few minutes. Debian's compiler is
# Rust 1.85, the oldest that the project promises to build on.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "${1:-target/aarch64}"
folder=$(cd "${1:-target/aarch64}" && pwd)
tree=$folder/debian
target=aarch64-unknown-linux-gnu

if [ ! -e "$tree/.complete" ]; then
    rm -rf --one-file-system "$tree"
    debootstrap --variant=minbase --include=ca-certificates trixie "$tree" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
    cp /etc/resolv.conf "$tree/etc/resolv.conf"
    cp /etc/apt/apt.conf.d/* "$tree/etc/apt/apt.conf.d/"
    chroot "$tree" dpkg --add-architecture arm64
    chroot "$tree" apt-get update
    chroot "$tree" apt-get install --yes --no-install-recommends rustc cargo libstd-rust-dev:arm64 gcc libc6-dev \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
    touch "$tree/.complete"
fi

# the engine and its test, without what other tests and benches need
work=$tree/engine
mkdir -p "$work/tests/engine"
rm -rf "$work/src"
cp -r src build.rs Cargo.lock "$work"
cp tests/determinism.rs "$work/tests"
cp tests/engine/made.rs "$work/tests/engine"
awk '/^\[/ { kept = !/^\[dev-dependencies\]|^\[\[bench\]\]|^\[\[test\]\]/ } kept' Cargo.toml >"$work/Cargo.toml"
rm -rf "$work/.cargo"
(cd "$work" && cargo vendor --quiet >/dev/null)
mkdir "$work/.cargo"
printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n' >"$work/.cargo/config.toml"

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu'
export CARGO_HOME=/engine/.home CARGO_TERM_COLOR=never
chroot "$tree" bash -c "cd /engine && rustc --version && qemu-aarch64 --version | head -n 1 \
    && cargo test --offline --release --no-default-features --target $target --test determinism"

//! Tells the program which compiler built it; `GET /version` passes that on.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok();
    let said = output.and_then(|o| String::from_utf8(o.stdout).ok()).unwrap_or_default();
    // "rustc 1.85.0 (4d91de4e4 2025-02-17)"
    let version = said.split_whitespace().nth(1).unwrap_or("unknown");
    println!("cargo:rustc-env=AML_MINER_RUSTC_VERSION={version}");
}

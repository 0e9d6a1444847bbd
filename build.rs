//! What the compiler does not pass on by itself: its own version, for `GET /version`, and whether that version has
//! AVX-512; and which files the demo batch and the shipped bundle consist of, so that the program can carry them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC");
    let compiler = compiler();
    println!("cargo:rustc-env=AML_MINER_RUSTC_VERSION={compiler}");
    println!("cargo:rustc-check-cfg=cfg(has_avx512)");
    let x86_64 = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    if x86_64 && minor(&compiler) >= Some(FIRST_WITH_AVX512) {
        println!("cargo:rustc-cfg=has_avx512");
    }
    if env::var_os("CARGO_FEATURE_CLI").is_some() {
        let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
        let (batch, models) = (root.join("fixtures/demo"), root.join("models"));
        let mut code = carried("BATCH", below(&batch), &["json", "parquet"]);
        // reports lie in folders below the models
        let beside = below(&models).into_iter().filter(|path| path.parent() == Some(&models)).collect();
        code += &carried("MODELS", beside, &["json", "model"]);
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
        fs::write(out.join("carried.rs"), code).expect("the output folder is writable");
    }
}

/// `rustc 1.85.0 (4d91de4e4 2025-02-17)` -> `1.85.0`.
fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok();
    let said = output.and_then(|o| String::from_utf8(o.stdout).ok()).unwrap_or_default();
    said.split_whitespace().nth(1).unwrap_or("unknown").to_owned()
}

/// `1.85.0` -> 85.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// Rust 1.89 made the AVX-512 intrinsics stable.
const FIRST_WITH_AVX512: u32 = 89;

/// A constant with names and bytes of the files with these extensions, in the order of their paths.
fn carried(constant: &str, mut files: Vec<PathBuf>, extensions: &[&str]) -> String {
    let wanted =
        |path: &PathBuf| path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted));
    files.retain(wanted);
    files.sort();
    let mut code = format!("const {constant}: Files = &[\n");
    for path in files {
        let name = path.file_name().expect("files have names").to_string_lossy().into_owned();
        writeln!(code, "    ({name:?}, include_bytes!({:?}).as_slice()),", path.display().to_string())
            .expect("strings grow");
    }
    code + "];\n"
}

/// Every file of a folder and of the folders below it; none where there is no folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

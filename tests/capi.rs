//! The functions of C: their header is the one that the sources make, and a program in C that is linked to the library gets the same bits from it as
//! a program in Rust does.
//!
//! The library is built by cargo with the feature `capi` into a folder of its own, `target/capi`; without a C compiler (`cc`, or what `CC` names) that
//! test is skipped and says so.
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "engine_infer/models.rs"]
mod models;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aml_miner::gbdt::infer::{Explainer, Predictor};
use aml_miner::gbdt::model::Model;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_header_is_what_the_sources_say() {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        include_guard: Some("AML_MINER_H".to_owned()),
        cpp_compat: true,
        usize_is_size_t: true,
        documentation_style: cbindgen::DocumentationStyle::C99,
        header: Some(
            "// The engine of aml-miner for C. Made of src/capi by `UPDATE_DOCS=1 cargo test --test capi`; do not edit.".to_owned(),
        ),
        ..Default::default()
    };
    config.enumeration.rename_variants = cbindgen::RenameRule::QualifiedScreamingSnakeCase;
    let made =
        cbindgen::Builder::new().with_config(config).with_src(root().join("src/capi/mod.rs")).generate();
    let mut header = vec![];
    made.expect("the sources parse").write(&mut header);
    let path = root().join("include/aml_miner.h");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &header).expect("written");
    }
    let pinned = fs::read(&path).unwrap_or_default();
    assert!(
        pinned == header,
        "include/aml_miner.h is not what src/capi says; UPDATE_DOCS=1 cargo test --test capi writes it"
    );
}

/// A model with every kind of question, and rows with every special value.
fn written(folder: &Path) -> (Model, Vec<Vec<f64>>) {
    let shape = models::Shape { features: 7, trees: 20, leaves: 24 };
    let model = models::model(11, shape);
    let draws = &mut models::Draws::new(12);
    let rows: Vec<Vec<f64>> = (0..300).map(|_| models::row(draws, shape.features)).collect();
    fs::write(folder.join("model"), model.to_bytes()).expect("written");
    let bytes: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    fs::write(folder.join("rows"), bytes).expect("written");
    (model, rows)
}

/// Raw score, score, contributions and base value of every row, as the C program writes them.
fn expected(model: &Model, rows: &[Vec<f64>]) -> Vec<u8> {
    let (predictor, explainer) = (Predictor::new(model), Explainer::new(model));
    let numbers = rows.iter().flat_map(|row| {
        let contributions = explainer.contributions(row);
        let scores = [predictor.raw_row(row), predictor.score_row(row)];
        scores.into_iter().chain(contributions.values).chain([contributions.base_value])
    });
    numbers.flat_map(f64::to_le_bytes).collect()
}

#[test]
fn a_program_in_c_gets_the_same_bits() {
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    if !cfg!(unix) || Command::new(&cc).arg("--version").output().is_err() {
        println!("skipped 1 test: no C compiler (`{cc}`)");
        return;
    }
    let library = library();
    let folder = tempfile::tempdir().expect("a folder");
    let (model, rows) = written(folder.path());
    let program = folder.path().join("embed");
    let mut compile = Command::new(cc);
    compile.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"]).arg(root().join("include"));
    compile.arg(root().join("tests/capi/embed.c")).arg("-o").arg(&program);
    compile.arg("-L").arg(&library).args(["-laml_miner", "-lm"]);
    compile.arg(format!("-Wl,-rpath,{}", library.display()));
    succeed(&mut compile);
    succeed(Command::new(&program).args(["model", "rows", "answers"]).current_dir(folder.path()));
    let answers = fs::read(folder.path().join("answers")).expect("the program's answers");
    assert!(answers == expected(&model, &rows), "the program in C has other bits");
}

/// The folder with the shared library.
fn library() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("capi");
    let mut build = Command::new(env!("CARGO"));
    build.args(["rustc", "--quiet", "--lib", "--no-default-features", "--features", "capi"]);
    build.args(["--crate-type", "cdylib", "--target-dir"]).arg(&target).current_dir(root());
    succeed(&mut build);
    target.join("debug")
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}

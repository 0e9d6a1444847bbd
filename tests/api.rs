//! The public API of the engine, pinned: whoever breaks a crate that embeds it sees so in `tests/api/engine.txt`.
//!
//! The sources are parsed and walked from `src/lib.rs` as the compiler walks them, features off: public modules, public items,
//! what private modules have that is re-exported, methods and trait implementations. Rustdoc could say the same, but only on a
//! nightly compiler. What is new breaks nobody and is pinned when the file is next written.

#[path = "api/surface.rs"]
mod surface;
#[path = "api/tree.rs"]
mod tree;

use std::fs;
use std::path::Path;

#[test]
fn nothing_of_the_pinned_public_api_is_gone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = surface::of(&tree::Crate::read(&root.join("src/lib.rs")));
    let found = lines.join("\n") + "\n";
    let path = root.join("tests/api/engine.txt");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &found).expect("written");
    }
    let pinned = fs::read_to_string(&path).expect("tests/api/engine.txt is there");
    let gone = pinned.lines().filter(|line| !lines.iter().any(|l| l == line));
    let gone: Vec<String> = gone.map(|line| format!("- {line}")).collect();
    let new: Vec<String> = lines
        .iter()
        .filter(|line| !pinned.lines().any(|l| l == *line))
        .map(|line| format!("+ {line}"))
        .collect();
    assert!(
        gone.is_empty(),
        "the public API is not what it was; where that is meant, say so in CHANGELOG.md and run UPDATE_DOCS=1 cargo test --test api\n{}\n{}",
        gone.join("\n"),
        new.join("\n")
    );
}

/// What a walk that lost its way would not have.
#[test]
fn the_walk_sees_what_is_there() {
    let lines = surface::of(&tree::Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")));
    for line in [
        "gbdt::data::Dataset: struct { .. }",
        "gbdt::data::Task::Binary { labels: Vec<f32>, weights: Option<Vec<f32>> }",
        "gbdt::learn::Observe: trait",
        "gbdt::learn::Observe::round: fn(&mut self, round: &Round<'_>) -> ControlFlow<()>",
        "gbdt::model::Model::from_bytes: fn(bytes: &[u8]) -> Result<Self, FormatError>",
        "gbdt::params::Params.num_leaves: u32",
        "gbdt::params::ObjectiveKind::Lambdarank",
        "gbdt::params::Metric::Ndcg",
        "gbdt::data::Dataset: impl Clone",
    ] {
        assert!(lines.iter().any(|l| l == line), "{line} is not in\n{}", lines.join("\n"));
    }
    for private in ["Tiles", "Frontier", "::tests"] {
        assert!(!lines.iter().any(|line| line.contains(private)), "{private}");
    }
}

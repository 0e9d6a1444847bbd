//! The house rules that the compiler does not know: which layer may import which, and which single file may
//! import a crate that could break determinism. Reads `use crate::...` and inline `crate::...` paths.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A room of `src/`, by path prefix, and the rooms it may import. The longest matching prefix decides.
/// Every room may import itself and `determinism`.
const ROOMS: &[(&str, &[&str])] = &[
    ("determinism", &[]),
    ("metrics", &[]),
    ("gbdt::kernel", &[]),
    ("gbdt::data", &["gbdt::kernel"]),
    // the model knows the schema of its features; it does not know how it was learned or is run
    ("gbdt::model", &["gbdt::data"]),
    ("gbdt::params", &["gbdt::data", "gbdt::model", "metrics"]),
    ("gbdt::learn", &["gbdt::data", "gbdt::model", "gbdt::kernel", "gbdt::params", "metrics"]),
    ("gbdt::infer", &["gbdt::data", "gbdt::model", "gbdt::kernel"]),
    ("capi", &["gbdt::data", "gbdt::model", "gbdt::infer"]),
    ("table", &["gbdt::data"]),
    ("aml::sot", &["table", "gbdt::data"]),
    ("aml::derive", &["aml::sot", "gbdt::data"]),
    ("aml::simulate", &["aml::sot", "gbdt::data"]),
    ("aml::features", &["aml::sot", "gbdt::data"]),
    ("aml::evolution", &["aml::sot", "gbdt::data"]),
    ("aml::target", &["aml::evolution", "aml::sot", "aml::features", "gbdt::data"]),
    ("aml::calibration", &[]),
    (
        "aml::bundle",
        &["aml::calibration", "aml::sot", "aml::features", "gbdt::data", "gbdt::model", "gbdt::infer"],
    ),
    (
        "aml::score",
        &["aml::sot", "aml::features", "aml::bundle", "gbdt::data", "gbdt::model", "gbdt::infer", "table"],
    ),
    ("pipeline", &["aml", "gbdt", "metrics", "table"]),
    ("server", &["aml::bundle", "aml::score", "aml::sot", "metrics"]),
    ("cli", &["*"]),
    // the crate root and the storey landings only declare what lies under them
    ("", &["*"]),
    ("gbdt", &["gbdt"]),
    ("aml", &["aml"]),
];

/// Crates that one place alone may name: a second place would be a breach.
const SINGLE_IMPORTERS: &[(&str, &[&str])] = &[
    ("rayon", &["determinism/par.rs"]),
    ("libm", &["determinism/math.rs"]),
    ("md5", &["determinism/digest.rs"]),
    ("sha2", &["determinism/digest.rs"]),
    ("HashMap", &[]),
    ("HashSet", &[]),
    ("bincode", &["gbdt/model/codec.rs", "gbdt/model/codec/"]),
    ("arrow2", &["table/arrays.rs", "table/arrow.rs", "table/parquet.rs", "table/parquet/"]),
    ("arrow_format", &["table/arrow.rs", "table/arrow/"]),
    ("parquet_format_safe", &["table/parquet.rs", "table/parquet/"]),
    ("argmin", &["pipeline/optimise/"]),
    ("argmin_math", &["pipeline/optimise/"]),
    ("plotters", &["pipeline/report/chart.rs"]),
    ("warp", &["server/"]),
    ("tokio", &["server/"]),
    ("hyper_util", &["server/connection.rs", "server/replay.rs"]),
    ("http_body_util", &["server/replay.rs"]),
    ("tokio_rustls", &["server/tls.rs"]),
    ("subtle", &["server/keys.rs"]),
    ("schemars", &["server/", "aml/score/answer.rs"]),
    ("ureq", &["pipeline/fetch/client.rs"]),
    ("ed25519_dalek", &["pipeline/submit/signature.rs"]),
    ("getrandom", &["cli/"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
];

#[test]
fn imports_point_downwards() {
    let mut breaches = Vec::new();
    for (path, text) in sources() {
        let from = room_of(&module_path(&path));
        for (line, import) in crate_paths(&text) {
            let to = room_of(&import);
            if !may_import(from, to) {
                breaches.push(format!(
                    "src/{}:{line}: {} may not import {}",
                    path.display(),
                    show(from),
                    show(to)
                ));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn each_guarded_crate_has_one_importer() {
    let mut breaches = Vec::new();
    for (path, text) in sources() {
        let path = path.to_string_lossy().replace('\\', "/");
        for (name, allowed) in SINGLE_IMPORTERS {
            if allowed.iter().any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
            {
                continue;
            }
            for (number, line) in code_lines(&text) {
                if names_crate(line, name) {
                    breaches.push(format!("src/{path}:{number}: `{name}` belongs in {allowed:?}"));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn unsafe_code_lives_in_the_kernel_and_behind_c_alone() {
    for (path, text) in sources() {
        let allowed = path.starts_with("gbdt/kernel") || path.starts_with("capi");
        assert!(
            allowed || !text.contains("allow(unsafe_code"),
            "src/{}: unsafe outside gbdt/kernel and capi",
            path.display()
        );
    }
}

#[test]
fn every_relaxed_lint_says_why() {
    let mut breaches = Vec::new();
    for (path, text) in sources() {
        for (number, line) in code_lines(&text) {
            let opens = line.contains("allow(clippy::") || line.contains("expect(clippy::");
            let following: String = text.lines().skip(number - 1).take(6).collect();
            if opens && !following.contains("reason") {
                breaches.push(format!("src/{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(breaches.is_empty(), "relaxed without a reason:\n{}\n", breaches.join("\n"));
}

#[test]
fn functions_fit_on_a_screen() {
    let mut long = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = " ".repeat(line.len() - line.trim_start().len());
            if !starts_function(line.trim_start()) || line.trim_end().ends_with(['}', ';']) {
                continue;
            }
            let close = format!("{indent}}}");
            let length = lines[start..].iter().position(|l| l.trim_end() == close).map_or(0, |n| n + 1);
            if length > 60 {
                long.push(format!("src/{}:{}: {length} lines: {}", path.display(), start + 1, line.trim()));
            }
        }
    }
    assert!(long.is_empty(), "functions above 60 lines:\n{}\n", long.join("\n"));
}

/// The checker itself: a rule that cannot fail is not a rule.
#[test]
fn the_checker_sees_breaches() {
    let text =
        "use crate::pipeline::train;\n// crate::server in a comment\nfn f() { crate::aml::score::go(); }\n";
    let found: Vec<_> = crate_paths(text).into_iter().map(|(line, path)| (line, room_of(&path))).collect();
    assert_eq!(found, [(1, "pipeline"), (3, "aml::score")]);
    assert!(!may_import("aml::score", "pipeline"));
    assert!(!may_import("gbdt::infer", "gbdt::learn"));
    assert!(may_import("gbdt::learn", "gbdt::data"));
    let group = "use crate::{\n    aml::{sot::Batch, score},\n    gbdt,\n};\n";
    let paths: Vec<_> = crate_paths(group).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["aml::sot::Batch", "aml::score", "gbdt"]);
    assert!(names_crate("use rayon::prelude::*;", "rayon"));
    assert!(!names_crate("let rayons = 1;", "rayon"));
}

fn may_import(from: &str, to: &str) -> bool {
    if from == to || to == "determinism" {
        return true;
    }
    let allowed = ROOMS.iter().find(|(room, _)| *room == from).map_or(&[][..], |(_, allowed)| allowed);
    allowed.iter().any(|room| *room == "*" || to == *room || to.starts_with(&format!("{room}::")))
}

fn room_of(module: &str) -> &'static str {
    ROOMS
        .iter()
        .map(|(room, _)| *room)
        .filter(|room| room.is_empty() || module == *room || module.starts_with(&format!("{room}::")))
        .max_by_key(|room| room.len())
        .expect("the root matches everything")
}

fn show(room: &str) -> &str {
    if room.is_empty() { "the crate root" } else { room }
}

/// `gbdt/data/matrix.rs` -> `gbdt::data::matrix`.
fn module_path(path: &Path) -> String {
    let text = path.with_extension("").to_string_lossy().replace(['/', '\\'], "::");
    if text == "lib" || text == "main" {
        return String::new();
    }
    text.strip_suffix("::mod").unwrap_or(&text).to_owned()
}

/// Every path after `crate::`, groups expanded, with the line it starts on.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let code: Vec<(usize, &str)> = code_lines(text).collect();
    let mut found = Vec::new();
    for (i, (number, line)) in code.iter().enumerate() {
        for (at, _) in line.match_indices("crate::") {
            // `pub(in crate::room)` narrows a visibility; it imports nothing
            let visibility = line[..at].ends_with("pub(in ");
            if visibility || line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            let mut rest = line[at + "crate::".len()..].to_owned();
            code[i + 1..].iter().take(40).for_each(|(_, next)| rest.push_str(next));
            expand(&rest, "", &mut |path| found.push((*number, path)));
        }
    }
    found
}

/// Expands `a::{b::C, d}` at the start of `text` into full paths; returns how much it read.
fn expand(text: &str, prefix: &str, found: &mut dyn FnMut(String)) -> usize {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    if !text[end..].starts_with('{') || !(path.is_empty() || path.ends_with("::")) {
        found(path.trim_end_matches(':').to_owned());
        return end;
    }
    let mut at = end + 1;
    loop {
        at += text[at..].len() - text[at..].trim_start_matches([' ', ',', '\n', '\t']).len();
        match text[at..].chars().next() {
            None => return at,
            Some('}') => return at + 1,
            Some(c) if c.is_alphanumeric() || c == '_' => at += expand(&text[at..], &path, found).max(1),
            Some(c) => at += c.len_utf8(),
        }
    }
}

/// Lines without comments and doc text, numbered from 1; unit tests are code too.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, line)| (i + 1, line.split("//").next().unwrap_or("")))
}

fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '-';
        let after = &line[at + name.len()..];
        let a_path =
            name.starts_with('H') || after.starts_with("::") || line.trim_start().starts_with("use ");
        !line[..at].ends_with(word) && !after.starts_with(word) && a_path
    })
}

fn starts_function(line: &str) -> bool {
    let qualifiers = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "];
    qualifiers.iter().fold(line, |line, word| line.strip_prefix(word).unwrap_or(line)).starts_with("fn ")
}

fn sources() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("source is text");
                files.insert(path.strip_prefix(&root).expect("under src").to_path_buf(), text);
            }
        }
    }
    assert!(files.len() > 10, "found no sources under {}", root.display());
    files
}

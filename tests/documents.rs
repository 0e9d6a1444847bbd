//! What documents promise: their links lead somewhere, the README's two commands are the ones that CI runs, and
//! every command line shown is one that the binary takes.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("documents are text");
        for link in links(&text) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let folder = path.parent().expect("a document stands in a folder");
            if !folder.join(target).exists() {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn the_readme_and_ci_agree_on_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let ci = fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
    let commands: Vec<&str> = fenced(&readme, "sh").flat_map(str::lines).map(without_comment).collect();
    assert!(commands.contains(&"cargo run --release -- demo"), "{commands:?}");
    assert!(commands.contains(&"cargo test"), "{commands:?}");
    assert!(ci.lines().any(|line| line == "cargo test"), "CI runs the README's test command");
    assert!(ci.contains("--release -- demo"), "CI runs the README's main command");
}

#[test]
fn no_document_names_a_machine() {
    for path in documents() {
        let text = fs::read_to_string(&path).expect("documents are text");
        for needle in ["/home/", "/root/", "/Users/", "/work/"] {
            assert!(!text.contains(needle), "{} names {needle}", path.display());
        }
    }
}

#[cfg(feature = "cli")]
#[test]
fn commands_in_documents_exist() {
    let help = |words: &[&str]| {
        let run =
            std::process::Command::new(env!("CARGO_BIN_EXE_aml-miner")).args(words).arg("--help").output();
        String::from_utf8(run.expect("the binary runs").stdout).expect("help is text")
    };
    let mut unknown = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("documents are text");
        let blocks = fenced(&text, "sh").chain(fenced(&text, "bash")).chain(fenced(&text, "console"));
        for line in blocks.flat_map(str::lines) {
            let Some(at) = line.find("aml-miner ") else { continue };
            let words: Vec<&str> = line[at..].split_whitespace().skip(1).collect();
            let plain =
                words.iter().take(2).take_while(|w| w.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
            let plain: Vec<&str> = plain.copied().filter(|w| !w.starts_with('-')).collect();
            let Some(&command) = plain.first() else { continue };
            let commands = if command == "gbdt" { &plain[..] } else { &plain[..1] };
            let text = help(commands);
            for flag in words.iter().filter(|w| w.starts_with("--")) {
                let flag = flag.split('=').next().expect("split gives one").trim_end_matches(['`', ']', ')']);
                if !text.contains(flag) {
                    unknown.push(format!("{}: {line}: {flag}", path.display()));
                }
            }
            if text.is_empty() {
                unknown.push(format!("{}: {line}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "commands that the binary does not take:\n{}", unknown.join("\n"));
}

/// Each page's `sh` blocks, run one after the other by one shell in an empty folder that holds `models`. Blocks that need a server,
/// Docker or peers are marked `console`. Economies are smaller than the pages', which no command's outcome depends on.
#[cfg(all(feature = "cli", unix))]
#[test]
fn commands_in_documents_run() {
    let pages = ["quickstart"];
    let failures: Vec<String> = pages.iter().filter_map(|page| walk(page).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[cfg(all(feature = "cli", unix))]
fn walk(page: &str) -> Result<(), String> {
    let text = fs::read_to_string(root().join(format!("docs/{page}.md"))).expect("a page of docs");
    let script: String = fenced(&text, "sh").collect::<Vec<_>>().join("\n");
    assert!(script.contains("aml-miner"), "{page} shows commands");
    let folder = tempfile::tempdir().expect("a folder of our own");
    std::os::unix::fs::symlink(root().join("models"), folder.path().join("models")).expect("a link");
    let command = format!("set -euo pipefail\n{}\n{script}", small_economies());
    let run = std::process::Command::new("bash").arg("-c").arg(command).current_dir(folder.path()).output();
    let run = run.expect("bash runs");
    if run.status.success() {
        return Ok(());
    }
    let tail = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    };
    Err(format!("docs/{page}.md: {}\n{}\n{}", run.status, tail(&run.stdout), tail(&run.stderr)))
}

/// A shell function in the binary's place.
#[cfg(all(feature = "cli", unix))]
fn small_economies() -> String {
    let binary = env!("CARGO_BIN_EXE_aml-miner");
    format!(
        "aml-miner() {{ if [ \"$1\" = simulate ]; then '{binary}' \"$@\" --addresses 300 --patterns 12; \
         else '{binary}' \"$@\"; fi; }}"
    )
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/decisions", "models", "fixtures"] {
        let Ok(entries) = fs::read_dir(root().join(folder)) else { continue };
        found.extend(
            entries.map(|e| e.expect("readable").path()).filter(|p| p.extension().is_some_and(|e| e == "md")),
        );
    }
    found.sort();
    assert!(found.len() > 5, "documents are found");
    found
}

/// Targets of inline Markdown links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, _)| text[at + 2..].split([')', ' ', '\n']).next())
}

/// Bodies of fenced blocks of a language.
fn fenced<'a>(text: &'a str, language: &'a str) -> impl Iterator<Item = &'a str> {
    text.split("\n```").skip(1).step_by(2).filter_map(move |block| {
        let (info, body) = block.split_once('\n')?;
        (info.trim() == language).then_some(body)
    })
}

fn without_comment(line: &str) -> &str {
    line.split(" #").next().unwrap_or(line).trim()
}

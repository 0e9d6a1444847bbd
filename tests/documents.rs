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
            let commands = if matches!(command, "gbdt" | "audit") { &plain[..] } else { &plain[..1] };
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
    let pages = ["quickstart", "submitting", "training_guide", "engine_guide", "governance", "tuning"];
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
    // a newcomer gets from `simulate` to a signed, judged submission in less than ten minutes
    let run = std::process::Command::new("timeout")
        .args(["600", "bash", "-c", &command])
        .current_dir(folder.path())
        .output()
        .expect("timeout and bash run");
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

/// The blocks of `text` in `docs/api_reference.md` show what the shipped models say of the demo batch.
#[cfg(feature = "cli")]
#[test]
fn examples_of_the_api_reference_are_the_demo_batchs() {
    let path = root().join("docs/api_reference.md");
    let page = fs::read_to_string(&path).expect("readable");
    let blocks: Vec<&str> = fenced(&page, "text").collect();
    let shown = api_examples();
    assert!(blocks.len() >= shown.len(), "{} blocks", blocks.len());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let fence = |block: &str| format!("```text\n{block}\n```");
        let renew = |page: String, (old, new): (&&str, &String)| page.replacen(&fence(old), &fence(new), 1);
        let page = blocks.iter().zip(&shown).fold(page.clone(), renew);
        fs::write(&path, page).expect("written");
        return;
    }
    for (block, shown) in blocks.iter().zip(&shown) {
        assert_eq!(block, shown, "run UPDATE_DOCS=1 cargo test --test documents");
    }
}

/// Answers of `/score/alerts`, its `explain_json`, `/rank/alerts`, `/score/clusters`, `/version`; times are examples.
#[cfg(feature = "cli")]
fn api_examples() -> Vec<String> {
    use aml_miner::aml::score::{Explain, answer, rank_alerts, score_alerts, score_clusters};
    use aml_miner::aml::{bundle, derive, sot};
    let bundle = bundle::Bundle::open(&root().join("models")).expect("the shipped bundle");
    let raw = sot::Batch::open(&root().join("fixtures/demo")).expect("the demo batch");
    let batch = derive::complete_with(raw, derive::ColumnExtent::All);
    let alerts = score_alerts(&bundle, &batch, Explain::Top(2)).expect("scores");
    let first = &answer::alerts(&alerts).rows[0];
    let why = alerts[0].explanation.as_ref().expect("asked for");
    let reasons = why.top.iter().map(|reason| {
        let [name, text] = [&reason.name, &reason.text].map(|text| serde_json::json!(text));
        format!(
            "    {{\n      \"name\": {name},\n      \"value\": {},\n      \"contribution\": {},\n      \"reason\": {text}\n    }}",
            serde_json::json!(reason.value), reason.contribution
        )
    });
    let reasons: Vec<String> = reasons.collect();
    let named: Vec<String> = why.top.iter().map(|r| format!("\"{}\": {}", r.name, r.contribution)).collect();
    let rank = &answer::ranking(&rank_alerts(&bundle, &batch).expect("ranks")).rows[0];
    let clusters = score_clusters(&bundle, &batch, Explain::No).expect("scores");
    let cluster = &answer::clusters(&clusters).rows[0];
    let version = |kind| bundle.scorer(kind).expect("shipped").version().to_string();
    vec![
        format!(
            "[{{\"alert_id\": \"{}\", \"score\": {},\n  \"model_version\": \"{}\", \"latency_ms\": 0.31, \"explain_json\": \"{{\\\"top_features\\\":[...\"}}]",
            first.alert_id, first.score, first.model_version
        ),
        format!(
            "{{\n  \"top_features\": [\n{}\n  ],\n  \"feature_contributions\": {{{}, ...}},\n  \"base_value\": {},\n  \"raw_score\": {}\n}}",
            reasons.join(",\n"),
            named.join(", "),
            why.base_value,
            why.raw_score
        ),
        format!(
            "[{{\"alert_id\": \"{}\", \"rank\": 1, \"score\": {},\n  \"model_version\": \"{}\"}}, ...]",
            rank.alert_id, rank.score, rank.model_version
        ),
        format!(
            "[{{\"cluster_id\": \"{}\", \"score\": {},\n  \"model_version\": \"{}\", \"latency_ms\": 0.2, \"explain_json\": \"{{\\\"top_features\\\":[...\"}}, ...]",
            cluster.cluster_id, cluster.score, cluster.model_version
        ),
        format!(
            "{{\"api_version\": \"1.0.0\", \"alert_scorer_version\": \"{}\",\n \"alert_ranker_version\": \"{}\",\n \"cluster_scorer_version\": \"{}\", \"model_versions\": {{\"alert_scorer\": \"...\", ...}},\n \"model_sha256\": {{\"alert_scorer\": \"64 hexadecimal digits\", ...}}, \"rust_version\": \"1.95.0\", \"engine_version\": \"{}\"}}",
            version(bundle::Kind::AlertScorer),
            version(bundle::Kind::AlertRanker),
            version(bundle::Kind::ClusterScorer),
            env!("CARGO_PKG_VERSION")
        ),
    ]
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

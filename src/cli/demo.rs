//! `aml-miner demo`: the whole path on one batch, printed for a reader, then served.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::args::Global;
use super::batch::columns_for;
use super::clock::SystemClock;
use super::serve::{self, Http};
use super::{Fault, Verdict, bundled};
use crate::aml::bundle::Bundle;
use crate::aml::derive;
use crate::aml::features::Unit;
use crate::aml::score::{self, AlertRank, AlertScore, ClusterScore, Explain, answer};
use crate::aml::sot::{Alert, Batch, Transfers, request_alert};
use crate::server::Clock as _;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder of a batch [default: the batch inside this program]
    #[arg(long, value_name = "DIR")]
    batch: Option<PathBuf>,
    /// Folder of the bundle [default: the models inside this program]
    #[arg(long, value_name = "DIR", env = "AML_MINER_MODELS")]
    models: Option<PathBuf>,
    /// Print the queue and stop
    #[arg(long)]
    no_serve: bool,
    #[command(flatten)]
    http: Http,
}

/// What the path gave, with the time of each stage.
struct Outcome {
    raw: Batch,
    batch: Batch,
    scores: Vec<AlertScore>,
    ranks: Vec<AlertRank>,
    clusters: Vec<ClusterScore>,
    read: Duration,
    derive: Duration,
    score: Duration,
    rank: Duration,
    cluster: Duration,
}

/// Alerts shown.
const SHOWN: usize = 12;
/// Reasons shown for each.
const REASONS: usize = 3;
/// Reasons computed for each: the default of the server, so that the digest is the same.
const TOP: usize = 5;

pub(super) fn run(args: &Demo, global: &Global) -> Result<Verdict, Fault> {
    let settings = args.http.settings(global)?;
    let bundle = bundled::open_bundle(args.models.as_deref())?;
    let outcome = walk(args, &bundle)?;
    print(&report(&outcome, &bundle))?;
    if args.no_serve {
        return Ok(Verdict::Done);
    }
    let listener = serve::listen_near(&args.http.host, args.http.port)?;
    let port = listener.local_addr().map_err(Fault::internal)?.port();
    print(&invitation(args, port, &outcome))?;
    let registry = bundled::registry(args.models.as_deref());
    let served = serve::Served {
        bundle: Some(bundle),
        registry,
        keys: None,
        tls: None,
        notes: serve::OpenNotes::default(),
    };
    serve::serve(listener, settings, served, |state| {
        state.registry().load(None).map(|bundle| state.swap(bundle))
    })
}

fn walk(args: &Demo, bundle: &Bundle) -> Result<Outcome, Fault> {
    let clock = SystemClock::start();
    let mut last = Duration::ZERO;
    let mut lap = || {
        let now = clock.monotonic();
        now - std::mem::replace(&mut last, now)
    };
    let raw = bundled::open_batch(args.batch.as_deref())?;
    let read = lap();
    let batch = derive::complete_with(raw.clone(), columns_for(bundle));
    let derive = lap();
    let scores = score::score_alerts(bundle, &batch, Explain::Top(TOP)).map_err(Fault::input)?;
    let score = lap();
    let ranks = score::rank_alerts(bundle, &batch).map_err(Fault::input)?;
    let rank = lap();
    let clusters = score::score_clusters(bundle, &batch, Explain::Top(TOP)).map_err(Fault::input)?;
    let cluster = lap();
    Ok(Outcome { raw, batch, scores, ranks, clusters, read, derive, score, rank, cluster })
}

fn report(outcome: &Outcome, bundle: &Bundle) -> String {
    let mut text = String::new();
    let _infallible = write!(
        text,
        "aml-miner {}: batch {}, models {}\n\n",
        env!("CARGO_PKG_VERSION"),
        outcome.batch.id.name(),
        bundle.manifest().version
    );
    stages(&mut text, outcome);
    queue(&mut text, outcome);
    let digest = answer::alerts(&outcome.scores).digest;
    let _infallible = write!(text, "\nscore digest {digest}\nmodel digest {}\n", bundle.digest());
    text
}

fn stages(text: &mut String, outcome: &Outcome) {
    let (raw, batch) = (&outcome.raw, &outcome.batch);
    let given = counts(&[
        (raw.transfers.as_ref().map(Transfers::len), "transfers"),
        (raw.labels.as_ref().map(Vec::len), "labels"),
        (raw.money_flows.as_ref().map(Vec::len), "flows"),
        (raw.features.as_ref().map(|f| f.addresses.len()), "addresses"),
        (raw.alerts.as_ref().map(Vec::len), "alerts"),
        (raw.clusters.as_ref().map(Vec::len), "clusters"),
    ]);
    let derived = counts(&[
        (batch.money_flows.as_ref().filter(|_| raw.money_flows.is_none()).map(Vec::len), "flows"),
        (batch.features.as_ref().filter(|_| raw.features.is_none()).map(|f| f.addresses.len()), "addresses"),
        (batch.patterns.as_ref().filter(|_| raw.patterns.is_none()).map(Vec::len), "patterns"),
        (batch.alerts.as_ref().filter(|_| raw.alerts.is_none()).map(Vec::len), "alerts"),
        (batch.clusters.as_ref().filter(|_| raw.clusters.is_none()).map(Vec::len), "clusters"),
    ]);
    let alerts = counts(&[(Some(outcome.scores.len()), "alerts, each with its reasons")]);
    let clusters = counts(&[(Some(outcome.clusters.len()), "clusters, each with its reasons")]);
    let ranked = counts(&[(Some(outcome.ranks.len()), "alerts")]);
    for (stage, time, what) in [
        ("read", outcome.read, given),
        ("derive", outcome.derive, derived),
        ("score", outcome.score, alerts),
        ("rank", outcome.rank, ranked),
        ("clusters", outcome.cluster, clusters),
    ] {
        let _infallible = writeln!(text, "  {stage:<9}{:>9.1} ms  {what}", time.as_secs_f64() * 1e3);
    }
}

fn counts(tables: &[(Option<usize>, &str)]) -> String {
    let parts = tables
        .iter()
        .filter_map(|(rows, name)| Some(format!("{} {name}", Unit::Count.format((*rows)? as f64))));
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { "nothing was absent".to_owned() } else { parts.join(", ") }
}

fn queue(text: &mut String, outcome: &Outcome) {
    let alerts = outcome.batch.alerts.as_deref().unwrap_or_default();
    let shown = outcome.ranks.len().min(SHOWN);
    let _infallible = writeln!(
        text,
        "\nThe queue, first {shown} of {}: the ranker's order; the score is the alert scorer's probability, the\nreasons are the largest exact contributions to it.\n",
        outcome.ranks.len()
    );
    let _infallible = writeln!(
        text,
        "{:>4}  {:<6} {:<19} {:<15} {:>17}  alert",
        "rank", "score", "typology", "address", "volume"
    );
    for rank in &outcome.ranks[..shown] {
        let (alert, score) = (&alerts[rank.row], &outcome.scores[rank.row]);
        let _infallible = writeln!(
            text,
            "{:>4}  {:<6.3} {:<19} {:<15} {:>17}  {}",
            rank.rank,
            score.score,
            alert.typology_type,
            shortened(&alert.address),
            volume(alert),
            alert.alert_id
        );
        let reasons = score.explanation.iter().flat_map(|e| &e.top).take(REASONS);
        for reason in reasons {
            let sign = if reason.contribution > 0.0 { '+' } else { '-' };
            let _infallible = writeln!(text, "        {sign} {}", reason.text);
        }
    }
}

fn volume(alert: &Alert) -> String {
    if alert.volume_usd.is_finite() { Unit::Usd.format(alert.volume_usd) } else { "unknown".to_owned() }
}

/// The first and the last characters of a long address.
fn shortened(address: &str) -> String {
    const KEPT: usize = 6;
    let chars: Vec<char> = address.chars().collect();
    if chars.len() <= 2 * KEPT + 3 {
        return address.to_owned();
    }
    let (head, tail) = (&chars[..KEPT], &chars[chars.len() - KEPT..]);
    head.iter().chain(&['.', '.', '.']).chain(tail).collect()
}

fn invitation(args: &Demo, port: u16, outcome: &Outcome) -> String {
    let mut text = String::new();
    if args.http.port != 0 && args.http.port != port {
        let _infallible = write!(text, "\nPort {} is taken; using {port}.\n", args.http.port);
    }
    let host = match args.http.host.as_str() {
        "0.0.0.0" => "127.0.0.1".to_owned(),
        // an IPv6 address stands in brackets before a port
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let url = format!("http://{host}:{port}");
    let _infallible =
        write!(text, "\nServing on {url} until Ctrl-C. From another terminal:\n\n  curl -s {url}/health\n");
    if let Some(body) = first_alert(outcome) {
        let _infallible = writeln!(
            text,
            "  curl -s '{url}/score/alerts?top=3' -H 'content-type: application/json' -d '{body}'"
        );
    }
    let _infallible = writeln!(
        text,
        "\n(one alert with a few columns of its address; `aml-miner request` prints the whole batch as a body)"
    );
    text
}

/// The first alert of the queue with a few columns of its address's row: short enough for a command line.
fn first_alert(outcome: &Outcome) -> Option<String> {
    let alert = &outcome.batch.alerts.as_ref()?[outcome.ranks.first()?.row];
    let (description, evidence_json) = (String::new(), "{}".to_owned());
    let short = Alert { description, evidence_json, risk_indicators: vec![], ..alert.clone() };
    let mut row = serde_json::Map::from_iter([("address".to_owned(), json!(alert.address))]);
    for column in SHORT_ROW {
        let value = outcome.batch.features.as_ref()?.value(&alert.address, column);
        if value.is_finite() {
            row.insert(column.to_owned(), json!(value));
        }
    }
    let body = json!({ "alerts": [request_alert(&short)], "features": [row], "clusters": [] }).to_string();
    (!body.contains('\'')).then_some(body)
}

const SHORT_ROW: [&str; 4] = ["total_in_usd", "total_out_usd", "tx_in_count", "tx_out_count"];

/// Prints to stdout; a reader who has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), Fault> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Fault::internal(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_addresses_are_cut_in_the_middle_by_characters() {
        assert_eq!(shortened("0x0123456789abcdef0123"), "0x0123...ef0123");
        assert_eq!(shortened("short-address"), "short-address");
        assert_eq!(shortened("äöüäöüäöüäöüäöüäöü"), "äöüäöü...äöüäöü");
    }
}

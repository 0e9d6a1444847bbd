//! The demo batch on the shipped models, as a reviewer would try it: the same bytes a hundred times over, and another queue
//! after one changed transfer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use aml_miner::aml::bundle::Bundle;
use aml_miner::aml::derive;
use aml_miner::aml::score::{Explain, answer, rank_alerts, score_alerts, score_clusters};
use aml_miner::aml::sot::{Batch, TableKind, Transfer, write_batch};
use aml_miner::determinism::rng::Stream;
use serde::Serialize;
use serde_json::Value;

use crate::fixture::{shuffle, shuffled};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The demo batch as its files are.
fn raw() -> &'static Batch {
    static BATCH: OnceLock<Batch> = OnceLock::new();
    BATCH.get_or_init(|| Batch::open(&root().join("fixtures/demo")).unwrap())
}

/// The demo batch with all tables.
fn demo() -> &'static Batch {
    static BATCH: OnceLock<Batch> = OnceLock::new();
    BATCH.get_or_init(|| derive::complete_with(raw().clone(), derive::ColumnExtent::All))
}

fn models() -> PathBuf {
    root().join("models")
}

fn shipped() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| Bundle::open(&models()).unwrap())
}

/// Rows in the order of their ids, without the rank, which counts within one request.
fn by_id(rows: Vec<Value>) -> BTreeMap<String, String> {
    let row = |mut row: Value| {
        let fields = row.as_object_mut().unwrap();
        fields.remove("rank");
        let id = fields.get("alert_id").or(fields.get("cluster_id")).unwrap().as_str().unwrap().to_owned();
        (id, row.to_string())
    };
    rows.into_iter().map(row).collect()
}

fn values<R: Serialize>(rows: &[R]) -> Vec<Value> {
    rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
}

/// What the library answers within this process.
fn expected(command: &str) -> BTreeMap<String, String> {
    let (bundle, batch, why) = (shipped(), demo(), Explain::Top(5));
    by_id(match command {
        "score" => values(&answer::alerts(&score_alerts(bundle, batch, why).unwrap()).rows),
        "rank" => values(&answer::ranking(&rank_alerts(bundle, batch).unwrap()).rows),
        _ => values(&answer::clusters(&score_clusters(bundle, batch, why).unwrap()).rows),
    })
}

/// The batch on disk as so many requests, rows of all tables in an order of the seed's.
fn split(home: &Path, parts: usize, seed: u64) -> Vec<PathBuf> {
    let whole = shuffled(demo(), seed);
    let (alerts, clusters) = (whole.alerts.as_ref().unwrap(), whole.clusters.as_ref().unwrap());
    let tables = [TableKind::Alerts, TableKind::Features, TableKind::Clusters, TableKind::MoneyFlows];
    let part = |at: usize| {
        let folder = home.join(format!("split-{seed}-{at}"));
        let of = |n: usize| at * n / parts..(at + 1) * n / parts;
        // with all clusters, as an alert reads those that name it
        let mut batch = Batch { alerts: Some(alerts[of(alerts.len())].to_vec()), ..whole.clone() };
        write_batch(&folder.join("alerts"), &batch, &tables).unwrap();
        batch.clusters = Some(clusters[of(clusters.len())].to_vec());
        write_batch(&folder.join("clusters"), &batch, &tables).unwrap();
        folder
    };
    (0..parts).map(part).collect()
}

/// The batch on disk before anything is derived, transfers in an order of the seed's.
fn underived(home: &Path, seed: u64) -> Vec<PathBuf> {
    let mut batch = raw().clone();
    let mut transfers = batch.transfers.unwrap().to_vec();
    shuffle(&mut transfers, Stream::new(seed, "transfers"));
    batch.transfers = Some(transfers.into());
    shuffle(batch.labels.as_mut().unwrap(), Stream::new(seed, "labels"));
    let folder = home.join(format!("raw-{seed}"));
    for of in ["alerts", "clusters"] {
        write_batch(&folder.join(of), &batch, &TableKind::ALL).unwrap();
    }
    vec![folder]
}

fn answer_of_a_process(command: &str, batch: &Path, threads: &str) -> Vec<Value> {
    let table = if command == "clusters" { "clusters" } else { "alerts" };
    let output = Command::new(env!("CARGO_BIN_EXE_aml-miner"))
        .args([command, batch.join(table).to_str().unwrap(), "--json"])
        .args(["--models", models().to_str().unwrap(), "--threads", threads])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The whole path a hundred times in new processes: from transfers and from derived tables, rows of all tables shuffled,
/// the batch in one request or in several, other numbers of threads; always the very rows of this process.
#[test]
fn a_hundred_processes_give_the_same_rows() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let ways = [
        underived(home, 1),
        underived(home, 2),
        split(home, 1, 3),
        split(home, 1, 4),
        split(home, 3, 5),
        split(home, 5, 6),
        split(home, 8, 7),
    ];
    let mut processes = 0;
    for (pass, command) in ["score", "rank", "clusters", "score", "rank"].into_iter().enumerate() {
        let expected = expected(command);
        assert!(expected.len() > 50, "{} rows of {command}", expected.len());
        for (way, folders) in ways.iter().enumerate() {
            let mut rows = vec![];
            for folder in folders {
                let threads = ["1", "2", "3", "8"][(processes + pass) % 4];
                rows.extend(answer_of_a_process(command, folder, threads));
                processes += 1;
            }
            assert_eq!(rows.len(), expected.len(), "{command}, way {way}");
            assert!(by_id(rows) == expected, "{command}, way {way}: other rows");
        }
    }
    assert_eq!(processes, 100);
}

/// The queue's digest after a change of the transfers.
fn queue(change: impl Fn(&mut Vec<Transfer>)) -> String {
    let mut batch = raw().clone();
    let mut transfers = batch.transfers.unwrap().to_vec();
    change(&mut transfers);
    batch.transfers = Some(transfers.into());
    let ranks = rank_alerts(shipped(), &derive::complete(batch)).unwrap();
    answer::ranking(&ranks).digest.to_string()
}

#[test]
fn one_doubled_transfer_changes_the_queue() {
    let before = queue(|_| ());
    assert_eq!(before, queue(|transfers| transfers.reverse()));
    let addresses: BTreeMap<&str, &str> =
        demo().alerts.iter().flatten().map(|a| (a.alert_id.as_str(), a.address.as_str())).collect();
    let ranks = rank_alerts(shipped(), demo()).unwrap();
    let mut suspects: Vec<&str> = vec![];
    for rank in &ranks {
        let suspect = addresses[rank.alert_id.as_str()];
        if !suspects.contains(&suspect) && suspects.len() < SUSPECTS {
            suspects.push(suspect);
        }
    }
    let transfers = raw().transfers.as_ref().unwrap().to_vec();
    let mut queues = BTreeSet::from([before]);
    for suspect in suspects {
        let of_suspect = |t: &&Transfer| t.from_address == suspect || t.to_address == suspect;
        let largest =
            transfers.iter().filter(of_suspect).max_by(|a, b| a.amount_usd.total_cmp(&b.amount_usd));
        let largest = largest.unwrap();
        let after = queue(|transfers| {
            let same = |t: &&mut Transfer| {
                (&t.tx_id, &t.event_index, &t.edge_index)
                    == (&largest.tx_id, &largest.event_index, &largest.edge_index)
            };
            let transfer = transfers.iter_mut().find(same).unwrap();
            transfer.amount *= 2.0;
            transfer.amount_usd *= 2.0;
        });
        queues.insert(after);
    }
    assert_eq!(queues.len(), SUSPECTS + 1, "each change gives a queue of its own");
}

/// How many addresses from the top of the queue have a transfer doubled.
const SUSPECTS: usize = 8;

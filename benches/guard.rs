//! What `tools/guard.sh` holds below a limit: an explained alert on the shipped bundle and the demo batch, in three
//! shapes: alone, with just the rows that it reads; as the only alert among all tables of the batch; and as one of 1,000.
//! Measured from a checked batch to the bytes of the answer: features, score, exact contributions, reasons, JSON, digest.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use aml_miner::aml::bundle::Bundle;
use aml_miner::aml::derive;
use aml_miner::aml::score::{Explain, answer, score_alerts};
use aml_miner::aml::sot::{AddressFeatures, Batch};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const TOP: usize = 5;
const BATCH: usize = 1000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn demo() -> Batch {
    let raw = Batch::open(&root().join("fixtures/demo")).expect("the demo batch opens");
    derive::complete_with(raw, derive::ColumnExtent::All)
}

/// The first alert of the demo batch, and all other tables.
fn among_all() -> Batch {
    let mut batch = demo();
    batch.alerts.as_mut().expect("alerts are derived").truncate(1);
    batch
}

/// The demo batch with `n` alerts: its own, over and over, each with an id of its own.
fn many(n: usize) -> Batch {
    let mut batch = demo();
    let alerts = batch.alerts.take().expect("alerts are derived");
    let many = alerts.iter().cycle().take(n).cloned().enumerate().map(|(i, mut alert)| {
        alert.alert_id = format!("{}-{i}", alert.alert_id);
        alert
    });
    batch.alerts = Some(many.collect());
    batch
}

/// The first alert of the demo batch with the rows that it reads: those of its address, and clusters that name it.
fn alone() -> Batch {
    let mut batch = demo();
    let alert = batch.alerts.take().expect("alerts are derived").swap_remove(0);
    let table = batch.features.take().expect("features are derived");
    let row = table.addresses.get(&alert.address).expect("its address has a row") as usize;
    let mut own = AddressFeatures::default();
    own.addresses.intern(&alert.address);
    own.columns = table.columns;
    own.columns.iter_mut().for_each(|column| column.values = vec![column.values[row]]);
    let flows = batch.money_flows.as_mut().expect("flows are derived");
    flows.retain(|flow| flow.from_address == alert.address || flow.to_address == alert.address);
    let clusters = batch.clusters.as_mut().expect("clusters are derived");
    clusters.retain(|cluster| cluster.related_alert_ids.contains(&alert.alert_id));
    Batch {
        id: batch.id,
        alerts: Some(vec![alert]),
        features: Some(own),
        clusters: batch.clusters,
        money_flows: batch.money_flows,
        ..Batch::default()
    }
}

fn answered(bundle: &Bundle, batch: &Batch) -> Vec<u8> {
    let scores = score_alerts(bundle, batch, Explain::Top(TOP)).expect("scores");
    answer::alerts(&scores).to_json()
}

fn guard(c: &mut Criterion) {
    let bundle = Bundle::open(&root().join("models")).expect("the shipped bundle opens");
    let mut group = c.benchmark_group("guard");
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5)).sample_size(20);
    for (shape, n, batch) in
        [("alone", 1, alone()), ("among_all", 1, among_all()), ("of_1000", BATCH, many(BATCH))]
    {
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(format!("explained_{shape}"), |b| {
            b.iter(|| answered(black_box(&bundle), black_box(&batch)))
        });
    }
    group.finish();
}

criterion_group!(benches, guard);
criterion_main!(benches);

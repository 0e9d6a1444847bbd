//! Each step of derivation on one simulated batch of 2,000 wallets and 30 days.

use std::hint::black_box;

use aml_miner::aml::derive::{address_features, complete, money_flows, patterns};
use aml_miner::aml::simulate::{Simulation, simulate};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn derive(c: &mut Criterion) {
    let batch = simulate(&Simulation::default()).expect("the defaults are legal").next().expect("one day");
    let transfers = &batch.transfers.as_ref().expect("a generation 3 batch").to_vec();
    let flows = money_flows(transfers);
    let mut group = c.benchmark_group("derive");
    group.sample_size(20);
    group.throughput(Throughput::Elements(transfers.len() as u64));
    group.bench_function("money_flows", |b| b.iter(|| money_flows(black_box(transfers))));
    group.bench_function("features", |b| b.iter(|| address_features(black_box(&flows), Some(transfers))));
    group.bench_function("patterns", |b| b.iter(|| patterns(black_box(&flows), Some(transfers))));
    group.bench_function("complete", |b| b.iter(|| complete(black_box(batch.clone()))));
    group.finish();
}

criterion_group!(benches, derive);
criterion_main!(benches);

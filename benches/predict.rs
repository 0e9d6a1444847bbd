//! Raw scores of a synthetic model, 100 trees of 31 leaves over 28 features: one row, and a batch.

use std::hint::black_box;

use aml_miner::gbdt::infer::Predictor;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "support/forest.rs"]
mod forest;

fn predict(c: &mut Criterion) {
    let model = forest::model(100, 31, 28);
    let predictor = Predictor::new(&model);
    let rows = forest::rows(4096, 28);
    let matrix = forest::matrix(&rows);
    let mut group = c.benchmark_group("predict");
    let mut next = rows.iter().cycle();
    group.throughput(Throughput::Elements(1));
    group.bench_function("one row", |b| {
        b.iter(|| predictor.raw_row(black_box(next.next().expect("a cycle never ends"))));
    });
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("batch", |b| b.iter(|| predictor.raw(black_box(&matrix))));
    group.finish();
}

criterion_group!(benches, predict);
criterion_main!(benches);

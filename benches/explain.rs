//! Exact contributions under a synthetic model, 100 trees of 31 leaves over 28 features: one row, and a batch.

use std::hint::black_box;

use aml_miner::gbdt::infer::{Explainer, Scratch};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "support/forest.rs"]
mod forest;

fn explain(c: &mut Criterion) {
    let model = forest::model(100, 31, 28);
    let explainer = Explainer::new(&model);
    let rows = forest::rows(256, 28);
    let matrix = forest::matrix(&rows);
    let mut group = c.benchmark_group("explain");
    let (mut scratch, mut out) = (Scratch::default(), vec![0.0; 28]);
    let mut next = rows.iter().cycle();
    group.throughput(Throughput::Elements(1));
    group.bench_function("one row", |b| {
        b.iter(|| {
            let row = next.next().expect("a cycle never ends");
            explainer.contributions_into(black_box(row), &mut scratch, &mut out);
        });
    });
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("batch", |b| b.iter(|| explainer.explain(black_box(&matrix))));
    group.finish();
}

criterion_group!(benches, explain);
criterion_main!(benches);

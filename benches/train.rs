//! Ten rounds of training over ready bins: rows x rounds a second.

use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::data::{Column, Dataset, FeatureMatrix, Schema, Task};
use aml_miner::gbdt::learn::{Silent, train};
use aml_miner::gbdt::params::Params;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn training(criterion: &mut Criterion) {
    const ROWS: usize = 50_000;
    const FEATURES: usize = 16;
    let stream = Stream::new(1, "bench");
    let value = |row: usize, f: usize| stream.round(f as u64).unit(row as u64) * 2.0 - 1.0;
    let columns = (0..FEATURES).map(|f| Column::F64((0..ROWS).map(|row| value(row, f)).collect())).collect();
    let schema = Schema::numerical((0..FEATURES).map(|f| format!("f{f}")));
    let matrix = FeatureMatrix::new(schema, columns).expect("columns of one length");
    let label = |row: usize| f32::from(u8::from(value(row, 0) * value(row, 1) + value(row, 2) > 0.2));
    let labels = (0..ROWS).map(label).collect();
    let plan = Params { num_iterations: 10, ..Params::default() }.plan().expect("in range");
    let data = Dataset::fit(&matrix, Task::binary(labels), plan.binning()).expect("legal");
    let mut group = criterion.benchmark_group("train");
    group.throughput(Throughput::Elements(ROWS as u64 * 10)).sample_size(10);
    group.bench_function("binary_50000x16", |b| b.iter(|| train(&plan, black_box(&data), None, &mut Silent)));
    group.finish();
}

criterion_group!(benches, training);
criterion_main!(benches);

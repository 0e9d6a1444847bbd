//! Cut points and bins of a matrix: rows x features a second.

use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::data::{BinnedMatrix, Binning, Column, Cuts, FeatureMatrix, Schema};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;

fn binning(criterion: &mut Criterion) {
    const ROWS: usize = 100_000;
    const FEATURES: usize = 8;
    let stream = Stream::new(1, "bench");
    let column = |f: usize| (0..ROWS).map(|row| stream.round(f as u64).unit(row as u64) as f32).collect();
    let columns = (0..FEATURES).map(|f| Column::F32(column(f))).collect();
    let schema = Schema::numerical((0..FEATURES).map(|f| format!("f{f}")));
    let matrix = FeatureMatrix::new(schema, columns).expect("columns of one length");
    let mut group = criterion.benchmark_group("binning");
    group.throughput(Throughput::Elements((ROWS * FEATURES) as u64)).sample_size(20);
    group.bench_function("cuts", |b| b.iter(|| Cuts::fit(black_box(&matrix), &Binning::default())));
    let cuts = Arc::new(Cuts::fit(&matrix, &Binning::default()));
    group.bench_function("bins", |b| b.iter(|| BinnedMatrix::new(black_box(&matrix), Arc::clone(&cuts))));
    group.finish();
}

criterion_group!(benches, binning);
criterion_main!(benches);

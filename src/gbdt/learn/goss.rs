//! Gradient-based one-side sampling: rows of large derivatives are kept, of the others a share is drawn and counts for all.
//!
//! The rows of the largest |gradient * hessian| are the top, all that tie with the last of them included; every other row is
//! drawn with the chance `other_rate n / (n - top)`, by its key, and its derivatives are divided by that chance. So neither
//! threads nor the order of rows change the sample.
//!
//! Sources: Ke et al., "LightGBM", NeurIPS 2017, algorithm 2; the measure of a row as in LightGBM, which draws a fixed number
//! of rows.

use super::sample::Bag;
use crate::determinism::par;
use crate::determinism::rng::Stream;
use crate::gbdt::data::{Dataset, Derivatives};
use crate::gbdt::params::Goss;

/// The sample of a round; the derivatives of rows that stand for others are made to.
pub(super) fn draw(rules: &Goss, seed: u64, round: u32, data: &Dataset, all: &mut [Derivatives]) -> Bag {
    let n = all.len();
    let n_top = ((n as f64 * rules.top_rate) as usize).clamp(1, n);
    let mut sizes: Vec<f64> = all.iter().map(size).collect();
    let (_, last, _) = sizes.select_nth_unstable_by(n_top - 1, |a, b| b.total_cmp(a));
    let last = *last;
    let n_rest = all.iter().filter(|row| size(row) < last).count();
    let chance = (n as f64 * rules.other_rate / n_rest.max(1) as f64).min(1.0);
    let stream = Stream::new(seed, "goss").round(u64::from(round));
    let bag = Bag::choose(n, |row| size(&all[row]) >= last || stream.unit(data.key(row)) < chance);
    par::for_each_chunk(all, BLOCK, |_, part| {
        for row in part.iter_mut().filter(|row| size(row) < last) {
            *row = Derivatives { gradient: row.gradient / chance, hessian: row.hessian / chance };
        }
    });
    bag
}

fn size(row: &Derivatives) -> f64 {
    (row.gradient * row.hessian).abs()
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::data::{Binning, Column, FeatureMatrix, Schema, Task};

    /// Every row of the top, the asked share of the others, and sums that are right on the whole.
    #[test]
    fn a_sample_stands_for_all_rows() {
        let n = 20_000;
        let stream = Stream::new(1, "derivatives");
        let row = |i: u64| Derivatives { gradient: stream.unit(i) - 0.3, hessian: 0.5 };
        let all: Vec<Derivatives> = (0..n).map(row).collect();
        let column = Column::F64(vec![0.0; n as usize]);
        let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![column]).expect("one column");
        let task = Task::binary(vec![0.0; n as usize]);
        let data = Dataset::fit(&matrix, task, &Binning::default()).expect("legal");
        let rules = Goss { top_rate: 0.2, other_rate: 0.1, first_round: 0 };
        let mut drawn = all.clone();
        let bag = draw(&rules, 7, 3, &data, &mut drawn);
        let mut sorted: Vec<f64> = all.iter().map(size).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let last = sorted[4000 - 1];
        for i in 0..n as usize {
            let top = size(&all[i]) >= last;
            let factor = if top { 1.0 } else { 8.0 };
            assert!((drawn[i].gradient - all[i].gradient * factor).abs() < 1e-12);
            assert!(!top || bag.rows.contains(&(i as u32)));
        }
        assert!(bag.rows.len().abs_diff(6000) < 200, "{}", bag.rows.len());
        assert_eq!(bag.rows.len() + bag.rest.len(), n as usize);
        let total: f64 = all.iter().map(|row| row.gradient).sum();
        let sampled: f64 = bag.rows.iter().map(|&row| drawn[row as usize].gradient).sum();
        assert!((sampled / total - 1.0).abs() < 0.1, "{sampled} {total}");
    }
}

//! Where a feature's values are cut into bins: FeatureMatrix in, thresholds out.
//!
//! Cut points come from all rows, never from a sample: each column is sorted by integer keys, so the order of rows
//! and the number of threads cannot move a cut. Values share a bin exactly when every threshold answers
//! `x <= threshold` alike in f64; that one fact makes a tree over bins and a tree over raw values the same tree.
//!
//! With few distinct values each gets a bin of its own (merged only until a bin holds `min_data_in_bin` rows). With
//! many, bins are filled greedily to equal shares, and a value that alone outweighs a share ends its bin (which it has to
//! itself, unless less than half a share was begun before it), as in LightGBM's `GreedyFindBin`. Unlike there, zero is an ordinary value, NaN does not count against `max_bin`, and no
//! sampling takes place.
//!
//! Sources: Ke et al., "LightGBM", NeurIPS 2017, section 2.1 (histogram algorithm).

use super::codes::Codes;
use super::keys::{self, Key};
use super::{Column, DataError, FeatureKind, FeatureMatrix, Schema};
use crate::determinism::par;
use crate::gbdt::kernel::{self, BLOCK, Ladder, Level};

/// The most bins of non-missing values a feature can have.
pub const MAX_BINS: usize = 255;

/// How finely to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binning {
    max_bin: usize,
    min_data_in_bin: u64,
}

impl Binning {
    /// At most `max_bin` bins (brought into 2..=255), each of at least `min_data_in_bin` rows where values allow.
    pub fn new(max_bin: u32, min_data_in_bin: u32) -> Self {
        Binning {
            max_bin: (max_bin as usize).clamp(2, MAX_BINS),
            min_data_in_bin: u64::from(min_data_in_bin).max(1),
        }
    }
}

impl Default for Binning {
    fn default() -> Self {
        Binning::new(255, 3)
    }
}

/// The thresholds of every feature, and what else is known of its training values.
#[derive(Clone, Debug, PartialEq)]
pub struct Cuts {
    schema: Schema,
    features: Vec<FeatureCuts>,
}

/// One feature's thresholds.
#[derive(Clone, Debug, PartialEq)]
struct FeatureCuts {
    /// Ascending; bin `b` holds the values that exceed `b` of them. The largest value exceeds all.
    thresholds: Vec<f64>,
    largest: f64,
    quantiles: Vec<f64>,
}

impl Cuts {
    /// Learns cut points from every row.
    ///
    /// # Errors
    /// On categorical features, which training does not support yet.
    pub fn fit(matrix: &FeatureMatrix, binning: Binning) -> Result<Self, DataError> {
        for feature in &matrix.schema().features {
            if feature.kind != FeatureKind::Numerical {
                return Err(DataError::Categorical { name: feature.name.clone() });
            }
        }
        let features = par::map(matrix.n_features(), |f| match matrix.column(f) {
            Column::F32(values) => {
                let present = values.iter().filter(|x| !x.is_nan());
                fit_feature(&keys::sort(present.map(|&x| keys::of_f32(x)).collect()), binning)
            }
            Column::F64(values) => {
                let present = values.iter().filter(|x| !x.is_nan());
                fit_feature(&keys::sort(present.map(|&x| keys::of_f64(x)).collect()), binning)
            }
        });
        Ok(Cuts { schema: matrix.schema().clone(), features })
    }

    /// The features that were cut.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many bins the non-missing values of a feature have; at least 1.
    pub fn n_bins(&self, feature: usize) -> usize {
        self.features[feature].thresholds.len() + 1
    }

    /// The threshold for which `x <= threshold` holds exactly for the values of bins `0..=bin`.
    ///
    /// For the last bin, which every known value passes, it is the largest finite number (or infinity, where that was
    /// among the training values).
    pub fn threshold(&self, feature: usize, bin: usize) -> f64 {
        let cuts = &self.features[feature];
        let all = if cuts.largest == f64::INFINITY { f64::INFINITY } else { f64::MAX };
        cuts.thresholds.get(bin).copied().unwrap_or(all)
    }

    /// The code of a missing value: one above the last bin.
    pub fn missing_code(&self, feature: usize) -> usize {
        self.n_bins(feature)
    }

    /// How many codes a feature has: its bins, and that of missing values.
    pub fn n_codes(&self, feature: usize) -> usize {
        self.n_bins(feature) + 1
    }

    /// The code of a value: its bin, or [`Cuts::missing_code`] of NaN.
    pub fn code(&self, feature: usize, x: f64) -> usize {
        let below = |thresholds: &[f64]| thresholds.partition_point(|&threshold| threshold < x);
        if x.is_nan() { self.missing_code(feature) } else { below(&self.features[feature].thresholds) }
    }

    /// The codes of a column's values, in row order.
    pub(super) fn encode(&self, feature: usize, column: &Column) -> Codes {
        let ladder = Ladder::new(self.features[feature].thresholds.clone());
        let missing = self.missing_code(feature) as u8;
        Codes::Bytes(match column {
            Column::F32(values) => encode(&ladder, missing, values),
            Column::F64(values) => encode(&ladder, missing, values),
        })
    }

    /// Training values at 0 %, 1 % ... 100 % of each feature's non-missing rows (the value at position
    /// `floor((n - 1) * p / 100)` of the sorted column); empty for a feature that is always missing.
    pub fn quantiles(&self) -> Vec<Vec<f64>> {
        self.features.iter().map(|f| f.quantiles.clone()).collect()
    }
}

/// The rank of each value among the thresholds, or the code of missing ones.
fn encode<T: Copy + Into<f64> + Sync>(ladder: &Ladder, missing: u8, values: &[T]) -> Vec<u8> {
    let level = Level::detect();
    let mut codes = vec![0; values.len()];
    par::for_each_chunk(&mut codes, ENCODED, |chunk, codes| {
        let (mut block, mut ranks) = ([0.0; BLOCK], [0; BLOCK]);
        for (codes, values) in codes.chunks_mut(BLOCK).zip(values[chunk * ENCODED..].chunks(BLOCK)) {
            block.iter_mut().zip(values).for_each(|(place, &x)| *place = x.into());
            kernel::ranks(level, ladder, &block, &mut ranks);
            for ((code, x), &rank) in codes.iter_mut().zip(&block).zip(&ranks) {
                *code = if x.is_nan() { missing } else { rank as u8 };
            }
        }
    });
    codes
}

fn fit_feature<K: Key>(sorted: &[K], binning: Binning) -> FeatureCuts {
    let max_bin = binning.max_bin as u64;
    let thresholds = if runs(sorted).take(binning.max_bin + 1).count() <= binning.max_bin {
        one_bin_each(sorted, binning.min_data_in_bin)
    } else {
        equal_shares(sorted, max_bin.min(sorted.len() as u64 / binning.min_data_in_bin).max(1))
    };
    let last = sorted.len().saturating_sub(1);
    let quantiles = match sorted.is_empty() {
        true => Vec::new(),
        false => (0..=100).map(|p| sorted[last * p / 100].value()).collect(),
    };
    FeatureCuts { thresholds, largest: sorted.last().map_or(0.0, |key| key.value()), quantiles }
}

/// A distinct value, and how many rows hold it.
struct Run<K> {
    key: K,
    count: u64,
}

/// The distinct values, ascending.
fn runs<K: Key>(sorted: &[K]) -> impl Iterator<Item = Run<K>> {
    sorted.chunk_by(|a, b| a == b).map(|run| Run { key: run[0], count: run.len() as u64 })
}

fn one_bin_each<K: Key>(sorted: &[K], min_data_in_bin: u64) -> Vec<f64> {
    let mut thresholds = Vec::new();
    let mut held = 0;
    for (run, next) in runs(sorted).zip(runs(sorted).skip(1)) {
        held += run.count;
        if held >= min_data_in_bin {
            thresholds.push(between(run.key.value(), next.key.value()));
            held = 0;
        }
    }
    thresholds
}

/// Fills bins to equal shares from the smallest value up. Heavy values, which outweigh a share, stand alone and are
/// taken out of the account; the share of the others is renewed after each bin from what is left.
fn equal_shares<K: Key>(sorted: &[K], max_bin: u64) -> Vec<f64> {
    let total = sorted.len() as u64;
    let share = total as f64 / max_bin as f64;
    let heavy = |run: &Run<K>| run.count as f64 >= share;
    let (mut rest_bins, mut rest_rows) = (max_bin, total);
    for run in runs(sorted).filter(heavy) {
        rest_bins -= 1;
        rest_rows -= run.count;
    }
    let even = |rows: u64, bins: u64| if bins == 0 { f64::INFINITY } else { rows as f64 / bins as f64 };
    let mut share_now = even(rest_rows, rest_bins);
    let mut thresholds = Vec::new();
    let mut held = 0;
    for (run, next) in runs(sorted).zip(runs(sorted).skip(1)) {
        if thresholds.len() as u64 + 1 >= max_bin {
            break;
        }
        if !heavy(&run) {
            rest_rows -= run.count;
        }
        held += run.count;
        let full = held as f64 >= share_now;
        if heavy(&run) || full || (heavy(&next) && held as f64 >= (share_now * 0.5).max(1.0)) {
            thresholds.push(between(run.key.value(), next.key.value()));
            held = 0;
            if !heavy(&run) {
                rest_bins = rest_bins.saturating_sub(1);
                share_now = even(rest_rows, rest_bins);
            }
        }
    }
    thresholds
}

/// A number `t` with `low <= t < high`: the midpoint where rounding leaves it there.
fn between(low: f64, high: f64) -> f64 {
    let middle = low * 0.5 + high * 0.5;
    if low <= middle && middle < high {
        middle
    } else if low == f64::NEG_INFINITY && high == f64::INFINITY {
        0.0
    } else if high == f64::INFINITY {
        f64::MAX
    } else {
        low
    }
}

/// Values encoded by one thread at a time, whole blocks; no result depends on it.
const ENCODED: usize = BLOCK << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(values: Vec<f64>, binning: Binning) -> Cuts {
        let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F64(values)]);
        Cuts::fit(&matrix.expect("one column"), binning).expect("numerical")
    }

    #[test]
    fn few_values_get_a_bin_each() {
        let cuts = cuts(vec![3.0, -1.0, f64::NAN, 0.0, 3.0, -0.0], Binning::new(255, 1));
        assert_eq!(cuts.n_bins(0), 3);
        assert_eq!([-1.0, 0.0, -0.0, 3.0, 9.0].map(|x| cuts.code(0, x)), [0, 1, 1, 2, 2]);
        assert_eq!(cuts.code(0, f64::NAN), 3);
        assert_eq!(cuts.threshold(0, 0), -0.5);
        assert_eq!(cuts.threshold(0, 2), f64::MAX);
    }

    #[test]
    fn rare_values_share_a_bin() {
        let cuts = cuts(vec![1.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0], Binning::new(255, 3));
        assert_eq!([1.0, 2.0, 3.0, 4.0, 5.0].map(|x| cuts.code(0, x)), [0, 0, 0, 1, 1]);
    }

    #[test]
    fn a_heavy_value_stands_alone() {
        let mut values: Vec<f64> = (0..1000).map(f64::from).collect();
        values.extend([500.0; 2000]);
        let cuts = cuts(values, Binning::new(16, 3));
        assert!(cuts.n_bins(0) <= 16 && cuts.n_bins(0) >= 14, "{}", cuts.n_bins(0));
        let bin = cuts.code(0, 500.0);
        // a begun bin of at least half a share is closed before it, a smaller one joins it
        assert_ne!(cuts.code(0, 460.0), bin);
        assert_ne!(cuts.code(0, 501.0), bin);
    }

    #[test]
    fn infinities_and_neighbours_are_separated() {
        let next = f64::from_bits(1.0f64.to_bits() + 1);
        let values = vec![f64::NEG_INFINITY, -f64::MAX, 1.0, next, f64::MAX, f64::INFINITY];
        let cuts = cuts(values.clone(), Binning::new(255, 1));
        for (i, &x) in values.iter().enumerate() {
            assert_eq!(cuts.code(0, x), i);
            for bin in 0..values.len() {
                assert_eq!(x <= cuts.threshold(0, bin), i <= bin, "{x} against bin {bin}");
            }
        }
    }

    #[test]
    fn a_missing_or_constant_column_has_one_bin() {
        assert_eq!(cuts(vec![f64::NAN; 4], Binning::default()).n_bins(0), 1);
        assert_eq!(cuts(vec![7.0; 4], Binning::default()).n_bins(0), 1);
        assert!(cuts(vec![f64::NAN; 4], Binning::default()).quantiles()[0].is_empty());
    }
}

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

use serde::{Deserialize, Serialize};

use super::category::Categories;
use super::codes::Codes;
use super::keys::{self, Key};
use super::{Column, FeatureKind, FeatureMatrix, Schema};
use crate::determinism::par;
use crate::gbdt::kernel::{self, BLOCK, Ladder, Level};

/// The most bins of non-missing values a feature can have.
pub const MAX_BINS: usize = 255;

/// How finely to cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Binning {
    max_bin: usize,
    min_data_in_bin: u64,
    max_bin_by_feature: Vec<u32>,
    forced: Vec<ForcedBins>,
}

/// Bounds that a feature is cut at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForcedBins {
    /// Position of the feature.
    pub feature: u32,
    /// The largest value of each bin.
    pub bin_upper_bound: Vec<f64>,
}

impl Binning {
    /// At most `max_bin` bins (brought into 2..=255), each of at least `min_data_in_bin` rows where values allow.
    pub fn new(max_bin: u32, min_data_in_bin: u32) -> Self {
        Binning {
            max_bin: (max_bin as usize).clamp(2, MAX_BINS),
            min_data_in_bin: u64::from(min_data_in_bin).max(1),
            max_bin_by_feature: Vec::new(),
            forced: Vec::new(),
        }
    }

    /// With `max_bin` for single features: one each, in order; those without one keep the common one.
    #[must_use]
    pub fn by_feature(mut self, max_bin: &[u32]) -> Self {
        self.max_bin_by_feature = max_bin.to_vec();
        self
    }

    /// With bounds that features are cut at; the bounds of a feature named again are added.
    #[must_use]
    pub fn forced(mut self, forced: &[ForcedBins]) -> Self {
        self.forced = forced.to_vec();
        self
    }

    /// How many features have a `max_bin` of their own.
    pub(in crate::gbdt) fn n_by_feature(&self) -> usize {
        self.max_bin_by_feature.len()
    }

    /// The features with forced bounds.
    pub(in crate::gbdt) fn forced_features(&self) -> impl Iterator<Item = u32> {
        self.forced.iter().map(|forced| forced.feature)
    }

    fn max_bin(&self, feature: usize) -> usize {
        let own = self.max_bin_by_feature.get(feature);
        own.map_or(self.max_bin, |&own| (own as usize).clamp(2, MAX_BINS))
    }

    /// The bounds of a feature, ascending, no more than it may have; what is no number bounds nothing.
    fn bounds(&self, feature: usize) -> Vec<f64> {
        let own = self.forced.iter().filter(|forced| forced.feature as usize == feature);
        let mut bounds: Vec<f64> = own
            .flat_map(|forced| &forced.bin_upper_bound)
            .copied()
            .filter(|bound| bound.is_finite())
            .collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        bounds.truncate(self.max_bin(feature) - 1);
        bounds
    }
}

impl Default for Binning {
    fn default() -> Self {
        Binning::new(255, 3)
    }
}

/// The thresholds or categories of every feature, and what else is known of its training values.
#[derive(Clone, Debug, PartialEq)]
pub struct Cuts {
    schema: Schema,
    features: Vec<FeatureCuts>,
}

/// How one feature's values become codes.
#[derive(Clone, Debug, PartialEq)]
enum FeatureCuts {
    Numbers(Thresholds),
    Categories(Categories),
}

impl FeatureCuts {
    fn numbers(&self) -> Option<&Thresholds> {
        match self {
            FeatureCuts::Numbers(cuts) => Some(cuts),
            FeatureCuts::Categories(_) => None,
        }
    }

    fn categories(&self) -> Option<&Categories> {
        match self {
            FeatureCuts::Numbers(_) => None,
            FeatureCuts::Categories(categories) => Some(categories),
        }
    }
}

/// Where numbers are cut.
#[derive(Clone, Debug, PartialEq)]
struct Thresholds {
    /// Ascending; bin `b` holds the values that exceed `b` of them. The largest value exceeds all.
    thresholds: Vec<f64>,
    largest: f64,
    quantiles: Vec<f64>,
}

impl Cuts {
    /// Learns cut points from every row. What is no category counts as missing, and of more than [`MAX_CATEGORIES`] the rarest
    /// do.
    ///
    /// [`MAX_CATEGORIES`]: super::MAX_CATEGORIES
    pub fn fit(matrix: &FeatureMatrix, binning: &Binning) -> Self {
        let schema = matrix.schema();
        let fit = |f: usize| match (&schema.features[f].kind, matrix.column(f)) {
            (FeatureKind::Categorical { .. }, column) => FeatureCuts::Categories(Categories::fit(column)),
            (FeatureKind::Numerical, Column::F32(values)) => {
                let present = values.iter().filter(|x| !x.is_nan());
                fit_numbers(&keys::sort(present.map(|&x| keys::of_f32(x)).collect()), f, binning)
            }
            (FeatureKind::Numerical, Column::F64(values)) => {
                let present = values.iter().filter(|x| !x.is_nan());
                fit_numbers(&keys::sort(present.map(|&x| keys::of_f64(x)).collect()), f, binning)
            }
        };
        Cuts { schema: schema.clone(), features: par::map(matrix.n_features(), fit) }
    }

    /// The features that were cut.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many bins the non-missing values of a feature have, or how many categories it has.
    pub fn n_bins(&self, feature: usize) -> usize {
        match &self.features[feature] {
            FeatureCuts::Numbers(cuts) => cuts.thresholds.len() + 1,
            FeatureCuts::Categories(categories) => categories.len(),
        }
    }

    /// Whether a feature's codes are categories.
    pub fn is_categorical(&self, feature: usize) -> bool {
        self.features[feature].categories().is_some()
    }

    /// The question whether a code is at most `bin`, asked of raw values: those of bins `0..=bin` are at most the
    /// threshold.
    ///
    /// For the last bin, which every known value passes, it is the largest finite number (or infinity, where that was
    /// among the training values).
    ///
    /// # Panics
    /// When the feature is categorical.
    pub fn threshold(&self, feature: usize, bin: usize) -> f64 {
        let cuts = self.features[feature].numbers().expect("thresholds are asked of numbers");
        let all = if cuts.largest == f64::INFINITY { f64::INFINITY } else { f64::MAX };
        cuts.thresholds.get(bin).copied().unwrap_or(all)
    }

    /// The category of a code.
    ///
    /// # Panics
    /// When the feature is numerical, or has no such category.
    pub(in crate::gbdt) fn category(&self, feature: usize, code: usize) -> u32 {
        self.features[feature].categories().expect("categories are asked of categorical features").get(code)
    }

    /// The code of a missing value: one above the last bin.
    pub fn missing_code(&self, feature: usize) -> usize {
        self.n_bins(feature)
    }

    /// How many codes a feature has: its bins, and that of missing values.
    pub fn n_codes(&self, feature: usize) -> usize {
        self.n_bins(feature) + 1
    }

    /// The code of a value: its bin, its category's place, or [`Cuts::missing_code`] of NaN and of unknown categories.
    pub fn code(&self, feature: usize, x: f64) -> usize {
        match &self.features[feature] {
            FeatureCuts::Categories(categories) => categories.code(x),
            FeatureCuts::Numbers(_) if x.is_nan() => self.missing_code(feature),
            FeatureCuts::Numbers(cuts) => cuts.thresholds.partition_point(|&threshold| threshold < x),
        }
    }

    /// The codes of a column's values, in row order.
    pub(super) fn encode(&self, feature: usize, column: &Column) -> Codes {
        match &self.features[feature] {
            FeatureCuts::Categories(categories) => {
                let code = |row: usize| categories.code(column.get(row));
                match categories.len() {
                    0..=255 => Codes::Bytes((0..column.len()).map(|row| code(row) as u8).collect()),
                    _ => Codes::Words((0..column.len()).map(|row| code(row) as u16).collect()),
                }
            }
            FeatureCuts::Numbers(cuts) => {
                let ladder = Ladder::new(cuts.thresholds.clone());
                let missing = self.missing_code(feature) as u8;
                Codes::Bytes(match column {
                    Column::F32(values) => encode(&ladder, missing, values),
                    Column::F64(values) => encode(&ladder, missing, values),
                })
            }
        }
    }

    /// Training values at 0 %, 1 % ... 100 % of each feature's non-missing rows (the value at position
    /// `floor((n - 1) * p / 100)` of the sorted column); empty for a feature that is always missing or categorical.
    pub fn quantiles(&self) -> Vec<Vec<f64>> {
        let quantiles = |feature: &FeatureCuts| match feature {
            FeatureCuts::Numbers(cuts) => cuts.quantiles.clone(),
            FeatureCuts::Categories(_) => Vec::new(),
        };
        self.features.iter().map(quantiles).collect()
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

fn fit_numbers<K: Key>(sorted: &[K], feature: usize, binning: &Binning) -> FeatureCuts {
    let (max_bin, least) = (binning.max_bin(feature), binning.min_data_in_bin);
    let thresholds = match binning.bounds(feature) {
        bounds if bounds.is_empty() => cut(sorted, max_bin, least),
        bounds => cut_between(sorted, &bounds, max_bin, least),
    };
    let last = sorted.len().saturating_sub(1);
    let quantiles = match sorted.is_empty() {
        true => Vec::new(),
        false => (0..=100).map(|p| sorted[last * p / 100].value()).collect(),
    };
    let largest = sorted.last().map_or(0.0, |key| key.value());
    FeatureCuts::Numbers(Thresholds { thresholds, largest, quantiles })
}

fn cut<K: Key>(sorted: &[K], max_bin: usize, min_data_in_bin: u64) -> Vec<f64> {
    if runs(sorted).take(max_bin + 1).count() <= max_bin {
        one_bin_each(sorted, min_data_in_bin)
    } else {
        equal_shares(sorted, (max_bin as u64).min(sorted.len() as u64 / min_data_in_bin).max(1))
    }
}

/// Cuts at the bounds, and the values between two of them by the share that they have of the rows.
fn cut_between<K: Key>(sorted: &[K], bounds: &[f64], max_bin: usize, min_data_in_bin: u64) -> Vec<f64> {
    let free = max_bin - bounds.len() - 1;
    let mut thresholds = Vec::new();
    let mut start = 0;
    for (i, bound) in bounds.iter().map(Some).chain([None]).enumerate() {
        let end = bound.map_or(sorted.len(), |&bound| sorted.partition_point(|key| key.value() <= bound));
        // shares are rounded down, so that they fit together
        let own = 1 + free * (end - start) / sorted.len().max(1);
        thresholds.extend(cut(&sorted[start..end], own, min_data_in_bin));
        thresholds.extend(bounds.get(i));
        start = end;
    }
    thresholds
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
        Cuts::fit(&matrix.expect("one column"), &binning)
    }

    #[test]
    fn forced_bounds_are_cut_at() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let forced = ForcedBins { feature: 0, bin_upper_bound: vec![700.5, 10.25, 10.25, f64::NAN, 5000.0] };
        let cuts = cuts(values, Binning::new(255, 1).by_feature(&[12]).forced(&[forced]));
        let thresholds: Vec<f64> = (0..cuts.n_bins(0)).map(|bin| cuts.threshold(0, bin)).collect();
        assert!([10.25, 700.5, 5000.0].iter().all(|bound| thresholds.contains(bound)), "{thresholds:?}");
        assert!(cuts.n_bins(0) <= 12 && cuts.n_bins(0) >= 10, "{thresholds:?}");
        assert!(thresholds.is_sorted(), "{thresholds:?}");
    }

    #[test]
    fn categories_are_no_numbers() {
        let kind = FeatureKind::Categorical { levels: vec![] };
        let schema = Schema { features: vec![super::super::Feature { name: "x".into(), kind }] };
        let values: Vec<f64> = (0..300).map(|i| f64::from(i) * 7.0).chain([f64::NAN, -3.0]).collect();
        let matrix = FeatureMatrix::new(schema, vec![Column::F64(values)]).expect("one column");
        let cuts = Cuts::fit(&matrix, &Binning::default());
        assert!(cuts.is_categorical(0));
        assert_eq!((cuts.n_bins(0), cuts.n_codes(0)), (300, 301));
        assert_eq!((cuts.code(0, 14.0), cuts.category(0, 2)), (2, 14));
        let codes = cuts.encode(0, matrix.column(0));
        assert_eq!([0, 299, 300, 301].map(|row| codes.get(row)), [0, 299, 300, 300]);
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

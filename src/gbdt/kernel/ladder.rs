//! Where a value stands among the thresholds of a feature: its rank, the number of thresholds below it.
//!
//! `x <= threshold[k]` exactly when `rank(x) <= k`, so ranks answer every question that the thresholds answer. Finding a rank by
//! bisection costs eight dependent steps for 255 thresholds. Here the value is first mapped to a cell of a table that says how
//! many thresholds lie in lower cells, and bisection is left with the few that share the cell. Any map that never falls while
//! its argument rises gives exact ranks; two are tried (even steps of the value, even steps of the bits of its single-precision
//! form, which is a logarithm but for its name) and the one that leaves less to bisect is kept.
//!
//! One row asks many features and no table twice: where a feature has few thresholds, comparing with all of them takes less time
//! than fetching a cell from far away.

use super::LANES;
use super::level::stamped;

/// Values worked on at once.
pub(in crate::gbdt) const BLOCK: usize = 64;

/// Sorted thresholds of one feature.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Ladder {
    /// Rising; `2^k - 1` infinities follow, so that bisection needs no test for the end.
    thresholds: Vec<f64>,
    map: Map,
    /// By cell: the thresholds of lower cells.
    below: Vec<u16>,
    /// The first step of bisection: a power of two, or 0 where every cell holds no threshold.
    step: usize,
    /// How many thresholds one value is compared with, whole vectors, where they are few; otherwise 0.
    few: usize,
}

/// A map from values to cells that never falls.
#[derive(Clone, Copy, Debug)]
enum Map {
    /// Cell `(x - first) * density`.
    Even { first: f64, density: f64 },
    /// Cell `(key(x) - first) >> shift`, with the bits of the value in single precision as its key.
    Bits { first: i32, shift: u32 },
}

impl Ladder {
    /// The ladder of thresholds that rise strictly, none of them NaN.
    ///
    /// # Panics
    /// When they do not rise.
    pub(in crate::gbdt) fn new(mut thresholds: Vec<f64>) -> Self {
        assert!(thresholds.windows(2).all(|pair| pair[0] < pair[1]), "thresholds rise");
        // -0 and 0 are equal to a comparison and different to a map of bits
        thresholds.iter_mut().for_each(|t| *t += 0.0);
        let n = thresholds.len();
        let (map, below, crowd) = best(&thresholds);
        let step = (crowd + 1).next_power_of_two() / 2;
        let few = if n <= FEW { n.next_multiple_of(LANES) } else { 0 };
        thresholds.resize(few.max(n + 2 * step), f64::INFINITY);
        Ladder { thresholds, map, below, step, few }
    }

    /// How many thresholds are below a value; for NaN, some number of them.
    #[inline(always)]
    pub(in crate::gbdt) fn rank(&self, x: f64) -> usize {
        if self.few > 0 { self.rank_of_few(x) } else { self.rank_by_table(x) }
    }

    #[inline(always)]
    fn rank_of_few(&self, x: f64) -> usize {
        self.thresholds[..self.few].iter().fold(0, |passed, &threshold| passed + u64::from(threshold < x))
            as usize
    }

    #[inline(always)]
    fn rank_by_table(&self, x: f64) -> usize {
        // SAFETY: `Map::cell` clamps to the cells there are
        let below = unsafe { *self.below.get_unchecked(self.map.cell(x, self.below.len())) };
        let (mut rank, mut step) = (usize::from(below), self.step);
        while step > 0 {
            // SAFETY: `Ladder::new` put infinities behind the last rank that steps adding up to 2 * step - 1 can reach
            let passed = unsafe { *self.thresholds.get_unchecked(rank + step - 1) } < x;
            rank += if passed { step } else { 0 };
            step /= 2;
        }
        rank
    }
}

stamped! {
    /// [`Ladder::rank`] of a block of values.
    pub(in crate::gbdt) fn ranks(ladder: &Ladder, values: &[f64; BLOCK], out: &mut [u32; BLOCK]) = ranks_body
}

#[inline(always)]
fn ranks_body(ladder: &Ladder, values: &[f64; BLOCK], out: &mut [u32; BLOCK]) {
    match ladder.map {
        Map::Even { first, density } => {
            let last = (ladder.below.len() - 1) as f64;
            values.iter().zip(&mut *out).for_each(|(&x, out)| *out = even(x, first, density, last));
        }
        Map::Bits { first, shift } => {
            let last = (ladder.below.len() - 1) as i32;
            values.iter().zip(&mut *out).for_each(|(&x, out)| *out = bits(x, first, shift, last));
        }
    }
    for out in &mut *out {
        // SAFETY: both maps clamp to the cells there are
        *out = u32::from(unsafe { *ladder.below.get_unchecked(*out as usize) });
    }
    let mut step = ladder.step;
    while step > 0 {
        for (&x, out) in values.iter().zip(&mut *out) {
            // SAFETY: as in `Ladder::rank`
            let passed = unsafe { *ladder.thresholds.get_unchecked(*out as usize + step - 1) } < x;
            *out += if passed { step as u32 } else { 0 };
        }
        step /= 2;
    }
}

impl Map {
    #[inline(always)]
    fn cell(self, x: f64, cells: usize) -> usize {
        match self {
            Map::Even { first, density } => even(x, first, density, (cells - 1) as f64) as usize,
            Map::Bits { first, shift } => bits(x, first, shift, (cells - 1) as i32) as usize,
        }
    }
}

#[inline(always)]
fn even(x: f64, first: f64, density: f64, last: f64) -> u32 {
    let cell = (x - first) * density;
    // NaN becomes 0
    let cell = if cell > 0.0 { cell } else { 0.0 };
    let cell = if cell < last { cell } else { last };
    // SAFETY: between 0 and `last`, which is below 2^16
    unsafe { cell.to_int_unchecked::<i32>() as u32 }
}

#[inline(always)]
fn bits(x: f64, first: i32, shift: u32, last: i32) -> u32 {
    let cell = key(x).max(first).wrapping_sub(first) as u32 >> shift;
    cell.min(last as u32)
}

/// Bits that are ordered as the values are; -0 is below 0.
#[inline(always)]
fn key(x: f64) -> i32 {
    let bits = (x as f32).to_bits() as i32;
    bits ^ ((bits >> 31) & i32::MAX)
}

/// The map that leaves the fewest thresholds in its most crowded cell, the counts of its cells, and that crowd.
fn best(thresholds: &[f64]) -> (Map, Vec<u16>, usize) {
    let mut best = (Map::Bits { first: 0, shift: 31 }, vec![0], thresholds.len());
    if thresholds.is_empty() || thresholds.len() > usize::from(u16::MAX) {
        return best;
    }
    let most = (thresholds.len() * CELLS_A_THRESHOLD).next_power_of_two().min(MOST_CELLS);
    for cells in [most / 4, most / 2, most].map(|cells| cells.max(2)) {
        for map in [even_map(thresholds, cells), bits_map(thresholds, cells)].into_iter().flatten() {
            let (below, crowd) = fill(map, thresholds, cells);
            // a larger table has to save a step of bisection
            if crowd < best.2 && crowd.ilog2() < best.2.ilog2() {
                best = (map, below, crowd);
            }
        }
    }
    best
}

/// From the first finite threshold to the last.
fn even_map(thresholds: &[f64], cells: usize) -> Option<Map> {
    let finite = || thresholds.iter().copied().filter(|t| t.is_finite());
    let (first, last) = (finite().next()?, finite().next_back()?);
    let density = (cells - 1) as f64 / (last - first);
    let usable = density.is_finite() && density > 0.0 && (last - first).is_finite();
    usable.then_some(Map::Even { first, density })
}

fn bits_map(thresholds: &[f64], cells: usize) -> Option<Map> {
    let (first, last) = (key(thresholds[0]), key(thresholds[thresholds.len() - 1]));
    let span = last.wrapping_sub(first) as u32;
    let shift = (0..32).find(|&shift| ((span >> shift) as usize) < cells)?;
    Some(Map::Bits { first, shift })
}

/// The thresholds below each cell, and the most that share one.
fn fill(map: Map, thresholds: &[f64], cells: usize) -> (Vec<u16>, usize) {
    let mut counts = vec![0; cells];
    thresholds.iter().for_each(|&t| counts[map.cell(t, cells)] += 1);
    let crowd = counts.iter().copied().max().unwrap_or(0);
    let mut below = 0;
    let below = counts.into_iter().map(|count| {
        below += count;
        (below - count) as u16
    });
    (below.collect(), crowd)
}

/// The most thresholds that one value is compared with.
const FEW: usize = 32;
/// Cells of the largest table tried; half and a quarter of it are tried first.
const CELLS_A_THRESHOLD: usize = 8;
/// A table stays within the nearest cache whatever the number of thresholds.
const MOST_CELLS: usize = 1 << 14;

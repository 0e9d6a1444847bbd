//! One row: lanes are points.

use super::{LANES, Points, Shap, Tree};
use crate::gbdt::kernel::lanes::{Lanes, Plain};
use crate::gbdt::kernel::level::{Level, stamped};

/// Memory of one row after another.
#[derive(Clone, Debug, Default)]
pub(in crate::gbdt) struct RowScratch {
    /// A bit a split: whether the row goes left.
    left: Vec<u64>,
    /// A bit a split: whether the row satisfies the earlier questions of its feature.
    open: Vec<u64>,
    /// C of each split, and a place for what leaves do not need; later the products that are summed.
    down: Vec<[f64; LANES]>,
    factor: Vec<[f64; LANES]>,
    /// B of each split, then of each leaf.
    up: Vec<[f64; LANES]>,
    sums: Vec<[f64; LANES]>,
}

impl Shap {
    /// Adds the contributions of one row to `out`, one place a feature.
    ///
    /// # Panics
    /// When the row has not a byte for each column, or `out` a place for each feature.
    pub(in crate::gbdt) fn add_row(
        &self,
        level: Level,
        bytes: &[u8],
        scratch: &mut RowScratch,
        out: &mut [f64],
    ) {
        assert!(
            bytes.len() >= self.n_columns && out.len() >= self.n_features,
            "a byte a column, a place a feature"
        );
        match level {
            #[cfg(has_avx512)]
            Level::Avx512(_) => wide(level, self, bytes, scratch, out),
            _ => plain(level, self, bytes, scratch, out),
        }
    }
}

stamped! {
    fn plain(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) = plain_body
}

#[inline(always)]
fn plain_body(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) {
    row_body::<Plain>(shap, bytes, scratch, out);
}

#[cfg(has_avx512)]
stamped! {
    /// Asked for AVX-512 alone.
    fn wide(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) = wide_body
}

#[cfg(has_avx512)]
#[inline(always)]
fn wide_body(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) {
    row_body::<crate::gbdt::kernel::lanes::Wide>(shap, bytes, scratch, out);
}

#[inline(always)]
fn row_body<V: Lanes>(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) {
    for tree in &shap.trees {
        ask(tree, bytes, scratch);
        for (eight, points) in shap.rule(tree).eights.iter().enumerate() {
            scratch.room(tree);
            descend::<V>(tree, eight, points, scratch);
            ascend::<V>(tree, eight, scratch);
            gain::<V>(tree, scratch, out);
        }
    }
}

impl RowScratch {
    fn room(&mut self, tree: &Tree) {
        let n = tree.splits.len();
        let padded = n.next_multiple_of(LANES);
        if self.down.len() < padded + 1 {
            self.down.resize(padded + 1, [0.0; LANES]);
            self.factor.resize(padded, [0.0; LANES]);
            self.sums.resize(padded / LANES, [0.0; LANES]);
        }
        if self.up.len() < n + tree.leaves.len() {
            self.up.resize(n + tree.leaves.len(), [0.0; LANES]);
        }
    }
}

#[inline(always)]
fn ask(tree: &Tree, bytes: &[u8], scratch: &mut RowScratch) {
    scratch.left.clear();
    for (columns, at_most) in tree.columns.chunks(64).zip(tree.at_most.chunks(64)) {
        let mut word = 0;
        for (i, (&column, &at_most)) in columns.iter().zip(at_most).enumerate() {
            word |= u64::from(bytes[column as usize] <= at_most) << i;
        }
        scratch.left.push(word);
    }
    scratch.open.clear();
    scratch.open.resize(scratch.left.len(), u64::MAX);
    for later in &tree.later {
        let open =
            bit(&scratch.open, later.before) & !(bit(&scratch.left, later.before) ^ u64::from(later.left));
        scratch.open[later.split as usize / 64] &= !((open & 1 ^ 1) << (later.split % 64));
    }
}

#[inline(always)]
fn bit(words: &[u64], place: u32) -> u64 {
    words[place as usize / 64] >> (place % 64) & 1
}

/// All lanes or none.
#[inline(always)]
fn mask(words: &[u64], place: usize) -> u8 {
    0u8.wrapping_sub((words[place / 64] >> (place % 64) & 1) as u8)
}

#[inline(always)]
fn descend<V: Lanes>(tree: &Tree, eight: usize, points: &Points, scratch: &mut RowScratch) {
    let n = tree.splits.len();
    let inverses = tree.inverses(eight);
    let (t, u, zero) = (V::load(&points.t), V::load(&points.u), V::splat(0.0));
    let RowScratch { left, open, down, factor, .. } = scratch;
    down[0] = points.weight;
    for (i, split) in tree.splits.iter().enumerate() {
        let open = mask(open, i);
        let s = V::select(mask(left, i) & open, t, zero);
        let m = V::splat(split.q).times(u).plus(s).times(V::load(&inverses[split.later as usize]));
        let m = V::select(open, m, V::splat(split.share));
        m.store(&mut factor[i]);
        let c = V::load(&down[i]);
        let to_left = c.times(m);
        to_left.store(&mut down[(split.ends[0] as usize).min(n)]);
        c.minus(to_left).store(&mut down[(split.ends[1] as usize).min(n)]);
    }
}

#[inline(always)]
fn ascend<V: Lanes>(tree: &Tree, eight: usize, scratch: &mut RowScratch) {
    let n = tree.splits.len();
    let inverses = tree.inverses(eight);
    let RowScratch { down, factor, up, .. } = scratch;
    up[n..].iter_mut().zip(&tree.leaves).for_each(|(up, &leaf)| V::splat(leaf).store(up));
    for (i, split) in tree.splits.iter().enumerate().rev() {
        let [left, right] = split.ends.map(|end| V::load(&up[end as usize]));
        let change = left.minus(right);
        right.plus(V::load(&factor[i]).times(change)).store(&mut up[i]);
        let inverse = V::load(&inverses[split.later as usize]);
        V::load(&down[i]).times(change).times(inverse.times(inverse)).store(&mut down[i]);
    }
}

/// Sums the products of eight splits at a time, multiplies by what is gained, and adds the gains in their order.
#[inline(always)]
fn gain<V: Lanes>(tree: &Tree, scratch: &mut RowScratch, out: &mut [f64]) {
    let RowScratch { left, open, down, sums, .. } = scratch;
    for (i, (vectors, [to_left, to_right])) in down.chunks_exact(LANES).zip(&tree.gains).enumerate() {
        let [left, open] = [&*left, &*open].map(|words| (words[i / 8] >> (8 * (i % 8))) as u8);
        let gain = V::select(left, V::load(to_left), V::load(to_right));
        let gain = V::select(open, gain, V::splat(0.0));
        let products = V::sums(std::array::from_fn(|i| V::load(&vectors[i])));
        gain.times(products).store(&mut sums[i]);
    }
    let sums = sums.as_flattened();
    for &[split, feature] in &tree.order {
        out[feature as usize] += sums[split as usize];
    }
}

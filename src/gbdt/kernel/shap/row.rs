//! One row: lanes are points.

use super::{LANES, Points, Shap, Tree};
use crate::gbdt::kernel::lanes::{Lanes, Plain};
#[cfg(target_arch = "x86_64")]
use crate::gbdt::kernel::lanes::{Low, Pair};
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
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => pair(level, self, bytes, scratch, out),
            _ => row_body::<Plain, Plain>(self, bytes, scratch, out),
        }
    }
}

#[cfg(target_arch = "x86_64")]
stamped! {
    /// Asked for AVX2 alone.
    fn pair(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) = pair_body
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn pair_body(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) {
    row_body::<Pair, Low>(shap, bytes, scratch, out);
}

#[cfg(has_avx512)]
stamped! {
    /// Asked for AVX-512 alone.
    fn wide(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) = wide_body
}

#[cfg(has_avx512)]
#[inline(always)]
fn wide_body(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) {
    row_body::<crate::gbdt::kernel::lanes::Wide, Low>(shap, bytes, scratch, out);
}

/// `H` has the points of a rule that has four at most.
#[inline(always)]
fn row_body<V: Lanes, H: Lanes>(shap: &Shap, bytes: &[u8], scratch: &mut RowScratch, out: &mut [f64]) {
    for tree in &shap.trees {
        ask(tree, bytes, scratch);
        scratch.room(tree);
        let rule = shap.rule(tree);
        for (eight, points) in rule.eights.iter().enumerate() {
            if rule.n_points <= LANES / 2 {
                eight_body::<H>(tree, eight, points, scratch, out);
            } else {
                eight_body::<V>(tree, eight, points, scratch, out);
            }
        }
    }
}

#[inline(always)]
fn eight_body<V: Lanes>(
    tree: &Tree,
    eight: usize,
    points: &Points,
    scratch: &mut RowScratch,
    out: &mut [f64],
) {
    descend::<V>(tree, eight, points, scratch);
    ascend::<V>(tree, eight, scratch);
    gain::<V>(tree, scratch, out);
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

#[inline(always)]
fn descend<V: Lanes>(tree: &Tree, eight: usize, points: &Points, scratch: &mut RowScratch) {
    let n = tree.splits.len();
    let inverses = tree.inverses(eight);
    let (t, u) = (V::load(&points.t), V::load(&points.u));
    let RowScratch { left, open, down, factor, .. } = scratch;
    assert!(down.len() > n && factor.len() >= n, "room was made");
    down[0] = points.weight;
    let words = left.iter().zip(&*open);
    for ((first, splits), (&left, &open)) in (0..).step_by(64).zip(tree.splits.chunks(64)).zip(words) {
        let (mut left, mut open) = (left, open);
        for (i, split) in (first..).zip(splits) {
            // SAFETY: `Tree::check` saw that there is such an inverse; `i` is below `n`, ends are brought to `n` at most, and
            // the lists are longer
            unsafe {
                let inverse = V::load(inverses.get_unchecked(split.later as usize));
                let s = V::splat(SATISFIED[(left & 1) as usize]);
                let m = V::splat(split.q).times(u).plus(s.times(t)).times(inverse);
                let m = V::select(V::all(open & 1 == 1), m, V::splat(split.share));
                m.store(factor.get_unchecked_mut(i));
                let c = V::load(down.get_unchecked(i));
                let to_left = c.times(m);
                let [left_end, right_end] = split.ends;
                to_left.store(down.get_unchecked_mut((left_end as usize).min(n)));
                c.minus(to_left).store(down.get_unchecked_mut((right_end as usize).min(n)));
            }
            (left, open) = (left >> 1, open >> 1);
        }
    }
}

/// s of a split, by whether the row goes left.
static SATISFIED: [f64; 2] = [0.0, 1.0];

#[inline(always)]
fn ascend<V: Lanes>(tree: &Tree, eight: usize, scratch: &mut RowScratch) {
    let n = tree.splits.len();
    let inverses = tree.inverses(eight);
    let RowScratch { down, factor, up, .. } = scratch;
    assert!(down.len() > n && factor.len() >= n && up.len() >= n + tree.leaves.len(), "room was made");
    for (up, &leaf) in up[n..].iter_mut().zip(&tree.leaves) {
        V::splat(leaf).store(up);
    }
    let mut i = n;
    for split in tree.splits.iter().rev() {
        i -= 1;
        // SAFETY: `Tree::check` saw that there are such an inverse and such ends, and the lists are as long
        unsafe {
            let [left, right] = split.ends;
            let left = V::load(up.get_unchecked(left as usize));
            let right = V::load(up.get_unchecked(right as usize));
            let change = left.minus(right);
            right.plus(V::load(factor.get_unchecked(i)).times(change)).store(up.get_unchecked_mut(i));
            let inverse = V::load(inverses.get_unchecked(split.later as usize));
            let down = down.get_unchecked_mut(i);
            V::load(down).times(change).times(inverse.times(inverse)).store(down);
        }
    }
}

/// Sums the products of eight splits at a time, multiplies by what is gained, and adds the gains in their order.
#[inline(always)]
fn gain<V: Lanes>(tree: &Tree, scratch: &mut RowScratch, out: &mut [f64]) {
    let RowScratch { left, open, down, sums, .. } = scratch;
    for (i, (vectors, [to_left, to_right])) in down.chunks_exact(LANES).zip(&tree.gains).enumerate() {
        let (word, shift) = (i / 8, 8 * (i % 8));
        let left = V::Eight::mask((left[word] >> shift) as u8);
        let open = V::Eight::mask((open[word] >> shift) as u8);
        let gain = V::Eight::select(left, V::Eight::load(to_left), V::Eight::load(to_right));
        let gain = V::Eight::select(open, gain, V::Eight::splat(0.0));
        let mut eight = [V::splat(0.0); LANES];
        for (lane, vector) in eight.iter_mut().zip(vectors) {
            *lane = V::load(vector);
        }
        gain.times(V::sums(eight)).store(&mut sums[i]);
    }
    let sums = sums.as_flattened();
    for &[split, feature] in &tree.order {
        out[feature as usize] += sums[split as usize];
    }
}

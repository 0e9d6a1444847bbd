//! A block of rows: lanes are rows.

use super::{LANES, Points, Shap, Step, Tree};
use crate::gbdt::kernel::ladder::BLOCK;
use crate::gbdt::kernel::lanes::{Lanes, Plain};
use crate::gbdt::kernel::level::{Level, stamped};
use crate::gbdt::kernel::tile::Strip;

/// Memory of one block after another.
#[derive(Clone, Debug, Default)]
pub(in crate::gbdt) struct BlockScratch {
    /// A bit a row, by split: whether it goes left and the split is open.
    left: Vec<u64>,
    /// Whether it satisfies the earlier questions of the split's feature.
    open: Vec<u64>,
    /// By split: m where the row goes left, and where it goes right.
    factors: Vec<[[f64; LANES]; 2]>,
    /// By place and point.
    down: Vec<[f64; LANES]>,
    up: Vec<[f64; LANES]>,
}

/// Rows of a tile that are explained.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Rows<'a> {
    pub(in crate::gbdt) tile: &'a [Strip],
    pub(in crate::gbdt) first: usize,
    pub(in crate::gbdt) n_rows: usize,
}

impl Shap {
    /// Adds the contributions of up to a block of rows to `out`, one place a feature and row; those beyond are anything.
    ///
    /// # Panics
    /// When the tile has not a strip for each column and the block lies in it, or `out` a place for each feature.
    pub(in crate::gbdt) fn add_block(
        &self,
        level: Level,
        rows: Rows<'_>,
        scratch: &mut BlockScratch,
        out: &mut [[f64; BLOCK]],
    ) {
        assert!(
            rows.tile.len() >= self.n_columns && out.len() >= self.n_features,
            "a strip a column, a place a feature"
        );
        match level {
            #[cfg(has_avx512)]
            Level::Avx512(_) => wide(level, self, rows, scratch, out),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => pair(level, self, rows, scratch, out),
            _ => block_body::<Plain>(self, rows, scratch, out),
        }
    }
}

#[cfg(target_arch = "x86_64")]
stamped! {
    /// Asked for AVX2 alone.
    fn pair(shap: &Shap, rows: Rows<'_>, scratch: &mut BlockScratch, out: &mut [[f64; BLOCK]]) = pair_body
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn pair_body(shap: &Shap, rows: Rows<'_>, scratch: &mut BlockScratch, out: &mut [[f64; BLOCK]]) {
    block_body::<crate::gbdt::kernel::lanes::Pair>(shap, rows, scratch, out);
}

#[cfg(has_avx512)]
stamped! {
    /// Asked for AVX-512 alone.
    fn wide(shap: &Shap, rows: Rows<'_>, scratch: &mut BlockScratch, out: &mut [[f64; BLOCK]]) = wide_body
}

#[cfg(has_avx512)]
#[inline(always)]
fn wide_body(shap: &Shap, rows: Rows<'_>, scratch: &mut BlockScratch, out: &mut [[f64; BLOCK]]) {
    block_body::<crate::gbdt::kernel::lanes::Wide>(shap, rows, scratch, out);
}

#[inline(always)]
fn block_body<V: Lanes>(shap: &Shap, rows: Rows<'_>, scratch: &mut BlockScratch, out: &mut [[f64; BLOCK]]) {
    for tree in &shap.trees {
        ask::<V>(tree, rows, scratch);
        let rule = shap.rule(tree);
        for (eight, points) in rule.eights.iter().enumerate() {
            expand::<V>(tree, eight, points, scratch);
            let walk = Walk { tree, eight, points, n_rows: rows.n_rows };
            match (rule.n_points - eight * LANES).min(LANES) {
                1 => walk.run::<V, 1>(scratch, out),
                2 => walk.run::<V, 2>(scratch, out),
                3 => walk.run::<V, 3>(scratch, out),
                4 => walk.run::<V, 4>(scratch, out),
                5 => walk.run::<V, 5>(scratch, out),
                6 => walk.run::<V, 6>(scratch, out),
                7 => walk.run::<V, 7>(scratch, out),
                _ => walk.run::<V, 8>(scratch, out),
            }
        }
    }
}

#[inline(always)]
fn ask<V: Lanes>(tree: &Tree, rows: Rows<'_>, scratch: &mut BlockScratch) {
    let BlockScratch { left, open, .. } = scratch;
    left.clear();
    // no closures here and below: one that is not inlined is compiled without the level's instructions
    for (&column, &at_most) in tree.columns.iter().zip(&tree.at_most) {
        let bytes = rows.tile[column as usize].0[rows.first..].first_chunk();
        left.push(V::at_most(bytes.expect("a block lies within its tile"), at_most));
    }
    open.clear();
    open.resize(left.len(), u64::MAX);
    for later in &tree.later {
        let before = later.before as usize;
        // `left` of the split before has been narrowed to where it is open
        let still = if later.left { left[before] } else { open[before] & !left[before] };
        open[later.split as usize] = still;
        left[later.split as usize] &= still;
    }
}

/// The factors of each split at the points.
#[inline(always)]
fn expand<V: Lanes>(tree: &Tree, eight: usize, points: &Points, scratch: &mut BlockScratch) {
    let inverses = tree.inverses(eight);
    let (t, u) = (V::load(&points.t), V::load(&points.u));
    scratch.factors.resize(tree.splits.len(), [[0.0; LANES]; 2]);
    for (split, [left, right]) in tree.splits.iter().zip(&mut scratch.factors) {
        let (qu, inverse) = (V::splat(split.q).times(u), V::load(&inverses[split.later as usize]));
        qu.plus(t).times(inverse).store(left);
        qu.plus(V::splat(0.0)).times(inverse).store(right);
    }
}

/// One tree at up to eight points.
struct Walk<'a> {
    tree: &'a Tree,
    eight: usize,
    points: &'a Points,
    n_rows: usize,
}

impl Walk<'_> {
    #[inline(always)]
    fn run<V: Lanes, const K: usize>(&self, scratch: &mut BlockScratch, out: &mut [[f64; BLOCK]]) {
        let places = 2 * (self.tree.depth + 1) * K;
        if scratch.down.len() < places {
            scratch.down.resize(places, [0.0; LANES]);
            scratch.up.resize(places, [0.0; LANES]);
        }
        for (down, &weight) in scratch.down.iter_mut().zip(&self.points.weight[..K]) {
            V::splat(weight).store(down);
        }
        for first in (0..self.n_rows).step_by(LANES) {
            for step in &self.tree.steps {
                if step.down {
                    self.down::<V, K>(*step, first, scratch);
                } else {
                    self.up::<V, K>(*step, first, scratch, out);
                }
            }
        }
    }

    /// m of a split at each point.
    #[inline(always)]
    fn factor<V: Lanes, const K: usize>(&self, split: usize, first: usize, scratch: &BlockScratch) -> [V; K] {
        let mask = V::mask((scratch.left[split] >> first) as u8);
        let [left, right] = &scratch.factors[split];
        let mut m = [V::splat(0.0); K];
        for k in 0..K {
            m[k] = V::select(mask, V::splat(left[k]), V::splat(right[k]));
        }
        if self.tree.splits[split].later > 0 {
            let open = V::mask((scratch.open[split] >> first) as u8);
            let share = V::splat(self.tree.splits[split].share);
            for m in &mut m {
                *m = V::select(open, *m, share);
            }
        }
        m
    }

    #[inline(always)]
    fn down<V: Lanes, const K: usize>(&self, step: Step, first: usize, scratch: &mut BlockScratch) {
        let m = self.factor::<V, K>(step.split as usize, first, scratch);
        let (above, below) = scratch.down.split_at_mut((step.place as usize | 1) * K + K);
        let c = &above[step.place as usize * K..][..K];
        let below: &mut [[f64; LANES]] = &mut below[..2 * K];
        for k in 0..K {
            let c = V::load(&c[k]);
            let left = c.times(m[k]);
            left.store(&mut below[k]);
            c.minus(left).store(&mut below[K + k]);
        }
    }

    #[inline(always)]
    fn up<V: Lanes, const K: usize>(
        &self,
        step: Step,
        first: usize,
        scratch: &mut BlockScratch,
        out: &mut [[f64; BLOCK]],
    ) {
        let split = &self.tree.splits[step.split as usize];
        let m = self.factor::<V, K>(step.split as usize, first, scratch);
        let left = self.end::<V, K>(step, 0, scratch);
        let right = self.end::<V, K>(step, 1, scratch);
        let place = step.place as usize * K;
        let (up, down) = (&mut scratch.up[place..][..K], &scratch.down[place..][..K]);
        let mut products = [V::splat(0.0); K];
        for k in 0..K {
            let change = left[k].minus(right[k]);
            right[k].plus(m[k].times(change)).store(&mut up[k]);
            products[k] = V::load(&down[k]).times(change);
        }
        if split.later > 0 {
            let inverse = &self.tree.inverses(self.eight)[split.later as usize];
            for k in 0..K {
                products[k] = products[k].times(V::splat(inverse[k] * inverse[k]));
            }
        }
        let left = V::mask((scratch.left[step.split as usize] >> first) as u8);
        let open = V::mask((scratch.open[step.split as usize] >> first) as u8);
        let (zero, q) = (V::splat(0.0), V::splat(split.q));
        let gain = V::select(left, V::splat(split.q0 - split.q), zero.minus(q));
        let gain = V::select(open, gain, zero);
        let out = out[split.feature as usize][first..].first_chunk_mut().expect("eights of a block");
        V::load(out).plus(gain.times(sum(&products))).store(out);
    }

    /// B at one end of a split.
    #[inline(always)]
    fn end<V: Lanes, const K: usize>(&self, step: Step, side: usize, scratch: &BlockScratch) -> [V; K] {
        let end = self.tree.splits[step.split as usize].ends[side] as usize;
        if let Some(leaf) = end.checked_sub(self.tree.splits.len()) {
            return [V::splat(self.tree.leaves[leaf]); K];
        }
        let below = &scratch.up[((step.place as usize | 1) + 1 + side) * K..][..K];
        let mut b = [V::splat(0.0); K];
        for k in 0..K {
            b[k] = V::load(&below[k]);
        }
        b
    }
}

/// The sum over points in the order of [`Lanes::sums`].
#[inline(always)]
fn sum<V: Lanes, const K: usize>(x: &[V; K]) -> V {
    if K > 4 { half(x, 0).plus(half(x, 4)) } else { half(x, 0) }
}

#[inline(always)]
fn half<V: Lanes, const K: usize>(x: &[V; K], i: usize) -> V {
    if i + 2 < K { pair_of(x, i).plus(pair_of(x, i + 2)) } else { pair_of(x, i) }
}

#[inline(always)]
fn pair_of<V: Lanes, const K: usize>(x: &[V; K], i: usize) -> V {
    if i + 1 < K { x[i].plus(x[i + 1]) } else { x[i] }
}

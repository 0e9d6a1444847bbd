//! What pairs of features contribute by way of one leaf, for eight rows side by side: lanes are rows.
//!
//! With the points' weights, and for each of the way's features, in order, m = q u + s t and d = s - q (s = 1 where the row
//! satisfies its questions):
//!
//! ```text
//! pair(i, j) += (value / 2 d_i) (d_j * sum over points of weight * product of m over all features but i and j)
//! ```
//!
//! The product is one of those before i, between i and j, and behind j, in this order; points are added one after another, up to
//! eight at a time.

use super::LANES;
#[cfg(target_arch = "x86_64")]
use super::lanes::Pair;
use super::lanes::{Lanes, Plain};
use super::level::{Level, stamped};
use super::quadrature::Quadrature;

/// A feature that a leaf asks about.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Asked {
    pub(in crate::gbdt) feature: u32,
    /// The share of training rows that satisfy its questions.
    pub(in crate::gbdt) q: f64,
    /// A bit for each row that does.
    pub(in crate::gbdt) satisfied: u8,
}

/// A leaf: its value, and every feature on its way, once.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Way<'a> {
    pub(in crate::gbdt) value: f64,
    pub(in crate::gbdt) asked: &'a [Asked],
}

/// Memory of one way after another.
#[derive(Clone, Debug, Default)]
pub(in crate::gbdt) struct PairScratch {
    /// By feature of the way and point: m, and the product over it and all behind it.
    factors: Vec<[f64; LANES]>,
    from: Vec<[f64; LANES]>,
    /// By feature of the way: d.
    gains: Vec<[f64; LANES]>,
}

/// Adds a leaf's share to tables of features x features, of which only places above the diagonal are used: the lesser feature is
/// the row.
///
/// # Panics
/// When a feature is not below `n_features`, or `out` is not that many times as long.
pub(in crate::gbdt) fn add_pairs(
    level: Level,
    rule: &Quadrature,
    way: Way<'_>,
    scratch: &mut PairScratch,
    n_features: usize,
    out: &mut [[f64; LANES]],
) {
    let square = Square { n_features, out };
    match level {
        #[cfg(has_avx512)]
        Level::Avx512(_) => wide(level, rule, way, scratch, square),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(_) => pair(level, rule, way, scratch, square),
        _ => all_points::<Plain>(rule, way, scratch, square),
    }
}

/// Eight tables.
struct Square<'a> {
    n_features: usize,
    out: &'a mut [[f64; LANES]],
}

#[cfg(target_arch = "x86_64")]
stamped! {
    /// Asked for AVX2 alone.
    fn pair(rule: &Quadrature, way: Way<'_>, scratch: &mut PairScratch, square: Square<'_>) = pair_body
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn pair_body(rule: &Quadrature, way: Way<'_>, scratch: &mut PairScratch, square: Square<'_>) {
    all_points::<Pair>(rule, way, scratch, square);
}

#[cfg(has_avx512)]
stamped! {
    /// Asked for AVX-512 alone.
    fn wide(rule: &Quadrature, way: Way<'_>, scratch: &mut PairScratch, square: Square<'_>) = wide_body
}

#[cfg(has_avx512)]
#[inline(always)]
fn wide_body(rule: &Quadrature, way: Way<'_>, scratch: &mut PairScratch, square: Square<'_>) {
    all_points::<super::lanes::Wide>(rule, way, scratch, square);
}

#[inline(always)]
fn all_points<V: Lanes>(rule: &Quadrature, way: Way<'_>, scratch: &mut PairScratch, mut square: Square<'_>) {
    for first in (0..rule.t.len()).step_by(LANES) {
        match (rule.t.len() - first).min(LANES) {
            1 => points::<V, 1>(rule, first, way, scratch, &mut square),
            2 => points::<V, 2>(rule, first, way, scratch, &mut square),
            3 => points::<V, 3>(rule, first, way, scratch, &mut square),
            4 => points::<V, 4>(rule, first, way, scratch, &mut square),
            5 => points::<V, 5>(rule, first, way, scratch, &mut square),
            6 => points::<V, 6>(rule, first, way, scratch, &mut square),
            7 => points::<V, 7>(rule, first, way, scratch, &mut square),
            _ => points::<V, 8>(rule, first, way, scratch, &mut square),
        }
    }
}

/// The share of some points.
#[inline(always)]
fn points<V: Lanes, const K: usize>(
    rule: &Quadrature,
    first: usize,
    way: Way<'_>,
    scratch: &mut PairScratch,
    square: &mut Square<'_>,
) {
    multiply::<V, K>(rule, first, way.asked, scratch);
    let PairScratch { factors, from, gains } = scratch;
    let half = V::splat(0.5 * way.value);
    let mut before = [V::splat(0.0); K];
    for (before, &weight) in before.iter_mut().zip(&rule.weight[first..]) {
        *before = V::splat(weight);
    }
    for (i, one) in way.asked.iter().enumerate() {
        let gain = half.times(V::load(&gains[i]));
        let mut product = before;
        for (j, other) in way.asked.iter().enumerate().skip(i + 1) {
            let (factors, behind) = (&factors[j * K..][..K], &from[(j + 1) * K..][..K]);
            let mut integral = product[0].times(V::load(&behind[0]));
            for k in 1..K {
                integral = integral.plus(product[k].times(V::load(&behind[k])));
            }
            for k in 0..K {
                product[k] = product[k].times(V::load(&factors[k]));
            }
            let (a, b) = (one.feature.min(other.feature), one.feature.max(other.feature));
            let out = &mut square.out[a as usize * square.n_features + b as usize];
            V::load(out).plus(gain.times(V::load(&gains[j]).times(integral))).store(out);
        }
        for k in 0..K {
            before[k] = before[k].times(V::load(&factors[i * K + k]));
        }
    }
}

/// Fills the scratch with factors, gains, and products from the last feature on.
#[inline(always)]
fn multiply<V: Lanes, const K: usize>(
    rule: &Quadrature,
    first: usize,
    asked: &[Asked],
    scratch: &mut PairScratch,
) {
    let n = asked.len();
    let PairScratch { factors, from, gains } = scratch;
    if gains.len() < n {
        gains.resize(n, [0.0; LANES]);
    }
    if from.len() < (n + 1) * K {
        factors.resize((n + 1) * K, [0.0; LANES]);
        from.resize((n + 1) * K, [0.0; LANES]);
    }
    let mut behind = [V::splat(1.0); K];
    for k in 0..K {
        behind[k].store(&mut from[n * K + k]);
    }
    for (i, asked) in asked.iter().enumerate().rev() {
        let satisfied = V::mask(asked.satisfied);
        V::select(satisfied, V::splat(1.0 - asked.q), V::splat(0.0 - asked.q)).store(&mut gains[i]);
        for k in 0..K {
            let (u, t) = (rule.u[first + k], rule.t[first + k]);
            let m = V::select(satisfied, V::splat(asked.q * u + t), V::splat(asked.q * u));
            m.store(&mut factors[i * K + k]);
            behind[k] = behind[k].times(m);
            behind[k].store(&mut from[i * K + k]);
        }
    }
}

//! What a histogram holds: gradient and hessian of some rows as integers, so that no order of additions shows.
//!
//! A cell is one word, of two halves. [`Narrow`] is made of rows of half a word; [`Close`] of rows of a word, for gradients of
//! very different size. Whoever makes rows chooses the steps so that the sum over all of them fits; then every sum over some
//! does, and parent minus child is the other child, exactly. Rows are counted beside them, by [`Counted`], where it matters.

use super::parting::Item;

/// An exact sum over rows.
pub(in crate::gbdt) trait Sum:
    Copy + Default + PartialEq + Send + Sync + std::fmt::Debug + 'static
{
    /// The sum over the rows of both.
    fn plus(self, other: Self) -> Self;
    /// The sum over the rows of `self` that are not of `part`.
    fn minus(self, part: Self) -> Self;
    /// Steps of gradient.
    fn gradient(self) -> f64;
    /// Steps of hessian.
    fn hessian(self) -> f64;
    /// How many rows; of a sum that does not count them the steps of hessian, of which every row has at least one: so it is 0
    /// exactly for no rows.
    fn count(self) -> f64;
}

/// A sum that histograms hold.
pub(in crate::gbdt) trait Cell: Sum {
    /// The cell of one row, in as few bytes as hold it: they are moved with the row from leaf to leaf.
    type Row: Item + Default + PartialEq + std::fmt::Debug;
    /// Bits of a row's gradient, sign apart.
    const GRADIENT_BITS: u32;
    /// Bits of a row's hessian.
    const HESSIAN_BITS: u32;

    /// The row of so many steps, which are within its bits; `hessian` is at least 1.
    fn row(gradient: i64, hessian: i64) -> Self::Row;
    /// The cell of one row.
    fn of(row: Self::Row) -> Self;
}

/// Gradient in the upper half, hessian in the lower; both of at most [`HALF`] steps over all rows, so that no carry crosses.
/// A row has half of each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::gbdt) struct Narrow(Halves);

/// The same with rows of whole halves: no row is rounded more than the sum of all demands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::gbdt) struct Close(Halves);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Halves(u64);

impl Halves {
    #[inline(always)]
    fn of(gradient: i32, hessian: u32) -> Self {
        Halves((i64::from(gradient) as u64) << 32 | u64::from(hessian))
    }

    #[inline(always)]
    fn gradient(self) -> f64 {
        f64::from((self.0 >> 32) as i32)
    }

    #[inline(always)]
    fn hessian(self) -> f64 {
        f64::from(self.0 as i32)
    }
}

/// A sum with the number of its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::gbdt) struct Counted<S> {
    pub(in crate::gbdt) sum: S,
    pub(in crate::gbdt) n_rows: u32,
}

impl<S: Sum> Sum for Counted<S> {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Counted { sum: self.sum.plus(other.sum), n_rows: self.n_rows.wrapping_add(other.n_rows) }
    }

    #[inline(always)]
    fn minus(self, part: Self) -> Self {
        Counted { sum: self.sum.minus(part.sum), n_rows: self.n_rows.wrapping_sub(part.n_rows) }
    }

    #[inline(always)]
    fn gradient(self) -> f64 {
        self.sum.gradient()
    }

    #[inline(always)]
    fn hessian(self) -> f64 {
        self.sum.hessian()
    }

    #[inline(always)]
    fn count(self) -> f64 {
        f64::from(self.n_rows)
    }
}

/// The most steps that half a word may reach: one bit less than it has, for the sign.
pub(in crate::gbdt) const HALF: u64 = i32::MAX as u64;

/// A cell of two halves, with rows of some width.
macro_rules! of_halves {
    ($name:ident, $row:ty, $gradient_bits:literal, $hessian_bits:literal, $of_row:expr) => {
        impl Cell for $name {
            type Row = $row;
            const GRADIENT_BITS: u32 = $gradient_bits;
            const HESSIAN_BITS: u32 = $hessian_bits;

            #[inline(always)]
            fn row(gradient: i64, hessian: i64) -> $row {
                (gradient as $row) << (<$row>::BITS / 2) | hessian as $row
            }

            #[inline(always)]
            fn of(row: $row) -> Self {
                let (gradient, hessian): (i32, u32) = $of_row(row);
                $name(Halves::of(gradient, hessian))
            }
        }

        impl Sum for $name {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                $name(Halves(self.0.0.wrapping_add(other.0.0)))
            }

            #[inline(always)]
            fn minus(self, part: Self) -> Self {
                $name(Halves(self.0.0.wrapping_sub(part.0.0)))
            }

            #[inline(always)]
            fn gradient(self) -> f64 {
                self.0.gradient()
            }

            #[inline(always)]
            fn hessian(self) -> f64 {
                self.0.hessian()
            }

            #[inline(always)]
            fn count(self) -> f64 {
                self.0.hessian()
            }
        }
    };
}
of_halves!(Narrow, u32, 15, 16, |row: u32| (row as i32 >> 16, row & 0xffff));
of_halves!(Close, u64, 31, 31, |row: u64| ((row >> 32) as i32, row as u32));

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_are_kept_apart<S: Sum>(of: impl Fn(i64, i64) -> S, counts: bool) {
        let rows = [(-5, 1), (20_000, 7), (-32_767, 65_535), (3, 2)].map(|(g, h)| of(g, h));
        let all = rows.iter().fold(S::default(), |sum, &row| sum.plus(row));
        assert_eq!(all.gradient(), f64::from(-5 + 20_000 - 32_767 + 3));
        assert_eq!(all.hessian(), f64::from(1 + 7 + 65_535 + 2));
        let rest = all.minus(rows[2]);
        assert_eq!(rest, rows[0].plus(rows[1]).plus(rows[3]));
        assert_eq!(rest.hessian(), 10.0);
        assert_eq!(all.minus(all), S::default());
        assert_eq!(rest.count(), if counts { 3.0 } else { 10.0 });
    }

    #[test]
    fn sums_of_every_kind() {
        parts_are_kept_apart(|g, h| Narrow::of(Narrow::row(g, h)), false);
        parts_are_kept_apart(|g, h| Close::of(Close::row(g, h)), false);
        parts_are_kept_apart(|g, h| Counted { sum: Close::of(Close::row(g, h)), n_rows: 1 }, true);
    }
}

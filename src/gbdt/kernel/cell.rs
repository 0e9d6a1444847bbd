//! What a histogram holds: gradient and hessian of some rows as integers, so that no order of additions shows.
//!
//! A cell of [`Narrow`] is one word and half the memory traffic; one of [`Wide`] also counts rows. [`Close`] has the cells of
//! `Narrow` and rows of twice the bits, for gradients of very different size. Whoever makes rows chooses the steps so that the
//! sum over all of them fits; then every sum over some does, and parent minus child is the other child, exactly.

use super::parting::Item;

/// An exact sum over rows.
pub(in crate::gbdt) trait Cell:
    Copy + Default + PartialEq + Send + Sync + std::fmt::Debug + 'static
{
    /// Whether it counts rows. Where it does not, [`Cell::count`] is the hessian's steps, of which every row has at least
    /// one: it is 0 exactly for no rows.
    const COUNTS: bool;
    /// The cell of one row, in as few bytes as hold it: they are moved with the row from leaf to leaf.
    type Row: Item + Default + PartialEq + std::fmt::Debug;
    /// Bits of a row's gradient, sign apart.
    const GRADIENT_BITS: u32;
    /// Bits of a row's hessian.
    const HESSIAN_BITS: u32;
    /// Bits of the sum of all gradients' magnitudes; f64 holds it exactly.
    const GRADIENT_SUM_BITS: u32;

    /// The row of so many steps, which are within its bits; `hessian` is at least 1.
    fn row(gradient: i64, hessian: i64) -> Self::Row;
    /// The cell of one row.
    fn of(row: Self::Row) -> Self;
    /// The sum over the rows of both.
    fn plus(self, other: Self) -> Self;
    /// The sum over the rows of `self` that are not of `part`.
    fn minus(self, part: Self) -> Self;
    /// Steps of gradient.
    fn gradient(self) -> f64;
    /// Steps of hessian.
    fn hessian(self) -> f64;
    /// How many rows, see [`Cell::COUNTS`].
    fn count(self) -> f64;
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

/// A gradient of 64 bits, a hessian of at most [`HALF`] steps over all rows, and a count. A row has 37 and 27 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(16))]
pub(in crate::gbdt) struct Wide {
    gradient: i64,
    /// Hessian above count.
    packed: u64,
}

/// The most steps that half a word may reach: one bit less than it has, for the sign.
pub(in crate::gbdt) const HALF: u64 = i32::MAX as u64;

/// A cell of two halves, with rows of some width.
macro_rules! of_halves {
    ($name:ident, $row:ty, $gradient_bits:literal, $hessian_bits:literal, $of_row:expr) => {
        impl Cell for $name {
            const COUNTS: bool = false;
            type Row = $row;
            const GRADIENT_BITS: u32 = $gradient_bits;
            const HESSIAN_BITS: u32 = $hessian_bits;
            const GRADIENT_SUM_BITS: u32 = 31;

            #[inline(always)]
            fn row(gradient: i64, hessian: i64) -> $row {
                (gradient as $row) << (<$row>::BITS / 2) | hessian as $row
            }

            #[inline(always)]
            fn of(row: $row) -> Self {
                let (gradient, hessian): (i32, u32) = $of_row(row);
                $name(Halves::of(gradient, hessian))
            }

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

impl Cell for Wide {
    const COUNTS: bool = true;
    type Row = u64;
    const GRADIENT_BITS: u32 = 36;
    const HESSIAN_BITS: u32 = 27;
    const GRADIENT_SUM_BITS: u32 = 52;

    #[inline(always)]
    fn row(gradient: i64, hessian: i64) -> u64 {
        (gradient as u64) << 27 | hessian as u64
    }

    #[inline(always)]
    fn of(row: u64) -> Self {
        Wide { gradient: row as i64 >> 27, packed: (row & ((1 << 27) - 1)) << 32 | 1 }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Wide {
            gradient: self.gradient.wrapping_add(other.gradient),
            packed: self.packed.wrapping_add(other.packed),
        }
    }

    #[inline(always)]
    fn minus(self, part: Self) -> Self {
        Wide {
            gradient: self.gradient.wrapping_sub(part.gradient),
            packed: self.packed.wrapping_sub(part.packed),
        }
    }

    #[inline(always)]
    fn gradient(self) -> f64 {
        self.gradient as f64
    }

    #[inline(always)]
    fn hessian(self) -> f64 {
        f64::from((self.packed >> 32) as i32)
    }

    #[inline(always)]
    fn count(self) -> f64 {
        f64::from(self.packed as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_are_kept_apart<C: Cell>() {
        let rows = [(-5, 1), (20_000, 7), (-32_767, 65_535), (3, 2)];
        let rows: Vec<C> = rows.map(|(gradient, hessian)| C::of(C::row(gradient, hessian))).to_vec();
        let all = rows.iter().fold(C::default(), |sum, &row| sum.plus(row));
        assert_eq!(all.gradient(), f64::from(-5 + 20_000 - 32_767 + 3));
        assert_eq!(all.hessian(), f64::from(1 + 7 + 65_535 + 2));
        let rest = all.minus(rows[2]);
        assert_eq!(rest, rows[0].plus(rows[1]).plus(rows[3]));
        assert_eq!(rest.hessian(), 10.0);
        assert_eq!(all.minus(all), C::default());
        assert_eq!(rest.count(), if C::COUNTS { 3.0 } else { 10.0 });
    }

    #[test]
    fn sums_of_both_kinds() {
        parts_are_kept_apart::<Narrow>();
        parts_are_kept_apart::<Close>();
        parts_are_kept_apart::<Wide>();
    }
}

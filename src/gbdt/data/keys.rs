//! Floats as integers of the same order, and their radix sort: exact quantiles without comparing floats.
//!
//! Flipping the sign bit of a positive float, and every bit of a negative one, makes its bit pattern an unsigned
//! integer that orders as the floats do (Terdiman, "Radix Sort Revisited", 2000). Both zeros share the key of +0;
//! NaN has no key. Sorting integers is total, so no order of rows and no number of threads can change the result.

/// An order-preserving integer stand-in for a float.
pub(super) trait Key: Copy + Ord + Default + Send {
    /// How many digits of [`DIGIT`] bits it takes.
    const DIGITS: u32;
    /// The digit at a position, the lowest first.
    fn digit(self, position: u32) -> usize;
    /// The float it stands for.
    fn value(self) -> f64;
}

impl Key for u32 {
    const DIGITS: u32 = 3;

    fn digit(self, position: u32) -> usize {
        (self >> (position * DIGIT)) as usize & MASK
    }

    fn value(self) -> f64 {
        let bits = if self >> 31 == 1 { self ^ 1 << 31 } else { !self };
        f64::from(f32::from_bits(bits))
    }
}

impl Key for u64 {
    const DIGITS: u32 = 6;

    fn digit(self, position: u32) -> usize {
        (self >> (position * DIGIT)) as usize & MASK
    }

    fn value(self) -> f64 {
        let bits = if self >> 63 == 1 { self ^ 1 << 63 } else { !self };
        f64::from_bits(bits)
    }
}

/// The key of a number that is not NaN.
pub(super) fn of_f32(x: f32) -> u32 {
    let bits = (x + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The key of a number that is not NaN.
pub(super) fn of_f64(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Sorts ascending: least significant digit first, digits that all keys share skipped.
pub(super) fn sort<K: Key>(keys: Vec<K>) -> Vec<K> {
    if keys.len() < RADIX_FROM {
        let mut keys = keys;
        keys.sort_unstable();
        return keys;
    }
    let mut counts = vec![[0u32; RADIX]; K::DIGITS as usize];
    for key in &keys {
        counts.iter_mut().zip(0..).for_each(|(counts, position)| counts[key.digit(position)] += 1);
    }
    let mut from = keys;
    let mut to = vec![K::default(); from.len()];
    for (next, position) in counts.iter_mut().zip(0..) {
        if next.iter().any(|&count| count as usize == from.len()) {
            continue;
        }
        let mut start = 0;
        for place in next.iter_mut() {
            start += std::mem::replace(place, start);
        }
        for &key in &from {
            let place = &mut next[key.digit(position)];
            to[*place as usize] = key;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    from
}

/// Bits of a digit: 2,048 counters fit in the first-level cache.
const DIGIT: u32 = 11;
const RADIX: usize = 1 << DIGIT;
const MASK: usize = RADIX - 1;
/// Below this a comparison sort is quicker than clearing the counters.
const RADIX_FROM: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::determinism::rng::Stream;

    #[test]
    fn keys_order_as_floats_do() {
        let values = [f64::NEG_INFINITY, -1e300, -1.0, -1e-310, 0.0, 1e-310, 0.5, 1.0, 1e300, f64::INFINITY];
        for pair in values.windows(2) {
            assert!(of_f64(pair[0]) < of_f64(pair[1]));
            assert_eq!(of_f64(pair[0]).value(), pair[0]);
        }
        assert_eq!(of_f64(-0.0), of_f64(0.0));
        assert_eq!(of_f32(-0.0), of_f32(0.0));
        assert!(of_f32(-1.5) < of_f32(-1.25) && of_f32(f32::MAX) < of_f32(f32::INFINITY));
        assert_eq!(of_f32(-1.5).value(), -1.5);
    }

    #[test]
    fn radix_equals_comparison_sort() {
        let stream = Stream::new(1, "keys");
        for n in [0, 1, 5, 1023, 1024, 5000] {
            let wide: Vec<u64> = (0..n).map(|i| stream.bits(i)).collect();
            let narrow: Vec<u32> = (0..n).map(|i| (stream.bits(i) >> 50) as u32).collect();
            let (mut a, mut b) = (wide.clone(), narrow.clone());
            a.sort_unstable();
            b.sort_unstable();
            assert_eq!(sort(wide), a);
            assert_eq!(sort(narrow), b);
        }
    }
}

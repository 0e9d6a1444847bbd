//! Columns that say the same again and again, as the distinct values and a small number for each row.
//!
//! Counts, flags, names of assets and addresses in pairs take a fraction of their plain bytes so, which is what makes
//! them quick to compress. Values stand in the order in which they first come, so same column, same bytes.

use arrow2::array::{Array, DictionaryArray, PrimitiveArray, Utf8Array};

/// A column of doubles as a dictionary; `None` where that would save little.
pub(super) fn of_floats(values: &[f64]) -> Option<Box<dyn Array>> {
    let bits = values.iter().map(|x| (!x.is_nan()).then_some(x.to_bits()));
    let (keys, distinct) = coded(values.len(), bits, |&bits| bits)?;
    array(&keys, PrimitiveArray::from_vec(distinct.into_iter().map(f64::from_bits).collect()).boxed())
}

/// The same of a column of text.
pub(super) fn of_texts<'t>(
    rows: usize,
    texts: impl Iterator<Item = Option<&'t str>>,
) -> Option<Box<dyn Array>> {
    let (keys, distinct) = coded(rows, texts, |text| fnv(text))?;
    array(&keys, Utf8Array::<i32>::from_slice(distinct).boxed())
}

fn array(keys: &[Option<u32>], values: Box<dyn Array>) -> Option<Box<dyn Array>> {
    let keys = PrimitiveArray::<u32>::from(keys);
    DictionaryArray::try_from_keys(keys, values).ok().map(DictionaryArray::boxed)
}

/// A number for each item, and the distinct items in the order of their numbers; `None` when there are too many.
fn coded<T: PartialEq + Copy>(
    rows: usize,
    items: impl Iterator<Item = Option<T>>,
    hash: impl Fn(&T) -> u64,
) -> Option<(Vec<Option<u32>>, Vec<T>)> {
    let mut distinct: Vec<T> = Vec::new();
    // at most half full, so that chains of taken slots stay short
    let mut slots = vec![0_u32; FIRST_SLOTS];
    let mut keys = Vec::with_capacity(rows);
    for (row, item) in items.enumerate() {
        let Some(item) = item else {
            keys.push(None);
            continue;
        };
        let slot = slot_of(&slots, &distinct, &item, &hash);
        if slots[slot] == 0 {
            // what differs in every second row so far is taken to go on like that
            if distinct.len() == MOST || distinct.len() > ENOUGH + row / 2 {
                return None;
            }
            distinct.push(item);
            slots[slot] = distinct.len() as u32;
        }
        keys.push(Some(slots[slot] - 1));
        if distinct.len() * 2 > slots.len() {
            slots = larger(&slots, &distinct, &hash);
        }
    }
    (distinct.len() <= rows / 4).then_some((keys, distinct))
}

/// Where an item is, or would be.
fn slot_of<T: PartialEq>(slots: &[u32], distinct: &[T], item: &T, hash: impl Fn(&T) -> u64) -> usize {
    let mask = slots.len() - 1;
    // the upper bits of the product depend on every bit of the hash
    let mut slot = (hash(item).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        >> (u64::BITS - slots.len().trailing_zeros())) as usize;
    while slots[slot] != 0 && distinct[slots[slot] as usize - 1] != *item {
        slot = (slot + 1) & mask;
    }
    slot
}

fn larger<T: PartialEq>(slots: &[u32], distinct: &[T], hash: impl Fn(&T) -> u64) -> Vec<u32> {
    let mut wide = vec![0; 4 * slots.len()];
    for (number, item) in (1_u32..).zip(distinct) {
        let slot = slot_of(&wide, distinct, item, &hash);
        wide[slot] = number;
    }
    wide
}

/// Fowler, Noll and Vo's hash, eight bytes at a time.
fn fnv(text: &str) -> u64 {
    text.as_bytes().chunks(8).fold(0xCBF2_9CE4_8422_2325, |hash, part| {
        let mut bytes = [0; 8];
        bytes[..part.len()].copy_from_slice(part);
        (hash ^ u64::from_le_bytes(bytes)).wrapping_mul(0x0100_0000_01B3).rotate_left(23)
    })
}

const FIRST_SLOTS: usize = 256;
/// Most distinct values: two bytes number them.
const MOST: usize = 1 << 16;
/// Distinct values that are always looked at.
const ENOUGH: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_stand_for_the_items(items in prop::collection::vec(prop::option::of(0_u64..40), 0..400)) {
            let found = coded(items.len(), items.iter().copied(), |&x| x << 58);
            let mut first: Vec<u64> = Vec::new();
            items.iter().flatten().for_each(|item| {
                if !first.contains(item) {
                    first.push(*item);
                }
            });
            prop_assert_eq!(found.is_some(), first.len() <= items.len() / 4);
            if let Some((keys, distinct)) = found {
                prop_assert_eq!(&distinct, &first);
                let back: Vec<Option<u64>> = keys.iter().map(|key| key.map(|k| distinct[k as usize])).collect();
                prop_assert_eq!(back, items);
            }
        }
    }

    #[test]
    fn many_different_values_stay_plain() {
        let of =
            |value: fn(u32) -> u32| of_floats(&(0..100_000).map(|i| f64::from(value(i))).collect::<Vec<_>>());
        assert!(of(|i| i).is_none());
        assert!(of(|i| i % 20_000).is_none());
        assert!(of(|i| i / 50).is_some());
    }

    #[test]
    fn minus_zero_is_not_zero() {
        let array = of_floats(&[0.0, -0.0].repeat(50)).expect("few values");
        assert_eq!(array.len(), 100);
        let values = array.as_any().downcast_ref::<DictionaryArray<u32>>().expect("a dictionary").values();
        assert_eq!(values.len(), 2);
    }
}

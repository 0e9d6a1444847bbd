//! Rows of a leaf into those of its two children, both in the order they had: marks first, then both lists.
//!
//! Marking and parting are apart so that blocks of rows can be worked on at the same time: counts of marks say where
//! each block's rows belong.

use super::Level;
use super::grid::{Code, Rows};
use super::level::stamped;

/// Which codes go left.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gbdt) enum Question {
    /// Codes up to `last`, and `also`, which is the code of missing values or `last` again.
    UpTo {
        /// The last of a run.
        last: u16,
        /// One more.
        also: u16,
    },
    /// Codes whose bit is set: code `c` is bit `c % 64` of word `c / 64`; codes beyond the words go right.
    AnyOf(Box<[u64]>),
}

impl Question {
    /// Whether a code goes left.
    #[inline(always)]
    pub(in crate::gbdt) fn goes_left(&self, code: usize) -> bool {
        match self {
            Question::UpTo { last, also } => (code <= usize::from(*last)) | (code == usize::from(*also)),
            Question::AnyOf(words) => words.get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1),
        }
    }
}

/// Sets the bit of each row that goes left, 64 rows a word, and counts them.
///
/// # Shape
/// `column`: a code per row of the data; `marks`: a word for each 64 of `rows`, begun or whole.
///
/// # Panics
/// When a row is beyond the column.
pub(in crate::gbdt) fn mark<K: Code>(
    level: Level,
    column: &[K],
    rows: Rows<'_>,
    question: &Question,
    marks: &mut [u64],
) -> usize {
    assert_eq!(marks.len(), rows.len().div_ceil(64), "a word for each 64 rows");
    let mut codes = [K::default(); 64];
    let mut n_left = 0;
    for (i, mark) in marks.iter_mut().enumerate() {
        let range = 64 * i..rows.len().min(64 * (i + 1));
        let n_rows = range.len();
        match rows.slice(range) {
            Rows::Between(first, end) => codes[..n_rows].copy_from_slice(&column[first..end]),
            Rows::Listed(rows) => {
                codes.iter_mut().zip(rows).for_each(|(code, &row)| *code = column[row as usize]);
            }
        }
        // bits of a word beyond the rows say nothing
        *mark = answers(level, &codes, question) & (u64::MAX >> (64 - n_rows));
        n_left += mark.count_ones() as usize;
    }
    n_left
}

stamped! {
    /// The answers for 64 codes, a bit each.
    pub(in crate::gbdt) fn answers<K: Code>(codes: &[K; 64], question: &Question) -> u64 = answers_body
}

#[inline(always)]
fn answers_body<K: Code>(codes: &[K; 64], question: &Question) -> u64 {
    match *question {
        Question::UpTo { last, also } => {
            let (last, also) = (K::of(last), K::of(also));
            bits(codes.map(|code| u8::from((code <= last) | (code == also))))
        }
        Question::AnyOf(_) => bits(codes.map(|code| u8::from(question.goes_left(code.into())))),
    }
}

/// The lowest bits of 64 bytes, which are 0 or 1.
#[inline(always)]
fn bits(bytes: [u8; 64]) -> u64 {
    // the product moves bit 0 of byte i to bit 56 + i; other terms land below or are cut off
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let eight = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * i + byte]));
    (0..8).fold(0, |bits, i| bits | (eight(i).wrapping_mul(GATHER) >> 56) << (8 * i))
}

/// What is parted: row numbers, or the cells of rows.
pub(in crate::gbdt) trait Item: Copy + Send + Sync + 'static {
    /// Parts 64 of them with the instructions of a level, to the first places of `left` and `right`; places behind those may
    /// be written over.
    fn part(level: Level, items: &[Self; 64], mark: u64, left: &mut [Self], right: &mut [Self]);
}

/// Copies marked items to `left` and the others to `right`.
///
/// # Panics
/// When either has not exactly the places it needs.
pub(in crate::gbdt) fn part<T: Item>(
    level: Level,
    items: &[T],
    marks: &[u64],
    left: &mut [T],
    right: &mut [T],
) {
    let mut sides = Sides::new(items.len(), marks, left, right);
    for (items, &mark) in items.chunks(64).zip(marks) {
        let (left, right) = (&mut *sides.left, &mut *sides.right);
        match <&[T; 64]>::try_from(items) {
            Ok(items) => T::part(level, items, mark, left, right),
            Err(_) => part_few(items, mark, left, right),
        }
        sides.pass(items.len(), mark);
    }
}

/// [`part`] of the numbers from `first` on.
pub(in crate::gbdt) fn part_numbers(
    level: Level,
    first: u32,
    marks: &[u64],
    left: &mut [u32],
    right: &mut [u32],
) {
    let n_items = left.len() + right.len();
    let mut sides = Sides::new(n_items, marks, left, right);
    for (i, &mark) in marks.iter().enumerate() {
        let numbers: [u32; 64] = std::array::from_fn(|lane| first + (64 * i + lane) as u32);
        let n_items = (n_items - 64 * i).min(64);
        let (left, right) = (&mut *sides.left, &mut *sides.right);
        match n_items {
            64 => u32::part(level, &numbers, mark, left, right),
            _ => part_few(&numbers[..n_items], mark, left, right),
        }
        sides.pass(n_items, mark);
    }
}

/// The places still free on each side.
struct Sides<'a, T> {
    left: &'a mut [T],
    right: &'a mut [T],
}

impl<'a, T> Sides<'a, T> {
    fn new(n_items: usize, marks: &[u64], left: &'a mut [T], right: &'a mut [T]) -> Self {
        let n_left: usize = marks.iter().map(|mark| mark.count_ones() as usize).sum();
        assert!(
            n_left == left.len() && n_items == n_left + right.len(),
            "places for exactly those of each side"
        );
        assert_eq!(marks.len(), n_items.div_ceil(64), "a word for each 64");
        Sides { left, right }
    }

    /// The places of so many items are no longer free.
    fn pass(&mut self, n_items: usize, mark: u64) {
        let n_left = mark.count_ones() as usize;
        self.left = &mut std::mem::take(&mut self.left)[n_left..];
        self.right = &mut std::mem::take(&mut self.right)[n_items - n_left..];
    }
}

#[inline(always)]
fn part_few<T: Copy>(items: &[T], mark: u64, left: &mut [T], right: &mut [T]) {
    let (mut left, mut right) = (left.iter_mut(), right.iter_mut());
    for (i, &item) in items.iter().enumerate() {
        let place = if mark >> i & 1 == 1 { left.next() } else { right.next() };
        *place.expect("a place for each marked item and each other") = item;
    }
}

/// Makes an [`Item`] of a type that a vector instruction compresses.
macro_rules! item {
    ($type:ty, $name:ident) => {
        impl Item for $type {
            #[inline]
            fn part(level: Level, items: &[Self; 64], mark: u64, left: &mut [Self], right: &mut [Self]) {
                match level {
                    #[cfg(has_avx512)]
                    Level::Avx512(seen) => avx512::$name(seen, items, mark, left, right),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2(seen) if avx2::has_room(mark, left, right) => {
                        avx2::$name(seen, items, mark, left, right);
                    }
                    _ => part_few(items, mark, left, right),
                }
            }
        }
    };
}
item!(u32, part_u32);
item!(u64, part_u64);

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(has_avx512)]
mod avx512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Both sides, as every level gives them.
    fn parted<T: Item + Default + PartialEq + std::fmt::Debug>(items: &[T], marks: &[u64]) -> [Vec<T>; 2] {
        let marked = |i: &usize| marks[i / 64] >> (i % 64) & 1 == 1;
        let side = |left: bool| (0..items.len()).filter(|i| marked(i) == left).map(|i| items[i]).collect();
        let expected: [Vec<T>; 2] = [side(true), side(false)];
        for level in Level::available() {
            let [mut left, mut right] = expected.each_ref().map(|side| vec![T::default(); side.len()]);
            part(level, items, marks, &mut left, &mut right);
            assert_eq!([&left, &right], expected.each_ref(), "{level}");
        }
        expected
    }

    proptest! {
        #[test]
        fn every_level_parts_as_one_by_one(
            words in prop::collection::vec(prop_oneof![any::<u64>(), Just(0), Just(u64::MAX)], 0..20),
            last in 1usize..=64,
            first in 0u32..1000,
        ) {
            let n = (64 * words.len()).saturating_sub(64 - last);
            let mut marks = words;
            if let Some(mark) = marks.last_mut() {
                *mark &= u64::MAX >> (64 - last);
            }
            let numbers: Vec<u32> = (0..n as u32).map(|i| first + i).collect();
            let [left, right] = parted(&numbers, &marks);
            parted(&numbers.iter().map(|&n| u64::from(n) << 32 | u64::from(n)).collect::<Vec<u64>>(), &marks);
            for level in Level::available() {
                let [mut to_left, mut to_right] = [vec![0; left.len()], vec![0; right.len()]];
                part_numbers(level, first, &marks, &mut to_left, &mut to_right);
                prop_assert_eq!((&to_left, &to_right), (&left, &right), "{}", level);
            }
        }
    }
}

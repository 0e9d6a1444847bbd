//! Parallel loops whose result cannot depend on the number of threads: work is cut into blocks of a
//! fixed length, each block is computed alone, and results are taken in block order.
//!
//! This is the only importer of rayon, so no other file can reduce in an order of the scheduler's choice.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rayon::Yield;
use rayon::prelude::*;

/// Results of a block-wise map, in block order.
pub struct Blocks<T>(Vec<T>);

impl<T> Blocks<T> {
    /// The blocks themselves, first to last.
    pub fn in_order(self) -> Vec<T> {
        self.0
    }

    /// Folds the blocks from first to last.
    ///
    /// # Determinism
    /// The order is that of the blocks, whichever thread computed them.
    pub fn fold<A>(self, init: A, step: impl FnMut(A, T) -> A) -> A {
        self.0.into_iter().fold(init, step)
    }
}

impl<T> Blocks<Vec<T>> {
    /// All elements, in block order.
    pub fn concat(self) -> Vec<T> {
        let mut all = Vec::with_capacity(self.0.iter().map(Vec::len).sum());
        self.0.into_iter().for_each(|part| all.extend(part));
        all
    }
}

/// Applies `f` to consecutive ranges of `block` indices covering `0..n` (the last may be shorter).
pub fn map_blocks<T: Send>(n: usize, block: usize, f: impl Fn(Range<usize>) -> T + Sync) -> Blocks<T> {
    let block = block.max(1);
    let count = n.div_ceil(block);
    let range = |i: usize| i * block..((i + 1) * block).min(n);
    if count <= 1 {
        return Blocks((0..count).map(|i| f(range(i))).collect());
    }
    Blocks((0..count).into_par_iter().map(|i| f(range(i))).collect())
}

/// [`map_blocks`], whose results are handed to `take` in block order. Only those of [`BLOCKS_AT_A_TIME`] blocks are in memory together.
pub fn each_block<T: Send>(
    n: usize,
    block: usize,
    f: impl Fn(Range<usize>) -> T + Sync,
    mut take: impl FnMut(T),
) {
    let at_a_time = block.max(1) * BLOCKS_AT_A_TIME;
    for first in (0..n).step_by(at_a_time) {
        let own = |some: Range<usize>| f(first + some.start..first + some.end);
        map_blocks(at_a_time.min(n - first), block, own).0.into_iter().for_each(&mut take);
    }
}

/// Few enough to be small beside what is made of all, and enough to keep threads busy.
const BLOCKS_AT_A_TIME: usize = 128;

/// Applies `f` to every index of `0..n`; results stand in index order.
pub fn map<T: Send>(n: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    (0..n).into_par_iter().map(f).collect()
}

/// Calls `f(index of the chunk, chunk)` for consecutive chunks of `chunk` elements.
pub fn for_each_chunk<T: Send>(data: &mut [T], chunk: usize, f: impl Fn(usize, &mut [T]) + Sync + Send) {
    let chunk = chunk.max(1);
    if data.len() <= chunk {
        if !data.is_empty() {
            f(0, data);
        }
        return;
    }
    data.par_chunks_mut(chunk).enumerate().for_each(|(i, part)| f(i, part));
}

/// Whether work is worth waking another thread for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Let threads share it.
    Sharing,
    /// It is done before they are awake.
    Nothing,
}

/// [`for_each`], on this thread alone where sharing is worth nothing.
pub fn for_each_worth<T: Send>(worth: Worth, items: &mut [T], f: impl Fn(usize, &mut T) + Sync + Send) {
    match worth {
        Worth::Sharing => for_each(items, f),
        Worth::Nothing => items.iter_mut().enumerate().for_each(|(i, item)| f(i, item)),
    }
}

/// Calls `f(index, item)` for every item, each item owned by one call.
pub fn for_each<T: Send>(items: &mut [T], f: impl Fn(usize, &mut T) + Sync + Send) {
    for_each_run(items, 1, f);
}

/// [`for_each`] for items that take about as long as each other: every thread gets one run of them, so that what items in like
/// positions have in common stays in its cache from one call to the next.
pub fn for_each_evenly<T: Send>(items: &mut [T], f: impl Fn(usize, &mut T) + Sync + Send) {
    let share = items.len().div_ceil(width());
    for_each_run(items, share, f);
}

/// The same in runs of at least so many items.
fn for_each_run<T: Send>(items: &mut [T], least: usize, f: impl Fn(usize, &mut T) + Sync + Send) {
    if let [item] = items {
        f(0, item);
        return;
    }
    items.par_iter_mut().with_min_len(least).enumerate().for_each(|(i, item)| f(i, item));
}

/// Runs two closures, possibly at the same time.
pub fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    rayon::join(a, b)
}

/// Frees a value while this thread goes on, where another has time: millions of texts take longer to free than to write.
pub fn let_go<T: Send + 'static>(value: T) {
    if width() > 1 {
        rayon::spawn(move || drop(value));
    }
}

/// Sorts by a total order, so that the result does not depend on how the work was split.
///
/// # Panics
/// Never; ties under `compare` must be between indistinguishable elements or the order would not be total.
pub fn sort_by<T: Send>(data: &mut [T], compare: impl Fn(&T, &T) -> std::cmp::Ordering + Sync) {
    data.par_sort_by(compare);
}

/// How many threads the current pool has. For choosing a strategy only: every strategy must give the same bits.
pub fn width() -> usize {
    rayon::current_num_threads()
}

/// A set of worker threads that parallel loops inside [`Pool::run`] use.
pub struct Pool(rayon::ThreadPool);

/// The operating system refused to start worker threads.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} worker threads: {reason}")]
pub struct PoolError {
    threads: usize,
    reason: String,
}

impl Pool {
    /// Starts `threads` workers (at least one).
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(threads: usize) -> Result<Self, PoolError> {
        let threads = threads.max(1);
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map(Pool)
            .map_err(|e| PoolError { threads, reason: e.to_string() })
    }

    /// Runs `f` on the pool; loops of this module inside it use the pool's threads.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        self.0.install(f)
    }

    /// Starts `f` on the pool without waiting for it.
    ///
    /// `f` must not panic: nobody would hear of it, and the process ends.
    pub fn spawn(&self, f: impl FnOnce() + Send + 'static) {
        self.0.spawn(f);
    }
}

/// Runs `f` on `threads` workers of its own, as [`Pool::run`] does; until it ends, those without work keep looking for some
/// instead of falling asleep, which they do at intervals only after some milliseconds without any.
///
/// For many short loops after one another, as training is: waking a thread takes as long as what it then does. For no more
/// threads than the machine has cores, or they are in each other's way.
///
/// # Errors
/// When threads cannot be started.
pub fn run_awake<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> Result<T, PoolError> {
    let others = threads.max(1) - 1;
    let (n_awake, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let keep_looking = || {
        n_awake.fetch_add(1, Ordering::Relaxed);
        look_for_work(&done);
    };
    // nobody else has this pool, so nothing can wait for what a worker had begun before it started to look
    Ok(Pool::new(threads)?.run(|| {
        rayon::scope(|scope| {
            (0..others).for_each(|_| scope.spawn(|_| keep_looking()));
            while n_awake.load(Ordering::Relaxed) < others {
                std::thread::yield_now();
            }
            let _ended = SetAtEnd(&done);
            f()
        })
    }))
}

fn look_for_work(done: &AtomicBool) {
    let mut in_vain = 0;
    while !done.load(Ordering::Relaxed) {
        match rayon::yield_now() {
            Some(Yield::Executed) => in_vain = 0,
            _ if in_vain < PATIENCE => {
                in_vain += 1;
                std::thread::yield_now();
            }
            _ => std::thread::sleep(NAP),
        }
    }
}

/// Sets a flag when it goes, by a panic too.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often to look for work without a break.
const PATIENCE: u32 = 10_000;
/// How long a worker sleeps who has looked for work that often.
const NAP: Duration = Duration::from_micros(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_in_order_round_after_round() {
        for (n, block) in [(0, 1), (1, 1), (128, 1), (129, 1), (391, 1), (391, 3), (1000, 0), (1025, 7)] {
            let mut taken = Vec::new();
            each_block(n, block, |indices| indices.collect::<Vec<_>>(), |some| taken.extend(some));
            assert_eq!(taken, (0..n).collect::<Vec<_>>(), "{n} in blocks of {block}");
        }
    }

    #[test]
    fn workers_kept_awake_do_the_same() {
        let squares = |n: u64| map(n as usize, |i| (i * i) as u64);
        for threads in [1, 2, 5] {
            let found = run_awake(threads, || (0..200).map(squares).collect::<Vec<_>>());
            assert_eq!(found.expect("threads start"), (0..200).map(squares).collect::<Vec<_>>());
        }
        // long enough for them to have fallen asleep
        let late = run_awake(3, || {
            std::thread::sleep(Duration::from_millis(50));
            squares(1000)
        });
        assert_eq!(late.expect("threads start"), squares(1000));
    }

    #[test]
    fn a_panic_ends_those_who_look_for_work() {
        let caught = std::panic::catch_unwind(|| run_awake(2, || panic!("on purpose")));
        assert!(caught.is_err());
    }

    #[test]
    fn block_folds_do_not_depend_on_the_pool() {
        let value = |i: usize| 1.0 / (i as f64 + 0.1);
        let total = |threads| {
            Pool::new(threads)
                .expect("threads start")
                .run(|| map_blocks(10_007, 64, |r| r.map(value).sum::<f64>()).fold(0.0, |a, b| a + b))
        };
        let one: f64 = total(1);
        for threads in [2, 3, 8] {
            assert_eq!(one.to_bits(), total(threads).to_bits());
        }
    }

    #[test]
    fn blocks_cover_every_index_once() {
        for n in [0, 1, 63, 64, 65, 1000] {
            let seen = map_blocks(n, 64, |r| r.collect::<Vec<_>>()).concat();
            assert_eq!(seen, (0..n).collect::<Vec<_>>());
        }
    }
}

//! A row that is scored or explained allocates nothing once its memory has grown: counted, not believed.

#![allow(
    unsafe_code,
    reason = "an allocator that counts is an unsafe trait; it hands everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use aml_miner::gbdt::infer::{Explainer, Predictor, Scratch};
use aml_miner::gbdt::kernel::Level;

#[path = "../benches/support/forest.rs"]
#[allow(dead_code, reason = "a batch is not looked at here")]
mod forest;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: every call is the system allocator's; the counters are plain numbers of this thread and allocate nothing themselves
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        HELD.set(HELD.get() + layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as i64);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        HELD.set(HELD.get() + size as i64 - layout.size() as i64);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Bytes of the heap that a value holds.
fn held<T>(make: impl FnOnce() -> T) -> i64 {
    let before = HELD.get();
    let made = make();
    let held = HELD.get() - before;
    drop(made);
    held
}

/// Small trees, large trees, deep ones, wide tables.
#[test]
fn what_is_compiled_holds_no_more_than_three_times_the_model() {
    for (trees, leaves, features) in [(100, 31, 28), (100, 255, 28), (500, 31, 150), (20, 1000, 10)] {
        let model = forest::model(trees, leaves, features);
        let whole = held(|| model.clone());
        for level in Level::available() {
            let (predictor, explainer) =
                (held(|| Predictor::at(level, &model)), held(|| Explainer::at(level, &model)));
            let times = |held: i64| held as f64 / whole as f64;
            println!(
                "{trees} x {leaves}, {level}: model {whole} bytes, predictor {:.2}, explainer {:.2} times",
                times(predictor),
                times(explainer)
            );
            assert!(
                times(predictor).max(times(explainer)) <= 3.0,
                "{level}, {trees} trees, {leaves} leaves, {features} features"
            );
        }
    }
}

/// Trees for every kernel, on rows that fit the stack and rows that do not.
#[test]
fn single_rows_allocate_nothing_after_the_first() {
    assert!(allocations(|| drop(std::hint::black_box(vec![0u8; 9]))) > 0, "the counter counts");
    for (leaves, features) in [(31, 28), (64, 150), (300, 28), (31, 700)] {
        let model = forest::model(40, leaves, features);
        let rows = forest::rows(20, features);
        for level in Level::available() {
            let (predictor, explainer) = (Predictor::at(level, &model), Explainer::at(level, &model));
            let (mut scratch, mut out) = (Scratch::default(), vec![0.0; features]);
            let mut both = |row: &[f64]| {
                std::hint::black_box(predictor.score_row(row));
                explainer.contributions_into(row, &mut scratch, &mut out);
            };
            both(&rows[0]);
            let counted = allocations(|| rows.iter().for_each(|row| both(row)));
            assert_eq!(counted, 0, "{level}, {leaves} leaves, {features} features");
        }
    }
}

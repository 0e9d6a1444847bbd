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
}

// SAFETY: every call is the system allocator's; the counter is a plain number of this thread and allocates nothing itself
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
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

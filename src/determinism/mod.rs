//! What makes every result the same bits everywhere: parallel loops with fixed blocks, sums that no
//! order can change, portable transcendental functions, counter-based random numbers, interned
//! strings and content digests. Nothing here knows of trees, tables or alerts.

pub mod digest;
pub mod fixed;
pub mod intern;
pub mod math;
pub mod par;
pub mod rng;

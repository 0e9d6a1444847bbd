//! How the people behind a scheme go about it. Launderers and the innocent run the same topologies with the same
//! sums; they differ in manner only, and both kinds of people vary so much that their manners overlap.

use crate::determinism::math;

use super::draw::Draw;

/// Why a scheme runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Intent {
    /// To hide where money came from.
    Laundering,
    /// Business that merely looks like it.
    Innocent,
}

/// The habits of one scheme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Median hours between receiving and passing on.
    pub(super) hold_hours: f64,
    /// Mean share that a station keeps.
    pub(super) retained: f64,
    /// Share of amounts rounded by a person.
    pub(super) rounded: f64,
    /// Share of payments made in office hours.
    pub(super) office: f64,
    /// How often the whole is repeated.
    pub(super) runs: u64,
    /// Median days between repetitions.
    pub(super) gap_days: f64,
    /// Share of stations opened for the purpose.
    pub(super) fresh: f64,
    /// Chance that a repetition uses the same station again.
    pub(super) reuse: f64,
    /// Deviation of the logarithm of parallel amounts.
    pub(super) spread: f64,
    /// Hours within which parallel payments fall.
    pub(super) window_hours: f64,
    /// Share of parallel amounts that hug a reporting limit, where there is one.
    pub(super) hugging: f64,
    /// Chance that a payer of many was given the money shortly before.
    pub(super) prefunded: f64,
    /// Ordinary payments of a station beside the scheme.
    pub(super) life: f64,
    /// Days by which that ordinary life begins before the scheme.
    pub(super) age_days: f64,
    /// Chance that the proceeds go on to an exchange.
    pub(super) cash_out: f64,
}

impl Manner {
    /// The habits of a new scheme.
    pub(super) fn of(draw: &mut Draw, intent: Intent) -> Self {
        let lean = lean(draw, intent);
        let mut between = |launderer: f64, innocent: f64| {
            let trait_lean = (lean + draw.normal(0.0, TRAIT_NOISE)).clamp(0.0, 1.0);
            launderer + (innocent - launderer) * trait_lean
        };
        Manner {
            hold_hours: math::exp(between(0.2, 4.2)),
            retained: between(0.01, 0.22),
            rounded: between(0.5, 0.08),
            office: between(0.15, 0.95),
            runs: between(1.0, 5.0).round() as u64,
            gap_days: between(2.0, 7.0),
            fresh: between(0.95, 0.3),
            reuse: between(0.3, 0.97),
            spread: between(0.2, 0.75),
            window_hours: math::exp(between(1.5, 4.6)),
            hugging: between(0.9, 0.3),
            prefunded: between(0.75, 0.1),
            life: between(0.4, 5.0),
            age_days: between(2.0, 26.0),
            cash_out: between(0.8, 0.35),
        }
    }
}

/// Where between the typical launderer (0) and the typical honest business (1) a scheme stands. Some launderers are
/// careful and some businesses are odd.
fn lean(draw: &mut Draw, intent: Intent) -> f64 {
    let unusual = draw.chance(UNUSUAL);
    let (mean, deviation) = match (intent, unusual) {
        (Intent::Laundering, false) => (0.17, 0.11),
        (Intent::Laundering, true) => (0.5, 0.15),
        (Intent::Innocent, false) => (0.83, 0.11),
        (Intent::Innocent, true) => (0.5, 0.15),
    };
    draw.normal(mean, deviation).clamp(0.0, 1.0)
}

/// Share of careful launderers among launderers, and of odd businesses among businesses.
const UNUSUAL: f64 = 0.12;
/// Deviation of each habit from the scheme's general lean.
const TRAIT_NOISE: f64 = 0.14;

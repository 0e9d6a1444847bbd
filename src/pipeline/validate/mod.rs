//! The validator's twin: what a submission of scores would be rewarded with.
//!
//! In: the batch, the scores, and what is known of the days around it ([`Facts`], [`Company`]). Out: every tier with the part
//! that each alert has in it ([`Reward`]), under two readings of the rules ([`Reading`]).
//!
//! | tier | as specified | as coded in the reference |
//! |---|---|---|
//! | 1 integrity | all alerts of the batch, no others twice or outside [0, 1], NaN caught, version and URL given; a gate | counts distinct ids whichever they are; NaN passes |
//! | 2 entropy | of the histogram of ten bins, over ln 10 | the same, with 1e-10 added to each bin |
//! | 2 agreement | Spearman with the median of all submitters; constant scores agree by half | constant scores are NaN, and so is the reward |
//! | 2 steadiness | same address and typology on the latest earlier day | same alert id, which changes daily: 0.7 for ever |
//! | 2 addresses | penalty by standard deviation within an address | the same |
//! | 3A labels | one label an address, coverage at most 1, undefined on one class | an alert counts once a label row, coverage may exceed 1, one class raises an error |
//! | 3B evolution | AUC and Brier over expanding and benign alone | all others are labelled by the submitted score itself (>= 0.5) |
//! | final | 0.1 tier 2 + 0.1 coverage 3A + 0.8 coverage 3B: the configured weights | 0.1 tier 2 + 0.45 coverage 3A + 0.45 coverage 3B |
//!
//! Every tier is a sum over alerts, so the parts are exact: they add up to the final reward, to rounding. A part is a share of
//! what was awarded, not what the reward would lose without the alert. Sums run in the order of the alerts table.
//!
//! Sources: `docs/submitting.md`; the rules are those of the public validator chainswarm/risk-assesment.

pub mod api;
pub mod backtest;
mod behaviour;
mod evolution;
mod facts;
mod gate;
mod parts;
mod report;
mod reward;
mod submission;
mod truth;

pub use behaviour::Behaviour;
pub use evolution::Evolution;
pub use facts::{AlertFacts, Company, Facts, FactsError, Previous};
pub use gate::Integrity;
pub use report::{Baseline, Report, markdown};
pub use reward::{AlertReward, Reward, Status, judge, reward};
pub use submission::{Submission, SubmissionError, SubmittedRow};
pub use truth::Truth;

/// Tier 1 alone: the gate before submitting.
pub fn integrity(facts: &Facts, submission: &Submission, reading: Reading) -> Integrity {
    Integrity::check(facts, submission, reading)
}

/// How the rules are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// As documents and configuration say.
    Specified,
    /// As the reference computes, its slips included.
    Coded,
}

impl Reading {
    /// Both, in the order of reports.
    pub const ALL: [Reading; 2] = [Reading::Specified, Reading::Coded];

    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Reading::Specified => "as_specified",
            Reading::Coded => "as_coded",
        }
    }
}

//! What scores would have been rewarded with in the past: every batch on disk whose successor, thirty days later, is there too.
//!
//! And what to expect of scores that nobody can judge yet: the classes of addresses are drawn from the shares seen in the past, as if
//! the scores knew nothing of them. The draws come from a seeded stream, one an address and round.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::Reading;
use super::facts::{AlertFacts, Facts};
use super::reward::reward;
use crate::aml::evolution::{Class, successor};
use crate::aml::sot::BatchId;
use crate::determinism::par;
use crate::determinism::rng::Stream;

/// Two batches, thirty days apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// T.
    pub base: PathBuf,
    /// T + 30.
    pub later: PathBuf,
}

/// All pairs among batches, in the order of network, date and window.
pub fn pairs(batches: &BTreeMap<BatchId, PathBuf>) -> Vec<Pair> {
    let pair = |(id, base): (&BatchId, &PathBuf)| {
        let later = batches.get(&successor(id))?;
        Some(Pair { base: base.clone(), later: later.clone() })
    };
    batches.iter().filter_map(pair).collect()
}

/// One past batch and what scores of it were worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastBatch {
    /// Its name.
    pub batch: String,
    /// Alerts, and those whose address is in both snapshots.
    pub alerts: usize,
    /// Likewise.
    pub grown: usize,
    /// Shares of expanding, benign, dormant, ambiguous among the latter.
    pub shares: [f64; 4],
    /// Rewards under each reading.
    pub rewards: BTreeMap<&'static str, PastRewards>,
}

/// Rewards of one past batch under one reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastRewards {
    /// Of the scores judged.
    pub scores: f64,
    /// Of [`nearly_constant`] 0.30: the strongest answer that knows nothing.
    pub flat: f64,
    /// Of scores that know label and evolution of each address: what foresight is worth, to within a few thousandths.
    pub hindsight: f64,
}

impl PastBatch {
    /// Judges one score per alert.
    pub fn judge(batch: String, facts: &Facts, scores: &[f64]) -> PastBatch {
        let flat: Vec<f64> = (0..facts.alerts.len()).map(|i| nearly_constant(0.30, i)).collect();
        let hindsight: Vec<f64> = facts.alerts.iter().map(best_score).collect();
        let rewards = Reading::ALL.map(|reading| {
            let rewards = PastRewards {
                scores: reward(scores, facts, reading),
                flat: reward(&flat, facts, reading),
                hindsight: reward(&hindsight, facts, reading),
            };
            (reading.name(), rewards)
        });
        let grown = facts.alerts.iter().filter(|alert| alert.class.is_some()).count();
        PastBatch {
            batch,
            alerts: facts.alerts.len(),
            grown,
            shares: shares(&[facts]),
            rewards: rewards.into(),
        }
    }
}

/// The shares of the classes among alerts whose address is in both snapshots; all zero where there is none.
pub fn shares(facts: &[&Facts]) -> [f64; 4] {
    let classes: Vec<Class> =
        facts.iter().flat_map(|f| f.alerts.iter().filter_map(|alert| alert.class)).collect();
    Class::ALL
        .map(|class| classes.iter().filter(|&&c| c == class).count() as f64 / classes.len().max(1) as f64)
}

/// One score for all, but for a hair on the first: exactly constant scores are no number as coded, and 0.30 itself is in the
/// range of two classes.
pub fn nearly_constant(score: f64, alert: usize) -> f64 {
    if alert == 0 { score + 1e-9 } else { score }
}

/// What to expect of scores whose time has not come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// Shares of expanding, benign, dormant, ambiguous that were assumed.
    pub shares: [f64; 4],
    /// Where they come from.
    pub source: &'static str,
    /// Mean reward under each reading, over [`DRAWS`] draws of the future.
    pub rewards: BTreeMap<&'static str, f64>,
}

/// The mean reward if classes fell on addresses by lot; labels stay as they are known.
pub fn expect(scores: &[f64], facts: &Facts, shares: [f64; 4], source: &'static str, seed: u64) -> Expected {
    let mut addresses: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in &facts.alerts {
        let next = addresses.len() as u64;
        addresses.entry(&alert.address).or_insert(next);
    }
    let draw = |round: usize| -> [f64; 2] {
        let stream = Stream::new(seed, "expected reward").round(round as u64);
        let mut drawn = facts.clone();
        for alert in &mut drawn.alerts {
            let lot = stream.unit(addresses[alert.address.as_str()]);
            alert.class = Some(class_at(&shares, lot));
        }
        Reading::ALL.map(|reading| reward(scores, &drawn, reading))
    };
    let draws = par::map(DRAWS, draw);
    let mean = |which: usize| draws.iter().map(|draw| draw[which]).sum::<f64>() / DRAWS as f64;
    let rewards = Reading::ALL.iter().enumerate().map(|(i, reading)| (reading.name(), mean(i)));
    Expected { shares, source, rewards: rewards.collect() }
}

fn class_at(shares: &[f64; 4], lot: f64) -> Class {
    let mut end = 0.0;
    for (class, share) in Class::ALL.into_iter().zip(shares) {
        end += share;
        if lot < end {
            return class;
        }
    }
    Class::Benign
}

/// In the range of what became of the address, at the end that its label asks for; by the label alone where nothing is known.
fn best_score(alert: &AlertFacts) -> f64 {
    let (low, high) = alert.class.map_or((0.0, 1.0), Class::range);
    if alert.label == Some(true) { high } else { low }
}

/// The classes assumed where no past pair is at hand: expanding 2 %, benign 85 %, ambiguous 13 %.
pub const ASSUMED_SHARES: [f64; 4] = [0.02, 0.85, 0.0, 0.13];
/// Futures drawn.
pub const DRAWS: usize = 64;

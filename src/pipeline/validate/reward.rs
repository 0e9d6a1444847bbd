//! All tiers of one submission, the final reward, and each alert's part in it.

use serde::Serialize;

use super::Reading;
use super::behaviour::{self, Behaviour};
use super::evolution::{self, Evolution};
use super::facts::{AlertFacts, Company, Facts};
use super::gate::Integrity;
use super::submission::{Submission, SubmittedRow};
use super::truth::{self, Truth};
use crate::aml::evolution::{Class, HORIZON_DAYS};

/// What a submission is worth under one reading of the rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reward {
    /// [`Reading::name`].
    pub reading: &'static str,
    /// How it ended.
    pub status: Status,
    /// Why the reference would get no number, where it would not.
    pub error: Option<&'static str>,
    /// The reward; null where the reference would raise an error or get no number.
    pub r#final: Option<f64>,
    /// Days from the batch to the judgement.
    pub day: u32,
    /// Tier 1.
    pub tier1: Integrity,
    /// Tier 2; null where scores are no numbers.
    pub tier2: Option<Behaviour>,
    /// Tier 3A; null where no label is known.
    pub tier3a: Option<Truth>,
    /// Tier 3B; null before the thirtieth day, or where no address is in both snapshots.
    pub tier3b: Option<Evolution>,
    /// Each alert's part, in the order of the batch.
    pub alerts: Vec<AlertReward>,
}

/// One alert's part in the reward.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertReward {
    /// The alert.
    pub alert_id: String,
    /// What was submitted.
    pub score: f64,
    /// The risk of the address's strongest label.
    pub label: Option<bool>,
    /// What became of the address.
    pub class: Option<&'static str>,
    /// Whether the score is in the range of that class.
    pub in_range: Option<bool>,
    /// Weighted parts; they add up to the final reward over all alerts.
    pub tier2: f64,
    /// Likewise.
    pub tier3a: f64,
    /// Likewise.
    pub tier3b: f64,
    /// The sum of the three, or an even share of a flat reward.
    pub total: f64,
}

/// How a judgement ended, in the reference's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Tier 1 is not perfect: nothing.
    Tier1Failed,
    /// Before day 29: a flat reward.
    FlatPeriod,
    /// Both accuracy tiers.
    Complete,
    /// Labels alone.
    #[serde(rename = "tier3a_only")]
    Tier3aOnly,
    /// Evolution alone.
    #[serde(rename = "tier3b_only")]
    Tier3bOnly,
    /// Neither, and evolution is not due yet.
    AwaitingEvolutionData,
    /// Neither.
    NoTier3,
    /// The reference raises an error, or computes NaN.
    Error,
}

/// Judges a submission `day` days after its batch.
pub fn judge(
    facts: &Facts,
    submission: &Submission,
    company: &Company,
    day: u32,
    reading: Reading,
) -> Reward {
    let tier1 = Integrity::check(facts, submission, reading);
    let scores = facts.scores(submission);
    let (rows, scores): (Vec<&AlertFacts>, Vec<f64>) =
        facts.alerts.iter().zip(&scores).filter_map(|(row, score)| Some((row, (*score)?))).unzip();
    let mut reward = Reward {
        reading: reading.name(),
        status: Status::Tier1Failed,
        error: None,
        r#final: Some(0.0),
        day,
        tier1,
        tier2: None,
        tier3a: None,
        tier3b: None,
        alerts: rows.iter().zip(&scores).map(|(row, &score)| AlertReward::none_yet(row, score)).collect(),
    };
    if rows.is_empty() {
        return reward;
    }
    if scores.iter().any(|score| !score.is_finite()) {
        if reward.tier1.passed {
            (reward.status, reward.r#final) = (Status::Error, None);
            reward.error = Some("a score is no number");
        }
        return reward;
    }
    add_tiers(&mut reward, &rows, &scores, company, reading);
    reward
}

/// The reward of scores alone, in the order of `facts`: on the thirtieth day, with no history and no other submitter, metadata
/// taken as given. 0 where the reference would get no number. An objective for who tunes models.
///
/// # Shape
/// One score per alert.
pub fn reward(scores: &[f64], facts: &Facts, reading: Reading) -> f64 {
    let row = |(alert, &score): (&AlertFacts, &f64)| SubmittedRow {
        alert_id: alert.alert_id.clone(),
        score,
        model_version: "-".to_owned(),
        model_github_url: "-".to_owned(),
    };
    let submission = Submission { rows: facts.alerts.iter().zip(scores).map(row).collect() };
    judge(facts, &submission, &Company::default(), HORIZON_DAYS, reading).r#final.unwrap_or(0.0)
}

fn add_tiers(reward: &mut Reward, rows: &[&AlertFacts], scores: &[f64], company: &Company, reading: Reading) {
    let (tier2, parts2) = behaviour::judge(rows, scores, company, reading);
    let weights = Weights::of(reading);
    let mut total = weights.tier2 * tier2.score;
    let mut raised = false;
    let mut parts3a = vec![0.0; rows.len()];
    let mut parts3b = vec![0.0; rows.len()];
    if reward.day >= FLAT_DAYS {
        match truth::judge(rows, scores, reading) {
            truth::Judged::Score(tier, parts) => {
                let weight = weights.tier3a * tier.coverage;
                total += weight * tier.auc;
                parts.add_to(&mut parts3a, weight);
                reward.tier3a = Some(tier);
            }
            truth::Judged::Nothing => {}
            truth::Judged::Raises => raised = true,
        }
    }
    if reward.day >= HORIZON_DAYS {
        if let Some((tier, parts)) = evolution::judge(rows, scores, reading) {
            let weight = weights.tier3b * tier.coverage;
            total += weight * tier.score;
            parts.add_to(&mut parts3b, weight);
            reward.tier3b = Some(tier);
        }
    }
    reward.tier2 = Some(tier2);
    settle(reward, total, raised);
    if reward.status == Status::Error {
        let constant = "all scores are the same, so their correlation is no number";
        reward.error =
            Some(if raised { "all labels are of one class, so the AUC raises an error" } else { constant });
    }
    let share = 1.0 / rows.len() as f64;
    for (i, alert) in reward.alerts.iter_mut().enumerate() {
        match reward.status {
            Status::Tier1Failed | Status::Error => {}
            Status::FlatPeriod => alert.total = FLAT_REWARD * share,
            _ => {
                alert.tier2 = weights.tier2 * parts2.of[i];
                alert.tier3a = parts3a[i];
                alert.tier3b = parts3b[i];
                alert.total = alert.tier2 + alert.tier3a + alert.tier3b;
            }
        }
    }
}

fn settle(reward: &mut Reward, total: f64, raised: bool) {
    (reward.status, reward.r#final) = if !reward.tier1.passed {
        (Status::Tier1Failed, Some(0.0))
    } else if reward.day < FLAT_DAYS {
        (Status::FlatPeriod, Some(FLAT_REWARD))
    } else if raised || total.is_nan() {
        (Status::Error, None)
    } else {
        let status = match (&reward.tier3a, &reward.tier3b) {
            (Some(_), Some(_)) => Status::Complete,
            (Some(_), None) => Status::Tier3aOnly,
            (None, Some(_)) => Status::Tier3bOnly,
            (None, None) if reward.day < HORIZON_DAYS => Status::AwaitingEvolutionData,
            (None, None) => Status::NoTier3,
        };
        (status, Some(total))
    };
}

impl AlertReward {
    fn none_yet(row: &AlertFacts, score: f64) -> AlertReward {
        AlertReward {
            alert_id: row.alert_id.clone(),
            score,
            label: row.label,
            class: row.class.map(Class::name),
            in_range: row.class.map(|class| class.expects(score)),
            tier2: 0.0,
            tier3a: 0.0,
            tier3b: 0.0,
            total: 0.0,
        }
    }
}

struct Weights {
    tier2: f64,
    tier3a: f64,
    tier3b: f64,
}

impl Weights {
    fn of(reading: Reading) -> Weights {
        match reading {
            Reading::Specified => Weights { tier2: 0.1, tier3a: 0.1, tier3b: 0.8 },
            // 0.9 for tier 3, of which "coverage weights" of one half: the inner weights are read and forgotten
            Reading::Coded => Weights { tier2: 0.1, tier3a: 0.9 * 0.5, tier3b: 0.9 * 0.5 },
        }
    }
}

const FLAT_DAYS: u32 = 29;
const FLAT_REWARD: f64 = 0.1;

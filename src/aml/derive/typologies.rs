//! When an address's numbers are suspicious: one small rule per typology.
//!
//! The rules and their constants are those of the analytics pipeline that fed the published batches, corrected where
//! they could never fire; `docs/typologies.md` lists every correction with its reason. A rule reads [`Facts`] only and
//! says nothing where a fact is unknown (NaN compares false).

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What rules know of one address; NaN or `None` where the batch cannot tell.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Length of the batch's window.
    pub window_days: f64,
    /// `degree_total`.
    pub degree: f64,
    /// `total_volume_usd`.
    pub volume: f64,
    /// `tx_total_count`.
    pub transfers: f64,
    /// `burst_factor` brought from 1..24 to 0..1: 0 spread evenly over the hours of day, 1 all in one hour.
    pub burst: f64,
    /// `velocity_score`.
    pub velocity: f64,
    /// `structuring_score`.
    pub structuring: f64,
    /// Share of the volume with counterparties that both paid and were paid.
    pub two_way: f64,
    /// Payments to labelled exchanges.
    pub exchange: Option<ExchangePayments>,
    /// The day with most transfers just under the reporting threshold.
    pub near_threshold: Option<NearThreshold>,
}

/// Payments of an address to labelled exchanges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExchangePayments {
    /// US dollars.
    pub usd: f64,
    /// Whether the address was silent in the window's first week and paid within a week of its first transfer.
    pub fresh: bool,
}

/// One day and direction of transfers between 80 % and 100 % of the reporting threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearThreshold {
    /// Transfers just under.
    pub count: usize,
    /// All transfers that day in that direction.
    pub of: usize,
    /// US dollars of those just under.
    pub usd: f64,
    /// The day's first millisecond.
    pub day_ms: i64,
}

/// A rule that fired.
#[derive(Clone, Debug)]
pub struct Finding {
    /// 0 to 1.
    pub confidence: f64,
    /// US dollars concerned.
    pub volume_usd: f64,
    /// What it rests on.
    pub evidence: BTreeMap<&'static str, Value>,
}

/// One typology of single addresses.
#[derive(Clone, Copy, Debug)]
pub struct Typology {
    /// Upper case.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// Short tokens.
    pub risk_indicators: &'static [&'static str],
    /// What kind of address it may be.
    pub suspected: fn(&Facts) -> &'static str,
    /// Fires or not.
    pub rule: fn(&Facts) -> Option<Finding>,
}

/// Every typology of single addresses.
pub const TYPOLOGIES: &[Typology] = &[
    Typology {
        name: "PEEL_CHAIN",
        description: "many payments spread evenly over the day, as when a sum is peeled off piece by piece",
        risk_indicators: &["many_counterparties", "even_timing", "high_volume"],
        suspected: merchant_above_half_a_million,
        rule: peel_chain,
    },
    Typology {
        name: "STRUCTURING",
        description: "mostly small payments with a low average",
        risk_indicators: &["small_transactions", "below_threshold", "frequent_activity"],
        suspected: |_| "wallet",
        rule: structuring,
    },
    Typology {
        name: "INTRADAY_STRUCTURING",
        description: "several payments just under the reporting threshold on one day",
        risk_indicators: &["below_threshold", "same_day", "repeated_amounts"],
        suspected: |_| "wallet",
        rule: intraday_structuring,
    },
    Typology {
        name: "PING_PONG",
        description: "money goes back and forth between few counterparties",
        risk_indicators: &["high_reciprocity", "few_counterparties", "round_trips"],
        suspected: |_| "wallet",
        rule: ping_pong,
    },
    Typology {
        name: "RAPID_FANOUT",
        description: "many counterparties within few hours of the day",
        risk_indicators: &["many_counterparties", "burst_activity", "rapid_distribution"],
        suspected: merchant_above_half_a_million,
        rule: rapid_fanout,
    },
    Typology {
        name: "VELOCITY_ANOMALY",
        description: "very many payments, concentrated in few hours of the day",
        risk_indicators: &["high_velocity", "burst_activity", "high_volume"],
        suspected: |_| "wallet",
        rule: velocity_anomaly,
    },
    Typology {
        name: "FRESH_TO_EXCHANGE",
        description: "a new address that pays an exchange within its first week",
        risk_indicators: &["new_address", "exchange_deposit", "rapid_cash_out"],
        suspected: |_| "wallet",
        rule: fresh_to_exchange,
    },
];

fn merchant_above_half_a_million(facts: &Facts) -> &'static str {
    if facts.volume > 500_000.0 { "merchant" } else { "wallet" }
}

fn peel_chain(f: &Facts) -> Option<Finding> {
    let fires = f.degree >= 5.0 && f.volume >= 1000.0 && f.burst < 0.3;
    let score = 0.4 * f.degree / 20.0 + 0.3 * part(f.volume, 50_000.0) + 0.3 * (1.0 - f.burst);
    found(fires, score, 0.6, f)
}

fn structuring(f: &Facts) -> Option<Finding> {
    let average = f.volume / f.transfers;
    let fires = f.structuring > 0.3 && f.transfers >= 10.0 && average < 9500.0;
    let score = 0.5 * f.structuring + 0.3 * part(f.transfers, 50.0) + 0.2 * (1.0 - part(average, 10_000.0));
    found(fires, score, 0.6, f)
}

fn intraday_structuring(f: &Facts) -> Option<Finding> {
    let near = f.near_threshold.filter(|near| near.count >= 3)?;
    let score = 0.5 + 0.3 * part(near.count as f64, 10.0) + 0.2 * (near.count as f64 / near.of as f64);
    let mut finding = found(true, score, 0.6, f)?;
    finding.volume_usd = near.usd;
    finding.evidence.insert("near_threshold_count", json!(near.count));
    finding.evidence.insert("day_transfers", json!(near.of));
    finding.evidence.insert("day_ms", json!(near.day_ms));
    Some(finding)
}

fn ping_pong(f: &Facts) -> Option<Finding> {
    let fires = f.two_way > 0.7 && f.degree < 10.0 && f.volume >= 1000.0;
    let score = 0.5 * f.two_way + 0.3 * (1.0 - f.degree / 20.0) + 0.2 * part(f.volume, 10_000.0);
    found(fires, score, 0.7, f)
}

fn rapid_fanout(f: &Facts) -> Option<Finding> {
    let fires = f.degree >= 10.0 && f.burst > 0.5 && f.volume >= 5000.0;
    let score = 0.4 * f.degree / 50.0 + 0.4 * f.burst + 0.2 * part(f.volume, 25_000.0);
    found(fires, score, 0.6, f)
}

fn velocity_anomaly(f: &Facts) -> Option<Finding> {
    let fires = f.velocity > 0.7 && f.volume >= 5000.0 && f.burst > 0.3;
    let daily = f.transfers / f.window_days.max(1.0);
    let score = 0.4 * f.velocity + 0.3 * f.burst + 0.3 * part(daily, 20.0);
    found(fires, score, 0.5, f)
}

fn fresh_to_exchange(f: &Facts) -> Option<Finding> {
    let paid = f.exchange.filter(|paid| paid.fresh && paid.usd >= 500.0)?;
    let mut finding = found(true, 0.9, 0.0, f)?;
    finding.volume_usd = paid.usd;
    finding.evidence.insert("exchange_usd", json!(paid.usd));
    Some(finding)
}

/// `value / full`, at most 1.
fn part(value: f64, full: f64) -> f64 {
    if value < full { value / full } else { 1.0 }
}

/// A finding on the whole volume, if the rule fires and its confidence exceeds `least`.
fn found(fires: bool, score: f64, least: f64, f: &Facts) -> Option<Finding> {
    let confidence = score.clamp(0.0, 1.0);
    // written so that NaN does not pass
    let convinced = fires && confidence > least;
    convinced.then(|| Finding {
        confidence,
        volume_usd: f.volume,
        evidence: BTreeMap::from([
            ("burst", json!(f.burst)),
            ("degree_total", json!(f.degree)),
            ("structuring_score", json!(f.structuring)),
            ("tx_total_count", json!(f.transfers)),
            ("two_way_share", json!(f.two_way)),
            ("velocity_score", json!(f.velocity)),
        ]),
    })
}

//! What becomes known of addresses: incomplete, sometimes wrong, and for schemes only after the fact.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::aml::sot::AddressLabel;
use crate::determinism::rng::Stream;

use super::calendar::DAY_MS;
use super::config::Simulation;
use super::draw::Draw;
use super::ledger::Owner;
use super::manner::Intent;

/// What labels are made from, beside the address itself.
#[derive(Clone, Debug)]
pub(super) struct Labeller {
    seed: u64,
    network: String,
    coverage: f64,
    noise: f64,
    /// Every scheme that an address took part in.
    pub(super) known: BTreeMap<u32, Vec<Finding>>,
}

/// What an investigation of a scheme would say of an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) intent: Intent,
    /// The scheme's first payment, milliseconds.
    pub(super) begins: i64,
    /// The scheme's last payment, milliseconds.
    pub(super) ends: i64,
    /// Within one payment of where the scheme's money came from, or of a scheme without such a place.
    pub(super) near: bool,
}

/// One opinion before it is written down.
struct Opinion {
    label: &'static str,
    address_type: &'static str,
    risk: &'static str,
    trust: &'static str,
    source: &'static str,
    confidence: f64,
    created: i64,
}

impl Labeller {
    pub(super) fn new(simulation: &Simulation) -> Self {
        Labeller {
            seed: simulation.seed,
            network: simulation.network.clone(),
            coverage: simulation.label_coverage,
            noise: simulation.label_noise,
            known: BTreeMap::new(),
        }
    }

    /// Everything that is or will be said of one address, as far as it follows from schemes that were running within
    /// the window: older cases are closed, later ones not yet opened.
    pub(super) fn labels(
        &self,
        id: u32,
        address: &str,
        owner: Owner,
        window: &Range<i64>,
    ) -> Vec<AddressLabel> {
        let mut draw = Draw::new(Stream::new(self.seed, "label").round(Stream::new(0, address).bits(0)));
        let findings = self
            .known
            .get(&id)
            .into_iter()
            .flatten()
            .filter(|finding| finding.begins < window.end && finding.ends >= window.start);
        let finding = findings.min_by_key(|finding| (finding.intent, finding.begins));
        let opinion = match finding {
            Some(finding) => self.investigated(&mut draw, finding),
            None => self.listed(&mut draw, owner),
        };
        let Some(opinion) = opinion else { return Vec::new() };
        let second = draw.chance(0.08).then(|| self.second(&mut draw, &opinion));
        [Some(opinion), second].into_iter().flatten().map(|opinion| self.row(address, &opinion)).collect()
    }

    /// The outcome of looking into a scheme, some days after it ended.
    fn investigated(&self, draw: &mut Draw, finding: &Finding) -> Option<Opinion> {
        let wrong = draw.chance(self.noise);
        let guilty = (finding.intent == Intent::Laundering) != wrong;
        let covered = if finding.intent == Intent::Laundering { 0.85 } else { 0.75 };
        if !draw.chance(covered * self.coverage) {
            return None;
        }
        let days = draw.lognormal(4.0, 0.6).clamp(1.0, 21.0);
        let created = finding.ends + (days * DAY_MS as f64) as i64;
        let confidence = if wrong { draw.between(0.5, 0.85) } else { draw.between(0.6, 1.0) };
        let source = ["case_review", "chain_analytics", "community"][draw.weighted(&[3.0, 2.0, 1.0])];
        let trust = if source == "community" { "community" } else { "verified" };
        let (label, address_type, risk) = match guilty {
            true => (
                ["Laundering case", "Suspicious flow", "Mule account"][draw.below(3) as usize],
                ["wallet", "unknown", "scam", "mixer"][draw.weighted(&[5.0, 3.0, 1.2, 0.5])],
                // who dealt with the source himself is judged harder than who came later
                if draw.chance(if finding.near { 0.6 } else { 0.1 }) { "critical" } else { "high" },
            ),
            false => (
                "Reviewed: business",
                ["merchant", "wallet", "institutional"][draw.weighted(&[2.0, 4.0, 1.0])],
                if draw.chance(0.6) { "low" } else { "medium" },
            ),
        };
        Some(Opinion { label, address_type, risk, trust, source, confidence, created })
    }

    /// What public lists say of everybody else; a person only when somebody had reason to look.
    fn listed(&self, draw: &mut Draw, owner: Owner) -> Option<Opinion> {
        let (coverage, label, address_type, risk) = match owner {
            Owner::Exchange => (1.0, "Exchange hot wallet", "exchange", "low"),
            Owner::Deposit => (0.3, "Exchange deposit address", "exchange", "low"),
            Owner::Merchant => (0.6, "Shop", "merchant", "medium"),
            Owner::Employer => (0.5, "Company", "institutional", "low"),
            Owner::Pool => (0.8, "Mining pool", "miner", "low"),
            Owner::Bot => (0.4, "Market maker", "institutional", "low"),
            Owner::Mixer => (0.9, "Mixing service", "mixer", "medium"),
            Owner::Wallet { .. } => (0.3, "Reviewed: private", "wallet", "low"),
            Owner::Scheme => return None,
        };
        if !draw.chance(coverage * self.coverage) {
            return None;
        }
        let created = match owner {
            Owner::Wallet { born } => (born + draw.whole(5, 120) as i64) * DAY_MS,
            _ => LISTS_BEGIN + draw.below((200 * DAY_MS) as u64) as i64,
        };
        let public = !matches!(owner, Owner::Wallet { .. } | Owner::Deposit);
        let wrong = matches!(owner, Owner::Wallet { .. }) && draw.chance(self.noise);
        let risk = match (wrong, risk) {
            (true, _) => "high",
            (false, "low") if !public && draw.chance(0.35) => "medium",
            (false, risk) => risk,
        };
        Some(Opinion {
            label,
            address_type,
            risk,
            trust: if public { "verified" } else { "community" },
            source: if public { "public_list" } else { "case_review" },
            confidence: if public { draw.between(0.85, 1.0) } else { draw.between(0.5, 0.95) },
            created,
        })
    }

    /// A later, weaker opinion of the same address, which may differ by one step.
    fn second(&self, draw: &mut Draw, first: &Opinion) -> Opinion {
        let risk = match (first.risk, draw.chance(0.3)) {
            ("critical", true) => "high",
            ("high", true) => "critical",
            ("medium", true) => "low",
            ("low", true) => "medium",
            (same, _) => same,
        };
        Opinion {
            label: "Community report",
            address_type: first.address_type,
            risk,
            trust: "community",
            source: "community_reports",
            confidence: draw.between(0.3, 0.6),
            created: first.created + draw.below((5 * DAY_MS) as u64) as i64,
        }
    }

    fn row(&self, address: &str, opinion: &Opinion) -> AddressLabel {
        AddressLabel {
            network: self.network.clone(),
            address: address.to_owned(),
            label: opinion.label.to_owned(),
            address_type: opinion.address_type.to_owned(),
            address_subtype: String::new(),
            trust_level: opinion.trust.to_owned(),
            source: opinion.source.to_owned(),
            risk_level: opinion.risk.to_owned(),
            confidence_score: (opinion.confidence * 1000.0).round() / 1000.0,
            created_timestamp: Some(opinion.created - opinion.created.rem_euclid(1000)),
        }
    }
}

/// 2009-01-03: public lists are older than any batch.
const LISTS_BEGIN: i64 = 14_247 * DAY_MS;

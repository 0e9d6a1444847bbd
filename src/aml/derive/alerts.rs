//! Suspicions from an address's numbers and from the patterns it is part of.
//!
//! Facts are gathered once per address; typology rules (`typologies.rs`) turn them into findings; every pattern
//! gives one finding per member. Of several findings of one typology on one address, which would share an id, the
//! most confident stays, then the one whose evidence comes first. Alerts are listed by address, then typology.
//!
//! What a label says of an address's risk is never read here: models learn to predict it from alerts.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::chronicle::{Chronicle, Entry};
use super::finite;
use super::flows::DAY_MS;
use super::graph::FlowGraph;
use super::sightings::{Sighting, Sightings};
use super::typologies::{ExchangePayments, Facts, Finding, NearThreshold, TYPOLOGIES, Typology};
use crate::aml::sot::{AddressFeatures, AddressLabel, Alert, Batch, Transfer};
use crate::determinism::intern::Interner;
use crate::determinism::par;

/// Transfers of this many dollars must be reported; those from 80 % of it up to it are just under.
const REPORTING_THRESHOLD_USD: f64 = 10_000.0;
/// A new address's first week, and the week of silence that shows it is new.
const FRESH_MS: i64 = 7 * DAY_MS;
/// The members of wider fans are the customers of a service, not accomplices: only the centre is alerted.
const WIDEST_ALERTED_FAN: usize = 50;

/// Every alert on the addresses of a batch.
pub fn alerts(batch: &Batch, transfers: Option<&[Transfer]>) -> Vec<Alert> {
    let graph = batch.money_flows.as_deref().map(FlowGraph::new);
    let transfers = transfers.map(Chronicle::of);
    match &batch.features {
        Some(features) => {
            let patterns = Sightings::Given(batch.patterns.as_deref().unwrap_or_default());
            Docket::of(batch, features, patterns, graph.as_ref(), transfers.as_ref()).flatten().collect()
        }
        None => Vec::new(),
    }
}

/// The alerts of a batch, those of some addresses at a time: of all of them there may be more than memory holds.
pub(super) struct Docket<'a> {
    witness: Witness<'a>,
    patterns: Sightings<'a>,
    /// Addresses with features, by row, and members of patterns behind them.
    subjects: Interner,
    /// Numbers of the subjects in byte order of their names.
    order: Vec<u32>,
    /// Members of patterns that are alerted: the subject's place in that order, the pattern, and the place in its list.
    members: Vec<[u32; 3]>,
    next: usize,
}

impl<'a> Docket<'a> {
    /// `graph` is that of the batch's flows, `features` are its own.
    pub(super) fn of(
        batch: &'a Batch,
        features: &'a AddressFeatures,
        patterns: Sightings<'a>,
        graph: Option<&'a FlowGraph<'a>>,
        transfers: Option<&Chronicle>,
    ) -> Self {
        let mut subjects = features.addresses.clone();
        let alerted = |at: usize| 0..alerted_of(patterns.kind(at), patterns.members(at));
        let known = par::map(patterns.len(), |at| {
            alerted(at).map(|place| features.addresses.get(patterns.address(at, place))).collect::<Vec<_>>()
        });
        let mut members = Vec::new();
        for (at, known) in known.into_iter().enumerate() {
            for (place, subject) in known.into_iter().enumerate() {
                let subject = subject.unwrap_or_else(|| subjects.intern(patterns.address(at, place)));
                members.push([subject, at as u32, place as u32]);
            }
        }
        let order = in_byte_order(&subjects);
        let mut place = vec![0; order.len()];
        (0_u32..).zip(&order).for_each(|(at, &subject)| place[subject as usize] = at);
        members.iter_mut().for_each(|member| member[0] = place[member[0] as usize]);
        par::sort_by(&mut members, Ord::cmp);
        let witness = Witness::new(batch, features, graph, transfers);
        Docket { witness, patterns, subjects, order, members, next: 0 }
    }

    /// The alerts on the subject at a place of the order, by typology.
    fn alerts_on(&self, place: usize) -> Vec<Alert> {
        let subject = self.order[place];
        let name = self.subjects.name(subject);
        let mut found = match subject as usize {
            row if row < self.witness.features.addresses.len() => findings(&self.witness, row, name),
            _ => Vec::new(),
        };
        let from = self.members.partition_point(|member| (member[0] as usize) < place);
        let own = self.members[from..].iter().take_while(|member| member[0] as usize == place);
        found.extend(own.filter_map(|&[_, pattern, at]| {
            structural_alert(
                self.witness.batch,
                &self.patterns.sighting(pattern as usize, at as usize),
                at == 0,
            )
        }));
        // of those that would share an id the strongest comes first, and of equals the one that was found first
        found.sort_by(|a, b| a.typology_type.cmp(&b.typology_type).then_with(|| by_strength(a, b)));
        found.dedup_by(|later, first| later.typology_type == first.typology_type);
        found
    }
}

impl Iterator for Docket<'_> {
    type Item = Vec<Alert>;

    fn next(&mut self) -> Option<Vec<Alert>> {
        let places = self.next..self.order.len().min(self.next + SUBJECTS_AT_A_TIME);
        self.next = places.end;
        let blocks = par::map_blocks(places.len(), BLOCK, |block| {
            block.flat_map(|at| self.alerts_on(places.start + at)).collect::<Vec<Alert>>()
        });
        (!places.is_empty()).then(|| blocks.concat())
    }
}

/// The numbers of names in byte order of these.
fn in_byte_order(names: &Interner) -> Vec<u32> {
    let mut order: Vec<u32> = (0..names.len() as u32).collect();
    if !order.is_sorted_by_key(|&id| names.name(id)) {
        par::sort_by(&mut order, |&a, &b| names.name(a).cmp(names.name(b)));
    }
    order
}

/// The columns of features that are read here; the last where there are no flows.
pub(super) const READ: [&str; 7] = [
    "degree_total",
    "total_volume_usd",
    "tx_total_count",
    "burst_factor",
    "velocity_score",
    "structuring_score",
    RECIPROCITY,
];

/// What stands for the graph's own answer where there is none.
const RECIPROCITY: &str = "reciprocity_ratio";

/// Addresses whose alerts are in memory together.
const SUBJECTS_AT_A_TIME: usize = 1 << 14;
/// Addresses that one thread takes at a time.
const BLOCK: usize = 1 << 10;

/// UUIDv5 of `{address}-{TYPOLOGY}-{processing_date}` in the DNS namespace.
pub fn alert_id(address: &str, typology: &str, processing_date: chrono::NaiveDate) -> String {
    let name = format!("{address}-{typology}-{processing_date}");
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes()).to_string()
}

/// critical from 0.9, high from 0.75, medium from 0.6, else low.
pub fn severity_of(confidence: f64) -> &'static str {
    match confidence {
        c if c >= 0.9 => "critical",
        c if c >= 0.75 => "high",
        c if c >= 0.6 => "medium",
        _ => "low",
    }
}

/// One alert per id: the most confident, then the one with the smallest evidence text. Order of first appearance.
pub fn dedupe(alerts: Vec<Alert>) -> Vec<Alert> {
    let kept = kept(&alerts);
    let mut alerts: Vec<Option<Alert>> = alerts.into_iter().map(Some).collect();
    kept.into_iter().filter_map(|at| alerts[at].take()).collect()
}

/// The places of the alerts that [`dedupe`] keeps.
pub(super) fn kept(alerts: &[Alert]) -> Vec<usize> {
    let mut ids = Interner::new();
    let mut kept: Vec<usize> = Vec::with_capacity(alerts.len());
    for (at, alert) in alerts.iter().enumerate() {
        let first = ids.intern(&alert.alert_id) as usize;
        if first == kept.len() {
            kept.push(at);
        } else if by_strength(alert, &alerts[kept[first]]).is_lt() {
            kept[first] = at;
        }
    }
    kept
}

/// The most confident first, of equals the one whose evidence comes first.
fn by_strength(a: &Alert, b: &Alert) -> Ordering {
    let by_confidence = b.alert_confidence_score.total_cmp(&a.alert_confidence_score);
    by_confidence.then_with(|| a.evidence_json.cmp(&b.evidence_json))
}

fn findings(witness: &Witness<'_>, row: usize, address: &str) -> Vec<Alert> {
    let facts = witness.facts(row, address);
    let found = |typology: &Typology| (typology.rule)(&facts).map(|finding| (*typology, finding));
    let alert = |(typology, finding): (Typology, Finding)| {
        let mut alert = blank(witness.batch, address, typology.name, &finding);
        alert.description = format!("{address}: {}", typology.description);
        alert.suspected_address_type = (typology.suspected)(&facts).to_owned();
        alert.risk_indicators = owned(typology.risk_indicators);
        alert
    };
    TYPOLOGIES.iter().filter_map(found).map(alert).collect()
}

/// How many of a pattern's members are alerted, first to last.
fn alerted_of(pattern_type: &str, members: usize) -> usize {
    match structural(pattern_type) {
        None => 0,
        Some(_) if is_wide_fan(pattern_type, members) => 1,
        Some(_) => members,
    }
}

fn is_fan(pattern_type: &str) -> bool {
    pattern_type.starts_with("motif_")
}

fn is_wide_fan(pattern_type: &str, members: usize) -> bool {
    is_fan(pattern_type) && members > WIDEST_ALERTED_FAN
}

/// The alert on a member of a pattern, the first or another.
fn structural_alert(batch: &Batch, pattern: &Sighting<'_>, is_first: bool) -> Option<Alert> {
    let (typology, description, indicators) = structural(pattern.kind)?;
    let (is_fan, is_wide) = (is_fan(pattern.kind), is_wide_fan(pattern.kind, pattern.members));
    let weight = if is_fan && !is_first { 0.8 } else { 1.0 };
    let finding = Finding {
        confidence: finite(pattern.scores.confidence * weight).clamp(0.0, 1.0),
        volume_usd: pattern.volume_usd,
        evidence: pattern_evidence(pattern),
    };
    let address = pattern.address;
    let mut alert = blank(batch, address, typology, &finding);
    alert.description = format!("{address}: {description}");
    alert.pattern_id.clone_from(&pattern.pattern_id);
    pattern.kind.clone_into(&mut alert.pattern_type);
    alert.suspected_address_type = match is_fan {
        true if is_wide => "institutional".to_owned(),
        true => "wallet".to_owned(),
        false => "unknown".to_owned(),
    };
    alert.risk_indicators = owned(indicators);
    Some(alert)
}

fn pattern_evidence(pattern: &Sighting<'_>) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("end_ms", json!(pattern.time[1])),
        ("pattern_hash", json!(pattern.pattern_hash)),
        ("pattern_id", json!(pattern.pattern_id)),
        ("pattern_type", json!(pattern.kind)),
        ("members", json!(pattern.members)),
        ("risk_score", json!(pattern.scores.risk)),
        ("role", json!(pattern.role)),
        ("severity_score", json!(pattern.scores.severity)),
        ("start_ms", json!(pattern.time[0])),
        ("transfers", json!(pattern.transfers)),
    ])
}

/// Typology, description and indicators of a pattern type that raises alerts.
fn structural(pattern_type: &str) -> Option<(&'static str, &'static str, &'static [&'static str])> {
    Some(match pattern_type {
        "cycle" => {
            ("CYCLE_DETECTION", "part of a closed path of payments", &["circular_flow", "similar_amounts"])
        }
        "layering_path" => {
            ("LAYERING_PATH", "part of a chain that hands money on", &["pass_through", "rapid_movement"])
        }
        "motif_fanin" => {
            ("MOTIF_FANIN", "part of many payments into one address", &["many_senders", "collection"])
        }
        "motif_fanout" => {
            ("MOTIF_FANOUT", "part of many payments out of one address", &["many_recipients", "distribution"])
        }
        "temporal_burst" => (
            "TIME_BASED_PATTERN",
            "a flurry of transfers within an hour",
            &["burst_activity", "unusual_timing"],
        ),
        _ => return None,
    })
}

fn blank(batch: &Batch, address: &str, typology: &str, finding: &Finding) -> Alert {
    Alert {
        alert_id: alert_id(address, typology, batch.id.processing_date),
        processing_date: batch.id.processing_date,
        window_days: batch.id.window_days,
        address: address.to_owned(),
        typology_type: typology.to_owned(),
        pattern_id: String::new(),
        pattern_type: String::new(),
        severity: severity_of(finding.confidence).to_owned(),
        suspected_address_type: "unknown".to_owned(),
        suspected_address_subtype: String::new(),
        alert_confidence_score: finding.confidence,
        description: String::new(),
        volume_usd: finding.volume_usd,
        evidence_json: evidence_text(finding),
        risk_indicators: Vec::new(),
    }
}

/// JSON with sorted keys; numbers in the shortest form that reads back exactly, NaN as null.
fn evidence_text(finding: &Finding) -> String {
    let mut evidence = finding.evidence.clone();
    evidence.insert("volume_usd", json!(finding.volume_usd));
    serde_json::to_string(&evidence).expect("text keys and plain values have a JSON form")
}

fn owned(tokens: &[&str]) -> Vec<String> {
    tokens.iter().map(|&token| token.to_owned()).collect()
}

/// Gathers facts of single addresses.
struct Witness<'a> {
    batch: &'a Batch,
    features: &'a AddressFeatures,
    /// Of [`READ`] but the last, in their order; `None` where the table lacks one.
    columns: [Option<&'a [f64]>; 6],
    graph: Option<&'a FlowGraph<'a>>,
    exchanges: Vec<u32>,
    /// By row of the features.
    near_threshold: BTreeMap<u32, NearThreshold>,
}

impl<'a> Witness<'a> {
    fn new(
        batch: &'a Batch,
        features: &'a AddressFeatures,
        graph: Option<&'a FlowGraph<'a>>,
        transfers: Option<&Chronicle>,
    ) -> Self {
        let [degree, volume, transfers_of, burst, velocity, structuring, _] = READ;
        let columns = [degree, volume, transfers_of, burst, velocity, structuring];
        Witness {
            batch,
            features,
            columns: columns.map(|name| features.column(name)),
            graph,
            exchanges: graph.map(|graph| labelled_exchanges(batch, graph)).unwrap_or_default(),
            near_threshold: transfers
                .map(|transfers| near_threshold_days(&features.addresses, transfers))
                .unwrap_or_default(),
        }
    }

    /// The number of the address of a row in the graph.
    fn id(&self, row: usize, address: &str) -> Option<u32> {
        let addresses = &self.graph?.addresses;
        // rows that were derived from the graph are its numbers
        if addresses.is_shared_with(&self.features.addresses) {
            return Some(row as u32);
        }
        addresses.get(address)
    }

    fn facts(&self, row: usize, address: &str) -> Facts {
        let id = self.id(row, address);
        let [degree, volume, transfers, burst_factor, velocity, structuring] =
            self.columns.map(|column| column.map_or(f64::NAN, |values| values[row]));
        let two_way = self.two_way(id);
        let two_way = two_way.unwrap_or_else(|| self.features.value(address, RECIPROCITY));
        Facts {
            window_days: f64::from(self.batch.id.window_days),
            degree,
            volume,
            transfers,
            burst: (burst_factor - 1.0) / 23.0,
            velocity,
            structuring,
            two_way,
            exchange: self.exchange_payments(id),
            near_threshold: self.near_threshold.get(&(row as u32)).copied(),
        }
    }

    /// The share of an address's value with counterparties on both sides; from flows, because files written by the
    /// older pipeline hold another ratio, at most 0.5, in the column of that name.
    fn two_way(&self, id: Option<u32>) -> Option<f64> {
        let (graph, id) = (self.graph?, id?);
        let senders: Vec<u32> = graph.incoming(id).map(|e| e.from).filter(|&a| a != id).collect();
        let recipients: Vec<u32> = graph.outgoing(id).map(|e| e.to).filter(|&a| a != id).collect();
        let (mut total, mut mutual) = (0.0, 0.0);
        for edge in graph.incoming(id).chain(graph.outgoing(id)) {
            let peer = if edge.from == id { edge.to } else { edge.from };
            total += edge.value;
            if senders.binary_search(&peer).is_ok() && recipients.binary_search(&peer).is_ok() {
                mutual += edge.value;
            }
        }
        Some(if total > 0.0 { mutual / total } else { 0.0 })
    }

    fn exchange_payments(&self, id: Option<u32>) -> Option<ExchangePayments> {
        let (graph, id) = (self.graph?, id?);
        let paid = || graph.outgoing(id).filter(|e| self.exchanges.binary_search(&e.to).is_ok());
        let first_paid = paid().map(|e| e.flow.first_seen_timestamp).min()?;
        let born = graph.incoming(id).chain(graph.outgoing(id)).map(|e| e.flow.first_seen_timestamp).min()?;
        let silent_before = born >= self.batch.id.window_ms().start + FRESH_MS;
        Some(ExchangePayments {
            usd: paid().map(|e| finite(e.flow.amount_usd_sum)).sum(),
            fresh: silent_before
                && first_paid.saturating_sub(born) <= FRESH_MS
                && self.exchanges.binary_search(&id).is_err(),
        })
    }
}

/// Addresses that a label known on the processing date calls an exchange, in any case of letters.
fn labelled_exchanges(batch: &Batch, graph: &FlowGraph<'_>) -> Vec<u32> {
    let known_until = batch.id.window_ms().end + DAY_MS;
    let labels = batch.labels.as_deref().unwrap_or_default();
    let known = labels.iter().filter(|l| l.created_timestamp.is_none_or(|at| at < known_until));
    let exchanges = known.filter(|l| is_exchange(l));
    let mut ids: Vec<u32> = exchanges.filter_map(|l| graph.addresses.get(&l.address)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Whether a label calls its address an exchange.
pub(super) fn is_exchange(label: &AddressLabel) -> bool {
    label.address_type.eq_ignore_ascii_case("exchange")
}

/// For each address with transfers just under the threshold the day and direction with most of them, then the
/// earliest, then out.
fn near_threshold_days(addresses: &Interner, transfers: &Chronicle) -> BTreeMap<u32, NearThreshold> {
    let numbers = transfers.numbers_in(addresses);
    let mut days = days_near_threshold(&numbers, transfers.entries());
    let mut has_any = vec![false; addresses.len()];
    days.iter().for_each(|((address, ..), _)| has_any[*address as usize] = true);
    let found = par::map_blocks(transfers.entries().len(), NEAR_BLOCK, |places| {
        let ends = transfers.entries()[places].iter().flat_map(|t| ends_of_day(&numbers, t));
        let of_some = ends.filter(|(address, ..)| has_any[*address as usize]);
        of_some.filter_map(|end| days.binary_search_by_key(&end, |day| day.0).ok()).collect::<Vec<_>>()
    });
    for at in found.concat() {
        days[at].1.of += 1;
    }
    let mut best: BTreeMap<u32, NearThreshold> = BTreeMap::new();
    for ((address, ..), day) in days {
        let entry = best.entry(address).or_insert(day);
        if day.count > entry.count {
            *entry = day;
        }
    }
    best
}

/// An address, the day, and whether transfers went out (0) or came in (1).
type EndOfDay = (u32, i64, u8);

/// Transfers that one thread takes at a time.
const NEAR_BLOCK: usize = 1 << 14;

/// What passed just under the threshold, upwards; of how many transfers is not counted yet.
fn days_near_threshold(numbers: &[Option<u32>], transfers: &[Entry]) -> Vec<(EndOfDay, NearThreshold)> {
    let is_near = |t: &&Entry| (0.8 * REPORTING_THRESHOLD_USD..REPORTING_THRESHOLD_USD).contains(&t.usd);
    let near = transfers.iter().filter(is_near);
    let mut ends: Vec<(EndOfDay, f64)> =
        near.flat_map(|t| ends_of_day(numbers, t).map(|end| (end, t.usd))).collect();
    // in one day they stay in time order, in which dollars are added up
    ends.sort_by_key(|&(end, _)| end);
    let day = |of: &[(EndOfDay, f64)]| {
        let (end, usd) = (of[0].0, of.iter().map(|(_, usd)| usd).sum());
        (end, NearThreshold { count: of.len(), of: 0, usd, day_ms: end.1 })
    };
    ends.chunk_by(|a, b| a.0 == b.0).map(day).collect()
}

/// The addresses of a transfer, its day, and whether it went out (0) or came in (1).
fn ends_of_day(numbers: &[Option<u32>], t: &Entry) -> impl Iterator<Item = EndOfDay> {
    let day_ms = t.at.div_euclid(DAY_MS).saturating_mul(DAY_MS);
    let ends = [(numbers[t.from as usize], 0), (numbers[t.to as usize], 1)];
    ends.into_iter().filter_map(move |(id, direction)| Some((id?, day_ms, direction)))
}

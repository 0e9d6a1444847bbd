//! Batches with known truth: an economy in which laundering is planted beside business that looks like it.
//!
//! In flows a [`Simulation`]; out flow generation 3 [`Batch`]es (transfers, assets, prices, labels, ground truth), one a
//! day, cut from one continuous history. Invariants: every value is a pure function of the settings (counter-based
//! random numbers keyed by seed, subject and day), so the same settings give the same bytes on any machine; batches
//! whose windows overlap hold the same transfers there, whatever `from` and `days`. `docs/simulator.md` states rates
//! and distributions and pins the digest of the default output: that generator is frozen, for models are judged by it.
//!
//! Sources of the ideas: AMLSim (Suzumura and Kanezashi, 2021) for schemes planted in a background; Altman et al.,
//! "Realistic Synthetic Financial Transactions for AML Models", NeurIPS 2023, for entanglement with honest traffic.

mod calendar;
mod config;
mod draw;
mod economy;
mod label;
mod ledger;
mod manner;
mod market;
mod mixer;
mod name;
mod observer;
mod plot;
mod repertoire;
mod rising;
mod scheme;
mod shape;
mod topology;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use crate::aml::sot::{Asset, AssetPrice, Batch, BatchId, GroundTruth, Transfer, Transfers};
use crate::determinism::rng::Stream;

pub use config::{Simulation, SimulationError};
pub use manner::Intent;
pub use repertoire::{Repertoire, RepertoireError};
pub use shape::{Shape, is_malicious};

use calendar::{BLOCK_MS, DAY_MS};
use economy::Economy;
use label::{Finding, Labeller};
use ledger::{Ledger, Payment};
use market::Market;
use mixer::Mixers;
use observer::Observer;
use rising::Rising;
use scheme::{Scheme, Season};

/// The batches of a simulation, in the order of their days.
#[derive(Clone, Debug)]
pub struct Batches {
    simulation: Simulation,
    market: Market,
    ledger: Ledger,
    schemes: Vec<Scheme>,
    labeller: Labeller,
    observer: Observer,
    next: u32,
}

/// A scheme as it was planted, for tests and statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct Plant {
    /// Its id in the ground truth.
    pub instance: String,
    /// Its topology.
    pub shape: Shape,
    /// Laundering, or a look-alike.
    pub intent: Intent,
    /// Its payments: block time in milliseconds, sender, recipient.
    pub hops: Vec<(i64, String, String)>,
}

/// Simulates an economy and cuts a batch for each day asked for.
///
/// # Errors
/// [`SimulationError`] names the setting that is out of range.
///
/// # Determinism
/// Pure function of `simulation`.
pub fn simulate(simulation: &Simulation) -> Result<Batches, SimulationError> {
    simulation.check()?;
    let (first, last) = span(simulation);
    let mut economy = Economy::new(simulation);
    let mut ledger = Ledger::default();
    let rising = Rising::new(simulation);
    let mixers = Mixers::new(simulation, &economy);
    for day in first - WARM_UP_DAYS..last {
        economy.write_day(&mut ledger, day);
        rising.write_day(&economy, &mut ledger, day);
        mixers.write_day(&economy, &mut ledger, day);
    }
    let schemes = plant(simulation, &economy, &mut ledger);
    let mut labeller = Labeller::new(simulation);
    labeller.known = findings(&schemes);
    for payment in schemes.iter().flat_map(|scheme| scheme.hops.iter().chain(&scheme.cover)) {
        ledger.pay(*payment);
    }
    put_in_order(&mut ledger);
    let market = Market::new(simulation.seed, &simulation.network);
    let observer = Observer::new(simulation);
    Ok(Batches { simulation: simulation.clone(), market, ledger, schemes, labeller, observer, next: 0 })
}

impl Batches {
    /// The schemes with at least one payment within the days of the simulation.
    pub fn plants(&self) -> impl Iterator<Item = Plant> + '_ {
        let (first, last) = span(&self.simulation);
        let name = |id: u32| self.ledger.names.name(id).to_owned();
        self.schemes.iter().filter_map(move |scheme| {
            let within = |hop: &&Payment| (first * DAY_MS..last * DAY_MS).contains(&hop.at);
            let hops: Vec<_> = scheme
                .hops
                .iter()
                .filter(within)
                .map(|hop| (block(hop.at), name(hop.from), name(hop.to)))
                .collect();
            let (instance, shape, intent) = (scheme.instance.clone(), scheme.shape, scheme.intent);
            (!hops.is_empty()).then_some(Plant { instance, shape, intent, hops })
        })
    }

    fn batch(&self, processing_date: NaiveDate) -> Batch {
        let Simulation { network, window_days, .. } = &self.simulation;
        let id = BatchId { network: network.clone(), processing_date, window_days: *window_days };
        let window = id.window_ms();
        let begin = self.ledger.payments.partition_point(|payment| payment.at < window.start);
        let end = self.ledger.payments.partition_point(|payment| payment.at < window.end);
        let transfers = self.transfers(begin..end);
        let active = self.ledger.payments[begin..end].iter().filter(|payment| self.sees(payment));
        let active: BTreeSet<u32> = active.flat_map(|payment| [payment.from, payment.to]).collect();
        let mut labels: Vec<_> = active
            .iter()
            .flat_map(|&id| {
                let owner = self.ledger.owners[id as usize];
                self.labeller.labels(id, self.ledger.names.name(id), owner, &window)
            })
            .collect();
        labels.sort_by(|a, b| (&a.address, &a.label).cmp(&(&b.address, &b.label)));
        Batch {
            transfers: Some(transfers),
            labels: Some(labels),
            assets: Some(self.assets()),
            asset_prices: Some(self.prices(&window)),
            ground_truth: Some(self.ground_truth(&window)),
            id,
            ..Batch::default()
        }
    }

    fn sees(&self, payment: &Payment) -> bool {
        self.observer.sees(&self.ledger, payment)
    }

    /// Rows in the order of their key. Payments stand in the order of their blocks, so the number within a block is
    /// the same in every batch that holds the block, however many payments of it were seen.
    fn transfers(&self, range: std::ops::Range<usize>) -> Transfers {
        let mut prices: BTreeMap<(u8, i64), f64> = BTreeMap::new();
        let (mut height, mut index) = (0, 0);
        let seen = self.ledger.payments[range].iter().filter_map(|payment| {
            let here = payment.at / BLOCK_MS;
            index = if here == height { index + 1 } else { 1 };
            height = here;
            if !self.sees(payment) {
                return None;
            }
            let day = payment.at.div_euclid(DAY_MS);
            let price =
                *prices.entry((payment.coin, day)).or_insert_with(|| self.market.price(payment.coin, day));
            Some(self.transfer(payment, price, index))
        });
        seen.collect()
    }

    fn transfer(&self, payment: &Payment, price: f64, index: u64) -> Transfer {
        let coin = &self.market.coins[payment.coin as usize];
        let amount = ledger::units(payment.usd, price, payment.form);
        let block_height = (payment.at / BLOCK_MS) as u64 - GENESIS_BLOCK;
        Transfer {
            tx_id: format!("{block_height}-{index}"),
            event_index: (2 * index + 1).to_string(),
            edge_index: "0".to_owned(),
            block_height,
            block_timestamp: payment.at,
            from_address: self.ledger.names.name(payment.from).to_owned(),
            to_address: self.ledger.names.name(payment.to).to_owned(),
            asset_symbol: coin.symbol.clone(),
            asset_contract: coin.contract.clone(),
            amount,
            amount_usd: market::micro(amount * price),
            fee: market::micro(0.0003 + 0.000001 * (block_height % 97) as f64),
        }
    }

    fn assets(&self) -> Vec<Asset> {
        let network = &self.simulation.network;
        let mut assets: Vec<Asset> = (self.market.coins.iter())
            .map(|coin| Asset {
                asset_symbol: coin.symbol.clone(),
                asset_contract: coin.contract.clone(),
                network: network.clone(),
            })
            .collect();
        assets
            .sort_by(|a, b| (&a.asset_symbol, &a.asset_contract).cmp(&(&b.asset_symbol, &b.asset_contract)));
        assets
    }

    fn prices(&self, window: &std::ops::Range<i64>) -> Vec<AssetPrice> {
        let days = window.start / DAY_MS..window.end / DAY_MS;
        let mut prices: Vec<AssetPrice> = (self.market.coins.iter().enumerate())
            .flat_map(|(i, coin)| {
                days.clone().map(move |day| AssetPrice {
                    asset_symbol: coin.symbol.clone(),
                    asset_contract: coin.contract.clone(),
                    price_date: date_of(day),
                    price_usd: self.market.price(i as u8, day),
                })
            })
            .collect();
        prices.sort_by(|a, b| {
            let key = |p: &AssetPrice| (p.asset_contract.clone(), p.asset_symbol.clone(), p.price_date);
            key(a).cmp(&key(b))
        });
        prices
    }

    /// The members of schemes that were seen to make or receive one of the scheme's payments within the window.
    fn ground_truth(&self, window: &std::ops::Range<i64>) -> Vec<GroundTruth> {
        let mut rows = Vec::new();
        for scheme in &self.schemes {
            let within = scheme.hops.iter().filter(|hop| window.contains(&block(hop.at)) && self.sees(hop));
            let seen: BTreeSet<u32> = within.flat_map(|hop| [hop.from, hop.to]).collect();
            for (id, (role, hop_distance)) in scheme.members.iter().filter(|(id, _)| seen.contains(id)) {
                rows.push(GroundTruth {
                    address: self.ledger.names.name(*id).to_owned(),
                    role: (*role).to_owned(),
                    pattern_type: scheme.shape.pattern_type(scheme.intent).to_owned(),
                    pattern_instance_id: scheme.instance.clone(),
                    hop_distance: *hop_distance,
                });
            }
        }
        rows.sort_by(|a, b| {
            (&a.pattern_instance_id, &a.address, &a.role).cmp(&(&b.pattern_instance_id, &b.address, &b.role))
        });
        rows
    }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next == self.simulation.days {
            return None;
        }
        let date = self.simulation.from + Days::new(u64::from(self.next));
        self.next += 1;
        Some(self.batch(date))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.simulation.days - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batches {}

/// The days of all windows: first, and one past the last.
fn span(simulation: &Simulation) -> (i64, i64) {
    let from = simulation.from.signed_duration_since(NaiveDate::default()).num_days();
    (from - i64::from(simulation.window_days), from + i64::from(simulation.days) - 1)
}

/// All schemes of both intents that touch the span, in the order of their numbers.
fn plant(simulation: &Simulation, economy: &Economy, ledger: &mut Ledger) -> Vec<Scheme> {
    let (first, last) = span(simulation);
    let window_ms = i64::from(simulation.window_days) * DAY_MS;
    let season = Season { window_ms, patterns: i64::from(simulation.patterns), shapes: &simulation.shapes };
    let stream = Stream::new(simulation.seed, "scheme");
    let mut schemes = Vec::new();
    for number in season.numbers(first * DAY_MS, last * DAY_MS) {
        for intent in [Intent::Laundering, Intent::Innocent] {
            schemes.push(scheme::carry_out(economy, ledger, season, stream, number, intent));
        }
    }
    schemes
}

/// What can be found out of each member, by scheme.
fn findings(schemes: &[Scheme]) -> BTreeMap<u32, Vec<Finding>> {
    let mut found: BTreeMap<u32, Vec<Finding>> = BTreeMap::new();
    for scheme in schemes {
        let begins = scheme.hops.iter().map(|hop| hop.at).min().unwrap_or(i64::MAX);
        let ends = scheme.hops.iter().map(|hop| hop.at).max().unwrap_or(i64::MAX);
        for (&id, &(_, hop)) in &scheme.members {
            let finding = Finding { intent: scheme.intent, begins, ends, near: hop <= 1 };
            found.entry(id).or_default().push(finding);
        }
    }
    found
}

/// Aligns payments to blocks and sorts them by block; the order within a block follows from their content alone.
fn put_in_order(ledger: &mut Ledger) {
    let Ledger { names, payments, .. } = ledger;
    payments.iter_mut().for_each(|payment| payment.at = block(payment.at));
    payments.sort_by(|a, b| {
        let key = |p: &Payment| (p.at, p.coin);
        key(a)
            .cmp(&key(b))
            .then_with(|| names.name(a.from).cmp(names.name(b.from)))
            .then_with(|| names.name(a.to).cmp(names.name(b.to)))
            .then_with(|| a.usd.total_cmp(&b.usd))
            .then_with(|| (a.form as u8).cmp(&(b.form as u8)))
    });
}

/// The time of the block that takes up a payment.
fn block(at: i64) -> i64 {
    at - at.rem_euclid(BLOCK_MS)
}

fn date_of(day: i64) -> NaiveDate {
    NaiveDate::default() + chrono::TimeDelta::days(day)
}

/// Days written before the first window, so that weekly settlements know the week before.
const WARM_UP_DAYS: i64 = 8;
/// 2009-01-03 in blocks since 1970: no batch is older.
const GENESIS_BLOCK: u64 = 14_247 * 10_800;

//! Planted laundering and its innocent look-alikes: five topologies, each run with either intent.
//!
//! Scheme `number` of an intent is a pure function of (seed, number, intent); numbers count window lengths since 1970
//! in steps of one scheme, so which schemes exist on a day does not depend on the days for which batches are cut.

use std::collections::{BTreeMap, BTreeSet};

use crate::determinism::rng::Stream;

use super::calendar::{self, DAY_MS, HOUR_MS, Rhythm};
use super::draw::Draw;
use super::economy::Economy;
use super::ledger::{Form, Ledger, Owner, Payment};
use super::manner::{Intent, Manner};

/// The five topologies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Money goes round and comes back.
    Cycle,
    /// Money passes through a chain.
    Layering,
    /// Many pay one, which pays on.
    FanIn,
    /// One splits to many below a limit, they pay one.
    Smurfing,
    /// One pays many within a short time.
    FanOut,
}

/// One scheme as it was carried out.
#[derive(Clone, Debug)]
pub(super) struct Scheme {
    pub(super) instance: String,
    pub(super) shape: Shape,
    pub(super) intent: Intent,
    /// Address -> role and distance in hops from the source.
    pub(super) members: BTreeMap<u32, (&'static str, i64)>,
    /// The payments that make the shape, in the order in which they were decided.
    pub(super) hops: Vec<Payment>,
    /// Everything else its members did because of it: funding, cashing out, everyday cover.
    pub(super) cover: Vec<Payment>,
}

/// What a scheme is drawn from.
struct Plot<'a> {
    economy: &'a Economy,
    ledger: &'a mut Ledger,
    draw: Draw,
    manner: Manner,
    number: i64,
    start: i64,
    zone: i64,
    coin: u8,
    opened: u64,
    /// Slots whose wallets may be recruited: no other scheme of the same season uses them.
    slots: Vec<u64>,
    recruited: BTreeSet<u64>,
    scheme: Scheme,
}

/// How often schemes begin, and how wallets are shared out among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Season {
    pub(super) window_ms: i64,
    pub(super) patterns: i64,
}

impl Season {
    /// The schemes that may still be running after `from` and begin before `to`.
    pub(super) fn numbers(self, from: i64, to: i64) -> std::ops::Range<i64> {
        if self.patterns == 0 {
            return 0..0;
        }
        let number = |at: i64| {
            (i128::from(at) * i128::from(self.patterns)).div_euclid(i128::from(self.window_ms)) as i64
        };
        number(from - LONGEST_DAYS * DAY_MS) - 1..number(to + EARLIEST_DAYS * DAY_MS) + 1
    }

    fn start(self, number: i64, draw: &mut Draw) -> i64 {
        let step = self.window_ms as f64 / self.patterns as f64;
        ((number as f64 + draw.unit()) * step) as i64
    }

    /// Schemes of both intents within the time that any of them can last, twice over.
    fn shares(self) -> u64 {
        let schemes = 4 * LONGEST_DAYS * DAY_MS * self.patterns / self.window_ms;
        (schemes as u64).max(2 * self.patterns as u64) + 2
    }
}

/// Carries out scheme `number`.
pub(super) fn carry_out(
    economy: &Economy,
    ledger: &mut Ledger,
    season: Season,
    stream: Stream,
    number: i64,
    intent: Intent,
) -> Scheme {
    let mut draw = Draw::new(stream.round(intent as u64).round(number as u64));
    let shape = SHAPES[draw.weighted(&SHAPE_WEIGHTS)];
    let manner = Manner::of(&mut draw, intent);
    let start = season.start(number, &mut draw);
    let shares = season.shares();
    let share = (2 * number + intent as i64).rem_euclid(shares as i64) as u64;
    let slots = (0..economy.slots()).skip(share as usize).step_by(shares as usize).collect();
    let zone = calendar::time_zone(&mut draw);
    let coin = draw.weighted(&[4.0, 3.0, 1.6, 0.8]) as u8;
    let scheme = Scheme {
        instance: economy.names.instance(intent_name(intent), number),
        shape,
        intent,
        members: BTreeMap::new(),
        hops: Vec::new(),
        cover: Vec::new(),
    };
    let recruited = BTreeSet::new();
    let mut plot = Plot {
        economy,
        ledger,
        draw,
        manner,
        number,
        start,
        zone,
        coin,
        opened: 0,
        slots,
        recruited,
        scheme,
    };
    match shape {
        Shape::Cycle => plot.cycle(),
        Shape::Layering => plot.layering(),
        Shape::FanIn => plot.fan_in(),
        Shape::Smurfing => plot.smurfing(),
        Shape::FanOut => plot.fan_out(),
    }
    let end = start + LONGEST_DAYS * DAY_MS;
    plot.scheme.hops.retain(|payment| payment.at < end);
    plot.scheme.cover.retain(|payment| payment.at < end);
    plot.scheme
}

impl Plot<'_> {
    fn cycle(&mut self) {
        let length = self.draw.whole(3, 8) as usize;
        let role = self.role("cycle_node", "treasury_wallet");
        let mut ring = self.stations(length, role, -1);
        let total = self.total();
        let funded = self.before(self.start);
        self.fund(ring[0], total, funded);
        for (at, total) in self.runs(total) {
            self.renew(&mut ring[1..], role, |_| -1);
            let (mut at, mut usd) = (at, total);
            for i in 0..length {
                self.hop(at, ring[i], ring[(i + 1) % length], usd);
                usd *= 1.0 - self.kept();
                at = self.held(at);
            }
        }
        self.cash_out(ring[0], 0.9 * total);
    }

    fn layering(&mut self) {
        let hops = self.draw.whole(2, 7) as usize;
        let lanes = if self.draw.chance(0.3) { 2 } else { 1 };
        let source = self.station(self.role("layering_source", "producer"), 0);
        let dest = self.station(self.role("layering_dest", "retailer"), hops as i64 + 1);
        let role = self.role("layering_hop", "supplier");
        let mut lanes: Vec<Vec<u32>> =
            (0..lanes).map(|_| (0..hops).map(|i| self.station(role, i as i64 + 1)).collect()).collect();
        for (at, total) in self.runs_of_total() {
            let funded = self.before(at);
            self.fund(source, total, funded);
            let share = total / lanes.len() as f64;
            for lane in &mut lanes {
                self.renew(lane, role, |i| i as i64 + 1);
                let (mut at, mut usd) = (at, share * self.draw.between(0.85, 1.1));
                let mut from = source;
                for &to in lane.iter().chain([&dest]) {
                    self.hop(at, from, to, usd);
                    usd *= 1.0 - self.kept();
                    at = self.held(at);
                    from = to;
                }
            }
            self.cash_out(dest, 0.85 * total);
        }
    }

    fn fan_in(&mut self) {
        let count = self.draw.whole(6, 26) as usize;
        let collector = self.station(self.role("smurfing_aggregator", "collector"), 1);
        let exit = self.station(self.role("smurfing_exit", "treasury_wallet"), 2);
        let role = self.role("mule", "customer");
        let mut sources = self.stations(count, role, 0);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut sources, role, |_| 0);
            let parts = self.parts(total, count);
            let last = self.gather(at, &sources, &parts, collector);
            let kept = self.kept();
            self.pass_on(last, collector, exit, total * (1.0 - kept));
            self.cash_out(exit, 0.9 * total);
        }
    }

    fn smurfing(&mut self) {
        let count = self.draw.whole(5, 18) as usize;
        let source = self.station(self.role("smurfing_source", "head_office"), 0);
        let aggregator = self.station(self.role("smurfing_aggregator", "takings_account"), 2);
        let role = self.role("smurfing_mule", "shop_till");
        let mut mules = self.stations(count, role, 1);
        let limit = [10_000.0, 3_000.0, 1_000.0][self.draw.weighted(&[3.0, 1.0, 1.0])];
        for (at, _) in self.runs(limit) {
            self.renew(&mut mules, role, |_| 1);
            let parts: Vec<f64> = (0..count).map(|_| self.below_limit(limit)).collect();
            let total: f64 = parts.iter().sum();
            let funded = self.before(at);
            self.fund(source, total, funded);
            for (&mule, &part) in mules.iter().zip(&parts) {
                let out = self.within(at);
                self.hop(out, source, mule, part);
                let back = self.held(out);
                let usd = part * (1.0 - self.kept());
                self.hop(back, mule, aggregator, usd);
            }
            self.cash_out(aggregator, 0.9 * total);
        }
    }

    fn fan_out(&mut self) {
        let count = self.draw.whole(8, 30) as usize;
        let source = self.station(self.role("attacker", "paymaster"), 0);
        let role = self.role("mule", "payee");
        let mut payees = self.stations(count, role, 1);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut payees, role, |_| 1);
            let funded = self.before(at);
            self.fund(source, total, funded);
            let parts = self.parts(total * (1.0 - self.manner.retained), count);
            for (&payee, &usd) in payees.iter().zip(&parts) {
                let at = self.within(at);
                self.hop(at, source, payee, usd);
                if self.draw.chance(0.35) {
                    let kept = self.kept();
                    self.cash_out(payee, usd * (1.0 - kept));
                }
            }
        }
    }
}

/// The moves from which the topologies are made.
impl Plot<'_> {
    fn role(&self, laundering: &'static str, innocent: &'static str) -> &'static str {
        match self.scheme.intent {
            Intent::Laundering => laundering,
            Intent::Innocent => innocent,
        }
    }

    /// US dollars of one run; the same for both intents.
    fn total(&mut self) -> f64 {
        self.draw.lognormal(16_000.0, 1.0).clamp(1_500.0, 900_000.0)
    }

    fn runs_of_total(&mut self) -> Vec<(i64, f64)> {
        let total = self.total();
        self.runs(total)
    }

    /// Start and sum of each repetition, none later than [`LONGEST_DAYS`] allows.
    fn runs(&mut self, total: f64) -> Vec<(i64, f64)> {
        let mut at = self.start;
        let mut runs = Vec::new();
        for _ in 0..self.manner.runs.max(1) {
            if at - self.start > (LONGEST_DAYS / 2) * DAY_MS {
                break;
            }
            runs.push((self.timed(at), total * self.draw.lognormal(1.0, 0.25)));
            at += (self.draw.lognormal(self.manner.gap_days, 0.4) * DAY_MS as f64) as i64;
        }
        runs
    }

    fn stations(&mut self, count: usize, role: &'static str, hop: i64) -> Vec<u32> {
        (0..count).map(|_| self.station(role, hop)).collect()
    }

    /// Somebody who takes part: a recruited wallet with a life of its own, or an address opened for the purpose.
    fn station(&mut self, role: &'static str, hop: i64) -> u32 {
        let recruit = !self.draw.chance(self.manner.fresh) && !self.slots.is_empty();
        let id = if recruit {
            let slot = self.slots[self.draw.below(self.slots.len() as u64) as usize];
            if self.recruited.insert(slot) {
                self.economy.wallet(self.ledger, slot, self.start.div_euclid(DAY_MS)).id
            } else {
                self.open()
            }
        } else {
            self.open()
        };
        self.scheme.members.entry(id).or_insert((role, hop));
        id
    }

    fn open(&mut self) -> u32 {
        self.opened += 1;
        let kind = intent_name(self.scheme.intent);
        let address = self.economy.names.address(kind, self.number as u64, self.opened);
        let id = self.ledger.open(&address, Owner::Scheme);
        self.everyday(id);
        id
    }

    /// A few ordinary payments of an address opened for the purpose.
    fn everyday(&mut self, id: u32) {
        let count = self.draw.poisson(self.manner.life);
        for _ in 0..count {
            let days = self.draw.between(-self.manner.age_days, 6.0);
            let day = (self.start + (days * DAY_MS as f64) as i64).div_euclid(DAY_MS);
            let at = calendar::moment(&mut self.draw, day, Rhythm::Awake(self.zone));
            let usd = self.draw.lognormal(120.0, 1.3);
            let form = if self.draw.chance(0.3) { Form::Round } else { Form::Exact };
            let shop = self.economy.any_merchant(self.ledger, &mut self.draw);
            let exchange = self.economy.any_exchange(self.ledger, &mut self.draw);
            let (from, to) = match self.draw.weighted(&[0.5, 0.35, 0.15]) {
                0 => (id, shop),
                1 => (exchange, id),
                _ => (id, exchange),
            };
            self.cover(Payment { at, from, to, usd, coin: self.coin, form });
        }
    }

    /// Replaces some stations before a repetition.
    fn renew(&mut self, stations: &mut [u32], role: &'static str, hop: impl Fn(usize) -> i64) {
        if self.scheme.hops.is_empty() {
            return;
        }
        for (i, station) in stations.iter_mut().enumerate() {
            if !self.draw.chance(self.manner.reuse) {
                *station = self.station(role, hop(i));
            }
        }
    }

    fn hop(&mut self, at: i64, from: u32, to: u32, usd: f64) {
        if from == to {
            return;
        }
        let form = if self.draw.chance(self.manner.rounded) { Form::Round } else { Form::Exact };
        self.scheme.hops.push(Payment { at, from, to, usd: usd.max(1.0), coin: self.coin, form });
    }

    fn cover(&mut self, payment: Payment) {
        if payment.from != payment.to && payment.usd >= 0.5 {
            self.scheme.cover.push(payment);
        }
    }

    /// Money comes from an exchange, or from a few people.
    fn fund(&mut self, to: u32, usd: f64, at: i64) {
        let usd = usd * self.draw.between(1.0, 1.1);
        let people = if self.draw.chance(0.6) { 0 } else { self.draw.whole(1, 3) };
        if people == 0 {
            let from = self.economy.any_exchange(self.ledger, &mut self.draw);
            let form = if self.draw.chance(0.3) { Form::Round } else { Form::Exact };
            self.cover(Payment { at, from, to, usd, coin: self.coin, form });
        }
        for _ in 0..people {
            let slot = self.draw.below(self.economy.slots());
            let from = self.economy.wallet(self.ledger, slot, at.div_euclid(DAY_MS)).id;
            let at = at - self.draw.below(20 * HOUR_MS as u64) as i64;
            self.cover(Payment {
                at,
                from,
                to,
                usd: usd / people as f64,
                coin: self.coin,
                form: Form::Exact,
            });
        }
    }

    /// Proceeds may go on to an exchange, some by way of a deposit address.
    fn cash_out(&mut self, from: u32, usd: f64) {
        if !self.draw.chance(self.manner.cash_out) {
            return;
        }
        let received = self.scheme.hops.iter().rev().find(|hop| hop.to == from).map(|hop| hop.at);
        let at = self.held(received.unwrap_or(self.start));
        let to = self.economy.any_exchange(self.ledger, &mut self.draw);
        let usd = usd * self.draw.between(0.8, 1.0);
        let payment = Payment { at, from, to, usd, coin: self.coin, form: Form::Exact };
        if self.draw.chance(0.5) {
            return self.cover(payment);
        }
        self.opened += 1;
        let kind = intent_name(self.scheme.intent);
        let own = self.economy.names.address(kind, self.number as u64, self.opened);
        let own = self.ledger.open(&own, Owner::Deposit);
        let swept = at + (self.draw.lognormal(0.7, 1.0).min(30.0) * HOUR_MS as f64) as i64;
        self.cover(Payment { to: own, ..payment });
        self.cover(Payment { at: swept, from: own, usd: usd * 0.9995, ..payment });
    }

    /// One or a few payments of everything that was gathered.
    fn pass_on(&mut self, last: i64, from: u32, to: u32, usd: f64) {
        let pieces = self.draw.whole(1, 3);
        let mut at = last;
        for _ in 0..pieces {
            at = self.held(at);
            self.hop(at, from, to, usd / pieces as f64);
        }
    }

    /// Every source pays `to` within the scheme's window; answers when the last did.
    fn gather(&mut self, at: i64, sources: &[u32], parts: &[f64], to: u32) -> i64 {
        let mut last = at;
        for (&source, &usd) in sources.iter().zip(parts) {
            let at = self.within(at);
            if self.draw.chance(self.manner.prefunded) {
                let funded = self.before(at);
                self.fund(source, usd, funded);
            }
            self.hop(at, source, to, usd);
            last = last.max(at);
        }
        last
    }

    /// `total` in `count` unequal parts.
    fn parts(&mut self, total: f64, count: usize) -> Vec<f64> {
        let weights: Vec<f64> = (0..count).map(|_| self.draw.lognormal(1.0, self.manner.spread)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| total * weight / sum).collect()
    }

    /// An amount below a reporting limit, close to it or not.
    fn below_limit(&mut self, limit: f64) -> f64 {
        if self.draw.chance(self.manner.hugging) {
            return limit * self.draw.between(0.82, 0.995);
        }
        (limit * self.draw.lognormal(0.4, 0.6)).min(0.97 * limit)
    }

    /// The share that a station keeps of one payment.
    fn kept(&mut self) -> f64 {
        (self.manner.retained * self.draw.lognormal(1.0, 0.5)).min(0.6)
    }

    /// When something received at `at` is passed on.
    fn held(&mut self, at: i64) -> i64 {
        let hours = self.draw.lognormal(self.manner.hold_hours, 0.8).clamp(0.05, 24.0 * 6.0);
        self.timed(at + (hours * HOUR_MS as f64) as i64)
    }

    /// An instant within the scheme's window from `at`.
    fn within(&mut self, at: i64) -> i64 {
        let hours = self.draw.between(0.0, self.manner.window_hours);
        self.timed(at + (hours * HOUR_MS as f64) as i64)
    }

    /// Some hours earlier.
    fn before(&mut self, at: i64) -> i64 {
        at - HOUR_MS * self.draw.whole(1, 36) as i64
    }

    fn timed(&mut self, at: i64) -> i64 {
        if self.draw.chance(self.manner.office) {
            calendar::office(&mut self.draw, at, self.zone)
        } else {
            at
        }
    }
}

/// Whether a ground-truth role of this simulator is a launderer's.
pub fn is_malicious(role: &str) -> bool {
    MALICIOUS.contains(&role)
}

impl Shape {
    /// The human-readable name of the scheme.
    pub fn pattern_type(self, intent: Intent) -> &'static str {
        match (self, intent) {
            (Shape::Cycle, Intent::Laundering) => "Cycle / Round Trip",
            (Shape::Cycle, Intent::Innocent) => "Treasury Rotation",
            (Shape::Layering, Intent::Laundering) => "Deep Layering",
            (Shape::Layering, Intent::Innocent) => "Supply Chain Payments",
            (Shape::FanIn, Intent::Laundering) => "Fan-In / Collection Pattern",
            (Shape::FanIn, Intent::Innocent) => "Merchant Collection",
            (Shape::Smurfing, Intent::Laundering) => "Smurfing Network",
            (Shape::Smurfing, Intent::Innocent) => "Shop Takings",
            (Shape::FanOut, Intent::Laundering) => "Rapid Fan-Out",
            (Shape::FanOut, Intent::Innocent) => "Payroll Run",
        }
    }
}

fn intent_name(intent: Intent) -> &'static str {
    match intent {
        Intent::Laundering => "laundering",
        Intent::Innocent => "innocent",
    }
}

const SHAPES: [Shape; 5] = [Shape::Cycle, Shape::Layering, Shape::FanIn, Shape::Smurfing, Shape::FanOut];
const SHAPE_WEIGHTS: [f64; 5] = [0.24, 0.24, 0.2, 0.2, 0.12];
/// No scheme lasts longer than this many days.
const LONGEST_DAYS: i64 = 90;
/// No member's cover begins earlier than this many days before its scheme.
const EARLIEST_DAYS: i64 = 27;
const MALICIOUS: [&str; 10] = [
    "attacker",
    "cycle_node",
    "layering_dest",
    "layering_hop",
    "layering_source",
    "mule",
    "smurfing_aggregator",
    "smurfing_exit",
    "smurfing_mule",
    "smurfing_source",
];

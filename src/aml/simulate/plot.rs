//! A scheme while it is being carried out, and the moves from which the topologies are made.

use std::collections::BTreeSet;

use super::calendar::{self, DAY_MS, HOUR_MS, Rhythm};
use super::draw::Draw;
use super::economy::Economy;
use super::ledger::{Form, Ledger, Owner, Payment};
use super::manner::{Intent, Manner};
use super::scheme::{LONGEST_DAYS, Scheme};

/// What a scheme is drawn from.
pub(super) struct Plot<'a> {
    pub(super) economy: &'a Economy,
    pub(super) ledger: &'a mut Ledger,
    pub(super) draw: Draw,
    pub(super) manner: Manner,
    pub(super) number: i64,
    pub(super) start: i64,
    pub(super) zone: i64,
    pub(super) coin: u8,
    pub(super) opened: u64,
    /// Slots whose wallets may be recruited: no other scheme of the same season uses them.
    pub(super) slots: Vec<u64>,
    pub(super) recruited: BTreeSet<u64>,
    pub(super) scheme: Scheme,
}

/// The moves from which the topologies are made.
impl Plot<'_> {
    pub(super) fn role(&self, laundering: &'static str, innocent: &'static str) -> &'static str {
        match self.scheme.intent {
            Intent::Laundering => laundering,
            Intent::Innocent => innocent,
        }
    }

    /// US dollars of one run; the same for both intents.
    pub(super) fn total(&mut self) -> f64 {
        self.draw.lognormal(16_000.0, 1.0).clamp(1_500.0, 900_000.0)
    }

    pub(super) fn runs_of_total(&mut self) -> Vec<(i64, f64)> {
        let total = self.total();
        self.runs(total)
    }

    /// Start and sum of each repetition, none later than [`LONGEST_DAYS`] allows.
    pub(super) fn runs(&mut self, total: f64) -> Vec<(i64, f64)> {
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

    pub(super) fn stations(&mut self, count: usize, role: &'static str, hop: i64) -> Vec<u32> {
        (0..count).map(|_| self.station(role, hop)).collect()
    }

    /// Somebody who takes part: a recruited wallet with a life of its own, or an address opened for the purpose.
    pub(super) fn station(&mut self, role: &'static str, hop: i64) -> u32 {
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

    /// An address opened for the purpose that nobody has used for anything else.
    pub(super) fn fresh(&mut self, role: &'static str, hop: i64) -> u32 {
        let id = self.address();
        self.scheme.members.insert(id, (role, hop));
        id
    }

    fn open(&mut self) -> u32 {
        let id = self.address();
        self.everyday(id);
        id
    }

    fn address(&mut self) -> u32 {
        self.opened += 1;
        let kind = intent_name(self.scheme.intent);
        let address = self.economy.names.address(kind, self.number as u64, self.opened);
        self.ledger.open(&address, Owner::Scheme)
    }

    /// A few ordinary payments of an address opened for the purpose.
    pub(super) fn everyday(&mut self, id: u32) {
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
    pub(super) fn renew(&mut self, stations: &mut [u32], role: &'static str, hop: impl Fn(usize) -> i64) {
        if self.scheme.hops.is_empty() {
            return;
        }
        for (i, station) in stations.iter_mut().enumerate() {
            if !self.draw.chance(self.manner.reuse) {
                *station = self.station(role, hop(i));
            }
        }
    }

    pub(super) fn hop(&mut self, at: i64, from: u32, to: u32, usd: f64) {
        if from == to {
            return;
        }
        let form = if self.draw.chance(self.manner.rounded) { Form::Round } else { Form::Exact };
        self.hop_of(form, at, from, to, usd);
    }

    /// A payment whose amount is rounded or not by its nature.
    pub(super) fn hop_of(&mut self, form: Form, at: i64, from: u32, to: u32, usd: f64) {
        if from != to {
            self.scheme.hops.push(Payment { at, from, to, usd: usd.max(1.0), coin: self.coin, form });
        }
    }

    pub(super) fn cover(&mut self, payment: Payment) {
        if payment.from != payment.to && payment.usd >= 0.5 {
            self.scheme.cover.push(payment);
        }
    }

    /// Money that is there by `needed` comes from an exchange, or from a few people.
    pub(super) fn fund(&mut self, to: u32, usd: f64, needed: i64) {
        let at = self.before(needed);
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
    pub(super) fn cash_out(&mut self, from: u32, usd: f64) {
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
    pub(super) fn pass_on(&mut self, last: i64, from: u32, to: u32, usd: f64) {
        let pieces = self.draw.whole(1, 3);
        let mut at = last;
        for _ in 0..pieces {
            at = self.held(at);
            self.hop(at, from, to, usd / pieces as f64);
        }
    }

    /// Every source pays `to` within the scheme's window; answers when the last did.
    pub(super) fn gather(&mut self, at: i64, sources: &[u32], parts: &[f64], to: u32) -> i64 {
        let mut last = at;
        for (&source, &usd) in sources.iter().zip(parts) {
            let at = self.within(at);
            if self.draw.chance(self.manner.prefunded) {
                self.fund(source, usd, at);
            }
            self.hop(at, source, to, usd);
            last = last.max(at);
        }
        last
    }

    /// `total` in `count` unequal parts.
    pub(super) fn parts(&mut self, total: f64, count: usize) -> Vec<f64> {
        let weights: Vec<f64> = (0..count).map(|_| self.draw.lognormal(1.0, self.manner.spread)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| total * weight / sum).collect()
    }

    /// An amount below a reporting limit, close to it or not.
    pub(super) fn below_limit(&mut self, limit: f64) -> f64 {
        if self.draw.chance(self.manner.hugging) {
            return limit * self.draw.between(0.82, 0.995);
        }
        (limit * self.draw.lognormal(0.4, 0.6)).min(0.97 * limit)
    }

    /// The share that a station keeps of one payment.
    pub(super) fn kept(&mut self) -> f64 {
        (self.manner.retained * self.draw.lognormal(1.0, 0.5)).min(0.6)
    }

    /// When something received at `at` is passed on.
    pub(super) fn held(&mut self, at: i64) -> i64 {
        let hours = self.draw.lognormal(self.manner.hold_hours, 0.8).clamp(0.05, 24.0 * 6.0);
        self.timed(at + (hours * HOUR_MS as f64) as i64)
    }

    /// An instant within the scheme's window from `at`.
    pub(super) fn within(&mut self, at: i64) -> i64 {
        let hours = self.draw.between(0.0, self.manner.window_hours);
        self.timed(at + (hours * HOUR_MS as f64) as i64)
    }

    /// Some hours earlier.
    fn before(&mut self, at: i64) -> i64 {
        at - HOUR_MS * self.draw.whole(1, 36) as i64
    }

    pub(super) fn timed(&mut self, at: i64) -> i64 {
        if self.draw.chance(self.manner.office) {
            calendar::office(&mut self.draw, at, self.zone)
        } else {
            at
        }
    }
}

/// Keeps the addresses and ids of the two intents apart.
pub(super) fn intent_name(intent: Intent) -> &'static str {
    match intent {
        Intent::Laundering => "laundering",
        Intent::Innocent => "innocent",
    }
}

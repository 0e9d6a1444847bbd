//! Mixing services: people pay in equal sums, and other wallets of theirs are paid as much out of the common pot. Honest
//! people use them as well; these write here. They exist only where the repertoire plants [`Shape::Mixer`].
//!
//! What a day's customers do is a pure function of (seed, mixer, day) and over within a week.

use crate::determinism::rng::Stream;

use super::calendar::{self, HOUR_MS, Rhythm};
use super::config::Simulation;
use super::draw::Draw;
use super::economy::Economy;
use super::ledger::{Form, Ledger, Owner, Payment};
use super::market::STABLE;
use super::shape::Shape;

/// The mixing services of an economy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixers {
    stream: Stream,
    count: u64,
}

impl Mixers {
    pub(super) fn new(simulation: &Simulation, economy: &Economy) -> Self {
        let wanted = simulation.shapes.weight(Shape::Mixer) > 0.0;
        Mixers {
            stream: Stream::new(simulation.seed, "mixer"),
            count: if wanted { count(economy) } else { 0 },
        }
    }

    /// Writes what the customers of one day do.
    pub(super) fn write_day(self, economy: &Economy, ledger: &mut Ledger, day: i64) {
        for mixer in 0..self.count {
            let mut draw = Draw::new(self.stream.round(mixer).round(day as u64));
            for customer in 0..draw.poisson(CUSTOMERS) {
                Visit { mixer, customer, day }.pay(economy, ledger, &mut draw);
            }
        }
    }
}

/// One honest customer on one day.
struct Visit {
    mixer: u64,
    customer: u64,
    day: i64,
}

impl Visit {
    fn pay(self, economy: &Economy, ledger: &mut Ledger, draw: &mut Draw) {
        let Visit { mixer, customer, day } = self;
        let service = service(economy, ledger, mixer);
        let slot = draw.below(economy.slots());
        let wallet = economy.wallet(ledger, slot, day);
        let index = day as u64 * 1_000 + customer;
        let fresh = ledger.open(&economy.names.address("private", mixer, index), Owner::Wallet { born: day });
        let usd = DENOMINATIONS[draw.weighted(&[5.0, 3.0, 0.6])];
        let mut last = 0;
        for _ in 0..draw.whole(1, 3) {
            let at = calendar::moment(draw, day, Rhythm::Awake(wallet.zone));
            ledger.pay(deposit(at, wallet.id, service, usd));
            let out = at + draw.whole(2, 72) as i64 * HOUR_MS;
            ledger.pay(deposit(out, service, fresh, usd));
            last = last.max(out);
        }
        if draw.chance(0.7) {
            let to = economy.any_merchant(ledger, draw);
            let at = last + draw.whole(1, 72) as i64 * HOUR_MS;
            let usd = usd * draw.between(0.05, 0.95);
            ledger.pay(Payment { at, from: fresh, to, usd, coin: STABLE, form: Form::Exact });
        }
    }
}

/// The address of a mixing service.
pub(super) fn service(economy: &Economy, ledger: &mut Ledger, mixer: u64) -> u32 {
    ledger.open(&economy.names.address("mixer", mixer, 0), Owner::Mixer)
}

/// Some mixing service.
pub(super) fn any_service(economy: &Economy, ledger: &mut Ledger, draw: &mut Draw) -> u32 {
    let mixer = draw.below(count(economy));
    service(economy, ledger, mixer)
}

/// A payment into or out of a mixer: stable coins in round numbers, so that equal sums are equal to the last digit.
pub(super) fn deposit(at: i64, from: u32, to: u32, usd: f64) -> Payment {
    Payment { at, from, to, usd, coin: STABLE, form: Form::Round }
}

fn count(economy: &Economy) -> u64 {
    economy.slots() / 1_500 + 1
}

/// The sums, in dollars, that mixers take and give.
pub(super) const DENOMINATIONS: [f64; 3] = [100.0, 1_000.0, 10_000.0];
/// Honest customers of each mixer a day.
const CUSTOMERS: f64 = 4.0;

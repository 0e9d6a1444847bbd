//! Shops that are discovered: each begins with a customer every other day and has many times as many a month later. Without them
//! hardly an address of the economy grows as fast as the evolution rule asks (`aml::evolution`), and whoever learns from
//! what became of addresses would have one class only.
//!
//! Shop `number` is a pure function of (seed, number), its payments of the day as well; numbers count window lengths since 1970, so
//! which shops exist does not depend on the days for which batches are cut.

use crate::determinism::math;
use crate::determinism::rng::Stream;

use super::calendar::{self, Rhythm};
use super::config::Simulation;
use super::draw::Draw;
use super::economy::Economy;
use super::ledger::{Form, Ledger, Owner, Payment};

/// The shops that open while an economy runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rising {
    stream: Stream,
    per_window: i64,
    window_days: i64,
}

impl Rising {
    pub(super) fn new(simulation: &Simulation) -> Self {
        Rising {
            stream: Stream::new(simulation.seed, "rising"),
            per_window: i64::from(simulation.rising),
            window_days: i64::from(simulation.window_days),
        }
    }

    /// Writes one day of every shop that is open.
    pub(super) fn write_day(self, economy: &Economy, ledger: &mut Ledger, day: i64) {
        let number = |day: i64| (day * self.per_window).div_euclid(self.window_days);
        if self.per_window == 0 {
            return;
        }
        for number in number(day - LIFE_DAYS) - 1..=number(day) {
            let mut habit = Draw::new(self.stream.round(number as u64));
            let step = self.window_days as f64 / self.per_window as f64;
            let age = day - ((number as f64 + habit.unit()) * step) as i64;
            if (0..LIFE_DAYS).contains(&age) {
                let draw = Draw::new(self.stream.round(number as u64).round(day as u64));
                Shop { number, age, habit, draw }.open_on(day, economy, ledger);
            }
        }
    }
}

/// A shop on one of its days.
struct Shop {
    number: i64,
    /// Days since it opened.
    age: i64,
    /// What stays the same every day.
    habit: Draw,
    /// What this day brings.
    draw: Draw,
}

impl Shop {
    fn open_on(self, day: i64, economy: &Economy, ledger: &mut Ledger) {
        let Shop { number, age, mut habit, mut draw } = self;
        let shop = ledger.open(&economy.names.address("rising", number as u64, 0), Owner::Merchant);
        let (ticket, zone) = (habit.lognormal(60.0, 0.8), calendar::time_zone(&mut habit));
        let coin = habit.weighted(&[6.0, 2.2, 1.2, 0.6]) as u8;
        let customers = (FIRST_CUSTOMERS * math::exp(age as f64 / GROWTH_DAYS)).min(MOST_CUSTOMERS);
        for _ in 0..draw.poisson(customers) {
            let slot = draw.below(economy.slots());
            let from = economy.wallet(ledger, slot, day).id;
            let at = calendar::moment(&mut draw, day, Rhythm::Awake(zone));
            let form = if draw.chance(0.25) { Form::Round } else { Form::Exact };
            ledger.pay(Payment { at, from, to: shop, usd: draw.lognormal(ticket, 0.7), coin, form });
        }
        if age % 7 == 6 {
            let to = economy.any_exchange(ledger, &mut draw);
            let at = calendar::moment(&mut draw, day, Rhythm::Office(zone));
            let usd = 7.0 * customers * ticket * draw.between(0.4, 0.8);
            ledger.pay(Payment { at, from: shop, to, usd, coin, form: Form::Exact });
        }
    }
}

/// Customers a day when a shop opens, and at most.
const FIRST_CUSTOMERS: f64 = 0.4;
const MOST_CUSTOMERS: f64 = 20.0;
/// Days in which they become e times as many: seven times as many in thirty.
const GROWTH_DAYS: f64 = 15.0;
/// Then it closes.
const LIFE_DAYS: i64 = 90;

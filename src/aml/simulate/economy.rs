//! The background economy: people who shop, lend each other money and trade, the shops, exchanges, employers,
//! mining pools and market makers they deal with.
//!
//! Everything is a pure function of (seed, who, day): a person lives in a slot for a drawn number of days and is then
//! followed by another, so at any time some wallets are days old and some years.

use crate::determinism::rng::Stream;

use super::calendar::{self, HOUR_MS, Rhythm};
use super::config::Simulation;
use super::draw::Draw;
use super::ledger::{Form, Ledger, Owner, Payment};
use super::market::NATIVE;
use super::name::Names;

/// The cast of the economy.
#[derive(Clone, Debug)]
pub(super) struct Economy {
    pub(super) names: Names,
    seed: u64,
    wallets: u64,
    exchanges: u64,
    merchants: u64,
    employers: u64,
    pools: u64,
    bots: u64,
    /// What each merchant took in on each day since the first one written.
    takings: Vec<Vec<f64>>,
}

/// A person on some day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wallet {
    pub(super) id: u32,
    slot: u64,
    occupant: u64,
    /// Payments a day.
    rate: f64,
    /// Typical payment in US dollars.
    scale: f64,
    pub(super) zone: i64,
    exchange: u64,
    coin: u8,
    deposits: Deposits,
}

/// How a person's deposits reach the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deposits {
    Direct,
    OwnAddress,
}

impl Economy {
    pub(super) fn new(simulation: &Simulation) -> Self {
        let wallets = u64::from(simulation.addresses);
        let merchants = (wallets / 40).max(4);
        Economy {
            names: Names::new(simulation.seed, &simulation.network),
            seed: simulation.seed,
            wallets,
            exchanges: (wallets / 500).max(2),
            merchants,
            employers: (wallets / 130).max(2),
            pools: wallets / 700 + 1,
            bots: wallets / 700 + 1,
            takings: vec![Vec::new(); merchants as usize],
        }
    }

    /// How many slots people live in.
    pub(super) fn slots(&self) -> u64 {
        self.wallets
    }

    /// Writes one day; days must follow one another.
    pub(super) fn write_day(&mut self, ledger: &mut Ledger, day: i64) {
        self.takings.iter_mut().for_each(|days| days.push(0.0));
        for slot in 0..self.wallets {
            self.person(ledger, slot, day);
        }
        (0..self.merchants).for_each(|merchant| self.settle_takings(ledger, merchant, day));
        (0..self.employers).for_each(|employer| self.payroll(ledger, employer, day));
        (0..self.pools).for_each(|pool| self.pay_miners(ledger, pool, day));
        (0..self.bots).for_each(|bot| self.trade(ledger, bot, day));
        (0..self.exchanges).for_each(|exchange| self.rebalance(ledger, exchange, day));
    }

    /// Who lives in a slot on a day.
    pub(super) fn wallet(&self, ledger: &mut Ledger, slot: u64, day: i64) -> Wallet {
        let mut life = self.draw("life", slot, 0);
        let length = life.lognormal(240.0, 0.9).clamp(12.0, 2_000.0) as i64;
        let shifted = day + life.below(length as u64) as i64;
        let occupant = shifted.div_euclid(length);
        let born = day - shifted.rem_euclid(length);
        let address = self.names.address("wallet", slot, occupant as u64);
        let mut draw = self.draw("persona", slot, occupant as u64);
        Wallet {
            id: ledger.open(&address, Owner::Wallet { born }),
            slot,
            occupant: occupant as u64,
            rate: draw.lognormal(0.085, 1.1).min(4.0),
            scale: draw.lognormal(90.0, 1.8).min(60_000.0),
            zone: calendar::time_zone(&mut draw),
            exchange: draw.below(self.exchanges),
            coin: draw.weighted(&[6.0, 2.2, 1.2, 0.6]) as u8,
            deposits: if draw.chance(0.45) { Deposits::OwnAddress } else { Deposits::Direct },
        }
    }

    /// The wallet from which an exchange pays out and to which deposits go.
    pub(super) fn exchange(&self, ledger: &mut Ledger, exchange: u64) -> u32 {
        ledger.open(&self.names.address("exchange", exchange, 0), Owner::Exchange)
    }

    /// Some exchange's hot wallet.
    pub(super) fn any_exchange(&self, ledger: &mut Ledger, draw: &mut Draw) -> u32 {
        let exchange = draw.below(self.exchanges);
        self.exchange(ledger, exchange)
    }

    /// Some shop, popular ones more often.
    pub(super) fn any_merchant(&self, ledger: &mut Ledger, draw: &mut Draw) -> u32 {
        let merchant = self.popular_merchant(draw);
        self.merchant(ledger, merchant)
    }

    fn draw(&self, purpose: &str, who: u64, round: u64) -> Draw {
        Draw::new(Stream::new(self.seed, purpose).round(who).round(round))
    }

    fn merchant(&self, ledger: &mut Ledger, merchant: u64) -> u32 {
        ledger.open(&self.names.address("merchant", merchant, 0), Owner::Merchant)
    }

    /// Low numbers are popular: the square of a uniform draw.
    fn popular_merchant(&self, draw: &mut Draw) -> u64 {
        let u = draw.unit();
        ((u * u * self.merchants as f64) as u64).min(self.merchants - 1)
    }

    fn person(&mut self, ledger: &mut Ledger, slot: u64, day: i64) {
        let mut draw = self.draw("day", slot, day as u64);
        let wallet = self.wallet(ledger, slot, day);
        let payments = draw.poisson(wallet.rate * calendar::liveliness(day));
        for _ in 0..payments {
            let at = calendar::moment(&mut draw, day, Rhythm::Awake(wallet.zone));
            match draw.weighted(&[0.43, 0.22, 0.16, 0.19]) {
                0 => self.shop(ledger, &mut draw, wallet, at),
                1 => self.lend(ledger, &mut draw, wallet, at),
                2 => self.deposit(ledger, &mut draw, wallet, at),
                _ => self.withdraw(ledger, &mut draw, wallet, at),
            }
        }
    }

    fn shop(&mut self, ledger: &mut Ledger, draw: &mut Draw, wallet: Wallet, at: i64) {
        let favourite = draw.below(3);
        let merchant = if draw.chance(0.65) {
            self.popular_merchant(&mut self.draw("favourite", wallet.slot, wallet.occupant * 3 + favourite))
        } else {
            self.popular_merchant(draw)
        };
        let ticket = self.draw("ticket", merchant, 0).lognormal(38.0, 1.1);
        let usd = draw.lognormal(ticket, 0.7) * if draw.chance(0.02) { draw.pareto(1.3) } else { 1.0 };
        let form = if draw.chance(0.25) { Form::Round } else { Form::Exact };
        let to = self.merchant(ledger, merchant);
        if let Some(today) = self.takings[merchant as usize].last_mut() {
            *today += usd;
        }
        ledger.pay(Payment { at, from: wallet.id, to, usd, coin: wallet.coin, form });
    }

    /// To one of a few friends, most of them neighbours.
    fn lend(&self, ledger: &mut Ledger, draw: &mut Draw, wallet: Wallet, at: i64) {
        let which = draw.below(4);
        let mut friend = self.draw("friend", wallet.slot, which);
        let slot = if friend.chance(0.75) {
            let circle = wallet.slot - wallet.slot % CIRCLE;
            circle + friend.below(CIRCLE.min(self.wallets - circle))
        } else {
            friend.below(self.wallets)
        };
        let to = self.wallet(ledger, slot, at.div_euclid(calendar::DAY_MS)).id;
        let usd = self.sum(draw, wallet.scale);
        let form = if draw.chance(0.4) { Form::Round } else { Form::Exact };
        ledger.pay(Payment { at, from: wallet.id, to, usd, coin: wallet.coin, form });
    }

    fn deposit(&self, ledger: &mut Ledger, draw: &mut Draw, wallet: Wallet, at: i64) {
        let usd = self.sum(draw, 4.0 * wallet.scale);
        let form = if draw.chance(0.3) { Form::Round } else { Form::Exact };
        let hot = self.exchange(ledger, wallet.exchange);
        let payment = Payment { at, from: wallet.id, to: hot, usd, coin: wallet.coin, form };
        match wallet.deposits {
            Deposits::Direct => ledger.pay(payment),
            Deposits::OwnAddress => {
                let own = self.names.address("deposit", wallet.slot, wallet.occupant);
                self.pay_through(ledger, draw, payment, &own);
            }
        }
    }

    /// A payment to an exchange by way of a deposit address, which is swept within the hour or so.
    pub(super) fn pay_through(&self, ledger: &mut Ledger, draw: &mut Draw, payment: Payment, own: &str) {
        let own = ledger.open(own, Owner::Deposit);
        let swept = payment.at + (draw.lognormal(0.7, 1.0).min(30.0) * HOUR_MS as f64) as i64;
        ledger.pay(Payment { to: own, ..payment });
        ledger.pay(Payment { at: swept, from: own, usd: payment.usd * 0.9995, form: Form::Exact, ..payment });
    }

    fn withdraw(&self, ledger: &mut Ledger, draw: &mut Draw, wallet: Wallet, at: i64) {
        let from = self.exchange(ledger, wallet.exchange);
        let usd = self.sum(draw, 4.5 * wallet.scale);
        let form = if draw.chance(0.35) { Form::Round } else { Form::Exact };
        ledger.pay(Payment { at, from, to: wallet.id, usd, coin: wallet.coin, form });
    }

    /// A heavy-tailed amount: log-normal, now and then multiplied by a Pareto draw.
    fn sum(&self, draw: &mut Draw, scale: f64) -> f64 {
        let tail = if draw.chance(0.05) { draw.pareto(1.2).min(400.0) } else { 1.0 };
        draw.lognormal(scale, 1.0) * tail
    }

    /// Once a week a shop sends most of what it took in to an exchange or to a supplier.
    fn settle_takings(&mut self, ledger: &mut Ledger, merchant: u64, day: i64) {
        let mut draw = self.draw("settle", merchant, day as u64);
        let mut habit = self.draw("habit", merchant, 0);
        let (weekday, zone) = (habit.below(7), calendar::time_zone(&mut habit));
        let (exchange, supplier) = (habit.below(self.exchanges), habit.below(self.merchants));
        if calendar::weekday(day) as u64 != weekday {
            return;
        }
        let days = &self.takings[merchant as usize];
        let week: f64 = days[days.len().saturating_sub(8)..days.len() - 1].iter().sum();
        let from = self.merchant(ledger, merchant);
        let to_supplier = week * draw.between(0.2, 0.5);
        let at = calendar::moment(&mut draw, day, Rhythm::Office(zone));
        let (coin, form) = (1, Form::Exact);
        if draw.chance(0.4) {
            let to = self.merchant(ledger, supplier);
            ledger.pay(Payment { at, from, to, usd: to_supplier, coin, form });
        }
        let at = calendar::moment(&mut draw, day, Rhythm::Office(zone));
        let to = self.exchange(ledger, exchange);
        ledger.pay(Payment { at, from, to, usd: week * draw.between(0.25, 0.48), coin, form });
    }

    /// Salaries on a cycle of one, two or four weeks, the money drawn from an exchange two days before.
    fn payroll(&self, ledger: &mut Ledger, employer: u64, day: i64) {
        let mut habit = self.draw("employer", employer, 0);
        let cycle = [7, 14, 28][habit.weighted(&[1.0, 1.0, 2.0])];
        let phase = habit.below(cycle as u64) as i64;
        let staff = (habit.lognormal(9.0, 0.7) as u64).clamp(4, 60);
        let base = habit.lognormal(900.0, 0.6) * cycle as f64 / 14.0;
        let zone = calendar::time_zone(&mut habit);
        let (exchange, coin) = (habit.below(self.exchanges), habit.weighted(&[1.0, 2.0, 1.0]) as u8);
        let salary = |j: u64| self.draw("salary", employer, j).lognormal(base, 0.45);
        let company = ledger.open(&self.names.address("employer", employer, 0), Owner::Employer);
        let mut draw = self.draw("payroll", employer, day as u64);
        if (day + 2 + phase).rem_euclid(cycle) == 0 {
            let total: f64 = (0..staff).map(salary).sum();
            let at = calendar::moment(&mut draw, day, Rhythm::Office(zone));
            let (from, usd) = (self.exchange(ledger, exchange), total * draw.between(1.0, 1.25));
            ledger.pay(Payment { at, from, to: company, usd, coin, form: Form::Round });
        }
        if (day + phase).rem_euclid(cycle) == 0 {
            let start = calendar::moment(&mut draw, day, Rhythm::Office(zone));
            for j in 0..staff {
                let slot = self.draw("staff", employer, j).below(self.wallets);
                let to = self.wallet(ledger, slot, day).id;
                let at = start + draw.below(HOUR_MS as u64) as i64;
                let usd = salary(j) * draw.between(0.97, 1.06);
                ledger.pay(Payment { at, from: company, to, usd, coin, form: Form::Exact });
            }
        }
    }

    /// Small sums to many, at any hour.
    fn pay_miners(&self, ledger: &mut Ledger, pool: u64, day: i64) {
        let mut habit = self.draw("pool", pool, 0);
        let miners = (habit.lognormal(24.0, 0.5) as u64).clamp(6, 90);
        let exchange = self.exchange(ledger, habit.below(self.exchanges));
        let mut draw = self.draw("mining", pool, day as u64);
        let from = ledger.open(&self.names.address("pool", pool, 0), Owner::Pool);
        let (coin, form) = (NATIVE, Form::Exact);
        let mut paid = 0.0;
        for miner in 0..miners {
            if (day as u64 + miner) % 4 == 0 {
                let mut member = self.draw("miner", pool, miner);
                let (slot, share) = (member.below(self.wallets), member.lognormal(22.0, 1.0));
                let to = self.wallet(ledger, slot, day).id;
                let usd = draw.lognormal(share, 0.15);
                paid += usd;
                ledger.pay(Payment {
                    at: calendar::moment(&mut draw, day, Rhythm::Always),
                    from,
                    to,
                    usd,
                    coin,
                    form,
                });
            }
        }
        let at = calendar::moment(&mut draw, day, Rhythm::Always);
        ledger.pay(Payment { at, from: exchange, to: from, usd: paid * draw.between(0.9, 1.2), coin, form });
    }

    /// A market maker moves similar sums between its own two wallets and an exchange all day long.
    fn trade(&self, ledger: &mut Ledger, bot: u64, day: i64) {
        let mut habit = self.draw("bot", bot, 0);
        let (size, pace) = (habit.lognormal(1_400.0, 0.8), habit.lognormal(5.0, 0.6));
        let exchange = self.exchange(ledger, habit.below(self.exchanges));
        let coin = habit.below(4) as u8;
        let own = [0, 1].map(|i| ledger.open(&self.names.address("bot", bot, i), Owner::Bot));
        let mut draw = self.draw("trading", bot, day as u64);
        for _ in 0..draw.poisson(pace.min(14.0)) {
            let ring = [own[0], own[1], exchange];
            let leg = draw.below(3) as usize;
            let at = calendar::moment(&mut draw, day, Rhythm::Always);
            let usd = draw.lognormal(size, 0.35);
            ledger.pay(Payment {
                at,
                from: ring[leg],
                to: ring[(leg + 1) % 3],
                usd,
                coin,
                form: Form::Exact,
            });
        }
    }

    /// An exchange moves reserves between its hot and its cold wallet.
    fn rebalance(&self, ledger: &mut Ledger, exchange: u64, day: i64) {
        let mut draw = self.draw("reserve", exchange, day as u64);
        if !draw.chance(0.3) {
            return;
        }
        let hot = self.exchange(ledger, exchange);
        let cold = ledger.open(&self.names.address("exchange", exchange, 1), Owner::Exchange);
        let (from, to) = if draw.chance(0.5) { (hot, cold) } else { (cold, hot) };
        let at = calendar::moment(&mut draw, day, Rhythm::Office(0));
        let usd = draw.lognormal(60_000.0, 0.9);
        ledger.pay(Payment { at, from, to, usd, coin: draw.below(4) as u8, form: Form::Round });
    }
}

/// How many neighbouring slots know each other.
const CIRCLE: u64 = 24;

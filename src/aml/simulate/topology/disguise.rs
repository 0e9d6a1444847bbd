//! Shapes that hide in what wallets are rather than in how they are joined: a pot shared with others, sleepers, many
//! wallets of one person.

use crate::aml::simulate::calendar::DAY_MS;
use crate::aml::simulate::ledger::{Form, Payment};
use crate::aml::simulate::mixer;
use crate::aml::simulate::plot::Plot;

impl Plot<'_> {
    /// The service is no member: honest people use it as well.
    pub(super) fn mixer(&mut self) {
        let sizes = [self.draw.whole(1, 4) as usize, self.draw.whole(2, 6) as usize];
        let [payer, payee] =
            [self.role("mixer_depositor", "privacy_user"), self.role("mixer_recipient", "private_wallet")];
        let mut payers = self.stations(sizes[0], payer, 0);
        let service = mixer::any_service(self.economy, self.ledger, &mut self.draw);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut payers, payer, |_| 0);
            let fitting = mixer::DENOMINATIONS.iter().rev().find(|&&usd| total >= FEWEST_PIECES * usd);
            let usd = fitting.copied().unwrap_or(mixer::DENOMINATIONS[0]);
            let pieces = (total / usd).min(MOST_PIECES) as usize;
            let each = pieces as f64 * usd / sizes[0] as f64;
            for &payer in &payers {
                self.fund(payer, each, at);
            }
            let payees: Vec<u32> = (0..sizes[1].min(pieces)).map(|_| self.fresh(payee, 2)).collect();
            for piece in 0..pieces {
                let paid = self.within(at);
                self.scheme.hops.push(mixer::deposit(paid, payers[piece % sizes[0]], service, usd));
                let out = self.held(paid);
                self.scheme.hops.push(mixer::deposit(out, service, payees[piece % payees.len()], usd));
            }
            let received = pieces as f64 * usd / payees.len() as f64;
            payees.iter().for_each(|&payee| self.cash_out(payee, 0.9 * received));
        }
    }

    /// The sleepers are opened for it, paid once when the scheme begins, and touched by nobody until they wake.
    pub(super) fn dormant_reactivation(&mut self) {
        let [sleepers, hops] = [self.draw.whole(2, 6) as usize, self.draw.whole(2, 4) as usize];
        let exit = self.station(self.role("dormant_exit", "household_account"), 2);
        let [sleeper, role] =
            [self.role("dormant_wallet", "savings_wallet"), self.role("activation_hop", "bank_branch")];
        let mut through = self.stations(hops, role, 1);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut through, role, |_| 1);
            for part in self.parts(total, sleepers) {
                let wallet = self.fresh(sleeper, 0);
                self.fund(wallet, part, self.start);
                let asleep = self.draw.between(LEAST_SLEEP_DAYS, MOST_SLEEP_DAYS);
                let wakes = self.within(at + (asleep * DAY_MS as f64) as i64);
                let pieces = self.parts(0.97 * part, hops);
                for (&hop, &piece) in through.iter().zip(&pieces) {
                    self.hop(wakes, wallet, hop, piece);
                    let on = self.held(wakes);
                    let usd = piece * (1.0 - self.kept());
                    self.hop(on, hop, exit, usd);
                }
            }
            self.cash_out(exit, 0.85 * total);
        }
    }

    pub(super) fn sybil(&mut self) {
        let count = self.draw.whole(8, 30) as usize;
        let funder = self.station(self.role("sybil_funder", "voucher_issuer"), 0);
        let collector = self.station(self.role("sybil_collector", "voucher_clearing"), 2);
        let role = self.role("sybil_wallet", "voucher_wallet");
        let mut wallets = self.stations(count, role, 1);
        // what they were all made for: an airdrop, or a shop that takes the vouchers
        let target = self.economy.any_merchant(self.ledger, &mut self.draw);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut wallets, role, |_| 1);
            self.fund(funder, total, at);
            for &wallet in &wallets {
                let usd = total / count as f64 * self.draw.between(0.97, 1.03);
                let funded = self.within(at);
                self.hop_of(Form::Exact, funded, funder, wallet, usd);
                let (done, spent) = self.take_part(funded, wallet, target, usd);
                let back = self.held(done);
                let usd = (usd - spent) * (1.0 - self.kept());
                self.hop(back, wallet, collector, usd);
            }
            self.cash_out(collector, 0.8 * total);
        }
    }

    /// A few small payments to what the wallets were made for; answers when the last was made, and what all cost.
    fn take_part(&mut self, at: i64, from: u32, to: u32, usd: f64) -> (i64, f64) {
        let (mut at, mut spent) = (at, 0.0);
        for _ in 0..self.draw.whole(1, 4) {
            at = self.held(at);
            let usd = usd * self.draw.between(0.01, 0.05);
            self.cover(Payment { at, from, to, usd, coin: self.coin, form: Form::Exact });
            spent += usd;
        }
        (at, spent)
    }
}

/// How many pieces a sum is mixed in: the largest denomination that makes so many, and never more than so many.
const FEWEST_PIECES: f64 = 4.0;
const MOST_PIECES: f64 = 24.0;
/// How long sleepers sleep, at least and usually at most. With the longest row of repetitions the scheme still ends in time.
const LEAST_SLEEP_DAYS: f64 = 30.0;
const MOST_SLEEP_DAYS: f64 = 40.0;

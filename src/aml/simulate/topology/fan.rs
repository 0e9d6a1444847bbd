//! One and many: fans, and fans joined at either side.

use crate::aml::simulate::calendar::HOUR_MS;
use crate::aml::simulate::plot::Plot;

impl Plot<'_> {
    pub(super) fn fan_in(&mut self) {
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

    pub(super) fn smurfing(&mut self) {
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
            self.fund(source, total, at);
            self.pass_through(at, source, (&mules, &parts), aggregator);
            self.cash_out(aggregator, 0.9 * total);
        }
    }

    pub(super) fn scatter_gather(&mut self) {
        let count = self.draw.whole(5, 18) as usize;
        let source = self.station(self.role("scatter_source", "sponsor"), 0);
        let dest = self.station(self.role("gather_dest", "organiser"), 2);
        let role = self.role("scatter_mule", "group_member");
        let mut mules = self.stations(count, role, 1);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut mules, role, |_| 1);
            self.fund(source, total, at);
            let parts = self.parts(total, count);
            self.pass_through(at, source, (&mules, &parts), dest);
            self.cash_out(dest, 0.9 * total);
        }
    }

    /// Each mule is paid its part, and pays it on.
    fn pass_through(&mut self, at: i64, source: u32, mules: (&[u32], &[f64]), to: u32) {
        for (&mule, &part) in mules.0.iter().zip(mules.1) {
            let out = self.within(at);
            self.hop(out, source, mule, part);
            let back = self.held(out);
            let usd = part * (1.0 - self.kept());
            self.hop(back, mule, to, usd);
        }
    }

    pub(super) fn fan_out(&mut self) {
        let count = self.draw.whole(8, 30) as usize;
        let source = self.station(self.role("attacker", "paymaster"), 0);
        let role = self.role("mule", "payee");
        let mut payees = self.stations(count, role, 1);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut payees, role, |_| 1);
            self.fund(source, total, at);
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

    pub(super) fn gather_scatter(&mut self) {
        let [n_sources, n_dests] = [self.draw.whole(4, 14) as usize, self.draw.whole(4, 14) as usize];
        let hub = self.station(self.role("gather_scatter_hub", "club_account"), 1);
        let [source, dest] =
            [self.role("gather_source", "club_member"), self.role("scatter_dest", "beneficiary")];
        let mut sources = self.stations(n_sources, source, 0);
        let mut dests = self.stations(n_dests, dest, 2);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut sources, source, |_| 0);
            self.renew(&mut dests, dest, |_| 2);
            let parts = self.parts(total, n_sources);
            let last = self.gather(at, &sources, &parts, hub);
            let paid = self.held(last);
            let kept = self.kept();
            let parts = self.parts(total * (1.0 - kept), n_dests);
            for (&dest, &usd) in dests.iter().zip(&parts) {
                let at = self.within(paid);
                self.hop(at, hub, dest, usd);
            }
            self.cash_out(dests[0], 0.9 * parts[0]);
        }
    }

    pub(super) fn burst(&mut self) {
        let count = self.draw.whole(5, 15) as usize;
        let source = self.station(self.role("burst_payer", "prize_host"), 0);
        let role = self.role("burst_payee", "prize_winner");
        let mut targets = self.stations(count, role, 1);
        // whoever takes his time elsewhere takes longer here as well, but a burst it stays
        let hours = (self.manner.window_hours / 6.0).min(LONGEST_BURST_HOURS);
        for (at, total) in self.runs_of_total() {
            self.renew(&mut targets, role, |_| 1);
            self.fund(source, total, at);
            let payments = count + self.draw.whole(7, 40) as usize;
            let parts = self.parts(total * (1.0 - self.manner.retained), payments);
            for (i, &usd) in parts.iter().enumerate() {
                let target = if i < count { i } else { self.draw.below(count as u64) as usize };
                let at = at + (self.draw.between(0.0, hours) * HOUR_MS as f64) as i64;
                self.hop(at, source, targets[target], usd);
            }
            self.cash_out(targets[0], 0.9 * parts[0]);
        }
    }
}

/// Hours within which the payments of a burst fall.
const LONGEST_BURST_HOURS: f64 = 2.0;

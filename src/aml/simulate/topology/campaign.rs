//! A pot that many strangers pay into and one person empties: what a token sale that ends in a rug pull and a crowdfunding
//! that is paid out have in common.

use crate::aml::simulate::calendar::DAY_MS;
use crate::aml::simulate::plot::Plot;

impl Plot<'_> {
    /// Who pays in is anybody, and no member: robbed by the one, a backer of the other. Every campaign has a pot of its own.
    pub(super) fn rug_pull(&mut self) {
        let payers = self.draw.whole(12, 60) as usize;
        let developer = self.station(self.role("rug_developer", "project_owner"), 1);
        let [pot, exit, agency] = [
            self.role("rug_contract", "pledge_account"),
            self.role("rug_exit", "project_account"),
            self.role("rug_marketing", "campaign_agency"),
        ];
        let mut exits = self.stations(1, exit, 2);
        let mut agencies =
            if self.draw.chance(ADVERTISED) { self.stations(1, agency, 2) } else { Vec::new() };
        for (at, total) in self.runs_of_total() {
            self.renew(&mut exits, exit, |_| 2);
            self.renew(&mut agencies, agency, |_| 2);
            let pot = self.fresh(pot, 0);
            let last = self.collect(at, payers, total, pot);
            let mut usd = total * (1.0 - self.kept());
            self.pass_on(last, pot, developer, usd);
            let drained = self.scheme.hops.last().map_or(last, |hop| hop.at);
            for &agency in &agencies {
                let (at, fee) = (self.held(drained), usd * self.draw.between(0.05, 0.2));
                self.hop(at, developer, agency, fee);
                usd -= fee;
            }
            let kept = self.kept();
            self.pass_on(drained, developer, exits[0], usd * (1.0 - kept));
            self.cash_out(exits[0], 0.9 * usd);
        }
    }

    /// People pay into a pot, each some part; answers when the last did.
    fn collect(&mut self, at: i64, payers: usize, total: f64, pot: u32) -> i64 {
        let mut last = at;
        for usd in self.parts(total, payers) {
            let at = self.within(at);
            let slot = self.draw.below(self.economy.slots());
            let payer = self.economy.wallet(self.ledger, slot, at.div_euclid(DAY_MS)).id;
            if !self.scheme.members.contains_key(&payer) {
                self.hop(at, payer, pot, usd);
                last = last.max(at);
            }
        }
        last
    }
}

/// Share of campaigns for which somebody is paid to advertise.
const ADVERTISED: f64 = 0.5;

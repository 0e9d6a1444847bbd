//! Money from one to the next: rings and chains.

use crate::aml::simulate::ledger::Form;
use crate::aml::simulate::plot::Plot;

impl Plot<'_> {
    pub(super) fn cycle(&mut self) {
        let length = self.draw.whole(3, 8) as usize;
        let role = self.role("cycle_node", "treasury_wallet");
        let mut ring = self.stations(length, role, -1);
        let total = self.total();
        self.fund(ring[0], total, self.start);
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

    pub(super) fn layering(&mut self) {
        let hops = self.draw.whole(2, 7) as usize;
        let lanes = if self.draw.chance(0.3) { 2 } else { 1 };
        let source = self.station(self.role("layering_source", "producer"), 0);
        let dest = self.station(self.role("layering_dest", "retailer"), hops as i64 + 1);
        let role = self.role("layering_hop", "supplier");
        let mut lanes: Vec<Vec<u32>> =
            (0..lanes).map(|_| (0..hops).map(|i| self.station(role, i as i64 + 1)).collect()).collect();
        for (at, total) in self.runs_of_total() {
            self.fund(source, total, at);
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

    pub(super) fn peel_chain(&mut self) {
        let steps = self.draw.whole(4, 12) as usize;
        let source = self.station(self.role("attacker", "spender"), 0);
        let [role, dest] = [self.role("mule", "change_address"), self.role("peel_destination", "payee")];
        let mut chain: Vec<u32> = (0..steps).map(|i| self.station(role, i as i64 + 1)).collect();
        let mut dests: Vec<u32> = (0..steps).map(|i| self.station(dest, i as i64 + 1)).collect();
        for (at, total) in self.runs_of_total() {
            self.renew(&mut chain, role, |i| i as i64 + 1);
            self.renew(&mut dests, dest, |i| i as i64 + 1);
            self.fund(source, total, at);
            let (mut from, mut at, mut left) = (source, at, total);
            for (&next, &dest) in chain.iter().zip(&dests) {
                let piece = left * self.draw.between(0.04, 0.2);
                self.hop(at, from, dest, piece);
                left = (left - piece) * (1.0 - self.kept());
                // what is left is whatever is left: nobody rounds it
                self.hop_of(Form::Exact, at, from, next, left);
                at = self.held(at);
                from = next;
            }
            self.cash_out(from, left);
        }
    }

    pub(super) fn wash_trading(&mut self) {
        let count = self.draw.whole(2, 4) as usize;
        let legs = count * self.draw.whole(2, 5) as usize;
        let role = self.role("wash_trading_wallet", "liquidity_wallet");
        let mut ring = self.stations(count, role, -1);
        let total = self.total();
        self.fund(ring[0], total, self.start);
        for (at, total) in self.runs(total) {
            self.renew(&mut ring[1..], role, |_| -1);
            let mut at = at;
            for leg in 0..legs {
                let usd = total * self.draw.between(0.985, 1.0);
                self.hop_of(Form::Exact, at, ring[leg % count], ring[(leg + 1) % count], usd);
                at = self.held(at);
            }
        }
        self.cash_out(ring[0], 0.9 * total);
    }
}

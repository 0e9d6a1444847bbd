//! Many and many: everybody of one layer pays several of the next.

use crate::aml::simulate::plot::Plot;

impl Plot<'_> {
    pub(super) fn bipartite(&mut self) {
        let sizes = [self.draw.whole(3, 8) as usize, self.draw.whole(3, 8) as usize];
        let roles = [self.role("bipartite_source", "buyer"), self.role("bipartite_dest", "vendor")];
        self.layers(&sizes, &roles);
    }

    pub(super) fn stack(&mut self) {
        let between = self.draw.whole(1, 2);
        let sizes: Vec<usize> = (0..between + 2).map(|_| self.draw.whole(2, 5) as usize).collect();
        let mut roles = vec![self.role("stack_hop", "wholesaler"); sizes.len()];
        roles[0] = self.role("stack_source", "importer");
        roles[sizes.len() - 1] = self.role("stack_dest", "shopkeeper");
        self.layers(&sizes, &roles);
    }

    /// Money through layers of so many members, of one role each.
    fn layers(&mut self, sizes: &[usize], roles: &[&'static str]) {
        let depths = 0..sizes.len();
        let mut layers: Vec<Vec<u32>> =
            depths.map(|depth| self.stations(sizes[depth], roles[depth], depth as i64)).collect();
        for (at, total) in self.runs_of_total() {
            for (depth, layer) in layers.iter_mut().enumerate() {
                self.renew(layer, roles[depth], |_| depth as i64);
            }
            let mut parts = self.parts(total, sizes[0]);
            for (&source, &part) in layers[0].iter().zip(&parts) {
                if self.draw.chance(self.manner.prefunded) {
                    self.fund(source, part, at);
                }
            }
            let mut begins = at;
            for pair in layers.windows(2) {
                (parts, begins) = self.pay_layer(begins, (&pair[0], &parts), &pair[1]);
            }
            self.cash_out(layers[sizes.len() - 1][0], 0.9 * parts[0]);
        }
    }

    /// Each payer shares out what it has among payees of its choice; answers what each of these received, and when the
    /// layer may pay on.
    fn pay_layer(&mut self, at: i64, payers: (&[u32], &[f64]), payees: &[u32]) -> (Vec<f64>, i64) {
        let mut received = vec![0.0; payees.len()];
        let mut last = at;
        for (i, (&payer, &usd)) in payers.0.iter().zip(payers.1).enumerate() {
            let chosen = self.chosen(i, payers.0.len(), payees.len());
            let kept = self.kept();
            let parts = self.parts(usd * (1.0 - kept), chosen.len());
            for (&payee, &part) in chosen.iter().zip(&parts) {
                let at = self.within(at);
                self.hop(at, payer, payees[payee], part);
                received[payee] += part;
                last = last.max(at);
            }
        }
        (received, self.held(last))
    }

    /// The payees of payer `i`: at least two, and the payers together reach all.
    fn chosen(&mut self, i: usize, payers: usize, payees: usize) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        for payee in 0..payees {
            let own = payee % payers == i % payers || (payee + 1) % payees == i % payees;
            if own || self.draw.chance(DENSITY) {
                chosen.push(payee);
            }
        }
        if chosen.len() < 2 {
            chosen.push((chosen[0] + 1) % payees);
        }
        chosen
    }
}

/// Chance of a payment between two of neighbouring layers, beside those that keep the layers connected.
const DENSITY: f64 = 0.45;

//! Which payments whoever makes the batches has seen.
//!
//! Each payment is seen or not for good: a pure function of the seed and of the payment itself, so batches whose windows
//! overlap miss the same ones, and who sees a smaller share sees nothing that who sees a larger one does not.

use crate::determinism::rng::Stream;

use super::config::Simulation;
use super::ledger::{Ledger, Payment};

/// Sees a share of all payments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observer {
    stream: Stream,
    share: f64,
}

impl Observer {
    pub(super) fn new(simulation: &Simulation) -> Self {
        Observer { stream: Stream::new(simulation.seed, "observed"), share: simulation.observed }
    }

    /// Whether a payment is seen. Payments that agree in everything are seen together.
    pub(super) fn sees(self, ledger: &Ledger, payment: &Payment) -> bool {
        if self.share >= 1.0 {
            return true;
        }
        let key = |id: u32| Stream::new(0, ledger.names.name(id)).bits(0);
        let stream = self.stream.round(key(payment.from)).round(key(payment.to));
        stream.round(super::block(payment.at) as u64).unit(payment.usd.to_bits()) < self.share
    }
}

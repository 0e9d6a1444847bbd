//! How money moves in each shape: moves of a [`Plot`] put together, the same for both intents.

mod campaign;
mod chain;
mod disguise;
mod fan;
mod layer;

use super::plot::Plot;
use super::shape::Shape;

impl Plot<'_> {
    /// Carries out the scheme's shape.
    pub(super) fn carry_out(&mut self) {
        match self.scheme.shape {
            Shape::Cycle => self.cycle(),
            Shape::Layering => self.layering(),
            Shape::FanIn => self.fan_in(),
            Shape::Smurfing => self.smurfing(),
            Shape::FanOut => self.fan_out(),
            Shape::ScatterGather => self.scatter_gather(),
            Shape::GatherScatter => self.gather_scatter(),
            Shape::Bipartite => self.bipartite(),
            Shape::Stack => self.stack(),
            Shape::PeelChain => self.peel_chain(),
            Shape::Mixer => self.mixer(),
            Shape::Burst => self.burst(),
            Shape::DormantReactivation => self.dormant_reactivation(),
            Shape::WashTrading => self.wash_trading(),
            Shape::Sybil => self.sybil(),
            Shape::RugPull => self.rug_pull(),
        }
    }
}

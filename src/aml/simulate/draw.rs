//! Draws of one subject (a wallet's day, a scheme), in a fixed order from its own counter-based stream.
//! No subject's draws depend on any other's, so a longer run or another thread cannot change them.

use crate::determinism::math;
use crate::determinism::rng::Stream;

/// A cursor over a [`Stream`].
#[derive(Clone, Debug)]
pub(super) struct Draw {
    stream: Stream,
    next: u64,
}

impl Draw {
    pub(super) fn new(stream: Stream) -> Self {
        Draw { stream, next: 0 }
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        self.next += 1;
        self.stream.unit(self.next)
    }

    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..n`; `n` must not be 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next += 1;
        self.stream.below(self.next, n)
    }

    /// Uniform among `low..=high`.
    pub(super) fn whole(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Normal by the Box-Muller method.
    pub(super) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * math::ln(1.0 - self.unit())).sqrt();
        mean + deviation * radius * math::cos(std::f64::consts::TAU * self.unit())
    }

    /// Log-normal with the given median; `sigma` is the deviation of the logarithm.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * math::exp(self.normal(0.0, sigma))
    }

    /// Pareto: at least 1, tail exponent `alpha`.
    pub(super) fn pareto(&mut self, alpha: f64) -> f64 {
        math::powf(1.0 - self.unit(), -1.0 / alpha)
    }

    /// Poisson by multiplying uniforms (Knuth); `mean` at most a few dozens.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        let floor = math::exp(-mean);
        let mut product = self.unit();
        let mut count = 0;
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A position in `weights`, with probability in proportion.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        let mut left = self.unit() * total;
        for (i, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return i;
            }
        }
        weights.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_moments_they_promise() {
        let mut draw = Draw::new(Stream::new(1, "test"));
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let normals: Vec<f64> = (0..20_000).map(|_| draw.normal(2.0, 3.0)).collect();
        assert!((mean(normals.clone()) - 2.0).abs() < 0.1);
        let variance = mean(normals.iter().map(|x| (x - 2.0) * (x - 2.0)).collect());
        assert!((variance - 9.0).abs() < 0.4, "{variance}");
        assert!((mean((0..20_000).map(|_| draw.poisson(2.5) as f64).collect()) - 2.5).abs() < 0.05);
        let mut tails: Vec<f64> = (0..20_001).map(|_| draw.pareto(1.5)).collect();
        tails.sort_by(f64::total_cmp);
        assert!((tails[10_000] - 1.587).abs() < 0.03, "{}", tails[10_000]);
        let picks = (0..30_000).filter(|_| draw.weighted(&[1.0, 0.0, 2.0]) == 2).count();
        assert!((19_500..20_500).contains(&picks), "{picks}");
    }
}

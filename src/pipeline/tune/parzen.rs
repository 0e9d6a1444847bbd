//! A Parzen estimator: a density over a space from the points that were seen.
//!
//! A mixture with one component for every point and one, wide, for what was known before (the prior). A component is a product
//! over dimensions: on numbers a normal distribution cut off at the ends of the range, centred on the point's coordinate; on
//! whole numbers its mass over the value's cell; on choices a table that favours the point's choice. Widths of
//! kernels are the distance to the farther neighbour in that dimension, within limits.
//!
//! # Sources
//! Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NIPS 2011, section 4.2 (kernels, widths, prior);
//! products over dimensions: Falkner, Klein, Hutter, "BOHB", ICML 2018; limits of the widths: Watanabe, arXiv:2304.11127,
//! section 3.3.

use super::normal;
use super::space::{Domain, Point, Space};
use crate::determinism::math;
use crate::determinism::rng::Stream;

/// A density over some dimensions of a space.
pub(super) struct Parzen<'a> {
    space: &'a Space,
    dimensions: &'a [usize],
    weights: Vec<f64>,
    kernels: Vec<Kernels>,
}

/// One dimension of all components; the prior is the last.
enum Kernels {
    /// Normal distributions on 0 to 1.
    Normal(Vec<Normal>),
    /// Probabilities of choices.
    Choice(Vec<Vec<f64>>),
}

/// A normal distribution cut off at 0 and 1.
struct Normal {
    centre: f64,
    width: f64,
    inside: f64,
}

impl<'a> Parzen<'a> {
    /// The density of `points` (the whole space's, from the oldest to the newest), each weighed by `weights`.
    pub(super) fn new(space: &'a Space, dimensions: &'a [usize], points: &[&Point], weights: &[f64]) -> Self {
        let mut weights = weights.to_vec();
        weights.push(PRIOR);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let kernels = dimensions.iter().map(|&d| {
            let values: Vec<f64> = points.iter().map(|point| point[d]).collect();
            Kernels::new(&space.dimensions()[d].domain, &values)
        });
        Parzen { space, dimensions, kernels: kernels.collect(), weights }
    }

    /// One value for each of the dimensions, in their order; `draws` are used from index 0 on.
    pub(super) fn draw(&self, draws: Stream) -> Vec<f64> {
        let component = pick(&self.weights, draws.unit(0));
        let value = |(i, (kernels, &d)): (usize, (&Kernels, &usize))| {
            kernels.draw(component, &self.space.dimensions()[d].domain, draws.unit(1 + i as u64))
        };
        self.kernels.iter().zip(self.dimensions).enumerate().map(value).collect()
    }

    /// ln of the density at these values.
    pub(super) fn ln_density(&self, values: &[f64]) -> f64 {
        let component = |(component, weight): (usize, &f64)| {
            let parts = self.kernels.iter().zip(self.dimensions).zip(values);
            parts.fold(math::ln(*weight), |sum, ((kernels, &d), &value)| {
                sum + kernels.ln_density(component, &self.space.dimensions()[d].domain, value)
            })
        };
        let parts: Vec<f64> = self.weights.iter().enumerate().map(component).collect();
        ln_sum(&parts)
    }
}

impl Kernels {
    fn new(domain: &Domain, values: &[f64]) -> Self {
        match domain {
            Domain::Choice(texts) => Kernels::Choice(choices(texts.len(), values)),
            Domain::Float { .. } | Domain::Int { .. } => {
                let centres: Vec<f64> = values.iter().map(|&value| domain.unit(value)).collect();
                let mut kernels: Vec<Normal> = centres
                    .iter()
                    .zip(widths(&centres))
                    .map(|(&centre, width)| Normal::new(centre, width))
                    .collect();
                kernels.push(Normal::new(0.5, 1.0));
                Kernels::Normal(kernels)
            }
        }
    }

    fn draw(&self, component: usize, domain: &Domain, unit: f64) -> f64 {
        match self {
            Kernels::Normal(kernels) => domain.at(kernels[component].draw(unit)),
            Kernels::Choice(tables) => pick(&tables[component], unit) as f64,
        }
    }

    fn ln_density(&self, component: usize, domain: &Domain, value: f64) -> f64 {
        match self {
            Kernels::Choice(tables) => math::ln(tables[component][value as usize]),
            Kernels::Normal(kernels) => match domain.cell(value) {
                Some((left, right)) => kernels[component].ln_mass(left, right),
                None => kernels[component].ln_density(domain.unit(value)),
            },
        }
    }
}

impl Normal {
    fn new(centre: f64, width: f64) -> Self {
        let inside = normal::mass(-centre / width, (1.0 - centre) / width);
        Normal { centre, width, inside }
    }

    fn draw(&self, unit: f64) -> f64 {
        let p = normal::cdf(-self.centre / self.width) + unit * self.inside;
        // the first draw of all can be exactly 0, whose quantile is infinite
        (self.centre + self.width * normal::quantile(p.clamp(1e-300, 1.0 - f64::EPSILON))).clamp(0.0, 1.0)
    }

    fn ln_density(&self, x: f64) -> f64 {
        normal::ln_density((x - self.centre) / self.width) - math::ln(self.width * self.inside)
    }

    fn ln_mass(&self, left: f64, right: f64) -> f64 {
        let mass = normal::mass((left - self.centre) / self.width, (right - self.centre) / self.width);
        math::ln(mass / self.inside)
    }
}

/// A table for every value and a flat one for the prior.
fn choices(n: usize, values: &[f64]) -> Vec<Vec<f64>> {
    let spare = PRIOR / (values.len() + 1) as f64;
    let total = 1.0 + spare * n as f64;
    let table = |&value: &f64| {
        let share = |i: usize| (spare + f64::from(u8::from(i == value as usize))) / total;
        (0..n).map(share).collect()
    };
    let mut tables: Vec<Vec<f64>> = values.iter().map(table).collect();
    tables.push(vec![1.0 / n as f64; n]);
    tables
}

/// For every centre the distance to the farther of its neighbours; the outermost have one neighbour, and a single
/// one has the ends.
fn widths(centres: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..centres.len()).collect();
    order.sort_by(|&a, &b| centres[a].total_cmp(&centres[b]).then(a.cmp(&b)));
    let least = 1.0 / (2.0 + centres.len() as f64).min(100.0);
    let mut widths = vec![1.0; centres.len()];
    for (place, &i) in order.iter().enumerate() {
        let below = place.checked_sub(1).map(|p| centres[i] - centres[order[p]]);
        let above = order.get(place + 1).map(|&j| centres[j] - centres[i]);
        let gap = match (below, above) {
            (Some(below), Some(above)) => below.max(above),
            (Some(gap), None) | (None, Some(gap)) => gap,
            (None, None) => centres[i].max(1.0 - centres[i]),
        };
        widths[i] = gap.clamp(least, 1.0);
    }
    widths
}

/// The first place where the running sum of probabilities passes `unit`.
fn pick(probabilities: &[f64], unit: f64) -> usize {
    let mut sum = 0.0;
    let passes = |p: &f64| {
        sum += p;
        unit < sum
    };
    probabilities.iter().position(passes).unwrap_or(probabilities.len() - 1)
}

/// ln of the sum of exponentials.
fn ln_sum(parts: &[f64]) -> f64 {
    let most = parts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + math::ln(parts.iter().map(|part| math::exp(part - most)).sum::<f64>())
}

/// Weight of the prior, in points.
const PRIOR: f64 = 1.0;

#[cfg(test)]
mod tests {
    use super::super::space::Dimension;
    use super::*;
    use crate::gbdt::params::Scale;
    use proptest::prelude::*;

    fn space() -> Space {
        let domains = [
            Domain::Float { low: 0.01, high: 1.0, scale: Scale::Log },
            Domain::Int { low: 1, high: 9, scale: Scale::Linear },
            Domain::Choice(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]),
        ];
        let named =
            domains.into_iter().enumerate().map(|(i, domain)| Dimension { name: format!("x{i}"), domain });
        Space::new(named.collect()).expect("legal")
    }

    #[test]
    fn widths_by_hand() {
        let found = widths(&[0.5, 0.1, 0.2]);
        let expected = [0.3, 0.2, 0.3];
        found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-15, "{found:?}"));
        assert_eq!(widths(&[0.3]), [0.7]);
        assert_eq!(widths(&[0.4, 0.4]), [0.25, 0.25], "no narrower than the floor");
        assert_eq!(widths(&[]), Vec::<f64>::new());
    }

    #[test]
    fn no_point_is_the_prior() {
        let space = space();
        let prior = Parzen::new(&space, &[2], &[], &[]);
        assert!((prior.ln_density(&[1.0]) - math::ln(1.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn draws_follow_the_density() {
        let space = space();
        let points: Vec<Point> = vec![vec![0.1, 3.0, 1.0], vec![0.2, 4.0, 1.0], vec![0.9, 8.0, 2.0]];
        let points: Vec<&Point> = points.iter().collect();
        let parzen = Parzen::new(&space, &[1, 2], &points, &[1.0, 2.0, 1.0]);
        let draws = 100_000;
        let mut counts = std::collections::BTreeMap::new();
        for i in 0..draws {
            let drawn = parzen.draw(Stream::new(3, "test").round(i));
            *counts.entry((drawn[0] as i64, drawn[1] as i64)).or_insert(0_u32) += 1;
        }
        for (value, count) in counts {
            let expected = math::exp(parzen.ln_density(&[value.0 as f64, value.1 as f64]));
            let found = f64::from(count) / draws as f64;
            let error = (expected * (1.0 - expected) / draws as f64).sqrt();
            assert!((found - expected).abs() < 5.0 * error + 1e-5, "{value:?}: {found} {expected}");
        }
    }

    proptest! {
        /// The density sums to 1 over everything.
        #[test]
        fn the_whole_is_one(seed in any::<u64>(), n in 0_usize..12) {
            let space = space();
            let draw = Stream::new(seed, "points");
            let at = |i: usize, d: usize| space.dimensions()[d].domain.at(draw.unit((3 * i + d) as u64));
            let points: Vec<Point> = (0..n).map(|i| (0..3).map(|d| at(i, d)).collect()).collect();
            let points: Vec<&Point> = points.iter().collect();
            let weights: Vec<f64> = (0..n).map(|i| 1.0 + i as f64).collect();
            let whole = Parzen::new(&space, &[1, 2], &points, &weights);
            let cells = (1..=9).flat_map(|x| (0..3).map(move |c| [f64::from(x), f64::from(c)]));
            let sum: f64 = cells.map(|values| math::exp(whole.ln_density(&values))).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9, "{}", sum);
            // the float's density is over coordinates: its integral by the midpoint rule, without rounding of values
            let Kernels::Normal(kernels) = Kernels::new(&space.dimensions()[0].domain, &points.iter().map(|p| p[0]).collect::<Vec<_>>()) else { unreachable!() };
            for kernel in &kernels {
                let sum: f64 = (0..4000).map(|i| math::exp(kernel.ln_density((f64::from(i) + 0.5) / 4000.0)) / 4000.0).sum();
                prop_assert!((sum - 1.0).abs() < 1e-4, "{}", sum);
            }
        }
    }
}

//! The least value of a smooth function of few numbers, by the simplex of Nelder and Mead.
//!
//! In flow a cost and a start; out flow the best point seen and its cost. The result is a function of these alone: the first
//! simplex is the start and one step along each axis, comparisons are by value, and there is no randomness. A cost that is no
//! finite number counts as worse than any other, so a barrier may be written as infinity.
//!
//! # Sources
//! Nelder and Mead, Computer Journal 7 (1965), as in `argmin::solver::neldermead`.

use argmin::core::{CostFunction, Error, Executor, State, TerminationReason, TerminationStatus};
use argmin::solver::neldermead::NelderMead;

/// How long and how closely to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minimise {
    /// Distance of the first simplex's corners from the start, along each axis.
    pub step: f64,
    /// The standard deviation of the corners' costs below which the search ends.
    pub tolerance: f64,
    /// Iterations at most.
    pub iterations: u64,
}

/// Where a search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The best point.
    pub at: Vec<f64>,
    /// Its cost.
    pub cost: f64,
    /// Iterations that were made.
    pub iterations: u64,
    /// Whether the tolerance was reached before the iterations were used up.
    pub converged: bool,
}

/// Why there is no minimum.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MinimiseError {
    /// There is nothing to vary.
    #[error("minimise: expected a start of at least one number, found none")]
    NoDimension,
    /// The settings allow no search.
    #[error("minimise: {name}: expected a finite number {expected}, found {found}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// What it was.
        found: f64,
    },
    /// The cost is no number wherever the search looked.
    #[error("minimise: the cost is not finite at any of the points tried")]
    NotFinite,
    /// The solver gave up.
    #[error("minimise: {reason}")]
    Solver {
        /// What it said.
        reason: String,
    },
}

impl Default for Minimise {
    fn default() -> Self {
        Minimise { step: 0.5, tolerance: 1e-12, iterations: 1_000 }
    }
}

/// Searches for the point of least cost near `start`.
///
/// # Errors
/// When the start is empty, a setting is out of range, or the cost is nowhere finite.
pub fn minimise(
    cost: impl Fn(&[f64]) -> f64,
    start: &[f64],
    settings: Minimise,
) -> Result<Minimum, MinimiseError> {
    check(start, settings)?;
    let fail = |reason: Error| MinimiseError::Solver { reason: reason.to_string() };
    let solver =
        NelderMead::new(simplex(start, settings.step)).with_sd_tolerance(settings.tolerance).map_err(fail)?;
    let result = Executor::new(Cost(cost), solver)
        .configure(|state| state.max_iters(settings.iterations))
        .timer(false)
        .run()
        .map_err(fail)?;
    let state = result.state;
    let converged = matches!(
        state.get_termination_status(),
        TerminationStatus::Terminated(TerminationReason::SolverConverged)
    );
    let at = state.get_best_param().cloned().unwrap_or_else(|| start.to_vec());
    let cost = state.get_best_cost();
    if cost >= f64::MAX {
        return Err(MinimiseError::NotFinite);
    }
    Ok(Minimum { at, cost, iterations: state.get_iter(), converged })
}

struct Cost<F>(F);

impl<F: Fn(&[f64]) -> f64> CostFunction for Cost<F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Vec<f64>) -> Result<f64, Error> {
        let cost = (self.0)(at);
        Ok(if cost.is_finite() { cost } else { f64::MAX })
    }
}

fn check(start: &[f64], settings: Minimise) -> Result<(), MinimiseError> {
    let refuse = |name, expected, found| Err(MinimiseError::Setting { name, expected, found });
    if start.is_empty() {
        return Err(MinimiseError::NoDimension);
    }
    if let Some(&found) = start.iter().find(|x| !x.is_finite()) {
        return refuse("start", "in each place", found);
    }
    if !settings.step.is_finite() || settings.step == 0.0 {
        return refuse("step", "other than 0", settings.step);
    }
    if !settings.tolerance.is_finite() || settings.tolerance < 0.0 {
        return refuse("tolerance", "of at least 0", settings.tolerance);
    }
    Ok(())
}

/// The start and one step along each axis.
fn simplex(start: &[f64], step: f64) -> Vec<Vec<f64>> {
    let corner = |axis: usize| {
        let mut at = start.to_vec();
        at[axis] += step;
        at
    };
    std::iter::once(start.to_vec()).chain((0..start.len()).map(corner)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley: the least value, 0, is at (1, 1).
    fn valley(at: &[f64]) -> f64 {
        let (x, y) = (at[0], at[1]);
        100.0 * (y - x * x) * (y - x * x) + (1.0 - x) * (1.0 - x)
    }

    #[test]
    fn the_valley_is_found_and_the_same_bits_come_again() {
        let found = minimise(valley, &[-1.2, 1.0], Minimise::default()).expect("a minimum");
        assert!(found.converged && found.cost < 1e-9, "{found:?}");
        assert!((found.at[0] - 1.0).abs() < 1e-3 && (found.at[1] - 1.0).abs() < 1e-3, "{found:?}");
        assert_eq!(minimise(valley, &[-1.2, 1.0], Minimise::default()), Ok(found));
    }

    #[test]
    fn iterations_are_bounded_and_an_unfinished_search_says_so() {
        let few = Minimise { iterations: 5, ..Minimise::default() };
        let found = minimise(valley, &[-1.2, 1.0], few).expect("a minimum");
        assert!(!found.converged && found.iterations <= 5, "{found:?}");
        assert!(found.cost <= valley(&[-1.2, 1.0]));
    }

    #[test]
    fn a_barrier_of_infinity_is_not_crossed() {
        let walled = |at: &[f64]| if at[0] > 0.5 { f64::INFINITY } else { (at[0] - 1.0) * (at[0] - 1.0) };
        let found =
            minimise(walled, &[0.0], Minimise { step: 0.1, ..Minimise::default() }).expect("a minimum");
        assert!(found.at[0] <= 0.5 && found.at[0] > 0.499, "{found:?}");
    }

    #[test]
    fn mistakes_are_typed() {
        let cost = |at: &[f64]| at[0] * at[0];
        let with = |settings| minimise(cost, &[1.0], settings).expect_err("refused").to_string();
        assert_eq!(minimise(cost, &[], Minimise::default()), Err(MinimiseError::NoDimension));
        assert!(with(Minimise { step: 0.0, ..Minimise::default() }).contains("step: expected"));
        assert!(with(Minimise { tolerance: f64::NAN, ..Minimise::default() }).contains("tolerance"));
        assert!(
            minimise(cost, &[f64::NAN], Minimise::default()).expect_err("NaN").to_string().contains("start")
        );
        assert_eq!(minimise(|_| f64::NAN, &[1.0], Minimise::default()), Err(MinimiseError::NotFinite));
    }
}

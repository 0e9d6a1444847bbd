//! A search over a space by trials, as an `argmin` solver: one iteration is one trial.
//!
//! The executor brings the loop, the end after so many trials, observers and checkpoints; the solver asks a
//! [`Sampler`] for a point, has it tried fold by fold, and stops what the [`MedianRule`] gives up. A checkpoint is the
//! [`Journal`] of trials: solver and state are functions of it, so a search that is taken up again makes the trials that it would have
//! made, and the journal grows by one whole record a trial instead of being written anew.

use std::ops::ControlFlow;

use argmin::core::checkpointing::{Checkpoint, CheckpointingFrequency};
use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{Error, Executor, IterState, KV, KvValue, Problem, Solver, State};
use argmin::core::{TerminationReason, TerminationStatus};

use crate::pipeline::tune::{End, MedianRule, Point, Sampler, Space, Trial};

/// What a point costs, fold by fold.
pub trait FoldCosts {
    /// Why a point could not be tried.
    type Fault: std::error::Error + Send + Sync + 'static;

    /// Tells the cost of each fold in turn, lower is better, until `after` says stop.
    ///
    /// # Errors
    /// When the point cannot be tried; that ends the search.
    fn costs(&self, point: &[f64], after: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<(), Self::Fault>;
}

/// Where trials are kept.
pub trait Journal {
    /// Why it failed.
    type Fault: std::error::Error + Send + Sync + 'static;

    /// The trials kept so far.
    ///
    /// # Errors
    /// When the place cannot be read.
    fn load(&self) -> Result<Vec<Trial>, Self::Fault>;

    /// Keeps one trial more; when it returns the trial is safe.
    ///
    /// # Errors
    /// When the place cannot be written.
    fn append(&self, trial: &Trial) -> Result<(), Self::Fault>;
}

/// A search: where, how, and what was found so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Where.
    pub space: Space,
    /// How points are chosen.
    pub sampler: Sampler,
    /// The first trials, tried before the sampler is asked.
    pub first: Vec<Point>,
    /// Which trials are not finished.
    pub rule: MedianRule,
    /// The trials so far.
    pub history: Vec<Trial>,
}

/// News of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Trials made.
    pub done: u64,
    /// Trials asked for.
    pub trials: u64,
    /// Mean cost of the last trial.
    pub cost: f64,
    /// Whether it was stopped.
    pub pruned: bool,
    /// The best complete trial's cost.
    pub best: Option<f64>,
}

/// Why a search ended without an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError<P: std::error::Error, J: std::error::Error> {
    /// A point could not be tried.
    #[error(transparent)]
    Cost(P),
    /// Trials could not be kept.
    #[error(transparent)]
    Journal(J),
    /// The executor gave up.
    #[error("search: {0}")]
    Executor(String),
}

/// What a search over this problem and journal can fail with.
pub type Failure<P, J> = SearchError<<P as FoldCosts>::Fault, <J as Journal>::Fault>;

/// Makes trials until there are `trials`, or the sampler has no more points; returns them all.
///
/// # Errors
/// When a point cannot be tried or a trial not be kept.
pub fn search<P: FoldCosts, J: Journal + 'static>(
    problem: &P,
    start: Search,
    trials: u64,
    journal: J,
    news: impl FnMut(&Progress) + 'static,
) -> Result<Vec<Trial>, Failure<P, J>> {
    let result = Executor::new(Tried(problem), start.clone())
        .configure(|state| state.max_iters(trials))
        .checkpointing(Kept { journal, start, trials })
        .add_observer(News(news), ObserverMode::Always)
        .ctrlc(false)
        .timer(false)
        .run()
        .map_err(failure::<P, J>)?;
    let mut history = result.solver.history;
    history.truncate(usize::try_from(trials).unwrap_or(usize::MAX));
    Ok(history)
}

fn failure<P: FoldCosts, J: Journal>(error: Error) -> Failure<P, J> {
    let error = match error.downcast::<P::Fault>() {
        Ok(fault) => return SearchError::Cost(fault),
        Err(error) => error,
    };
    match error.downcast::<J::Fault>() {
        Ok(fault) => SearchError::Journal(fault),
        Err(error) => SearchError::Executor(error.to_string()),
    }
}

type Trials = IterState<Point, (), (), (), (), f64>;

struct Tried<'a, P>(&'a P);

impl<P: FoldCosts> Solver<Tried<'_, P>, Trials> for Search {
    fn name(&self) -> &str {
        self.sampler.name()
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<Tried<'_, P>>,
        state: Trials,
    ) -> Result<(Trials, Option<KV>), Error> {
        let number = state.get_iter();
        let asked = || self.sampler.suggest(&self.space, &self.history, self.draw(number));
        let Some(point) = self.first.get(number as usize).cloned().or_else(asked) else {
            return Ok((state.terminate_with(TerminationReason::SolverConverged), None));
        };
        let trial = problem.problem("trials", |tried| self.try_point(tried.0, number, point))?;
        let complete = trial.is_complete();
        let cost = if complete { trial.cost() } else { f64::INFINITY };
        let mut kv = KV::new();
        kv.insert("mean", KvValue::Float(trial.cost()));
        kv.insert("pruned", KvValue::Bool(!complete));
        let state = state.param(trial.point.clone()).cost(cost);
        self.history.push(trial);
        Ok((state, Some(kv)))
    }

    fn terminate(&mut self, state: &Trials) -> TerminationStatus {
        let number = state.get_iter();
        let open =
            (number as usize) < self.first.len() || self.sampler.has_point(&self.space, self.draw(number));
        if open {
            TerminationStatus::NotTerminated
        } else {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        }
    }
}

impl Search {
    /// The how-manieth of the sampler's own points a trial is.
    fn draw(&self, number: u64) -> u64 {
        number.saturating_sub(self.first.len() as u64)
    }

    fn try_point<P: FoldCosts>(&self, problem: &P, number: u64, point: Point) -> Result<Trial, Error> {
        let mut costs: Vec<f64> = vec![];
        let mut end = End::Complete;
        problem.costs(&point, &mut |cost| {
            // what is no number is worse than anything, and can be written down
            costs.push(if cost.is_finite() { cost } else { f64::MAX });
            if self.rule.stops(&self.history, &costs) {
                end = End::Pruned;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(Trial { number, point, costs, end })
    }

    /// Solver and state after these trials, as if they had just been made.
    fn after(&self, history: Vec<Trial>, trials: u64) -> (Search, Trials) {
        let mut state = Trials::new().max_iters(trials);
        for trial in &history {
            let cost = if trial.is_complete() { trial.cost() } else { f64::INFINITY };
            state = state.param(trial.point.clone()).cost(cost);
            state.update();
            state.increment_iter();
        }
        (Search { history, ..self.clone() }, state)
    }
}

struct Kept<J> {
    journal: J,
    start: Search,
    trials: u64,
}

impl<J: Journal> Checkpoint<Search, Trials> for Kept<J> {
    fn save(&self, solver: &Search, _: &Trials) -> Result<(), Error> {
        match solver.history.last() {
            Some(trial) => self.journal.append(trial).map_err(Error::new),
            None => Ok(()),
        }
    }

    fn load(&self) -> Result<Option<(Search, Trials)>, Error> {
        let history = self.journal.load().map_err(Error::new)?;
        Ok((!history.is_empty()).then(|| self.start.after(history, self.trials)))
    }

    fn frequency(&self) -> CheckpointingFrequency {
        CheckpointingFrequency::Always
    }
}

struct News<F>(F);

impl<F: FnMut(&Progress)> Observe<Trials> for News<F> {
    fn observe_iter(&mut self, state: &Trials, kv: &KV) -> Result<(), Error> {
        (self.0)(&Progress {
            done: state.get_iter() + 1,
            trials: state.get_max_iters(),
            cost: kv.get("mean").and_then(KvValue::get_float).unwrap_or(f64::INFINITY),
            pruned: kv.get("pruned").and_then(KvValue::get_bool).unwrap_or_default(),
            best: Some(state.get_best_cost()).filter(|best| best.is_finite()),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::convert::Infallible;
    use std::rc::Rc;

    use super::*;
    use crate::gbdt::params::Scale;
    use crate::pipeline::tune::{Dimension, Domain, Grid, Tpe};

    /// Trials in memory.
    #[derive(Clone, Default)]
    struct Memory(Rc<RefCell<Vec<Trial>>>);

    impl Journal for Memory {
        type Fault = Infallible;

        fn load(&self) -> Result<Vec<Trial>, Infallible> {
            Ok(self.0.borrow().clone())
        }

        fn append(&self, trial: &Trial) -> Result<(), Infallible> {
            self.0.borrow_mut().push(trial.clone());
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("power cut")]
    struct PowerCut;

    /// A bowl whose folds differ a little; fails after so many folds.
    struct Bowl {
        left: Cell<u32>,
    }

    impl FoldCosts for Bowl {
        type Fault = PowerCut;

        fn costs(
            &self,
            point: &[f64],
            after: &mut dyn FnMut(f64) -> ControlFlow<()>,
        ) -> Result<(), PowerCut> {
            for fold in 0..3 {
                let left = self.left.get().checked_sub(1).ok_or(PowerCut)?;
                self.left.set(left);
                let centre = 0.6 + 0.02 * f64::from(fold);
                let cost = point.iter().map(|x| (x - centre) * (x - centre)).sum();
                if after(cost).is_break() {
                    break;
                }
            }
            Ok(())
        }
    }

    fn start(sampler: Sampler) -> Search {
        let float = |name: &str| Dimension {
            name: name.to_owned(),
            domain: Domain::Float { low: 0.0, high: 1.0, scale: Scale::Linear },
        };
        let space = Space::new(vec![float("x"), float("y")]).expect("legal");
        let rule = MedianRule { after_trials: 3, after_folds: 1 };
        Search { space, sampler, first: vec![vec![0.5, 0.5]], rule, history: vec![] }
    }

    fn endless() -> Bowl {
        Bowl { left: Cell::new(u32::MAX) }
    }

    #[test]
    fn finds_the_bowl_and_tells_of_it() {
        let news = Rc::new(RefCell::new(vec![]));
        let heard = news.clone();
        let journal = Memory::default();
        let trials =
            search(&endless(), start(Sampler::Tpe(Tpe::new(1))), 40, journal.clone(), move |progress| {
                heard.borrow_mut().push(progress.clone());
            });
        let trials = trials.expect("40 trials");
        assert_eq!((trials.len(), trials[0].point.clone()), (40, vec![0.5, 0.5]));
        assert_eq!(*journal.0.borrow(), trials);
        let best = trials.iter().min_by(|a, b| a.compare(b)).expect("some");
        assert!(best.cost() < 0.01, "{best:?}");
        assert!(trials.iter().any(|t| !t.is_complete() && t.costs.len() < 3), "some are stopped");
        let news = news.borrow();
        assert_eq!((news.len(), news[39].done, news[39].best), (40, 40, Some(best.cost())));
    }

    /// Cut off after any number of folds and taken up again: the trials of an unbroken search.
    #[test]
    fn broken_searches_go_on_as_if_unbroken() {
        let samplers = [
            Sampler::Tpe(Tpe { startup: 4, ..Tpe::new(3) }),
            Sampler::Random { seed: 3 },
            Sampler::Grid(Grid { seed: 3, levels: 4 }),
        ];
        for sampler in samplers {
            let whole =
                search(&endless(), start(sampler.clone()), 16, Memory::default(), |_| ()).expect("whole");
            for folds in [0, 1, 2, 7, 13, 20] {
                let journal = Memory::default();
                let broken = Bowl { left: Cell::new(folds) };
                let cut = search(&broken, start(sampler.clone()), 16, journal.clone(), |_| ());
                assert!(matches!(cut, Err(SearchError::Cost(PowerCut))));
                let again = search(&endless(), start(sampler.clone()), 16, journal, |_| ()).expect("resumed");
                assert_eq!(again, whole, "{} after {folds}", sampler.name());
            }
        }
    }

    #[test]
    fn more_and_fewer_trials_of_the_same_search() {
        let journal = Memory::default();
        let sampler = Sampler::Tpe(Tpe { startup: 4, ..Tpe::new(8) });
        let ask = |trials| {
            search(&endless(), start(sampler.clone()), trials, journal.clone(), |_| ()).expect("trials")
        };
        let (few, many) = (ask(8), ask(14));
        assert_eq!(many[..8], few);
        assert_eq!((ask(8), ask(14)), (few, many));
    }

    #[test]
    fn a_lattice_ends_the_search() {
        let sampler = Sampler::Grid(Grid { seed: 1, levels: 2 });
        let journal = Memory::default();
        let search = |trials| search(&endless(), start(sampler.clone()), trials, journal.clone(), |_| ());
        assert_eq!(search(100).expect("ends").len(), 5, "four points and the first one");
        assert_eq!(search(100).expect("ends").len(), 5);
    }
}

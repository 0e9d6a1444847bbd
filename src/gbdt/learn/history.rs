//! What is left of training: the model, how it came about, and why it ended.

use super::Measurement;
use crate::gbdt::model::Model;

/// A model and its history.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The trees that were kept.
    pub model: Model,
    /// Every measurement, also of rounds after the best one.
    pub history: History,
    /// Why there are no more rounds.
    pub ending: Ending,
    /// Where early stopping was asked for: the round that was best, counting from 1, whose trees were kept. The model
    /// remembers it as [`Model::best_iteration`].
    pub best_iteration: Option<u32>,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `num_iterations` rounds were done.
    AllRounds,
    /// No split gained enough.
    NoSplit,
    /// A metric stood still for `early_stopping_round` rounds.
    Stopped,
    /// An observer asked for it.
    Asked,
}

/// The measurements of every round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// By round, from the first.
    pub rounds: Vec<Vec<Measurement>>,
}

impl History {
    /// One metric of one validation set over the rounds; empty where it was not measured.
    pub fn curve(&self, set: usize, name: &str) -> Vec<Option<f64>> {
        let of_round =
            |round: &Vec<Measurement>| round.iter().find(|m| m.set == set && m.name == name).map(|m| m.value);
        self.rounds.iter().filter_map(of_round).collect()
    }
}

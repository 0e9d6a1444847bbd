//! A bundle and a batch -> scores, order and reasons.
//!
//! Rows come back in the order of the batch's table. Each score is a function of its own row's features alone
//! ([`crate::aml::features`]), so it does not depend on what else is in the batch. `raw_score` is the sum of the trees, and an
//! explanation is the exact contributions of that very sum; `score` is the raw score as a probability, by the bundle's
//! calibration ([`crate::aml::calibration`]) or, where it has none, by the logistic function. An alert whose address has no feature row is scored all the same: its address features
//! are missing, which the trees have learned a direction for.

mod alert;
pub mod answer;
mod cluster;
pub mod columns;
mod rank;
mod reason;
pub mod tensor;
pub mod text;

use std::sync::Arc;

use crate::aml::bundle::{Bundle, Kind, Scorer};
use crate::aml::sot::Batch;
use crate::determinism::par;
use crate::gbdt::infer::Scratch as ExplainScratch;

pub use alert::{AlertScore, score_alerts};
pub use cluster::{ClusterScore, score_clusters};
pub use rank::{AlertRank, rank_alerts};
pub use reason::{Explanation, Reason};

/// Whether to explain scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Scores alone.
    No,
    /// All contributions, and reasons in words for the largest so many.
    Top(usize),
}

/// Why a batch cannot be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The bundle has no such model.
    #[error("the bundle holds no {model}: train it, or open a bundle that has it")]
    NotLoaded {
        /// [`Kind::name`].
        model: &'static str,
    },
    /// The batch has nothing to score.
    #[error("batch {batch}: no {table} table: derive it first")]
    NoTable {
        /// The batch's name.
        batch: String,
        /// The missing table.
        table: &'static str,
    },
    /// No alert or cluster of this id.
    #[error("batch {batch}: no alert `{id}` among its {rows} alerts")]
    NoAlert {
        /// The batch's name.
        batch: String,
        /// The id asked for.
        id: String,
        /// Alerts there are.
        rows: usize,
    },
}

/// One scored row, without its id.
#[derive(Clone, Debug, PartialEq)]
struct Scored {
    score: f64,
    raw_score: f64,
    explanation: Option<Explanation>,
}

fn scorer(bundle: &Bundle, kind: Kind) -> Result<&Scorer, ScoreError> {
    bundle.scorer(kind).ok_or(ScoreError::NotLoaded { model: kind.name() })
}

/// Scores every row of the model's table.
fn score_rows(scorer: &Scorer, batch: &Batch, explain: Explain) -> Vec<Scored> {
    let none = || (Scratch::new(scorer), vec![]);
    let blocks = map_rows(scorer, batch, none, |(scratch, scored), row| {
        let explanation = match explain {
            Explain::No => None,
            Explain::Top(top) => Some(Explanation::of(scorer, row, scratch, top)),
        };
        scored.push(Scored { score: scorer.score(row.raw_score), raw_score: row.raw_score, explanation });
    });
    blocks.into_iter().flat_map(|(_, scored)| scored).collect()
}

/// A row of features and the sum of the trees for it.
struct RawRow<'a> {
    /// Its place in the table.
    at: usize,
    values: &'a [f64],
    raw_score: f64,
}

/// Memory of one explanation after another.
struct Scratch {
    explainer: ExplainScratch,
    contributions: Vec<f64>,
}

impl Scratch {
    fn new(scorer: &Scorer) -> Self {
        let contributions = vec![0.0; scorer.features().features().len()];
        Scratch { explainer: ExplainScratch::default(), contributions }
    }
}

/// Calls `each` for every row of the model's table, with what `start` made for its block of rows; gives the blocks in order.
fn map_rows<M: Send>(
    scorer: &Scorer,
    batch: &Batch,
    start: impl Fn() -> M + Sync,
    each: impl Fn(&mut M, &RawRow<'_>) + Sync,
) -> Vec<M> {
    let reader = scorer.features().reader(batch);
    let blocks = par::map_blocks(reader.n_rows(), BLOCK, |rows| {
        let (mut values, mut block) = (vec![0.0; scorer.features().features().len()], start());
        for at in rows {
            reader.read(at, &mut values);
            let raw_score = scorer.predictor().raw_row(&values);
            each(&mut block, &RawRow { at, values: &values, raw_score });
        }
        block
    });
    blocks.fold(vec![], |mut all, part| {
        all.push(part);
        all
    })
}

/// The name that stands beside a score.
type Version = Arc<str>;

const BLOCK: usize = 16;

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
    let blocks = map_rows(scorer, batch, explain, Vec::new, |scored, row| {
        let explanation = match explain {
            Explain::No => None,
            Explain::Top(top) => Some(Explanation::of(scorer, row, top)),
        };
        scored.push(Scored { score: scorer.score(row.raw_score), raw_score: row.raw_score, explanation });
    });
    blocks.into_iter().flatten().collect()
}

/// A row of features and the sum of the trees for it.
struct RawRow<'a> {
    /// Its place in the table.
    at: usize,
    values: &'a [f64],
    raw_score: f64,
    /// One a feature where they were asked for, else none.
    contributions: &'a [f64],
}

/// Calls `each` for every row of the model's table, with what `start` made for its block of rows; gives the blocks in order.
fn map_rows<M: Send>(
    scorer: &Scorer,
    batch: &Batch,
    explain: Explain,
    start: impl Fn() -> M + Sync,
    each: impl Fn(&mut M, &RawRow<'_>) + Sync,
) -> Vec<M> {
    let reader = scorer.features().reader(batch);
    let width = scorer.features().features().len();
    let blocks = par::map_blocks(reader.n_rows(), BLOCK, |rows| {
        let (mut values, mut block) = (vec![0.0; rows.len() * width], start());
        values.chunks_mut(width.max(1)).zip(rows.clone()).for_each(|(values, at)| reader.read(at, values));
        let contributions = match explain {
            Explain::No => vec![],
            Explain::Top(_) => contributions_of(scorer, &values),
        };
        for (at, values) in rows.clone().zip(values.chunks(width.max(1))) {
            let raw_score = scorer.predictor().raw_row(values);
            let own = (at - rows.start) * width;
            let contributions = contributions.get(own..own + width).unwrap_or_default();
            each(&mut block, &RawRow { at, values, raw_score, contributions });
        }
        block
    });
    blocks.fold(vec![], |mut all, part| {
        all.push(part);
        all
    })
}

/// The exact contributions of every feature to every row's raw score, one row after the other.
fn contributions_of(scorer: &Scorer, rows: &[f64]) -> Vec<f64> {
    let mut contributions = vec![0.0; rows.len()];
    scorer.explainer().contributions_of_rows(rows, &mut contributions);
    contributions
}

/// The name that stands beside a score.
type Version = Arc<str>;

/// Rows of one task: enough for contributions of several rows at once, few enough for a small request to keep all threads busy.
const BLOCK: usize = 32;

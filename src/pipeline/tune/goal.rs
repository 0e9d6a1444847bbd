//! What a search makes as good as it can be.

use crate::aml::bundle::Kind;

/// A figure on judged rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Area under the ROC curve.
    Auc,
    /// Area under the precision-recall curve.
    AveragePrecision,
    /// Normalised discounted cumulative gain of the first ten of a batch.
    Ndcg,
    /// Mean negative log likelihood of the probabilities.
    LogLoss,
    /// What the validator would award, mean over the batches of the judged rows.
    Reward,
}

impl Goal {
    /// Every goal.
    pub const ALL: [Goal; 5] = [Goal::Auc, Goal::AveragePrecision, Goal::Ndcg, Goal::LogLoss, Goal::Reward];

    /// The goal that a kind of model has unless another is asked for.
    pub fn usual(kind: Kind) -> Self {
        if kind == Kind::AlertRanker { Goal::Ndcg } else { Goal::Auc }
    }

    /// The name it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Goal::Auc => "auc",
            Goal::AveragePrecision => "average_precision",
            Goal::Ndcg => "ndcg@10",
            Goal::LogLoss => "log_loss",
            Goal::Reward => "reward",
        }
    }

    /// The name of its figure on a fold.
    pub(super) fn metric(self) -> &'static str {
        match self {
            Goal::LogLoss => "binary_logloss",
            other => other.name(),
        }
    }

    /// Whether this kind of model has the figure: a ranker gives no probabilities, and alerts alone are rewarded.
    pub fn suits(self, kind: Kind) -> bool {
        match self {
            Goal::Auc | Goal::AveragePrecision | Goal::Ndcg => true,
            Goal::LogLoss => kind != Kind::AlertRanker,
            Goal::Reward => kind == Kind::AlertScorer,
        }
    }

    /// A figure as a cost, lower is better, and back: the same change of sign.
    pub fn cost(self, value: f64) -> f64 {
        if self == Goal::LogLoss { value } else { -value }
    }

    /// Which way is better, in words.
    pub fn better(self) -> &'static str {
        if self == Goal::LogLoss { "lower is better" } else { "higher is better" }
    }
}

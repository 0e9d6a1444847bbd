//! Values of parameters as text: one trait for all types, so that the table can read, show and range-check any of them.

use serde::{Deserialize, Serialize};

use crate::gbdt::data::ForcedBins;

/// A parameter's type.
pub(super) trait Setting: Sized {
    /// What a value of this type looks like, for messages.
    const EXPECTED: &'static str;
    /// Whether its values are whole numbers.
    const WHOLE: bool = false;
    /// Reads a value.
    fn parse(text: &str) -> Option<Self>;
    /// Writes a value so that it reads back.
    fn show(&self) -> String;
    /// The numbers to check against a range; none for names.
    fn numbers(&self) -> Vec<f64> {
        Vec::new()
    }
}

macro_rules! number {
    ($($type:ty, $whole:literal: $expected:literal),*) => {$(
        impl Setting for $type {
            const EXPECTED: &'static str = $expected;
            const WHOLE: bool = $whole;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn show(&self) -> String {
                self.to_string()
            }

            fn numbers(&self) -> Vec<f64> {
                vec![*self as f64]
            }
        }
    )*};
}

number!(
    f64, false: "a number",
    u32, true: "a whole number of at least 0",
    u64, true: "a whole number of at least 0",
    i32, true: "a whole number"
);

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "true" | "1" | "+" => Some(true),
            "false" | "0" | "-" => Some(false),
            _ => None,
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! list {
    ($($type:ty: $expected:literal),*) => {$(
        impl Setting for Vec<$type> {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<Self> {
                text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(Setting::parse).collect()
            }

            fn show(&self) -> String {
                self.iter().map(Setting::show).collect::<Vec<_>>().join(",")
            }

            fn numbers(&self) -> Vec<f64> {
                self.iter().flat_map(Setting::numbers).collect()
            }
        }
    )*};
}

list!(f64: "numbers separated by commas", u32: "whole numbers separated by commas", i32: "whole numbers separated by commas", Metric: "metrics separated by commas (auc, average_precision, binary_logloss, brier, ndcg, map, none)");

/// Sets of positions: `[0,1,2],[2,3]`.
impl Setting for Vec<Vec<u32>> {
    const EXPECTED: &'static str = "sets of feature positions, such as [0,1,2],[2,3]";

    fn parse(text: &str) -> Option<Self> {
        bracketed(text)?
            .into_iter()
            .map(|(before, inner)| before.is_empty().then(|| Setting::parse(inner))?)
            .collect()
    }

    fn show(&self) -> String {
        self.iter().map(|set| format!("[{}]", set.show())).collect::<Vec<_>>().join(",")
    }

    fn numbers(&self) -> Vec<f64> {
        self.iter().flat_map(Setting::numbers).collect()
    }
}

/// Bounds by feature: `0:[0.5,1],3:[2]`.
impl Setting for Vec<ForcedBins> {
    const EXPECTED: &'static str = "bounds by feature position, such as 0:[0.5,1],3:[2]";

    fn parse(text: &str) -> Option<Self> {
        let forced = |(before, inner): (&str, &str)| {
            let feature = before.strip_suffix(':')?.trim().parse().ok()?;
            Some(ForcedBins { feature, bin_upper_bound: Setting::parse(inner)? })
        };
        bracketed(text)?.into_iter().map(forced).collect()
    }

    fn show(&self) -> String {
        let show = |forced: &ForcedBins| format!("{}:[{}]", forced.feature, forced.bin_upper_bound.show());
        self.iter().map(show).collect::<Vec<_>>().join(",")
    }
}

/// What stands before and inside each pair of brackets of a list.
fn bracketed(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (before, after) = rest.split_once('[')?;
        let (inner, after) = after.split_once(']')?;
        found.push((before.trim(), inner));
        let after = after.trim_start();
        rest = if after.is_empty() { after } else { after.strip_prefix(',')?.trim_start() };
    }
    Some(found)
}

macro_rules! named {
    ($(#[$doc:meta])* $type:ident: $expected:literal; $($(#[$item:meta])* $variant:ident = $name:literal $(| $alias:literal)*),* $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$item])* #[serde(rename = $name $(, alias = $alias)*)] $variant,)*
        }

        impl $type {
            /// The name it is set by.
            pub fn name(self) -> &'static str {
                match self {
                    $($type::$variant => $name,)*
                }
            }
        }

        impl Setting for $type {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($name $(| $alias)* => Some($type::$variant),)*
                    _ => None,
                }
            }

            fn show(&self) -> String {
                self.name().to_owned()
            }
        }
    };
}

named! {
    /// What training minimises.
    ObjectiveKind: "binary, lambdarank, rank_xendcg, rank_map or rank_pairwise";
    /// Log loss of two classes.
    Binary = "binary" | "binary_logloss" | "logistic",
    /// Pairwise loss weighted by the change of NDCG.
    Lambdarank = "lambdarank" | "rank:ndcg",
    /// Cross entropy of a query's softmax against its grades.
    RankXendcg = "rank_xendcg" | "xendcg" | "xe_ndcg" | "xe_ndcg_mart" | "xendcg_mart",
    /// Pairwise loss weighted by the change of average precision.
    RankMap = "rank_map" | "rank:map",
    /// Pairwise loss without weights (RankNet).
    RankPairwise = "rank_pairwise" | "rank:pairwise",
}

impl ObjectiveKind {
    /// Whether it learns the order within queries.
    pub fn is_ranking(self) -> bool {
        self != ObjectiveKind::Binary
    }

    /// Whether it compares pairs of rows.
    pub fn has_pairs(self) -> bool {
        matches!(self, ObjectiveKind::Lambdarank | ObjectiveKind::RankMap | ObjectiveKind::RankPairwise)
    }
}

named! {
    /// How trees follow each other.
    BoostingKind: "gbdt, goss, dart or rf";
    /// Each tree corrects those before it.
    Gbdt = "gbdt" | "gbrt",
    /// As `gbdt`, each tree on the rows of large gradients and a share of the others.
    Goss = "goss",
    /// As `gbdt`, with dropout of earlier trees.
    Dart = "dart",
    /// A random forest: each tree for itself, averaged.
    Rf = "rf" | "random_forest",
}

named! {
    /// Which pairs of a query's rows are compared.
    PairMethod: "topk or mean";
    /// Every pair with one row among the first `lambdarank_truncation_level`.
    TopK = "topk",
    /// For every row, `lambdarank_num_pair_per_sample` partners of other grades, drawn.
    Mean = "mean",
}

named! {
    /// What is measured on the validation data after each round.
    Metric: "a metric (auc, average_precision, binary_logloss, brier, ndcg, map, none)";
    /// Area under the ROC curve.
    Auc = "auc",
    /// Area under the precision-recall curve.
    AveragePrecision = "average_precision",
    /// Mean negative log likelihood.
    BinaryLogloss = "binary_logloss" | "binary" | "logloss",
    /// Mean squared error of the probability.
    Brier = "brier",
    /// Normalised discounted cumulative gain at each position of `eval_at`.
    Ndcg = "ndcg" | "lambdarank",
    /// Mean average precision at each position of `eval_at`, grades above 0 being relevant.
    Map = "map" | "mean_average_precision",
    /// Nothing: what is measured, the caller brings along.
    Custom = "none" | "custom" | "na" | "null",
}

impl Metric {
    /// The objective whose labels it reads, if it reads any; of ranking, any objective does.
    pub fn objective(self) -> Option<ObjectiveKind> {
        match self {
            Metric::Ndcg | Metric::Map => Some(ObjectiveKind::Lambdarank),
            Metric::Auc | Metric::AveragePrecision | Metric::BinaryLogloss | Metric::Brier => {
                Some(ObjectiveKind::Binary)
            }
            Metric::Custom => None,
        }
    }
}

//! The table of parameters: each declared once. From a row come the field of [`Params`], its default, its entry in
//! [`SPEC`], its range check and its line in `docs/parameters.md`.

use serde::{Deserialize, Serialize};

use super::setting::Setting;
use super::{Applies, BoostingKind, Metric, ObjectiveKind, PairMethod, ParamError, Range, Search, Spec};
use crate::gbdt::data::ForcedBins;

/// The last column of a row, where it is given.
macro_rules! search {
    () => {
        None
    };
    ($search:expr) => {
        Some($search)
    };
}

macro_rules! parameters {
    ($($group:literal { $(
        $name:ident: $type:ty = $default:expr, [$($alias:literal),*], $range:expr, $applies:expr,
        $effect:literal, $source:literal $(, $search:expr)?;
    )* })*) => {
        /// What a user asks of training, by LightGBM's names; see `docs/parameters.md`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Params {
            $($(
                #[doc = $effect]
                $(#[serde(alias = $alias)])*
                pub $name: $type,
            )*)*
        }

        impl Default for Params {
            fn default() -> Self {
                Params { $($($name: $default,)*)* }
            }
        }

        /// Every parameter, in the order of the documentation.
        pub static SPEC: &[Spec] = &[$($(
            Spec {
                group: $group,
                name: stringify!($name),
                aliases: &[$($alias),*],
                range: $range,
                applies: $applies,
                effect: $effect,
                source: $source,
                search: search!($($search)?),
                whole: <$type as Setting>::WHOLE,
                show: |params| params.$name.show(),
                numbers: |params| params.$name.numbers(),
            },
        )*)*];

        impl Params {
            /// Reads a value into the field of exactly this name.
            pub(super) fn assign(&mut self, name: &'static str, value: &str) -> Result<(), ParamError> {
                match name {
                    $($(stringify!($name) => {
                        self.$name = <$type>::parse(value).ok_or_else(|| ParamError::Value {
                            name,
                            expected: <$type>::EXPECTED,
                            found: value.to_owned(),
                        })?;
                    })*)*
                    _ => return Spec::find(name).map(|_| ()),
                }
                Ok(())
            }
        }
    };
}

const BINARY: Applies = Applies::With(&[ObjectiveKind::Binary]);
const RANKING: Applies = Applies::With(&[
    ObjectiveKind::Lambdarank,
    ObjectiveKind::RankXendcg,
    ObjectiveKind::RankMap,
    ObjectiveKind::RankPairwise,
]);
const PAIRS: Applies =
    Applies::With(&[ObjectiveKind::Lambdarank, ObjectiveKind::RankMap, ObjectiveKind::RankPairwise]);
const SIGMOID: Applies = Applies::With(&[
    ObjectiveKind::Binary,
    ObjectiveKind::Lambdarank,
    ObjectiveKind::RankMap,
    ObjectiveKind::RankPairwise,
]);

parameters! {
    "Boosting" {
        objective: ObjectiveKind = ObjectiveKind::Binary, ["objective_type", "app", "application", "loss"], Range::ANY, Applies::Always,
            "What training minimises: `binary` (log loss), `lambdarank` (pairs weighted by the change of NDCG), `rank_xendcg` (cross entropy of a query's softmax), `rank_map` (pairs weighted by the change of average precision) or `rank_pairwise` (pairs alone).", "LightGBM, whose default is regression; `rank_map` and `rank_pairwise` XGBoost";
        boosting: BoostingKind = BoostingKind::Gbdt, ["boosting_type", "boost"], Range::ANY, Applies::Always,
            "How trees follow each other: `gbdt`, each correcting those before it; `goss`, on the rows of large gradients and a share of the others; `dart`, with dropout of earlier trees; `rf`, each for itself and averaged.", "LightGBM";
        num_iterations: u32 = 100, ["num_iteration", "n_iter", "num_tree", "num_trees", "num_round", "num_rounds", "nrounds", "num_boost_round", "n_estimators", "max_iter"], Range::between(1.0, 100_000.0), Applies::Always,
            "Trees to grow. Growth ends sooner when a round finds no split.", "LightGBM";
        learning_rate: f64 = 0.1, ["shrinkage_rate", "eta"], Range::above(0.0), Applies::Always,
            "Factor on every leaf value.", "LightGBM", Search::log(0.01, 0.3);
        seed: u64 = 0, ["random_seed", "random_state"], Range::ANY, Applies::Always,
            "Key of every random draw (bagging, feature sampling, dropout, pairs).", "LightGBM, which draws other numbers from it";
        top_rate: f64 = 0.2, [], Range::between(0.0, 1.0), Applies::In(BoostingKind::Goss),
            "Share of the rows kept for their large gradient times hessian. The first 1 / learning_rate rounds take all rows.", "LightGBM";
        other_rate: f64 = 0.1, [], Range::above_to(0.0, 1.0), Applies::In(BoostingKind::Goss),
            "Share of the rows drawn by key from the others, which they stand for.", "LightGBM, which draws a fixed number of rows";
        drop_rate: f64 = 0.1, ["rate_drop"], Range::between(0.0, 1.0), Applies::In(BoostingKind::Dart),
            "Share of the earlier trees that a round drops, on the mean.", "LightGBM";
        max_drop: u32 = 50, [], Range::at_least(0.0), Applies::In(BoostingKind::Dart),
            "The most trees that a round drops; 0 is no limit.", "LightGBM";
        skip_drop: f64 = 0.5, [], Range::between(0.0, 1.0), Applies::In(BoostingKind::Dart),
            "Chance that a round drops nothing.", "LightGBM";
        uniform_drop: bool = false, [], Range::ANY, Applies::In(BoostingKind::Dart),
            "Drop all trees with the same chance, not by their weight.", "LightGBM";
        xgboost_dart_mode: bool = false, [], Range::ANY, Applies::In(BoostingKind::Dart),
            "Weigh trees by 1 / (k + learning_rate) and k / (k + learning_rate), k trees being dropped, instead of 1 / (k + 1) and k / (k + 1).", "LightGBM, after XGBoost";
    }
    "Growth of a tree" {
        num_leaves: u32 = 31, ["num_leaf", "max_leaves", "max_leaf", "max_leaf_nodes"], Range::between(2.0, 131_072.0), Applies::Always,
            "The most leaves of a tree; the leaf of largest gain is split first.", "LightGBM", Search::log(4.0, 64.0);
        max_depth: i32 = -1, [], Range::ANY, Applies::Always,
            "The most questions on a path; 0 or less is no limit.", "LightGBM";
        min_data_in_leaf: u32 = 20, ["min_data_per_leaf", "min_data", "min_child_samples", "min_samples_leaf"], Range::at_least(0.0), Applies::Always,
            "The fewest rows of a leaf. Counted exactly, each row in the bag once whatever its weight; LightGBM estimates the count from hessians.", "LightGBM", Search::log(5.0, 200.0);
        min_sum_hessian_in_leaf: f64 = 1e-3, ["min_sum_hessian_per_leaf", "min_sum_hessian", "min_hessian", "min_child_weight"], Range::at_least(0.0), Applies::Always,
            "The least sum of hessians of a leaf.", "LightGBM";
        lambda_l1: f64 = 0.0, ["reg_alpha", "l1_regularization"], Range::at_least(0.0), Applies::Always,
            "Shrinks the gradient sum of a leaf towards 0 by this much.", "LightGBM";
        lambda_l2: f64 = 0.0, ["reg_lambda", "lambda", "l2_regularization"], Range::at_least(0.0), Applies::Always,
            "Added to the hessian sum of a leaf.", "LightGBM", Search::log(1e-3, 100.0);
        min_gain_to_split: f64 = 0.0, ["min_split_gain"], Range::at_least(0.0), Applies::Always,
            "A split must reduce the loss by more than this (twice the loss, as LightGBM counts gain).", "LightGBM";
        max_delta_step: f64 = 0.0, ["max_tree_output", "max_leaf_output"], Range::at_least(0.0), Applies::Always,
            "The largest magnitude of a leaf's value before the learning rate; 0 is no limit.", "LightGBM";
        path_smooth: f64 = 0.0, [], Range::at_least(0.0), Applies::Always,
            "A leaf of n rows has the weight n / path_smooth against its parent's value, which has 1; 0 is no smoothing.", "LightGBM";
        extra_trees: bool = false, ["extra_tree"], Range::ANY, Applies::Always,
            "Ask each leaf and numerical feature one question only, drawn at random.", "LightGBM; Geurts et al., Machine Learning 63 (2006)";
    }
    "Constraints" {
        monotone_constraints: Vec<i32> = Vec::new(), ["mc", "monotone_constraint", "monotonic_cst"], Range::between(-1.0, 1.0), Applies::Always,
            "One for each feature: 1 where a larger value must not lower the score, -1 where it must not raise it, 0 where either may be; none constrains none. Held by bounds midway between siblings.", "LightGBM's method `basic`";
        interaction_constraints: Vec<Vec<u32>> = Vec::new(), [], Range::at_least(0.0), Applies::Always,
            "Sets of feature positions, such as `[0,1,2],[2,3]`: features of a path must stand in one set together, and those in no set are not used; none constrains none.", "LightGBM";
    }
    "Categories" {
        max_cat_to_onehot: u32 = 4, [], Range::at_least(1.0), Applies::Always,
            "Up to so many categories a split sets one apart from the others; above, sets of categories are told apart.", "LightGBM";
        max_cat_threshold: u32 = 32, [], Range::at_least(1.0), Applies::Always,
            "The most categories of a split's smaller set.", "LightGBM";
        cat_smooth: f64 = 10.0, [], Range::at_least(0.0), Applies::Always,
            "Added to a category's hessian where categories are put in order; those with fewer rows in the leaf go right.", "LightGBM";
        cat_l2: f64 = 10.0, [], Range::at_least(0.0), Applies::Always,
            "Added to lambda_l2 where sets of categories are told apart.", "LightGBM";
        min_data_per_group: u32 = 100, [], Range::at_least(1.0), Applies::Always,
            "The fewest rows by which one set of categories is larger than the one tried before it.", "LightGBM";
    }
    "Bins" {
        max_bin: u32 = 255, ["max_bins"], Range::between(2.0, 255.0), Applies::Always,
            "The most bins of a feature's non-missing values; missing values have one more, of their own.", "LightGBM, which counts the missing bin in";
        min_data_in_bin: u32 = 3, [], Range::at_least(1.0), Applies::Always,
            "Distinct values are merged until a bin holds this many rows; 1 keeps every value apart where `max_bin` allows.", "LightGBM";
        max_bin_by_feature: Vec<u32> = Vec::new(), [], Range::between(2.0, 255.0), Applies::Always,
            "`max_bin` of each feature; none is `max_bin` for all.", "LightGBM";
        forced_bins: Vec<ForcedBins> = Vec::new(), [], Range::ANY, Applies::Always,
            "Bounds that a feature is cut at whatever its values, such as `0:[0.5,1],3:[2]`: the other bins are shared out between them by rows.", "LightGBM's forcedbins_filename, whose entries these are";
    }
    "Sampling" {
        bagging_fraction: f64 = 1.0, ["sub_row", "subsample", "bagging"], Range::above_to(0.0, 1.0), Applies::Always,
            "Chance of a row to be in the bag, drawn from its key.", "LightGBM, which draws a fixed number of rows", Search::linear(0.4, 1.0);
        bagging_freq: u32 = 0, ["subsample_freq"], Range::at_least(0.0), Applies::Always,
            "Draw a new bag every so many rounds; 0 uses all rows.", "LightGBM";
        bagging_by_query: bool = false, [], Range::ANY, RANKING,
            "Draw whole queries, each by the smallest key of its rows, instead of rows.", "LightGBM";
        feature_fraction: f64 = 1.0, ["sub_feature", "colsample_bytree"], Range::above_to(0.0, 1.0), Applies::Always,
            "Share of the features that a tree may use (those with more than one bin, rounded, at least one).", "LightGBM", Search::linear(0.1, 1.0);
        feature_fraction_bynode: f64 = 1.0, ["sub_feature_bynode", "colsample_bynode"], Range::above_to(0.0, 1.0), Applies::Always,
            "Share of the tree's features that a leaf may be split by, drawn for each leaf.", "LightGBM";
    }
    "Binary objective" {
        scale_pos_weight: f64 = 1.0, [], Range::above(0.0), BINARY,
            "Factor on the weight of positive rows.", "LightGBM";
        is_unbalance: bool = false, ["unbalance", "unbalanced_sets"], Range::ANY, BINARY,
            "Make the rarer class as heavy as the other, counted by rows.", "LightGBM";
        boost_from_average: bool = true, [], Range::ANY, BINARY,
            "Start from the log-odds of the positive share instead of 0; folded into the first tree.", "LightGBM";
        sigmoid: f64 = 1.0, [], Range::above(0.0), SIGMOID,
            "Slope of the logistic function, of the binary objective and of ranked pairs.", "LightGBM";
    }
    "Ranking objectives" {
        lambdarank_pair_method: PairMethod = PairMethod::TopK, [], Range::ANY, PAIRS,
            "Which pairs are compared: `topk`, every pair with one row above `lambdarank_truncation_level`; or `mean`, for every row `lambdarank_num_pair_per_sample` partners of other grades, drawn by row key anew each round.", "XGBoost";
        lambdarank_truncation_level: u32 = 30, [], Range::at_least(1.0), PAIRS,
            "With `topk`: pairs count when one of the two stands above this position; NDCG is cut there too.", "LightGBM", Search::log(10.0, 2000.0);
        lambdarank_num_pair_per_sample: u32 = 1, [], Range::at_least(1.0), PAIRS,
            "With `mean`: how many partners are drawn for every row.", "XGBoost";
        lambdarank_norm: bool = true, [], Range::ANY, PAIRS,
            "Divide a pair's weight by its score difference, and scale each query's gradients by log2(1 + S) / S (`topk`) or by one over the partners of a row (`mean`).", "LightGBM; for `mean` XGBoost", Search::Choice(&["true", "false"]);
        label_gain: Vec<f64> = Vec::new(), [], Range::at_least(0.0), RANKING,
            "Gain of grade 0, 1, 2 ... in NDCG, as objective and as metric; none is 2^grade - 1.", "LightGBM";
        lambdarank_position_bias_regularization: f64 = 0.0, [], Range::at_least(0.0), PAIRS,
            "Pull towards 0 of the biases of the positions that rows were shown at; needs such positions.", "LightGBM";
    }
    "Evaluation" {
        metric: Vec<Metric> = Vec::new(), ["metrics", "metric_types"], Range::ANY, Applies::Always,
            "What to measure on validation data; nothing given is `binary_logloss`, `ndcg` or `map`, by the objective, and `none` leaves it to metrics of the caller's own.", "LightGBM";
        eval_at: Vec<u32> = vec![1, 2, 3, 4, 5], ["ndcg_eval_at", "ndcg_at", "map_eval_at", "map_at"], Range::at_least(1.0), RANKING,
            "Positions at which NDCG and MAP are measured.", "LightGBM";
        early_stopping_round: u32 = 0, ["early_stopping_rounds", "early_stopping", "n_iter_no_change"], Range::at_least(0.0), Applies::Always,
            "Stop when a metric has not improved for so many rounds, and keep the best round's trees; 0 never stops.", "LightGBM";
        early_stopping_min_delta: f64 = 0.0, [], Range::at_least(0.0), Applies::Always,
            "A metric must improve by more than this to count as improved.", "LightGBM";
        first_metric_only: bool = false, [], Range::ANY, Applies::Always,
            "Let only the first metric stop training.", "LightGBM";
    }
}

//! What a user may ask of training: names and texts in, a checked [`Plan`] out.
//!
//! Every parameter is declared once, in the table at the end of this file: its field, default, aliases, range and
//! documentation all come from there, and `docs/parameters.md` is printed from it. Names and defaults are LightGBM's.
//! What is unknown, out of range or without effect is an error; nothing is ignored. [`Params::plan`] is the only way
//! to training.

mod setting;
mod spec;
mod table;

pub use setting::{BoostingKind, Metric, ObjectiveKind, PairMethod};
pub use spec::{Applies, ParamError, Range, Scale, Search, Spec, markdown};
pub use table::{Params, SPEC};

use crate::gbdt::data::{Binning, Dataset, MAX_GRADE, Task};

/// Checked parameters, in groups: each part of training sees its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) boosting: Boosting,
    pub(super) growth: Growth,
    pub(super) sampling: Sampling,
    pub(super) logistic: Logistic,
    pub(super) ranking: Ranking,
    pub(super) evaluation: Evaluation,
    binning: Binning,
    objective: ObjectiveKind,
    record: Vec<(String, String)>,
}

/// How many trees and how big their steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Boosting {
    pub(super) num_iterations: u32,
    pub(super) learning_rate: f64,
    pub(super) mode: Mode,
    /// With [`Mode::Dart`].
    pub(super) dart: Option<Dropout>,
}

/// How trees follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Gradient,
    Goss,
    Dart,
    Forest,
}

/// Which trees are dropped.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dropout {
    pub(super) drop_rate: f64,
    pub(super) max_drop: Option<usize>,
    pub(super) skip_drop: f64,
    pub(super) uniform: bool,
    pub(super) xgboost: bool,
    pub(super) seed: u64,
}

/// Which rows stand for the others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Goss {
    pub(super) top_rate: f64,
    pub(super) other_rate: f64,
    /// Rounds before this one take all rows.
    pub(super) first_round: u32,
}

/// When a leaf may be split, and what it answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Growth {
    pub(super) num_leaves: u32,
    pub(super) max_depth: Option<u32>,
    pub(super) min_data_in_leaf: u64,
    pub(super) min_sum_hessian_in_leaf: f64,
    pub(super) lambda_l1: f64,
    pub(super) lambda_l2: f64,
    pub(super) min_gain_to_split: f64,
    /// The largest magnitude of a value; infinite where there is no limit.
    pub(super) max_delta_step: f64,
    pub(super) path_smooth: f64,
    pub(super) extra_trees: bool,
    /// One for each feature, or none.
    pub(super) monotone_constraints: Vec<i32>,
    pub(super) interaction_constraints: Vec<Vec<u32>>,
    pub(super) categories: Grouping,
}

/// How categories are told apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grouping {
    pub(super) max_cat_to_onehot: usize,
    pub(super) max_cat_threshold: usize,
    pub(super) cat_smooth: f64,
    pub(super) cat_l2: f64,
    pub(super) min_data_per_group: u64,
}

/// Which rows and features a tree sees.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sampling {
    pub(super) seed: u64,
    pub(super) bagging_fraction: f64,
    pub(super) bagging_freq: u32,
    pub(super) bagging_by_query: bool,
    pub(super) feature_fraction: f64,
    pub(super) feature_fraction_bynode: f64,
    pub(super) goss: Option<Goss>,
}

/// The binary objective.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Logistic {
    pub(super) sigmoid: f64,
    pub(super) scale_pos_weight: f64,
    pub(super) is_unbalance: bool,
    pub(super) boost_from_average: bool,
}

/// The ranking objectives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ranking {
    pub(super) goal: Goal,
    pub(super) sigmoid: f64,
    pub(super) pairs: PairMethod,
    /// Pairs drawn for each row.
    pub(super) per_row: u32,
    pub(super) norm: bool,
    pub(super) label_gain: Vec<f64>,
    pub(super) bias: BiasRules,
    pub(super) seed: u64,
    truncation_level: usize,
}

/// What a pair's weight is the change of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Normalised discounted cumulative gain.
    Ndcg,
    /// Average precision.
    Precision,
    /// Nothing but the order of the pair.
    Order,
}

/// How the biases of positions are learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BiasRules {
    pub(super) learning_rate: f64,
    pub(super) regularization: f64,
}

impl Ranking {
    /// The gain of a grade; grades beyond the table count as its last.
    pub(super) fn gain(&self, grade: u8) -> f64 {
        gain(&self.label_gain, grade)
    }

    /// How many positions count.
    pub(super) fn truncation(&self) -> usize {
        match self.pairs {
            PairMethod::TopK => self.truncation_level,
            PairMethod::Mean => usize::MAX,
        }
    }
}

/// What is measured, and when to stop.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evaluation {
    pub(super) metrics: Vec<Metric>,
    pub(super) eval_at: Vec<usize>,
    pub(super) early_stopping_round: Option<u32>,
    pub(super) first_metric_only: bool,
    pub(super) min_delta: f64,
    /// Gain of each grade.
    label_gain: Vec<f64>,
}

impl Evaluation {
    /// The gain of a grade in NDCG; grades beyond the table count as its last.
    pub(super) fn gain(&self, grade: u8) -> f64 {
        gain(&self.label_gain, grade)
    }
}

fn gain(table: &[f64], grade: u8) -> f64 {
    table.get(usize::from(grade)).or(table.last()).copied().unwrap_or(0.0)
}

impl Params {
    /// Sets one parameter by its name or an alias.
    ///
    /// # Errors
    /// When the name is unknown (the message names the nearest one) or the value cannot be read.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ParamError> {
        let spec = Spec::find(key.trim())?;
        self.assign(spec.name, value.trim())
    }

    /// Checks every value against its range and against the others.
    ///
    /// # Errors
    /// On the first parameter out of range, without effect, or at odds with another.
    pub fn plan(&self) -> Result<Plan, ParamError> {
        for spec in SPEC {
            spec.check(self)?;
        }
        self.check_together()?;
        Ok(Plan {
            boosting: self.boosting(),
            growth: self.growth(),
            sampling: self.sampling(),
            logistic: Logistic {
                sigmoid: self.sigmoid,
                scale_pos_weight: self.scale_pos_weight,
                is_unbalance: self.is_unbalance,
                boost_from_average: self.boost_from_average,
            },
            ranking: self.ranking(),
            evaluation: self.evaluation(),
            binning: Binning::new(self.max_bin, self.min_data_in_bin)
                .by_feature(&self.max_bin_by_feature)
                .forced(&self.forced_bins),
            objective: self.objective,
            record: SPEC.iter().map(|spec| (spec.name.to_owned(), spec.show(self))).collect(),
        })
    }

    fn check_together(&self) -> Result<(), ParamError> {
        if self.bagging_fraction < 1.0 && self.bagging_freq == 0 {
            return Err(ParamError::NoEffect {
                name: "bagging_fraction",
                value: self.bagging_fraction.to_string(),
                reason: "unless bagging_freq is at least 1",
            });
        }
        if self.bagging_fraction == 1.0 {
            Spec::find("bagging_by_query")?.check_unset(self, "unless bagging_fraction is below 1")?;
        }
        if self.early_stopping_round == 0 {
            Spec::find("first_metric_only")?.check_unset(self, "without early_stopping_round")?;
            Spec::find("early_stopping_min_delta")?.check_unset(self, "without early_stopping_round")?;
        }
        if self.is_unbalance {
            Spec::find("scale_pos_weight")?
                .check_unset(self, "with is_unbalance, which weighs the classes itself")?;
        }
        self.check_boosting()?;
        self.check_pairs()?;
        let ranking = self.objective.is_ranking();
        match self
            .metric
            .iter()
            .find(|metric| metric.objective().is_some_and(|kind| kind.is_ranking() != ranking))
        {
            Some(metric) => Err(ParamError::MetricObjective {
                metric: metric.name(),
                objective: self.objective.name(),
                expected: metric.objective().unwrap_or(self.objective).name(),
            }),
            None => Ok(()),
        }
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            seed: self.seed,
            bagging_fraction: self.bagging_fraction,
            bagging_freq: self.bagging_freq,
            bagging_by_query: self.bagging_by_query,
            feature_fraction: self.feature_fraction,
            feature_fraction_bynode: self.feature_fraction_bynode,
            goss: (self.boosting == BoostingKind::Goss).then_some(Goss {
                top_rate: self.top_rate,
                other_rate: self.other_rate,
                first_round: (1.0 / self.learning_rate) as u32,
            }),
        }
    }

    fn growth(&self) -> Growth {
        Growth {
            num_leaves: self.num_leaves,
            max_depth: u32::try_from(self.max_depth).ok().filter(|&depth| depth > 0),
            min_data_in_leaf: u64::from(self.min_data_in_leaf),
            min_sum_hessian_in_leaf: self.min_sum_hessian_in_leaf,
            lambda_l1: self.lambda_l1,
            lambda_l2: self.lambda_l2,
            min_gain_to_split: self.min_gain_to_split,
            max_delta_step: if self.max_delta_step > 0.0 { self.max_delta_step } else { f64::INFINITY },
            path_smooth: self.path_smooth,
            extra_trees: self.extra_trees,
            monotone_constraints: self.monotone_constraints.clone(),
            interaction_constraints: self.interaction_constraints.clone(),
            categories: Grouping {
                max_cat_to_onehot: self.max_cat_to_onehot as usize,
                max_cat_threshold: self.max_cat_threshold as usize,
                cat_smooth: self.cat_smooth,
                cat_l2: self.cat_l2,
                min_data_per_group: u64::from(self.min_data_per_group),
            },
        }
    }

    fn check_pairs(&self) -> Result<(), ParamError> {
        let (name, reason) = match self.lambdarank_pair_method {
            PairMethod::TopK => ("lambdarank_num_pair_per_sample", "unless lambdarank_pair_method = mean"),
            PairMethod::Mean => ("lambdarank_truncation_level", "with lambdarank_pair_method = mean"),
        };
        Spec::find(name)?.check_unset(self, reason)
    }

    fn check_boosting(&self) -> Result<(), ParamError> {
        match self.boosting {
            BoostingKind::Gbdt => Ok(()),
            BoostingKind::Goss => {
                const SAMPLED: &str = "with boosting = goss, which samples rows itself";
                Spec::find("bagging_fraction")?.check_unset(self, SAMPLED)?;
                Spec::find("bagging_freq")?.check_unset(self, SAMPLED)?;
                let both = self.top_rate + self.other_rate;
                let needed = "top_rate + other_rate of at most 1";
                let value = self.other_rate.to_string();
                if both > 1.0 { Err(ParamError::Needs { name: "other_rate", value, needed }) } else { Ok(()) }
            }
            BoostingKind::Dart => {
                const CHANGED: &str = "with boosting = dart, where later rounds change the trees of the best";
                Spec::find("early_stopping_round")?.check_unset(self, CHANGED)
            }
            BoostingKind::Rf => {
                Spec::find("learning_rate")?
                    .check_unset(self, "with boosting = rf, whose trees are averaged")?;
                let bagged = self.bagging_freq > 0 && self.bagging_fraction < 1.0;
                let needed = "bagging_fraction below 1 with bagging_freq of at least 1, or feature_fraction or \
                              feature_fraction_bynode below 1, or extra_trees: all trees would be the same";
                let (name, value) = ("boosting", self.boosting.name().to_owned());
                let varied = bagged
                    || self.feature_fraction < 1.0
                    || self.feature_fraction_bynode < 1.0
                    || self.extra_trees;
                if varied { Ok(()) } else { Err(ParamError::Needs { name, value, needed }) }
            }
        }
    }

    fn boosting(&self) -> Boosting {
        let mode = match self.boosting {
            BoostingKind::Gbdt => Mode::Gradient,
            BoostingKind::Goss => Mode::Goss,
            BoostingKind::Dart => Mode::Dart,
            BoostingKind::Rf => Mode::Forest,
        };
        Boosting {
            num_iterations: self.num_iterations,
            learning_rate: if mode == Mode::Forest { 1.0 } else { self.learning_rate },
            mode,
            dart: (mode == Mode::Dart).then_some(Dropout {
                drop_rate: self.drop_rate,
                max_drop: Some(self.max_drop as usize).filter(|&most| most > 0),
                skip_drop: self.skip_drop,
                uniform: self.uniform_drop,
                xgboost: self.xgboost_dart_mode,
                seed: self.seed,
            }),
        }
    }

    fn gains(&self) -> Vec<f64> {
        let standard = || (0..=MAX_GRADE).map(|grade| (1u64 << grade) as f64 - 1.0).collect();
        if self.label_gain.is_empty() { standard() } else { self.label_gain.clone() }
    }

    fn ranking(&self) -> Ranking {
        Ranking {
            goal: match self.objective {
                ObjectiveKind::RankMap => Goal::Precision,
                ObjectiveKind::RankPairwise => Goal::Order,
                ObjectiveKind::Lambdarank | ObjectiveKind::RankXendcg | ObjectiveKind::Binary => Goal::Ndcg,
            },
            sigmoid: self.sigmoid,
            pairs: self.lambdarank_pair_method,
            per_row: self.lambdarank_num_pair_per_sample,
            truncation_level: self.lambdarank_truncation_level as usize,
            norm: self.lambdarank_norm,
            label_gain: self.gains(),
            bias: BiasRules {
                learning_rate: self.learning_rate,
                regularization: self.lambdarank_position_bias_regularization,
            },
            seed: self.seed,
        }
    }

    fn evaluation(&self) -> Evaluation {
        let standard = match self.objective {
            ObjectiveKind::Binary => Metric::BinaryLogloss,
            ObjectiveKind::RankMap => Metric::Map,
            ObjectiveKind::Lambdarank | ObjectiveKind::RankXendcg | ObjectiveKind::RankPairwise => {
                Metric::Ndcg
            }
        };
        Evaluation {
            metrics: if self.metric.is_empty() { vec![standard] } else { self.metric.clone() },
            eval_at: self.eval_at.iter().map(|&k| k as usize).collect(),
            early_stopping_round: (self.early_stopping_round > 0).then_some(self.early_stopping_round),
            first_metric_only: self.first_metric_only,
            min_delta: self.early_stopping_min_delta,
            label_gain: self.gains(),
        }
    }
}

/// Parameters that speak of single features.
impl Plan {
    /// Checks that there is a feature for each of them.
    fn check_features(&self, data: &Dataset) -> Result<(), ParamError> {
        let cuts = data.bins().cuts();
        let expected = data.bins().n_features();
        let lists = [
            ("monotone_constraints", self.growth.monotone_constraints.len()),
            ("max_bin_by_feature", self.binning.n_by_feature()),
        ];
        for (name, found) in lists {
            if found > 0 && found != expected {
                return Err(ParamError::FeatureCount { name, expected, found });
            }
        }
        let mut constrained = self.growth.monotone_constraints.iter().enumerate();
        if let Some((at, _)) = constrained.find(|&(f, &c)| c != 0 && cuts.is_categorical(f)) {
            let feature = cuts.schema().features[at].name.clone();
            return Err(ParamError::Unordered { name: "monotone_constraints", feature });
        }
        let sets = self.growth.interaction_constraints.iter().flatten().copied();
        let named = sets.map(|feature| ("interaction_constraints", feature));
        let forced = self.binning.forced_features().map(|feature| ("forced_bins", feature));
        match named.chain(forced).find(|&(_, feature)| feature as usize >= expected) {
            Some((name, found)) => Err(ParamError::NoFeature { name, found, n_features: expected }),
            None => Ok(()),
        }
    }
}

impl Plan {
    /// How to cut features into bins.
    pub fn binning(&self) -> &Binning {
        &self.binning
    }

    /// The kind of task to build; training itself follows the dataset's.
    pub fn objective(&self) -> ObjectiveKind {
        self.objective
    }

    /// How many rounds training takes at most.
    pub fn num_iterations(&self) -> u32 {
        self.boosting.num_iterations
    }

    /// Rounds without improvement after which training stops, if it may.
    pub fn early_stopping_round(&self) -> Option<u32> {
        self.evaluation.early_stopping_round
    }

    /// Every parameter by name and value, in the table's order.
    pub fn record(&self) -> &[(String, String)] {
        &self.record
    }

    /// Checks that the plan means something for these data. Training is total without it: it follows the task's kind,
    /// gives grades beyond the gain table the last gain, and never stops early without a validation set.
    ///
    /// # Errors
    /// When one of those rules would have to be applied.
    pub fn check(&self, train: &Dataset, validation: Option<&Dataset>) -> Result<(), ParamError> {
        let kind = match train.task() {
            Task::Binary { .. } => ObjectiveKind::Binary,
            Task::Lambdarank { .. } if self.objective.is_ranking() => self.objective,
            Task::Lambdarank { .. } => ObjectiveKind::Lambdarank,
            // the caller's own loss stands in for whatever the parameters name
            Task::Custom(_) => self.objective,
        };
        if kind != self.objective {
            return Err(ParamError::TaskKind { objective: self.objective.name(), found: kind.name() });
        }
        self.check_features(train)?;
        if self.evaluation.early_stopping_round.is_some() && validation.is_none() {
            return Err(ParamError::NoEffect {
                name: "early_stopping_round",
                value: self.evaluation.early_stopping_round.unwrap_or(0).to_string(),
                reason: "without validation data",
            });
        }
        self.check_positions(train)?;
        for task in [Some(train), validation].into_iter().flatten().map(Dataset::task) {
            if let Task::Lambdarank { grades, .. } = task {
                let grade = usize::from(grades.iter().copied().max().unwrap_or(0));
                if grade >= self.ranking.label_gain.len() {
                    return Err(ParamError::Gain { gains: self.ranking.label_gain.len(), grade });
                }
            }
        }
        Ok(())
    }

    fn check_positions(&self, train: &Dataset) -> Result<(), ParamError> {
        let regularization = self.ranking.bias.regularization;
        match train.positions() {
            None if regularization > 0.0 => Err(ParamError::NoEffect {
                name: "lambdarank_position_bias_regularization",
                value: regularization.to_string(),
                reason: "without the positions that rows were shown at",
            }),
            Some(_) if !self.objective.has_pairs() => {
                Err(ParamError::Positions { objective: self.objective.name() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_a_plan() {
        let plan = Params::default().plan().expect("defaults are in range");
        assert_eq!(plan.growth.num_leaves, 31);
        assert_eq!(plan.growth.max_depth, None);
        assert_eq!(plan.evaluation.metrics, [Metric::BinaryLogloss]);
        assert_eq!(plan.record().len(), SPEC.len());
    }

    #[test]
    fn names_and_aliases_set_values() {
        let mut params = Params::default();
        for (key, value) in
            [("eta", "0.3"), ("num_round", "7"), ("objective", "lambdarank"), ("ndcg_at", "3,10")]
        {
            params.set(key, value).expect("a known name");
        }
        assert_eq!((params.learning_rate, params.num_iterations), (0.3, 7));
        assert_eq!(params.eval_at, [3, 10]);
        assert_eq!(params.plan().expect("valid").objective(), ObjectiveKind::Lambdarank);
    }

    #[test]
    fn every_default_reads_back() {
        for spec in SPEC {
            let mut params = Params::default();
            params.set(spec.name, &spec.show(&Params::default())).expect("its own default");
            assert_eq!(params, Params::default(), "{}", spec.name);
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        let says = |key: &str, value: &str| {
            let mut params = Params::default();
            params.set(key, value).and_then(|()| params.plan().map(|_| ())).expect_err("refused").to_string()
        };
        assert_eq!(says("num_leafs", "3"), "unknown parameter `num_leafs`; did you mean `num_leaf`?");
        assert_eq!(says("eta", "fast"), "learning_rate: expected a number, found `fast`");
        assert_eq!(says("eta", "0"), "learning_rate: expected a number above 0, found 0");
        assert_eq!(says("max_bin", "256"), "max_bin: expected a number from 2 to 255, found 256");
        assert_eq!(
            says("subsample", "0.5"),
            "bagging_fraction = 0.5 has no effect unless bagging_freq is at least 1"
        );
        assert_eq!(
            says("lambdarank_norm", "false"),
            "lambdarank_norm = false has no effect with objective = binary"
        );
        assert_eq!(
            says("metric", "ndcg"),
            "metric `ndcg` measures objective = lambdarank, found objective = binary"
        );
        assert_eq!(says("lambda_l2", "NaN"), "lambda_l2: expected a number of at least 0, found NaN");
    }
}

//! Values of parameters as text: one trait for all types, so that the table can read, show and range-check any of them.

use serde::{Deserialize, Serialize};

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

list!(f64: "numbers separated by commas", u32: "whole numbers separated by commas", Metric: "metrics separated by commas (auc, average_precision, binary_logloss, brier, ndcg)");

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
    ObjectiveKind: "binary or lambdarank";
    /// Log loss of two classes.
    Binary = "binary" | "binary_logloss" | "logistic",
    /// Pairwise loss weighted by the change of NDCG.
    Lambdarank = "lambdarank" | "rank:ndcg",
}

named! {
    /// What is measured on the validation data after each round.
    Metric: "a metric (auc, average_precision, binary_logloss, brier, ndcg)";
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
}

impl Metric {
    /// The objective whose labels it reads.
    pub fn objective(self) -> ObjectiveKind {
        match self {
            Metric::Ndcg => ObjectiveKind::Lambdarank,
            Metric::Auc | Metric::AveragePrecision | Metric::BinaryLogloss | Metric::Brier => {
                ObjectiveKind::Binary
            }
        }
    }
}

//! What a report is asked to show: costs, budgets, how many resamples.

use serde::{Deserialize, Serialize};

/// The settings of an evaluation; written into the report, so that it can be made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Alerts worked a day (a batch), each a row of the yield table.
    pub budgets: Vec<usize>,
    /// What a missed positive costs, in any unit.
    pub miss_cost: f64,
    /// What reviewing one alert costs, in the same unit.
    pub review_cost: f64,
    /// Alerts of at least this probability are flagged; absent: the review's cost over the miss's, which is where a calibrated
    /// probability makes review and neglect cost the same.
    pub threshold: Option<f64>,
    /// Resamples of every interval; 0 for none.
    pub resamples: usize,
    /// Confidence level of intervals.
    pub level: f64,
    /// Key of every draw.
    pub seed: u64,
    /// Rows that are explained and moved about, chosen by a hash of their ids.
    pub sample_rows: usize,
    /// Alerts shown on each side of the line.
    pub line_samples: usize,
    /// A feature that alone has this AUC, in either direction, is suspected of telling the target.
    pub single_feature_limit: f64,
    /// Groups with fewer rows, or with a class of fewer than a tenth of it, are called small.
    pub small_group: usize,
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A number outside its range.
    #[error("{key}: expected {expected}, found {found}")]
    Value {
        /// The setting.
        key: &'static str,
        /// The legal values.
        expected: &'static str,
        /// The value.
        found: String,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            budgets: vec![10, 25, 50, 100, 250, 500],
            miss_cost: 20.0,
            review_cost: 1.0,
            threshold: None,
            resamples: 300,
            level: 0.95,
            seed: 42,
            sample_rows: 500,
            line_samples: 10,
            single_feature_limit: 0.95,
            small_group: 100,
        }
    }
}

impl Settings {
    /// Refuses what has no meaning; budgets come out rising and distinct.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn checked(mut self) -> Result<Self, SettingsError> {
        let value = |key, expected, found: String| SettingsError::Value { key, expected, found };
        if self.budgets.is_empty() || self.budgets.contains(&0) {
            let found = format!("{:?}", self.budgets);
            return Err(value("budgets", "at least one budget, each at least 1", found));
        }
        let positive = |cost: f64| cost.is_finite() && cost > 0.0;
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let checks = [
            ("miss_cost", "a positive number", self.miss_cost, positive(self.miss_cost)),
            ("review_cost", "a positive number", self.review_cost, positive(self.review_cost)),
            ("threshold", "0 to 1", self.cut(), share(self.cut())),
            ("level", "0.5 to 0.999", self.level, (0.5..=0.999).contains(&self.level)),
            ("single_feature_limit", "0.5 to 1", self.single_feature_limit, self.single_feature_limit >= 0.5),
        ];
        if let Some((key, expected, found, _)) = checks.into_iter().find(|(.., legal)| !legal) {
            return Err(value(key, expected, found.to_string()));
        }
        if self.resamples > MAX_RESAMPLES {
            return Err(value("resamples", "at most 10000", self.resamples.to_string()));
        }
        self.budgets.sort_unstable();
        self.budgets.dedup();
        Ok(self)
    }

    /// The probability from which alerts are flagged.
    pub fn cut(&self) -> f64 {
        self.threshold.unwrap_or_else(|| (self.review_cost / self.miss_cost).min(1.0))
    }

    /// The budget that a single figure is given for: the one nearest to 100.
    pub fn main_budget(&self) -> usize {
        self.budgets.iter().copied().min_by_key(|budget| budget.abs_diff(100)).unwrap_or(100)
    }
}

const MAX_RESAMPLES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        let refuse = |settings: Settings| settings.checked().expect_err("refused").to_string();
        assert!(refuse(Settings { budgets: vec![], ..Settings::default() }).starts_with("budgets: expected"));
        assert!(refuse(Settings { miss_cost: f64::NAN, ..Settings::default() }).starts_with("miss_cost: "));
        assert!(refuse(Settings { review_cost: 0.0, ..Settings::default() }).starts_with("review_cost: "));
        assert!(refuse(Settings { threshold: Some(1.5), ..Settings::default() }).ends_with("found 1.5"));
        assert!(refuse(Settings { resamples: 10_001, ..Settings::default() }).starts_with("resamples: "));
        assert!(refuse(Settings { level: 1.0, ..Settings::default() }).starts_with("level: "));
        assert!(refuse(Settings { single_feature_limit: 0.1, ..Settings::default() }).contains("0.5 to 1"));
        let sorted = Settings { budgets: vec![50, 10, 50], ..Settings::default() }.checked();
        assert_eq!(sorted.map(|s| s.budgets), Ok(vec![10, 50]));
    }
}

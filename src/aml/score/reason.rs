//! Contributions -> reasons in plain words.
//!
//! The contributions are exact Shapley values of the raw score beside which they stand: with the base value they add up to it. A
//! reason says what the feature is, its value with its unit, where the value lies among the training rows, and by the
//! contribution's sign what it does to the score.

use super::RawRow;
use crate::aml::bundle::Scorer;
use crate::aml::features::{ModelFeature, Unit};

/// Why a score is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The largest contributions, largest magnitude first, equal ones by name; features without effect are left out.
    pub top: Vec<Reason>,
    /// Name and contribution of every feature, in the model's order.
    pub contributions: Vec<(String, f64)>,
    /// The mean raw score of the training rows, weighted by the trees' covers.
    pub base_value: f64,
    /// The score that is explained, before the logistic function.
    pub raw_score: f64,
}

/// One feature's part.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The feature.
    pub name: String,
    /// Its value; NaN where absent.
    pub value: f64,
    /// What it adds to the raw score.
    pub contribution: f64,
    /// The same in words.
    pub text: String,
}

impl Explanation {
    /// Explains the raw score of one row.
    pub(super) fn of(scorer: &Scorer, row: &RawRow<'_>, top: usize) -> Self {
        let features = scorer.features().features();
        let values = row.contributions;
        let reason = |&f: &usize| Reason {
            name: features[f].name.to_string(),
            value: row.values[f],
            contribution: values[f],
            text: words_of(scorer, f, row.values[f], values[f]),
        };
        Explanation {
            top: largest(features, values, top).iter().map(reason).collect(),
            contributions: features.iter().map(|f| f.name.to_string()).zip(values.iter().copied()).collect(),
            base_value: scorer.explainer().base_value(),
            raw_score: row.raw_score,
        }
    }
}

/// The features of the largest contributions, as many as `top` and without those of no effect; largest magnitude first,
/// equal ones by name.
pub(super) fn largest(features: &[ModelFeature], values: &[f64], top: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..features.len()).filter(|&f| values[f] != 0.0).collect();
    let first = |a: &usize, b: &usize| {
        let magnitude = values[*b].abs().total_cmp(&values[*a].abs());
        magnitude.then_with(|| features[*a].name.cmp(&features[*b].name))
    };
    if top < order.len() {
        order.select_nth_unstable_by(top, first);
        order.truncate(top);
    }
    order.sort_unstable_by(first);
    order
}

/// What a feature's value does to the score, in words.
pub(super) fn words_of(scorer: &Scorer, feature: usize, value: f64, contribution: f64) -> String {
    let known = &scorer.features().features()[feature];
    words(&known.name, known.unit, value, contribution, scorer.quantiles(feature))
}

fn words(name: &str, unit: Unit, value: f64, contribution: f64, quantiles: &[f64]) -> String {
    let effect = if contribution > 0.0 { "raises the score" } else { "lowers the score" };
    let place = place(value, quantiles).map_or(String::new(), |place| format!(" is {place}"));
    match (value.is_nan(), place.is_empty()) {
        (true, _) => format!("{name} is absent; {effect}"),
        (false, true) => format!("{name} {}; {effect}", unit.format(value)),
        (false, false) => format!("{name} {}{place}; {effect}", unit.format(value)),
    }
}

/// Where a value lies among the training rows that have one.
fn place(value: f64, quantiles: &[f64]) -> Option<String> {
    if value.is_nan() || quantiles.len() < 2 {
        return None;
    }
    let last = quantiles.len() - 1;
    let percent = |count: usize| (100 * count) / last;
    let below = quantiles.partition_point(|q| *q < value);
    let above = quantiles.len() - quantiles.partition_point(|q| *q <= value);
    Some(match (below, above) {
        (b, _) if b > last => "above all training rows".to_owned(),
        (_, a) if a > last => "below all training rows".to_owned(),
        (b, a) if b + a + last / 2 <= last => "the value of most training rows".to_owned(),
        (b, a) if b >= a => format!("above {} % of training rows", percent(b.saturating_sub(1))),
        (_, a) => format!("below {} % of training rows", percent(a.saturating_sub(1))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_quantiles() {
        let quantiles: Vec<f64> = (0..=100).map(f64::from).collect();
        let at = |value| place(value, &quantiles).expect("a place");
        assert_eq!(at(97.5), "above 97 % of training rows");
        assert_eq!(at(2.5), "below 97 % of training rows");
        assert_eq!(at(500.0), "above all training rows");
        assert_eq!(at(-1.0), "below all training rows");
        assert_eq!(place(f64::NAN, &quantiles), None);
        assert_eq!(place(1.0, &[]), None);
        let mostly_zero: Vec<f64> = (0..=100).map(|i| f64::from(u8::from(i > 88))).collect();
        assert_eq!(place(0.0, &mostly_zero).as_deref(), Some("the value of most training rows"));
        assert_eq!(place(1.0, &mostly_zero).as_deref(), Some("above 88 % of training rows"));
    }

    #[test]
    fn a_reason_names_value_unit_place_and_direction() {
        let quantiles: Vec<f64> = (0..=100).map(|i| 500.0 * f64::from(i)).collect();
        assert_eq!(
            words("total_out_usd", Unit::Usd, 48_600.0, 0.3, &quantiles),
            "total_out_usd 48,600 USD is above 97 % of training rows; raises the score"
        );
        assert_eq!(words("x", Unit::Count, f64::NAN, -0.3, &quantiles), "x is absent; lowers the score");
        assert_eq!(words("x", Unit::Count, 2.0, -0.3, &[]), "x 2; lowers the score");
    }
}

//! What is searched: named dimensions, each a range of numbers or a list of texts.
//!
//! A point is one number a dimension: the value itself, or the position of a choice. Every numeric dimension has a
//! coordinate from 0 to 1 along its scale, in which samplers work; a whole number owns the cell from half a step below
//! to half a step above it. Values of floats are rounded to four significant digits, so that what is reported, written to
//! YAML and trained with is one and the same number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_norway::Value;

use crate::determinism::math;
use crate::gbdt::params::{ObjectiveKind, SPEC, Scale, Search, Spec};

/// The dimensions of a search, in the order of their names' table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    dimensions: Vec<Dimension>,
}

/// One parameter under search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its values.
    pub domain: Domain,
}

/// The values of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Numbers, both ends included.
    Float {
        /// The least.
        low: f64,
        /// The largest.
        high: f64,
        /// How they are spread.
        scale: Scale,
    },
    /// Whole numbers, both ends included.
    Int {
        /// The least.
        low: i64,
        /// The largest.
        high: i64,
        /// How they are spread.
        scale: Scale,
    },
    /// Texts without an order.
    Choice(Vec<String>),
}

/// A value for every dimension: the number, or the position of the choice.
pub type Point = Vec<f64>;

/// Changes to the space that a configuration asks for: a range or a list by parameter; null leaves it as configured.
pub type Overrides = BTreeMap<String, Value>;

/// Why a space cannot be searched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// No parameter has this name.
    #[error("search: {0}")]
    Name(crate::gbdt::params::ParamError),
    /// A range that is none.
    #[error("search: {name}: expected {expected}, found {found}")]
    Range {
        /// The parameter.
        name: String,
        /// What would do.
        expected: String,
        /// As given.
        found: String,
    },
    /// Nothing is left to search.
    #[error("search: no parameter to search; give at least one a range")]
    Empty,
    /// A point that lacks a parameter, or has one the space does not.
    #[error("point: {name}: {reason}")]
    Point {
        /// The parameter.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl Space {
    /// A space of these dimensions.
    ///
    /// # Errors
    /// When there is none, or a range is empty, not finite, or has no logarithm where one is asked for.
    pub fn new(dimensions: Vec<Dimension>) -> Result<Self, SpaceError> {
        if dimensions.is_empty() {
            return Err(SpaceError::Empty);
        }
        dimensions.iter().try_for_each(Dimension::check)?;
        Ok(Space { dimensions })
    }

    /// Every parameter of the table that has an effect on this objective and is marked for tuning, as a
    /// configuration changes them.
    ///
    /// # Errors
    /// When an override names no parameter, or gives no range.
    pub fn of(objective: ObjectiveKind, overrides: &Overrides) -> Result<Self, SpaceError> {
        let mut asked: BTreeMap<&'static str, &Value> = BTreeMap::new();
        for (name, value) in overrides {
            asked.insert(Spec::find(name).map_err(SpaceError::Name)?.name, value);
        }
        let applies = |spec: &&Spec| spec.applies.to(objective);
        let mut dimensions = vec![];
        for spec in SPEC.iter().filter(applies) {
            let domain = match (asked.remove(spec.name), spec.search) {
                (Some(Value::Null), _) | (None, None) => None,
                (Some(value), search) => Some(read(spec, value, search)?),
                (None, Some(search)) => Some(domain(spec, search)),
            };
            dimensions.extend(domain.map(|domain| Dimension { name: spec.name.to_owned(), domain }));
        }
        if let Some(name) = asked.into_keys().next() {
            let expected = format!("a parameter of objective = {}", objective.name());
            let (name, found) = (name.to_owned(), "a range".to_owned());
            return Err(SpaceError::Range { name, expected, found });
        }
        Space::new(dimensions)
    }

    /// The dimensions.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// How many dimensions there are.
    pub fn len(&self) -> usize {
        self.dimensions.len()
    }

    /// Never: a space has a dimension.
    pub fn is_empty(&self) -> bool {
        self.dimensions.is_empty()
    }

    /// A point as texts by name, as `training.yaml` has them.
    pub fn texts(&self, point: &[f64]) -> BTreeMap<String, String> {
        self.dimensions.iter().zip(point).map(|(d, &value)| (d.name.clone(), d.domain.text(value))).collect()
    }

    /// The point nearest to these texts, numbers outside a range at its end; `None` when one is absent, or is no
    /// choice.
    pub fn nearest(&self, texts: &BTreeMap<String, String>) -> Option<Point> {
        let value = |d: &Dimension| texts.get(&d.name).and_then(|text| d.domain.nearest(text));
        self.dimensions.iter().map(value).collect()
    }

    /// The point of a JSON object with a value for every dimension.
    ///
    /// # Errors
    /// When a parameter is absent, unknown, or outside its range.
    pub fn read_point(&self, texts: &BTreeMap<String, String>) -> Result<Point, SpaceError> {
        let refuse =
            |name: &str, reason: &str| SpaceError::Point { name: name.to_owned(), reason: reason.to_owned() };
        if let Some(name) = texts.keys().find(|name| self.dimensions.iter().all(|d| d.name != **name)) {
            return Err(refuse(name, "not searched"));
        }
        let value = |d: &Dimension| {
            let text = texts.get(&d.name).ok_or_else(|| refuse(&d.name, "absent"))?;
            let found = || refuse(&d.name, &format!("expected {}, found {text}", d.domain.words()));
            d.domain.value(text).ok_or_else(found)
        };
        self.dimensions.iter().map(value).collect()
    }
}

impl Dimension {
    fn check(&self) -> Result<(), SpaceError> {
        let (fine, expected) = match &self.domain {
            Domain::Float { low, high, scale } => {
                let fine = low.is_finite()
                    && high.is_finite()
                    && low < high
                    && (*scale == Scale::Linear || *low > 0.0);
                (fine, "finite low below high, above 0 on a log scale")
            }
            Domain::Int { low, high, scale } => {
                let fits = low.unsigned_abs().max(high.unsigned_abs()) <= 1 << 52;
                (
                    low < high && fits && (*scale == Scale::Linear || *low > 0),
                    "low below high, at least 1 on a log scale",
                )
            }
            Domain::Choice(texts) => {
                let distinct = texts.iter().enumerate().all(|(i, text)| !texts[..i].contains(text));
                (texts.len() >= 2 && distinct, "at least two choices, all different")
            }
        };
        let error = || SpaceError::Range {
            name: self.name.clone(),
            expected: expected.to_owned(),
            found: self.domain.words(),
        };
        if fine { Ok(()) } else { Err(error()) }
    }
}

impl Domain {
    /// Whether its values have an order.
    pub fn is_numeric(&self) -> bool {
        !matches!(self, Domain::Choice(_))
    }

    /// How many values it has; `None` for a continuum.
    pub fn count(&self) -> Option<u64> {
        match self {
            Domain::Float { .. } => None,
            Domain::Int { low, high, .. } => Some(high.abs_diff(*low) + 1),
            Domain::Choice(texts) => Some(texts.len() as u64),
        }
    }

    /// The coordinate of a value, 0 to 1.
    pub fn unit(&self, value: f64) -> f64 {
        match self {
            Domain::Choice(texts) => (value + 0.5) / texts.len() as f64,
            _ => self.along(value),
        }
    }

    /// The value at a coordinate; coordinates outside 0 to 1 are the ends'.
    pub fn at(&self, unit: f64) -> f64 {
        let unit = unit.clamp(0.0, 1.0);
        match self {
            Domain::Choice(texts) => ((unit * texts.len() as f64) as usize).min(texts.len() - 1) as f64,
            Domain::Float { low, high, .. } => rounded(self.back(unit)).clamp(*low, *high),
            Domain::Int { low, high, .. } => self.back(unit).round().clamp(*low as f64, *high as f64),
        }
    }

    /// The coordinates that belong to a value: a cell for whole numbers, nothing for a continuum.
    pub fn cell(&self, value: f64) -> Option<(f64, f64)> {
        match self {
            Domain::Int { .. } => Some((self.along(value - 0.5).max(0.0), self.along(value + 0.5).min(1.0))),
            Domain::Float { .. } | Domain::Choice(_) => None,
        }
    }

    /// A value as text that [`Domain::value`] and the engine read back.
    pub fn text(&self, value: f64) -> String {
        match self {
            Domain::Choice(texts) => texts.get(value as usize).cloned().unwrap_or_default(),
            _ => value.to_string(),
        }
    }

    /// The value of a text, if it is one of the domain.
    pub fn value(&self, text: &str) -> Option<f64> {
        match self {
            Domain::Choice(texts) => texts.iter().position(|choice| choice == text).map(|i| i as f64),
            Domain::Float { low, high, .. } => {
                text.parse().ok().filter(|value: &f64| (*low..=*high).contains(value))
            }
            Domain::Int { low, high, .. } => {
                let value: f64 = text.parse().ok()?;
                let inside = value.fract() == 0.0 && (*low as f64..=*high as f64).contains(&value);
                inside.then_some(value)
            }
        }
    }

    /// The value nearest to a text's; `None` for a choice that is not in the list, or for what is no number.
    fn nearest(&self, text: &str) -> Option<f64> {
        let number = || text.parse().ok().filter(|number: &f64| number.is_finite());
        match self {
            Domain::Choice(_) => self.value(text),
            Domain::Float { low, high, .. } => number().map(|number| number.clamp(*low, *high)),
            Domain::Int { low, high, .. } => number().map(|n| n.round().clamp(*low as f64, *high as f64)),
        }
    }

    /// In words, such as "4 to 64 by its logarithm".
    pub fn words(&self) -> String {
        match self {
            Domain::Float { low, high, scale } => format!("{low} to {high}{}", by(*scale)),
            Domain::Int { low, high, scale } => format!("whole {low} to {high}{}", by(*scale)),
            Domain::Choice(texts) => texts.join(" or "),
        }
    }

    /// Both ends of the scale in its own measure; whole numbers reach half a step beyond.
    fn ends(&self) -> (f64, f64) {
        match self {
            Domain::Float { low, high, .. } => (self.measure(*low), self.measure(*high)),
            Domain::Int { low, high, .. } => {
                (self.measure(*low as f64 - 0.5), self.measure(*high as f64 + 0.5))
            }
            Domain::Choice(texts) => (0.0, texts.len() as f64),
        }
    }

    fn along(&self, value: f64) -> f64 {
        let (low, high) = self.ends();
        ((self.measure(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    fn back(&self, unit: f64) -> f64 {
        let (low, high) = self.ends();
        let measure = low + unit * (high - low);
        if self.is_log() { math::exp(measure) } else { measure }
    }

    fn measure(&self, value: f64) -> f64 {
        if self.is_log() { math::ln(value) } else { value }
    }

    fn is_log(&self) -> bool {
        matches!(self, Domain::Float { scale: Scale::Log, .. } | Domain::Int { scale: Scale::Log, .. })
    }
}

fn domain(spec: &Spec, search: Search) -> Domain {
    match search {
        Search::Number { low, high, scale } if spec.whole => {
            Domain::Int { low: low as i64, high: high as i64, scale }
        }
        Search::Number { low, high, scale } => Domain::Float { low, high, scale },
        Search::Choice(texts) => Domain::Choice(texts.iter().map(|&text| text.to_owned()).collect()),
    }
}

/// A range or a list of choices from YAML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    low: f64,
    high: f64,
    scale: Option<Scale>,
}

fn read(spec: &Spec, value: &Value, search: Option<Search>) -> Result<Domain, SpaceError> {
    let name = spec.name.to_owned();
    let error = |expected: &str, found: String| SpaceError::Range {
        name: name.clone(),
        expected: expected.to_owned(),
        found,
    };
    let shown = || serde_norway::to_string(value).unwrap_or_default().trim().replace('\n', ", ");
    if let Value::Sequence(items) = value {
        let texts: Option<Vec<String>> = items.iter().map(super::scalar).collect();
        return texts.map(Domain::Choice).ok_or_else(|| error(EXPECTED, shown()));
    }
    let wire: Wire = serde_norway::from_value(value.clone()).map_err(|_| error(EXPECTED, shown()))?;
    let usual = match search {
        Some(Search::Number { scale, .. }) => scale,
        _ => Scale::Linear,
    };
    let scale = wire.scale.unwrap_or(usual);
    if [wire.low, wire.high].iter().any(|&end| !spec.range.holds(end)) {
        return Err(error(&format!("numbers {}", spec.range.words()), shown()));
    }
    if !spec.whole {
        return Ok(Domain::Float { low: wire.low, high: wire.high, scale });
    }
    if wire.low.fract() != 0.0 || wire.high.fract() != 0.0 {
        return Err(error("whole numbers", shown()));
    }
    Ok(Domain::Int { low: wire.low as i64, high: wire.high as i64, scale })
}

/// Four significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn by(scale: Scale) -> &'static str {
    match scale {
        Scale::Linear => "",
        Scale::Log => " by its logarithm",
    }
}

const EXPECTED: &str = "{low: NUMBER, high: NUMBER, scale: linear or log}, a list of values, or null";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn overrides(yaml: &str) -> Overrides {
        serde_norway::from_str(yaml).expect("test YAML")
    }

    fn names(space: &Space) -> Vec<&str> {
        space.dimensions().iter().map(|d| d.name.as_str()).collect()
    }

    #[test]
    fn the_table_gives_the_space_of_each_objective() {
        let none = Overrides::new();
        let binary = Space::of(ObjectiveKind::Binary, &none).expect("a space");
        let ranking = Space::of(ObjectiveKind::Lambdarank, &none).expect("a space");
        assert!(names(&binary).contains(&"learning_rate") && !names(&binary).contains(&"lambdarank_norm"));
        assert!(names(&ranking).contains(&"lambdarank_norm"));
        let leaves = binary.dimensions().iter().find(|d| d.name == "num_leaves").expect("searched");
        assert_eq!(leaves.domain, Domain::Int { low: 4, high: 64, scale: Scale::Log });
    }

    #[test]
    fn overrides_narrow_replace_and_remove() {
        let yaml = "{eta: {low: 0.05, high: 0.1}, num_leaves: [7, 15], lambda_l2: null, max_depth: {low: 2, high: 8}}";
        let space = Space::of(ObjectiveKind::Binary, &overrides(yaml)).expect("a space");
        let find = |name: &str| space.dimensions().iter().find(|d| d.name == name).map(|d| d.domain.clone());
        assert_eq!(find("learning_rate"), Some(Domain::Float { low: 0.05, high: 0.1, scale: Scale::Log }));
        assert_eq!(find("num_leaves"), Some(Domain::Choice(vec!["7".to_owned(), "15".to_owned()])));
        assert_eq!(find("max_depth"), Some(Domain::Int { low: 2, high: 8, scale: Scale::Linear }));
        assert_eq!(find("lambda_l2"), None);
    }

    #[test]
    fn what_is_no_space_is_said() {
        let says =
            |yaml: &str| Space::of(ObjectiveKind::Binary, &overrides(yaml)).expect_err("refused").to_string();
        assert_eq!(
            says("num_leafs: [1, 2]"),
            "search: unknown parameter `num_leafs`; did you mean `num_leaf`?"
        );
        assert!(says("eta: 3").contains("learning_rate: expected {low: NUMBER"));
        assert!(says("eta: {low: 0, high: 1}").contains("expected numbers above 0"));
        assert!(says("eta: {low: 0.2, high: 0.1}").contains("low below high"));
        assert!(says("lambda_l2: {low: 0, high: 1}").contains("above 0 on a log scale"));
        assert!(says("num_leaves: {low: 2.5, high: 9}").contains("whole numbers"));
        assert!(says("num_leaves: [7]").contains("at least two choices"));
        assert!(says("num_leaves: [7, 7]").contains("all different"));
        assert!(says("lambdarank_norm: [true, false]").contains("a parameter of objective = binary"));
        let of_binary = SPEC.iter().filter(|spec| spec.applies.to(ObjectiveKind::Binary));
        let binary: String = of_binary.map(|spec| format!("{}: null\n", spec.name)).collect();
        assert_eq!(says(&binary), SpaceError::Empty.to_string());
    }

    fn domains() -> impl Strategy<Value = Domain> {
        prop_oneof![
            (1e-6..1e3_f64, 1.001..1e4_f64).prop_map(|(low, ratio)| Domain::Float {
                low,
                high: low * ratio,
                scale: Scale::Log
            }),
            (-1e3..1e3_f64, 0.1..1e4_f64).prop_map(|(low, width)| Domain::Float {
                low,
                high: low + width,
                scale: Scale::Linear
            }),
            (1_i64..50, 1_i64..5000).prop_map(|(low, width)| Domain::Int {
                low,
                high: low + width,
                scale: Scale::Log
            }),
            (-50_i64..50, 1_i64..5000).prop_map(|(low, width)| Domain::Int {
                low,
                high: low + width,
                scale: Scale::Linear
            }),
            (2_usize..6).prop_map(|n| Domain::Choice((0..n).map(|i| format!("c{i}")).collect())),
        ]
    }

    proptest! {
        /// A value is found again by its text and by its coordinate.
        #[test]
        fn values_text_and_coordinates_agree(domain in domains(), unit in -0.5..1.5_f64) {
            let value = domain.at(unit);
            prop_assert_eq!(domain.value(&domain.text(value)), Some(value));
            let again = domain.at(domain.unit(value));
            prop_assert!((again - value).abs() <= 1e-3 * value.abs() + 1e-12, "{} {}", value, again);
            if domain.count().is_some() {
                prop_assert_eq!(again, value);
            }
        }

        /// The cells of whole numbers cover 0 to 1 without gap or overlap.
        #[test]
        fn cells_tile_the_line(low in 1_i64..20, width in 1_i64..40, log in any::<bool>()) {
            let scale = if log { Scale::Log } else { Scale::Linear };
            let domain = Domain::Int { low, high: low + width, scale };
            let mut at = 0.0;
            for value in low..=low + width {
                let (left, right) = domain.cell(value as f64).expect("whole");
                prop_assert!((left - at).abs() < 1e-12 && right > left);
                at = right;
            }
            prop_assert!((at - 1.0).abs() < 1e-12);
        }
    }
}

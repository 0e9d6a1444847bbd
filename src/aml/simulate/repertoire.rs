//! Which shapes are planted, and how often each.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::draw::Draw;
use super::shape::Shape;

/// Weights of the shapes: each is drawn in proportion, those without a weight never.
///
/// # Examples
/// ```
/// use aml_miner::aml::simulate::{Repertoire, Shape};
/// let repertoire: Repertoire = "cycle=2, peel-chain".parse().expect("legal names and weights");
/// assert_eq!(repertoire.weight(Shape::Cycle), 2.0);
/// assert_eq!(repertoire.weight(Shape::PeelChain), 1.0);
/// assert_eq!(repertoire.weight(Shape::FanIn), 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Repertoire {
    weights: BTreeMap<Shape, f64>,
}

/// Why a text names no repertoire.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RepertoireError {
    /// No shape has this name.
    #[error("expected `all`, or shapes such as cycle=2,peel-chain=1 out of {}; found {found:?}", names())]
    Shape {
        /// The name given.
        found: String,
    },
    /// A weight that is no share of anything.
    #[error(
        "weight of {shape}: expected a number above 0, at most {MAX_WEIGHT} (leave out a shape that is not wanted), found {found:?}"
    )]
    Weight {
        /// Whose weight.
        shape: &'static str,
        /// The weight given.
        found: String,
    },
    /// A shape named again.
    #[error("expected each shape once, found {shape} twice")]
    Twice {
        /// Which one.
        shape: &'static str,
    },
}

impl Repertoire {
    /// Every shape equally often.
    pub fn all() -> Self {
        Repertoire { weights: Shape::ALL.map(|shape| (shape, 1.0)).into() }
    }

    /// How often a shape is drawn, relative to the others.
    pub fn weight(&self, shape: Shape) -> f64 {
        self.weights.get(&shape).copied().unwrap_or(0.0)
    }

    /// One of the shapes. The draw depends on the set of weights alone, not on the order in which they were given.
    pub(super) fn draw(&self, draw: &mut Draw) -> Shape {
        let weights: Vec<f64> = self.weights.values().copied().collect();
        let at = draw.weighted(&weights);
        *self.weights.keys().nth(at).expect("a repertoire is never empty")
    }
}

/// The five shapes of the frozen generator.
impl Default for Repertoire {
    fn default() -> Self {
        Repertoire { weights: FROZEN.into() }
    }
}

impl FromStr for Repertoire {
    type Err = RepertoireError;

    fn from_str(text: &str) -> Result<Self, RepertoireError> {
        if text.trim() == "all" {
            return Ok(Repertoire::all());
        }
        let mut weights = BTreeMap::new();
        for entry in text.split(',').map(str::trim) {
            let (name, weight) = entry.split_once('=').unwrap_or((entry, "1"));
            let shape = shape(name.trim())?;
            if weights.insert(shape, weight_of(shape, weight.trim())?).is_some() {
                return Err(RepertoireError::Twice { shape: shape.name() });
            }
        }
        Ok(Repertoire { weights })
    }
}

fn shape(name: &str) -> Result<Shape, RepertoireError> {
    let found = Shape::ALL.into_iter().find(|shape| shape.name() == name);
    found.ok_or_else(|| RepertoireError::Shape { found: name.to_owned() })
}

fn weight_of(shape: Shape, text: &str) -> Result<f64, RepertoireError> {
    let legal = |weight: &f64| *weight > 0.0 && *weight <= MAX_WEIGHT;
    let weight = text.parse().ok().filter(legal);
    weight.ok_or_else(|| RepertoireError::Weight { shape: shape.name(), found: text.to_owned() })
}

fn names() -> String {
    Shape::ALL.map(Shape::name).join(", ")
}

const FROZEN: [(Shape, f64); 5] = [
    (Shape::Cycle, 0.24),
    (Shape::Layering, 0.24),
    (Shape::FanIn, 0.2),
    (Shape::Smurfing, 0.2),
    (Shape::FanOut, 0.12),
];
const MAX_WEIGHT: f64 = 1e6;

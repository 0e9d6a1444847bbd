//! A part of a report that may be absent, and then says why.

use serde::{Deserialize, Serialize};

/// Figures, or the reason why there are none. In JSON: the figures, or `{"absent": "the reason"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part<T> {
    /// Nothing to show.
    Absent {
        /// In words.
        absent: String,
    },
    /// The figures.
    Present(T),
}

impl<T> Part<T> {
    /// Absent for a reason.
    pub fn absent(why: impl Into<String>) -> Self {
        Part::Absent { absent: why.into() }
    }

    /// The figures, if there are any.
    pub fn present(&self) -> Option<&T> {
        match self {
            Part::Absent { .. } => None,
            Part::Present(figures) => Some(figures),
        }
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Part::absent("not computed by the version that made this report")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trip() {
        let present: Part<Vec<u32>> = Part::Present(vec![1, 2]);
        let absent: Part<Vec<u32>> = Part::absent("one class");
        assert_eq!(serde_json::to_string(&present).expect("JSON"), "[1,2]");
        assert_eq!(serde_json::to_string(&absent).expect("JSON"), r#"{"absent":"one class"}"#);
        for part in [present, absent] {
            let text = serde_json::to_string(&part).expect("JSON");
            assert_eq!(serde_json::from_str::<Part<Vec<u32>>>(&text).expect("parses"), part);
        }
    }
}

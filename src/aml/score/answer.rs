//! Scores as the JSON rows that server and command line share, and the digest that both give.
//!
//! Fields stand in a fixed order, floats in the shortest form that reads back exactly, so equal scores are equal bytes. The
//! digest is the SHA-256 of the rows' JSON without `latency_ms`, the one field that may differ between runs.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::{AlertRank, AlertScore, ClusterScore, Explanation, Reason};
use crate::determinism::digest::{Digest, Hasher};

/// Rows and their digest.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<R> {
    /// In the order of the answer.
    pub rows: Vec<R>,
    /// SHA-256 of the JSON of the rows without `latency_ms`.
    pub digest: Digest,
}

impl<R: Serialize> Answer<R> {
    /// The rows as lines of JSON.
    pub fn to_lines(&self) -> Vec<u8> {
        let mut lines = vec![];
        for row in &self.rows {
            serde_json::to_writer(&mut lines, row).expect("rows of numbers and text serialise");
            lines.push(b'\n');
        }
        lines
    }

    /// The answer's bytes: a JSON array.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.rows).expect("rows of numbers and text serialise")
    }
}

/// A scored alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
pub struct AlertRow {
    /// The alert.
    pub alert_id: String,
    /// Probability.
    pub score: f64,
    /// Which model.
    pub model_version: String,
    /// Milliseconds a row of the call; absent in what the digest covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// JSON text; null where no explanation was asked for.
    #[cfg_attr(feature = "server", schemars(extend("contentMediaType" = "application/json")))]
    pub explain_json: Option<String>,
}

/// A ranked alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
pub struct RankRow {
    /// The alert.
    pub alert_id: String,
    /// 1 is first.
    pub rank: usize,
    /// Keeps the order; no probability.
    pub score: f64,
    /// Which model.
    pub model_version: String,
}

/// A scored cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
pub struct ClusterRow {
    /// The cluster.
    pub cluster_id: String,
    /// Probability.
    pub score: f64,
    /// Which model.
    pub model_version: String,
    /// Milliseconds a row of the call; absent in what the digest covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// JSON text; null where no explanation was asked for.
    #[cfg_attr(feature = "server", schemars(extend("contentMediaType" = "application/json")))]
    pub explain_json: Option<String>,
}

/// The answer to scored alerts, untimed: who measures the call sets `latency_ms` on the rows.
pub fn alerts(scores: &[AlertScore]) -> Answer<AlertRow> {
    let row = |score: &AlertScore| AlertRow {
        alert_id: score.alert_id.clone(),
        score: score.score,
        model_version: score.model_version.to_string(),
        latency_ms: None,
        explain_json: score.explanation.as_ref().map(explain_json),
    };
    let rows: Vec<AlertRow> = scores.iter().map(row).collect();
    let digest = digest(&rows);
    Answer { rows, digest }
}

/// The answer to ranked alerts.
pub fn ranking(ranks: &[AlertRank]) -> Answer<RankRow> {
    let row = |rank: &AlertRank| RankRow {
        alert_id: rank.alert_id.clone(),
        rank: rank.rank,
        score: rank.score,
        model_version: rank.model_version.to_string(),
    };
    let rows: Vec<RankRow> = ranks.iter().map(row).collect();
    let digest = digest(&rows);
    Answer { rows, digest }
}

/// The answer to scored clusters, untimed: who measures the call sets `latency_ms` on the rows.
pub fn clusters(scores: &[ClusterScore]) -> Answer<ClusterRow> {
    let row = |score: &ClusterScore| ClusterRow {
        cluster_id: score.cluster_id.clone(),
        score: score.score,
        model_version: score.model_version.to_string(),
        latency_ms: None,
        explain_json: score.explanation.as_ref().map(explain_json),
    };
    let rows: Vec<ClusterRow> = scores.iter().map(row).collect();
    let digest = digest(&rows);
    Answer { rows, digest }
}

/// `{"top_features": [...], "feature_contributions": {...}, "base_value": .., "raw_score": ..}`. The
/// contributions and the base value add up to `raw_score`, the sum of the trees; the row's `score` is its calibrated
/// probability.
pub fn explain_json(explanation: &Explanation) -> String {
    serde_json::to_string(&Wire(explanation)).expect("numbers and text serialise")
}

fn digest<R: Serialize>(rows: &[R]) -> Digest {
    let mut hasher = Hasher::new();
    serde_json::to_writer(&mut hasher, rows).expect("hashing does not fail");
    hasher.finish()
}

struct Wire<'a>(&'a Explanation);
struct Top<'a>(&'a [Reason]);
struct Contributions<'a>(&'a [(String, f64)]);

/// A missing value is null, as JSON has no NaN.
#[derive(Serialize)]
struct WireReason<'a> {
    name: &'a str,
    value: Option<f64>,
    contribution: f64,
    reason: &'a str,
}

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("top_features", &Top(&self.0.top))?;
        map.serialize_entry("feature_contributions", &Contributions(&self.0.contributions))?;
        map.serialize_entry("base_value", &self.0.base_value)?;
        map.serialize_entry("raw_score", &self.0.raw_score)?;
        map.end()
    }
}

impl Serialize for Top<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for reason in self.0 {
            let value = Some(reason.value).filter(|v| v.is_finite());
            let (name, text) = (reason.name.as_str(), reason.text.as_str());
            list.serialize_element(&WireReason {
                name,
                value,
                contribution: reason.contribution,
                reason: text,
            })?;
        }
        list.end()
    }
}

impl Serialize for Contributions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, contribution) in self.0 {
            map.serialize_entry(name, contribution)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_ignores_latency_and_nothing_else() {
        let score = |score| AlertScore {
            alert_id: "a".to_owned(),
            score,
            raw_score: 0.0,
            model_version: "v".into(),
            explanation: None,
        };
        let timed = |value, latency_ms| {
            let mut answer = alerts(&[score(value)]);
            answer.rows[0].latency_ms = Some(latency_ms);
            answer
        };
        let one = timed(0.5, 1.0);
        assert_eq!(one.digest, timed(0.5, 2.0).digest);
        assert_eq!(one.digest, Digest::of(&alerts(&[score(0.5)]).to_json()));
        assert_ne!(one.digest, timed(0.25, 1.0).digest);
        let expected =
            r#"[{"alert_id":"a","score":0.5,"model_version":"v","latency_ms":1.0,"explain_json":null}]"#;
        assert_eq!(one.to_json(), expected.as_bytes());
    }

    #[test]
    fn explanations_keep_the_order_of_features_and_have_no_nan() {
        let explanation = Explanation {
            top: vec![Reason {
                name: "z".to_owned(),
                value: f64::NAN,
                contribution: 0.5,
                text: "t".to_owned(),
            }],
            contributions: vec![("z".to_owned(), 0.5), ("a".to_owned(), 0.0)],
            base_value: -1.0,
            raw_score: -0.5,
        };
        let expected = concat!(
            r#"{"top_features":[{"name":"z","value":null,"contribution":0.5,"reason":"t"}],"#,
            r#""feature_contributions":{"z":0.5,"a":0.0},"base_value":-1.0,"raw_score":-0.5}"#
        );
        assert_eq!(explain_json(&explanation), expected);
    }
}

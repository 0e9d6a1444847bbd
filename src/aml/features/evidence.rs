//! Numbers inside an alert's evidence, which is free JSON text: read within limits, absent where it does not parse.

use serde_json::Value;

/// What the evidence of one alert says in numbers; NaN where it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Addresses or hops of the structure.
    pub length: f64,
    /// US dollars that moved in it.
    pub volume_usd: f64,
    /// Transfers in it.
    pub transactions: f64,
    /// Hours from its first to its last transfer.
    pub duration_hours: f64,
    /// Severity that the detector gave the structure, 0 to 1.
    pub severity: f64,
    /// Risk that the detector gave the structure, 0 to 1.
    pub risk: f64,
    /// Type of the structure, where the evidence names one.
    pub pattern_type: Option<String>,
    /// The address's part in the structure, where the evidence names one.
    pub role: Option<String>,
}

impl Evidence {
    /// Reads JSON text; anything longer than 64 KiB, or no object, is no evidence.
    pub fn read(text: &str) -> Self {
        let none = Evidence {
            length: f64::NAN,
            volume_usd: f64::NAN,
            transactions: f64::NAN,
            duration_hours: f64::NAN,
            severity: f64::NAN,
            risk: f64::NAN,
            pattern_type: None,
            role: None,
        };
        if text.len() > MAX_BYTES {
            return none;
        }
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else { return none };
        let first = |keys: &[&str]| {
            let found = keys.iter().find_map(|key| fields.get(*key).and_then(number));
            found.unwrap_or(f64::NAN)
        };
        let listed = LISTS.iter().find_map(|key| fields.get(*key).and_then(Value::as_array).map(Vec::len));
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        let (length, hours) = (first(&LENGTHS), first(&DURATIONS));
        Evidence {
            length: if length.is_nan() { listed.map_or(f64::NAN, |n| n as f64) } else { length },
            volume_usd: first(&VOLUMES),
            transactions: first(&TRANSACTIONS),
            duration_hours: if hours.is_nan() {
                first(&["end_ms"]) / HOUR_MS - first(&["start_ms"]) / HOUR_MS
            } else {
                hours
            },
            severity: first(&["severity_score"]),
            risk: first(&["risk_score"]),
            pattern_type: text("pattern_type"),
            role: text("role"),
        }
    }
}

/// Evidence longer than this is not parsed: an alert's features cost a bounded time.
pub(super) const MAX_BYTES: usize = 64 * 1024;

const HOUR_MS: f64 = 3_600_000.0;
const LENGTHS: [&str; 7] = [
    "members",
    "cycle_length",
    "path_depth",
    "path_length",
    "network_size",
    "motif_participant_count",
    "participants",
];
const LISTS: [&str; 5] =
    ["cycle_path", "layering_path", "addresses_involved", "network_members", "addresses"];
const VOLUMES: [&str; 4] = ["volume_usd", "cycle_volume_usd", "path_volume_usd", "evidence_volume_usd"];
const TRANSACTIONS: [&str; 5] =
    ["transfers", "evidence_transaction_count", "transaction_count", "tx_count", "tx_total_count"];
const DURATIONS: [&str; 2] = ["pattern_duration_hours", "duration_hours"];

/// A finite number, also where it stands as text.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_under_their_names() {
        let e = Evidence::read(
            r#"{"cycle_path":["a","b","c"],"cycle_volume_usd":"1200.5","pattern_type":"cycle"}"#,
        );
        assert_eq!((e.length, e.volume_usd), (3.0, 1200.5));
        assert_eq!(e.pattern_type.as_deref(), Some("cycle"));
        assert!(e.transactions.is_nan());
    }

    #[test]
    fn bad_evidence_is_no_evidence() {
        let long = format!("{{\"tx_count\":1,\"x\":\"{}\"}}", "y".repeat(MAX_BYTES));
        for text in ["", "[1]", "{", "NaN", "{\"tx_count\":1e999}", &"[".repeat(10_000), &long] {
            assert!(Evidence::read(text).transactions.is_nan(), "{:.40}", text);
        }
    }
}

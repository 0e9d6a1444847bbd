//! Fixed vocabularies: text columns are open sets, the models' inputs are not. A word outside its vocabulary is
//! `other`, matched without case and with `-` and blanks read as `_`.

/// Severities and risk levels, lowest first; a word's code is its position (`info` is 0, `critical` 4).
pub const SEVERITIES: [&str; 5] = ["info", "low", "medium", "high", "critical"];

/// Typologies of alerts.
pub const TYPOLOGIES: [&str; 16] = [
    "peel_chain",
    "structuring",
    "ping_pong",
    "hub_anomaly",
    "fresh_to_exchange",
    "rapid_fanout",
    "mixing_behavior",
    "intraday_structuring",
    "velocity_anomaly",
    "time_based_pattern",
    "cycle_detection",
    "layering_path",
    "smurfing_network",
    "proximity_risk",
    "motif_fanin",
    "motif_fanout",
];

/// Types of patterns.
pub const PATTERN_TYPES: [&str; 8] = [
    "cycle",
    "layering_path",
    "smurfing_network",
    "proximity_risk",
    "motif_fanin",
    "motif_fanout",
    "temporal_burst",
    "threshold_evasion",
];

/// What an alert suspects its address to be.
pub const SUSPECTED_TYPES: [&str; 7] =
    ["unknown", "wallet", "merchant", "exchange", "institutional", "mixer", "contract"];

/// Kinds of clusters.
pub const CLUSTER_TYPES: [&str; 4] = ["same_entity", "same_pattern", "related_network", "time_based"];

/// Where `word` stands in `vocabulary`; `None` for any other word.
pub fn code(vocabulary: &[&str], word: &str) -> Option<usize> {
    let word = word.trim();
    vocabulary.iter().position(|known| same(known, word))
}

/// The code of a severity as a number, NaN for an unknown word.
pub fn severity(word: &str) -> f64 {
    code(&SEVERITIES, word).map_or(f64::NAN, |code| code as f64)
}

fn same(known: &str, word: &str) -> bool {
    let plain = |byte: u8| if byte == b'-' || byte == b' ' { b'_' } else { byte.to_ascii_lowercase() };
    known.len() == word.len() && known.bytes().zip(word.bytes()).all(|(k, w)| k == plain(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_without_case() {
        assert_eq!(code(&TYPOLOGIES, "Peel-Chain"), Some(0));
        assert_eq!(code(&TYPOLOGIES, " MOTIF FANIN "), Some(14));
        assert_eq!(code(&TYPOLOGIES, "layering"), None);
        assert_eq!(severity("CRITICAL"), 4.0);
        assert!(severity("extreme").is_nan());
    }
}

//! The part of an address behind `?`: how many features an explanation names, and whether there is one.

use serde_json::json;

use super::error::Fault;
use super::settings::{DEFAULT_TOP, MAX_TOP};

/// What a scoring call may be asked besides its body. Other keys are left to proxies and caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// `?top=`: features named in `top_features`.
    pub(super) top: usize,
    /// `?explain=`.
    pub(super) explain: bool,
}

impl Query {
    /// Reads `top` and `explain`; of a repeated key the last counts.
    ///
    /// # Errors
    /// One fault for each key with an unreadable value.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let mut query = Query { top: DEFAULT_TOP, explain: true };
        let mut faults = vec![];
        for pair in text.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "top" => match value.parse() {
                    Ok(top) if top <= MAX_TOP => query.top = top,
                    _ => faults.push(fault(
                        key,
                        &format!("a whole number from 0 to {MAX_TOP}"),
                        value,
                        "int_parsing",
                    )),
                },
                "explain" => match value.to_ascii_lowercase().as_str() {
                    "true" | "1" => query.explain = true,
                    "false" | "0" => query.explain = false,
                    _ => faults.push(fault(key, "true or false", value, "bool_parsing")),
                },
                _ => {}
            }
        }
        if faults.is_empty() { Ok(query) } else { Err(faults) }
    }
}

/// The value of a key; of a repeated one the last.
pub(super) fn value_of<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(found, _)| *found == key)
        .map(|(_, value)| value)
        .next_back()
}

fn fault(key: &str, expected: &str, found: &str, kind: &str) -> Fault {
    Fault {
        loc: vec![json!("query"), json!(key)],
        msg: format!("expected {expected}, found {found:?}"),
        kind: kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_knows_and_reports_every_fault() {
        assert_eq!(Query::parse(""), Ok(Query { top: 5, explain: true }));
        assert_eq!(Query::parse("top=0&x=y&explain=False"), Ok(Query { top: 0, explain: false }));
        assert_eq!(Query::parse("top=1000"), Ok(Query { top: MAX_TOP, explain: true }));
        let faults = Query::parse("top=1001&explain=maybe").expect_err("both are wrong");
        assert_eq!(faults.len(), 2);
        for bad in ["top=-1", "top=", "top=1.5", "top", "explain="] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
    }
}

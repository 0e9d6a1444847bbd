//! Found values written into `training.yaml`: one section changes, everything else, comments included, stays as it was.

use std::collections::BTreeMap;

use serde_norway::Value;

use crate::gbdt::params::Spec;

/// The text with these values in a section; names there may be aliases. A section in one line is written anew as a block,
/// one that is absent is added at the end.
pub(super) fn with_values(text: &str, section: &str, values: &BTreeMap<String, String>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let head =
        lines.iter().position(|line| line.strip_prefix(section).is_some_and(|rest| rest.starts_with(':')));
    let Some(head) = head else {
        let block = block(section, values);
        return join(&[&lines, &block.iter().map(String::as_str).collect::<Vec<_>>()]);
    };
    let end = head + 1 + lines[head + 1..].iter().take_while(|line| inside(line)).count();
    let end = end - lines[head + 1..end].iter().rev().take_while(|line| line.trim().is_empty()).count();
    let inline = bare(&lines[head][section.len() + 1..]);
    let changed = if inline.is_empty() {
        edited(&lines[head..end], values)
    } else {
        let mut all = parsed(lines[head], section);
        all.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
        block(section, &all)
    };
    join(&[&lines[..head], &changed.iter().map(String::as_str).collect::<Vec<_>>(), &lines[end..]])
}

/// Whether a line belongs to the block above it: it is indented, or empty.
fn inside(line: &str) -> bool {
    line.is_empty() || line.starts_with([' ', '\t'])
}

/// A block with values replaced where they stand and added where they do not.
fn edited(lines: &[&str], values: &BTreeMap<String, String>) -> Vec<String> {
    let mut left = values.clone();
    let mut indent = "  ".to_owned();
    let mut changed = vec![];
    for line in lines {
        let Some((key, rest)) =
            line.split_once(':').filter(|(key, _)| key.starts_with(' ') && !key.contains('#'))
        else {
            changed.push((*line).to_owned());
            continue;
        };
        let name = key.trim();
        indent = key[..key.len() - key.trim_start().len()].to_owned();
        let canonical = Spec::find(name).map_or(name, |spec| spec.name);
        match left.remove(canonical) {
            Some(value) => changed.push(format!("{key}: {value}{}", comment(rest))),
            None => changed.push((*line).to_owned()),
        }
    }
    changed.extend(left.iter().map(|(name, value)| format!("{indent}{name}: {value}")));
    changed
}

fn block(section: &str, values: &BTreeMap<String, String>) -> Vec<String> {
    let lines = values.iter().map(|(name, value)| format!("  {name}: {value}"));
    std::iter::once(format!("{section}:")).chain(lines).collect()
}

/// The values of a section in one line, by the parameters' own names.
fn parsed(line: &str, section: &str) -> BTreeMap<String, String> {
    let whole: Value = serde_norway::from_str(line).unwrap_or_default();
    let Some(Value::Mapping(values)) = whole.get(section) else { return BTreeMap::new() };
    let pair = |(name, value): (&Value, &Value)| {
        let name = name.as_str()?;
        let text = match value {
            Value::Sequence(items) => {
                let items: Option<Vec<String>> = items.iter().map(super::scalar).collect();
                format!("[{}]", items?.join(", "))
            }
            single => super::scalar(single)?,
        };
        Some((Spec::find(name).map_or(name, |spec| spec.name).to_owned(), text))
    };
    values.iter().filter_map(pair).collect()
}

/// What stands after a value: its comment, with the space before it.
fn comment(rest: &str) -> &str {
    rest.find(" #").map_or("", |at| &rest[at..])
}

fn bare(rest: &str) -> &str {
    rest[..rest.len() - comment(rest).len()].trim()
}

fn join(parts: &[&[&str]]) -> String {
    parts.iter().flat_map(|part| part.iter()).fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_change_and_the_rest_stays() {
        let text = "# how\nseed: 1\nalert_scorer:\n  eta: 0.1 # slow\n  # many\n  num_leaves: 15\n  metric: auc\n\n# next\ncluster_scorer:\n  num_leaves: 7\n";
        let found = with_values(
            text,
            "alert_scorer",
            &values(&[("learning_rate", "0.05"), ("num_leaves", "31"), ("lambda_l2", "2")]),
        );
        let expected = "# how\nseed: 1\nalert_scorer:\n  eta: 0.05 # slow\n  # many\n  num_leaves: 31\n  metric: auc\n  lambda_l2: 2\n\n# next\ncluster_scorer:\n  num_leaves: 7\n";
        assert_eq!(found, expected);
        assert_eq!(with_values(expected, "cluster_scorer", &values(&[("num_leaves", "7")])), expected);
    }

    #[test]
    fn sections_in_a_line_and_absent_ones() {
        let text = "alert_scorer: {eta: 0.1, metric: [auc, brier]} # short\nseed: 1\n";
        let found = with_values(text, "alert_scorer", &values(&[("learning_rate", "0.05")]));
        assert_eq!(found, "alert_scorer:\n  learning_rate: 0.05\n  metric: [auc, brier]\nseed: 1\n");
        let added = with_values("seed: 1\n", "alert_scorer", &values(&[("num_leaves", "4")]));
        assert_eq!(added, "seed: 1\nalert_scorer:\n  num_leaves: 4\n");
    }
}

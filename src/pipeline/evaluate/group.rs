//! Whether groups of rows fare alike: networks, kinds of address, typologies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::pool::Rows;
use super::settings::Settings;
use super::threshold::flagged;
use crate::metrics::binary;

/// The rows of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// `network`, `address type`, `typology`, `cluster type`.
    pub attribute: String,
    /// The attribute's value.
    pub group: String,
    /// Rows with a target.
    pub rows: usize,
    /// Positive ones.
    pub positives: usize,
    /// Area under the ROC curve; absent where it has one class.
    pub auc: Option<f64>,
    /// Share of rows that are flagged.
    pub flag_rate: f64,
    /// Share of negatives that are flagged; absent without negatives.
    pub false_positive_rate: Option<f64>,
    /// Share of positives that are flagged; absent without positives.
    pub recall: Option<f64>,
    /// Mean score.
    pub mean_score: f64,
    /// Whether it is too small for its figures to mean much.
    pub small: bool,
}

/// Every value of every attribute, by name.
pub(super) fn groups(rows: &Rows<'_>, settings: &Settings) -> Part<Vec<Group>> {
    let flagged = flagged(rows, settings);
    let mut all = vec![];
    for (attribute, values) in &rows.attributes {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        values.iter().enumerate().for_each(|(row, value)| members.entry(value).or_default().push(row));
        all.extend(members.into_iter().map(|(value, members)| Group {
            attribute: (*attribute).to_owned(),
            group: value.to_owned(),
            ..group(rows, settings, &flagged, &members)
        }));
    }
    if all.is_empty() { Part::absent("rows have no attributes") } else { Part::Present(all) }
}

fn group(rows: &Rows<'_>, settings: &Settings, flagged: &[bool], members: &[usize]) -> Group {
    let labels: Vec<f32> = members.iter().map(|&row| rows.labels[row]).collect();
    let scores: Vec<f64> = members.iter().map(|&row| rows.scores[row]).collect();
    let positives = labels.iter().filter(|&&label| label > 0.0).count();
    let negatives = labels.len() - positives;
    let hit = |positive: bool| {
        let of =
            members.iter().zip(&labels).filter(|(row, label)| flagged[**row] && (**label > 0.0) == positive);
        of.count() as f64
    };
    let least = settings.small_group.div_ceil(10);
    Group {
        attribute: String::new(),
        group: String::new(),
        rows: members.len(),
        positives,
        auc: binary::auc(&labels, &scores, None),
        flag_rate: (hit(true) + hit(false)) / members.len() as f64,
        false_positive_rate: (negatives > 0).then(|| hit(false) / negatives as f64),
        recall: (positives > 0).then(|| hit(true) / positives as f64),
        mean_score: scores.iter().sum::<f64>() / members.len() as f64,
        small: members.len() < settings.small_group || positives < least || negatives < least,
    }
}

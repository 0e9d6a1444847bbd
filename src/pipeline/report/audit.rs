//! The leakage audit and the groups as blocks.

use super::document::{Block, Cell, Table, part, rounded};
use crate::pipeline::evaluate::{Adversary, Group, LabelAges, Leakage, ModelStudy, SingleFeature, Skew};

/// Everything that was looked for.
pub(super) fn leakage(leakage: &Leakage) -> Vec<Block> {
    let mut blocks = vec![];
    let mut add = |title: &str, more: Vec<Block>| {
        blocks.push(Block::Heading(3, title.to_owned()));
        blocks.extend(more);
    };
    add("Judged batches against training", overlap(leakage));
    add("Labels against the data's time", labels(&leakage.labels));
    for (model, features) in &leakage.single_features {
        let title = format!("Single features, {model}");
        add(&title, part(features, |features| single(features, leakage.single_feature_limit)));
    }
    add("Adversarial validation", part(&leakage.adversary, adversary));
    add("Train-serve skew", part(&leakage.skew, skew));
    blocks
}

/// One table per model.
pub(super) fn groups(model: &ModelStudy) -> Vec<Block> {
    let row = |group: &Group| {
        vec![
            Cell::text(format!("{}: {}", group.attribute, group.group)),
            Cell::count(group.rows as u64),
            Cell::count(group.positives as u64),
            Cell::maybe(group.auc),
            Cell::share(group.flag_rate),
            Cell::maybe(group.false_positive_rate),
            Cell::maybe(group.recall),
            Cell::share(group.mean_score),
            Cell::text(if group.small { "small" } else { "" }),
        ]
    };
    let head = [
        "group",
        "rows",
        "positive",
        "AUC",
        "flag rate",
        "false positive rate",
        "recall",
        "mean score",
        "note",
    ];
    let caption = format!("{}: groups at the line of this report", model.model);
    part(&model.groups, |groups| {
        vec![Block::Table(Table::new(caption, &head, groups.iter().map(row).collect()))]
    })
}

fn overlap(leakage: &Leakage) -> Vec<Block> {
    let overlap = &leakage.overlap;
    let names = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let unknown: Vec<String> = overlap.unknown_networks.iter().cloned().collect();
    vec![Block::List(vec![
        format!("Last processing date of training: {}.", overlap.trained_to),
        format!("Judged batches that were trained on: {}.", names(&overlap.trained_on)),
        format!("Judged networks that training did not hold: {}.", names(&unknown)),
        format!("Judged batches whose window shares days with training: {}.", names(&overlap.sharing_days)),
    ])]
}

fn labels(ages: &[LabelAges]) -> Vec<Block> {
    if ages.is_empty() {
        return vec![Block::Text("Not shown: no batch has a table of labels.".to_owned())];
    }
    let row = |one: &LabelAges| {
        let counts = [one.labels, one.undated, one.newer_than_data, one.known_in_training];
        std::iter::once(Cell::text(&one.batch)).chain(counts.map(|count| Cell::count(count as u64))).collect()
    };
    let head = ["batch", "labels", "undated", "newer than the batch", "older than training's cut-off"];
    vec![
        Block::Text("A label newer than its batch is right for a target and would be wrong for a feature; no feature of this engine reads labels.".to_owned()),
        Block::Table(Table::new("Labels", &head, ages.iter().map(row).collect())),
    ]
}

fn single(features: &[SingleFeature], limit: f64) -> Vec<Block> {
    let row = |one: &SingleFeature| {
        vec![
            Cell::text(&one.feature),
            Cell::share(one.auc),
            Cell::text(if one.rising { "more" } else { "less" }),
            Cell::text(if one.suspect { "suspect" } else { "" }),
        ]
    };
    let caption = format!(
        "Each feature as a score of its own; from {} it is suspected of telling the target",
        rounded(limit)
    );
    vec![Block::Table(Table::new(
        caption,
        &["feature", "AUC", "risk rises with", "note"],
        features.iter().map(row).collect(),
    ))]
}

fn adversary(adversary: &Adversary) -> Vec<Block> {
    let row = |(name, share): &(String, f64)| vec![Cell::text(name), Cell::Bar(*share, rounded(*share))];
    vec![
        Block::Text(format!(
            "A small model tells {} with AUC {} on {} rows of addresses that it did not learn from; 0.5 is no better than chance.",
            adversary.periods,
            rounded(adversary.auc),
            adversary.rows
        )),
        Block::Table(Table::new(
            "The features that tell most",
            &["feature", "share of gain"],
            adversary.features.iter().map(row).collect(),
        )),
    ]
}

fn skew(skew: &Skew) -> Vec<Block> {
    let mut blocks = vec![Block::Text(format!(
        "{} of {} feature values of {} differ when the batch is sent as a request.",
        skew.different, skew.cells, skew.batch
    ))];
    if skew.different > 0 {
        let rows =
            skew.features.iter().map(|(name, count)| vec![Cell::text(name), Cell::count(*count)]).collect();
        blocks.push(Block::Table(Table::new("Features that differ", &["feature", "values"], rows)));
    }
    blocks
}

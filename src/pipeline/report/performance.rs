//! One model's figures as blocks.

use super::chart::{Chart, Colour, Layer, Mark};
use super::document::{Block, Cell, Figure, Table, part, rounded};
use crate::pipeline::evaluate::{
    Calibration, Curves, Day, Dependence, Distribution, FeatureRow, Figures, Lines, ModelStudy, Report,
    Settings, Study, Thresholds, Yield,
};

/// The short table of each kind of row, target and view.
pub(super) fn short_tables(report: &Report) -> Vec<Block> {
    let head = [
        "score",
        "AUC",
        "average precision",
        "precision at 10",
        "at 50",
        "at 100",
        "NDCG@10",
        "Brier",
        "ECE",
    ];
    let row = |figures: &Figures| {
        let cells = super::cells(figures).map(Cell::maybe);
        std::iter::once(Cell::text(&figures.scorer)).chain(cells).collect()
    };
    let table = |section| {
        let rows = |section: &crate::pipeline::evaluate::Section| section.figures.iter().map(row).collect();
        Block::Table(Table::new(super::heading(section), &head, rows(section)))
    };
    report.sections.iter().map(table).collect()
}

/// Everything about one model.
pub(super) fn of_model(model: &ModelStudy, settings: &Settings) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(3, model.model.clone())];
    blocks.push(Block::Text(format!(
        "{} {} with a target ({}), {} positive, in {} pattern instances and addresses.",
        model.rows,
        model.rows_of,
        model.target.replace('_', " "),
        model.positives,
        model.units
    )));
    let mut add = |title: &str, more: Vec<Block>| {
        blocks.push(Block::Heading(4, format!("{}: {title}", model.model)));
        blocks.extend(more);
    };
    add("curves and scores", curves(model));
    add("calibration", part(&model.calibration, calibration));
    add("yield by review budget", part(&model.yields, |yields| self::yields(model, yields)));
    add("thresholds and costs", part(&model.thresholds, |table| thresholds(table, settings)));
    add("alerts next to the line", part(&model.lines, lines));
    add("batch by batch", part(&model.days, |days| self::days(days)));
    add("features: importance and drift", part(&model.features, |rows| features(rows)));
    add("partial dependence", part(&model.dependence, |all| dependence(all)));
    add("without each family", part(&model.ablation, |_| ablation(model)));
    blocks
}

/// Each model against that of the other bundle.
pub(super) fn duels(study: &Study) -> Vec<Block> {
    let mut rows = vec![];
    for model in &study.models {
        for duel in model.duels.present().into_iter().flatten() {
            rows.push(vec![
                Cell::text(format!("{} {}", model.model, super::metric(&duel.metric))),
                Cell::share(duel.challenger),
                Cell::share(duel.champion),
                Cell::signed(Some(duel.difference)),
                Cell::Number(
                    duel.low.zip(duel.high).map_or("-".to_owned(), |(l, h)| format!("{l:+.4} to {h:+.4}")),
                ),
                Cell::maybe(duel.superiority),
            ]);
        }
    }
    if rows.is_empty() {
        return vec![Block::Text("Not shown: no other bundle was given.".to_owned())];
    }
    let head = [
        "figure",
        "this bundle",
        "the other",
        "difference",
        "interval",
        "share of resamples in which this one is better",
    ];
    let caption = "Both bundles on the same rows and the same resamples";
    vec![Block::Table(Table::new(caption, &head, rows))]
}

fn layer(name: &str, mark: Mark, colour: Colour, points: Vec<(f64, f64)>) -> Layer {
    Layer { name: name.to_owned(), mark, colour, points }
}

fn figure(chart: Chart, caption: &str) -> Figure {
    Figure { chart, caption: caption.to_owned() }
}

fn curves(model: &ModelStudy) -> Vec<Block> {
    let mut figures = vec![];
    if let Some(curves) = model.curves.present() {
        figures.extend(rates(model, curves));
    }
    if let Some(distribution) = model.distribution.present() {
        figures.push(histogram(model, distribution));
    }
    let mut blocks = vec![];
    for absent in [part(&model.curves, |_| vec![]), part(&model.distribution, |_| vec![])] {
        blocks.extend(absent);
    }
    blocks.push(Block::Figures(figures));
    blocks
}

fn rates(model: &ModelStudy, curves: &Curves) -> [Figure; 2] {
    let points = |x: fn(&crate::pipeline::evaluate::RatePoint) -> (f64, f64)| curves.points.iter().map(x);
    let roc = std::iter::once((0.0, 0.0)).chain(points(|p| (p.false_positive_rate, p.recall))).collect();
    let precision = points(|p| (p.recall, p.precision)).collect();
    let base_rate = model.positives as f64 / model.rows.max(1) as f64;
    let unit = Some((0.0, 1.0));
    let chart = |title: &str, x: &str, y: &str, layers| Chart {
        title: format!("{}: {title}", model.model),
        x_label: x.to_owned(),
        y_label: y.to_owned(),
        x_range: unit,
        y_range: unit,
        layers,
    };
    let chance = layer("chance", Mark::Reference, Colour::Grey, vec![(0.0, 0.0), (1.0, 1.0)]);
    let flat = layer("base rate", Mark::Reference, Colour::Grey, vec![(0.0, base_rate), (1.0, base_rate)]);
    let model = |points| layer(&model.model, Mark::Line, Colour::Blue, points);
    [
        figure(chart("ROC curve", "false positive rate", "recall", vec![chance, model(roc)]), "ROC curve."),
        figure(
            chart("precision-recall curve", "recall", "precision", vec![flat, model(precision)]),
            "Precision-recall curve.",
        ),
    ]
}

fn histogram(model: &ModelStudy, distribution: &Distribution) -> Figure {
    let bars = |counts: &[u64]| -> Vec<(f64, f64)> {
        let all = counts.iter().sum::<u64>().max(1) as f64;
        let heights = counts.iter().map(|&count| count as f64 / all).chain([0.0]);
        distribution.edges.iter().copied().zip(heights).collect()
    };
    let layers = vec![
        layer("negatives", Mark::Bars, Colour::Blue, bars(&distribution.negatives)),
        layer("positives", Mark::Bars, Colour::Vermilion, bars(&distribution.positives)),
    ];
    let chart = Chart {
        title: format!("{}: scores by class", model.model),
        x_label: "score".to_owned(),
        y_label: "share of the class".to_owned(),
        layers,
        ..Chart::default()
    };
    figure(chart, "Scores by class, each class adding up to 1.")
}

fn calibration(calibration: &Calibration) -> Vec<Block> {
    let points = calibration.bins.iter().map(|bin| (bin.predicted, bin.found)).collect();
    let chart = Chart {
        title: "reliability diagram".to_owned(),
        x_label: "mean probability of the bin".to_owned(),
        y_label: "share of positives".to_owned(),
        x_range: Some((0.0, 1.0)),
        y_range: Some((0.0, 1.0)),
        layers: vec![
            layer("perfect", Mark::Reference, Colour::Grey, vec![(0.0, 0.0), (1.0, 1.0)]),
            layer("found", Mark::Dots, Colour::Blue, points),
        ],
    };
    let row = |bin: &crate::pipeline::evaluate::CalibrationBin| {
        vec![
            Cell::text(format!("{:.1} to {:.1}", bin.low, bin.high)),
            Cell::count(bin.rows),
            Cell::share(bin.predicted),
            Cell::share(bin.found),
        ]
    };
    vec![
        Block::Text(format!(
            "Expected calibration error {:.4}; Brier score {:.4}, against {:.4} for the base rate; mean probability {}.",
            calibration.ece,
            calibration.brier,
            calibration.brier_of_base_rate,
            rounded(calibration.mean_predicted)
        )),
        Block::Figures(vec![figure(
            chart,
            "Reliability: on the diagonal, probabilities mean what they say.",
        )]),
        Block::Table(Table::new(
            "Bins of the reliability diagram",
            &["probability", "rows", "mean predicted", "share of positives"],
            calibration.bins.iter().map(row).collect(),
        )),
    ]
}

fn yields(model: &ModelStudy, yields: &[Yield]) -> Vec<Block> {
    let row = |one: &Yield| {
        vec![
            Cell::text(format!("{} alerts, {}", one.budget, one.scorer)),
            Cell::Number(format!("{:.1}", one.hits)),
            Cell::Number(
                one.low.zip(one.high).map_or("-".to_owned(), |(low, high)| format!("{low:.1} to {high:.1}")),
            ),
            Cell::share(one.precision),
            Cell::maybe(one.recall),
            Cell::share(one.ndcg),
        ]
    };
    let of = |name: &str| yields.iter().filter(|one| one.scorer == name).collect::<Vec<_>>();
    let own = of(&model.model);
    let place = |one: &&Yield| one.budget as f64;
    let upper = own.iter().filter_map(|one| Some((place(one), one.high?)));
    let lower = own.iter().rev().filter_map(|one| Some((place(one), one.low?)));
    let mut layers = vec![layer("interval", Mark::Area, Colour::Blue, upper.chain(lower).collect())];
    let names = yields.iter().filter(|one| one.budget == yields[0].budget).map(|one| one.scorer.as_str());
    let colours = [Colour::Blue, Colour::Grey, Colour::Purple, Colour::Orange, Colour::Green];
    for (name, colour) in names.zip(colours) {
        // two flat scores find the same
        if name != "flat 0.30" {
            layers.push(layer(
                name,
                Mark::Dots,
                colour,
                of(name).iter().map(|one| (place(one), one.hits)).collect(),
            ));
        }
    }
    let chart = Chart {
        title: format!("{}: hits by review budget", model.model),
        x_label: "alerts worked per batch".to_owned(),
        y_label: "positives found per batch".to_owned(),
        layers,
        ..Chart::default()
    };
    let head = ["budget and order", "hits per batch", "interval", "precision", "recall", "NDCG"];
    vec![
        Block::Figures(vec![figure(chart, "Positives found per batch; shaded, the model's interval.")]),
        Block::Table(Table::new(
            "Expected hits per batch; rows of equal score are worked in random order",
            &head,
            yields.iter().map(row).collect(),
        )),
    ]
}

fn thresholds(table: &Thresholds, settings: &Settings) -> Vec<Block> {
    let row = |row: &crate::pipeline::evaluate::ThresholdRow| {
        let mark = match row.threshold {
            t if t == table.chosen => " (the line of this report)",
            t if t == table.cheapest => " (least cost on these rows)",
            _ => "",
        };
        vec![
            Cell::text(format!("{}{mark}", rounded(row.threshold))),
            Cell::count(row.flagged),
            Cell::share(row.flag_rate),
            Cell::maybe(row.precision),
            Cell::share(row.recall),
            Cell::share(row.false_positive_rate),
            Cell::Number(format!("{:.0}", row.cost)),
        ]
    };
    let head = ["flag from", "flagged", "share", "precision", "recall", "false positive rate", "cost"];
    vec![
        Block::Text(format!(
            "A miss costs {}, a review {}. Flagging nothing costs {:.0}, reviewing everything {:.0}.",
            settings.miss_cost, settings.review_cost, table.cost_of_none, table.cost_of_all
        )),
        Block::Table(Table::new("Thresholds", &head, table.rows.iter().map(row).collect())),
    ]
}

fn lines(lines: &Lines) -> Vec<Block> {
    let row = |side: &str, row: &crate::pipeline::evaluate::LineRow| {
        let class = if row.positive { "positive" } else { "negative" };
        vec![
            Cell::text(format!("{side} {}", row.id)),
            Cell::text(&row.batch),
            Cell::text(&row.kind),
            Cell::Number(format!("{:.4}", row.score)),
            Cell::text(class),
        ]
    };
    let above = lines.above.iter().map(|one| row("above", one));
    let below = lines.below.iter().map(|one| row("below", one));
    let share = |share: Option<f64>| share.map_or_else(|| "no rows".to_owned(), rounded);
    vec![
        Block::Text(format!(
            "The line is at {}. Of the {} rows nearest above it the share of positives is {}, of those below {}. Drawn from both for review by hand:",
            rounded(lines.threshold),
            lines.band,
            share(lines.positives_above),
            share(lines.positives_below)
        )),
        Block::Table(Table::new(
            "Alerts next to the line",
            &["alert", "batch", "kind", "score", "target"],
            above.chain(below).collect(),
        )),
    ]
}

fn days(days: &[Day]) -> Vec<Block> {
    let row = |day: &Day| {
        vec![
            Cell::text(&day.batch),
            Cell::count(day.rows as u64),
            Cell::count(day.positives as u64),
            Cell::maybe(day.auc),
            Cell::maybe(day.average_precision),
            Cell::share(day.ndcg_at_10),
            Cell::Number(format!("{} of {}", day.hits, day.budget)),
            Cell::share(day.mean_score),
            Cell::maybe(day.ece),
            Cell::maybe(day.score_psi),
        ]
    };
    let line = |of: fn(&Day) -> Option<f64>| -> Vec<(f64, f64)> {
        days.iter().enumerate().filter_map(|(i, day)| Some((i as f64 + 1.0, of(day)?))).collect()
    };
    let chart = Chart {
        title: "figures batch by batch".to_owned(),
        x_label: "batch, in order".to_owned(),
        y_label: "figure".to_owned(),
        y_range: Some((0.0, 1.0)),
        layers: vec![
            layer("AUC", Mark::Dots, Colour::Blue, line(|day| day.auc)),
            layer("average precision", Mark::Dots, Colour::Vermilion, line(|day| day.average_precision)),
            layer("NDCG@10", Mark::Dots, Colour::Green, line(|day| Some(day.ndcg_at_10))),
        ],
        ..Chart::default()
    };
    let head = [
        "batch",
        "rows",
        "positive",
        "AUC",
        "average precision",
        "NDCG@10",
        "hits",
        "mean score",
        "ECE",
        "PSI of scores against the first batch",
    ];
    let mut blocks = vec![];
    if days.len() > 1 {
        blocks.push(Block::Figures(vec![figure(chart, "Stability from batch to batch.")]));
    }
    blocks.push(Block::Table(Table::new("Batch by batch", &head, days.iter().map(row).collect())));
    blocks
}

fn features(rows: &[FeatureRow]) -> Vec<Block> {
    let most = rows.first().map_or(1.0, |row| row.mean_abs_shap.max(f64::MIN_POSITIVE));
    let row = |row: &FeatureRow| {
        vec![
            Cell::text(&row.feature),
            Cell::text(&row.family),
            Cell::Bar(row.mean_abs_shap / most, rounded(row.mean_abs_shap)),
            Cell::share(row.gain_share),
            Cell::count(row.splits),
            Cell::maybe(row.psi),
            Cell::share(row.missing),
        ]
    };
    let head =
        ["feature", "family", "mean |SHAP|", "share of gain", "splits", "PSI against training", "missing"];
    let mut moved: Vec<&FeatureRow> = rows.iter().filter(|row| row.psi.is_some()).collect();
    moved.sort_by(|a, b| {
        b.psi.unwrap_or(0.0).total_cmp(&a.psi.unwrap_or(0.0)).then_with(|| a.feature.cmp(&b.feature))
    });
    vec![
        Block::Table(Table::new(
            format!("The {} features that move scores most, of {}", SHOWN.min(rows.len()), rows.len()),
            &head,
            rows.iter().take(SHOWN).map(row).collect(),
        )),
        Block::Table(Table::new(
            "The features that have moved most since training; below 0.1 is stable, above 0.25 moved",
            &head,
            moved.into_iter().take(SHOWN / 2).map(row).collect(),
        )),
    ]
}

fn dependence(all: &[Dependence]) -> Vec<Block> {
    let chart = |one: &Dependence| {
        let points: Vec<(f64, f64)> = one.values.iter().copied().zip(one.scores.iter().copied()).collect();
        let mut layers = vec![layer("mean score", Mark::Dots, Colour::Blue, points)];
        if let (Some(score), Some(first), Some(last)) =
            (one.score_missing, one.values.first(), one.values.last())
        {
            layers.push(layer(
                "missing",
                Mark::Reference,
                Colour::Grey,
                vec![(*first, score), (*last, score)],
            ));
        }
        let chart = Chart {
            title: format!("partial dependence on {}", one.feature),
            x_label: one.feature.clone(),
            y_label: "mean score".to_owned(),
            layers,
            ..Chart::default()
        };
        figure(chart, &format!("{}.", one.feature))
    };
    let row = |one: &Dependence| {
        let lowest = one.scores.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = one.scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        vec![
            Cell::text(&one.feature),
            Cell::maybe(one.scores.first().copied()),
            Cell::maybe(one.scores.last().copied()),
            Cell::share(lowest),
            Cell::share(highest),
            Cell::maybe(one.score_missing),
        ]
    };
    let head = ["feature", "mean score at its least", "at its greatest", "lowest", "highest", "missing"];
    vec![
        Block::Figures(all.iter().map(chart).collect()),
        Block::Table(Table::new(
            "Mean score of a fixed sample of rows when a feature is set to its quantiles in turn",
            &head,
            all.iter().map(row).collect(),
        )),
    ]
}

fn ablation(model: &ModelStudy) -> Vec<Block> {
    let row = |one: &crate::pipeline::evaluate::Ablation| {
        vec![
            Cell::text(&one.family),
            Cell::count(one.features as u64),
            Cell::maybe(one.auc),
            Cell::signed(one.auc_fall),
            Cell::maybe(one.average_precision),
            Cell::signed(one.average_precision_fall),
            Cell::share(one.ndcg_at_10),
            Cell::signed(Some(one.ndcg_at_10_fall)),
        ]
    };
    let head = [
        "family",
        "features",
        "AUC without",
        "fall",
        "average precision without",
        "fall",
        "NDCG@10 without",
        "fall",
    ];
    let rows = model.ablation.present().into_iter().flatten().map(row).collect();
    let caption = "The model as it is, a family missing for every row; nothing is trained anew, so a model made without the family would fall less";
    vec![Block::Table(Table::new(caption, &head, rows))]
}

const SHOWN: usize = 20;

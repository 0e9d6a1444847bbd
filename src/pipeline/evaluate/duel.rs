//! Champion against challenger: the same rows, the same resamples, the difference of each figure.

use serde::{Deserialize, Serialize};

use super::headline::one_class;
use super::part::Part;
use super::pool::Rows;
use super::resample::{Draw, Ranked, bounds, resamples};
use super::settings::Settings;

/// One figure of both; the challenger is the bundle under judgement, the champion the one it is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duel {
    /// `auc`, `average_precision`, `ndcg_at_10`.
    pub metric: String,
    /// Of the bundle under judgement.
    pub challenger: f64,
    /// Of the other bundle.
    pub champion: f64,
    /// Challenger minus champion.
    pub difference: f64,
    /// The interval's lower end; absent without resamples.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Share of resamples in which the challenger is better, ties counting half; absent without resamples.
    pub superiority: Option<f64>,
}

const NAMES: [&str; 3] = ["auc", "average_precision", "ndcg_at_10"];

/// Both models on the same rows.
pub(super) fn duels(rows: &Rows<'_>, settings: &Settings) -> Part<Vec<Duel>> {
    let Some(rival) = &rows.rival else {
        return Part::absent("no other bundle was given, or it has no such model");
    };
    if !rows.has_both() {
        return Part::absent(one_class(rows));
    }
    let sides = [Ranked::new(rows, &rows.scores), Ranked::new(rows, rival)];
    let figures = |draw: &Draw| -> [[Option<f64>; 3]; 2] {
        let of = |side: &Ranked| {
            let ndcg = Some(side.ndcg(rows, draw, 10));
            [side.all.auc(&draw.rows), side.all.average_precision(&draw.rows), ndcg]
        };
        [of(&sides[0]), of(&sides[1])]
    };
    let drawn = resamples(rows, settings, figures);
    let plain = figures(&Draw::plain(rows));
    let duel = |place: usize| {
        let gap = |figures: &[[Option<f64>; 3]; 2]| Some(figures[0][place]? - figures[1][place]?);
        let (low, high) = bounds(&drawn, settings, gap);
        let gaps: Vec<f64> = drawn.iter().filter_map(gap).collect();
        let wins: f64 = gaps
            .iter()
            .map(|gap| {
                if *gap > 0.0 {
                    1.0
                } else if *gap == 0.0 {
                    0.5
                } else {
                    0.0
                }
            })
            .sum();
        Some(Duel {
            metric: NAMES[place].to_owned(),
            challenger: plain[0][place]?,
            champion: plain[1][place]?,
            difference: gap(&plain)?,
            low,
            high,
            superiority: (!gaps.is_empty()).then(|| wins / gaps.len() as f64),
        })
    };
    Part::Present((0..NAMES.len()).filter_map(duel).collect())
}

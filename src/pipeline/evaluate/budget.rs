//! What a day's work finds: the first so many alerts of each batch, by the model and by what needs none.

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::pool::Rows;
use super::resample::{Draw, Ranked, bounds, resamples};
use super::settings::Settings;

/// The yield of one way to score at one budget; figures are means over batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Yield {
    /// Alerts worked per batch.
    pub budget: usize,
    /// Who puts them in order.
    pub scorer: String,
    /// Positives found, rows of equal score in random order.
    pub hits: f64,
    /// The interval's lower end; absent without resamples.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Hits over alerts worked.
    pub precision: f64,
    /// Hits over positives that there are; absent where there are none.
    pub recall: Option<f64>,
    /// Normalised discounted cumulative gain of the first so many, rows of equal score by position.
    pub ndcg: f64,
}

/// Every budget for the model, then for each baseline.
pub(super) fn yields(rows: &Rows<'_>, settings: &Settings) -> Part<Vec<Yield>> {
    if rows.positives() == 0 {
        return Part::absent("no row is positive: there is nothing to find");
    }
    let model = std::iter::once((rows.kind.name().to_owned(), &rows.scores));
    let all = model.chain(rows.baselines.iter().map(|(name, scores)| (name.clone(), scores)));
    let all: Vec<Vec<Yield>> = all.map(|(name, scores)| of_scorer(rows, settings, &name, scores)).collect();
    let by_budget = (0..settings.budgets.len()).flat_map(|b| all.iter().map(move |one| one[b].clone()));
    Part::Present(by_budget.collect())
}

fn of_scorer(rows: &Rows<'_>, settings: &Settings, name: &str, scores: &[f64]) -> Vec<Yield> {
    let ranked = Ranked::new(rows, scores);
    let hits = |draw: &Draw| -> Vec<f64> {
        settings.budgets.iter().map(|&budget| ranked.hits(rows, draw, budget)).collect()
    };
    let drawn = resamples(rows, settings, hits);
    let plain = Draw::plain(rows);
    let batches = rows.batches.len() as f64;
    let positives = rows.positives() as f64 / batches;
    let one = |(place, (&budget, hits)): (usize, (&usize, f64))| {
        let (low, high) = bounds(&drawn, settings, |hits| hits.get(place).copied());
        let worked: f64 = rows.groups.iter().map(|&n| f64::from(n).min(budget as f64)).sum();
        Yield {
            budget,
            scorer: name.to_owned(),
            hits,
            low,
            high,
            precision: hits * batches / worked,
            recall: (positives > 0.0).then(|| hits / positives),
            ndcg: ranked.ndcg(rows, &plain, budget),
        }
    };
    settings.budgets.iter().zip(hits(&plain)).enumerate().map(one).collect()
}

/// The budgets at which a baseline finds at least as much as the model, and which.
pub(super) fn beaten_at(yields: &[Yield], model: &str) -> Vec<(usize, String)> {
    let hits =
        |budget: usize| yields.iter().find(|y| y.budget == budget && y.scorer == model).map(|y| y.hits);
    let rivals = yields.iter().filter(|y| y.scorer != model);
    let better = rivals.filter(|y| hits(y.budget).is_some_and(|model| y.hits > model));
    better.map(|y| (y.budget, y.scorer.clone())).collect()
}

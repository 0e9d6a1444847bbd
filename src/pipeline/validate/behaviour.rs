//! Tier 2: does the submission behave? The mean of entropy, agreement, steadiness and consistency within addresses.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Reading;
use super::facts::{AlertFacts, Company};
use super::parts::Parts;
use crate::determinism::math;
use crate::metrics::ranking::tied_ranks;

/// The four figures, each 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Behaviour {
    /// Entropy of the scores' histogram of ten bins, over its maximum.
    pub entropy: f64,
    /// (Spearman's correlation with the median of all submitters + 1) / 2; null where it is undefined.
    pub agreement: f64,
    /// 1 - mean difference from the latest earlier day; 0.7 where fewer than two alerts are on both.
    pub steadiness: f64,
    /// 1 - mean penalty for scores that differ within an address.
    pub addresses: f64,
    /// The mean of the four.
    pub score: f64,
}

/// Judges the scores of distinct alerts.
///
/// # Shape
/// `scores`: one finite number per row.
pub(super) fn judge(
    rows: &[&AlertFacts],
    scores: &[f64],
    company: &Company,
    reading: Reading,
) -> (Behaviour, Parts) {
    let parts = [
        entropy(scores, reading),
        agreement(scores, &consensus(rows, scores, company), reading),
        steadiness(rows, scores, company, reading),
        addresses(rows, scores),
    ];
    let mut of = vec![0.0; rows.len()];
    parts.iter().for_each(|part| part.add_to(&mut of, 0.25));
    let score = parts.iter().map(|part| 0.25 * part.value).sum();
    let [entropy, agreement, steadiness, addresses] = parts.map(|part| part.value);
    (Behaviour { entropy, agreement, steadiness, addresses, score }, Parts { value: score, of })
}

fn entropy(scores: &[f64], reading: Reading) -> Parts {
    let mut counts = [0_usize; BINS];
    let bins: Vec<usize> = scores.iter().map(|&score| bin(score)).collect();
    bins.iter().for_each(|&bin| counts[bin] += 1);
    let n = scores.len().max(1) as f64;
    let smoothing = if reading == Reading::Coded { 1e-10 } else { 0.0 };
    let total = 1.0 + smoothing * BINS as f64;
    let term = |count: usize| {
        let share = (count as f64 / n + smoothing) / total;
        if share > 0.0 { -share * math::ln(share) / math::ln(BINS as f64) } else { 0.0 }
    };
    let terms = counts.map(term);
    let value: f64 = terms.iter().sum();
    // what the smoothing of empty bins adds belongs to nobody
    let nobodys: f64 = (0..BINS).filter(|&bin| counts[bin] == 0).map(|bin| terms[bin]).sum();
    Parts { value, of: bins.iter().map(|&bin| terms[bin] / counts[bin] as f64 + nobodys / n).collect() }
}

/// NumPy's histogram over [0, 1]: the edges are multiples of 0.1 as doubles (0.3 lies below the fourth), the last bin has both ends.
fn bin(score: f64) -> usize {
    let edge = |i: usize| if i == BINS { 1.0 } else { i as f64 * 0.1 };
    (1..BINS).rev().find(|&i| score >= edge(i)).unwrap_or(0)
}

/// The median of all submitters, this one included.
fn consensus(rows: &[&AlertFacts], scores: &[f64], company: &Company) -> Vec<f64> {
    let median = |(row, &own): (&&AlertFacts, &f64)| {
        let others = company.others.iter().filter_map(|other| other.get(&row.alert_id));
        let mut all: Vec<f64> =
            std::iter::once(own).chain(others.copied().filter(|s| s.is_finite())).collect();
        all.sort_by(f64::total_cmp);
        let middle = all.len() / 2;
        if all.len() % 2 == 1 { all[middle] } else { 0.5 * (all[middle - 1] + all[middle]) }
    };
    rows.iter().zip(scores).map(median).collect()
}

/// One alert has no order: 0. Constant scores have no correlation: NaN as coded; as specified it counts as none at all, a half.
fn agreement(scores: &[f64], consensus: &[f64], reading: Reading) -> Parts {
    let n = scores.len();
    if n < 2 {
        return Parts::even(0.0, n);
    }
    let centred = |values: &[f64]| -> Vec<f64> {
        let mean = (n as f64 - 1.0) / 2.0;
        tied_ranks(values).into_iter().map(|rank| rank - mean).collect()
    };
    let (own, common) = (centred(scores), centred(consensus));
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale = (sum(&own, &own) * sum(&common, &common)).sqrt();
    if scale == 0.0 {
        return Parts::even(if reading == Reading::Coded { f64::NAN } else { 0.5 }, n);
    }
    let part = |(a, b): (&f64, &f64)| 0.5 * (a * b / scale + 1.0 / n as f64);
    Parts { value: 0.5 * (sum(&own, &common) / scale + 1.0), of: own.iter().zip(&common).map(part).collect() }
}

fn steadiness(rows: &[&AlertFacts], scores: &[f64], company: &Company, reading: Reading) -> Parts {
    let before = |row: &AlertFacts| {
        let previous = company.previous.as_ref()?;
        match reading {
            Reading::Coded => previous.by_alert.get(&row.alert_id).copied(),
            Reading::Specified => {
                previous.by_subject.get(&(row.address.clone(), row.typology.clone())).copied()
            }
        }
    };
    let change = |(row, score): (&&AlertFacts, &f64)| before(row).map(|before| (score - before).abs());
    let changes: Vec<Option<f64>> = rows.iter().zip(scores).map(change).collect();
    let common = changes.iter().flatten().count();
    if common < 2 {
        return Parts::even(WITHOUT_HISTORY, rows.len());
    }
    let mean = changes.iter().flatten().sum::<f64>() / common as f64;
    let part = |change: &Option<f64>| change.map_or(0.0, |change| (1.0 - change) / common as f64);
    Parts { value: 1.0 - mean.min(1.0), of: changes.iter().map(part).collect() }
}

fn addresses(rows: &[&AlertFacts], scores: &[f64]) -> Parts {
    let mut of_address: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        of_address.entry(&row.address).or_default().push(i);
    }
    of_address.retain(|_, alerts| alerts.len() > 1);
    if of_address.is_empty() {
        return Parts::even(1.0, rows.len());
    }
    let n = of_address.len() as f64;
    let mut parts = Parts { value: 0.0, of: vec![0.0; rows.len()] };
    let mut penalties = 0.0;
    for alerts in of_address.values() {
        let penalty = penalty(deviation(alerts, scores));
        penalties += penalty;
        alerts.iter().for_each(|&i| parts.of[i] = (1.0 - penalty) / n / alerts.len() as f64);
    }
    parts.value = (1.0 - penalties / n).max(0.0);
    parts
}

/// The population standard deviation.
fn deviation(alerts: &[usize], scores: &[f64]) -> f64 {
    let n = alerts.len() as f64;
    let mean = alerts.iter().map(|&i| scores[i]).sum::<f64>() / n;
    (alerts.iter().map(|&i| (scores[i] - mean) * (scores[i] - mean)).sum::<f64>() / n).sqrt()
}

fn penalty(deviation: f64) -> f64 {
    match deviation {
        d if d < 0.10 => 0.0,
        d if d < 0.15 => 0.05,
        d if d < 0.25 => 0.10,
        _ => 0.15,
    }
}

const BINS: usize = 10;
const WITHOUT_HISTORY: f64 = 0.7;

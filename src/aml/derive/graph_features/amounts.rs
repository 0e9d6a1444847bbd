//! How large single transfers are, how alike, and how they were typed.

use super::sample::{
    cv, distinct, gini, largest_tie, mean, median, near_another, ratio, significant_digits, sorted,
};
use super::{Family, Scene, Step, both_sides};

pub(super) const AMOUNTS: Family =
    Family { name: "amounts", parts: 1, list: |_| both_sides(STEMS), compute: |scene, _| amounts(scene) };

const STEMS: &[(&str, &str, &str)] = &[
    ("amount_min", "usd", "smallest transfer {side}; 0 for none"),
    ("amount_median", "usd", "median of transfers {side}; 0 for none"),
    ("amount_max", "usd", "largest transfer {side}; 0 for none"),
    ("amount_gini", "ratio", "Gini coefficient of transfers {side}: 0 when all are equal"),
    ("amount_cv", "ratio", "standard deviation / mean of transfers {side}"),
    ("amount_low", "ratio", "smallest / median transfer {side}"),
    ("amount_distinct_share", "ratio", "different amounts / transfers {side}, as typed (native units)"),
    ("amount_modal_share", "ratio", "transfers of the most frequent amount / transfers {side}, as typed"),
    ("amount_near_share", "ratio", "transfers within 1 % of another one / transfers {side}"),
    ("amount_digits", "digits", "mean significant digits of transfers {side}, as typed"),
    ("amount_digits_min", "digits", "fewest significant digits of a transfer {side}, as typed"),
    (
        "under_limit_share",
        "ratio",
        "transfers of 80 % up to 100 % of 10,000, 50,000 or 100,000 / transfers {side}",
    ),
    ("under_power_share", "ratio", "transfers whose typed amount begins with a 9 / transfers {side}"),
];

const LIMITS: [f64; 3] = [10_000.0, 50_000.0, 100_000.0];

fn amounts(scene: &Scene) -> Vec<Vec<f64>> {
    scene.each(|address| {
        let (received, sent) = (scene.ledger.received(address), scene.ledger.sent(address));
        let mut row = [0.0; 26];
        let typed = |ids: &[u32]| sorted(scene.ledger.typed(ids));
        row[..13].copy_from_slice(&side(received, &typed(scene.ledger.received_ids(address))));
        row[13..].copy_from_slice(&side(sent, &typed(scene.ledger.sent_ids(address))));
        row
    })
}

/// `typed` upwards.
fn side(steps: &[Step], typed: &[f64]) -> [f64; 13] {
    let values = sorted(steps.iter().map(|s| s.value));
    let n = values.len() as f64;
    let share = |count: usize| ratio(count as f64, n, 0.0);
    let digits: Vec<f64> = typed.iter().map(|&x| significant_digits(x)).collect();
    let middle = median(&values);
    let least = values.first().copied().unwrap_or(0.0);
    [
        least,
        middle,
        values.last().copied().unwrap_or(0.0),
        gini(&values),
        cv(&values),
        ratio(least, middle, 0.0),
        share(distinct(typed)),
        share(largest_tie(typed)),
        share(near_another(&values, 0.01)),
        mean(&digits),
        digits.iter().copied().reduce(f64::min).unwrap_or(0.0),
        share(values.iter().filter(|&&x| under_limit(x)).count()),
        share(typed.iter().filter(|&&x| begins_with_nine(x)).count()),
    ]
}

fn under_limit(x: f64) -> bool {
    LIMITS.iter().any(|&limit| x >= 0.8 * limit && x < limit)
}

fn begins_with_nine(x: f64) -> bool {
    format!("{x:e}").starts_with('9')
}

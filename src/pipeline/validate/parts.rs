//! A figure as a sum of parts, one per alert.

/// A figure and each alert's part in it; the parts add up to the figure, to rounding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts {
    pub value: f64,
    pub of: Vec<f64>,
}

impl Parts {
    /// A figure that nobody in particular earned.
    pub(super) fn even(value: f64, rows: usize) -> Parts {
        Parts { value, of: vec![value / rows.max(1) as f64; rows] }
    }

    /// Adds `weight` times these parts to `sum`.
    pub(super) fn add_to(&self, sum: &mut [f64], weight: f64) {
        sum.iter_mut().zip(&self.of).for_each(|(sum, part)| *sum += weight * part);
    }
}

/// The area under the ROC curve of (score, positive) rows, and each row's part: every pair of a positive and a negative earns one
/// credit when they stand in order and half when tied, and both of the pair have half of it. `None` on one class.
pub(super) fn auc(rows: &[(f64, bool)]) -> Option<Parts> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| rows[a].0.total_cmp(&rows[b].0).then(a.cmp(&b)));
    let positives = rows.iter().filter(|row| row.1).count();
    let negatives = rows.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let pairs = positives as f64 * negatives as f64;
    let mut parts = Parts { value: 0.0, of: vec![0.0; rows.len()] };
    let (mut negatives_below, mut positives_below) = (0, 0);
    for tie in order.chunk_by(|&a, &b| rows[a].0 == rows[b].0) {
        let tied_positives = tie.iter().filter(|&&row| rows[row].1).count();
        let tied_negatives = tie.len() - tied_positives;
        let won_by_positive = negatives_below as f64 + 0.5 * tied_negatives as f64;
        let positives_above = positives - positives_below - tied_positives;
        let won_by_negative = positives_above as f64 + 0.5 * tied_positives as f64;
        for &row in tie {
            let won = if rows[row].1 { won_by_positive } else { won_by_negative };
            parts.of[row] = 0.5 * won / pairs;
        }
        parts.value += tied_positives as f64 * won_by_positive / pairs;
        negatives_below += tied_negatives;
        positives_below += tied_positives;
    }
    Some(parts)
}

/// The mean of (score - outcome)^2.
pub(super) fn brier(rows: &[(f64, bool)]) -> Option<f64> {
    let error = |&(score, positive): &(f64, bool)| {
        let error = score - f64::from(u8::from(positive));
        error * error
    };
    (!rows.is_empty()).then(|| rows.iter().map(error).sum::<f64>() / rows.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::binary;

    proptest! {
        #[test]
        fn parts_add_up_to_the_area(rows in prop::collection::vec((0..6u8, any::<bool>()), 0..40)) {
            let rows: Vec<(f64, bool)> = rows.iter().map(|&(s, y)| (f64::from(s) / 5.0, y)).collect();
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(u8::from(r.1))).collect();
            let scores: Vec<f64> = rows.iter().map(|r| r.0).collect();
            let expected = binary::auc(&labels, &scores, None);
            let found = auc(&rows);
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some(expected)) = (found, expected) {
                prop_assert!((found.value - expected).abs() < 1e-12);
                prop_assert!((found.of.iter().sum::<f64>() - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_area_by_hand() {
        // pairs: (.8 over .1), (.8 over .4), (.4 ties .4), (.4 over .1): 3.5 of 4
        let parts = auc(&[(0.1, false), (0.4, false), (0.4, true), (0.8, true)]).expect("two classes");
        assert_eq!(parts.value, 0.875);
        assert_eq!(parts.of, [0.25, 0.1875, 0.1875, 0.25]);
        assert_eq!(auc(&[(0.1, true), (0.2, true)]), None);
        assert_eq!(brier(&[(0.5, true), (1.0, false)]), Some(0.625));
        assert_eq!(brier(&[]), None);
    }
}

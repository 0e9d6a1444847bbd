//! Curves of a score for two classes: what every threshold would give.
//!
//! Rows flow in, points by falling threshold flow out, rows of one score entering together; [`thin`] keeps a fixed choice
//! of them for a page. Sources: Fawcett, Pattern Recognition Letters 27 (2006), algorithm 1.

/// What flagging every row of at least `threshold` gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The lowest score that is flagged.
    pub threshold: f64,
    /// Positive rows flagged.
    pub true_positives: u64,
    /// Negative rows flagged.
    pub false_positives: u64,
}

/// One point per distinct score, the highest first.
///
/// # Shape
/// One score per label.
pub fn curve(labels: &[f32], scores: &[f64]) -> Vec<CurvePoint> {
    let mut rows: Vec<(f64, bool)> =
        labels.iter().zip(scores).map(|(&label, &score)| (score + 0.0, label > 0.0)).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut points, mut true_positives, mut false_positives) = (vec![], 0, 0);
    for tie in rows.chunk_by(|a, b| a.0 == b.0) {
        let positives = tie.iter().filter(|row| row.1).count() as u64;
        true_positives += positives;
        false_positives += tie.len() as u64 - positives;
        points.push(CurvePoint { threshold: tie[0].0, true_positives, false_positives });
    }
    points
}

/// At most `most` of the points: the first, the last, and between them those nearest to equal steps along the curve's length,
/// where a step is a true or a false positive's share of its class. Points keep their order.
pub fn thin(points: &[CurvePoint], most: usize) -> Vec<CurvePoint> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return vec![] };
    if points.len() <= most.max(2) {
        return points.to_vec();
    }
    let along = |point: &CurvePoint| {
        point.true_positives as f64 / last.true_positives.max(1) as f64
            + point.false_positives as f64 / last.false_positives.max(1) as f64
    };
    let (start, end) = (along(first), along(last));
    let step = (end - start) / (most.max(2) - 1) as f64;
    let (mut kept, mut next) = (vec![*first], start + step);
    for point in &points[1..points.len() - 1] {
        if along(point) >= next && kept.len() + 1 < most.max(2) {
            kept.push(*point);
            while next <= along(point) {
                next += step;
            }
        }
    }
    kept.push(*last);
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::binary;

    proptest! {
        #[test]
        fn every_point_is_a_recount(rows in prop::collection::vec((0..2u8, 0..9i32), 1..60)) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(r.0)).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 7.0).collect();
            let points = curve(&labels, &scores);
            for point in &points {
                let flagged = |positive: bool| {
                    let is = |i: &usize| scores[*i] >= point.threshold && (labels[*i] > 0.0) == positive;
                    (0..rows.len()).filter(is).count() as u64
                };
                prop_assert_eq!((point.true_positives, point.false_positives), (flagged(true), flagged(false)));
            }
            prop_assert!(points.windows(2).all(|pair| pair[0].threshold > pair[1].threshold));
        }

        #[test]
        fn the_trapezoids_under_it_are_the_auc(rows in prop::collection::vec((0..2u8, 0..20i32), 2..80)) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(r.0)).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let (mut area, mut before) = (0.0, (0.0, 0.0));
            for point in curve(&labels, &scores) {
                let now = (point.false_positives as f64, point.true_positives as f64);
                area += (now.0 - before.0) * (now.1 + before.1) / 2.0;
                before = now;
            }
            let pairs = before.0 * before.1;
            match binary::auc(&labels, &scores, None) {
                Some(auc) => prop_assert!((area / pairs - auc).abs() < 1e-12),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }

        #[test]
        fn thinning_keeps_ends_and_order(rows in prop::collection::vec((0..2u8, 0..900i32), 2..300), most in 2..40usize) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(r.0)).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let points = curve(&labels, &scores);
            let kept = thin(&points, most);
            prop_assert!(kept.len() <= most.max(2));
            prop_assert_eq!(kept.first(), points.first());
            prop_assert_eq!(kept.last(), points.last());
            let mut rest = points.iter();
            prop_assert!(kept.iter().all(|point| rest.any(|other| other == point)));
        }
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(curve(&[], &[]).is_empty());
        assert!(thin(&[], 5).is_empty());
    }
}

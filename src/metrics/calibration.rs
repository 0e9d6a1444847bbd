//! Whether probabilities mean what they say: bins of predicted against found shares, and how far apart they are.
//!
//! Sources: Murphy, Winkler, Applied Statistics 26 (1977) (reliability diagrams); Naeini, Cooper, Hauskrecht, AAAI 2015
//! (expected calibration error).

/// Rows of similar probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// The least probability that falls into the bin.
    pub low: f64,
    /// The most; 1 in the last bin.
    pub high: f64,
    /// Rows in it.
    pub rows: u64,
    /// Positive rows in it.
    pub positives: u64,
    /// Mean probability of its rows.
    pub predicted: f64,
}

impl ReliabilityBin {
    /// Share of positives.
    pub fn found(&self) -> f64 {
        self.positives as f64 / self.rows as f64
    }
}

/// The bins that hold rows, of `bins` bins of equal width over [0, 1]; a probability on an edge falls into the upper bin.
///
/// # Shape
/// One probability per label; what lies outside [0, 1] counts into the nearest bin.
pub fn reliability(labels: &[f32], probabilities: &[f64], bins: usize) -> Vec<ReliabilityBin> {
    let bins = bins.max(1);
    let (mut rows, mut positives, mut sums) = (vec![0u64; bins], vec![0u64; bins], vec![0.0; bins]);
    for (&label, &probability) in labels.iter().zip(probabilities) {
        let bin = ((probability * bins as f64) as usize).min(bins - 1);
        rows[bin] += 1;
        positives[bin] += u64::from(label > 0.0);
        sums[bin] += probability;
    }
    let edge = |bin: usize| bin as f64 / bins as f64;
    let full = (0..bins).filter(|&bin| rows[bin] > 0);
    let bin = |bin: usize| ReliabilityBin {
        low: edge(bin),
        high: edge(bin + 1),
        rows: rows[bin],
        positives: positives[bin],
        predicted: sums[bin] / rows[bin] as f64,
    };
    full.map(bin).collect()
}

/// Expected calibration error: the mean over rows of the distance between predicted and found share of their bin, in
/// `bins` bins of equal width.
///
/// # Shape
/// One probability per label. `None` without rows.
pub fn ece(labels: &[f32], probabilities: &[f64], bins: usize) -> Option<f64> {
    let off = |bin: &ReliabilityBin| bin.rows as f64 * (bin.predicted - bin.found()).abs();
    let sum: f64 = reliability(labels, probabilities, bins).iter().map(off).sum();
    (!labels.is_empty()).then(|| sum / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Every bin recounted from all rows.
        #[test]
        fn bins_are_recounts(rows in prop::collection::vec((0..2u8, 0..=40u8), 1..80), bins in 1..15usize) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(r.0)).collect();
            let probabilities: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 40.0).collect();
            let (mut seen, mut error) = (0, 0.0);
            for bin in reliability(&labels, &probabilities, bins) {
                let inside: Vec<usize> = (0..rows.len())
                    .filter(|&i| {
                        let place = (probabilities[i] * bins as f64) as usize;
                        place.min(bins - 1) == (bin.low * bins as f64).round() as usize
                    })
                    .collect();
                let positives = inside.iter().filter(|&&i| labels[i] > 0.0).count();
                let mean = inside.iter().map(|&i| probabilities[i]).sum::<f64>() / inside.len() as f64;
                prop_assert_eq!((bin.rows as usize, bin.positives as usize), (inside.len(), positives));
                prop_assert!((bin.predicted - mean).abs() < 1e-12);
                seen += inside.len();
                error += (inside.len() as f64 * mean - positives as f64).abs();
            }
            prop_assert_eq!(seen, rows.len());
            let found = ece(&labels, &probabilities, bins).expect("rows");
            prop_assert!((found - error / rows.len() as f64).abs() < 1e-12);
        }
    }

    #[test]
    fn cases_by_hand() {
        assert_eq!(ece(&[1.0, 0.0], &[0.5, 0.5], 10), Some(0.0));
        assert_eq!(ece(&[1.0, 1.0], &[0.25, 0.75], 2), Some(0.5));
        assert_eq!(ece(&[], &[], 10), None);
        let last = reliability(&[1.0], &[1.0], 10);
        assert_eq!((last[0].low, last[0].high), (0.9, 1.0));
    }
}

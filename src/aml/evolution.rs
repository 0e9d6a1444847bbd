//! Two feature tables of one network and window, [`HORIZON_DAYS`] apart -> what became of each address.
//!
//! In: the address's row at T and at T + 30. Out: its [`Growth`] and its [`Class`]. The rule stands here alone: the validator twin
//! (`pipeline::validate`, tier 3B) and training on evolution targets read it from one place. It needs no labels.
//!
//! Growth is a percentage of the value at T, 0 where that value is 0. Anomaly, mixer flag and velocity are those of T + 30;
//! where a table has no such column, or no value, it counts as 0, which is what the reference exporter writes.
//!
//! | class (first that fits) | condition | expected score, both ends included |
//! |---|---|---|
//! | `expanding_illicit` | degree > 200 %, volume > 300 %, and mixer or anomaly > 0.7 or velocity > 0.8 | 0.70 to 1 |
//! | `benign_indicators` | degree < 50 %, volume < 100 %, anomaly < 0.3, no mixer | 0 to 0.30 |
//! | `dormant` | degree < 20 %, volume < 30 %, velocity < 0.3 | 0.15 to 0.25 |
//! | `ambiguous` | all else | 0.30 to 0.70 |

use std::fmt;

use chrono::Days;

use crate::aml::sot::{AddressFeatures, Batch, BatchId};

/// How long after a batch its scores are judged.
pub const HORIZON_DAYS: u32 = 30;

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Grew fast, and behaves as launderers do.
    Expanding,
    /// Hardly grew, nothing odd.
    Benign,
    /// Stood still.
    Dormant,
    /// None of these.
    Ambiguous,
}

/// What the rule reads of an address's feature row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// `degree_total`.
    pub degree: f64,
    /// `total_volume_usd`.
    pub volume_usd: f64,
    /// `behavioral_anomaly_score`, 0 to 1.
    pub anomaly: f64,
    /// `is_mixer_like`.
    pub mixer: bool,
    /// `velocity_score`, 0 to 1.
    pub velocity: f64,
}

/// The change of an address over the horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Of the degree, percent of its value at T; 0 where that is 0.
    pub degree_pct: f64,
    /// Of the volume, likewise.
    pub volume_pct: f64,
    /// The row at T + 30.
    pub later: Snapshot,
}

/// Why two batches are no pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvolutionError {
    /// The second is not the first, thirty days on.
    #[error("batch {later} does not follow {base}: expected {expected}")]
    NoPair {
        /// The batch at T.
        base: String,
        /// The other one.
        later: String,
        /// What the other one should be.
        expected: String,
    },
    /// A table is missing.
    #[error("batch {batch}: no {table} table: derive it first")]
    NoTable {
        /// Which batch.
        batch: String,
        /// Which table.
        table: &'static str,
    },
}

impl Class {
    /// All four.
    pub const ALL: [Class; 4] = [Class::Expanding, Class::Benign, Class::Dormant, Class::Ambiguous];

    /// The reference's word.
    pub fn name(self) -> &'static str {
        match self {
            Class::Expanding => "expanding_illicit",
            Class::Benign => "benign_indicators",
            Class::Dormant => "dormant",
            Class::Ambiguous => "ambiguous",
        }
    }

    /// The first class that fits.
    pub fn of(growth: &Growth) -> Class {
        let Growth { degree_pct, volume_pct, later } = *growth;
        let odd = later.mixer || later.anomaly > 0.7 || later.velocity > 0.8;
        if degree_pct > 200.0 && volume_pct > 300.0 && odd {
            Class::Expanding
        } else if degree_pct < 50.0 && volume_pct < 100.0 && later.anomaly < 0.3 && !later.mixer {
            Class::Benign
        } else if degree_pct < 20.0 && volume_pct < 30.0 && later.velocity < 0.3 {
            Class::Dormant
        } else {
            Class::Ambiguous
        }
    }

    /// The scores expected of it, both ends included.
    pub fn range(self) -> (f64, f64) {
        match self {
            Class::Expanding => (0.70, 1.0),
            Class::Benign => (0.0, 0.30),
            Class::Dormant => (0.15, 0.25),
            Class::Ambiguous => (0.30, 0.70),
        }
    }

    /// Whether a score is in its range; NaN never is.
    pub fn expects(self, score: f64) -> bool {
        let (low, high) = self.range();
        (low..=high).contains(&score)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Snapshot {
    /// The address's row; `None` where it has none, or one without degree or volume.
    pub fn of(features: &AddressFeatures, address: &str) -> Option<Snapshot> {
        features.addresses.get(address)?;
        let value = |column| features.value(address, column);
        let or_zero = |column| Some(value(column)).filter(|v| v.is_finite()).unwrap_or(0.0);
        let known = |column| Some(value(column)).filter(|v| v.is_finite());
        Some(Snapshot {
            degree: known("degree_total")?,
            volume_usd: known("total_volume_usd")?,
            anomaly: or_zero("behavioral_anomaly_score"),
            mixer: or_zero("is_mixer_like") > 0.0,
            velocity: or_zero("velocity_score"),
        })
    }
}

impl Growth {
    /// From the row at T to the row at T + 30.
    pub fn between(base: &Snapshot, later: &Snapshot) -> Growth {
        let percent = |from: f64, to: f64| if from > 0.0 { 100.0 * (to - from) / from } else { 0.0 };
        Growth {
            degree_pct: percent(base.degree, later.degree),
            volume_pct: percent(base.volume_usd, later.volume_usd),
            later: *later,
        }
    }
}

/// Which batch says what became of `base`'s addresses: same network and window, [`HORIZON_DAYS`] later.
pub fn successor(base: &BatchId) -> BatchId {
    let date = base.processing_date.checked_add_days(Days::new(HORIZON_DAYS.into()));
    BatchId { processing_date: date.unwrap_or(base.processing_date), ..base.clone() }
}

/// What became of the address of each alert of `base`, in the order of its alerts table; `None` where the address has no row at T
/// or none at T + 30: the reference tracks neither.
///
/// # Errors
/// When `later` is not [`successor`] of `base`, or a table is absent (alerts and features of `base`, features of `later`).
pub fn of_alerts(base: &Batch, later: &Batch) -> Result<Vec<Option<Growth>>, EvolutionError> {
    let expected = successor(&base.id);
    if later.id != expected || later.id == base.id {
        let (base, later) = (base.id.name(), later.id.name());
        return Err(EvolutionError::NoPair { base, later, expected: expected.name() });
    }
    let absent = |batch: &Batch, table| EvolutionError::NoTable { batch: batch.id.name(), table };
    let alerts = base.alerts.as_ref().ok_or_else(|| absent(base, "alerts"))?;
    let before = base.features.as_ref().ok_or_else(|| absent(base, "features"))?;
    let after = later.features.as_ref().ok_or_else(|| absent(later, "features"))?;
    let growth = |address: &str| {
        Some(Growth::between(&Snapshot::of(before, address)?, &Snapshot::of(after, address)?))
    };
    Ok(alerts.iter().map(|alert| growth(&alert.address)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(degree_pct: f64, volume_pct: f64, later: Snapshot) -> Class {
        Class::of(&Growth { degree_pct, volume_pct, later })
    }

    fn quiet() -> Snapshot {
        Snapshot::default()
    }

    #[test]
    fn classes_by_hand() {
        let fast = Snapshot { velocity: 0.81, ..quiet() };
        let mixer = Snapshot { mixer: true, ..quiet() };
        let odd = Snapshot { anomaly: 0.71, ..quiet() };
        for later in [fast, mixer, odd] {
            assert_eq!(growth(200.1, 300.1, later), Class::Expanding);
            // growth alone at the edge is not above it
            assert_eq!(growth(200.0, 300.1, later), Class::Ambiguous);
            assert_eq!(growth(200.1, 300.0, later), Class::Ambiguous);
        }
        assert_eq!(
            growth(900.0, 900.0, Snapshot { velocity: 0.8, anomaly: 0.7, ..quiet() }),
            Class::Ambiguous
        );
        assert_eq!(growth(49.9, 99.9, fast), Class::Benign);
        assert_eq!(growth(-100.0, -100.0, quiet()), Class::Benign);
        assert_eq!(growth(50.0, 99.9, quiet()), Class::Ambiguous);
        assert_eq!(growth(49.9, 100.0, quiet()), Class::Ambiguous);
    }

    #[test]
    fn dormant_is_only_reached_past_benign() {
        assert_eq!(growth(0.0, 0.0, quiet()), Class::Benign);
        assert_eq!(growth(19.9, 29.9, Snapshot { anomaly: 0.3, ..quiet() }), Class::Dormant);
        assert_eq!(growth(19.9, 29.9, Snapshot { mixer: true, ..quiet() }), Class::Dormant);
        assert_eq!(growth(20.0, 29.9, Snapshot { mixer: true, ..quiet() }), Class::Ambiguous);
        assert_eq!(growth(19.9, 30.0, Snapshot { mixer: true, ..quiet() }), Class::Ambiguous);
        assert_eq!(growth(0.0, 0.0, Snapshot { mixer: true, velocity: 0.3, ..quiet() }), Class::Ambiguous);
    }

    #[test]
    fn growth_of_nothing_is_none() {
        let later = Snapshot { degree: 9.0, volume_usd: 900.0, ..quiet() };
        let from_zero = Growth::between(&quiet(), &later);
        assert_eq!((from_zero.degree_pct, from_zero.volume_pct), (0.0, 0.0));
        let tripled = Growth::between(&Snapshot { degree: 3.0, volume_usd: 200.0, ..quiet() }, &later);
        assert_eq!((tripled.degree_pct, tripled.volume_pct), (200.0, 350.0));
    }

    #[test]
    fn ranges_include_their_ends() {
        assert!(Class::Benign.expects(0.30) && Class::Ambiguous.expects(0.30));
        assert!(Class::Ambiguous.expects(0.70) && Class::Expanding.expects(0.70));
        assert!(!Class::Benign.expects(0.300_000_1) && !Class::Expanding.expects(0.699_999_9));
        assert!(
            Class::Dormant.expects(0.15) && Class::Dormant.expects(0.25) && !Class::Dormant.expects(0.26)
        );
        assert!(Class::ALL.iter().all(|class| !class.expects(f64::NAN)));
    }

    #[test]
    fn missing_columns_count_as_zero_but_not_degree_and_volume() {
        let mut features = AddressFeatures::default();
        features.addresses.intern("a");
        let column =
            |name: &str, value| crate::aml::sot::NumberColumn { name: name.to_owned(), values: vec![value] };
        features.columns = vec![column("degree_total", 2.0)];
        assert_eq!(Snapshot::of(&features, "a"), None);
        features.columns.push(column("total_volume_usd", 5.0));
        features.columns.push(column("velocity_score", f64::NAN));
        let expected = Snapshot { degree: 2.0, volume_usd: 5.0, ..quiet() };
        assert_eq!(Snapshot::of(&features, "a"), Some(expected));
        assert_eq!(Snapshot::of(&features, "b"), None);
    }

    #[test]
    fn only_the_successor_pairs() {
        let date = |text: &str| text.parse().expect("a date");
        let id = BatchId { network: "n".to_owned(), processing_date: date("2025-01-31"), window_days: 7 };
        let next = successor(&id);
        assert_eq!(next.name(), "n-2025-03-02-7d");
        let base = Batch { id, ..Batch::default() };
        let later = Batch { id: next, ..Batch::default() };
        let same = of_alerts(&base, &base).expect_err("the same day").to_string();
        assert_eq!(same, "batch n-2025-01-31-7d does not follow n-2025-01-31-7d: expected n-2025-03-02-7d");
        let absent = of_alerts(&base, &later).expect_err("no tables").to_string();
        assert_eq!(absent, "batch n-2025-01-31-7d: no alerts table: derive it first");
    }
}

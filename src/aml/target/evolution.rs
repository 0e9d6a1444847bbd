//! What became of addresses in thirty days -> targets that need no labels.
//!
//! In: a batch at T and the batch of the same network and window at T + 30. Out: `expanding_illicit` is positive, grade 4;
//! `benign_indicators` negative, grade 0; `dormant` negative, grade 1; `ambiguous`, and addresses without a row at either end,
//! are left without target, as nothing follows from them. Every target is known at T + 30, not earlier.

use chrono::NaiveDate;

use super::{AddressTargets, LabelStrategy, Target, TargetError};
use crate::aml::evolution::{self, Class};
use crate::aml::sot::Batch;

/// Targets of a batch by the batch thirty days later.
#[derive(Clone, Copy, Debug)]
pub struct Evolution<'a> {
    /// The batch at T + 30.
    pub later: &'a Batch,
}

impl LabelStrategy for Evolution<'_> {
    fn name(&self) -> &str {
        "evolution"
    }

    fn addresses(&self, batch: &Batch) -> Result<AddressTargets, TargetError> {
        let growth = evolution::of_alerts(batch, self.later)?;
        let day = self.later.id.processing_date.signed_duration_since(NaiveDate::default());
        let alerts = batch.alerts.as_deref().unwrap_or_default();
        let mut targets = AddressTargets::default();
        for (alert, growth) in alerts.iter().zip(&growth) {
            if let Some(target) = growth.as_ref().and_then(|g| of_class(Class::of(g), day.num_milliseconds()))
            {
                targets.by_address.insert(alert.address.clone(), target);
            }
        }
        Ok(targets)
    }
}

fn of_class(class: Class, known_ms: i64) -> Option<Target> {
    let (positive, grade) = match class {
        Class::Expanding => (true, 4),
        Class::Benign => (false, 0),
        Class::Dormant => (false, 1),
        Class::Ambiguous => return None,
    };
    Some(Target { positive, weight: 1.0, grade, known_ms })
}

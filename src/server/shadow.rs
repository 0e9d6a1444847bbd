//! The challenger in the champion's shadow: every batch that was answered is scored by both, and their differences are counted.
//!
//! It happens after the answer, in the queue of large requests and only while that has room: a challenger slows nobody down and
//! changes no answer. What is left out for want of room is counted, too.

use std::sync::Arc;

use super::compute::Size;
use super::error::ApiError;
use super::state::State;
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::score::tensor::{FeatureRows, model, scores};
use crate::aml::sot::Batch;

/// Compares what champion and challenger say of a batch; nobody waits for it.
pub(super) fn compare(state: &Arc<State>, champion: Arc<Bundle>, kind: Kind, batch: Batch) {
    let Some(challenger) = state.models.challenger() else { return };
    let Ok(place) = state.compute.place(Size::Large) else {
        state.meters.shadow_skipped.inc();
        return;
    };
    let state = state.clone();
    tokio::spawn(async move {
        let job = move || differences(&champion, &challenger, kind, &batch);
        match state.compute.run(place, job).await {
            Ok(differences) => {
                let histogram = state.meters.shadow_differences.with_label_values(&[kind.name()]);
                differences.into_iter().for_each(|difference| histogram.observe(difference));
            }
            Err(error) => {
                tracing::warn!(%error, "the challenger could not score a batch");
                state.meters.shadow_skipped.inc();
            }
        }
    });
}

/// How far apart the two are on every row.
fn differences(
    champion: &Bundle,
    challenger: &Bundle,
    kind: Kind,
    batch: &Batch,
) -> Result<Vec<f64>, ApiError> {
    let of = |bundle| -> Result<Vec<f64>, ApiError> {
        let scorer = model(bundle, kind)?;
        Ok(scores(kind, scorer, &FeatureRows::of(scorer, batch)?, None).scores)
    };
    Ok(of(champion)?.iter().zip(of(challenger)?).map(|(a, b)| (a - b).abs()).collect())
}

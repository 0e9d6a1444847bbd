//! Train-serve skew: features of the tables on disk against those of the same batch sent as a request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::part::Part;
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::sot::{Batch, request_body};
use crate::gbdt::data::FeatureMatrix;

/// One batch both ways.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Skew {
    /// Which batch.
    pub batch: String,
    /// Values compared, over all models of the bundle.
    pub cells: u64,
    /// Values whose bits differ; both missing is equal.
    pub different: u64,
    /// How many of them each feature has.
    pub features: BTreeMap<String, u64>,
}

/// Writes the batch as a request's JSON, reads it as the server does, and compares every feature of every model bit by bit.
pub(super) fn skew(bundle: &Bundle, batch: &Batch) -> Part<Skew> {
    let body = request_body(batch).to_string();
    let served = match Batch::from_json(body.as_bytes()) {
        Ok(served) => served,
        Err(faults) => return Part::absent(format!("the batch is no legal request: {faults}")),
    };
    let mut skew = Skew { batch: batch.id.name(), ..Skew::default() };
    for kind in Kind::ALL {
        let Some(scorer) = bundle.scorer(kind) else { continue };
        skew.compare(&scorer.features().matrix(batch), &scorer.features().matrix(&served));
    }
    if skew.cells == 0 { Part::absent("the batch has no rows") } else { Part::Present(skew) }
}

impl Skew {
    fn compare(&mut self, disk: &FeatureMatrix, served: &FeatureMatrix) {
        for (f, name) in disk.schema().names().enumerate() {
            let (a, b) = (disk.column(f), served.column(f));
            let rows = a.len().max(b.len());
            let bits = |column: &crate::gbdt::data::Column, row: usize| {
                let value = if row < column.len() { column.get(row) } else { f64::NAN };
                if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
            };
            let different = (0..rows).filter(|&row| bits(a, row) != bits(b, row)).count() as u64;
            self.cells += rows as u64;
            self.different += different;
            if different > 0 {
                *self.features.entry(name.to_owned()).or_default() += different;
            }
        }
    }
}

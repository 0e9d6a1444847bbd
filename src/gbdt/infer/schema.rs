//! Whether a matrix is the one that a model was made for; asked once, at the engine's door.

use crate::gbdt::data::{FeatureKind, Schema};

/// Why a matrix cannot be scored by a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaMismatch {
    /// Another number of features.
    #[error("the model reads {expected} features, the data have {found}{}", first(missing))]
    Count {
        /// Features of the model.
        expected: usize,
        /// Features of the data.
        found: usize,
        /// The first feature of the model that the data lack, if one does.
        missing: Option<String>,
    },
    /// Another feature, or another order.
    #[error("feature {position}: the model reads `{expected}`, the data have `{found}`")]
    Name {
        /// Position, from 0.
        position: usize,
        /// The model's feature.
        expected: String,
        /// The data's.
        found: String,
    },
    /// Categories whose codes mean something else.
    #[error("feature `{name}`: its categories are not those that the model was trained on")]
    Categories {
        /// The feature.
        name: String,
    },
}

fn first(missing: &Option<String>) -> String {
    missing.as_ref().map_or(String::new(), |name| format!("; `{name}` is missing"))
}

/// Compares names, order, and the meaning of category codes where both sides know it.
pub(super) fn compare(model: &Schema, data: &Schema) -> Result<(), SchemaMismatch> {
    if model.len() != data.len() {
        let missing = model.names().find(|name| data.position(name).is_none()).map(str::to_owned);
        return Err(SchemaMismatch::Count { expected: model.len(), found: data.len(), missing });
    }
    for (position, (ours, theirs)) in model.features.iter().zip(&data.features).enumerate() {
        if ours.name != theirs.name {
            let (expected, found) = (ours.name.clone(), theirs.name.clone());
            return Err(SchemaMismatch::Name { position, expected, found });
        }
        if !levels(&ours.kind).is_empty() && levels(&ours.kind) != levels(&theirs.kind) {
            return Err(SchemaMismatch::Categories { name: ours.name.clone() });
        }
    }
    Ok(())
}

fn levels(kind: &FeatureKind) -> &[String] {
    match kind {
        FeatureKind::Numerical => &[],
        FeatureKind::Categorical { levels } => levels,
    }
}

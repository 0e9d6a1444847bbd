//! The bundles that a server holds: the one that answers, the one before it, and a challenger that answers nobody.

use std::sync::{Arc, PoisonError, RwLock};

use crate::aml::bundle::Bundle;

/// Bundles in their places. Whoever took one out keeps it: requests under way finish with what they began with.
#[derive(Default)]
pub(super) struct Models(RwLock<Places>);

#[derive(Clone, Default)]
pub(super) struct Places {
    pub(super) active: Option<Arc<Bundle>>,
    pub(super) previous: Option<Arc<Bundle>>,
    pub(super) challenger: Option<Arc<Bundle>>,
}

impl Models {
    /// All places as they are at this moment.
    pub(super) fn places(&self) -> Places {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bundle that answers.
    pub(super) fn active(&self) -> Option<Arc<Bundle>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).active.clone()
    }

    /// The bundle that is compared.
    pub(super) fn challenger(&self) -> Option<Arc<Bundle>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).challenger.clone()
    }

    /// Puts `bundle` in the place of the one that answers, which is kept as the one before. The same bundle again changes nothing.
    pub(super) fn put(&self, bundle: Bundle) {
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if places.active.as_ref().is_none_or(|active| active.digest() != bundle.digest()) {
            places.previous = places.active.replace(Arc::new(bundle));
        }
    }

    /// Exchanges the bundle that answers and the one before; whether there was one.
    pub(super) fn roll_back(&self) -> bool {
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(previous) = places.previous.take() else { return false };
        places.previous = places.active.replace(previous);
        true
    }

    /// Sets or removes the challenger.
    pub(super) fn challenge(&self, bundle: Option<Bundle>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).challenger = bundle.map(Arc::new);
    }
}

//! Which features a build knows: the shipped ones, and a user's own beside them.
//!
//! A bundle names its features; opening it asks the registry for each. So a bundle trained with a feature of one's own opens only
//! where that feature is registered, and says its name where it is not.

use std::borrow::Cow;

use super::view::{AddressView, AlertView, ClusterView};
use super::{Family, FeatureSet, ModelFeature, Read, Rows, Unit, UnknownFeature};

/// What a feature of one's own is computed from, and how. A view holds only what may be read.
#[derive(Clone, Copy, Debug)]
pub enum Reader {
    /// One number an alert, from its row, its address's rows and the clusters that name it.
    Alert(fn(&AlertView<'_>) -> f64),
    /// One number a cluster, from its row and its addresses' rows.
    Cluster(fn(&ClusterView<'_>) -> f64),
    /// One number an alert, from its address's rows alone.
    Address(fn(&AddressView<'_>) -> f64),
}

/// The names under which features are found.
#[derive(Clone, Debug)]
pub struct Registry {
    alerts: FeatureSet,
    clusters: FeatureSet,
}

/// Two features of one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("feature `{name}` is registered already: a formula that differs takes a name of its own")]
pub struct DuplicateFeature {
    /// The name given twice.
    pub name: String,
}

impl Default for Registry {
    /// The shipped features.
    fn default() -> Self {
        Registry { alerts: FeatureSet::alerts(), clusters: FeatureSet::clusters() }
    }
}

impl Registry {
    /// The registry with one feature more, after all others of its kind of row.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn with(mut self, feature: ModelFeature) -> Result<Self, DuplicateFeature> {
        let set = match feature.read {
            Read::Cluster(_) | Read::Members(..) => &mut self.clusters,
            Read::Column(_) | Read::Address(_) | Read::Alert(_) => &mut self.alerts,
        };
        if set.features.iter().any(|known| known.name == feature.name) {
            return Err(DuplicateFeature { name: feature.name.into_owned() });
        }
        set.features.push(feature);
        Ok(self)
    }

    /// Every feature of a kind of row, in order.
    pub fn all(&self, rows: Rows) -> &FeatureSet {
        match rows {
            Rows::Alerts => &self.alerts,
            Rows::Clusters => &self.clusters,
        }
    }

    /// The features of these names, in this order.
    ///
    /// # Errors
    /// When a name is unknown.
    pub fn named<'n>(
        &self,
        rows: Rows,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<FeatureSet, UnknownFeature> {
        let all = &self.all(rows).features;
        let find = |name: &str| {
            let found = all.iter().find(|f| f.name == name).cloned();
            found.ok_or_else(|| UnknownFeature { name: name.to_owned() })
        };
        let features = names.into_iter().map(find).collect::<Result<_, _>>()?;
        Ok(FeatureSet { rows, features })
    }
}

impl ModelFeature {
    /// A feature of one's own. `leakage` says why it cannot tell the target; the names of label columns are refused when training.
    pub fn custom(
        name: &'static str,
        family: Family,
        unit: Unit,
        [doc, leakage]: [&'static str; 2],
        reader: Reader,
    ) -> Self {
        let read = match reader {
            Reader::Alert(read) => Read::Alert(read),
            Reader::Cluster(read) => Read::Cluster(read),
            Reader::Address(read) => Read::Address(read),
        };
        ModelFeature { name: Cow::Borrowed(name), family, unit, doc: Cow::Borrowed(doc), leakage, read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &'static str) -> ModelFeature {
        let words = ["Rows in and out.", "the address's own rows"];
        ModelFeature::custom(name, Family::Flow, Unit::Count, words, Reader::Address(|a| a.column(0)))
    }

    #[test]
    fn a_feature_is_found_after_it_was_registered_and_not_before() {
        let names = ["alert_confidence", "own_rows"];
        let unknown = Registry::default().named(Rows::Alerts, names).map(|_| ());
        assert_eq!(unknown, Err(UnknownFeature { name: "own_rows".to_owned() }));
        let registry = Registry::default().with(own("own_rows")).expect("a new name");
        let set = registry.named(Rows::Alerts, names).expect("both known");
        assert_eq!(set.schema().names().collect::<Vec<_>>(), names);
        assert!(registry.named(Rows::Clusters, ["own_rows"]).is_err());
    }

    #[test]
    fn a_name_is_given_once() {
        let taken = Registry::default().with(own("alert_confidence")).map(|_| ());
        assert_eq!(taken, Err(DuplicateFeature { name: "alert_confidence".to_owned() }));
    }
}

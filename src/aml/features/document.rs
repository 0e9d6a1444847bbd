//! The registry as a page: `docs/features.md` is this text, and a test compares them.

use std::fmt::Write as _;

use super::{Family, FeatureSet, Read};

/// The page of all features: name, unit, formula, leakage note.
pub fn document() -> String {
    let mut page = String::from(PREFACE);
    for (title, set) in [("Alerts", FeatureSet::alerts()), ("Clusters", FeatureSet::clusters())] {
        let own = |family| {
            let of_family = set.features().iter().filter(move |f| f.family == family);
            of_family.filter(|f| !matches!(f.read, Read::Members(..)))
        };
        let _ = write!(page, "\n## {title}: {} features\n", set.features().len());
        for family in Family::ALL {
            if own(family).next().is_none() {
                continue;
            }
            let _ = write!(page, "\n### {title}, {} family\n\n{HEAD}", family.name());
            for f in own(family) {
                let _ = writeln!(page, "| `{}` | {} | {} | {} |", f.name, f.unit.name(), f.doc, f.leakage);
            }
        }
    }
    page.push_str(FOLDED);
    page
}

const PREFACE: &str = "# Model features

Generated from the registry (`src/aml/features`) by `AML_MINER_BLESS=1 cargo test --test score`; a test fails when the two differ.

An alert reads its own row, the feature row and the flow rows keyed to its address, and the clusters that name it: never other
alerts, never a statistic over the request, never a label. Absent is NaN, never 0; an alert whose address has no feature row
is scored with NaN there. An unknown word of a vocabulary is `other`. A formula that changes takes a new name.
";

const HEAD: &str = "| name | unit | formula | leakage |\n|---|---|---|---|\n";

const FOLDED: &str = "
### Clusters, members

Every address, flow, temporal, change and graph feature above appears twice more for clusters: `member_max_NAME`, the largest over the cluster's
addresses, and `member_mean_NAME`, the mean; addresses where it is absent are left out. Unit and leakage note are those of `NAME`.
";

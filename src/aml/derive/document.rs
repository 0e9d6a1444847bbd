//! The registry of address columns as a page: `docs/features_address.md` is this text, and a test compares them.

use std::fmt::Write as _;

use super::{change_features, columns, features, proximity_features};

/// The page of all address columns: name, unit, formula.
pub fn address_columns_page() -> String {
    let mut page = String::from(PREFACE);
    for column in columns() {
        let formula = column.formula.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {} | {formula} |", column.name, column.unit);
    }
    page.push_str(BEYOND);
    let mut family = "";
    for feature in features().into_iter().chain(change_features()).chain(proximity_features()) {
        if feature.family != family {
            family = feature.family;
            let note = match family {
                "changes" => CHANGES,
                "proximity" => PROXIMITY,
                _ => "",
            };
            let _ =
                write!(page, "\n## Family `{family}`\n{note}\n| name | unit | formula |\n|---|---|---|\n");
        }
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            feature.name,
            feature.unit,
            feature.formula.replace('|', "\\|")
        );
    }
    page
}

const BEYOND: &str = "
# Beyond the official columns

`derive` writes these too, behind the official columns, where the batch has transfers. Models read some of them, the family `graph` of
[features](features.md), and those of `changes`, where their training was told to. Values are US dollars, or native units in a batch without any price; amounts \"as typed\" are native, or dollars where those are 0. Payments to
oneself are left out. Spans of time are half-open unless a formula says within, which counts the end too. No column reads a label but those of the last family.

What each family is good for is measured in [benchmarks](benchmarks.md).
";

const CHANGES: &str = "
Only with `derive --previous BATCH`, an earlier batch of the same network and window length: what changed since, per day between the two
batches. An address without a row there had 0. The [model features](features.md) of the family `change` are these columns.
";

const PROXIMITY: &str = "
Off by default (`derive --proximity`): what labels of other addresses say, never the address's own. No model of ours reads these
columns, and `train` refuses them, for labels are what models learn to predict.
";

const PREFACE: &str = "# Address features

Generated from the registry (`src/aml/derive/address/columns.rs`) by `AML_MINER_BLESS=1 cargo test --test derive`; a test fails when
the two differ.

`derive` computes these columns for every address that sent or received anything within the batch's window. Names and formulas
are those of the published feature files, so that rows from either source mean the same; 73 of the columns stand in the feature file
published beside the real sample batch and agree with it for each of its 1,974 addresses: within 1e-6 of the larger of the published
amount and the address's total volume for amounts, within 1e-6 of the published value for all others (of 1e-6 where that is smaller).

Some names promise more than the column holds. They are kept, because files and models know them:

* \"Pair\" is everything from one address to another within the window. Averages, medians, extremes, skewness and kurtosis named
  after transactions are over pairs.
* Columns in native units add different assets up; `avg_daily_volume_usd` is one of them.
* Concentrations are 1 - Gini: 1 when all are equal.
* A payment to oneself is a pair with oneself: it counts as sent and as received, but is one transfer in time.
* A single transfer's amount is its native one, or its dollars where that is 0. Absent and infinite amounts count as 0.

Columns that need single transfers are NaN when a batch has money flows only. Not derived: betweenness and communities (random without
a seed in the published files), closeness (shortest paths between all pairs), anomaly scores (published as constant 0), flags and
proximities that read labels.

| name | unit | formula |
|---|---|---|
";

//! The columns that say how an address's row differs from the one it had in an earlier batch: what they are called and what
//! they compare. `derive` fills them where it is given that batch; models may read them.

/// A column that compares two rows of an address.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The column's name.
    pub name: &'static str,
    /// Its unit in tables of address columns.
    pub unit: &'static str,
    /// In words and symbols.
    pub formula: &'static str,
    /// How two rows become one value.
    pub comparison: Comparison,
}

/// How two rows become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The difference of this column per day; an address that had no row before had 0.
    Delta(&'static str),
    /// This column's later value over the earlier one; NaN where that is 0 or absent.
    Growth(&'static str),
    /// 1 where there was no row before.
    New,
}

/// The columns, in their order.
pub const CHANGES: [Change; 14] = [
    change(
        "delta_degree_in",
        "count",
        "today's degree_in minus the earlier batch's, per day between them",
        Comparison::Delta("degree_in"),
    ),
    change("delta_degree_out", "count", "the same of degree_out", Comparison::Delta("degree_out")),
    change("delta_tx_in_count", "count", "the same of tx_in_count", Comparison::Delta("tx_in_count")),
    change("delta_tx_out_count", "count", "the same of tx_out_count", Comparison::Delta("tx_out_count")),
    change("delta_total_in_usd", "usd", "the same of total_in_usd", Comparison::Delta("total_in_usd")),
    change("delta_total_out_usd", "usd", "the same of total_out_usd", Comparison::Delta("total_out_usd")),
    change("delta_max_tx_usd", "usd", "the same of max_tx_usd", Comparison::Delta("max_tx_usd")),
    change("delta_activity_days", "days", "the same of activity_days", Comparison::Delta("activity_days")),
    change("delta_khop2_count", "count", "the same of khop2_count", Comparison::Delta("khop2_count")),
    change("delta_kcore", "count", "the same of kcore", Comparison::Delta("kcore")),
    change(
        "growth_degree_total",
        "ratio",
        "today's degree_total over the earlier batch's",
        Comparison::Growth("degree_total"),
    ),
    change(
        "growth_tx_total_count",
        "ratio",
        "the same of tx_total_count",
        Comparison::Growth("tx_total_count"),
    ),
    change(
        "growth_total_volume_usd",
        "ratio",
        "the same of total_volume_usd",
        Comparison::Growth("total_volume_usd"),
    ),
    change(
        "new_since_previous",
        "flag",
        "1 where the earlier batch has no row of the address",
        Comparison::New,
    ),
];

const fn change(
    name: &'static str,
    unit: &'static str,
    formula: &'static str,
    comparison: Comparison,
) -> Change {
    Change { name, unit, formula, comparison }
}

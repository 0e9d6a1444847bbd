//! The address-features table, whatever columns it has: numbers and flags are kept, numbers written as text too.

use std::ops::Range;

use super::batch::{AddressFeatures, BatchId, NumberColumn};
use super::fault::BatchFault;
use super::schema::{ADDRESS, Source};
use crate::determinism::intern::Interner;
use crate::table::csv::is_missing;
use crate::table::{Given, TableColumn, Values};

/// Columns that say which row it is, not what is known of the address.
pub(super) fn is_key_column(name: &str) -> bool {
    matches!(name, "address" | "processing_date" | "window_days" | "network" | "_version")
}

/// What a column of the table may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Numbers: an official column that something here reads as such.
    Numbers,
    /// Anything; what is no number is left out.
    Anything,
}

/// What the column of a name may hold.
pub(super) fn holds(name: &str) -> Holds {
    if NUMBER_COLUMNS.binary_search(&name).is_ok() { Holds::Numbers } else { Holds::Anything }
}

/// The number a text holds; `None` for other text, also for `NaN` and `inf`.
pub(super) fn number_in(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads the table; `None` when a fault was added.
pub(super) fn read(source: &mut Source<'_>) -> Option<AddressFeatures> {
    let addresses = source.column::<String>(&ADDRESS, None)?;
    let file = source.table.name.clone();
    let mut names = Interner::new();
    let mut sound = true;
    for (second, address) in addresses.iter().enumerate() {
        let first = names.intern(address) as usize;
        if first < second && names.len() <= second {
            let key = format!("address {address}");
            source.faults.add(BatchFault::Duplicate { file, first, second, key });
            return None;
        }
    }
    let mut columns = vec![];
    for column in source.table.columns.iter().filter(|c| !is_key_column(&c.name)) {
        let Some(values) = numbers(&column.values) else {
            if holds(&column.name) == Holds::Numbers && !is_blank(&column.values) {
                source.faults.add(no_number(&file, column));
                sound = false;
            }
            continue;
        };
        if let Some(row) = values.iter().position(|v| v.is_infinite()) {
            let (file, column, found) = (file.clone(), column.name.clone(), values[row].to_string());
            let expected = "a finite number";
            source.faults.add(BatchFault::Cell { file, column, row, expected, found });
            sound = false;
        }
        columns.push(NumberColumn { name: column.name.clone(), values });
    }
    sound.then_some(AddressFeatures { addresses: names, columns })
}

/// The values of a column of numbers, flags or numbers as text; `None` for other columns.
fn numbers(values: &Values) -> Option<Vec<f64>> {
    match values {
        Values::Text(texts) => {
            let present = texts.iter().flatten().next().is_some();
            let number = |text: &Option<String>| match text {
                None => Some(f64::NAN),
                Some(text) if is_missing(text.trim()) => Some(f64::NAN),
                Some(text) => number_in(text),
            };
            texts.iter().map(number).collect::<Option<Vec<f64>>>().filter(|_| present)
        }
        Values::Date(_) => None,
        values => {
            let rows = values.n_values()?;
            (0..rows).map(|row| values.number(row)).collect()
        }
    }
}

/// Whether a column has no value in any row, and so says nothing of its type.
fn is_blank(values: &Values) -> bool {
    match values {
        Values::Text(texts) => texts.iter().all(Option::is_none),
        // Parquet's type of columns that hold nothing
        Values::Other(name) => name == "null",
        _ => false,
    }
}

/// What is wrong with a column of numbers that holds something else: the first text that is none, else its type.
fn no_number(file: &str, column: &TableColumn) -> BatchFault {
    let (file, name, expected) = (file.to_owned(), column.name.clone(), "a finite number");
    let text = match &column.values {
        Values::Text(texts) => {
            let other = |text: &str| !is_missing(text.trim()) && number_in(text).is_none();
            texts.iter().position(|text| text.as_deref().is_some_and(other))
        }
        _ => None,
    };
    match text {
        Some(row) => BatchFault::Cell { file, column: name, row, expected, found: column.values.show(row) },
        None => BatchFault::Type { file, column: name, expected, found: column.values.kind() },
    }
}

/// The table as columns one by one: the batch's key columns, then the numbers.
pub(super) struct Columns<'a> {
    features: &'a AddressFeatures,
    id: &'a BatchId,
    numbers: Vec<&'a NumberColumn>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(features: &'a AddressFeatures, id: &'a BatchId) -> Self {
        let numbers = features.columns.iter().filter(|c| !is_key_column(&c.name)).collect();
        Columns { features, id, numbers }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        3 + self.numbers.len()
    }

    /// What one of them is called.
    pub(super) fn name(&self, at: usize) -> &'a str {
        match at {
            0 => "window_days",
            1 => "processing_date",
            2 => ADDRESS.name,
            _ => &self.numbers[at - 3].name,
        }
    }

    /// Some rows of one of them.
    pub(super) fn given(&self, at: usize, rows: Range<usize>) -> Given<'a> {
        match at {
            0 => Values::Int(vec![Some(self.id.window_days.into()); rows.len()]).into(),
            1 => Values::Date(vec![Some(super::cell::days_of(self.id.processing_date)); rows.len()]).into(),
            2 => Given::Texts(rows.map(|row| self.features.addresses.name(row as u32)).collect()),
            _ => Given::Floats(&self.numbers[at - 3].values[rows]),
        }
    }
}

/// The official columns that models read or `derive` computes, in byte order: numbers all of them.
pub const NUMBER_COLUMNS: [&str; 194] = [
    "activity_days",
    "activity_span_days",
    "amount_kurtosis",
    "amount_predictability",
    "amount_skewness",
    "amount_variance",
    "avg_daily_volume_usd",
    "avg_edge_reciprocity",
    "avg_relationship_age_days",
    "avg_tx_in_usd",
    "avg_tx_out_usd",
    "bidirectional_relationship_ratio",
    "burst_factor",
    "busiest_day",
    "busiest_day_share",
    "chain_through",
    "closeness",
    "clustering_coefficient",
    "clustering_plain",
    "concentration_ratio",
    "consistency_score",
    "counterparty_concentration",
    "counterparty_overlap_ratio",
    "daily_entropy",
    "degree",
    "degree_in",
    "degree_out",
    "degree_total",
    "delta_activity_days",
    "delta_degree_in",
    "delta_degree_out",
    "delta_kcore",
    "delta_khop2_count",
    "delta_max_tx_usd",
    "delta_total_in_usd",
    "delta_total_out_usd",
    "delta_tx_in_count",
    "delta_tx_out_count",
    "dormancy_share",
    "edge_hourly_entropy",
    "edge_weekly_entropy",
    "equal_forward_delay",
    "equal_forward_share",
    "equal_forwarded_share",
    "first_activity_timestamp",
    "flow_asymmetry",
    "flow_burstiness",
    "flow_concentration",
    "flow_direction_entropy",
    "flow_diversity",
    "flow_reciprocity_entropy",
    "gap_cv",
    "gap_median",
    "gather_scatter_day",
    "growth_degree_total",
    "growth_total_volume_usd",
    "growth_tx_total_count",
    "hold_mean",
    "hold_min",
    "hourly_entropy",
    "hourly_transaction_entropy",
    "hourly_volume_variance",
    "in_amount_distinct_share",
    "in_amount_max",
    "in_amount_modal_share",
    "in_amount_near_share",
    "in_fan_day_share",
    "in_fan_week_cv",
    "in_out_ratio",
    "intraday_volume_ratio",
    "is_high_volume_trader",
    "is_hub_address",
    "is_retail_active",
    "is_retail_inactive",
    "is_whale_inactive",
    "isolation_flow",
    "isolation_graph",
    "isolation_time",
    "kcore",
    "khop1_count",
    "khop1_volume_usd",
    "khop2_count",
    "khop2_volume_usd",
    "khop3_count",
    "khop3_volume_usd",
    "last_activity_timestamp",
    "life_share",
    "max_relationship_age_days",
    "max_tx_usd",
    "median_tx_in_usd",
    "median_tx_out_usd",
    "min_tx_usd",
    "multi_asset_edge_ratio",
    "net_flow_usd",
    "new_since_previous",
    "night_transaction_ratio",
    "out_amount_cv",
    "out_amount_digits",
    "out_amount_gini",
    "out_amount_max",
    "out_amount_near_share",
    "out_fan_week_cv",
    "pagerank",
    "pagerank_plain",
    "pagerank_reverse",
    "passed_day_share",
    "passed_share",
    "passed_week_share",
    "peak_activity_day",
    "peak_activity_hour",
    "peak_balance_share",
    "peak_day",
    "peak_hour",
    "peak_volume_hour",
    "peel_through",
    "peer_degree_mean",
    "reach_behind_2",
    "recipients_busiest_day_share_max",
    "recipients_busiest_day_share_mean",
    "recipients_chain_through_mean",
    "recipients_clustering_plain_max",
    "recipients_dormancy_share_mean",
    "recipients_gap_cv_max",
    "recipients_gap_cv_mean",
    "recipients_in_amount_digits_max",
    "recipients_in_amount_digits_mean",
    "recipients_in_amount_distinct_share_max",
    "recipients_in_amount_distinct_share_mean",
    "recipients_in_amount_low_max",
    "recipients_life_share_mean",
    "recipients_out_amount_near_share_max",
    "recipients_own_inside_share_max",
    "recipients_own_inside_share_mean",
    "recipients_passed_day_share_max",
    "recipients_passed_day_share_mean",
    "recipients_scatter_gather_middle_mean",
    "recipients_shared_recipients_share_max",
    "recipients_start_share_max",
    "recipients_start_share_mean",
    "reciprocity_ratio",
    "regularity_score",
    "round_number_ratio",
    "scatter_gather_middle",
    "scatter_gather_sink",
    "scatter_gather_source",
    "senders_busiest_day_share_max",
    "senders_busiest_day_share_mean",
    "senders_dormancy_share_max",
    "senders_dormancy_share_mean",
    "senders_gap_cv_max",
    "senders_gap_cv_mean",
    "senders_hold_mean_max",
    "senders_hold_mean_mean",
    "senders_isolation_flow_max",
    "senders_isolation_flow_mean",
    "senders_life_share_mean",
    "senders_out_amount_cv_max",
    "senders_out_amount_digits_max",
    "senders_out_amount_digits_mean",
    "senders_out_amount_distinct_share_max",
    "senders_out_amount_distinct_share_mean",
    "senders_out_fan_day_max",
    "senders_own_inside_share_max",
    "senders_own_inside_share_mean",
    "senders_passed_day_share_max",
    "senders_passed_day_share_mean",
    "senders_shared_senders_share_max",
    "senders_start_share_max",
    "senders_start_share_mean",
    "senders_turn_order_max",
    "senders_turn_order_mean",
    "senders_unfunded_share_mean",
    "shared_recipients_most",
    "shared_recipients_share",
    "small_transaction_ratio",
    "structuring_score",
    "total_in_usd",
    "total_out_usd",
    "total_volume_usd",
    "transaction_regularity",
    "triangle_week",
    "tx_in_count",
    "tx_out_count",
    "tx_total_count",
    "unfunded_share",
    "unique_counterparties",
    "unique_recipients_count",
    "unique_senders_count",
    "unusual_timing_score",
    "velocity_score",
    "volume_concentration_score",
    "volume_cv",
    "volume_std",
    "weekend_transaction_ratio",
];

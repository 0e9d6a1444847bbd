//! Address family: the official columns of the address-features table, as they stand in the row, and quotients of them.
//!
//! Left out on purpose: columns made from labels (`risk_proximity_*`, `is_exchange_like`, `is_mixer_like`), columns that the
//! reference computes without a seed (`betweenness`, `community_id`, and `centrality_score` which contains the former), columns that are constant
//! in every batch seen (anomaly and quality scores, asset counts), and logarithms: a tree sees order alone, which they keep.

use super::view::AddressView;
use super::{Family, ModelFeature, Unit, ratio, smaller_over_larger};

/// An official column that models read.
#[derive(Clone, Copy, Debug)]
pub struct OfficialColumn {
    /// Its name in the address-features table.
    pub name: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// What it says.
    pub doc: &'static str,
}

const fn c(name: &'static str, unit: Unit, doc: &'static str) -> OfficialColumn {
    OfficialColumn { name, unit, doc }
}

/// The official columns that the registry reads, in its order.
pub const COLUMNS: [OfficialColumn; 63] = [
    c("degree_in", Unit::Count, "Distinct senders to the address."),
    c("degree_out", Unit::Count, "Distinct recipients of its money."),
    c("degree_total", Unit::Count, "Distinct counterparties, either direction."),
    c("tx_in_count", Unit::Count, "Transfers received."),
    c("tx_out_count", Unit::Count, "Transfers sent."),
    c("tx_total_count", Unit::Count, "Transfers in all."),
    c("total_in_usd", Unit::Usd, "US dollars received."),
    c("total_out_usd", Unit::Usd, "US dollars sent."),
    c("net_flow_usd", Unit::Usd, "Received minus sent."),
    c("total_volume_usd", Unit::Usd, "Received plus sent."),
    c("avg_tx_in_usd", Unit::Usd, "Mean US dollars per sender."),
    c("avg_tx_out_usd", Unit::Usd, "Mean US dollars per recipient."),
    c("median_tx_in_usd", Unit::Usd, "Median US dollars per sender."),
    c("median_tx_out_usd", Unit::Usd, "Median US dollars per recipient."),
    c("max_tx_usd", Unit::Usd, "Largest counterparty total."),
    c("min_tx_usd", Unit::Usd, "Smallest counterparty total."),
    c("amount_variance", Unit::Score, "Sample variance of native transfer amounts."),
    c("amount_skewness", Unit::Score, "Skewness of counterparty totals."),
    c("amount_kurtosis", Unit::Score, "Excess kurtosis of counterparty totals."),
    c("volume_cv", Unit::Ratio, "Coefficient of variation of native transfer amounts."),
    c("flow_concentration", Unit::Score, "1 minus Gini of pair amounts (1: all equal)."),
    c("flow_diversity", Unit::Share, "Normalised entropy of pair shares."),
    c("counterparty_concentration", Unit::Score, "1 minus Gini of counterparty totals."),
    c("concentration_ratio", Unit::Share, "Largest counterparty's share of volume."),
    c("reciprocity_ratio", Unit::Ratio, "Share of volume with two-way counterparties."),
    c("velocity_score", Unit::Score, "Transfers per 100, at most 1."),
    c("structuring_score", Unit::Score, "Share of small transfers, raised when it is above half."),
    c("pagerank", Unit::Score, "PageRank, edges weighted by US dollars."),
    c("closeness", Unit::Score, "Closeness with US dollars as distance."),
    c("clustering_coefficient", Unit::Score, "Weighted clustering of the undirected graph."),
    c("kcore", Unit::Count, "Core number in the undirected graph."),
    c("khop1_count", Unit::Count, "Addresses reachable in 1 hop."),
    c("khop2_count", Unit::Count, "Addresses reachable in 2 hops."),
    c("khop3_count", Unit::Count, "Addresses reachable in 3 hops."),
    c("khop1_volume_usd", Unit::Usd, "Volume of addresses within 1 hop."),
    c("khop2_volume_usd", Unit::Usd, "Volume of addresses within 2 hops."),
    c("khop3_volume_usd", Unit::Usd, "Volume of addresses within 3 hops."),
    c("in_out_ratio", Unit::Share, "Received share of volume."),
    c("flow_asymmetry", Unit::Share, "|received - sent| / volume."),
    c("flow_direction_entropy", Unit::Bits, "Entropy of the in and out pair counts."),
    c("counterparty_overlap_ratio", Unit::Share, "Counterparties that both send and receive, of all."),
    c("activity_days", Unit::Days, "Distinct UTC dates with a transfer."),
    c("activity_span_days", Unit::Days, "First to last transfer."),
    c("avg_daily_volume_usd", Unit::Score, "Native units moved per active day, despite its official name."),
    c("regularity_score", Unit::Share, "1 minus normalised entropy of hours of day."),
    c("burst_factor", Unit::Ratio, "Busiest hour of day over the mean hour."),
    c("hourly_entropy", Unit::Bits, "Entropy of hours of day."),
    c("daily_entropy", Unit::Bits, "Entropy of weekdays."),
    c("weekend_transaction_ratio", Unit::Share, "Transfers on Saturday or Sunday."),
    c("night_transaction_ratio", Unit::Share, "Transfers from 0:00 to 5:59 UTC."),
    c("unusual_timing_score", Unit::Share, "Transfers at night or on a weekend."),
    c("round_number_ratio", Unit::Share, "Transfers of a whole multiple of 100 native units."),
    c("hourly_volume_variance", Unit::Score, "Variance of non-zero hourly native volumes."),
    c("intraday_volume_ratio", Unit::Ratio, "Busiest hour's native volume over the mean hour's."),
    c("volume_concentration_score", Unit::Score, "1 minus Gini of non-zero hourly volumes."),
    c("flow_reciprocity_entropy", Unit::Bits, "Entropy of the two-way share of volume."),
    c("flow_burstiness", Unit::Share, "Burstiness of the gaps between transfers."),
    c("amount_predictability", Unit::Share, "1 minus coefficient of variation of counterparty totals."),
    c("avg_relationship_age_days", Unit::Days, "Mean span of its pairs."),
    c("max_relationship_age_days", Unit::Days, "Longest span of its pairs."),
    c("bidirectional_relationship_ratio", Unit::Share, "Pairs with money both ways."),
    c("avg_edge_reciprocity", Unit::Share, "Mean reciprocity of its pairs."),
    c("edge_hourly_entropy", Unit::Bits, "Entropy of its pairs' summed hourly pattern."),
];

/// The family in its order.
pub(super) fn features() -> Vec<ModelFeature> {
    let columns = COLUMNS.iter().enumerate().map(|(place, column)| ModelFeature::column(place, column));
    columns.chain(QUOTIENTS.iter().cloned()).collect()
}

/// The columns that the family reads, by their places.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|column| column.name)
}

const fn quotient(
    name: &'static str,
    unit: Unit,
    doc: &'static str,
    read: fn(&AddressView<'_>) -> f64,
) -> ModelFeature {
    ModelFeature::address(Family::Address, name, unit, doc, read)
}

static QUOTIENTS: [ModelFeature; 10] = [
    quotient(
        "pass_through_ratio",
        Unit::Share,
        "Smaller of received and sent US dollars over the larger.",
        |a| smaller_over_larger(a.column(IN_USD), a.column(OUT_USD)),
    ),
    quotient(
        "fan_balance",
        Unit::Ratio,
        "(senders - recipients) / (senders + recipients): 1 collects, -1 spreads.",
        |a| {
            let (inward, outward) = (a.column(DEGREE_IN), a.column(DEGREE_OUT));
            ratio(inward - outward, inward + outward)
        },
    ),
    quotient("tx_per_counterparty", Unit::Ratio, "Transfers per distinct counterparty.", |a| {
        ratio(a.column(TX_TOTAL), a.column(DEGREE_TOTAL))
    }),
    quotient("usd_per_tx_in", Unit::Usd, "US dollars per transfer received.", |a| {
        ratio(a.column(IN_USD), a.column(TX_IN))
    }),
    quotient("usd_per_tx_out", Unit::Usd, "US dollars per transfer sent.", |a| {
        ratio(a.column(OUT_USD), a.column(TX_OUT))
    }),
    quotient(
        "tx_size_out_over_in",
        Unit::Ratio,
        "US dollars per transfer sent, over the same received.",
        |a| {
            let sent = ratio(a.column(OUT_USD), a.column(TX_OUT));
            ratio(sent, ratio(a.column(IN_USD), a.column(TX_IN)))
        },
    ),
    quotient(
        "max_over_median_in",
        Unit::Ratio,
        "Largest counterparty total over the median sender's.",
        |a| ratio(a.column(MAX_TX), a.column(MEDIAN_IN)),
    ),
    quotient("tx_per_active_day", Unit::Ratio, "Transfers per active day.", |a| {
        ratio(a.column(TX_TOTAL), a.column(ACTIVITY_DAYS))
    }),
    quotient(
        "active_day_share",
        Unit::Share,
        "Active days over the days from first to last transfer.",
        |a| ratio(a.column(ACTIVITY_DAYS), a.column(SPAN_DAYS) + 1.0),
    ),
    quotient("khop2_over_khop1", Unit::Ratio, "Addresses within 2 hops per direct recipient.", |a| {
        ratio(a.column(KHOP2), a.column(KHOP1))
    }),
];

const IN_USD: usize = place("total_in_usd");
const OUT_USD: usize = place("total_out_usd");
const DEGREE_IN: usize = place("degree_in");
const DEGREE_OUT: usize = place("degree_out");
const DEGREE_TOTAL: usize = place("degree_total");
const TX_IN: usize = place("tx_in_count");
const TX_OUT: usize = place("tx_out_count");
const TX_TOTAL: usize = place("tx_total_count");
const MAX_TX: usize = place("max_tx_usd");
const MEDIAN_IN: usize = place("median_tx_in_usd");
const ACTIVITY_DAYS: usize = place("activity_days");
const SPAN_DAYS: usize = place("activity_span_days");
const KHOP1: usize = place("khop1_count");
const KHOP2: usize = place("khop2_count");

/// Where a column stands in [`COLUMNS`]; a name that does not exist fails the build.
#[allow(clippy::panic, reason = "runs at compile time only: a wrong name is a build error")]
const fn place(name: &str) -> usize {
    let mut at = 0;
    while at < COLUMNS.len() {
        if same(COLUMNS[at].name.as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("a column of the list");
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

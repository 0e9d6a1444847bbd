//! Graph family: how single transfers, their order, an address's surroundings and its counterparties look, as `derive` writes it
//! behind the official columns where a batch has transfers; absent elsewhere. Models read it where their training was told to.
//!
//! Chosen by what trees gained from them on economies of both kinds (the simulator's default shapes, all shapes). Left out: what
//! depends on the size of the batch more than on what the address does (its part and community, how many reach it), sampled
//! betweenness, what counterparties' counterparties are like, and columns that hardly any tree asks for.

use super::{ModelFeature, Unit, address, change};

/// A column that models read: name, unit, formula.
type GraphColumn = (&'static str, Unit, &'static str);

/// The family in its order; its columns stand behind those of changes wherever columns are counted.
pub(super) fn features() -> Vec<ModelFeature> {
    let first = address::COLUMNS.len() + change::names().count();
    let feature = |(place, &(name, unit, formula))| ModelFeature::graph(place, name, unit, formula);
    (first..).zip(COLUMNS).map(feature).collect()
}

/// The columns that the family reads.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|column| column.0)
}

/// Each as the registry of address columns describes it.
pub const COLUMNS: &[GraphColumn] = &[
    ("in_amount_max", Unit::Usd, "largest transfer received; 0 for none"),
    (
        "in_amount_distinct_share",
        Unit::Ratio,
        "different amounts / transfers received, as typed (native units)",
    ),
    (
        "in_amount_modal_share",
        Unit::Ratio,
        "transfers of the most frequent amount / transfers received, as typed",
    ),
    ("in_amount_near_share", Unit::Ratio, "transfers within 1 % of another one / transfers received"),
    ("out_amount_max", Unit::Usd, "largest transfer sent; 0 for none"),
    ("out_amount_gini", Unit::Ratio, "Gini coefficient of transfers sent: 0 when all are equal"),
    ("out_amount_cv", Unit::Ratio, "standard deviation / mean of transfers sent"),
    ("out_amount_near_share", Unit::Ratio, "transfers within 1 % of another one / transfers sent"),
    ("out_amount_digits", Unit::Count, "mean significant digits of transfers sent, as typed"),
    ("life_share", Unit::Ratio, "(last - first transfer) / window"),
    ("dormancy_share", Unit::Ratio, "longest pause between two transfers / window"),
    ("busiest_day", Unit::Count, "most transfers within 24 hours"),
    ("busiest_day_share", Unit::Ratio, "busiest_day / transfers"),
    ("gap_median", Unit::Hours, "median pause between transfers; 0 for fewer than 2"),
    ("gap_cv", Unit::Ratio, "standard deviation / mean of the pauses"),
    ("in_fan_day_share", Unit::Ratio, "fan_day / distinct counterparties of transfers received"),
    (
        "in_fan_week_cv",
        Unit::Ratio,
        "standard deviation / mean of the amounts received in the (first) week of fan_week",
    ),
    (
        "out_fan_week_cv",
        Unit::Ratio,
        "standard deviation / mean of the amounts sent in the (first) week of fan_week",
    ),
    (
        "gather_scatter_day",
        Unit::Count,
        "largest over transfers sent of min(senders within the 24 hours before it, recipients within the 24 from it on)",
    ),
    (
        "passed_share",
        Unit::Ratio,
        "value that left again / value received; what is received first leaves first (so for all columns of this family)",
    ),
    ("passed_day_share", Unit::Ratio, "value that left within 24 hours / value received"),
    ("passed_week_share", Unit::Ratio, "value that left within 7 days / value received"),
    ("unfunded_share", Unit::Ratio, "value sent beyond what had been received before / value sent"),
    ("hold_mean", Unit::Score, "mean of ln(1 + hours held) over the value that left"),
    ("hold_min", Unit::Hours, "shortest time that any value was held; the window where none left"),
    ("peak_balance_share", Unit::Ratio, "largest value held at a time / value received"),
    (
        "equal_forward_share",
        Unit::Ratio,
        "transfers sent of 90 % to 100 % of one received within the 7 days before / transfers sent",
    ),
    ("equal_forwarded_share", Unit::Ratio, "transfers received of which that holds / transfers received"),
    (
        "equal_forward_delay",
        Unit::Hours,
        "shortest time from such a received transfer to the one sent; 168 for none",
    ),
    (
        "triangle_week",
        Unit::Count,
        "transfers sent that start a round of three: each hop no earlier than the one before, all within 7 days; of each address's transfers in that time the first 50",
    ),
    (
        "scatter_gather_source",
        Unit::Count,
        "most addresses through which it pays one other in two payments (in all columns of this family shared addresses have at most 50 senders and 50 recipients)",
    ),
    ("scatter_gather_sink", Unit::Count, "most addresses through which one other pays it in two payments"),
    (
        "scatter_gather_middle",
        Unit::Count,
        "most addresses that stand between the same payer and payee as it does, with itself",
    ),
    ("shared_recipients_most", Unit::Count, "most recipients it has in common with one other address"),
    (
        "shared_recipients_share",
        Unit::Ratio,
        "largest over other senders of common recipients / recipients of either",
    ),
    ("chain_through", Unit::Count, "longest such chain with a transfer of this address"),
    ("peel_through", Unit::Count, "longest such chain with a transfer of this address"),
    ("reach_behind_2", Unit::Count, "by at most 2 transfers"),
    (
        "clustering_plain",
        Unit::Ratio,
        "pairs of its counterparties that deal with each other / pairs; of more than 100 the first 100",
    ),
    ("peer_degree_mean", Unit::Score, "mean over counterparties of ln(1 + their counterparties)"),
    (
        "pagerank_plain",
        Unit::Ratio,
        "PageRank of payments, every pair alike, damping 0.85, times the number of addresses",
    ),
    ("pagerank_reverse", Unit::Ratio, "the same against the direction of payments: where money comes from"),
    (
        "isolation_flow",
        Unit::Score,
        "isolation forest (100 seeded trees of 256 addresses) over amounts, passage and fans, sizes as ln(1 + x)",
    ),
    ("isolation_time", Unit::Score, "the same over rhythm and motifs"),
    ("isolation_graph", Unit::Score, "the same over shapes, paths and position"),
    ("senders_start_share_mean", Unit::Ratio, "mean of `start_share` over its senders; 0 for none"),
    ("senders_start_share_max", Unit::Ratio, "max of `start_share` over its senders; 0 for none"),
    ("senders_life_share_mean", Unit::Ratio, "mean of `life_share` over its senders; 0 for none"),
    (
        "senders_out_amount_digits_mean",
        Unit::Count,
        "mean of `out_amount_digits` over its senders; 0 for none",
    ),
    ("senders_out_amount_digits_max", Unit::Count, "max of `out_amount_digits` over its senders; 0 for none"),
    ("senders_out_fan_day_max", Unit::Count, "max of `out_fan_day` over its senders; 0 for none"),
    ("senders_passed_day_share_mean", Unit::Ratio, "mean of `passed_day_share` over its senders; 0 for none"),
    ("senders_passed_day_share_max", Unit::Ratio, "max of `passed_day_share` over its senders; 0 for none"),
    ("senders_turn_order_mean", Unit::Ratio, "mean of `turn_order` over its senders; 0 for none"),
    ("senders_turn_order_max", Unit::Ratio, "max of `turn_order` over its senders; 0 for none"),
    ("senders_isolation_flow_mean", Unit::Score, "mean of `isolation_flow` over its senders; 0 for none"),
    ("senders_isolation_flow_max", Unit::Score, "max of `isolation_flow` over its senders; 0 for none"),
    ("recipients_start_share_mean", Unit::Ratio, "mean of `start_share` over its recipients; 0 for none"),
    ("recipients_start_share_max", Unit::Ratio, "max of `start_share` over its recipients; 0 for none"),
    ("recipients_life_share_mean", Unit::Ratio, "mean of `life_share` over its recipients; 0 for none"),
    (
        "recipients_in_amount_digits_mean",
        Unit::Count,
        "mean of `in_amount_digits` over its recipients; 0 for none",
    ),
    (
        "recipients_in_amount_digits_max",
        Unit::Count,
        "max of `in_amount_digits` over its recipients; 0 for none",
    ),
    ("recipients_in_amount_low_max", Unit::Ratio, "max of `in_amount_low` over its recipients; 0 for none"),
    (
        "recipients_out_amount_near_share_max",
        Unit::Ratio,
        "max of `out_amount_near_share` over its recipients; 0 for none",
    ),
    (
        "recipients_passed_day_share_mean",
        Unit::Ratio,
        "mean of `passed_day_share` over its recipients; 0 for none",
    ),
    (
        "recipients_passed_day_share_max",
        Unit::Ratio,
        "max of `passed_day_share` over its recipients; 0 for none",
    ),
    ("recipients_chain_through_mean", Unit::Count, "mean of `chain_through` over its recipients; 0 for none"),
    (
        "senders_shared_senders_share_max",
        Unit::Ratio,
        "max of `shared_senders_share` over its senders; 0 for none",
    ),
    ("senders_out_amount_cv_max", Unit::Ratio, "max of `out_amount_cv` over its senders; 0 for none"),
    (
        "senders_out_amount_distinct_share_mean",
        Unit::Ratio,
        "mean of `out_amount_distinct_share` over its senders; 0 for none",
    ),
    (
        "senders_out_amount_distinct_share_max",
        Unit::Ratio,
        "max of `out_amount_distinct_share` over its senders; 0 for none",
    ),
    ("senders_hold_mean_mean", Unit::Score, "mean of `hold_mean` over its senders; 0 for none"),
    ("senders_hold_mean_max", Unit::Score, "max of `hold_mean` over its senders; 0 for none"),
    ("senders_unfunded_share_mean", Unit::Ratio, "mean of `unfunded_share` over its senders; 0 for none"),
    (
        "senders_busiest_day_share_mean",
        Unit::Ratio,
        "mean of `busiest_day_share` over its senders; 0 for none",
    ),
    ("senders_busiest_day_share_max", Unit::Ratio, "max of `busiest_day_share` over its senders; 0 for none"),
    ("senders_gap_cv_mean", Unit::Ratio, "mean of `gap_cv` over its senders; 0 for none"),
    ("senders_gap_cv_max", Unit::Ratio, "max of `gap_cv` over its senders; 0 for none"),
    ("senders_dormancy_share_mean", Unit::Ratio, "mean of `dormancy_share` over its senders; 0 for none"),
    ("senders_dormancy_share_max", Unit::Ratio, "max of `dormancy_share` over its senders; 0 for none"),
    ("senders_own_inside_share_mean", Unit::Ratio, "mean of `own_inside_share` over its senders; 0 for none"),
    ("senders_own_inside_share_max", Unit::Ratio, "max of `own_inside_share` over its senders; 0 for none"),
    (
        "recipients_clustering_plain_max",
        Unit::Ratio,
        "max of `clustering_plain` over its recipients; 0 for none",
    ),
    (
        "recipients_scatter_gather_middle_mean",
        Unit::Count,
        "mean of `scatter_gather_middle` over its recipients; 0 for none",
    ),
    (
        "recipients_shared_recipients_share_max",
        Unit::Ratio,
        "max of `shared_recipients_share` over its recipients; 0 for none",
    ),
    (
        "recipients_in_amount_distinct_share_mean",
        Unit::Ratio,
        "mean of `in_amount_distinct_share` over its recipients; 0 for none",
    ),
    (
        "recipients_in_amount_distinct_share_max",
        Unit::Ratio,
        "max of `in_amount_distinct_share` over its recipients; 0 for none",
    ),
    (
        "recipients_busiest_day_share_mean",
        Unit::Ratio,
        "mean of `busiest_day_share` over its recipients; 0 for none",
    ),
    (
        "recipients_busiest_day_share_max",
        Unit::Ratio,
        "max of `busiest_day_share` over its recipients; 0 for none",
    ),
    ("recipients_gap_cv_mean", Unit::Ratio, "mean of `gap_cv` over its recipients; 0 for none"),
    ("recipients_gap_cv_max", Unit::Ratio, "max of `gap_cv` over its recipients; 0 for none"),
    (
        "recipients_dormancy_share_mean",
        Unit::Ratio,
        "mean of `dormancy_share` over its recipients; 0 for none",
    ),
    (
        "recipients_own_inside_share_mean",
        Unit::Ratio,
        "mean of `own_inside_share` over its recipients; 0 for none",
    ),
    (
        "recipients_own_inside_share_max",
        Unit::Ratio,
        "max of `own_inside_share` over its recipients; 0 for none",
    ),
];

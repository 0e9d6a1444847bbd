//! Graph family: how single transfers, their order and an address's surroundings look, as `derive` writes it behind the official
//! columns where a batch has transfers; absent elsewhere. Models read it where their training was told to.
//!
//! Left out: what depends on the size of the batch more than on what the address does (its part and community), sampled betweenness, and columns that hardly differ from one that is here.

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
    ("in_amount_gini", Unit::Ratio, "Gini coefficient of transfers received: 0 when all are equal"),
    ("in_amount_cv", Unit::Ratio, "standard deviation / mean of transfers received"),
    ("in_amount_low", Unit::Ratio, "smallest / median transfer received"),
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
    ("in_amount_digits", Unit::Count, "mean significant digits of transfers received, as typed"),
    (
        "in_under_limit_share",
        Unit::Ratio,
        "transfers of 80 % up to 100 % of 10,000, 50,000 or 100,000 / transfers received",
    ),
    (
        "in_under_power_share",
        Unit::Ratio,
        "transfers whose typed amount begins with a 9 / transfers received",
    ),
    ("out_amount_max", Unit::Usd, "largest transfer sent; 0 for none"),
    ("out_amount_gini", Unit::Ratio, "Gini coefficient of transfers sent: 0 when all are equal"),
    ("out_amount_cv", Unit::Ratio, "standard deviation / mean of transfers sent"),
    ("out_amount_low", Unit::Ratio, "smallest / median transfer sent"),
    ("out_amount_distinct_share", Unit::Ratio, "different amounts / transfers sent, as typed (native units)"),
    (
        "out_amount_modal_share",
        Unit::Ratio,
        "transfers of the most frequent amount / transfers sent, as typed",
    ),
    ("out_amount_near_share", Unit::Ratio, "transfers within 1 % of another one / transfers sent"),
    ("out_amount_digits", Unit::Count, "mean significant digits of transfers sent, as typed"),
    (
        "out_under_limit_share",
        Unit::Ratio,
        "transfers of 80 % up to 100 % of 10,000, 50,000 or 100,000 / transfers sent",
    ),
    ("out_under_power_share", Unit::Ratio, "transfers whose typed amount begins with a 9 / transfers sent"),
    ("start_share", Unit::Ratio, "(first transfer - start of the window) / window: near 0 for old addresses"),
    ("end_share", Unit::Ratio, "(last transfer - start of the window) / window"),
    ("life_share", Unit::Ratio, "(last - first transfer) / window"),
    ("dormancy_share", Unit::Ratio, "longest pause between two transfers / window"),
    ("after_dormancy_share", Unit::Ratio, "transfers after the longest (the first such) pause / transfers"),
    ("busiest_hour", Unit::Count, "most transfers within an hour"),
    ("busiest_day", Unit::Count, "most transfers within 24 hours"),
    ("busiest_day_share", Unit::Ratio, "busiest_day / transfers"),
    ("gap_median", Unit::Hours, "median pause between transfers; 0 for fewer than 2"),
    ("gap_cv", Unit::Ratio, "standard deviation / mean of the pauses"),
    ("gap_even_share", Unit::Ratio, "pauses within 10 % of the median / pauses"),
    ("in_pair_day", Unit::Count, "most transfers received from one sender within 24 hours"),
    ("out_pair_day", Unit::Count, "most transfers sent to one recipient within 24 hours"),
    ("first_out_delay", Unit::Hours, "first transfer sent - first received; 0 without both"),
    (
        "turn_order",
        Unit::Ratio,
        "share of (received, sent) pairs in which receiving came first; 0.5 without both",
    ),
    ("in_before_out_share", Unit::Ratio, "value received before the first transfer sent / value received"),
    ("in_fan_hour", Unit::Count, "most distinct counterparties of transfers received within an hour"),
    ("in_fan_day", Unit::Count, "most distinct counterparties of transfers received within 24 hours"),
    ("in_fan_week", Unit::Count, "most distinct counterparties of transfers received within 7 days"),
    ("in_fan_day_share", Unit::Ratio, "fan_day / distinct counterparties of transfers received"),
    (
        "in_fan_week_cv",
        Unit::Ratio,
        "standard deviation / mean of the amounts received in the (first) week of fan_week",
    ),
    ("out_fan_hour", Unit::Count, "most distinct counterparties of transfers sent within an hour"),
    ("out_fan_day", Unit::Count, "most distinct counterparties of transfers sent within 24 hours"),
    ("out_fan_week", Unit::Count, "most distinct counterparties of transfers sent within 7 days"),
    ("out_fan_day_share", Unit::Ratio, "fan_day / distinct counterparties of transfers sent"),
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
    ("gather_scatter_week", Unit::Count, "the same with 7 days"),
    (
        "passed_share",
        Unit::Ratio,
        "value that left again / value received; what is received first leaves first (so for all columns of this family)",
    ),
    ("passed_hour_share", Unit::Ratio, "value that left within an hour / value received"),
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
        "return_share",
        Unit::Ratio,
        "transfers sent that their recipient answers within 24 hours / transfers sent",
    ),
    ("return_equal_share", Unit::Ratio, "those answered with 90 % to 110 % of the amount / transfers sent"),
    (
        "quick_in_out_share",
        Unit::Ratio,
        "transfers received that a transfer sent follows within an hour / transfers received",
    ),
    (
        "quick_out_out_share",
        Unit::Ratio,
        "transfers sent that one to somebody else follows within an hour / transfers sent",
    ),
    (
        "quick_in_in_share",
        Unit::Ratio,
        "transfers received that one from somebody else follows within an hour / received",
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
    ("shared_recipients_peers", Unit::Count, "addresses with which it has 2 or more recipients in common"),
    ("shared_senders_most", Unit::Count, "most senders it has in common with one other address"),
    (
        "shared_senders_share",
        Unit::Ratio,
        "largest over other recipients of common senders / senders of either",
    ),
    ("shared_senders_peers", Unit::Count, "addresses with which it has 2 or more senders in common"),
    (
        "stack_overlap",
        Unit::Count,
        "min(shared_senders_most, shared_recipients_most): a middle layer of a stack",
    ),
    ("chain_through", Unit::Count, "longest such chain with a transfer of this address"),
    ("peel_through", Unit::Count, "longest such chain with a transfer of this address"),
    ("reach_ahead_2", Unit::Count, "by at most 2 transfers"),
    ("reach_ahead_3", Unit::Count, "by at most 3 transfers"),
    ("reach_behind_2", Unit::Count, "by at most 2 transfers"),
    ("reach_behind_3", Unit::Count, "by at most 3 transfers"),
    (
        "loop_hops",
        Unit::Count,
        "fewest transfers, 3 to 6, of a loop it is part of: each hop within 30 days after the one before; 7 for none (searched from each transfer over at most 300 others)",
    ),
    (
        "loop_count",
        Unit::Count,
        "transfers that start such a loop of which it is part, the shortest loop of each",
    ),
    (
        "even_loop_hops",
        Unit::Count,
        "fewest transfers of a loop whose hops carry 50 % to 102 % of the one before; 7 for none",
    ),
    ("even_loop_count", Unit::Count, "transfers that start a loop of that kind of which it is part"),
    ("own_inside_share", Unit::Ratio, "its counterparties in its community / counterparties"),
    (
        "clustering_plain",
        Unit::Ratio,
        "pairs of its counterparties that deal with each other / pairs; of more than 100 the first 100",
    ),
    ("peer_degree_mean", Unit::Score, "mean over counterparties of ln(1 + their counterparties)"),
    (
        "harmonic_closeness",
        Unit::Count,
        "sum of 1/hops over the addresses that reach it by 1 to 3 payments, at most 2,000",
    ),
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
];

//! The registry of address-feature columns, in the order of the official file.

use super::account::{Account, Events, Rhythm, count};
use super::stats::{argmax, central_moment, entropy, equality, mean, median, ratio, variance_of_sums};
use crate::determinism::math;

/// One column: what it is called, what it means, and how to compute it.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The official name.
    pub name: &'static str,
    /// `count`, `usd`, `native`, `ratio`, `bits`, `ms` ...
    pub unit: &'static str,
    /// In words and symbols.
    pub formula: &'static str,
    /// The value; NaN where the batch cannot tell.
    pub value: fn(&Account<'_>) -> f64,
}

/// All columns.
pub fn columns() -> Vec<Column> {
    [COUNTS, VOLUMES, DISTRIBUTION, POSITION, DIRECTION, TIME, BEHAVIOUR, CLASSES].concat()
}

/// A registry line.
const fn column(
    name: &'static str,
    unit: &'static str,
    formula: &'static str,
    value: fn(&Account<'_>) -> f64,
) -> Column {
    Column { name, unit, formula, value }
}

const COUNTS: &[Column] = &[
    column("degree_in", "count", "distinct senders", |a| a.senders as f64),
    column("degree_out", "count", "distinct recipients", |a| a.recipients as f64),
    column("degree_total", "count", "distinct senders or recipients", |a| a.counterparties.len() as f64),
    column("unique_counterparties", "count", "= degree_total", |a| a.counterparties.len() as f64),
    column("tx_in_count", "count", "transfers received", |a| count(&a.inflows)),
    column("tx_out_count", "count", "transfers sent", |a| count(&a.outflows)),
    column("tx_total_count", "count", "tx_in_count + tx_out_count; one to oneself counts twice", |a| {
        a.transfers()
    }),
    column("unique_recipients_count", "count", "= degree_out", |a| a.recipients as f64),
    column("unique_senders_count", "count", "= degree_in", |a| a.senders as f64),
];

const VOLUMES: &[Column] = &[
    column("total_in_usd", "usd", "sum of dollars received", |a| a.total_in()),
    column("total_out_usd", "usd", "sum of dollars sent", |a| a.total_out()),
    column("net_flow_usd", "usd", "total_in_usd - total_out_usd", |a| a.total_in() - a.total_out()),
    column("total_volume_usd", "usd", "total_in_usd + total_out_usd", |a| a.total()),
    column("avg_tx_in_usd", "usd", "total_in_usd / sending pairs (not transfers, despite the name)", |a| {
        a.total_in() / a.inflows.len().max(1) as f64
    }),
    column("avg_tx_out_usd", "usd", "total_out_usd / receiving pairs (not transfers)", |a| {
        a.total_out() / a.outflows.len().max(1) as f64
    }),
    column("median_tx_in_usd", "usd", "median over sending pairs' dollars; 0 for none", |a| {
        median(&a.pairs[..a.inflows.len()])
    }),
    column("median_tx_out_usd", "usd", "median over receiving pairs' dollars; 0 for none", |a| {
        median(&a.pairs[a.inflows.len()..])
    }),
    column("max_tx_usd", "usd", "largest pair", |a| a.pairs.iter().copied().fold(0.0, f64::max)),
    column("min_tx_usd", "usd", "smallest pair", |a| a.pairs.iter().copied().fold(f64::INFINITY, f64::min)),
];

const DISTRIBUTION: &[Column] = &[
    column(
        "amount_variance",
        "native^2",
        "sample variance of single transfers' native amounts > 0, from sums",
        |a| from_events(a, |e| variance_of_sums(&e.positive())),
    ),
    column("amount_skewness", "ratio", "m3 / m2^1.5 over pairs' dollars; 0 for fewer than 3", |a| {
        standardised(&a.pairs, 3)
    }),
    column("amount_kurtosis", "ratio", "m4 / m2^2 - 3 over pairs' dollars; 0 for fewer than 4", |a| {
        standardised(&a.pairs, 4)
    }),
    column("volume_std", "native", "sqrt(amount_variance)", |a| {
        from_events(a, |e| variance_of_sums(&e.positive()).sqrt())
    }),
    column("volume_cv", "ratio", "volume_std / max(mean native amount, 1)", |a| {
        from_events(a, |e| variance_of_sums(&e.positive()).sqrt() / mean(&e.positive()).max(1.0))
    }),
    column(
        "flow_concentration",
        "ratio",
        "1 - Gini over pairs' dollars (1 = all equal, despite the name)",
        |a| equality(&a.pairs),
    ),
    column("flow_diversity", "ratio", "entropy of pairs' dollars / log2(pairs > 0)", |a| {
        let positive = a.pairs.iter().filter(|&&x| x > 0.0).count();
        if positive > 1 { entropy(&a.pairs) / math::log2(positive as f64) } else { 0.0 }
    }),
    column("counterparty_concentration", "ratio", "1 - Gini over dollars per counterparty", |a| {
        equality(&a.counterparties)
    }),
    column("concentration_ratio", "ratio", "largest counterparty's dollars / total_volume_usd", |a| {
        ratio(a.counterparties.iter().copied().fold(0.0, f64::max), a.total(), 0.0)
    }),
    column(
        "reciprocity_ratio",
        "ratio",
        "native volume with mutual counterparties / max(native volume, 1)",
        |a| a.native_mutual.min(a.native) / a.native.max(1.0),
    ),
    column("velocity_score", "ratio", "min(tx_total_count / 100, 1)", |a| (a.transfers() / 100.0).min(1.0)),
];

const POSITION: &[Column] = &[
    column("pagerank", "probability", "PageRank, damping 0.85, weighted by dollars", |a| {
        a.measures.pagerank[a.id]
    }),
    column(
        "clustering_coefficient",
        "ratio",
        "undirected clustering, geometric mean of weights / largest",
        |a| a.measures.clustering[a.id],
    ),
    column("kcore", "count", "core number of the undirected graph", |a| a.measures.kcore[a.id]),
    column("degree", "count", "sending pairs + receiving pairs", |a| a.pairs.len() as f64),
    column("khop1_count", "count", "addresses within 1 payment", |a| a.measures.reach[a.id][0]),
    column("khop2_count", "count", "addresses within 2 payments", |a| a.measures.reach[a.id][1]),
    column("khop3_count", "count", "addresses within 3 payments", |a| a.measures.reach[a.id][2]),
    column("khop1_volume_usd", "usd", "total volume of addresses within 1 payment", |a| {
        a.measures.reach_volume[a.id][0]
    }),
    column("khop2_volume_usd", "usd", "total volume of addresses within 2 payments", |a| {
        a.measures.reach_volume[a.id][1]
    }),
    column("khop3_volume_usd", "usd", "total volume of addresses within 3 payments", |a| {
        a.measures.reach_volume[a.id][2]
    }),
];

const DIRECTION: &[Column] = &[
    column("in_out_ratio", "ratio", "total_in_usd / total_volume_usd; 0.5 without volume", |a| {
        ratio(a.total_in(), a.total(), 0.5)
    }),
    column("flow_asymmetry", "ratio", "|net_flow_usd| / total_volume_usd", |a| {
        ratio((a.total_in() - a.total_out()).abs(), a.total(), 0.0)
    }),
    column("flow_direction_entropy", "bits", "entropy of the numbers of sending and receiving pairs", |a| {
        entropy(&[a.inflows.len() as f64, a.outflows.len() as f64])
    }),
    column("counterparty_overlap_ratio", "ratio", "mutual counterparties / degree_total", |a| {
        ratio(a.mutual as f64, a.counterparties.len() as f64, 0.0)
    }),
];

const TIME: &[Column] = &[
    column("activity_days", "days", "distinct UTC dates with a transfer", |a| {
        from_events(a, |e| e.days as f64)
    }),
    column("activity_span_days", "days", "max(1, whole days between first and last transfer)", |a| {
        ((last_seen(a) - first_seen(a)) / 86_400_000.0).floor().max(1.0)
    }),
    column(
        "avg_daily_volume_usd",
        "native",
        "native volume / activity_days (native units, despite the name)",
        |a| from_events(a, |e| ratio(e.amounts.iter().sum(), e.days as f64, 0.0)),
    ),
    column("peak_hour", "hour", "busiest UTC hour, the earliest among equals", |a| {
        from_rhythm(a, |r| argmax(&r.hours) as f64)
    }),
    column("peak_day", "weekday", "busiest weekday, Monday 0", |a| {
        from_rhythm(a, |r| argmax(&r.weekdays) as f64)
    }),
    column("regularity_score", "ratio", "1 - hourly_entropy / log2(24)", |a| from_rhythm(a, regularity)),
    column("burst_factor", "ratio", "busiest hour of day / (transfers / 24); 1 to 24", |a| {
        from_rhythm(a, |r| ratio(r.hours[argmax(&r.hours)], r.hours.iter().sum::<f64>() / 24.0, 0.0))
    }),
    column("hourly_entropy", "bits", "entropy of transfers by UTC hour", |a| {
        from_rhythm(a, |r| entropy(&r.hours))
    }),
    column("daily_entropy", "bits", "entropy of transfers by weekday", |a| {
        from_rhythm(a, |r| entropy(&r.weekdays))
    }),
    column("weekend_transaction_ratio", "ratio", "transfers on Saturday or Sunday / transfers", |a| {
        from_events(a, |e| e.share(e.weekends))
    }),
    column("night_transaction_ratio", "ratio", "transfers before 06:00 UTC / transfers", |a| {
        from_events(a, |e| e.share(e.nights))
    }),
    column("consistency_score", "ratio", "regularity_score^2", |a| {
        from_rhythm(a, |r| regularity(r) * regularity(r))
    }),
    column("first_activity_timestamp", "ms", "first transfer", first_seen),
    column("last_activity_timestamp", "ms", "last transfer", last_seen),
];

const BEHAVIOUR: &[Column] = &[
    column(
        "round_number_ratio",
        "ratio",
        "transfers of >= 100 native whose whole part divides by 100 / transfers",
        |a| {
            let round = |x: f64| x >= 100.0 && x.trunc() % 100.0 == 0.0;
            from_events(a, |e| e.share(e.amounts.iter().filter(|&&x| round(x)).count()))
        },
    ),
    column("unusual_timing_score", "ratio", "transfers at night or at the weekend / transfers", |a| {
        from_events(a, |e| e.share(e.unusual))
    }),
    column(
        "structuring_score",
        "ratio",
        "r = share below 1000 native; min(1, 1.5 r) when r > 0.5 and 3 or more, else r",
        |a| from_events(a, small_share),
    ),
    column("hourly_volume_variance", "native^2", "variance of the hours' native volumes > 0", |a| {
        from_events(a, |e| {
            let positive: Vec<f64> = e.hourly_volume.iter().copied().filter(|&x| x > 0.0).collect();
            if positive.len() > 1 { central_moment(&positive, 2) } else { 0.0 }
        })
    }),
    column("peak_volume_hour", "hour", "UTC hour of the largest native volume", |a| {
        from_events(a, |e| argmax(&e.hourly_volume) as f64)
    }),
    column("intraday_volume_ratio", "ratio", "largest hour's native volume / (volume / 24)", |a| {
        from_events(a, |e| {
            ratio(e.hourly_volume[argmax(&e.hourly_volume)], e.hourly_volume.iter().sum::<f64>() / 24.0, 0.0)
        })
    }),
    column("hourly_transaction_entropy", "bits", "= hourly_entropy", |a| {
        from_rhythm(a, |r| entropy(&r.hours))
    }),
    column("volume_concentration_score", "ratio", "1 - Gini over the hours' native volumes", |a| {
        from_events(a, |e| equality(&e.hourly_volume))
    }),
    column("peak_activity_hour", "hour", "= peak_hour", |a| from_rhythm(a, |r| argmax(&r.hours) as f64)),
    column("peak_activity_day", "weekday", "= peak_day", |a| from_rhythm(a, |r| argmax(&r.weekdays) as f64)),
    column("small_transaction_ratio", "ratio", "= structuring_score", |a| from_events(a, small_share)),
    column("flow_reciprocity_entropy", "bits", "binary entropy of the mutual share of native volume", |a| {
        let share = ratio(a.native_mutual, a.native, 0.0);
        if share > 0.0 && share < 1.0 { entropy(&[share, 1.0 - share]) } else { 0.0 }
    }),
    column(
        "flow_burstiness",
        "ratio",
        "(s - m) / (s + m) of seconds between transfers, clipped to 0..1",
        |a| from_events(a, |e| burstiness(&e.gaps())),
    ),
    column("transaction_regularity", "ratio", "= regularity_score", |a| from_rhythm(a, regularity)),
    column(
        "amount_predictability",
        "ratio",
        "1 - min(1, std / max(mean, 1)) of pairs' dollars; 0 for one pair",
        |a| {
            let spread = central_moment(&a.pairs, 2).sqrt() / mean(&a.pairs).max(1.0);
            if a.pairs.len() < 2 { 0.0 } else { 1.0 - spread.min(1.0) }
        },
    ),
];

const CLASSES: &[Column] = &[
    column("is_high_volume_trader", "flag", "total_volume_usd >= 10,000 and tx_total_count >= 1000", |a| {
        flag(a.total() >= 10_000.0 && a.transfers() >= 1000.0)
    }),
    column("is_hub_address", "flag", "50 or more recipients and 50 or more senders", |a| {
        flag(a.recipients >= 50 && a.senders >= 50)
    }),
    column("is_retail_active", "flag", "tx_total_count >= 100 and total_volume_usd < 1,000", |a| {
        flag(a.transfers() >= 100.0 && a.total() < 1000.0)
    }),
    column("is_whale_inactive", "flag", "tx_total_count < 10 and total_volume_usd >= 10,000", |a| {
        flag(a.transfers() < 10.0 && a.total() >= 10_000.0)
    }),
    column("is_retail_inactive", "flag", "tx_total_count < 10 and total_volume_usd < 100", |a| {
        flag(a.transfers() < 10.0 && a.total() < 100.0)
    }),
    column(
        "avg_relationship_age_days",
        "days",
        "mean over pairs of whole days from first to last transfer",
        |a| mean(&relationship_days(a)),
    ),
    column(
        "max_relationship_age_days",
        "days",
        "largest over pairs of whole days from first to last transfer",
        |a| relationship_days(a).into_iter().fold(0.0, f64::max),
    ),
    column("bidirectional_relationship_ratio", "ratio", "two-way pairs / pairs", |a| {
        mean(&over_pairs(a, |e| flag(e.flow.is_bidirectional)))
    }),
    column("avg_edge_reciprocity", "ratio", "mean reciprocity of pairs", |a| {
        mean(&over_pairs(a, |e| e.flow.reciprocity_ratio))
    }),
    column("multi_asset_edge_ratio", "ratio", "pairs with more than one asset / pairs", |a| {
        mean(&over_pairs(a, |e| flag(e.flow.unique_assets > 1)))
    }),
    column("edge_hourly_entropy", "bits", "entropy of the pairs' hourly patterns, added up", |a| {
        from_rhythm(a, |r| entropy(&r.hours))
    }),
    column("edge_weekly_entropy", "bits", "entropy of the pairs' weekly patterns, added up", |a| {
        from_rhythm(a, |r| entropy(&r.weekdays))
    }),
];

fn from_events(account: &Account<'_>, value: impl Fn(&Events) -> f64) -> f64 {
    account.events.as_ref().map_or(f64::NAN, value)
}

fn from_rhythm(account: &Account<'_>, value: impl Fn(&Rhythm) -> f64) -> f64 {
    account.rhythm.as_ref().map_or(f64::NAN, value)
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn over_pairs(
    account: &Account<'_>,
    value: impl Fn(&crate::aml::derive::graph::Edge<'_>) -> f64,
) -> Vec<f64> {
    account.inflows.iter().chain(&account.outflows).map(|e| value(e)).collect()
}

fn relationship_days(account: &Account<'_>) -> Vec<f64> {
    let span = |first: i64, last: i64| (last.saturating_sub(first) / 86_400_000) as f64;
    over_pairs(account, |e| span(e.flow.first_seen_timestamp, e.flow.last_seen_timestamp))
}

fn first_seen(account: &Account<'_>) -> f64 {
    over_pairs(account, |e| e.flow.first_seen_timestamp as f64).into_iter().fold(f64::INFINITY, f64::min)
}

fn last_seen(account: &Account<'_>) -> f64 {
    over_pairs(account, |e| e.flow.last_seen_timestamp as f64).into_iter().fold(f64::NEG_INFINITY, f64::max)
}

fn standardised(values: &[f64], power: u32) -> f64 {
    let variance = central_moment(values, 2);
    if values.len() < power as usize || variance <= 0.0 {
        return 0.0;
    }
    match power {
        3 => central_moment(values, 3) / (variance * variance.sqrt()),
        _ => central_moment(values, 4) / (variance * variance) - 3.0,
    }
}

fn regularity(rhythm: &Rhythm) -> f64 {
    1.0 - entropy(&rhythm.hours) / math::log2(24.0)
}

fn small_share(events: &Events) -> f64 {
    let small = events.amounts.iter().filter(|&&x| x < 1000.0).count();
    let share = events.share(small);
    if share > 0.5 && small >= 3 { (share * 1.5).min(1.0) } else { share }
}

fn burstiness(gaps: &[f64]) -> f64 {
    if gaps.len() < 2 {
        return 0.0;
    }
    let n = gaps.len() as f64;
    let (centre, spread) = (mean(gaps), (central_moment(gaps, 2) * n / (n - 1.0)).sqrt());
    ratio(spread - centre, spread + centre, 0.0).clamp(0.0, 1.0)
}

impl Events {
    fn positive(&self) -> Vec<f64> {
        self.amounts.iter().copied().filter(|&x| x > 0.0).collect()
    }
}

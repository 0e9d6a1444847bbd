//! Flow family: what the flow rows of the address say. Sums run over the rows in the order of [`super::view`]; amounts
//! that are NaN or negative count as absent rows.
//!
//! Time within a pair is known by its first and last transfer alone; a pair's moment is the middle of the two.

use super::view::{AddressView, Flows};
use super::{Family, ModelFeature, Unit, ratio, smaller_over_larger};
use crate::aml::sot::MoneyFlow;

/// The family in its order.
pub(super) fn features() -> Vec<ModelFeature> {
    FEATURES.to_vec()
}

/// US dollars in plus out; NaN without flows.
pub(super) fn volume_usd(address: &AddressView<'_>) -> f64 {
    let column = |side: fn(Flows<'_>) -> f64| address.flows.map_or(f64::NAN, side);
    column(|f| usd(f.inward) + usd(f.outward))
}

const fn flow(
    name: &'static str,
    unit: Unit,
    doc: &'static str,
    read: fn(&AddressView<'_>) -> f64,
) -> ModelFeature {
    ModelFeature::address(Family::Flow, name, unit, doc, read)
}

macro_rules! of {
    ($name:literal, $unit:ident, $doc:literal, |$flows:ident| $value:expr) => {
        flow($name, Unit::$unit, $doc, |address| match address.flows {
            Some($flows) => $value,
            None => f64::NAN,
        })
    };
}

static FEATURES: [ModelFeature; 38] = [
    of!("flow_in_pairs", Count, "Senders by flow rows.", |f| count(f.inward)),
    of!("flow_out_pairs", Count, "Recipients by flow rows.", |f| count(f.outward)),
    of!("flow_in_usd", Usd, "US dollars received by flow rows.", |f| usd(f.inward)),
    of!("flow_out_usd", Usd, "US dollars sent by flow rows.", |f| usd(f.outward)),
    of!("flow_in_tx", Count, "Transfers received by flow rows.", |f| transfers(f.inward)),
    of!("flow_out_tx", Count, "Transfers sent by flow rows.", |f| transfers(f.outward)),
    of!("flow_pass_through", Share, "Smaller of received and sent US dollars over the larger.", |f| {
        smaller_over_larger(usd(f.inward), usd(f.outward))
    }),
    of!("flow_kept_share", Ratio, "(received - sent) / received.", |f| {
        ratio(usd(f.inward) - usd(f.outward), usd(f.inward))
    }),
    of!("flow_fan_balance", Ratio, "(senders - recipients) / (senders + recipients).", |f| {
        let (inward, outward) = (count(f.inward), count(f.outward));
        ratio(inward - outward, inward + outward)
    }),
    of!("flow_in_top_share", Share, "Largest sender's share of what came.", |f| top_share(f.inward)),
    of!("flow_out_top_share", Share, "Largest recipient's share of what went.", |f| top_share(f.outward)),
    of!("flow_in_hhi", Share, "Herfindahl index of senders' shares.", |f| herfindahl(f.inward)),
    of!("flow_out_hhi", Share, "Herfindahl index of recipients' shares.", |f| herfindahl(f.outward)),
    of!(
        "flow_in_pair_cv",
        Ratio,
        "Coefficient of variation of senders' totals: 0 when all send the same.",
        |f| { variation(f.inward, |p| p.amount_usd_sum) }
    ),
    of!("flow_out_pair_cv", Ratio, "Coefficient of variation of recipients' totals.", |f| {
        variation(f.outward, |p| p.amount_usd_sum)
    }),
    of!("flow_in_size_cv", Ratio, "Coefficient of variation of senders' mean transfers.", |f| {
        variation(f.inward, |p| p.avg_tx_size_usd)
    }),
    of!("flow_out_size_cv", Ratio, "Coefficient of variation of recipients' mean transfers.", |f| {
        variation(f.outward, |p| p.avg_tx_size_usd)
    }),
    of!("flow_in_tx_usd", Usd, "US dollars per transfer received.", |f| {
        ratio(usd(f.inward), transfers(f.inward))
    }),
    of!("flow_out_tx_usd", Usd, "US dollars per transfer sent.", |f| {
        ratio(usd(f.outward), transfers(f.outward))
    }),
    of!("flow_in_tx_per_pair", Ratio, "Transfers per sender.", |f| {
        ratio(transfers(f.inward), count(f.inward))
    }),
    of!("flow_out_tx_per_pair", Ratio, "Transfers per recipient.", |f| {
        ratio(transfers(f.outward), count(f.outward))
    }),
    of!("flow_in_single_share", Share, "Senders with one transfer only.", |f| {
        share(f.inward, |p| p.tx_count == 1)
    }),
    of!("flow_out_single_share", Share, "Recipients with one transfer only.", |f| {
        share(f.outward, |p| p.tx_count == 1)
    }),
    of!("flow_in_near_threshold", Share, "Senders whose mean transfer is 80-99.99 % of 10,000 USD.", |f| {
        share(f.inward, near_threshold)
    }),
    of!(
        "flow_out_near_threshold",
        Share,
        "Recipients whose mean transfer is 80-99.99 % of 10,000 USD.",
        |f| { share(f.outward, near_threshold) }
    ),
    of!("flow_two_way_share", Share, "Pairs with money both ways.", |f| {
        let two_way = |p: &MoneyFlow| p.is_bidirectional;
        let part = share(f.inward, two_way) * count(f.inward);
        let part = if part.is_nan() { 0.0 } else { part };
        let other = share(f.outward, two_way) * count(f.outward);
        let other = if other.is_nan() { 0.0 } else { other };
        ratio(part + other, count(f.inward) + count(f.outward))
    }),
    of!("flow_reciprocity_mean", Share, "Mean reciprocity of outgoing pairs.", |f| {
        mean(f.outward.iter().map(|p| p.reciprocity_ratio))
    }),
    of!(
        "flow_hold_hours",
        Hours,
        "Mean moment of what went minus mean moment of what came, weighted by US dollars.",
        |f| { (moment(f.outward) - moment(f.inward)) / HOUR_MS }
    ),
    of!("flow_first_hold_hours", Hours, "First sent minus first received.", |f| {
        (first(f.outward) - first(f.inward)) / HOUR_MS
    }),
    of!("flow_last_hold_hours", Hours, "Last sent minus last received.", |f| {
        (last(f.outward) - last(f.inward)) / HOUR_MS
    }),
    of!("flow_in_span_hours", Hours, "First to last received.", |f| {
        (last(f.inward) - first(f.inward)) / HOUR_MS
    }),
    of!("flow_out_span_hours", Hours, "First to last sent.", |f| {
        (last(f.outward) - first(f.outward)) / HOUR_MS
    }),
    of!("flow_in_gap_hours", Hours, "Hours received over, per sender: small when many send at once.", |f| {
        ratio((last(f.inward) - first(f.inward)) / HOUR_MS, count(f.inward) - 1.0)
    }),
    of!("flow_out_gap_hours", Hours, "Hours sent over, per recipient: small when spread at once.", |f| {
        ratio((last(f.outward) - first(f.outward)) / HOUR_MS, count(f.outward) - 1.0)
    }),
    of!("flow_pair_days_mean", Days, "Mean span of its pairs.", |f| {
        mean(f.inward.iter().chain(f.outward).map(|p| p.active_days as f64))
    }),
    of!("flow_assets_max", Count, "Most assets in one pair.", |f| {
        f.inward.iter().chain(f.outward).map(|p| p.unique_assets as f64).fold(f64::NAN, f64::max)
    }),
    of!("flow_night_share", Share, "Transfers from 0:00 to 5:59 UTC by hourly patterns.", |f| {
        pattern_share(f, |p| &p.hourly_pattern, |hour| hour < 6)
    }),
    of!("flow_weekend_share", Share, "Transfers on Saturday or Sunday by weekly patterns.", |f| {
        pattern_share(f, |p| &p.weekly_pattern, |day| day >= 5)
    }),
];

fn count(flows: &[&MoneyFlow]) -> f64 {
    flows.len() as f64
}

fn amounts<'a>(flows: &'a [&MoneyFlow]) -> impl Iterator<Item = f64> + 'a {
    flows.iter().map(|p| p.amount_usd_sum).filter(|usd| *usd >= 0.0)
}

fn usd(flows: &[&MoneyFlow]) -> f64 {
    amounts(flows).sum()
}

fn transfers(flows: &[&MoneyFlow]) -> f64 {
    flows.iter().map(|p| p.tx_count as f64).sum()
}

fn top_share(flows: &[&MoneyFlow]) -> f64 {
    ratio(amounts(flows).fold(0.0, f64::max), usd(flows))
}

fn herfindahl(flows: &[&MoneyFlow]) -> f64 {
    let total = usd(flows);
    ratio(amounts(flows).map(|usd| usd * usd).sum(), total * total)
}

/// Standard deviation over mean of at least two values.
fn variation(flows: &[&MoneyFlow], value: fn(&MoneyFlow) -> f64) -> f64 {
    let values = || flows.iter().map(|p| value(p)).filter(|x| x.is_finite());
    let n = values().count() as f64;
    if n < 2.0 {
        return f64::NAN;
    }
    let mean = values().sum::<f64>() / n;
    let variance = values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    ratio(variance.sqrt(), mean)
}

fn share(flows: &[&MoneyFlow], which: impl Fn(&MoneyFlow) -> bool) -> f64 {
    ratio(flows.iter().filter(|p| which(p)).count() as f64, count(flows))
}

fn near_threshold(pair: &MoneyFlow) -> bool {
    (8_000.0..10_000.0).contains(&pair.avg_tx_size_usd)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.filter(|x| x.is_finite()).fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
    ratio(sum, n)
}

/// The mean moment of money, milliseconds since 1970, weighted by US dollars; NaN for none.
fn moment(flows: &[&MoneyFlow]) -> f64 {
    let paid = || flows.iter().filter(|p| p.amount_usd_sum > 0.0);
    let origin = first(flows);
    let middle = |p: &MoneyFlow| {
        0.5 * (p.first_seen_timestamp as f64 - origin) + 0.5 * (p.last_seen_timestamp as f64 - origin)
    };
    let weighted: f64 = paid().map(|p| p.amount_usd_sum * middle(p)).sum();
    origin + ratio(weighted, usd(flows))
}

fn first(flows: &[&MoneyFlow]) -> f64 {
    flows.iter().map(|p| p.first_seen_timestamp as f64).fold(f64::NAN, f64::min)
}

fn last(flows: &[&MoneyFlow]) -> f64 {
    flows.iter().map(|p| p.last_seen_timestamp as f64).fold(f64::NAN, f64::max)
}

fn pattern_share(flows: Flows<'_>, pattern: fn(&MoneyFlow) -> &Vec<u64>, which: fn(usize) -> bool) -> f64 {
    let (mut part, mut all) = (0.0, 0.0);
    for pair in flows.inward.iter().chain(flows.outward) {
        for (place, &n) in pattern(pair).iter().enumerate() {
            all += n as f64;
            part += if which(place) { n as f64 } else { 0.0 };
        }
    }
    ratio(part, all)
}

const HOUR_MS: f64 = 3_600_000.0;

//! Random networks: fast equals slow, and what must hold whatever the network.

use std::collections::BTreeSet;

use aml_miner::aml::derive::{complete, money_flows};
use aml_miner::aml::sot::Batch;
use aml_miner::determinism::par::Pool;
use proptest::prelude::*;

use crate::naive;
use crate::network::{batch, transfers};

fn near(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(scale)
}

/// Everything derived, as text that tells every bit of every float apart.
fn print(batch: &Batch) -> String {
    let features = batch.features.as_ref().expect("derived");
    let names: Vec<&str> = features.addresses.names().collect();
    let bits: Vec<Vec<u64>> =
        features.columns.iter().map(|c| c.values.iter().map(|v| v.to_bits()).collect()).collect();
    format!(
        "{:?}{:?}{names:?}{bits:?}{:?}{:?}",
        batch.money_flows, batch.patterns, batch.alerts, batch.clusters
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn flows_equal_the_obvious_way(transfers in transfers(60)) {
        let flows = money_flows(&transfers);
        let pairs: BTreeSet<(&str, &str)> =
            transfers.iter().map(|t| (t.from_address.as_str(), t.to_address.as_str())).collect();
        prop_assert_eq!(flows.len(), pairs.len());
        for (flow, (from, to)) in flows.iter().zip(pairs) {
            prop_assert_eq!((flow.from_address.as_str(), flow.to_address.as_str()), (from, to));
            let (count, usd, native, first, last) = naive::pair(&transfers, from, to);
            prop_assert_eq!((flow.tx_count, flow.first_seen_timestamp, flow.last_seen_timestamp), (count, first, last));
            prop_assert!(near(flow.amount_usd_sum, usd, 0.0) && near(flow.amount_sum, native, 0.0));
            prop_assert_eq!(flow.hourly_pattern.iter().sum::<u64>(), count);
            prop_assert_eq!(flow.weekly_pattern.iter().sum::<u64>(), count);
            let (back, back_usd, ..) = naive::pair(&transfers, to, from);
            prop_assert_eq!(flow.is_bidirectional, back > 0 && from != to);
            let even = if flow.is_bidirectional && usd.max(back_usd) > 0.0 { usd.min(back_usd) / usd.max(back_usd) } else { 0.0 };
            prop_assert!(near(flow.reciprocity_ratio, even, 0.0));
            let most = transfers.iter().filter(|t| t.from_address == from && t.to_address == to)
                .map(|t| t.amount_usd).fold(0.0, f64::max);
            prop_assert!(transfers.iter().any(|t| t.from_address == from && t.to_address == to
                && t.amount_usd == most && t.asset_symbol == flow.dominant_asset));
        }
    }

    #[test]
    fn features_equal_the_obvious_way(transfers in transfers(60)) {
        let done = complete(batch(transfers.clone()));
        let features = done.features.expect("derived");
        let addresses: Vec<String> = naive::addresses(&transfers).into_iter().collect();
        prop_assert_eq!(features.addresses.names().map(str::to_owned).collect::<Vec<_>>(), addresses.clone());
        for address in &addresses {
            let volume = features.value(address, "total_volume_usd");
            for (column, slow) in naive::features(&transfers, address) {
                let fast = features.value(address, column);
                prop_assert!(near(fast, slow, volume), "{address} {column}: {fast} instead of {slow}");
            }
        }
    }

    #[test]
    fn money_and_transfers_are_conserved(transfers in transfers(80)) {
        let done = complete(batch(transfers.clone()));
        let paid: f64 = transfers.iter().map(|t| t.amount_usd).sum();
        let features = done.features.expect("derived");
        let total = |column: &str| features.column(column).expect("a column").iter().sum::<f64>();
        let flows = done.money_flows.expect("derived");
        prop_assert!(near(flows.iter().map(|f| f.amount_usd_sum).sum(), paid, 0.0));
        prop_assert!(near(total("total_in_usd"), paid, 0.0) && near(total("total_out_usd"), paid, 0.0));
        prop_assert!(near(total("net_flow_usd"), 0.0, paid));
        prop_assert_eq!(total("degree_in"), total("degree_out"));
        prop_assert_eq!(total("tx_in_count"), transfers.len() as f64);
        prop_assert!(transfers.is_empty() || (total("pagerank") - 1.0).abs() < 1e-6);
    }

    #[test]
    fn ratios_stay_in_range(transfers in transfers(80)) {
        let done = complete(batch(transfers));
        let features = done.features.expect("derived");
        for column in &features.columns {
            for value in &column.values {
                prop_assert!(value.is_finite(), "{} is {value}", column.name);
            }
        }
        for column in ["reciprocity_ratio", "velocity_score", "structuring_score", "flow_diversity",
            "concentration_ratio", "clustering_coefficient", "in_out_ratio", "flow_burstiness"] {
            for &value in features.column(column).expect("a column") {
                prop_assert!((-1e-12..=1.0 + 1e-12).contains(&value), "{column} is {value}");
            }
        }
        for &value in features.column("burst_factor").expect("a column") {
            prop_assert!((1.0..=24.0).contains(&value));
        }
        for flow in done.money_flows.expect("derived") {
            prop_assert!((0.0..=1.0).contains(&flow.reciprocity_ratio));
        }
        for alert in done.alerts.expect("derived") {
            prop_assert!((0.0..=1.0).contains(&alert.alert_confidence_score));
        }
    }

    #[test]
    fn the_order_of_rows_and_the_threads_change_nothing(
        (ordered, shuffled) in transfers(120).prop_flat_map(|t| (Just(t.clone()), Just(t).prop_shuffle())),
        threads in 1..5_usize,
    ) {
        let one = print(&complete(batch(ordered)));
        let pool = Pool::new(threads).expect("threads start");
        let other = pool.run(|| print(&complete(batch(shuffled))));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn flows_alone_give_the_same_columns_or_none(transfers in transfers(60)) {
        let whole = complete(batch(transfers));
        let mut flows_only = whole.clone();
        (flows_only.transfers, flows_only.features) = (None, None);
        let again = complete(flows_only).features.expect("derived from flows");
        for (a, b) in whole.features.expect("derived").columns.iter().zip(&again.columns) {
            for (x, y) in a.values.iter().zip(&b.values) {
                prop_assert!(y.is_nan() || x.to_bits() == y.to_bits(), "{}: {x} and {y}", a.name);
            }
        }
        prop_assert!(again.column("hourly_entropy").expect("a column").iter().all(|v| !v.is_nan()));
        prop_assert!(again.column("activity_days").expect("a column").iter().all(|v| v.is_nan()));
    }
}

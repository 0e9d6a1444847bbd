//! The obvious way: every number by its own walk over all transfers. Nothing is shared with the library.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::sot::Transfer;

/// (transfers, dollars, native, first, last) of one directed pair.
pub(crate) fn pair(transfers: &[Transfer], from: &str, to: &str) -> (u64, f64, f64, i64, i64) {
    let own: Vec<&Transfer> =
        transfers.iter().filter(|t| t.from_address == from && t.to_address == to).collect();
    (
        own.len() as u64,
        own.iter().map(|t| t.amount_usd).sum(),
        own.iter().map(|t| t.amount).sum(),
        own.iter().map(|t| t.block_timestamp).min().unwrap_or(0),
        own.iter().map(|t| t.block_timestamp).max().unwrap_or(0),
    )
}

/// Every address that occurs.
pub(crate) fn addresses(transfers: &[Transfer]) -> BTreeSet<String> {
    transfers.iter().flat_map(|t| [t.from_address.clone(), t.to_address.clone()]).collect()
}

/// Columns of one address, each recomputed from the definition in `docs/features_address.md`.
pub(crate) fn features(transfers: &[Transfer], address: &str) -> BTreeMap<&'static str, f64> {
    let incoming = || transfers.iter().filter(|t| t.to_address == address);
    let outgoing = || transfers.iter().filter(|t| t.from_address == address);
    let own: Vec<&Transfer> =
        transfers.iter().filter(|t| t.to_address == address || t.from_address == address).collect();
    let senders: BTreeSet<&str> = incoming().map(|t| t.from_address.as_str()).collect();
    let recipients: BTreeSet<&str> = outgoing().map(|t| t.to_address.as_str()).collect();
    let total_in: f64 = incoming().map(|t| t.amount_usd).sum();
    let total_out: f64 = outgoing().map(|t| t.amount_usd).sum();
    let both: BTreeSet<&&str> = senders.intersection(&recipients).collect();
    let hours: Vec<i64> = own.iter().map(|t| t.block_timestamp / 3_600_000 % 24).collect();
    let busiest = (0..24).map(|h| hours.iter().filter(|&&x| x == h).count()).max().unwrap_or(0);
    let days: BTreeSet<i64> = own.iter().map(|t| t.block_timestamp / 86_400_000).collect();
    let native = |t: &Transfer| if t.amount > 0.0 { t.amount } else { t.amount_usd };
    let peer =
        |t: &Transfer| if t.from_address == address { t.to_address.clone() } else { t.from_address.clone() };
    let volume: f64 = own.iter().map(|t| native(t)).sum();
    let mutual: f64 = own.iter().filter(|t| both.contains(&&peer(t).as_str())).map(|t| native(t)).sum();
    let n = own.len() as f64;
    let share = |holds: &dyn Fn(&Transfer) -> bool| own.iter().filter(|t| holds(t)).count() as f64 / n;
    // 1970-01-01 was a Thursday: day 2 of the era a Saturday
    let weekend = |t: &Transfer| matches!((t.block_timestamp / 86_400_000) % 7, 2 | 3);
    let night = |t: &Transfer| t.block_timestamp / 3_600_000 % 24 < 6;
    BTreeMap::from([
        ("degree_in", senders.len() as f64),
        ("degree_out", recipients.len() as f64),
        ("degree_total", senders.union(&recipients).count() as f64),
        ("tx_in_count", incoming().count() as f64),
        ("tx_out_count", outgoing().count() as f64),
        ("total_in_usd", total_in),
        ("total_out_usd", total_out),
        ("net_flow_usd", total_in - total_out),
        ("avg_tx_in_usd", total_in / senders.len().max(1) as f64),
        ("burst_factor", busiest as f64 / (n / 24.0)),
        ("activity_days", days.len() as f64),
        ("avg_daily_volume_usd", volume / days.len() as f64),
        ("reciprocity_ratio", mutual / volume.max(1.0)),
        ("weekend_transaction_ratio", share(&weekend)),
        ("night_transaction_ratio", share(&night)),
        ("unusual_timing_score", share(&|t| weekend(t) || night(t))),
        ("round_number_ratio", share(&|t| native(t) >= 100.0 && (native(t) as i64) % 100 == 0)),
        ("khop2_count", within_two(transfers, address) as f64),
        ("kcore", core(transfers, address) as f64),
    ])
}

/// Addresses reached by one or two payments.
fn within_two(transfers: &[Transfer], address: &str) -> usize {
    let after = |of: &str| -> BTreeSet<String> {
        transfers.iter().filter(|t| t.from_address == of).map(|t| t.to_address.clone()).collect()
    };
    let mut reached = after(address);
    for first in after(address) {
        reached.extend(after(&first));
    }
    reached.remove(address);
    reached.len()
}

/// The largest k such that deleting addresses with fewer than k neighbours, again and again, spares this one.
fn core(transfers: &[Transfer], address: &str) -> usize {
    let neighbours = |of: &str, left: &BTreeSet<String>| {
        let meets = |t: &&Transfer| t.from_address != t.to_address;
        let peers: BTreeSet<&str> = transfers
            .iter()
            .filter(meets)
            .filter_map(|t| match of {
                _ if t.from_address == of => Some(t.to_address.as_str()),
                _ if t.to_address == of => Some(t.from_address.as_str()),
                _ => None,
            })
            .filter(|&peer| left.contains(peer))
            .collect();
        peers.len()
    };
    let survives = |k: usize| {
        let mut left = addresses(transfers);
        loop {
            let kept: BTreeSet<String> = left.iter().filter(|a| neighbours(a, &left) >= k).cloned().collect();
            if kept == left {
                return left.contains(address);
            }
            left = kept;
        }
    };
    (0..).take_while(|&k| survives(k)).last().unwrap_or(0)
}

//! Transfers in the order in which amounts are summed, and what of them anything is computed from.
//!
//! Float sums follow this order wherever transfers are added up, so that the order of rows in a file cannot be seen.
//! A batch is put in order once and every stage walks the same list. Texts decide the order and are left behind then:
//! addresses and assets are numbers from there on, a tenth of the memory.

use std::cmp::Ordering;

use super::finite;
use super::graph::numbered;
use super::lists::Lists;
use crate::aml::sot::{BatchId, Transfer};
use crate::determinism::intern::Interner;
use crate::determinism::par;

/// Transfers by time, then by key, then by everything that could still differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Chronicle {
    /// Senders and recipients in byte order.
    addresses: Interner,
    /// Contracts and symbols, in byte order too.
    assets: Interner,
    entries: Vec<Entry>,
}

/// A transfer: who, when, how much, of what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// Native units.
    pub(super) amount: f64,
    /// US dollars.
    pub(super) usd: f64,
    pub(super) contract: u32,
    pub(super) symbol: u32,
}

impl Entry {
    /// Native units, US dollars where those are 0: what somebody typed.
    pub(super) fn typed(&self) -> f64 {
        let native = finite(self.amount);
        if native > 0.0 { native } else { finite(self.usd) }
    }
}

impl Chronicle {
    /// All transfers.
    pub(super) fn of(transfers: &[Transfer]) -> Self {
        Chronicle::of_rows(transfers.iter().collect())
    }

    /// Those inside the batch's window; a window of 0 days is an unknown one and keeps all.
    pub(super) fn within(id: &BatchId, transfers: &[Transfer]) -> Self {
        let window = id.window_ms();
        let keep = |t: &&Transfer| id.window_days == 0 || window.contains(&t.block_timestamp);
        Chronicle::of_rows(transfers.iter().filter(keep).collect())
    }

    fn of_rows(rows: Vec<&Transfer>) -> Self {
        // the times beside the rows, for a row is far away
        let mut rows: Vec<(i64, &Transfer)> = rows.into_iter().map(|t| (t.block_timestamp, t)).collect();
        // rows that compare as equal differ in nothing that is read
        par::sort_by(&mut rows, |a, b| a.0.cmp(&b.0).then_with(|| chronological(a.1, b.1)));
        let ((addresses, ends), (assets, kinds)) = par::join(
            || numbered(rows.iter().flat_map(|(_, t)| [t.from_address.as_str(), t.to_address.as_str()])),
            || numbered(rows.iter().flat_map(|(_, t)| [t.asset_contract.as_str(), t.asset_symbol.as_str()])),
        );
        let entry = |(at, t): (i64, &Transfer), ends: &[u32], kinds: &[u32]| Entry {
            from: ends[0],
            to: ends[1],
            at,
            amount: t.amount,
            usd: t.amount_usd,
            contract: kinds[0],
            symbol: kinds[1],
        };
        let numbers = ends.chunks_exact(2).zip(kinds.chunks_exact(2));
        let entries =
            rows.into_iter().zip(numbers).map(|(row, (ends, kinds))| entry(row, ends, kinds)).collect();
        Chronicle { addresses, assets, entries }
    }

    /// The transfers, first to last.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Senders and recipients, in byte order.
    pub(super) fn addresses(&self) -> &Interner {
        &self.addresses
    }

    /// The contract or symbol of a number; numbers are in byte order.
    pub(super) fn asset(&self, number: u32) -> &str {
        self.assets.name(number)
    }

    /// The number that each address has in another set; `None` where it is not in there.
    pub(super) fn numbers_in(&self, other: &Interner) -> Vec<Option<u32>> {
        let n = self.addresses.len();
        if self.addresses.is_shared_with(other) {
            return (0..n as u32).map(Some).collect();
        }
        par::map(n, |id| other.get(self.addresses.name(id as u32)))
    }

    /// For each address of another set the places of its transfers, in time order; one to oneself is listed once.
    pub(super) fn by_address(&self, other: &Interner) -> Lists {
        let numbers = self.numbers_in(other);
        let places = (0_u32..).zip(&self.entries).flat_map(|(place, entry)| {
            let to = (entry.from != entry.to).then_some(entry.to);
            let ends = [Some(entry.from), to].into_iter().flatten();
            ends.filter_map(|id| numbers[id as usize]).map(move |id| (id, place))
        });
        Lists::of_pairs(other.len(), places)
    }
}

fn chronological(a: &Transfer, b: &Transfer) -> Ordering {
    a.block_height
        .cmp(&b.block_height)
        .then_with(|| names(a).cmp(&names(b)))
        .then_with(|| pair(a).cmp(&pair(b)))
        .then_with(|| a.amount.total_cmp(&b.amount))
        .then_with(|| a.amount_usd.total_cmp(&b.amount_usd))
}

fn names(t: &Transfer) -> [&str; 5] {
    [&t.tx_id, &t.event_index, &t.edge_index, &t.asset_contract, &t.asset_symbol]
}

fn pair(t: &Transfer) -> (&str, &str) {
    (&t.from_address, &t.to_address)
}

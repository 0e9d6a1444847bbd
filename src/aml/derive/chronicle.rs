//! Transfers in the order in which amounts are summed, and what of them anything is computed from.
//!
//! Float sums follow this order wherever transfers are added up, so that the order of rows in a file cannot be seen.
//! A batch is put in order once and every stage walks the same list. Texts decide the order and are left behind then:
//! addresses and assets are numbers from there on, a tenth of the memory.

use super::finite;
use super::graph::ranked;
use super::lists::Lists;
use crate::aml::sot::{BatchId, Transfer, Transfers};
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
        let transfers = Transfers::from(transfers);
        Chronicle::of_rows(&transfers, |_| true)
    }

    /// Those inside the batch's window; a window of 0 days is an unknown one and keeps all.
    pub(super) fn within(id: &BatchId, transfers: &Transfers) -> Self {
        let window = id.window_ms();
        Chronicle::of_rows(transfers, |at| id.window_days == 0 || window.contains(&at))
    }

    fn of_rows(transfers: &Transfers, keep: impl Fn(i64) -> bool) -> Self {
        let (times, heights) = (transfers.times(), transfers.heights());
        let kept = (0_u32..).zip(times).filter(|(_, at)| keep(**at));
        let mut rows: Vec<(i64, u32)> = kept.map(|(row, &at)| (at, row)).collect();
        // transfers are in the order of their keys, and those that have one key in an order of their own
        let place = |&(at, row): &(i64, u32)| (at, heights[row as usize], row);
        par::sort_by(&mut rows, |a, b| place(a).cmp(&place(b)));
        let of_rows = |numbers: fn(&Transfers, usize) -> [u32; 2]| {
            let rows = &rows;
            move || rows.iter().flat_map(move |&(_, row)| numbers(transfers, row as usize))
        };
        let ((addresses, address), (assets, asset)) = par::join(
            || ranked(transfers.addresses(), of_rows(Transfers::ends)()),
            || ranked(transfers.assets(), of_rows(Transfers::asset)()),
        );
        let entry = |place: usize| {
            let (at, row) = (rows[place].0, rows[place].1 as usize);
            let [from, to] = transfers.ends(row).map(|id| address[id as usize]);
            let [contract, symbol] = transfers.asset(row).map(|id| asset[id as usize]);
            let (amount, usd) = (transfers.amounts()[row], transfers.dollars()[row]);
            Entry { from, to, at, amount, usd, contract, symbol }
        };
        let entries = par::map(rows.len(), entry);
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

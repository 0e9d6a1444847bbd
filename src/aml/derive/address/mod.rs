//! Address features: one row per address that sent or received anything, in the official column names.
//!
//! [`columns`] is the registry: each column is a name, a unit, a formula in words and one function of an
//! [`Account`], the view of everything that one address took part in. Formulas are those of the published reference
//! batch (see `docs/features_address.md` for where its names promise more than they hold). Flows alone give most
//! columns; those that need single transfers are NaN when a batch has none. Rows are in byte order of the addresses.

mod account;
mod columns;
mod network;
pub(super) mod stats;

pub use account::Account;
use account::EventLists;
pub use columns::{Column, columns};

use super::chronicle::Chronicle;
use super::graph::FlowGraph;
use super::known;
use crate::aml::sot::{AddressFeatures, MoneyFlow, NumberColumn, Spill, Transfer};
use crate::determinism::par;

/// Computes every column of the registry for every address of `flows`.
///
/// # Determinism
/// Each row is computed alone from edges in key order and transfers in time order.
pub fn address_features(flows: &[MoneyFlow], transfers: Option<&[Transfer]>) -> AddressFeatures {
    features_of(&FlowGraph::new(flows), transfers.map(Chronicle::of).as_ref())
}

/// All columns.
pub(super) fn features_of(graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> AddressFeatures {
    let aside = Spill::in_memory(graph.len());
    put_aside(graph, transfers, &aside);
    let column =
        |column: Column| NumberColumn { name: column.name.to_owned(), values: aside.take(column.name) };
    AddressFeatures {
        columns: columns().into_iter().map(column).collect(),
        addresses: graph.addresses.clone(),
    }
}

/// Computes all columns and puts them aside.
pub(super) fn put_aside(graph: &FlowGraph<'_>, transfers: Option<&Chronicle>, aside: &Spill) {
    let measures = network::Measures::of(graph);
    let events = transfers.map(|transfers| EventLists::of(graph, transfers));
    let registry = columns();
    let rows = |from: usize| {
        par::map(ROWS_AT_A_TIME.min(graph.len() - from), |at| {
            let id = (from + at) as u32;
            let own = events.as_ref().map(|events| events.of_address(id));
            let account = Account::new(graph, &measures, id, own.as_deref());
            registry.iter().map(|column| (column.value)(&account)).collect::<Vec<f64>>()
        })
    };
    let keep = |from: usize, rows: Vec<Vec<f64>>| {
        for (at, column) in registry.iter().enumerate() {
            let values: Vec<f64> = rows.iter().map(|row| known(row[at])).collect();
            aside.keep(column.name, from, &values);
        }
    };
    // rows of a part of the addresses at a time, put aside while those of the next are made: all of them would take as much
    // memory as the columns
    let mut ready = None;
    for from in (0..graph.len()).step_by(ROWS_AT_A_TIME) {
        let made = std::mem::take(&mut ready);
        let ((), next) =
            par::join(|| made.into_iter().for_each(|(from, rows)| keep(from, rows)), || rows(from));
        ready = Some((from, next));
    }
    ready.into_iter().for_each(|(from, rows)| keep(from, rows));
}

const ROWS_AT_A_TIME: usize = 1 << 14;

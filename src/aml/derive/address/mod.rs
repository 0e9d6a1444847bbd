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
use crate::aml::sot::{AddressFeatures, MoneyFlow, NumberColumn, Transfer};
use crate::determinism::par;

/// Computes every column of the registry for every address of `flows`.
///
/// # Determinism
/// Each row is computed alone from edges in key order and transfers in time order.
pub fn address_features(flows: &[MoneyFlow], transfers: Option<&[Transfer]>) -> AddressFeatures {
    features_of(&FlowGraph::new(flows), transfers.map(Chronicle::of).as_ref())
}

pub(super) fn features_of(graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> AddressFeatures {
    let measures = network::Measures::of(graph);
    let events = transfers.map(|transfers| EventLists::of(graph, transfers));
    let registry = columns();
    let blank = |column: &Column| NumberColumn {
        name: column.name.to_owned(),
        values: Vec::with_capacity(graph.len()),
    };
    let mut columns: Vec<NumberColumn> = registry.iter().map(blank).collect();
    // rows of a part of the addresses at a time: all of them would take as much memory as the columns
    for from in (0..graph.len()).step_by(ROWS_AT_A_TIME) {
        let rows = par::map(ROWS_AT_A_TIME.min(graph.len() - from), |at| {
            let id = from + at;
            let own = events.as_ref().map(|events| events.of_address(id as u32));
            let account = Account::new(graph, &measures, id as u32, own.as_deref());
            registry.iter().map(|column| (column.value)(&account)).collect::<Vec<f64>>()
        });
        for (at, column) in columns.iter_mut().enumerate() {
            column.values.extend(rows.iter().map(|row| row[at]));
        }
    }
    AddressFeatures { columns, addresses: graph.addresses.clone() }
}

const ROWS_AT_A_TIME: usize = 1 << 14;

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
pub use columns::{Column, columns};

use super::graph::FlowGraph;
use crate::aml::sot::{AddressFeatures, MoneyFlow, NumberColumn, Transfer};
use crate::determinism::par;

/// Computes every column of the registry for every address of `flows`.
///
/// # Determinism
/// Each row is computed alone from edges in key order and transfers in time order.
pub fn address_features(flows: &[MoneyFlow], transfers: Option<&[Transfer]>) -> AddressFeatures {
    let graph = FlowGraph::new(flows);
    let measures = network::Measures::of(&graph);
    let events = transfers.map(|transfers| account::events_by_address(&graph, transfers));
    let registry = columns();
    let rows = par::map(graph.len(), |id| {
        let own = events.as_ref().map(|events| events[id].as_slice());
        let account = Account::new(&graph, &measures, id as u32, own);
        registry.iter().map(|column| (column.value)(&account)).collect::<Vec<f64>>()
    });
    let column = |(at, column): (usize, &Column)| NumberColumn {
        name: column.name.to_owned(),
        values: rows.iter().map(|row| row[at]).collect(),
    };
    AddressFeatures { columns: registry.iter().enumerate().map(column).collect(), addresses: graph.addresses }
}

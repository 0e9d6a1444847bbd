//! Derivation against slow and obvious twins, its invariants on random networks, and parity with published data.
#![cfg(feature = "aml")]
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say aloud what they skip"
)]

#[path = "derive/naive.rs"]
mod naive;
#[path = "derive/network.rs"]
mod network;

#[path = "derive/alerts.rs"]
mod alerts;
#[path = "derive/associations.rs"]
mod associations;
#[path = "derive/bipartite.rs"]
mod bipartite;
#[path = "derive/changes.rs"]
mod changes;
#[path = "derive/documents.rs"]
mod documents;
#[path = "derive/dormant.rs"]
mod dormant;
#[path = "derive/edge_cases.rs"]
mod edge_cases;
#[path = "derive/further.rs"]
mod further;
#[path = "derive/graph_features.rs"]
mod graph_features;
#[path = "derive/invariants.rs"]
mod invariants;
#[path = "derive/patterns.rs"]
mod patterns;
#[path = "derive/planted.rs"]
mod planted;
#[path = "derive/proximity.rs"]
mod proximity;
#[path = "derive/rug.rs"]
mod rug;
#[path = "derive/sample.rs"]
mod sample;

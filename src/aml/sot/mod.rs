//! The source of truth: the tables of one batch, checked.

mod batch;

pub use batch::{
    AddressFeatures, AddressLabel, Alert, Asset, AssetPrice, Batch, BatchId, Cluster, GroundTruth, MoneyFlow,
    NumberColumn, Pattern, Transfer,
};

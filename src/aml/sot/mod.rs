//! The source of truth: the tables of one batch, checked.
//!
//! In: a folder of Parquet files with META.json ([`Batch::open`]) or the body of a request
//! ([`Batch::from_json`], [`Batch::from_parts`], [`Batch::from_arrow`]).
//! Out: a [`Batch`] whose every value was checked against one description of the tables (`schema`), or all faults
//! with their places. And back: [`write_batch`].

mod batch;
mod body;
mod body_schema;
mod cell;
mod changes;
mod fault;
mod feature_rows;
mod features;
mod findings;
mod flows;
mod json;
mod meta;
mod open;
mod request;
mod rows;
mod rowwise;
mod schema;
mod tables;
mod transfers;
mod write;

pub use batch::{
    AddressFeatures, AddressLabel, Alert, Asset, AssetPrice, Batch, BatchId, Cluster, GroundTruth, MoneyFlow,
    NumberColumn, Pattern, Transfer,
};
pub use body::{keep_alerts, request_alert, request_body};
pub use body_schema::body_schemas;
pub use cell::{Check, MAX_TEXT_CHARS};
pub use changes::{CHANGES, Change, Comparison};
pub use fault::{BatchError, BatchFault, MAX_FAULTS};
pub use features::NUMBER_COLUMNS;
pub use findings::{Finding, Severity};
pub use meta::{Checksum, FILE as META_FILE, Meta, WrittenFile, meta_json};
pub use open::{ColumnReport, Opened, TableReport, Verified, discover, identify_folder, open};
pub use request::{
    Loc, MAX_ALERTS, MAX_CLUSTERS, MAX_FEATURE_CELLS, MAX_FEATURE_FIELDS, MAX_FEATURES, MAX_LIST_ITEMS,
    MAX_MONEY_FLOWS, MAX_REQUEST_FAULTS, RequestFault, RequestFaults,
};
pub use schema::{ColumnSpec, Presence, TableKind};
pub use tables::TablePart;
pub use transfers::{TransferRow, Transfers};
// who opens tables of strangers says how much they may unpack to
pub use crate::table::{Room, Spill, WriteError};
pub use write::{BatchWriter, Part, TableWriter, to_table, write_batch};

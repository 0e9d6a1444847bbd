//! aml-miner: scores, ranks and explains anti-money-laundering alerts.
//!
//! The modules stand in the order in which data meets them; read downwards and one batch goes from
//! its files to an HTTP answer:
//!
//! ```text
//! table            a file                -> Table           named, typed, nullable columns
//! aml::sot         files of a batch      -> Batch           checked tables, one per file, any generation
//! aml::derive      Batch                 -> Batch           fills what is absent: flows, features, patterns, alerts, clusters
//! aml::features    Batch                 -> FeatureMatrix   rows x named columns, NaN = missing
//! gbdt::data       FeatureMatrix         -> Dataset         bins + task (labels, groups, weights)
//! gbdt::learn      Dataset + Plan        -> Model           the only place that trains
//! gbdt::model      Model                <-> bytes           one documented file format; LightGBM text beside it
//! gbdt::infer      Model + FeatureMatrix -> scores, SHAP    compiled, read-only
//! aml::score       Bundle + Batch        -> alert scores, ranking, cluster scores, reasons
//! pipeline         batches               -> Bundle, reports jobs that make or judge bundles
//! server, cli      JSON, files          <-> the above       no arithmetic at all
//! ```
//!
//! `--no-default-features` leaves [`determinism`], [`metrics`] and [`gbdt`]: the engine alone.

pub mod determinism;
pub mod metrics;

pub mod gbdt;

#[cfg(feature = "capi")]
pub mod capi;

#[cfg(feature = "table")]
pub mod table;

#[cfg(feature = "aml")]
pub mod aml;

#[cfg(feature = "pipeline")]
pub mod pipeline;

#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "cli")]
pub mod cli;

/// The README's examples, compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The worked examples of the customization page, compiled and run as tests.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../docs/customization.md")]
struct Customization;

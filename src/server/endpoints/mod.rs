//! One file a call: its request, its response, and how one becomes the other.

pub(in crate::server) mod admin;
pub(in crate::server) mod docs;
pub(in crate::server) mod health;
pub(in crate::server) mod info;
pub(in crate::server) mod live;
pub(in crate::server) mod metrics;
pub(in crate::server) mod openapi;
pub(in crate::server) mod rank_alerts;
pub(in crate::server) mod score_alerts;
pub(in crate::server) mod score_clusters;
mod scoring;
pub(in crate::server) mod stored;
pub(in crate::server) mod v2;
pub(in crate::server) mod version;

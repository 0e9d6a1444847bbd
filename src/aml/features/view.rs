//! What a feature may look at. A view holds references to the rows keyed to one address, one alert or one cluster and to
//! nothing else, so a feature cannot read other alerts nor statistics over the request.
//!
//! [`Index`] is made once per batch; a view is a few lookups in it. Flow rows of an address are put in the order of
//! (counterparty, first seen, amount), so sums over them do not depend on the order of rows in a file.

use chrono::{Datelike, NaiveDate};

use super::address::COLUMNS;
use super::evidence::Evidence;
use super::temporal;
use crate::aml::sot::{Alert, Batch, Cluster, MoneyFlow};
use crate::determinism::intern::Interner;

/// Finds the rows of a batch that belong to an address or an alert.
pub struct Index<'a> {
    batch: &'a Batch,
    columns: Vec<Option<&'a [f64]>>,
    times: [Option<&'a [f64]>; 2],
    flow_addresses: Interner,
    flows_in: Vec<Vec<&'a MoneyFlow>>,
    flows_out: Vec<Vec<&'a MoneyFlow>>,
    cluster_alerts: Interner,
    clusters: Vec<Vec<&'a Cluster>>,
}

impl<'a> Index<'a> {
    /// Reads every flow and cluster of the batch once.
    pub fn new(batch: &'a Batch) -> Self {
        let table = batch.features.as_ref();
        let columns = COLUMNS.iter().map(|c| table.and_then(|t| t.column(c.name))).collect();
        let mut index = Index {
            batch,
            columns,
            times: [temporal::FIRST, temporal::LAST].map(|name| table.and_then(|t| t.column(name))),
            flow_addresses: Interner::new(),
            flows_in: vec![],
            flows_out: vec![],
            cluster_alerts: Interner::new(),
            clusters: vec![],
        };
        index.read_flows();
        index.read_clusters();
        index
    }

    /// What is known of an alert.
    pub fn alert(&self, alert: &'a Alert) -> AlertView<'_> {
        let id = self.cluster_alerts.get(&alert.alert_id);
        let clusters = match id {
            Some(id) => Some(self.clusters[id as usize].as_slice()),
            None => self.batch.clusters.as_ref().map(|_| [].as_slice()),
        };
        let window = Window { date: alert.processing_date, days: alert.window_days };
        let evidence = Evidence::read(&alert.evidence_json);
        AlertView { alert, evidence, address: self.address(&alert.address, window), clusters }
    }

    /// What is known of a cluster and its addresses, these in alphabetic order, each once.
    pub fn cluster(&self, cluster: &'a Cluster) -> ClusterView<'_> {
        let window = Window { date: cluster.processing_date, days: cluster.window_days };
        let mut names: Vec<&str> = cluster.addresses_involved.iter().map(String::as_str).collect();
        if names.is_empty() && !cluster.primary_address.is_empty() {
            names.push(&cluster.primary_address);
        }
        names.sort_unstable();
        names.dedup();
        let members = names.into_iter().map(|name| self.address(name, window)).collect();
        ClusterView { cluster, members }
    }

    fn address(&self, address: &str, window: Window) -> AddressView<'_> {
        let row = self.batch.features.as_ref().and_then(|t| t.addresses.get(address)).map(|r| r as usize);
        let flows = self.batch.money_flows.as_ref().map(|_| match self.flow_addresses.get(address) {
            Some(id) => Flows { inward: &self.flows_in[id as usize], outward: &self.flows_out[id as usize] },
            None => Flows { inward: &[], outward: &[] },
        });
        let times = self.times.map(|column| match (column, row) {
            (Some(values), Some(row)) if values[row] > 0.0 => values[row],
            _ => f64::NAN,
        });
        AddressView { columns: &self.columns, row, times, flows, window }
    }

    fn read_flows(&mut self) {
        for flow in self.batch.money_flows.iter().flatten() {
            // money to oneself goes nowhere
            if flow.from_address != flow.to_address {
                let from = self.flow_id(&flow.from_address);
                let to = self.flow_id(&flow.to_address);
                self.flows_out[from].push(flow);
                self.flows_in[to].push(flow);
            }
        }
        let order = |f: &&MoneyFlow| (f.first_seen_timestamp, f.last_seen_timestamp, f.tx_count);
        for flows in &mut self.flows_in {
            flows.sort_by(|a, b| {
                let amount = a.amount_usd_sum.total_cmp(&b.amount_usd_sum);
                a.from_address.cmp(&b.from_address).then_with(|| order(a).cmp(&order(b))).then(amount)
            });
        }
        for flows in &mut self.flows_out {
            flows.sort_by(|a, b| {
                let amount = a.amount_usd_sum.total_cmp(&b.amount_usd_sum);
                a.to_address.cmp(&b.to_address).then_with(|| order(a).cmp(&order(b))).then(amount)
            });
        }
    }

    fn flow_id(&mut self, address: &str) -> usize {
        let id = self.flow_addresses.intern(address) as usize;
        if id == self.flows_in.len() {
            self.flows_in.push(vec![]);
            self.flows_out.push(vec![]);
        }
        id
    }

    fn read_clusters(&mut self) {
        for cluster in self.batch.clusters.iter().flatten() {
            let mut members: Vec<&str> = cluster.related_alert_ids.iter().map(String::as_str).collect();
            members.push(&cluster.primary_alert_id);
            members.sort_unstable();
            members.dedup();
            for alert in members.into_iter().filter(|id| !id.is_empty()) {
                let id = self.cluster_alerts.intern(alert) as usize;
                if id == self.clusters.len() {
                    self.clusters.push(vec![]);
                }
                self.clusters[id].push(cluster);
            }
        }
        for clusters in &mut self.clusters {
            clusters.sort_by(|a, b| a.cluster_id.cmp(&b.cluster_id));
        }
    }
}

/// The half-open window that a row speaks of, ending before `date`.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The day the window ends before.
    pub date: NaiveDate,
    /// Its length in days.
    pub days: u32,
}

impl Window {
    /// Its end, milliseconds since 1970 UTC.
    pub fn end_ms(self) -> f64 {
        self.date.signed_duration_since(NaiveDate::default()).num_days() as f64 * DAY_MS
    }

    /// Its length in milliseconds; NaN for a window of no days.
    pub fn length_ms(self) -> f64 {
        if self.days == 0 { f64::NAN } else { f64::from(self.days) * DAY_MS }
    }

    /// 0 for Monday to 6 for Sunday.
    pub fn weekday(self) -> f64 {
        f64::from(self.date.weekday().num_days_from_monday())
    }
}

/// Flow rows keyed to one address, self-loops left out.
#[derive(Clone, Copy, Debug)]
pub struct Flows<'a> {
    /// Money that came.
    pub inward: &'a [&'a MoneyFlow],
    /// Money that went.
    pub outward: &'a [&'a MoneyFlow],
}

/// What is known of an address: its feature row and its flow rows.
pub struct AddressView<'a> {
    columns: &'a [Option<&'a [f64]>],
    row: Option<usize>,
    times: [f64; 2],
    /// `None` where the batch has no flows table.
    pub flows: Option<Flows<'a>>,
    /// The window of whoever asks.
    pub window: Window,
}

impl AddressView<'_> {
    /// A column of the address's feature row, by its place in [`COLUMNS`]; NaN where absent.
    pub fn column(&self, place: usize) -> f64 {
        match (self.row, self.columns[place]) {
            (Some(row), Some(values)) => values[row],
            _ => f64::NAN,
        }
    }

    /// First activity, milliseconds since 1970 UTC; NaN where unknown.
    pub fn first_ms(&self) -> f64 {
        let seen = self.all_flows().map(|f| f.first_seen_timestamp as f64);
        if self.times[0].is_nan() { seen.fold(f64::NAN, f64::min) } else { self.times[0] }
    }

    /// Last activity, milliseconds since 1970 UTC; NaN where unknown.
    pub fn last_ms(&self) -> f64 {
        let seen = self.all_flows().map(|f| f.last_seen_timestamp as f64);
        if self.times[1].is_nan() { seen.fold(f64::NAN, f64::max) } else { self.times[1] }
    }

    fn all_flows(&self) -> impl Iterator<Item = &MoneyFlow> {
        self.flows.into_iter().flat_map(|f| f.inward.iter().chain(f.outward)).copied()
    }
}

/// What is known of an alert: its own row, its address, the clusters that name it.
pub struct AlertView<'a> {
    /// Its own row.
    pub alert: &'a Alert,
    /// Numbers in its evidence.
    pub evidence: Evidence,
    /// Its address.
    pub address: AddressView<'a>,
    /// In the order of their ids; `None` where the batch has no clusters table.
    pub clusters: Option<&'a [&'a Cluster]>,
}

/// What is known of a cluster: its own row and its addresses.
pub struct ClusterView<'a> {
    /// Its own row.
    pub cluster: &'a Cluster,
    /// Its addresses, in alphabetic order.
    pub members: Vec<AddressView<'a>>,
}

/// Milliseconds of a day.
pub const DAY_MS: f64 = 86_400_000.0;

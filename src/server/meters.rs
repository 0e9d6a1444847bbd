//! What `/metrics` counts.

use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Counters, histograms and gauges of one server.
pub(super) struct Meters {
    registry: Registry,
    /// By route and status.
    pub(super) requests: IntCounterVec,
    /// By route.
    pub(super) seconds: HistogramVec,
    /// Alerts that got a score.
    pub(super) alerts_scored: IntCounter,
    /// Alerts that got a rank.
    pub(super) alerts_ranked: IntCounter,
    /// Clusters that got a score.
    pub(super) clusters_scored: IntCounter,
    /// Requests computed or waiting.
    pub(super) in_flight: IntGauge,
    /// Requests that wait for a worker.
    pub(super) waiting: IntGauge,
    /// Records in the audit log.
    pub(super) audit_records: IntGauge,
    /// Seconds since the start.
    pub(super) uptime: IntGauge,
    /// Resident bytes; 0 where the platform does not say.
    pub(super) memory: IntGauge,
    /// 1 for the loaded bundle, whose digest is the label.
    pub(super) bundle: IntGaugeVec,
    /// The same for the challenger.
    pub(super) challenger: IntGaugeVec,
    /// Distance of champion's and challenger's scores, by model.
    pub(super) shadow_differences: HistogramVec,
    /// Scores given, by model.
    pub(super) scores: HistogramVec,
    /// PSI of features of the last rows against training, by model and feature.
    pub(super) drift: GaugeVec,
    /// PSI of scores of the last rows against training, by model.
    pub(super) score_drift: GaugeVec,
    /// Share of the last rows that lack a feature, by model and feature.
    pub(super) missing: GaugeVec,
    /// Rows that the two are about, by model.
    pub(super) drift_rows: IntGaugeVec,
    /// Batches that the challenger did not score.
    pub(super) shadow_skipped: IntCounter,
}

/// Upper bounds of the histogram of scores.
const TENTHS: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Upper bounds of the histogram of score differences.
const DIFFERENCES: [f64; 8] = [0.0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5];

/// Upper bounds of the latency histogram in seconds: from one explained alert to the longest allowed request.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0];

impl Meters {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let opts = |name: &str, help: &str| Opts::new(name, help).namespace("aml_miner");
        let counter = |name, help| IntCounter::with_opts(opts(name, help));
        let gauge = |name, help| IntGauge::with_opts(opts(name, help));
        let requests = opts("http_requests_total", "Requests answered, by route and status.");
        let seconds =
            HistogramOpts::from(opts("http_request_seconds", "Seconds from request to answer, by route."));
        let bundle = opts("bundle_loaded", "1 for the loaded bundle of models, named by its SHA-256.");
        let challenger = opts("challenger_loaded", "1 for the challenger's bundle, named by its SHA-256.");
        let differences = HistogramOpts::from(opts(
            "shadow_score_difference",
            "Distance of champion's and challenger's scores, by model.",
        ));
        let scores = HistogramOpts::from(opts("score", "Scores given, by model."));
        let drift = opts("feature_drift_psi", "PSI of a feature's values in the last rows against training.");
        let score_drift = opts("score_drift_psi", "PSI of the last rows' scores against training.");
        let missing = opts("feature_missing_ratio", "Share of the last rows that lack the feature.");
        let drift_rows = opts("drift_rows", "Rows that the figures of drift are about, by model.");
        let meters = Meters {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &["route", "status"])?,
            seconds: HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &["route"])?,
            alerts_scored: counter("alerts_scored_total", "Alerts that got a score.")?,
            alerts_ranked: counter("alerts_ranked_total", "Alerts that got a rank.")?,
            clusters_scored: counter("clusters_scored_total", "Clusters that got a score.")?,
            in_flight: gauge("requests_in_flight", "Scoring requests computed or waiting.")?,
            waiting: gauge("requests_waiting", "Scoring requests that wait for a worker.")?,
            audit_records: gauge("audit_records", "Records in the audit log, over all of its files.")?,
            uptime: gauge("uptime_seconds", "Seconds since the server started.")?,
            memory: gauge("resident_memory_bytes", "Resident memory; 0 where the platform does not say.")?,
            bundle: IntGaugeVec::new(bundle, &["model_digest"])?,
            challenger: IntGaugeVec::new(challenger, &["model_digest"])?,
            shadow_differences: HistogramVec::new(differences.buckets(DIFFERENCES.to_vec()), &["model"])?,
            scores: HistogramVec::new(scores.buckets(TENTHS.to_vec()), &["model"])?,
            drift: GaugeVec::new(drift, &["model", "feature"])?,
            score_drift: GaugeVec::new(score_drift, &["model"])?,
            missing: GaugeVec::new(missing, &["model", "feature"])?,
            drift_rows: IntGaugeVec::new(drift_rows, &["model"])?,
            shadow_skipped: counter("shadow_skipped_total", "Batches that the challenger did not score.")?,
        };
        meters.register()?;
        Ok(meters)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(self.requests.clone()))?;
        self.registry.register(Box::new(self.seconds.clone()))?;
        for counter in [&self.alerts_scored, &self.alerts_ranked, &self.clusters_scored] {
            self.registry.register(Box::new(counter.clone()))?;
        }
        for gauge in [&self.in_flight, &self.waiting, &self.audit_records, &self.uptime, &self.memory] {
            self.registry.register(Box::new(gauge.clone()))?;
        }
        self.registry.register(Box::new(self.shadow_differences.clone()))?;
        self.registry.register(Box::new(self.scores.clone()))?;
        self.registry.register(Box::new(self.drift.clone()))?;
        self.registry.register(Box::new(self.score_drift.clone()))?;
        self.registry.register(Box::new(self.missing.clone()))?;
        self.registry.register(Box::new(self.drift_rows.clone()))?;
        self.registry.register(Box::new(self.shadow_skipped.clone()))?;
        self.registry.register(Box::new(self.challenger.clone()))?;
        self.registry.register(Box::new(self.bundle.clone()))
    }

    /// The text exposition format of Prometheus, version 0.0.4.
    pub(super) fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

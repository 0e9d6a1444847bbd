//! The calls of the service, each named once: routing, the list at `/`, the labels of the metrics and the OpenAPI
//! document all follow from this table.

use warp::http::Method;

use super::access::Access;
use super::error::ApiError;
use super::keys::Scope;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Info,
    ScoreAlerts,
    RankAlerts,
    ScoreClusters,
    Health,
    Live,
    Ready,
    Version,
    Metrics,
    OpenApi,
    Docs,
    DocsScript,
    DocsStyle,
    V2Server,
    V2Live,
    V2Ready,
    V2Model,
    V2ModelReady,
    V2Infer,
    V2Explain,
    AdminModels,
    AdminReload,
    AdminRollback,
    AdminChallenger,
    StoredAlerts,
    StoredAlertsLatest,
    StoredRankings,
    StoredRankingsLatest,
    StoredClusters,
    StoredClustersLatest,
    StoredMetadata,
    StoredMetadataLatest,
    MetadataHistory,
    Dates,
    LatestDate,
    Networks,
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// GET, and HEAD.
    Get,
    /// POST.
    Post,
}

/// A call and its address.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) call: Call,
    pub(super) verb: Verb,
    /// Segments in braces stand for any one segment.
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// Group in the documentation.
    pub(super) tag: &'static str,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
}

impl Spec {
    /// Whether it belongs to the Open Inference Protocol, which has refusals of its own shape.
    pub(super) fn is_v2(&self) -> bool {
        self.tag == V2
    }
}

const V2: &str = "v2";
/// What changes the server.
pub(super) const ADMIN: &str = "admin";
/// What a batch run left to read.
pub(super) const STORED: &str = "stored results";

/// Every call.
pub(super) const CALLS: &[Spec] = &[
    score(Call::ScoreAlerts, "/score/alerts", "scores", "A probability and its explanation for every alert"),
    score(Call::RankAlerts, "/rank/alerts", "scores", "The alerts as a queue, rank 1 first"),
    score(
        Call::ScoreClusters,
        "/score/clusters",
        "scores",
        "A probability and its explanation for every cluster",
    ),
    open(Call::Health, "/health", "state", "Whether models are loaded"),
    open(Call::Live, "/livez", "state", "Whether to restart the program"),
    open(Call::Ready, "/readyz", "state", "Whether to send it work"),
    read(Call::Version, "/version", "state", "Versions and digests of the models"),
    read(Call::Metrics, "/metrics", "state", "Counters as Prometheus text"),
    read(
        Call::StoredAlertsLatest,
        "/scores/alerts/latest",
        STORED,
        "Stored scores of alerts, of the last day",
    ),
    read(
        Call::StoredRankingsLatest,
        "/rankings/alerts/latest",
        STORED,
        "A stored queue of alerts, of the last day",
    ),
    read(
        Call::StoredClustersLatest,
        "/scores/clusters/latest",
        STORED,
        "Stored scores of clusters, of the last day",
    ),
    read(Call::StoredMetadataLatest, "/metadata/latest", STORED, "What is stored of a day, of the last day"),
    read(Call::MetadataHistory, "/metadata/history", STORED, "What is stored of every day, last first"),
    read(Call::StoredAlerts, "/scores/alerts/{date}", STORED, "Stored scores of alerts"),
    read(Call::StoredRankings, "/rankings/alerts/{date}", STORED, "A stored queue of alerts"),
    read(Call::StoredClusters, "/scores/clusters/{date}", STORED, "Stored scores of clusters"),
    read(Call::StoredMetadata, "/metadata/{date}", STORED, "What is stored of a day"),
    read(Call::Dates, "/dates/available", STORED, "Days of which results are stored"),
    read(Call::LatestDate, "/dates/latest", STORED, "The last of them"),
    read(Call::Networks, "/networks", STORED, "Networks of which results are stored"),
    admin(Verb::Get, Call::AdminModels, "/admin/models", "Bundles in memory and versions on disk"),
    admin(
        Verb::Post,
        Call::AdminReload,
        "/admin/reload",
        "Loads a version, checked by its digest, and lets it answer",
    ),
    admin(Verb::Post, Call::AdminRollback, "/admin/rollback", "Lets the bundle before answer again"),
    admin(
        Verb::Post,
        Call::AdminChallenger,
        "/admin/challenger",
        "Sets or removes the bundle that is compared",
    ),
    open(Call::V2Server, "/v2", V2, "Name, version and extensions of the server"),
    open(Call::V2Live, "/v2/health/live", V2, "Whether the server lives"),
    open(Call::V2Ready, "/v2/health/ready", V2, "Whether all three models are loaded"),
    read(Call::V2Model, "/v2/models/{name}", V2, "Inputs and outputs of a model"),
    read(Call::V2Model, "/v2/models/{name}/versions/{version}", V2, "The same of a version"),
    read(Call::V2ModelReady, "/v2/models/{name}/ready", V2, "Whether a model is loaded"),
    read(Call::V2ModelReady, "/v2/models/{name}/versions/{version}/ready", V2, "The same of a version"),
    score(Call::V2Infer, "/v2/models/{name}/infer", V2, "Scores of rows of features or of a batch"),
    score(Call::V2Infer, "/v2/models/{name}/versions/{version}/infer", V2, "The same by a version"),
    score(Call::V2Explain, "/v2/models/{name}/explain", V2, "Scores with the contributions of all features"),
    score(Call::V2Explain, "/v2/models/{name}/versions/{version}/explain", V2, "The same by a version"),
    open(Call::Info, "/", "documentation", "What this is"),
    open(Call::OpenApi, "/openapi.json", "documentation", "This document"),
    open(Call::Docs, "/docs", "documentation", "A page to try the calls"),
    open(Call::DocsScript, "/docs/page.js", "documentation", "The page's script"),
    open(Call::DocsStyle, "/docs/page.css", "documentation", "The page's style"),
];

/// What everybody may ask.
const fn open(call: Call, path: &'static str, tag: &'static str, summary: &'static str) -> Spec {
    Spec { call, verb: Verb::Get, path, access: Access::Open, tag, summary }
}

const fn read(call: Call, path: &'static str, tag: &'static str, summary: &'static str) -> Spec {
    Spec { call, verb: Verb::Get, path, access: Access::Needs(Scope::Read), tag, summary }
}

const fn admin(verb: Verb, call: Call, path: &'static str, summary: &'static str) -> Spec {
    Spec { call, verb, path, access: Access::Needs(Scope::Admin), tag: ADMIN, summary }
}

const fn score(call: Call, path: &'static str, tag: &'static str, summary: &'static str) -> Spec {
    Spec { call, verb: Verb::Post, path, access: Access::Needs(Scope::Score), tag, summary }
}

impl Verb {
    /// The methods, as the header `allow` lists them.
    pub(super) fn allow(self) -> &'static str {
        match self {
            Verb::Get => "GET, HEAD",
            Verb::Post => "POST",
        }
    }

    /// The method by which it is listed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Verb::Get => method == Method::GET || method == Method::HEAD,
            Verb::Post => method == Method::POST,
        }
    }
}

/// A call that was found, with what stands in the place of the path's braces.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) spec: &'static Spec,
    pub(super) names: Vec<&'a str>,
}

/// The call of a request's head.
///
/// # Errors
/// [`ApiError::NotFound`], or [`ApiError::Method`] where the path has another method.
pub(super) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a>, ApiError> {
    let (spec, names) = at(path).ok_or(ApiError::NotFound)?;
    if !spec.verb.takes(method) {
        return Err(ApiError::Method { allow: spec.verb.allow() });
    }
    Ok(Found { spec, names })
}

/// The address of a call as the table writes it, so that unknown addresses cannot add labels without end.
pub(super) fn label(path: &str) -> &'static str {
    at(path).map_or("other", |(spec, _)| spec.path)
}

fn at(path: &str) -> Option<(&'static Spec, Vec<&str>)> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    CALLS.iter().find_map(|spec| Some((spec, names(&spec.path[1..], path)?)))
}

/// What stands in the place of the braces; `None` where the path is another.
fn names<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    if !template.contains('{') {
        return (template == path).then(Vec::new);
    }
    let (mut expected, mut found) = (template.split('/'), path.split('/'));
    let mut names = vec![];
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return Some(names),
            (Some(hole), Some(name)) if hole.starts_with('{') && !name.is_empty() => names.push(name),
            (Some(word), Some(same)) if word == same => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_with_and_without_a_slash_at_its_end() {
        let call = |method, path| find(&method, path).map(|found| found.spec.call);
        assert_eq!(call(Method::GET, "/"), Ok(Call::Info));
        assert_eq!(call(Method::HEAD, "/health"), Ok(Call::Health));
        assert_eq!(call(Method::POST, "/score/alerts/"), Ok(Call::ScoreAlerts));
        assert_eq!(call(Method::GET, "/score/alerts"), Err(ApiError::Method { allow: "POST" }));
        for path in ["", "//", "//health", "/health/x", "/score", "/score/alerts//", "health"] {
            assert_eq!(call(Method::GET, path), Err(ApiError::NotFound), "{path:?}");
        }
        assert_eq!((label("/health/"), label("/what?")), ("/health", "other"));
    }

    #[test]
    fn braces_stand_for_one_segment() {
        assert_eq!(names("a/{b}/c", "a/x/c"), Some(vec!["x"]));
        for other in ["a//c", "a/x", "a/x/d", "a/x/c/d", "a/x/y/c"] {
            assert_eq!(names("a/{b}/c", other), None, "{other}");
        }
    }

    #[test]
    fn no_path_stands_twice() {
        for (i, spec) in CALLS.iter().enumerate() {
            assert!(CALLS[..i].iter().all(|other| other.path != spec.path), "{}", spec.path);
        }
    }
}

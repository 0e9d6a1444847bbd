//! The OpenAPI 3.1 document of the service: the calls from their table, answers from the types that are serialised,
//! bodies from the descriptions by which they are read. Nothing of it is written twice.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::access::Access;
use super::calls::{ADMIN, CALLS, Call, STORED, Spec, Verb};
use super::endpoints::{admin, health::Health, info::Info, live, stored, v2, version::Version};
use super::error::{ApiError, Refusal};
use super::results::{AlertResults, ClusterResults, DayMetadata, RankingResults};
use super::settings::{DEFAULT_TOP, MAX_TOP};
use super::wire::{ARROW, LINES};
use crate::aml::bundle::Kind;
use crate::aml::score::answer::{AlertRow, ClusterRow, RankRow};
use crate::aml::sot::body_schemas;

/// The document.
pub(super) fn document() -> Value {
    let mut types = SchemaSettings::draft2020_12()
        .with(|s| s.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut paths = Map::new();
    for spec in CALLS {
        let operation = operation(spec, &mut types);
        paths.insert(spec.path.to_owned(), json!({spec.verb.name().to_ascii_lowercase(): operation}));
    }
    let mut schemas = body_schemas(SCHEMAS);
    schemas.extend(types.take_definitions(true));
    let mut tags: Vec<&str> = CALLS.iter().map(|spec| spec.tag).collect();
    tags.dedup();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Scores, ranks and explains anti-money-laundering alerts",
            "description": env!("CARGO_PKG_DESCRIPTION"),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": tags.into_iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {"schemas": schemas, "headers": headers(), "securitySchemes": security_schemes()},
    })
}

const SCHEMAS: &str = "#/components/schemas/";

fn operation(spec: &Spec, types: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), success(spec.call, types));
    for error in errors(spec) {
        let refusal = json!({
            "description": error.status().canonical_reason(),
            "headers": error_headers(&error),
            "content": {"application/json": {"schema": if spec.is_v2() {
                types.subschema_for::<v2::V2Refusal>()
            } else {
                types.subschema_for::<Refusal>()
            }}},
        });
        responses.insert(error.status().as_u16().to_string(), refusal);
    }
    let mut operation = json!({
        "operationId": operation_id(spec),
        "tags": [spec.tag],
        "summary": spec.summary,
        "parameters": parameters(spec),
        "responses": responses,
    });
    if spec.access != Access::Open {
        // a server without keys lets everybody call, which is the empty alternative
        operation["security"] = json!([{"bearer": []}, {"key": []}, {}]);
    }
    if spec.verb == Verb::Post {
        let mut content = Map::new();
        let schema = match spec.call {
            Call::V2Infer | Call::V2Explain => types.subschema_for::<v2::InferRequest>().to_value(),
            Call::AdminReload | Call::AdminRollback | Call::AdminChallenger => {
                types.subschema_for::<admin::Choice>().to_value()
            }
            _ => {
                content = tabular_bodies();
                json!({"$ref": format!("{SCHEMAS}BatchData")})
            }
        };
        content.insert("application/json".to_owned(), json!({"schema": schema}));
        operation["requestBody"] = json!({"required": spec.tag != ADMIN, "content": content});
    }
    operation
}

/// Media type and schema of an answer.
fn success(call: Call, types: &mut SchemaGenerator) -> Value {
    let (media, schema) = match call {
        Call::ScoreAlerts => json_of::<Vec<AlertRow>>(types),
        Call::RankAlerts => json_of::<Vec<RankRow>>(types),
        Call::ScoreClusters => json_of::<Vec<ClusterRow>>(types),
        Call::Info => json_of::<Info>(types),
        Call::Health => json_of::<Health>(types),
        Call::Live => json_of::<live::Alive>(types),
        Call::Ready => json_of::<live::Readiness>(types),
        Call::Version => json_of::<Version>(types),
        Call::V2Server => json_of::<v2::ServerMetadata>(types),
        Call::V2Live => json_of::<v2::ServerLive>(types),
        Call::V2Ready => json_of::<v2::ServerReady>(types),
        Call::V2Model => json_of::<v2::ModelMetadata>(types),
        Call::V2ModelReady => json_of::<v2::ModelReady>(types),
        Call::V2Infer | Call::V2Explain => json_of::<v2::InferAnswer>(types),
        Call::StoredAlerts | Call::StoredAlertsLatest => json_of::<AlertResults>(types),
        Call::StoredRankings | Call::StoredRankingsLatest => json_of::<RankingResults>(types),
        Call::StoredClusters | Call::StoredClustersLatest => json_of::<ClusterResults>(types),
        Call::StoredMetadata | Call::StoredMetadataLatest => json_of::<DayMetadata>(types),
        Call::MetadataHistory => json_of::<Vec<DayMetadata>>(types),
        Call::Dates => json_of::<stored::Dates>(types),
        Call::LatestDate => json_of::<stored::LatestDate>(types),
        Call::Networks => json_of::<stored::Networks>(types),
        Call::AdminModels | Call::AdminReload | Call::AdminRollback | Call::AdminChallenger => {
            json_of::<admin::Bundles>(types)
        }
        Call::OpenApi => ("application/json", json!({"type": "object"})),
        Call::Metrics => text("text/plain"),
        Call::Docs => text("text/html"),
        Call::DocsScript => text("text/javascript"),
        Call::DocsStyle => text("text/css"),
    };
    let headers: Map<String, Value> = match call {
        Call::ScoreAlerts | Call::RankAlerts | Call::ScoreClusters | Call::V2Infer | Call::V2Explain => {
            ["x-score-digest", "x-model-digest", "x-model-network"].into_iter().map(header).collect()
        }
        _ => Map::new(),
    };
    let mut content = json!({media: {"schema": schema}});
    if matches!(call, Call::ScoreAlerts | Call::RankAlerts | Call::ScoreClusters) {
        content[LINES] = json!({"schema": {"type": "string", "description": "the rows, a line each"}});
        content[ARROW] = json!({"schema": bytes("the rows as one Arrow IPC stream")});
    }
    json!({"description": "The answer", "headers": headers, "content": content})
}

/// What a batch may be written in besides JSON.
fn tabular_bodies() -> Map<String, Value> {
    let part =
        |name| (String::from(name), bytes("a Parquet file, an Arrow IPC stream, or a JSON list of rows"));
    let parts: Map<String, Value> =
        ["alerts", "features", "clusters", "money_flows"].map(part).into_iter().collect();
    let form = json!({
        "type": "object", "properties": parts, "required": ["alerts", "features", "clusters"],
        "additionalProperties": false,
    });
    let lines = json!({"type": "string", "description": "objects with rows of some lists, a line each"});
    let streams = "an Arrow IPC stream for each table, one behind the other, named by `table` in the metadata of its schema";
    let content = [(LINES, lines), (ARROW, bytes(streams)), ("multipart/form-data", form)];
    content.into_iter().map(|(media, schema)| (media.to_owned(), json!({"schema": schema}))).collect()
}

/// Bytes that JSON Schema does not describe. Makers of clients know them by their format, which 3.1 no longer asks for.
fn bytes(description: &str) -> Value {
    json!({
        "type": "string", "format": "binary", "contentMediaType": "application/octet-stream", "description": description,
    })
}

fn json_of<T: JsonSchema>(types: &mut SchemaGenerator) -> (&'static str, Value) {
    ("application/json", types.subschema_for::<T>().to_value())
}

fn text(media: &'static str) -> (&'static str, Value) {
    (media, json!({"type": "string"}))
}

/// One refusal of each status that a call can have, beside those of paths and methods.
fn errors(spec: &Spec) -> Vec<ApiError> {
    let mut errors = match (spec.verb, spec.call) {
        (Verb::Post, _) => vec![
            ApiError::Truncated,
            ApiError::Slow,
            ApiError::TooLarge { limit: 0 },
            ApiError::MediaType { reason: String::new() },
            ApiError::Invalid(vec![]),
            ApiError::Internal,
            ApiError::NotLoaded,
        ],
        (_, Call::Ready | Call::V2Ready | Call::V2Model | Call::V2ModelReady) => vec![ApiError::NotLoaded],
        (_, Call::Metrics) => vec![ApiError::Internal],
        _ => vec![],
    };
    if let Access::Needs(scope) = spec.access {
        errors.extend([
            ApiError::NoKey,
            ApiError::Scope { scope },
            ApiError::RateLimited { retry_after_secs: 0 },
        ]);
    }
    if spec.tag == ADMIN && spec.verb == Verb::Post {
        errors.push(ApiError::Conflict(String::new()));
    }
    if spec.tag == STORED {
        errors.extend([ApiError::Absent(String::new()), ApiError::Invalid(vec![]), ApiError::Internal]);
    }
    if spec.is_v2() && spec.path.contains('{') {
        errors.push(ApiError::NoModel);
    }
    errors
}

/// The two headers that bring a key.
fn security_schemes() -> Value {
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key, where the server has keys"},
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key in a header of its own"},
    })
}

/// A name that no other call has.
fn operation_id(spec: &Spec) -> String {
    let words = spec.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(spec.verb.name()).chain(words).collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

fn error_headers(error: &ApiError) -> Map<String, Value> {
    match error {
        ApiError::NotLoaded | ApiError::RateLimited { .. } => Map::from_iter([header("retry-after")]),
        _ => Map::new(),
    }
}

fn parameters(spec: &Spec) -> Value {
    let mut parameters: Vec<Value> = spec.path.split('/').filter_map(path_parameter).collect();
    if matches!(spec.call, Call::ScoreAlerts | Call::ScoreClusters) {
        parameters.push(json!({
            "name": "top", "in": "query", "description": "how many features explanations name with reasons",
            "schema": {"type": "integer", "minimum": 0, "maximum": MAX_TOP, "default": DEFAULT_TOP},
        }));
        parameters.push(json!({
            "name": "explain", "in": "query", "description": "false leaves explanations out",
            "schema": {"type": "boolean", "default": true},
        }));
    }
    if spec.tag == STORED && spec.call != Call::Networks {
        parameters.push(json!({
            "name": "network", "in": "query", "description": "which network, where results of several are stored",
            "schema": {"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"},
        }));
    }
    json!(parameters)
}

fn path_parameter(segment: &str) -> Option<Value> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    let models: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
    let schema = match name {
        "name" => json!({"type": "string", "enum": models}),
        "date" => json!({"type": "string", "format": "date"}),
        _ => json!({"type": "string", "minLength": 1}),
    };
    Some(json!({"name": name, "in": "path", "required": true, "schema": schema}))
}

/// Headers that answers may have, by name.
fn headers() -> Value {
    let digest = json!({"type": "string", "pattern": "^[0-9a-f]{64}$"});
    json!({
        "x-score-digest": {
            "required": true, "schema": digest,
            "description": "SHA-256 of the answer's JSON without its latency_ms members",
        },
        "x-model-digest": {
            "required": true, "schema": digest,
            "description": "SHA-256 of the manifest of the bundle that answered",
        },
        "x-model-network": {
            "required": true, "schema": {"type": "string"},
            "description": "Networks that the models were trained on, with commas between them",
        },
        "retry-after": {
            "required": true, "schema": {"type": "integer", "minimum": 0}, "description": "Seconds to wait",
        },
    })
}

fn header(name: &str) -> (String, Value) {
    (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))
}

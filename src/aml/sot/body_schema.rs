//! JSON Schema (draft 2020-12) of a scoring request's body, from the descriptions of the tables by which it is read.
//!
//! A schema cannot say that ids stand once, nor how many items all lists together may have: a body that keeps it may still be
//! refused for that.

use serde_json::{Map, Value, json};

use super::batch::{Alert, Cluster, MoneyFlow};
use super::cell::{Cell, Check, NUMBER_PATTERN};
use super::features::NUMBER_COLUMNS;
use super::flows::PAYMENT_COLUMNS;
use super::request::{MAX_ALERTS, MAX_CLUSTERS, MAX_FEATURES, MAX_MONEY_FLOWS};
use super::schema::{ADDRESS, ColumnSpec, Presence, Record};

/// The schemas of a body, `BatchData`, and of the rows of its lists, by name; they refer to each other under `root`, such as
/// `#/components/schemas/`.
pub fn body_schemas(root: &str) -> Map<String, Value> {
    let list = |row: &str, most: usize| json!({"type": "array", "maxItems": most, "items": {"$ref": format!("{root}{row}")}});
    let mut flows = list("MoneyFlowOrPayment", MAX_MONEY_FLOWS);
    flows["type"] = json!(["array", "null"]);
    let batch = json!({
        "type": "object",
        "required": ["alerts", "features", "clusters"],
        "properties": {
            "alerts": list("Alert", MAX_ALERTS),
            "features": list("AddressFeatures", MAX_FEATURES),
            "clusters": list("Cluster", MAX_CLUSTERS),
            "money_flows": flows,
        },
    });
    let either = json!({"anyOf": [{"$ref": format!("{root}Payment")}, {"$ref": format!("{root}MoneyFlow")}]});
    let schemas = [
        ("BatchData", batch),
        ("Alert", row(Alert::COLUMNS)),
        ("AddressFeatures", features()),
        ("Cluster", row(Cluster::COLUMNS)),
        ("MoneyFlowOrPayment", either),
        ("MoneyFlow", flow()),
        ("Payment", payment()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// An object of these columns; other fields are ignored.
fn row(columns: &[ColumnSpec]) -> Value {
    let required: Vec<&str> =
        columns.iter().filter(|c| c.presence != Presence::Optional).map(|c| c.name).collect();
    let properties: Map<String, Value> = columns.iter().map(|c| (c.name.to_owned(), column(c))).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn column(spec: &ColumnSpec) -> Value {
    let schema = (spec.schema)(spec.check);
    if spec.presence == Presence::Optional { or_null(schema) } else { schema }
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// An address and whatever else; what the models read is numbers, flags, numbers as text, or missing.
fn features() -> Value {
    let number = json!({"type": ["number", "string", "boolean", "null"], "pattern": format!("{NUMBER_PATTERN}|{MISSING_PATTERN}")});
    let mut schema = row(&[ADDRESS]);
    for name in NUMBER_COLUMNS {
        schema["properties"][name] = number.clone();
    }
    schema
}

/// What text stands for a missing number.
const MISSING_PATTERN: &str = r"^\s*(NA|N/A|NaN|nan|null|NULL|None)?\s*$";

/// A directed pair: what only transfers have makes a row a transfer.
fn flow() -> Value {
    let mut schema = row(MoneyFlow::COLUMNS);
    schema["not"] = json!({"anyOf": [{"required": ["source_address"]}, {"required": ["dest_address"]}]});
    schema
}

fn payment() -> Value {
    let mut schema = row(PAYMENT_COLUMNS);
    schema["properties"]["timestamp"] = json!({"anyOf": [
        <i64 as Cell>::schema(Check::Any), {"type": "string", "format": "date-time"}, {"type": "null"}
    ]});
    schema
}

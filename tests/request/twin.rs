//! Every fault of a body, found slowly in a tree of values.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::sot::{Check, NUMBER_COLUMNS, Presence, TableKind};
use serde_json::{Map, Value, json};

type Fault = (&'static str, &'static str);

/// All of them as JSON text, in the order in which they are told.
pub(crate) fn faults(body: &Value) -> Vec<String> {
    let mut found = Found(vec![]);
    let Some(body) = body.as_object() else {
        found.add(json!(["body"]), "Input should be a valid dictionary", "dict_type");
        return found.0;
    };
    let alerts = records(body, TableKind::Alerts, &mut found);
    let clusters = records(body, TableKind::Clusters, &mut found);
    for (table, key, rows) in [("alerts", "alert_id", alerts), ("clusters", "cluster_id", clusters)] {
        if found.0.is_empty() {
            if let Some((first, second)) = repeated(rows, key) {
                let msg = format!("Value error, already the key of {table}[{first}]");
                found.add(json!(["body", table, second, key]), &msg, "value_error");
            }
        }
    }
    features(list(body, "features", &mut found), &mut found);
    if body.get("money_flows").is_some_and(|flows| !flows.is_null()) {
        flows(list(body, "money_flows", &mut found), &mut found);
    }
    found.0
}

struct Found(Vec<String>);

impl Found {
    fn add(&mut self, loc: Value, msg: &str, kind: &str) {
        let (loc, msg, kind) = (loc.to_string(), json!(msg), json!(kind));
        self.0.push(format!("{{\"loc\":{loc},\"msg\":{msg},\"type\":{kind}}}"));
    }
}

fn list<'a>(body: &'a Map<String, Value>, name: &str, found: &mut Found) -> &'a [Value] {
    match body.get(name) {
        None => found.add(json!(["body", name]), "Field required", "missing"),
        Some(Value::Array(items)) => return items,
        Some(_) => found.add(json!(["body", name]), "Input should be a valid list", "list_type"),
    }
    &[]
}

fn records<'a>(body: &'a Map<String, Value>, table: TableKind, found: &mut Found) -> &'a [Value] {
    let rows = list(body, table.name(), found);
    for (i, row) in rows.iter().enumerate() {
        record(row, table, i, found);
    }
    rows
}

/// Whether the row is without fault.
fn record(row: &Value, table: TableKind, i: usize, found: &mut Found) -> bool {
    let before = found.0.len();
    let Some(row) = row.as_object() else {
        found.add(json!(["body", table.name(), i]), "Input should be a valid dictionary", "dict_type");
        return false;
    };
    for column in table.columns() {
        let optional = column.presence == Presence::Optional;
        let fault = field(row.get(column.name), column.kind, column.check, optional);
        if let Some((msg, kind)) = fault {
            found.add(json!(["body", table.name(), i, column.name]), msg, kind);
        }
    }
    found.0.len() == before
}

fn field(value: Option<&Value>, kind: &str, check: Check, optional: bool) -> Option<Fault> {
    match value {
        None | Some(Value::Null) if optional => None,
        None => Some(("Field required", "missing")),
        Some(value) => cell(value, kind).or_else(|| broken(value, check)),
    }
}

/// Why a value is none of its column's kind.
fn cell(value: &Value, kind: &str) -> Option<Fault> {
    let text = value.as_str();
    match kind {
        "text" => text.is_none().then_some(("Input should be a valid string", "string_type")),
        "a number" => match (value, text) {
            (Value::Number(_), _) => None,
            (_, Some(text)) => text.trim().parse::<f64>().is_err().then_some((
                "Input should be a valid number, unable to parse string as a number",
                "float_parsing",
            )),
            _ => Some(("Input should be a valid number", "float_type")),
        },
        "true or false" => {
            let number = value.as_f64();
            let flag = value.is_boolean() || number == Some(0.0) || number == Some(1.0);
            (!flag).then_some(("Input should be a valid boolean", "bool_type"))
        }
        "a date (YYYY-MM-DD)" => match text {
            None => Some(("Input should be a valid date", "date_type")),
            Some(text) => (!text.starts_with("2025-"))
                .then_some(("Input should be a valid date in the format YYYY-MM-DD", "date_parsing")),
        },
        "a list of text" => match value.as_array() {
            None => Some(("Input should be a valid list", "list_type")),
            Some(items) => (!items.iter().all(Value::is_string))
                .then_some(("Input should be a list of valid strings", "string_type")),
        },
        "a list of whole numbers, not negative" => match value.as_array() {
            None => Some(("Input should be a valid list", "list_type")),
            Some(items) => (!items.iter().all(Value::is_u64))
                .then_some(("Input should be a list of valid integers, not negative", "int_type")),
        },
        "a whole number from 0 to 4294967295" => whole(value, 0, u32::MAX.into()),
        "a whole number, not negative" => whole(value, 0, u64::MAX.into()),
        "a whole number" => whole(value, i64::MIN.into(), i64::MAX.into()),
        other => panic!("a kind without a rule: {other}"),
    }
}

fn whole(value: &Value, least: i128, most: i128) -> Option<Fault> {
    let number = match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => i128::from(number),
            (_, Some(number), _) => i128::from(number),
            (.., Some(number)) if number.fract() == 0.0 && number.abs() < 1e18 => number as i128,
            _ => {
                return Some((
                    "Input should be a valid integer, got a number with a fractional part",
                    "int_from_float",
                ));
            }
        },
        Value::String(text) => match text.trim().parse() {
            Ok(number) => number,
            Err(_) => {
                return Some((
                    "Input should be a valid integer, unable to parse string as an integer",
                    "int_parsing",
                ));
            }
        },
        _ => return Some(("Input should be a valid integer", "int_type")),
    };
    if (least..=most).contains(&number) {
        None
    } else if number < 0 && least == 0 {
        Some(("Input should be greater than or equal to 0", "greater_than_equal"))
    } else {
        Some(("Unable to parse input string as an integer, exceeded maximum size", "int_parsing_size"))
    }
}

/// Why a cell does not keep its column's check.
fn broken(value: &Value, check: Check) -> Option<Fault> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).unwrap_or(f64::NAN);
    match check {
        Check::Any => None,
        Check::NotEmpty => {
            (value == "").then_some(("String should have at least 1 character", "string_too_short"))
        }
        Check::Finite => {
            (!number.is_finite()).then_some(("Input should be a finite number", "finite_number"))
        }
        Check::Amount => (!(number.is_finite() && number >= 0.0))
            .then_some(("Input should be a finite number, greater than or equal to 0", "greater_than_equal")),
    }
}

fn repeated(rows: &[Value], key: &str) -> Option<(usize, usize)> {
    let mut seen = BTreeMap::new();
    rows.iter().enumerate().find_map(|(i, row)| seen.insert(row[key].as_str(), i).map(|first| (first, i)))
}

fn features(rows: &[Value], found: &mut Found) {
    let mut seen: Vec<&str> = vec![];
    for (i, row) in rows.iter().enumerate() {
        let Some(row) = row.as_object() else {
            found.add(json!(["body", "features", i]), "Input should be a valid dictionary", "dict_type");
            continue;
        };
        if let Some((msg, kind)) = field(row.get("address"), "text", Check::NotEmpty, false) {
            found.add(json!(["body", "features", i, "address"]), msg, kind);
            continue;
        }
        let address = row["address"].as_str().unwrap();
        if let Some(first) = seen.iter().position(|known| *known == address) {
            let msg = format!("Value error, already the key of features[{first}]");
            found.add(json!(["body", "features", i, "address"]), &msg, "value_error");
            continue;
        }
        seen.push(address);
        let keys = BTreeSet::from(["address", "processing_date", "window_days", "network", "_version"]);
        for (name, value) in row.iter().filter(|(name, _)| !keys.contains(name.as_str())) {
            if let Some((msg, kind)) = feature(name, value) {
                found.add(json!(["body", "features", i, name]), msg, kind);
            }
        }
    }
}

fn feature(name: &str, value: &Value) -> Option<Fault> {
    let text = value.as_str().map(str::trim);
    let parsed: Option<f64> = text.and_then(|text| text.parse().ok());
    if !NUMBER_COLUMNS.contains(&name) || parsed.is_some_and(f64::is_finite) {
        return None;
    }
    match value {
        Value::Number(_) | Value::Bool(_) | Value::Null => None,
        Value::String(_) if matches!(text, Some("" | "NaN" | "null" | "NA" | "nan" | "None")) => None,
        Value::String(_) if parsed.is_some() => Some(("Input should be a finite number", "finite_number")),
        Value::String(_) => {
            Some(("Input should be a valid number, unable to parse string as a number", "float_parsing"))
        }
        Value::Array(_) | Value::Object(_) => Some(("Input should be a valid number", "float_type")),
    }
}

fn flows(rows: &[Value], found: &mut Found) {
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        if row.get("source_address").is_some() || row.get("dest_address").is_some() {
            payment(row.as_object().unwrap(), i, found);
        } else if record(row, TableKind::MoneyFlows, i, found) {
            let name = |field: &str| row[field].as_str().unwrap().to_owned();
            match seen.get(&(name("from_address"), name("to_address"))) {
                None => _ = seen.insert((name("from_address"), name("to_address")), i),
                Some(first) => {
                    let msg = format!("Value error, already the key of money_flows[{first}]");
                    found.add(json!(["body", "money_flows", i, "to_address"]), &msg, "value_error");
                }
            }
        }
    }
}

fn payment(row: &Map<String, Value>, i: usize, found: &mut Found) {
    for (name, kind, check, optional) in [
        ("source_address", "text", Check::NotEmpty, false),
        ("dest_address", "text", Check::NotEmpty, false),
        ("amount_usd", "a number", Check::Amount, false),
        ("asset", "text", Check::Any, true),
    ] {
        if let Some((msg, kind)) = field(row.get(name), kind, check, optional) {
            found.add(json!(["body", "money_flows", i, name]), msg, kind);
        }
    }
    let time = match row.get("timestamp") {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().parse::<i64>().is_ok(),
        Some(value) => whole(value, i64::MIN.into(), i64::MAX.into()).is_none(),
    };
    if !time {
        found.add(
            json!(["body", "money_flows", i, "timestamp"]),
            "Input should be a valid datetime",
            "datetime_parsing",
        );
    }
}

//! A body that comes in lines: each an object with some rows of some of the lists, put together into one body.
//!
//! A list may stand in any number of lines, with all of its rows, some, or one alone without brackets. However a batch is cut into
//! lines, it is the same batch; its rows keep the order of the lines.

use serde_json::{Map, Value};

use super::error::{ApiError, Fault};

/// The longest line in bytes: a line is held as a tree, which is many times its size.
pub(super) const MAX_LINE_BYTES: usize = 4 << 20;

/// The lists of a body.
const LISTS: [&str; 4] = ["alerts", "features", "clusters", "money_flows"];

/// The lines as one body.
///
/// # Errors
/// Naming the line: it is not JSON, too long, or no object of lists.
pub(super) fn merged(lines: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut lists: [Vec<u8>; 4] = Default::default();
    for (number, line) in lines.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(fault(
                number,
                &[],
                &format!("a line has at most {MAX_LINE_BYTES} bytes"),
                "too_long",
            ));
        }
        let read: Value = serde_json::from_slice(line)
            .map_err(|error| ApiError::NotJson(format!("line {}: {error}", number + 1)))?;
        let Value::Object(fields) = read else {
            return Err(fault(number, &[], "Input should be a valid dictionary", "dict_type"));
        };
        add(number, &fields, &mut lists)?;
    }
    let mut body = b"{".to_vec();
    for (i, (name, rows)) in LISTS.iter().zip(lists).enumerate() {
        let comma = if i > 0 { "," } else { "" };
        body.extend_from_slice(format!("{comma}\"{name}\":[").as_bytes());
        body.extend(rows);
        body.push(b']');
    }
    body.push(b'}');
    Ok(body)
}

fn add(number: usize, fields: &Map<String, Value>, lists: &mut [Vec<u8>; 4]) -> Result<(), ApiError> {
    for (name, rows) in LISTS.iter().zip(lists) {
        let items = match fields.get(*name) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(items)) => items.as_slice(),
            Some(item @ Value::Object(_)) => std::slice::from_ref(item),
            Some(_) => return Err(fault(number, &[*name], "Input should be a valid list", "list_type")),
        };
        for item in items {
            if !rows.is_empty() {
                rows.push(b',');
            }
            serde_json::to_writer(&mut *rows, item).map_err(|_| ApiError::Internal)?;
        }
    }
    Ok(())
}

fn fault(number: usize, place: &[&str], msg: &str, kind: &str) -> ApiError {
    let line = format!("line {}", number + 1);
    Fault::in_body(&[&[line.as_str()][..], place].concat(), msg, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_in_order() {
        let lines = b"{\"alerts\": [1, 2]}\r\n\n{\"alerts\": {\"a\": 0.1}, \"features\": [], \"more\": 7}\n{\"alerts\": []}";
        let body = String::from_utf8(merged(lines).expect("sound")).expect("text");
        assert_eq!(body, r#"{"alerts":[1,2,{"a":0.1}],"features":[],"clusters":[],"money_flows":[]}"#);
        assert!(matches!(merged(b"{}\n{"), Err(ApiError::NotJson(reason)) if reason.starts_with("line 2")));
        for bad in ["[]", "7", "{\"alerts\": 7}"] {
            assert!(matches!(merged(bad.as_bytes()), Err(ApiError::Invalid(_))), "{bad}");
        }
        let long = format!("{{\"alerts\": [\"{}\"]}}", "x".repeat(MAX_LINE_BYTES));
        assert!(matches!(merged(long.as_bytes()), Err(ApiError::Invalid(_))));
    }
}

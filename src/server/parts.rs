//! A form: a body of several parts, each with a name, between lines that no part contains.
//!
//! In: the bytes of a `multipart/form-data` body. Out: names and bytes of its parts, cut out and not copied. Sources: RFC 7578, RFC 2046
//! section 5.1.1.

use memchr::memmem;

use super::error::ApiError;
use crate::aml::sot::TablePart;

/// The most parts of a form: each table once, and then some to say what is too much.
const MAX_PARTS: usize = 16;

/// The longest head of a part in bytes.
const MAX_HEAD: usize = 8 << 10;

/// Takes a form apart. Without a `boundary` its first line is taken for it.
///
/// # Errors
/// [`ApiError::NotTables`]: it does not begin with the boundary, or a part is cut off or has no name.
pub(super) fn parts<'a>(body: &'a [u8], boundary: Option<&str>) -> Result<Vec<TablePart<'a>>, ApiError> {
    let refused = |reason: &str| Err(ApiError::NotTables(format!("not a form: {reason}")));
    let line = body.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let expected = boundary.map(|boundary| format!("--{boundary}"));
    if !line.starts_with(b"--") || expected.is_some_and(|expected| line != expected.as_bytes()) {
        return refused("expected its boundary in the first line");
    }
    let delimiter = [b"\r\n", line].concat();
    let finder = memmem::Finder::new(&delimiter);
    let mut rest = &body[line.len()..];
    let mut parts = vec![];
    loop {
        match rest {
            [b'-', b'-', ..] => return Ok(parts),
            [b'\r', b'\n', ..] if parts.len() < MAX_PARTS => {}
            [b'\r', b'\n', ..] => return refused(&format!("more than {MAX_PARTS} parts")),
            _ => return refused("expected a line's end or two dashes behind its boundary"),
        }
        // a part without a head begins with an empty line, whose end is also that of the boundary's
        let Some(head) = memmem::find(&rest[..rest.len().min(MAX_HEAD)], b"\r\n\r\n") else {
            return refused("a part whose head does not end");
        };
        let content = &rest[head + 4..];
        let Some(end) = finder.find(content) else {
            return refused("it is cut off: its last boundary is missing");
        };
        let Some(name) = name(&rest[..head]) else { return refused("a part without a name") };
        parts.push(TablePart { name, bytes: &content[..end] });
        rest = &content[end + delimiter.len()..];
    }
}

/// The name in a part's `content-disposition: form-data; name="..."`.
fn name(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let parameters = disposition.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut names = parameters.filter(|(key, _)| key.trim().eq_ignore_ascii_case("name"));
    names.next().map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--x-y\r\nContent-Disposition: form-data; name=\"alerts\"; filename=\"a;b.parquet\"\r\n\
        Content-Type: application/octet-stream\r\n\r\nPAR1\r\n--x\r\n\r\n--x-y\r\ncontent-disposition:form-data;name=clusters\r\n\r\n\
        []\r\n--x-y--\r\n";

    #[test]
    fn parts_are_cut_out_to_the_byte() {
        for boundary in [None, Some("x-y")] {
            let parts = parts(FORM, boundary).expect("sound");
            let parts: Vec<_> = parts.iter().map(|part| (part.name, part.bytes)).collect();
            assert_eq!(parts, [("alerts", &b"PAR1\r\n--x\r\n"[..]), ("clusters", b"[]")]);
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        for length in 0..FORM.len() - 3 {
            assert!(parts(&FORM[..length], None).is_err(), "{}", String::from_utf8_lossy(&FORM[..length]));
        }
        assert!(parts(FORM, Some("other")).is_err());
        assert!(parts(b"--x\r\n\r\n\r\n\r\n--x--", None).is_err());
        let many =
            [&b"--b"[..], &b"\r\ncontent-disposition: form-data; name=a\r\n\r\n\r\n--b".repeat(17), b"--"]
                .concat();
        assert!(
            matches!(parts(&many, None), Err(ApiError::NotTables(reason)) if reason.contains("16 parts"))
        );
    }
}

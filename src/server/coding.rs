//! Compressed bodies, both ways: gzip and zstd. Scores and digests are those of the text, whatever it travels in.

use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use warp::http::HeaderMap;
use warp::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, VARY};
use warp::reply::Response;

use super::body::{Bodies, Body};
use super::error::ApiError;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Zstd,
}

/// An answer shorter than this many bytes is sent as it is.
const WORTH_IT: usize = 1024;

/// Bytes that are inflated at a time.
const CHUNK: usize = 256 << 10;

impl Coding {
    /// The coding that a request's head declares; `None` where the body is as it is.
    ///
    /// # Errors
    /// [`ApiError::MediaType`] for codings that are not taken.
    pub(super) fn declared(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(found) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
        let found = String::from_utf8_lossy(found.as_bytes()).trim().to_ascii_lowercase();
        match found.as_str() {
            "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Coding::Gzip)),
            "zstd" => Ok(Some(Coding::Zstd)),
            _ => Err(ApiError::MediaType {
                reason: format!("expected content-encoding gzip, zstd or identity, found {found:?}"),
            }),
        }
    }

    /// The coding that a client likes best; of equal ones zstd, which costs less. `None` where it names neither.
    pub(super) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let liked = preferences(headers, &ACCEPT_ENCODING);
        let of = |names: &[&str]| {
            let named =
                liked.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, weight)| *weight);
            named.fold(0, u32::max)
        };
        match (of(&["zstd"]), of(&["gzip", "x-gzip"])) {
            (0, 0) => None,
            (zstd, gzip) => Some(if zstd >= gzip { Coding::Zstd } else { Coding::Gzip }),
        }
    }

    /// Inflates a body in place, within the limits of all bodies: a small one may hold a huge one.
    ///
    /// # Errors
    /// [`ApiError::NotCoded`] when it is not what it says, else those of [`Bodies`].
    pub(super) fn inflate(self, bodies: &Bodies, body: &mut Body) -> Result<(), ApiError> {
        let packed = std::mem::take(&mut body.bytes);
        let fault = |error: io::Error| ApiError::NotCoded { coding: self.name(), reason: error.to_string() };
        let mut reader: Box<dyn Read + '_> = match self {
            Coding::Gzip => Box::new(MultiGzDecoder::new(packed.as_slice())),
            Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(packed.as_slice()).map_err(fault)?),
        };
        let mut chunk = vec![0; CHUNK];
        loop {
            let n = reader.read(&mut chunk).map_err(fault)?;
            if n == 0 {
                return Ok(());
            }
            bodies.append(body, &chunk[..n])?;
        }
    }

    /// Compresses an answer, quickly rather than well.
    ///
    /// # Errors
    /// [`ApiError::Internal`]: memory takes every byte.
    fn deflate(self, bytes: &[u8]) -> Result<Vec<u8>, ApiError> {
        let packed = match self {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
            Coding::Zstd => zstd::bulk::compress(bytes, 1),
        };
        packed.map_err(|_| ApiError::Internal)
    }

    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
        }
    }
}

/// An answer as it travels.
pub(super) struct Coded {
    pub(super) bytes: Vec<u8>,
    coding: Option<Coding>,
}

impl Coded {
    /// An answer in the coding that the client likes, where it is worth it.
    ///
    /// # Errors
    /// [`ApiError::Internal`].
    pub(super) fn new(bytes: Vec<u8>, headers: &HeaderMap) -> Result<Self, ApiError> {
        match Coding::wanted(headers).filter(|_| bytes.len() >= WORTH_IT) {
            Some(coding) => Ok(Coded { bytes: coding.deflate(&bytes)?, coding: Some(coding) }),
            None => Ok(Coded { bytes, coding: None }),
        }
    }

    /// Says on the response how it is coded.
    pub(super) fn mark(coding: Option<Coding>, mut response: Response) -> Response {
        response.headers_mut().append(VARY, HeaderValue::from_static("accept, accept-encoding"));
        if let Some(coding) = coding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        response
    }

    /// Its bytes and how they are coded.
    pub(super) fn parts(self) -> (Vec<u8>, Option<Coding>) {
        (self.bytes, self.coding)
    }
}

/// What a client accepts, lower case, each with a weight of 0 to 1000 (RFC 9110, 12.4.2); unreadable weights count as 0.
pub(super) fn preferences(headers: &HeaderMap, name: &warp::http::header::HeaderName) -> Vec<(String, u32)> {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let mut all = vec![];
    for item in lists.flat_map(|list| list.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let what = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |text| text.parse::<f64>().unwrap_or(0.0).clamp(0.0, 1.0));
        all.push((what, (weight * 1000.0) as u32));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))])
    }

    #[test]
    fn the_best_liked_coding_is_taken() {
        for (header, expected) in [
            ("", None),
            ("br", None),
            ("gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("GZIP;q=1.0, zstd;q=0.5", Some(Coding::Gzip)),
            ("gzip;q=0", None),
            ("zstd;q=nonsense, gzip;q=0.1", Some(Coding::Gzip)),
        ] {
            assert_eq!(Coding::wanted(&with("accept-encoding", header)), expected, "{header}");
        }
        assert_eq!(Coding::declared(&with("content-encoding", " GZip")), Ok(Some(Coding::Gzip)));
        assert_eq!(Coding::declared(&HeaderMap::new()), Ok(None));
        assert!(Coding::declared(&with("content-encoding", "br")).is_err());
    }

    #[test]
    fn bodies_come_back_and_bombs_do_not_go_off() {
        let text = b"the same words again and again; ".repeat(4000);
        for coding in [Coding::Gzip, Coding::Zstd] {
            let packed = coding.deflate(&text).expect("memory");
            assert!(packed.len() * 10 < text.len());
            let bodies = |limit| Bodies::new(1 << 20, limit, Duration::from_secs(1));
            let mut body = Body::from(packed.clone());
            coding.inflate(&bodies(text.len()), &mut body).expect("it fits");
            assert_eq!(body.bytes, text);
            let mut body = Body::from(packed.clone());
            let refused = coding.inflate(&bodies(text.len() - 1), &mut body);
            assert_eq!(refused, Err(ApiError::TooLarge { limit: text.len() - 1 }));
            for bad in [&packed[..packed.len() / 2], b"no such thing"] {
                let refused = coding.inflate(&bodies(1 << 20), &mut Body::from(bad.to_vec()));
                assert!(matches!(refused, Err(ApiError::NotCoded { .. })), "{refused:?}");
            }
        }
    }
}

//! Taking a request's body in: declared as JSON, not larger than allowed, and within what all bodies
//! together may hold.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::coding::Coding;
use super::error::ApiError;
use super::routes::Parts;
use super::wire::Wire;
use super::work::Takes;
use crate::aml::sot::Room;

/// Memory for request bodies.
pub(super) struct Bodies {
    room: Arc<Semaphore>,
    max_body: usize,
    /// How long a client may pause between parts.
    patience: Duration,
}

/// A body, and the room it holds until it is dropped: what is made of a body takes room in proportion.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl From<Vec<u8>> for Body {
    /// A body that holds no room yet.
    fn from(bytes: Vec<u8>) -> Self {
        Body { bytes, room: None }
    }
}

/// Unit in which room is counted: semaphores hold 32-bit amounts.
const ROOM_UNIT: usize = 1024;

/// A refused body is read on up to this many times the limit, so that the client has finished sending and
/// reads the answer instead of a broken connection.
const DISCARD_FACTOR: usize = 2;

/// How long a body that nobody wants is read.
const DISCARD_TIME: Duration = Duration::from_secs(10);

impl Bodies {
    /// Room for `total` bytes, each body at most `max_body`, with pauses of at most `patience`.
    pub(super) fn new(total: usize, max_body: usize, patience: Duration) -> Self {
        Bodies { room: Arc::new(Semaphore::new(total.div_ceil(ROOM_UNIT))), max_body, patience }
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// [`ApiError::TooLarge`], [`ApiError::Overloaded`] when other bodies hold the room, [`ApiError::Truncated`], [`ApiError::Slow`].
    pub(super) async fn read(&self, headers: &HeaderMap, mut parts: Parts) -> Result<Body, ApiError> {
        let declared = declared_length(headers);
        let mut body = Body { bytes: Vec::new(), room: None };
        let mut refusal = declared.filter(|n| *n > self.max_body).map(|_| self.too_large());
        if refusal.is_none() {
            refusal = self.hold(&mut body, declared.unwrap_or(0)).err();
        }
        if let (None, Some(length)) = (&refusal, declared) {
            body.bytes.reserve_exact(length);
        }
        let mut seen = 0_usize;
        while let Some(part) =
            tokio::time::timeout(self.patience, parts.next()).await.map_err(|_| ApiError::Slow)?
        {
            let part = part.map_err(|_| ApiError::Truncated)?;
            seen = seen.saturating_add(part.len());
            if refusal.is_none() {
                refusal = self.append(&mut body, &part).err();
            }
            if refusal.is_some() && seen > self.max_body.saturating_mul(DISCARD_FACTOR) {
                break;
            }
        }
        refusal.map_or(Ok(body), Err)
    }

    /// Reads a body that nobody wants, within limits: a client that is still sending when its connection closes never sees
    /// the answer, and cannot know that it is to wait and try again.
    pub(super) async fn discard(&self, mut parts: Parts) {
        let most = self.max_body.saturating_mul(DISCARD_FACTOR);
        let reading = async {
            let mut seen = 0_usize;
            while let Some(Ok(part)) = parts.next().await {
                seen = seen.saturating_add(part.len());
                if seen > most {
                    break;
                }
            }
        };
        let _out_of_time_or_done = tokio::time::timeout(DISCARD_TIME, reading).await;
    }

    fn too_large(&self) -> ApiError {
        ApiError::TooLarge { limit: self.max_body }
    }

    /// Adds a part to a body, within the limits.
    ///
    /// # Errors
    /// [`ApiError::TooLarge`], [`ApiError::Overloaded`].
    pub(super) fn append(&self, body: &mut Body, part: &[u8]) -> Result<(), ApiError> {
        let length = body.bytes.len() + part.len();
        if length > self.max_body {
            body.bytes = Vec::new();
            return Err(self.too_large());
        }
        self.hold(body, length)?;
        body.bytes.extend_from_slice(part);
        Ok(())
    }

    /// Lets `read` make what it will of a body's bytes, with room for what they unpack to in the place of their own.
    ///
    /// # Errors
    /// Those of `read`, or of the room that it could not have.
    pub(super) fn unpack<T>(
        &self,
        body: &mut Body,
        read: impl FnOnce(&[u8], Room<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let bytes = std::mem::take(&mut body.bytes);
        let unpacked = Mutex::new((body, 0_usize, Ok(())));
        let room = |more: usize| {
            let mut unpacked = unpacked.lock().unwrap_or_else(PoisonError::into_inner);
            let (body, total, refusal) = &mut *unpacked;
            *total = total.saturating_add(more);
            if refusal.is_ok() {
                *refusal =
                    if *total > self.max_body { Err(self.too_large()) } else { self.hold(body, *total) };
            }
            refusal.is_ok()
        };
        let read = read(&bytes, &room);
        let (_, _, refusal) = unpacked.into_inner().unwrap_or_else(PoisonError::into_inner);
        refusal.and(read)
    }

    /// Makes sure that `body` holds room for `length` bytes.
    fn hold(&self, body: &mut Body, length: usize) -> Result<(), ApiError> {
        let held = body.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = length.div_ceil(ROOM_UNIT).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| self.too_large())?;
        let more = self.room.clone().try_acquire_many_owned(missing).map_err(|_| ApiError::Overloaded)?;
        match &mut body.room {
            Some(room) => room.merge(more),
            room => *room = Some(more),
        }
        Ok(())
    }
}

/// The length of a body by its head; `None` where it does not say.
pub(super) fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the headers declare plain JSON in UTF-8, or bytes or tables where those are taken. A request without content type is taken at
/// its word.
///
/// # Errors
/// [`ApiError::MediaType`] naming what was found.
pub(super) fn check_media_type(headers: &HeaderMap, takes: Takes) -> Result<(), ApiError> {
    let text =
        |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    Coding::declared(headers)?;
    let Some(found) = text(CONTENT_TYPE) else { return Ok(()) };
    let mut parts = found.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let charset = parts.find_map(|p| p.strip_prefix("charset="));
    let utf8 = charset.is_none_or(|c| matches!(c.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"));
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let bytes = takes == Takes::Bytes && essence == "application/octet-stream";
    let batch = takes == Takes::Batch && Wire::declared(headers).is_some();
    if (json && utf8) || bytes || (batch && utf8) {
        Ok(())
    } else {
        Err(refused("content-type", "application/json", &found))
    }
}

fn refused(header: &str, expected: &str, found: &str) -> ApiError {
    ApiError::MediaType { reason: format!("expected {header} {expected}, found {found:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().expect("name"), v.parse().expect("value"))).collect()
    }

    #[test]
    fn media_types() {
        for fine in [
            &[][..],
            &[("content-type", "application/json")],
            &[("content-type", "Application/JSON; charset=\"UTF-8\"")],
            &[("content-type", "application/vnd.aml+json"), ("content-encoding", "identity")],
        ] {
            assert_eq!(check_media_type(&with(fine), Takes::Json), Ok(()), "{fine:?}");
        }
        for bad in [
            &[("content-type", "text/plain")][..],
            &[("content-type", "application/x-www-form-urlencoded")],
            &[("content-type", "application/json; charset=latin-1")],
            &[("content-type", "application/json"), ("content-encoding", "br")],
            &[("content-type", "")],
        ] {
            assert!(check_media_type(&with(bad), Takes::Json).is_err(), "{bad:?}");
        }
    }
}

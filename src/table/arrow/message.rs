//! The frames of a stream: a marker, a length, what the message says, and its buffers.

use arrow_format::ipc::planus::ReadAsRoot as _;
use arrow_format::ipc::{MessageHeaderRef, MessageRef};

/// Stands before every message.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];

/// A message and the bytes that its buffers lie in.
pub(super) struct Message<'a> {
    pub(super) header: MessageHeaderRef<'a>,
    pub(super) body: &'a [u8],
}

/// Takes the next message off the front of `rest`; `None` at the end mark of the stream.
pub(super) fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<Message<'a>>, String> {
    const CUT: &str = "it is cut off: expected another message or the end mark";
    let (marker, after) = rest.split_first_chunk::<4>().ok_or(CUT)?;
    if *marker != CONTINUATION {
        return Err("expected ff ff ff ff before a message".to_owned());
    }
    let (length, after) = after.split_first_chunk::<4>().ok_or(CUT)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (head, after) = after.split_at_checked(length).ok_or(CUT)?;
    if length == 0 {
        *rest = after;
        return Ok(None);
    }
    let message = MessageRef::read_as_root(head).map_err(|error| error.to_string())?;
    let body_length = message.body_length().map_err(|error| error.to_string())?;
    let body_length = usize::try_from(body_length).map_err(|_| "a message of negative length")?;
    let (body, after) = after.split_at_checked(body_length).ok_or(CUT)?;
    let header = message.header().map_err(|error| error.to_string())?;
    let header = header.ok_or("a message that says nothing")?;
    *rest = after;
    Ok(Some(Message { header, body }))
}

//! The door behind which other people's decoders run.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a decoder that may panic on malformed bytes; the panic's message becomes the reason.
pub(super) fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown fault").to_owned()
    })
}

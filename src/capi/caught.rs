//! The wall between our panics and frames of C.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::AmlStatus;
use super::error::{Error, remember};

/// Runs `body`; an error or a panic becomes a status, and its words the thread's last error.
pub(super) fn caught(body: impl FnOnce() -> Result<(), Error>) -> AmlStatus {
    // models are read-only and results are written whole or reported as failed: nothing half-made is looked at again
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return AmlStatus::Ok,
        Ok(Err(error)) => error,
        Err(payload) => {
            let words = payload.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| payload.downcast_ref::<&str>().copied());
            Error::Panic(words.unwrap_or("without words").to_owned())
        }
    };
    remember(&error);
    error.status()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn a_panic_ends_here_and_says_what_it_said() {
        let status = caught(|| panic!("a bug numbered {}", 7));
        assert_eq!(status, AmlStatus::Panic);
        #[allow(unsafe_code, reason = "a test of what C would read")]
        // SAFETY: ends with a zero, and this thread makes no call meanwhile
        let said = unsafe { CStr::from_ptr(super::super::error::last()) };
        assert_eq!(said.to_str(), Ok("a bug of aml-miner: a bug numbered 7"));
        assert_eq!(caught(|| Ok(())), AmlStatus::Ok);
        assert_eq!(caught(|| Err(Error::Null("row"))), AmlStatus::Null);
    }
}

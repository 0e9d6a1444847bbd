//! Answers on their way out: the memory of large ones is given back off the async threads.
//!
//! Hundreds of megabytes take the system tens of milliseconds to take back, during which the thread that lets go of them answers nobody.

use warp::hyper::body::Bytes;

/// Smaller ones are let go of where they are.
const LARGE: usize = 1 << 20;

/// The bytes of an answer.
struct Parting(Vec<u8>);

impl AsRef<[u8]> for Parting {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.0);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            _ = runtime.spawn_blocking(move || drop(bytes));
        }
    }
}

/// Bytes to send.
pub(super) fn parting(bytes: Vec<u8>) -> Bytes {
    if bytes.capacity() < LARGE { Bytes::from(bytes) } else { Bytes::from_owner(Parting(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_the_same_whoever_lets_go_of_them() {
        for n in [0, 10, LARGE, 3 * LARGE] {
            let bytes: Vec<u8> = (0..n).map(|i| i as u8).collect();
            let sent = parting(bytes.clone());
            let half = sent.slice(n / 2..);
            assert_eq!(sent, bytes);
            drop(sent);
            assert_eq!(half, &bytes[n / 2..]);
        }
    }
}

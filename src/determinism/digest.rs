//! SHA-256 content digests: the identity of models, batches and answers. MD5, where a batch notes no other checksum.

use std::fmt;

use sha2::Digest as _;

/// A SHA-256 value; displays as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Digest(sha2::Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits, either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        to_hex(&self.0, f)
    }
}

/// An MD5 value, as one dialect of META.json notes them: it finds a damaged file, but not a forged one.
#[cfg(feature = "aml")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Md5(pub [u8; 16]);

#[cfg(feature = "aml")]
impl Md5 {
    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Md5(md5::Md5::digest(bytes).into())
    }

    /// The checksum of what `feed` hands on piece by piece.
    ///
    /// # Errors
    /// Those of `feed`.
    pub fn of_pieces<E>(feed: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<Self, E> {
        let mut hasher = md5::Md5::new();
        feed(&mut |piece| hasher.update(piece))?;
        Ok(Md5(hasher.finalize().into()))
    }

    /// Reads 32 hexadecimal digits, either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Md5)
    }
}

#[cfg(feature = "aml")]
impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        to_hex(&self.0, f)
    }
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

fn to_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // a digest stands in many headers of an answer: two looks at a table are a tenth of formatting
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    f.write_str(&text)
}

/// A digest fed piece by piece.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// A hasher of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Appends the length of `text`, then `text`, so that neighbouring strings cannot run together.
    pub fn text(&mut self, text: &str) {
        self.update(&(text.len() as u64).to_le_bytes());
        self.update(text.as_bytes());
    }

    /// The digest of all that was appended.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_standard_example() {
        // FIPS 180-2, appendix B.1
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), hex);
        assert_eq!(Digest::from_hex(hex), Some(Digest::of(b"abc")));
        assert_eq!(Digest::from_hex("zz"), None);
        assert_eq!(Digest::from_hex(&hex.replace("ba", "+a")), None);
    }

    #[cfg(feature = "aml")]
    #[test]
    fn md5_matches_the_standard_example() {
        // RFC 1321, appendix A.5
        let hex = "900150983cd24fb0d6963f7d28e17f72";
        assert_eq!(Md5::of(b"abc").to_string(), hex);
        assert_eq!(Md5::from_hex(&hex.to_uppercase()), Some(Md5::of(b"abc")));
        assert_eq!(Md5::from_hex(&hex[1..]), None);
    }
}

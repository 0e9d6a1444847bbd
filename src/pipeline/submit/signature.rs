//! Ed25519 keys and signatures, as text files of one line. Randomness comes from the caller.
//!
//! Sources: RFC 8032; verification is the strict one, which takes no weak keys.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::determinism::digest::Digest;

/// What signs.
pub struct SecretKey(SigningKey);

/// What checks a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A signature, 128 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(String);

/// Why a key is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the line that such a file has.
    #[error(
        "not a key: expected `{expected}` and 64 hexadecimal digits (`aml-miner keygen` makes such files)"
    )]
    Format {
        /// What the line begins with.
        expected: &'static str,
    },
    /// Digits that are no point of the curve, or a weak one.
    #[error("a public key that nobody should trust: no point of the curve, or one of small order")]
    Weak,
}

impl SecretKey {
    /// The key of 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> SecretKey {
        SecretKey(SigningKey::from_bytes(&seed))
    }

    /// Reads the line of a key file.
    ///
    /// # Errors
    /// When it is no such line.
    pub fn from_text(text: &str) -> Result<SecretKey, KeyError> {
        line(text, SECRET).map(SecretKey::from_seed)
    }

    /// The line of a key file: keep it to yourself.
    pub fn to_text(&self) -> String {
        format!("{SECRET} {}\n", Digest(self.0.to_bytes()))
    }

    /// The other half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs bytes; the same bytes give the same signature.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let bytes = self.0.sign(message).to_bytes();
        Signature(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Signature {
    /// The signature of a text, which may be none.
    pub fn from_text(text: &str) -> Signature {
        Signature(text.to_owned())
    }

    /// 128 hexadecimal digits.
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

impl PublicKey {
    /// Reads the line of a key file.
    ///
    /// # Errors
    /// When it is no such line, or a weak key.
    pub fn from_text(text: &str) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(line(text, PUBLIC)?)
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// As [`PublicKey::from_text`].
    pub fn from_hex(hex: &str) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(Digest::from_hex(hex).ok_or(KeyError::Format { expected: PUBLIC })?.0)
    }

    fn from_bytes(bytes: [u8; 32]) -> Result<PublicKey, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Weak)?;
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(PublicKey(key)) }
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        Digest(self.0.to_bytes()).to_string()
    }

    /// The line of a key file.
    pub fn to_text(self) -> String {
        format!("{PUBLIC} {}\n", self.to_hex())
    }

    /// Whether the other half signed these bytes.
    pub fn verifies(self, message: &[u8], signature: &Signature) -> bool {
        let bytes: Option<Vec<u8>> = (signature.0.len() == 128 && signature.0.is_ascii())
            .then(|| (0..64).map(|i| u8::from_str_radix(&signature.0[2 * i..2 * i + 2], 16).ok()).collect())
            .flatten();
        let signature = bytes.and_then(|bytes| ed25519_dalek::Signature::from_slice(&bytes).ok());
        signature.is_some_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

fn line(text: &str, expected: &'static str) -> Result<[u8; 32], KeyError> {
    let digits = text.trim().strip_prefix(expected).map(str::trim);
    digits.and_then(Digest::from_hex).map(|digest| digest.0).ok_or(KeyError::Format { expected })
}

const SECRET: &str = "aml-miner-secret-key-v1";
const PUBLIC: &str = "aml-miner-public-key-v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_standard_says() {
        // RFC 8032, 7.1, test 2: one byte
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let key = SecretKey::from_text(&format!("{SECRET} {seed}\n")).expect("a key");
        assert_eq!(key.public().to_hex(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let expected = concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert_eq!(key.sign(&[0x72]), Signature(expected.to_owned()));
        assert!(key.public().verifies(&[0x72], &key.sign(&[0x72])));
        assert!(!key.public().verifies(&[0x73], &key.sign(&[0x72])));
        assert_eq!(key.to_text(), format!("{SECRET} {seed}\n"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let public = SecretKey::from_seed([7; 32]).public();
        assert_eq!(PublicKey::from_text(&public.to_text()), Ok(public));
        assert!(SecretKey::from_text(&public.to_text()).is_err());
        for text in ["", PUBLIC, "aml-miner-public-key-v1 00", "ssh-ed25519 AAAA"] {
            assert!(matches!(PublicKey::from_text(text), Err(KeyError::Format { .. })), "{text}");
        }
        // the neutral element, of order one
        let neutral = format!("01{}", "00".repeat(31));
        assert_eq!(PublicKey::from_hex(&neutral), Err(KeyError::Weak));
        for bad in ["", "zz", &"é".repeat(64), &"0".repeat(127)] {
            assert!(!public.verifies(b"x", &Signature((*bad).to_owned())));
        }
    }
}

//! Who may call: API keys, of which the server knows digests alone.
//!
//! A key is `amk_NAME_` and 64 hexadecimal digits of randomness; the file of keys holds NAME, the SHA-256 of the whole key, what it
//! is good for and how often. As the digits are random and many, a plain digest keeps them: there is nothing to guess. Digests are
//! compared in constant time, and an unknown name costs the same comparison as a known one.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use warp::http::HeaderMap;
use warp::http::header::AUTHORIZATION;

use crate::determinism::digest::Digest;

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Scores for a body.
    Score,
    /// Versions, metrics, stored results.
    Read,
    /// Changing what the server runs.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 3] = [Scope::Score, Scope::Read, Scope::Admin];

    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Score => "score",
            Scope::Read => "read",
            Scope::Admin => "admin",
        }
    }
}

/// A key as the file of keys holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Its name: 1 to 64 letters, digits and dashes.
    pub id: String,
    /// SHA-256 of the key, 64 hexadecimal digits.
    pub sha256: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Calls a minute; no limit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<NonZeroU32>,
}

/// The file of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Each name once.
    pub keys: Vec<KeyEntry>,
}

/// Why a file of keys is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Not the JSON that such a file holds.
    #[error("not a file of keys: {0}")]
    Format(String),
    /// A name that is none.
    #[error("key {0:?}: a name is 1 to 64 letters, digits and dashes")]
    Name(String),
    /// A name that stands there already.
    #[error("key {0:?} stands there already")]
    Twice(String),
    /// A digest that is none.
    #[error("key {0:?}: sha256 is 64 hexadecimal digits")]
    Digest(String),
    /// A key good for nothing.
    #[error("key {0:?}: name at least one scope of score, read, admin")]
    Useless(String),
}

/// The keys that may call.
#[derive(Debug)]
pub struct Keys(BTreeMap<String, (Digest, KeyEntry)>);

impl KeyFile {
    /// Reads the text of a file of keys.
    ///
    /// # Errors
    /// When it is no such file.
    pub fn from_json(text: &[u8]) -> Result<Self, KeyFileError> {
        serde_json::from_slice(text).map_err(|error| KeyFileError::Format(error.to_string()))
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Adds a key made of `secret`, which is random, and gives its text: it stands nowhere else.
    ///
    /// # Errors
    /// When the name is none or taken, or there is no scope.
    pub fn add(
        &mut self,
        id: &str,
        scopes: &[Scope],
        per_minute: Option<NonZeroU32>,
        secret: [u8; 32],
    ) -> Result<String, KeyFileError> {
        let text = format!("{PREFIX}{id}_{}", Digest(secret));
        let sha256 = Digest::of(text.as_bytes()).to_string();
        let mut more = self.clone();
        more.keys.push(KeyEntry { id: id.to_owned(), sha256, scopes: scopes.to_vec(), per_minute });
        more.keys()?;
        *self = more;
        Ok(text)
    }

    /// The keys, checked.
    ///
    /// # Errors
    /// The first fault.
    pub fn keys(&self) -> Result<Keys, KeyFileError> {
        let mut keys = BTreeMap::new();
        for entry in &self.keys {
            let id = &entry.id;
            let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if !(1..=LONGEST_NAME).contains(&id.len()) || !id.bytes().all(sound) {
                return Err(KeyFileError::Name(id.clone()));
            }
            if entry.scopes.is_empty() {
                return Err(KeyFileError::Useless(id.clone()));
            }
            let digest = Digest::from_hex(&entry.sha256).ok_or_else(|| KeyFileError::Digest(id.clone()))?;
            if keys.insert(id.clone(), (digest, entry.clone())).is_some() {
                return Err(KeyFileError::Twice(id.clone()));
            }
        }
        Ok(Keys(keys))
    }
}

impl Keys {
    /// The entry of a key; `None` where nobody has it.
    pub(super) fn find(&self, key: &str) -> Option<&KeyEntry> {
        let id = key.strip_prefix(PREFIX).and_then(|rest| rest.rsplit_once('_')).map_or("", |(id, _)| id);
        let nobody = (Digest([0; 32]), None);
        let known = self.0.get(id).map_or(nobody, |(digest, entry)| (*digest, Some(entry)));
        let same = Digest::of(key.as_bytes()).0.ct_eq(&known.0.0);
        known.1.filter(|_| bool::from(same))
    }
}

/// The key of a request: `authorization: Bearer KEY`, or `x-api-key: KEY`.
pub(super) fn of_headers(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    match bearer {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Some(key.trim()),
        _ => headers.get("x-api-key")?.to_str().ok().map(str::trim),
    }
}

const PREFIX: &str = "amk_";
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_all_of_its_digits_and_its_file_does_not_tell_them() {
        let mut file = KeyFile::default();
        let key = file.add("desk-1", &[Scope::Score], NonZeroU32::new(9), [7; 32]).expect("a key");
        let other = file.add("ops", &[Scope::Admin, Scope::Read], None, [8; 32]).expect("a key");
        let text = file.to_json();
        assert!(!text.contains(&"07".repeat(32)), "{text}");
        let keys = KeyFile::from_json(text.as_bytes()).expect("reads back").keys().expect("sound");
        assert_eq!(keys.find(&key).map(|entry| entry.id.as_str()), Some("desk-1"));
        assert_eq!(keys.find(&other).map(|entry| entry.scopes.len()), Some(2));
        for wrong in [
            "",
            "amk_",
            "amk_desk-1_",
            &key[..key.len() - 1],
            &key.replace("desk-1", "ops"),
            &key.to_uppercase(),
        ] {
            assert_eq!(keys.find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn files_that_are_none_are_refused() {
        let mut file = KeyFile::default();
        file.add("a", &[Scope::Read], None, [1; 32]).expect("a key");
        assert_eq!(file.add("a", &[Scope::Read], None, [2; 32]), Err(KeyFileError::Twice("a".into())));
        let refused = |id: &str, scopes: &[Scope]| KeyFile::default().add(id, scopes, None, [0; 32]);
        for name in ["", "a b", "a_b", &"x".repeat(65)] {
            assert_eq!(refused(name, &[Scope::Read]), Err(KeyFileError::Name(name.into())));
        }
        assert_eq!(refused("a", &[]), Err(KeyFileError::Useless("a".into())));
        for text in ["", "{}", r#"{"keys": [{"id": "a"}]}"#, r#"{"keys": [], "more": 1}"#] {
            assert!(matches!(KeyFile::from_json(text.as_bytes()), Err(KeyFileError::Format(_))), "{text}");
        }
        let short = r#"{"keys": [{"id": "a", "sha256": "00", "scopes": ["read"]}]}"#;
        assert_eq!(
            KeyFile::from_json(short.as_bytes()).expect("JSON").keys().err(),
            Some(KeyFileError::Digest("a".into()))
        );
    }

    #[test]
    fn two_headers_bring_a_key() {
        let key = |name: &'static str, value: &'static str| {
            of_headers(&HeaderMap::from_iter([(
                name.parse().expect("a name"),
                value.parse().expect("a value"),
            )]))
            .map(str::to_owned)
        };
        assert_eq!(key("authorization", "Bearer k").as_deref(), Some("k"));
        assert_eq!(key("authorization", "bearer  k ").as_deref(), Some("k"));
        assert_eq!(key("x-api-key", "k").as_deref(), Some("k"));
        assert_eq!(key("authorization", "Basic k"), None);
    }
}

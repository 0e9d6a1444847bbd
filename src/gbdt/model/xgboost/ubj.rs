//! Universal Binary JSON (draft 12), as XGBoost writes it: the same fields as its JSON, numbers as big-endian bytes. A deserializer of serde's, so that
//! one reader makes a model of either.
//!
//! Sizes are believed only as far as bytes follow: a text is a slice of the input, lists grow as their elements arrive, every element takes a byte at least
//! (typed lists of null, true or false, which take none, are refused), and containers stand at most [`DEEPEST`] deep.

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

/// Why bytes are not the UBJSON of a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UbjError {
    /// The file ends where a value does not.
    #[error("byte {at}: the file ends within a value")]
    Truncated {
        /// Its length.
        at: usize,
    },
    /// Bytes that mean nothing here.
    #[error("byte {at}: expected {expected}, found {found}")]
    Value {
        /// Position of the byte.
        at: usize,
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// It reads, but the value is not what its field asks for.
    #[error("before byte {at}: {problem}")]
    Field {
        /// Where reading stopped.
        at: usize,
        /// What was found and what expected.
        problem: String,
    },
}

impl de::Error for UbjError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        UbjError::Field { at: 0, problem: message.to_string() }
    }
}

/// Reads a value that takes all of `bytes`.
pub(super) fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, UbjError> {
    let mut reader = Reader { bytes, at: 0, depth: 0 };
    let marker = reader.marker()?;
    let value = T::deserialize(Item { reader: &mut reader, marker });
    let value = value.map_err(|error| match error {
        UbjError::Field { problem, .. } => UbjError::Field { at: reader.at, problem },
        other => other,
    })?;
    match reader.bytes.get(reader.at) {
        None => Ok(value),
        Some(&byte) => Err(reader.fault("the end of the file", byte)),
    }
}

struct Reader<'de> {
    bytes: &'de [u8],
    at: usize,
    /// Containers that are open.
    depth: usize,
}

impl<'de> Reader<'de> {
    fn take(&mut self, n: usize) -> Result<&'de [u8], UbjError> {
        let taken = self.bytes[self.at..].get(..n).ok_or(UbjError::Truncated { at: self.bytes.len() })?;
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], UbjError> {
        Ok(self.take(N)?.try_into().expect("as many bytes as were asked for"))
    }

    fn byte(&mut self) -> Result<u8, UbjError> {
        self.array().map(|[byte]| byte)
    }

    /// The kind of the value that follows.
    fn marker(&mut self) -> Result<u8, UbjError> {
        loop {
            match self.byte()? {
                b'N' => {} // no value: padding
                marker => return Ok(marker),
            }
        }
    }

    /// Whether the next byte is `byte`, which is then read.
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn integer(&mut self, marker: u8) -> Result<i64, UbjError> {
        match marker {
            b'i' => Ok(i8::from_be_bytes(self.array()?).into()),
            b'U' => Ok(self.byte()?.into()),
            b'I' => Ok(i16::from_be_bytes(self.array()?).into()),
            b'l' => Ok(i32::from_be_bytes(self.array()?).into()),
            b'L' => Ok(i64::from_be_bytes(self.array()?)),
            other => Err(self.fault_before("an integer", other)),
        }
    }

    /// The number of bytes of a text, or of elements.
    fn length(&mut self, marker: u8) -> Result<usize, UbjError> {
        let at = self.at;
        let length = self.integer(marker)?;
        usize::try_from(length).map_err(|_| UbjError::Value {
            at,
            expected: "a length",
            found: length.to_string(),
        })
    }

    fn text(&mut self, marker: u8) -> Result<&'de str, UbjError> {
        let length = self.length(marker)?;
        let at = self.at;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|error| UbjError::Value {
            at,
            expected: "UTF-8",
            found: error.to_string(),
        })
    }

    /// What stands between the opening of a container and its first element.
    fn open(&mut self, end: u8) -> Result<Inside, UbjError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault_before("fewer containers in each other", b'['));
        }
        let kind = if self.skip(b'$') { Some(self.byte()?) } else { None };
        if let Some(kind @ (b'Z' | b'N' | b'T' | b'F')) = kind {
            return Err(self.fault_before("a type whose values take bytes", kind));
        }
        let counted = self.skip(b'#');
        if kind.is_some() && !counted {
            let byte = self.byte()?;
            return Err(self.fault_before("`#`, the number of typed elements", byte));
        }
        let left = if counted {
            let marker = self.byte()?;
            Some(self.length(marker)?)
        } else {
            None
        };
        Ok(Inside { kind, left, end })
    }

    fn fault(&self, expected: &'static str, byte: u8) -> UbjError {
        UbjError::Value { at: self.at, expected, found: format!("`{}`", byte.escape_ascii()) }
    }

    /// The same of the byte that was read last.
    fn fault_before(&self, expected: &'static str, byte: u8) -> UbjError {
        UbjError::Value { at: self.at - 1, expected, found: format!("`{}`", byte.escape_ascii()) }
    }
}

/// A value whose kind was read.
struct Item<'a, 'de> {
    reader: &'a mut Reader<'de>,
    marker: u8,
}

impl<'de> de::Deserializer<'de> for Item<'_, 'de> {
    type Error = UbjError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UbjError> {
        let Item { reader, marker } = self;
        match marker {
            b'Z' => visitor.visit_unit(),
            b'T' | b'F' => visitor.visit_bool(marker == b'T'),
            b'i' | b'U' | b'I' | b'l' | b'L' => visitor.visit_i64(reader.integer(marker)?),
            b'd' => visitor.visit_f32(f32::from_be_bytes(reader.array()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(reader.array()?)),
            b'S' => {
                let marker = reader.byte()?;
                visitor.visit_borrowed_str(reader.text(marker)?)
            }
            b'[' => {
                let inside = reader.open(b']')?;
                let value = visitor.visit_seq(Elements { reader: &mut *reader, inside })?;
                reader.depth -= 1;
                Ok(value)
            }
            b'{' => {
                let inside = reader.open(b'}')?;
                let value = visitor.visit_map(Elements { reader: &mut *reader, inside })?;
                reader.depth -= 1;
                Ok(value)
            }
            other => Err(reader.fault_before("a value", other)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UbjError> {
        if self.marker == b'Z' { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// The kind of all elements where they share one, how many are left where they are counted, and what ends them otherwise.
struct Inside {
    kind: Option<u8>,
    left: Option<usize>,
    end: u8,
}

struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    inside: Inside,
}

impl Elements<'_, '_> {
    /// The marker of the next element (of its key, in a map), if there is one.
    fn next(&mut self, kind: Option<u8>) -> Result<Option<u8>, UbjError> {
        match &mut self.inside.left {
            Some(0) => return Ok(None),
            Some(left) => *left -= 1,
            None => {}
        }
        let marker = kind.map_or_else(|| self.reader.marker(), Ok)?;
        Ok(Some(marker).filter(|&marker| self.inside.left.is_some() || marker != self.inside.end))
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = UbjError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, UbjError> {
        let Some(marker) = self.next(self.inside.kind)? else { return Ok(None) };
        seed.deserialize(Item { reader: &mut *self.reader, marker }).map(Some)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = UbjError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, UbjError> {
        let Some(marker) = self.next(None)? else { return Ok(None) };
        let key = self.reader.text(marker)?;
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, UbjError> {
        let marker = self.inside.kind.map_or_else(|| self.reader.marker(), Ok)?;
        seed.deserialize(Item { reader: &mut *self.reader, marker })
    }
}

/// XGBoost needs six.
const DEEPEST: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(bytes: &[u8]) -> Result<Value, String> {
        from_slice(bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_of_value() {
        assert_eq!(
            read(b"[ZTFi\xffU\xffI\x01\x00l\x00\x01\x00\x00L\x00\x00\x00\x01\x00\x00\x00\x00]"),
            Ok(json!([null, true, false, -1, 255, 256, 65536, 4294967296u64]))
        );
        assert_eq!(
            read(b"[d\x3f\x00\x00\x00ND\x3f\xe0\x00\x00\x00\x00\x00\x00Si\x02ab]"),
            Ok(json!([0.5, 0.5, "ab"]))
        );
        assert_eq!(read(b"[$U#i\x03abc"), Ok(json!([97, 98, 99])));
        assert_eq!(read(b"[#i\x02Zi\x07"), Ok(json!([null, 7])));
        assert_eq!(read(b"{i\x01aZi\x01b[]}"), Ok(json!({"a": null, "b": []})));
        assert_eq!(read(b"{$i#i\x02i\x01a\x05i\x01b\x06"), Ok(json!({"a": 5, "b": 6})));
        assert_eq!(read(b"[$[#i\x02]$U#i\x01a"), Ok(json!([[], [97]])));
    }

    #[test]
    fn what_is_none_says_where() {
        for (bytes, says) in [
            (&b""[..], "byte 0: the file ends within a value"),
            (b"[i\x01", "byte 3: the file ends"),
            (b"x", "byte 0: expected a value, found `x`"),
            (b"ZZ", "byte 1: expected the end of the file, found `Z`"),
            (b"Sd", "byte 1: expected an integer, found `d`"),
            (b"Si\xff", "byte 2: expected a length, found -1"),
            (b"Si\x01\xff", "byte 3: expected UTF-8"),
            (b"[$U]", "byte 3: expected `#`"),
            (b"{Z", "byte 1: expected an integer, found `Z`"),
        ] {
            let said = read(bytes).expect_err("no value");
            assert!(said.contains(says), "{}: {said}", bytes.escape_ascii());
        }
        let said = from_slice::<Vec<u32>>(b"[i\x01i\xff]").expect_err("a negative number");
        assert!(said.to_string().starts_with("before byte 5: invalid value"), "{said}");
    }

    /// Sizes that no bytes stand behind.
    #[test]
    fn hostile_sizes_cost_nothing() {
        for bytes in [
            &b"SL\x7f\xff\xff\xff\xff\xff\xff\xff"[..],
            b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff\x00",
            b"[#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert!(read(bytes).expect_err("too short").contains("the file ends"));
        }
        let nothing = read(b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff").expect_err("elements of no bytes");
        assert!(nothing.contains("a type whose values take bytes, found `Z`"), "{nothing}");
        let deep = read(&[b'['; 1_000_000]).expect_err("too deep");
        assert!(deep.contains("fewer containers"), "{deep}");
        let typed = [&b"[$["[..], &b"#i\x01$[".repeat(100_000)].concat();
        assert!(read(&typed).expect_err("too deep").contains("fewer containers"));
    }
}

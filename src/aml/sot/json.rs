//! One value of a JSON text as it streams by: no tree is built, and whoever reads says what to keep.
//!
//! In: a serde deserializer of JSON. Out: a [`Json`] for what has no fields, or a call back for lists and objects. Every
//! value is read whole, so that what is not JSON is found wherever it stands, and said in the parser's words.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value, short of its parts.
pub(super) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, not negative.
    Unsigned(u64),
    /// A whole number below 0.
    Signed(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// A list of texts alone, or of nothing.
    Texts(Vec<String>),
    /// A list of whole numbers alone, none negative.
    Counts(Vec<u64>),
    /// A list of texts or whole numbers that is longer than [`LONGEST_LIST`].
    LongList,
    /// Any other list.
    List,
    /// An object.
    Object,
}

/// The most items of a list inside a row.
pub(super) const LONGEST_LIST: usize = 1_000_000;

impl Json<'_> {
    /// The number of a number.
    pub(super) fn as_f64(&self) -> Option<f64> {
        match *self {
            Json::Unsigned(number) => Some(number as f64),
            Json::Signed(number) => Some(number as f64),
            Json::Float(number) => Some(number),
            _ => None,
        }
    }

    /// How many items are kept in memory.
    pub(super) fn n_items(&self) -> usize {
        match self {
            Json::Texts(items) => items.len(),
            Json::Counts(items) => items.len(),
            _ => 0,
        }
    }
}

/// What to do with a value of each shape.
pub(super) trait Shape<'de>: Sized {
    /// What is made of it.
    type Out;

    /// A value without fields, or one whose parts were passed over.
    fn value(self, json: Json<'_>) -> Self::Out;

    /// A list; unless said otherwise, its items are passed over.
    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Out, A::Error> {
        while items.next_element_seed(By(Ignore))?.is_some() {}
        Ok(self.value(Json::List))
    }

    /// An object; unless said otherwise, its fields are passed over.
    fn object<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Out, A::Error> {
        while fields.next_key_seed(By(Ignore))?.is_some() {
            fields.next_value_seed(By(Ignore))?;
        }
        Ok(self.value(Json::Object))
    }
}

/// Reads a value by what its [`Shape`] says.
pub(super) struct By<S>(pub(super) S);

/// Hands the value on; lists of texts or counts with their items.
pub(super) struct Cells<F>(pub(super) F);

/// A value that nobody wants.
pub(super) struct Ignore;

impl<'de> Shape<'de> for Ignore {
    type Out = ();

    fn value(self, _json: Json<'_>) {}
}

impl<'de, T, F: FnOnce(Json<'_>) -> T> Shape<'de> for Cells<F> {
    type Out = T;

    fn value(self, json: Json<'_>) -> T {
        (self.0)(json)
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        let mut kept = Kept::default();
        while items.next_element_seed(By(Item(&mut kept)))?.is_some() {}
        Ok((self.0)(kept.json()))
    }
}

/// Items of a list of cells.
#[derive(Default)]
struct Kept {
    texts: Vec<String>,
    counts: Vec<u64>,
    n_texts: usize,
    n_counts: usize,
    others: bool,
}

struct Item<'a>(&'a mut Kept);

impl<'de> Shape<'de> for Item<'_> {
    type Out = ();

    fn value(self, json: Json<'_>) {
        let kept = self.0;
        match json {
            Json::Text(text) => {
                kept.n_texts += 1;
                if kept.n_texts <= LONGEST_LIST && kept.n_counts == 0 && !kept.others {
                    kept.texts.push(text.to_owned());
                }
            }
            Json::Unsigned(count) => {
                kept.n_counts += 1;
                if kept.n_counts <= LONGEST_LIST && kept.n_texts == 0 && !kept.others {
                    kept.counts.push(count);
                }
            }
            _ => kept.others = true,
        }
    }
}

impl Kept {
    fn json(self) -> Json<'static> {
        let mixed = self.others || (self.n_texts > 0 && self.n_counts > 0);
        match (mixed, self.n_counts) {
            (true, _) => Json::List,
            (false, 0) if self.n_texts > LONGEST_LIST => Json::LongList,
            (false, 0) => Json::Texts(self.texts),
            (false, n) if n > LONGEST_LIST => Json::LongList,
            (false, _) => Json::Counts(self.counts),
        }
    }
}

impl<'de, S: Shape<'de>> DeserializeSeed<'de> for By<S> {
    type Value = S::Out;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Out, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape<'de>> Visitor<'de> for By<S> {
    type Value = S::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<S::Out, E> {
        Ok(self.0.value(Json::Bool(flag)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<S::Out, E> {
        Ok(self.0.value(Json::Unsigned(number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<S::Out, E> {
        Ok(self.0.value(Json::Signed(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<S::Out, E> {
        Ok(self.0.value(Json::Float(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<S::Out, E> {
        Ok(self.0.value(Json::Text(text)))
    }

    fn visit_unit<E: Error>(self) -> Result<S::Out, E> {
        Ok(self.0.value(Json::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<S::Out, A::Error> {
        self.0.list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<S::Out, A::Error> {
        self.0.object(fields)
    }
}

/// Reads the name of a field.
pub(super) struct Name<F>(pub(super) F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Name<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: FnOnce(&str) -> T, T> Visitor<'_> for Name<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        Ok((self.0)(name))
    }
}

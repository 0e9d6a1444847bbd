//! A list of a request's body, row by row as it streams by: what its rows become, or the faults of them all.

use serde::de::{MapAccess, SeqAccess};

use super::json::{By, Ignore, Json, Name, Shape};
use super::request::{Loc, RequestFault, Scope};
use super::schema::Record;

/// What the objects of a list become.
pub(super) trait Rows: Default {
    /// All of them.
    type Out: Default;

    /// Reads the `i`-th row; the scope stands at its place.
    fn row<'de, A: MapAccess<'de>>(
        &mut self,
        i: usize,
        fields: A,
        scope: &mut Scope<'_>,
    ) -> Result<(), A::Error>;

    /// The table, once all of its `n_rows` are read; the scope stands at the list.
    fn finish(self, n_rows: usize, scope: &mut Scope<'_>) -> Self::Out;
}

/// A list that was read: its rows and its faults.
pub(super) struct Section<T> {
    pub(super) rows: T,
    pub(super) faults: Vec<RequestFault>,
}

/// Reads a list of at most `limit` rows.
pub(super) struct List<'a, R> {
    limit: usize,
    rows: R,
    scope: Scope<'a>,
}

impl<'a, R: Rows> List<'a, R> {
    /// A list that stands under `name`.
    pub(super) fn new(name: &'static str, limit: usize, mut scope: Scope<'a>) -> Self {
        scope.loc.push(Loc::Key(name.to_owned()));
        List { limit, rows: R::default(), scope }
    }

    /// The list without a look at its rows, where they are more than it may have.
    pub(super) fn unless_too_long(self, n_rows: usize) -> Result<Self, Section<R::Out>> {
        if n_rows > self.limit { Err(self.too_long(n_rows)) } else { Ok(self) }
    }

    fn too_long(mut self, n_rows: usize) -> Section<R::Out> {
        self.scope.faults.clear();
        let limit = self.limit;
        let msg = format!("List should have at most {limit} items after validation, not {n_rows}");
        self.scope.fault(msg, "too_long");
        Section { rows: R::Out::default(), faults: self.scope.faults }
    }

    fn finish(mut self, n_rows: usize) -> Section<R::Out> {
        let rows = self.rows.finish(n_rows, &mut self.scope);
        Section { rows, faults: self.scope.faults }
    }
}

impl<'de, R: Rows> Shape<'de> for List<'_, R> {
    /// `None` for null.
    type Out = Option<Section<R::Out>>;

    fn value(mut self, json: Json<'_>) -> Self::Out {
        if matches!(json, Json::Null) {
            return None;
        }
        self.scope.fault("Input should be a valid list", "list_type");
        Some(Section { rows: R::Out::default(), faults: self.scope.faults })
    }

    fn list<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Self::Out, A::Error> {
        let mut n = 0_usize;
        while n < self.limit {
            self.scope.loc.push(Loc::Index(n));
            let item = Item { i: n, rows: &mut self.rows, scope: &mut self.scope };
            let read = items.next_element_seed(By(item))?;
            self.scope.loc.pop();
            if read.is_none() {
                return Ok(Some(self.finish(n)));
            }
            n += 1;
        }
        while items.next_element_seed(By(Ignore))?.is_some() {
            n += 1;
        }
        Ok(Some(if n > self.limit { self.too_long(n) } else { self.finish(n) }))
    }
}

/// One item of the list, which should be an object.
struct Item<'a, 'b, R> {
    i: usize,
    rows: &'a mut R,
    scope: &'a mut Scope<'b>,
}

impl<'de, R: Rows> Shape<'de> for Item<'_, '_, R> {
    type Out = ();

    fn value(self, _json: Json<'_>) {
        self.scope.fault("Input should be a valid dictionary", "dict_type");
    }

    fn object<A: MapAccess<'de>>(self, fields: A) -> Result<(), A::Error> {
        self.rows.row(self.i, fields, self.scope)
    }
}

/// Rows of a table that is described in `schema`; what it does not describe is passed over.
pub(super) struct Records<R>(Vec<R>);

impl<R> Default for Records<R> {
    fn default() -> Self {
        Records(vec![])
    }
}

impl<R: Record> Rows for Records<R> {
    type Out = Vec<R>;

    fn row<'de, A: MapAccess<'de>>(
        &mut self,
        _i: usize,
        mut fields: A,
        scope: &mut Scope<'_>,
    ) -> Result<(), A::Error> {
        let mut slots = R::Slots::default();
        while let Some(place) = fields.next_key_seed(Name(R::place))? {
            match place {
                Some(place) => R::read_slot(&mut slots, place, &mut fields, scope)?,
                None => fields.next_value_seed(By(Ignore))?,
            }
        }
        self.0.extend(R::settle(slots, scope));
        Ok(())
    }

    fn finish(self, _n_rows: usize, _scope: &mut Scope<'_>) -> Vec<R> {
        self.0
    }
}

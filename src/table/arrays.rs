//! A [`Table`] as arrow2's arrays, which is how both of its writers take it.

use arrow2::array::{
    Array, BooleanArray, ListArray, MutableArray, MutableListArray, MutablePrimitiveArray, MutableUtf8Array,
    PrimitiveArray, TryExtend, Utf8Array,
};
use arrow2::datatypes::{DataType, Field, TimeUnit};
use arrow2::offset::Offsets;
use arrow2::types::NativeType;

use super::{Given, Table, TableColumn, Values, WriteError, given};

/// Descriptions of columns and the columns.
type Described = (Vec<Field>, Vec<Box<dyn Array>>);

/// The columns of a table, each with its description.
///
/// # Errors
/// When a column is of a type that is not written.
pub(super) fn fields_and_arrays(table: &Table) -> Result<Described, WriteError> {
    let described = table.columns.iter().map(|column| field_and_array(&table.name, column));
    Ok(described.collect::<Result<Vec<_>, WriteError>>()?.into_iter().unzip())
}

/// One column of the table `name`, and its description.
pub(super) fn field_and_array(
    name: &str,
    column: &TableColumn,
) -> Result<(Field, Box<dyn Array>), WriteError> {
    let array = array(&column.values).map_err(|kind| WriteError::Encode {
        file: name.to_owned(),
        reason: format!("column `{}` of type {kind}", column.name),
    })?;
    // not `array.data_type()`'s own nullability: every column of ours may hold nulls
    Ok((Field::new(&column.name, array.data_type().clone(), true), array))
}

/// The array of a column; the type's name where it has none.
pub(super) fn array(values: &Values) -> Result<Box<dyn Array>, String> {
    Ok(match values {
        Values::Bool(v) => BooleanArray::from(v).boxed(),
        Values::Int(v) => PrimitiveArray::<i64>::from(v).boxed(),
        Values::UInt(v) => PrimitiveArray::<u64>::from(v).boxed(),
        Values::F32(v) => floats(v, f32::is_nan),
        Values::F64(v) => floats(v, f64::is_nan),
        Values::Decimal { scale, units } => decimals(*scale, units)?,
        Values::Text(v) => Utf8Array::<i32>::from(v).boxed(),
        Values::Date(v) => PrimitiveArray::<i32>::from(v).to(DataType::Date32).boxed(),
        Values::Timestamp(v) => {
            let utc = Some("UTC".to_owned());
            PrimitiveArray::<i64>::from(v).to(DataType::Timestamp(TimeUnit::Millisecond, utc)).boxed()
        }
        Values::TextList(v) => text_lists(v)?,
        Values::IntList(v) => int_lists(v)?,
        Values::Other(name) => return Err(name.clone()),
    })
}

/// The array of a column that is lent; the type's name where it has none.
pub(super) fn lent_array(given: &Given<'_>) -> Result<Box<dyn Array>, String> {
    match given {
        Given::Values(values) => array(values),
        Given::Floats(values) => Ok(floats(values, f64::is_nan)),
        Given::Texts(texts) => Ok(Utf8Array::<i32>::from_slice(texts).boxed()),
        Given::TextLists(lists) => {
            let items = Utf8Array::<i32>::from_iter_values(lists.iter().copied().flatten());
            whole_lists(lists.iter().map(|list| list.len()), items.boxed())
        }
        Given::CountLists(lists) => {
            let items = lists.iter().copied().flatten().map(|&count| given::whole(count));
            whole_lists(
                lists.iter().map(|list| list.len()),
                PrimitiveArray::from_vec(items.collect()).boxed(),
            )
        }
    }
}

/// Lists of these lengths, none of them missing, over their items one behind the other.
fn whole_lists(
    lengths: impl Iterator<Item = usize>,
    items: Box<dyn Array>,
) -> Result<Box<dyn Array>, String> {
    let offsets = Offsets::<i32>::try_from_lengths(lengths).map_err(|e| e.to_string())?;
    let kind = ListArray::<i32>::default_datatype(items.data_type().clone());
    Ok(ListArray::try_new(kind, offsets.into(), items, None).map_err(|e| e.to_string())?.boxed())
}

/// NaN is how a table says null, and null is how a file says missing.
pub(super) fn floats<F: NativeType>(values: &[F], missing: impl Fn(F) -> bool) -> Box<dyn Array> {
    if !values.iter().any(|&x| missing(x)) {
        return PrimitiveArray::from_slice(values).boxed();
    }
    PrimitiveArray::<F>::from_trusted_len_iter(values.iter().map(|&v| (!missing(v)).then_some(v))).boxed()
}

fn decimals(scale: u32, units: &[Option<i128>]) -> Result<Box<dyn Array>, String> {
    const DIGITS: usize = 38;
    // 10^38 exceeds what decimals of 38 digits hold
    let bound = 10u128.pow(DIGITS as u32);
    let scale = scale as usize;
    if scale > DIGITS || units.iter().flatten().any(|u| u.unsigned_abs() >= bound) {
        return Err(format!("decimal of more than {DIGITS} digits"));
    }
    Ok(PrimitiveArray::<i128>::from(units).to(DataType::Decimal(DIGITS, scale)).boxed())
}

fn text_lists(lists: &[Option<Vec<String>>]) -> Result<Box<dyn Array>, String> {
    let mut array = MutableListArray::<i32, MutableUtf8Array<i32>>::new();
    let rows = lists.iter().map(|list| list.as_ref().map(|items| items.iter().map(Some)));
    array.try_extend(rows).map_err(|e| e.to_string())?;
    Ok(array.as_box())
}

fn int_lists(lists: &[Option<Vec<i64>>]) -> Result<Box<dyn Array>, String> {
    let mut array = MutableListArray::<i32, MutablePrimitiveArray<i64>>::new();
    let rows = lists.iter().map(|list| list.as_ref().map(|items| items.iter().copied().map(Some)));
    array.try_extend(rows).map_err(|e| e.to_string())?;
    Ok(array.as_box())
}

//! A [`Table`] as arrow2's arrays, which is how both of its writers take it.

use arrow2::array::{
    Array, BooleanArray, MutableArray, MutableListArray, MutablePrimitiveArray, MutableUtf8Array,
    PrimitiveArray, TryExtend, Utf8Array,
};
use arrow2::datatypes::{DataType, Field, TimeUnit};
use arrow2::types::NativeType;

use super::{Table, TableColumn, Values, WriteError};

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

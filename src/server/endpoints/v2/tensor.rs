//! A tensor between its wire form and numbers or text. Bytes are little-endian; a text stands behind its length in four bytes.

use super::request::Flat;
use crate::server::error::{ApiError, Fault};

/// The input that holds a model's own features.
pub(super) const FEATURES: &str = "features";
/// The input that holds a batch as text.
pub(super) const BATCH: &str = "batch";

/// What a request brings.
#[derive(Debug, PartialEq)]
pub(super) enum Tensor {
    /// Rows of `width` features.
    Features { values: Vec<f64>, width: usize },
    /// The body of the other scoring calls.
    Batch(String),
}

impl Tensor {
    /// A tensor that is as long as its shape says.
    ///
    /// # Errors
    /// When it is not, or is no input of a model.
    pub(super) fn new(name: &str, datatype: &str, shape: &[u64], flat: Flat) -> Result<Self, ApiError> {
        let fault = |what: &str, msg: &str| Fault::in_body(&["inputs", name, what], msg, "value_error");
        let is_text = datatype == "BYTES";
        if !is_text && width(datatype).is_none() {
            return Err(fault(
                "datatype",
                &format!("expected FP64, FP32, a whole-number type or BYTES, found {datatype:?}"),
            ));
        }
        let (found, strange) = match is_text {
            true => (flat.texts.len(), flat.numbers.len()),
            false => (flat.numbers.len(), flat.texts.len()),
        };
        let length = shape.iter().try_fold(1_u64, |product, n| product.checked_mul(*n));
        if strange > 0 || length != Some(found as u64) {
            let msg = format!(
                "expected {datatype} of shape {shape:?}, found {found} such items and {strange} others"
            );
            return Err(fault("data", &msg));
        }
        match (name, is_text, shape) {
            (FEATURES, false, &[_, width]) => {
                let width = usize::try_from(width).map_err(|_| fault("shape", "too wide"))?;
                Ok(Tensor::Features { values: flat.numbers, width })
            }
            (FEATURES, ..) => Err(fault("shape", "expected numbers of shape [rows, features]")),
            (BATCH, true, _) if found == 1 => {
                Ok(Tensor::Batch(flat.texts.into_iter().next().unwrap_or_default()))
            }
            (BATCH, ..) => Err(fault("shape", "expected BYTES of shape [1]: a batch as JSON text")),
            _ => Err(fault("name", "expected `features` or `batch`")),
        }
    }
}

/// Bytes of a number of this type.
fn width(datatype: &str) -> Option<usize> {
    Some(match datatype {
        "BOOL" | "INT8" | "UINT8" => 1,
        "INT16" | "UINT16" => 2,
        "FP32" | "INT32" | "UINT32" => 4,
        "FP64" | "INT64" | "UINT64" => 8,
        _ => return None,
    })
}

impl Flat {
    /// The items of a tensor's bytes.
    ///
    /// # Errors
    /// In words, when there is no such type or the bytes do not make whole items.
    pub(super) fn from_bytes(datatype: &str, bytes: &[u8]) -> Result<Self, String> {
        if datatype == "BYTES" {
            return texts(bytes).map(|texts| Flat { numbers: vec![], texts });
        }
        let width = width(datatype).ok_or_else(|| format!("unknown datatype {datatype:?}"))?;
        if bytes.len() % width != 0 {
            return Err(format!("{} bytes are not whole items of {width}", bytes.len()));
        }
        let numbers = bytes.chunks_exact(width).map(|item| number(datatype, item)).collect();
        Ok(Flat { numbers, texts: vec![] })
    }
}

fn number(datatype: &str, item: &[u8]) -> f64 {
    let mut wide = [0; 8];
    wide[..item.len()].copy_from_slice(item);
    let unsigned = u64::from_le_bytes(wide);
    let unused = 64 - 8 * item.len();
    match datatype {
        "FP64" => f64::from_bits(unsigned),
        "FP32" => f64::from(f32::from_bits(unsigned as u32)),
        signed if signed.starts_with("INT") => {
            (i64::from_le_bytes((unsigned << unused).to_le_bytes()) >> unused) as f64
        }
        _ => unsigned as f64,
    }
}

fn texts(mut bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut texts = vec![];
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk().ok_or("a text's length is cut off")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length).ok_or("a text is cut off")?;
        texts.push(String::from_utf8(text.to_vec()).map_err(|_| "a text is not UTF-8")?);
        bytes = rest;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_by_their_type() {
        let numbers = |datatype, bytes: &[u8]| Flat::from_bytes(datatype, bytes).map(|flat| flat.numbers);
        assert_eq!(numbers("FP64", &0.1_f64.to_le_bytes()), Ok(vec![0.1]));
        assert_eq!(numbers("FP32", &1.5_f32.to_le_bytes()), Ok(vec![1.5]));
        assert_eq!(numbers("INT16", &[0xff, 0xff, 2, 0]), Ok(vec![-1.0, 2.0]));
        assert_eq!(numbers("UINT8", &[255]), Ok(vec![255.0]));
        assert_eq!(numbers("INT64", &(-7_i64).to_le_bytes()), Ok(vec![-7.0]));
        assert!(numbers("FP64", &[0; 7]).is_err() && numbers("FP16", &[0; 2]).is_err());
        let texts = |bytes: &[u8]| Flat::from_bytes("BYTES", bytes).map(|flat| flat.texts);
        assert_eq!(texts(b"\x02\0\0\0hi\0\0\0\0"), Ok(vec!["hi".to_owned(), String::new()]));
        for bad in [&b"\x02\0\0"[..], b"\x02\0\0\0h", b"\x01\0\0\0\xff"] {
            assert!(texts(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_tensor_is_as_long_as_its_shape() {
        let of = |shape: &[u64], n: usize| {
            let flat = Flat { numbers: vec![1.0; n], texts: vec![] };
            Tensor::new("features", "FP64", shape, flat)
        };
        assert_eq!(of(&[2, 3], 6), Ok(Tensor::Features { values: vec![1.0; 6], width: 3 }));
        assert_eq!(of(&[0, 3], 0), Ok(Tensor::Features { values: vec![], width: 3 }));
        for (shape, n) in [(&[2, 3][..], 5), (&[6], 6), (&[u64::MAX, 2], 0), (&[1, 2, 3], 6)] {
            assert!(of(shape, n).is_err(), "{shape:?}");
        }
    }
}

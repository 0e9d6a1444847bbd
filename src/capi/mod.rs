//! The engine for other languages: models loaded, scored and explained through functions of C (`include/aml_miner.h`).
//!
//! Built by `cargo rustc --release --lib --no-default-features --features capi --crate-type cdylib` (or `staticlib`): the crate's own type stays, and with it
//! the time that an ordinary build takes.
//!
//! # What holds
//! * Every function but [`aml_last_error`] and the two that free and version may be called from any thread at any time; a model is read-only.
//! * Nothing unwinds into the caller: a panic, which is a bug of ours, is caught and becomes [`AmlStatus::Panic`].
//! * What a caller can get wrong and a callee can see (null pointers, sizes that do not fit the model, bytes that are no model) is a status, and
//!   [`aml_last_error`] says in words what is wrong. Pointers to freed or too short memory cannot be seen.
//! * Scores and contributions are those of [`crate::gbdt::infer`], to the bit.

#![allow(unsafe_code, reason = "pointers of C are what this module is for; each use says why it is sound")]

mod caught;
mod error;

use std::ffi::{CStr, CString, c_char};
use std::io::Read;

use ndarray::ArrayView2;

use caught::caught;
use error::Error;

use crate::gbdt::data::FeatureMatrix;
use crate::gbdt::infer::{Explainer, Predictor, Scratch};
use crate::gbdt::model::any;

/// How a call ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmlStatus {
    /// As asked.
    Ok = 0,
    /// A pointer is null that must not be.
    Null = 1,
    /// A number of features or rows does not fit.
    Shape = 2,
    /// The bytes are no model that this engine runs.
    Model = 3,
    /// The file cannot be read.
    File = 4,
    /// A bug of this library.
    Panic = 5,
}

/// A model, compiled for scoring and for explanation; read-only, to be shared between threads.
pub struct AmlModel {
    names: Vec<CString>,
    predictor: Predictor,
    explainer: Explainer,
}

/// The version of the library, "1.0.0".
#[unsafe(no_mangle)]
pub extern "C" fn aml_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// What was wrong with the last call of this thread that did not end with AML_STATUS_OK, in UTF-8; empty where none did. Valid until the next call of this
/// thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn aml_last_error() -> *const c_char {
    error::last()
}

/// Reads a model of any format (aml-miner's own, LightGBM's text, XGBoost's JSON or UBJSON) from `length` bytes. `*model` is to be freed by aml_model_free;
/// null where this fails.
///
/// # Safety
/// `bytes` points to `length` bytes, `model` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_model_parse(
    bytes: *const u8,
    length: usize,
    model: *mut *mut AmlModel,
) -> AmlStatus {
    caught(|| {
        // SAFETY: the caller's promise
        let (bytes, model) = unsafe { (slice("bytes", bytes, length)?, out("model", model)?) };
        *model = std::ptr::null_mut();
        *model = Box::into_raw(Box::new(AmlModel::read(bytes)?));
        Ok(())
    })
}

/// The same of the file at `path`, UTF-8 that ends with a zero.
///
/// # Safety
/// `path` points to bytes that end with a zero, `model` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_model_open(path: *const c_char, model: *mut *mut AmlModel) -> AmlStatus {
    caught(|| {
        // SAFETY: the caller's promise
        let model = unsafe { out("model", model)? };
        *model = std::ptr::null_mut();
        if path.is_null() {
            return Err(Error::Null("path"));
        }
        // SAFETY: not null, and ends with a zero by the caller's promise
        let path = unsafe { CStr::from_ptr(path) }.to_string_lossy();
        *model = Box::into_raw(Box::new(AmlModel::read(&bytes_of(&path)?)?));
        Ok(())
    })
}

/// Frees a model; null is none. No call may use it any more, nor the names that it gave.
///
/// # Safety
/// `model` is null or was given by this library and not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_model_free(model: *mut AmlModel) {
    if !model.is_null() {
        // SAFETY: made by Box::into_raw, and given back once by the caller's promise
        let model = unsafe { Box::from_raw(model) };
        caught(|| {
            drop(model);
            Ok(())
        });
    }
}

/// How many features a row of the model has; 0 of null.
///
/// # Safety
/// `model` is null or a model of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_model_features(model: *const AmlModel) -> usize {
    // SAFETY: the caller's promise
    unsafe { model.as_ref() }.map_or(0, |model| model.names.len())
}

/// The name of a feature, from 0; null where there is none. Valid as long as the model.
///
/// # Safety
/// `model` is null or a model of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_model_feature_name(model: *const AmlModel, feature: usize) -> *const c_char {
    // SAFETY: the caller's promise
    let name = unsafe { model.as_ref() }.and_then(|model| model.names.get(feature));
    name.map_or(std::ptr::null(), |name| name.as_ptr())
}

/// The raw score and the score (a probability of a binary model) of one row of feature values, NaN missing. Either may be null, if it is not wanted. Nothing is
/// allocated.
///
/// # Safety
/// `model` is a model of this library; `row` points to `features` numbers; `raw` and `score` to one or are null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_predict_row(
    model: *const AmlModel,
    row: *const f64,
    features: usize,
    raw: *mut f64,
    score: *mut f64,
) -> AmlStatus {
    // SAFETY: the caller's promise, which is that of one row
    unsafe { aml_predict(model, row, 1, features, raw, score) }
}

/// The same of many rows, row after row; `raw` and `score` take one number a row. Rows are shared out over the threads of RAYON_NUM_THREADS (all of the
/// machine where it is not set), which changes no bit.
///
/// # Safety
/// `model` is a model of this library; `rows` points to `n_rows` times `features` numbers; `raw` and `score` to `n_rows` or are null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_predict(
    model: *const AmlModel,
    rows: *const f64,
    n_rows: usize,
    features: usize,
    raw: *mut f64,
    score: *mut f64,
) -> AmlStatus {
    caught(|| {
        // SAFETY: the caller's promise
        let model = unsafe { model.as_ref() }.ok_or(Error::Null("model"))?;
        let n_values = model.values(n_rows, features)?;
        // SAFETY: the caller's promise
        let rows = unsafe { slice("rows", rows, n_values)? };
        // SAFETY: the caller's promise; neither is read, and each is written by its own
        let mut outs = unsafe { [slice_out(raw, n_rows), slice_out(score, n_rows)] };
        model.raw(rows, n_rows, &mut |row, value| {
            let [raw, score] = &mut outs;
            raw.iter_mut().for_each(|raw| raw[row] = value);
            score.iter_mut().for_each(|score| score[row] = model.predictor.score(value));
        })
    })
}

/// What each feature contributes to the raw score of each row: exact Shapley values. `contributions` takes `features` + 1 numbers a row: one a feature, then the base value;
/// together they make the raw score. One row allocates nothing after a thread's first.
///
/// # Safety
/// `model` is a model of this library; `rows` points to `n_rows` times `features` numbers, `contributions` to `n_rows` times (`features` + 1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aml_contributions(
    model: *const AmlModel,
    rows: *const f64,
    n_rows: usize,
    features: usize,
    contributions: *mut f64,
) -> AmlStatus {
    caught(|| {
        // SAFETY: the caller's promise
        let model = unsafe { model.as_ref() }.ok_or(Error::Null("model"))?;
        let n_values = model.values(n_rows, features)?;
        let n_out = n_values.checked_add(n_rows).ok_or(Error::Large { n_rows, features })?;
        // SAFETY: the caller's promise
        let rows = unsafe { slice("rows", rows, n_values)? };
        // SAFETY: the caller's promise
        let out = unsafe { slice_out(contributions, n_out) }.ok_or(Error::Null("contributions"))?;
        model.contributions(rows, n_rows, out)
    })
}

impl AmlModel {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let model = any::from_bytes(bytes)?;
        // names with a zero inside end there in C whatever is done
        let name = |name: &str| CString::new(name.split('\0').next().unwrap_or_default()).unwrap_or_default();
        Ok(AmlModel {
            names: model.schema.names().map(name).collect(),
            predictor: Predictor::new(&model),
            explainer: Explainer::new(&model),
        })
    }

    /// How many numbers so many rows have.
    fn values(&self, n_rows: usize, features: usize) -> Result<usize, Error> {
        if features != self.names.len() {
            return Err(Error::Features { expected: self.names.len(), found: features });
        }
        n_rows.checked_mul(features).ok_or(Error::Large { n_rows, features })
    }

    fn raw(&self, rows: &[f64], n_rows: usize, each: &mut dyn FnMut(usize, f64)) -> Result<(), Error> {
        if self.by_row(n_rows) {
            (0..n_rows).for_each(|row| each(row, self.predictor.raw_row(self.row(rows, row))));
        } else {
            let raw = self.predictor.raw(&self.matrix(rows, n_rows)?)?;
            raw.into_iter().enumerate().for_each(|(row, raw)| each(row, raw));
        }
        Ok(())
    }

    fn contributions(&self, rows: &[f64], n_rows: usize, out: &mut [f64]) -> Result<(), Error> {
        let n_features = self.names.len();
        let base_value = self.explainer.base_value();
        out.chunks_mut(n_features + 1).for_each(|out| out[n_features] = base_value);
        let outs = out.chunks_mut(n_features + 1).map(|out| &mut out[..n_features]).enumerate();
        if self.by_row(n_rows) {
            SCRATCH.with_borrow_mut(|scratch| {
                outs.for_each(|(row, out)| {
                    self.explainer.contributions_into(self.row(rows, row), scratch, out)
                });
            });
        } else {
            let explained = self.explainer.explain(&self.matrix(rows, n_rows)?)?;
            outs.for_each(|(row, out)| out.copy_from_slice(explained.row(row)));
        }
        Ok(())
    }

    /// A matrix without columns would have no rows.
    fn by_row(&self, n_rows: usize) -> bool {
        n_rows <= FEW_ROWS || self.names.is_empty()
    }

    fn row<'a>(&self, rows: &'a [f64], row: usize) -> &'a [f64] {
        let n = self.names.len();
        &rows[row * n..(row + 1) * n]
    }

    fn matrix(&self, rows: &[f64], n_rows: usize) -> Result<FeatureMatrix, Error> {
        let n_features = self.names.len();
        let too_large = |_| Error::Large { n_rows, features: n_features };
        let values = ArrayView2::from_shape((n_rows, n_features), rows).map_err(too_large)?;
        Ok(FeatureMatrix::from_array(self.predictor.schema().clone(), values)?)
    }
}

fn bytes_of(path: &str) -> Result<Vec<u8>, Error> {
    let io = |e: std::io::Error| Error::File { path: path.to_owned(), reason: e.to_string() };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = vec![];
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    match bytes.len() as u64 {
        n if n > MAX_BYTES => Err(io(std::io::Error::other(format!("more than {MAX_BYTES} bytes")))),
        _ => Ok(bytes),
    }
}

/// What a pointer and a length name; of length 0 nothing, whatever the pointer.
///
/// # Safety
/// `at` is null or points to `length` values that nobody writes meanwhile.
unsafe fn slice<'a, T>(name: &'static str, at: *const T, length: usize) -> Result<&'a [T], Error> {
    match length {
        0 => Ok(&[]),
        _ if at.is_null() => Err(Error::Null(name)),
        _ if length > isize::MAX as usize / size_of::<T>() => Err(Error::Length { name, length }),
        // SAFETY: not null and within what a slice may span; the rest is the caller's promise
        _ => Ok(unsafe { std::slice::from_raw_parts(at, length) }),
    }
}

/// The same to be written; none of null, of a length that no memory has, or of none.
///
/// # Safety
/// `at` is null or points to `length` numbers that nobody else reads or writes meanwhile.
unsafe fn slice_out<'a>(at: *mut f64, length: usize) -> Option<&'a mut [f64]> {
    match length {
        0 => Some(&mut []),
        _ if at.is_null() || length > isize::MAX as usize / size_of::<f64>() => None,
        // SAFETY: as in `slice`
        _ => Some(unsafe { std::slice::from_raw_parts_mut(at, length) }),
    }
}

/// # Safety
/// `at` is null or points to a place that nobody else uses meanwhile.
unsafe fn out<'a, T>(name: &'static str, at: *mut T) -> Result<&'a mut T, Error> {
    // SAFETY: the caller's promise
    unsafe { at.as_mut() }.ok_or(Error::Null(name))
}

thread_local! {
    static SCRATCH: std::cell::RefCell<Scratch> = std::cell::RefCell::default();
}

/// So few rows are scored one by one, which takes no matrix of its own.
const FEW_ROWS: usize = 4;
const MAX_BYTES: u64 = 4 << 30;

// The engine of aml-miner for C. Made of src/capi by `UPDATE_DOCS=1 cargo test --test capi`; do not edit.

#ifndef AML_MINER_H
#define AML_MINER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// How a call ended.
typedef enum AmlStatus {
  // As asked.
  AML_STATUS_OK = 0,
  // A pointer is null that must not be.
  AML_STATUS_NULL = 1,
  // A number of features or rows does not fit.
  AML_STATUS_SHAPE = 2,
  // The bytes are no model that this engine runs.
  AML_STATUS_MODEL = 3,
  // The file cannot be read.
  AML_STATUS_FILE = 4,
  // A bug of this library.
  AML_STATUS_PANIC = 5,
} AmlStatus;

// A model, compiled for scoring and for explanation; read-only, to be shared between threads.
typedef struct AmlModel AmlModel;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library, "1.0.0".
const char *aml_version(void);

// What was wrong with the last call of this thread that did not end with AML_STATUS_OK, in UTF-8; empty where none did. Valid until the next call of this
// thread that fails.
const char *aml_last_error(void);

// Reads a model of any format (aml-miner's own, LightGBM's text, XGBoost's JSON or UBJSON) from `length` bytes. `*model` is to be freed by aml_model_free;
// null where this fails.
//
// # Safety
// `bytes` points to `length` bytes, `model` to a pointer.
enum AmlStatus aml_model_parse(const uint8_t *bytes,
                               size_t length,
                               struct AmlModel **model);

// The same of the file at `path`, UTF-8 that ends with a zero.
//
// # Safety
// `path` points to bytes that end with a zero, `model` to a pointer.
enum AmlStatus aml_model_open(const char *path, struct AmlModel **model);

// Frees a model; null is none. No call may use it any more, nor the names that it gave.
//
// # Safety
// `model` is null or was given by this library and not freed yet, and no other thread uses it.
void aml_model_free(struct AmlModel *model);

// How many features a row of the model has; 0 of null.
//
// # Safety
// `model` is null or a model of this library.
size_t aml_model_features(const struct AmlModel *model);

// The name of a feature, from 0; null where there is none. Valid as long as the model.
//
// # Safety
// `model` is null or a model of this library.
const char *aml_model_feature_name(const struct AmlModel *model, size_t feature);

// The raw score and the score (a probability of a binary model) of one row of feature values, NaN missing. Either may be null, if it is not wanted. Nothing is
// allocated.
//
// # Safety
// `model` is a model of this library; `row` points to `features` numbers; `raw` and `score` to one or are null.
enum AmlStatus aml_predict_row(const struct AmlModel *model,
                               const double *row,
                               size_t features,
                               double *raw,
                               double *score);

// The same of many rows, row after row; `raw` and `score` take one number a row. Rows are shared out over the threads of RAYON_NUM_THREADS (all of the
// machine where it is not set), which changes no bit.
//
// # Safety
// `model` is a model of this library; `rows` points to `n_rows` times `features` numbers; `raw` and `score` to `n_rows` or are null.
enum AmlStatus aml_predict(const struct AmlModel *model,
                           const double *rows,
                           size_t n_rows,
                           size_t features,
                           double *raw,
                           double *score);

// What each feature contributes to the raw score of each row: exact Shapley values. `contributions` takes `features` + 1 numbers a row: one a feature, then the base value;
// together they make the raw score. One row allocates nothing after a thread's first.
//
// # Safety
// `model` is a model of this library; `rows` points to `n_rows` times `features` numbers, `contributions` to `n_rows` times (`features` + 1).
enum AmlStatus aml_contributions(const struct AmlModel *model,
                                 const double *rows,
                                 size_t n_rows,
                                 size_t features,
                                 double *contributions);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AML_MINER_H */

//! The gradient boosting engine: knows nothing of money laundering, Arrow or HTTP.
//!
//! `data` makes bins of a feature matrix, `learn` makes a model of a dataset, `model` is what was learned and its file
//! formats, `infer` scores and explains; inner loops that are worth an instruction set stand in `kernel`. A model is not
//! its parameters, not its learner and not its engine.
//!
//! # Examples
//!
//! Training from arrays, scoring and explaining; `default-features = false` is all that this takes.
//!
//! ```
//! use aml_miner::gbdt::data::{Dataset, FeatureMatrix, Schema, Task};
//! use aml_miner::gbdt::infer::{Explainer, Predictor};
//! use aml_miner::gbdt::learn::{Silent, train};
//! use aml_miner::gbdt::model::Model;
//! use aml_miner::gbdt::params::Params;
//! use ndarray::{Array2, s};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // whether x + y > 1; a view of any layout will do, and NaN is missing
//! let table = Array2::from_shape_fn((400, 3), |(row, column)| (row * [7, 13, 1][column] % 100) as f64 / 100.0);
//! let values = table.slice(s![.., ..2]);
//! let labels = values.rows().into_iter().map(|row| f32::from(u8::from(row[0] + row[1] > 1.0))).collect();
//! let matrix = FeatureMatrix::from_array(Schema::numerical(["x", "y"]), values)?;
//!
//! let mut params = Params { num_iterations: 30, learning_rate: 0.2, ..Params::default() };
//! params.set("min_child_samples", "5")?; // as a command line would, by any of LightGBM's names
//! let plan = params.plan()?;
//! let data = Dataset::fit(&matrix, Task::binary(labels), plan.binning())?;
//! let model = train(&plan, &data, None, &mut Silent);
//!
//! // one row, or all of them
//! let predictor = Predictor::new(&model);
//! assert!(predictor.score_row(&[0.9, 0.9]) > 0.9 && predictor.score_row(&[0.1, 0.2]) < 0.1);
//! assert_eq!(predictor.scores(&matrix)?.len(), 400);
//!
//! // exact Shapley values of the raw score
//! let explained = Explainer::new(&model).contributions(&[0.9, 0.2]);
//! let sum = explained.base_value + explained.values.iter().sum::<f64>();
//! assert!((sum - predictor.raw_row(&[0.9, 0.2])).abs() < 1e-9);
//! assert!(explained.values[0] > 0.0 && explained.values[1] < 0.0);
//!
//! // the same bytes wherever it was trained
//! let bytes = model.to_bytes();
//! assert_eq!(Model::from_bytes(&bytes)?, model);
//! assert_eq!(Model::from_bytes(&bytes)?.digest(), model.digest());
//! # Ok(())
//! # }
//! ```
//!
//! Queries to rank, a validation set, and early stopping, with an observer that could end training as well:
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use aml_miner::gbdt::data::{Column, Dataset, FeatureMatrix, Schema, Task};
//! use aml_miner::gbdt::learn::{Round, train};
//! use aml_miner::gbdt::params::Params;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let queries = |shift: usize| {
//!     let x: Vec<f32> = (0..300).map(|row| ((row + shift) * 37 % 101) as f32).collect();
//!     let grades = x.iter().map(|x| (x / 34.0) as u8).collect();
//!     let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F32(x)]);
//!     matrix.map(|matrix| (matrix, Task::lambdarank(grades, vec![10; 30])))
//! };
//! let mut params = Params { num_iterations: 50, early_stopping_round: 5, ..Params::default() };
//! params.set("objective", "lambdarank")?;
//! params.set("eval_at", "10")?;
//! let plan = params.plan()?;
//! let (matrix, task) = queries(0)?;
//! let data = Dataset::fit(&matrix, task, plan.binning())?;
//! let (matrix, task) = queries(5)?;
//! let valid = data.validation(&matrix, task)?;
//!
//! let mut curve = vec![];
//! let model = train(&plan, &data, Some(&valid), &mut |round: &Round<'_>| {
//!     curve.extend(round.measurements[0].value);
//!     ControlFlow::Continue(())
//! });
//! assert_eq!(curve.len(), model.trees.len() + 5, "the best round's trees are kept");
//! assert!(curve.iter().all(|ndcg| *ndcg > 0.9));
//! # Ok(())
//! # }
//! ```
//!
//! A loss of your own ([`data::CustomLoss`]), here the squared error:
//!
//! ```
//! use aml_miner::gbdt::data::{Column, CustomLoss, Dataset, Derivatives, FeatureMatrix, Schema, Task};
//! use aml_miner::gbdt::infer::Predictor;
//! use aml_miner::gbdt::learn::{Silent, train};
//! use aml_miner::gbdt::params::Params;
//!
//! #[derive(Debug)]
//! struct SquaredError(Vec<f64>);
//!
//! impl CustomLoss for SquaredError {
//!     fn n_rows(&self) -> usize {
//!         self.0.len()
//!     }
//!
//!     fn derive(&self, scores: &[f64], derivatives: &mut [Derivatives]) {
//!         for ((row, score), y) in derivatives.iter_mut().zip(scores).zip(&self.0) {
//!             *row = Derivatives { gradient: score - y, hessian: 1.0 };
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let x: Vec<f64> = (0..200).map(f64::from).collect();
//! let y = x.iter().map(|x| 3.0 * x).collect();
//! let plan = Params { learning_rate: 0.3, ..Params::default() }.plan()?;
//! let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F64(x)])?;
//! let data = Dataset::fit(&matrix, Task::custom(SquaredError(y)), plan.binning())?;
//! let model = train(&plan, &data, None, &mut Silent);
//! assert!((Predictor::new(&model).score_row(&[100.0]) - 300.0).abs() < 30.0);
//! # Ok(())
//! # }
//! ```

pub mod data;
pub mod infer;
pub mod kernel;
pub mod learn;
pub mod model;
pub mod params;

//! The gradient boosting engine: knows nothing of money laundering, Arrow or HTTP.
//!
//! `data` makes bins of a feature matrix, `learn` makes a model of a dataset, `model` is what was learned and its file
//! formats, `infer` scores and explains; inner loops that are worth an instruction set stand in `kernel`. A model is not
//! its parameters, not its learner and not its engine.

pub mod data;
pub mod infer;
pub mod kernel;
pub mod learn;
pub mod model;
pub mod params;

//! `gbdt convert`: a model in another format.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{Fault, Verdict};
use crate::gbdt::model::{lightgbm, onnx};
use crate::table::file;

/// Arguments of `gbdt convert`.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Our own format, LightGBM's text, XGBoost's JSON or UBJSON, told by content
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// .txt LightGBM text, .json as LightGBM dumps it, .onnx, .model our own format
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(command: &Convert) -> Result<Verdict, Fault> {
    let extension = command.output.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let refuse = |what: &str| Err(Fault::Input(format!("{}: {what}", command.output.display())));
    match extension {
        "txt" | "json" | "onnx" | "model" => {}
        _ => return refuse("the extension says the format: .txt (LightGBM), .json, .onnx or .model"),
    }
    let model = super::model::read(&command.model)?;
    let bytes = match extension {
        "txt" => lightgbm::to_text(&model).into_bytes(),
        "json" => lightgbm::to_json(&model).into_bytes(),
        "onnx" => {
            onnx::to_bytes(&model).map_err(|e| Fault::Input(format!("{}: {e}", command.output.display())))?
        }
        _ => model.to_bytes(),
    };
    file::write(&command.output, &bytes).map_err(Fault::internal)?;
    Ok(Verdict::Done)
}

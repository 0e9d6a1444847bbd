//! The `aml-miner` binary.

fn main() -> std::process::ExitCode {
    aml_miner::cli::run(std::env::args_os())
}

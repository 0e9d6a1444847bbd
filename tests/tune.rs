//! The search for parameters: samplers on functions whose least value is known, and the command on small batches.

#[path = "tune/command.rs"]
mod command;
#[path = "tune/functions.rs"]
mod functions;

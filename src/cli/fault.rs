//! How a command fails: whose fault it was decides the exit code.

use std::fmt;

/// A failure with its exit code.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The arguments or the input are wrong; exit code 2.
    Input(String),
    /// The machine failed us (cannot write, cannot start threads), or a bug; exit code 3.
    Internal(String),
}

impl Fault {
    /// An input error from anything that explains itself.
    pub(crate) fn input(error: impl fmt::Display) -> Self {
        Fault::Input(error.to_string())
    }

    /// An internal error from anything that explains itself.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        Fault::Internal(error.to_string())
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Fault::Input(_) => 2,
            Fault::Internal(_) => 3,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Input(text) | Fault::Internal(text) => f.write_str(text),
        }
    }
}

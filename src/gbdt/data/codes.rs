//! A feature's codes, one per row, in as few bytes as hold them.

/// One code per row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gbdt) enum Codes {
    /// All below 256.
    Bytes(Vec<u8>),
    /// All below 65,536.
    Words(Vec<u16>),
}

/// Does the same with codes of either width.
macro_rules! of_codes {
    ($codes:expr, $name:ident => $body:expr) => {
        match $codes {
            $crate::gbdt::data::codes::Codes::Bytes($name) => $body,
            $crate::gbdt::data::codes::Codes::Words($name) => $body,
        }
    };
}
pub(in crate::gbdt) use of_codes;

impl Codes {
    /// The code of a row.
    #[inline]
    pub(in crate::gbdt) fn get(&self, row: usize) -> usize {
        of_codes!(self, codes => usize::from(codes[row]))
    }

    /// The codes, where they are bytes.
    pub(in crate::gbdt) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Codes::Bytes(codes) => Some(codes),
            Codes::Words(_) => None,
        }
    }

    /// Whether some row has this code.
    pub(super) fn contains(&self, code: usize) -> bool {
        of_codes!(self, codes => codes.iter().any(|&found| usize::from(found) == code))
    }
}

//! Addresses and instance ids as pure functions of what they stand for.

use uuid::Uuid;

use crate::determinism::rng::Stream;

/// Makes addresses in the form of a network.
#[derive(Clone, Debug)]
pub(super) struct Names {
    seed: u64,
    network: String,
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Substrate,
    Evm,
    Utxo,
}

impl Names {
    pub(super) fn new(seed: u64, network: &str) -> Self {
        let style = match network {
            "bitcoin" | "litecoin" => Style::Utxo,
            "ethereum" | "polygon" => Style::Evm,
            evm if evm.ends_with("_evm") => Style::Evm,
            _ => Style::Substrate,
        };
        Names { seed, network: network.to_owned(), style }
    }

    /// The address of member `index` of `group`; `kind` keeps kinds of owners apart.
    pub(super) fn address(&self, kind: &str, group: u64, index: u64) -> String {
        let stream = Stream::new(self.seed, &self.network).round(kind_key(kind)).round(group).round(index);
        let (prefix, digits, length) = match self.style {
            Style::Substrate => ("5", BASE58, 47),
            Style::Evm => ("0x", BASE16, 40),
            Style::Utxo => ("bc1q", BASE32, 38),
        };
        let symbol = |i: u64| digits[stream.below(i, digits.len() as u64) as usize] as char;
        prefix.chars().chain((0..length).map(symbol)).collect()
    }

    /// The id of a scheme.
    pub(super) fn instance(&self, kind: &str, number: i64) -> String {
        let text = format!("aml-miner/{}/{}/{kind}/{number}", self.seed, self.network);
        Uuid::new_v5(&Uuid::NAMESPACE_DNS, text.as_bytes()).to_string()
    }
}

fn kind_key(kind: &str) -> u64 {
    Stream::new(0, kind).bits(0)
}

const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const BASE16: &[u8] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_form_of_their_network() {
        let torus = Names::new(1, "torus").address("wallet", 3, 0);
        assert!(torus.starts_with('5') && torus.len() == 48, "{torus}");
        let evm = Names::new(1, "torus_evm").address("wallet", 3, 0);
        assert!(evm.starts_with("0x") && evm.len() == 42, "{evm}");
        assert_ne!(torus, Names::new(2, "torus").address("wallet", 3, 0));
        assert_ne!(torus, Names::new(1, "torus").address("wallet", 3, 1));
        assert_ne!(torus, Names::new(1, "torus").address("shop", 3, 0));
    }
}

//! What the economy and the schemes write: payments between numbered addresses.

use crate::determinism::intern::Interner;

/// One payment; the native amount follows from price and form when the batch is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Payment {
    /// Milliseconds since 1970 UTC, not yet aligned to a block.
    pub(super) at: i64,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) usd: f64,
    pub(super) coin: u8,
    pub(super) form: Form,
}

/// Whether people rounded the amount of coins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// To the last decimal.
    Exact,
    /// To one or two leading digits.
    Round,
}

/// Who stands behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// An exchange's own wallet.
    Exchange,
    /// An address that an exchange gave to one customer.
    Deposit,
    /// A shop.
    Merchant,
    /// A company that pays salaries.
    Employer,
    /// A mining pool.
    Pool,
    /// A market maker's program.
    Bot,
    /// A mixing service.
    Mixer,
    /// A person; on which day the wallet was opened.
    Wallet { born: i64 },
    /// An address opened for a scheme.
    Scheme,
}

/// All payments of a span of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) names: Interner,
    /// Parallel to the names.
    pub(super) owners: Vec<Owner>,
    pub(super) payments: Vec<Payment>,
}

impl Ledger {
    /// The number of an address, registered at first use.
    pub(super) fn open(&mut self, address: &str, owner: Owner) -> u32 {
        let id = self.names.intern(address);
        if id as usize == self.owners.len() {
            self.owners.push(owner);
        }
        id
    }

    /// Appends a payment, unless it is dust or pays its sender.
    pub(super) fn pay(&mut self, payment: Payment) {
        if payment.from != payment.to && payment.usd >= DUST_USD {
            self.payments.push(payment);
        }
    }
}

/// Units of a coin worth `usd`, to six decimals, rounded as people round.
pub(super) fn units(usd: f64, price: f64, form: Form) -> f64 {
    let exact = usd / price;
    match form {
        Form::Exact => super::market::micro(exact).max(1e-6),
        Form::Round => {
            let step = STEPS.iter().copied().find(|step| exact >= 4.0 * step).unwrap_or(1e-6);
            super::market::micro((exact / step).round().max(1.0) * step)
        }
    }
}

/// Steps to which people round.
const STEPS: [f64; 11] = [1e5, 1e4, 5e3, 1e3, 500.0, 100.0, 50.0, 10.0, 1.0, 0.1, 0.01];
const DUST_USD: f64 = 0.01;

//! Assets of a network and their daily prices: a stationary walk of the logarithm that is a pure function of the day.

use crate::determinism::math;
use crate::determinism::rng::Stream;

use super::draw::Draw;

/// An asset that is traded.
#[derive(Clone, Debug)]
pub(super) struct Coin {
    pub(super) symbol: String,
    pub(super) contract: String,
    median_usd: f64,
    volatility: f64,
}

/// The assets of one network.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) coins: Vec<Coin>,
    stream: Stream,
}

/// Position of the network's own coin among [`Market::coins`].
pub(super) const NATIVE: u8 = 0;
/// Position of the first stable coin.
pub(super) const STABLE: u8 = 1;

impl Market {
    pub(super) fn new(seed: u64, network: &str) -> Self {
        let ticker: String = network.chars().filter(char::is_ascii_alphanumeric).take(3).collect();
        let coin = |symbol: &str, contract: &str, median_usd, volatility| Coin {
            symbol: symbol.to_owned(),
            contract: contract.to_owned(),
            median_usd,
            volatility,
        };
        let coins = vec![
            coin(&ticker.to_ascii_uppercase(), "native", 0.85, 0.035),
            coin("USDT", "asset-1984", 1.0, 0.0006),
            coin("USDC", "asset-1337", 1.0, 0.0004),
            coin("WETH", "asset-1900", 2_900.0, 0.025),
        ];
        Market { coins, stream: Stream::new(seed, "market") }
    }

    /// US dollars per unit on a day, to six decimals.
    pub(super) fn price(&self, coin: u8, day: i64) -> f64 {
        let coin_stream = self.stream.round(u64::from(coin));
        let shock = |of: i64| Draw::new(coin_stream.round(of as u64)).normal(0.0, 1.0);
        let walk: f64 = (0..MEMORY_DAYS).rev().fold(0.0, |level, back| DECAY * level + shock(day - back));
        let Coin { median_usd, volatility, .. } = &self.coins[coin as usize];
        micro(median_usd * math::exp(volatility * walk))
    }
}

/// Rounded to a millionth, so that the decimal form is exact within six places.
pub(super) fn micro(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

const MEMORY_DAYS: i64 = 60;
const DECAY: f64 = 0.95;

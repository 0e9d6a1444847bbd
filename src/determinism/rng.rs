//! Random numbers as a pure function of (seed, purpose, round, index): no state, no order of calls, no
//! thread can change a draw. The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, Fig. 16),
//! applied once per key word.

/// A stream of draws for one purpose; cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of `purpose` (a short constant name) under `seed`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let key = purpose.bytes().fold(mix(seed ^ GOLDEN), |key, byte| mix(key ^ u64::from(byte)));
        Stream { key }
    }

    /// A sub-stream, such as one boosting round or one simulated day.
    pub fn round(self, round: u64) -> Self {
        Stream { key: mix(self.key ^ round.wrapping_mul(GOLDEN)) }
    }

    /// 64 uniform bits for `index`.
    pub fn bits(self, index: u64) -> u64 {
        mix(self.key.wrapping_add(index.wrapping_mul(GOLDEN)))
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit(self, index: u64) -> f64 {
        (self.bits(index) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `0..n` by the multiply-shift method; `n` must not be 0.
    pub fn below(self, index: u64, n: u64) -> u64 {
        ((u128::from(self.bits(index)) * u128::from(n)) >> 64) as u64
    }
}

fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_pinned() {
        let stream = Stream::new(42, "bagging").round(3);
        assert_eq!(stream.bits(0), Stream::new(42, "bagging").round(3).bits(0));
        assert_ne!(stream.bits(0), stream.bits(1));
        assert_ne!(stream.bits(0), Stream::new(42, "feature").round(3).bits(0));
        assert_ne!(stream.bits(0), Stream::new(43, "bagging").round(3).bits(0));
    }

    #[test]
    fn draws_are_uniform_enough() {
        let stream = Stream::new(7, "test");
        let mean = (0..100_000).map(|i| stream.unit(i)).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let mut counts = [0u32; 10];
        (0..100_000).for_each(|i| counts[stream.below(i, 10) as usize] += 1);
        assert!(counts.iter().all(|&c| (9_500..10_500).contains(&c)), "{counts:?}");
    }
}

//! Which vector instructions a kernel may use.

use std::fmt;
use std::sync::OnceLock;

/// The widest instructions that the machine, and the compiler that built this program, have. A higher level is faster and
/// gives the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Portable code; it defines every result.
    Scalar,
    /// 32-byte vectors: AVX2, BMI1, BMI2, LZCNT and POPCNT, as every x86-64 server has since 2015.
    Avx2(Seen),
    /// 64-byte vectors with byte permutes: AVX-512 F, BW, CD, DQ, VL and VBMI (Intel since Ice Lake, AMD since Zen 4).
    Avx512(Seen),
}

/// Proof that the machine was asked: only this file can make one, so a level above scalar never lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen(());

impl Level {
    /// The highest level of this machine; asked once.
    pub fn detect() -> Self {
        static HIGHEST: OnceLock<Level> = OnceLock::new();
        *HIGHEST.get_or_init(|| *Level::available().last().expect("every machine has the scalar level"))
    }

    /// Every level of this machine, lowest first; a property that holds for all of them is asked of each.
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Level::Scalar];
        levels.extend(avx2().map(Level::Avx2));
        levels.extend(avx512().map(Level::Avx512));
        levels
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Scalar => "scalar",
            Level::Avx2(_) => "AVX2",
            Level::Avx512(_) => "AVX-512",
        })
    }
}

#[cfg(target_arch = "x86_64")]
fn avx2() -> Option<Seen> {
    use std::arch::is_x86_feature_detected as has;
    (has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt")).then_some(Seen(()))
}

#[cfg(not(target_arch = "x86_64"))]
fn avx2() -> Option<Seen> {
    None
}

#[cfg(has_avx512)]
fn avx512() -> Option<Seen> {
    use std::arch::is_x86_feature_detected as has;
    let foundation = has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq");
    (foundation && has!("avx512vl") && has!("avx512vbmi")).then_some(Seen(())).and(avx2())
}

/// Where the compiler is older than Rust 1.89, whose AVX-512 is not stable, `build.rs` leaves the kernels out.
#[cfg(not(has_avx512))]
fn avx512() -> Option<Seen> {
    None
}

/// Compiles one portable body for every level: `stamped! { fn name(argument: Type) = body }` makes `name(level, argument)`.
/// The body is `#[inline(always)]`, so that each copy is optimised for the instructions of its level.
macro_rules! stamped {
    ($(#[$doc:meta])* $vis:vis fn $name:ident $(<const $c:ident: usize>)? $(<$($kind:ident: $bound:path),+>)? ($($arg:ident: $type:ty),*) $(-> $out:ty)? = $body:ident) => {
        $(#[$doc])*
        #[inline]
        $vis fn $name $(<const $c: usize>)? $(<$($kind: $bound),+>)? (level: $crate::gbdt::kernel::Level, $($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            unsafe fn avx2 $(<const $c: usize>)? $(<$($kind: $bound),+>)? ($($arg: $type),*) $(-> $out)? {
                $body $(::<$c>)? $(::<$($kind),+>)? ($($arg),*)
            }
            #[cfg(has_avx512)]
            #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
            unsafe fn avx512 $(<const $c: usize>)? $(<$($kind: $bound),+>)? ($($arg: $type),*) $(-> $out)? {
                $body $(::<$c>)? $(::<$($kind),+>)? ($($arg),*)
            }
            match level {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the level proves that the machine has the instructions
                $crate::gbdt::kernel::Level::Avx2(_) => unsafe { avx2 $(::<$c>)? $(::<$($kind),+>)? ($($arg),*) },
                #[cfg(has_avx512)]
                // SAFETY: the level proves that the machine has the instructions
                $crate::gbdt::kernel::Level::Avx512(_) => unsafe { avx512 $(::<$c>)? $(::<$($kind),+>)? ($($arg),*) },
                _ => $body $(::<$c>)? $(::<$($kind),+>)? ($($arg),*),
            }
        }
    };
}
pub(super) use stamped;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_rise_from_scalar_to_the_detected_one() {
        let levels = Level::available();
        assert_eq!(levels[0], Level::Scalar);
        assert!(levels.windows(2).all(|pair| pair[0] < pair[1]), "{levels:?}");
        assert_eq!(levels.last(), Some(&Level::detect()));
    }
}

//! One body, compiled once for each level: what the compiler makes of plain loops with wider instructions.
//!
//! Additions, multiplications, divisions and comparisons of floats are exact to the bit in vectors too, and Rust never fuses
//! or reorders them, so such a body gives the same bits at every level by construction; the tests ask all the same.

/// `stamp! { fn name<C: Cell>(arguments) -> Result = body; }` makes `name(level, arguments)` of an `#[inline(always)]` body.
macro_rules! stamp {
    ($(#[$doc:meta])* fn $name:ident $(<$($kind:ident : $bound:path),*>)? ($($arg:ident : $type:ty),* $(,)?)
        $(-> $out:ty)? = $body:ident;) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "the level comes before what the body takes")]
        #[allow(unsafe_code, reason = "a body compiled for some instructions runs where they were seen alone")]
        pub(in crate::gbdt) fn $name $(<$($kind: $bound),*>)? (level: $crate::gbdt::kernel::Level, $($arg: $type),*)
            $(-> $out)?
        {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            #[allow(clippy::too_many_arguments, reason = "as the body")]
            unsafe fn avx2 $(<$($kind: $bound),*>)? ($($arg: $type),*) $(-> $out)? {
                $body $(::<$($kind),*>)? ($($arg),*)
            }
            #[cfg(all(target_arch = "x86_64", has_avx512))]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi")]
            #[allow(clippy::too_many_arguments, reason = "as the body")]
            unsafe fn avx512 $(<$($kind: $bound),*>)? ($($arg: $type),*) $(-> $out)? {
                $body $(::<$($kind),*>)? ($($arg),*)
            }
            match level {
                // SAFETY: a level above scalar exists only where `Level::detect` saw its instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::gbdt::kernel::Level::Avx2(_) => unsafe { avx2 $(::<$($kind),*>)? ($($arg),*) },
                // SAFETY: as above.
                #[cfg(all(target_arch = "x86_64", has_avx512))]
                $crate::gbdt::kernel::Level::Avx512(_) => unsafe { avx512 $(::<$($kind),*>)? ($($arg),*) },
                #[allow(unreachable_patterns, reason = "reached where the other arms are not compiled")]
                _ => $body $(::<$($kind),*>)? ($($arg),*),
            }
        }
    };
}

pub(super) use stamp;

//! All lanes of a register at once by the host's vector instructions: the results of `float::host` where every
//! lane is normal, or is compared. `None` elsewhere, and on hosts other than x86-64: then lane by lane.

use super::sse_float::Lanes;
use super::vector::V;
use crate::float::host::{Difference, Greater, Lesser, Operation, Product, Quotient, Root, Sum};
#[cfg(target_arch = "x86_64")]
use crate::insn::avx::fma::Signs;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

/// A format whose lanes the host computes with at once.
#[cfg(target_arch = "x86_64")]
pub(crate) trait Wide: Lanes {
    fn sum(a: V, b: V) -> V;
    fn difference(a: V, b: V) -> V;
    fn product(a: V, b: V) -> V;
    fn quotient(a: V, b: V) -> V;
    fn square_root(a: V) -> V;
    fn lesser(a: V, b: V) -> V;
    fn greater(a: V, b: V) -> V;
    /// Lanes of all ones where the relation holds.
    fn at_least(a: V, b: V) -> V;
    fn above(a: V, b: V) -> V;
    fn equal(a: V, b: V) -> V;
    fn ordered(a: V, b: V) -> V;
    fn splat(value: Self) -> V;
    /// Without signs.
    fn magnitude(a: V) -> V;
    /// With other signs.
    fn negated(a: V) -> V;
    /// `a * b + c`, rounded once.
    ///
    /// # Safety
    /// The host has FMA.
    unsafe fn multiply_add(a: V, b: V, c: V) -> V;
}

/// A format of which a register is gone through lane by lane.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) trait Wide: Lanes {}
#[cfg(not(target_arch = "x86_64"))]
impl<N: Lanes> Wide for N {}

#[cfg(target_arch = "x86_64")]
macro_rules! wide {
    ($type:ty, $to:ident, $from:ident, $splat:ident, $andnot:ident, $xor:ident, $root:ident,
        $fma:ident;
        $($name:ident = $instruction:ident;)*) => {
        impl Wide for $type {
            $(
                #[inline(always)]
                fn $name(a: V, b: V) -> V {
                    // SAFETY: SSE2 is there on every x86-64 host.
                    unsafe { $from($instruction($to(a), $to(b))) }
                }
            )*
            #[inline(always)]
            fn square_root(a: V) -> V {
                // SAFETY: as above.
                unsafe { $from($root($to(a))) }
            }
            #[inline(always)]
            fn splat(value: Self) -> V {
                // SAFETY: as above.
                unsafe { $from($splat(value)) }
            }
            #[inline(always)]
            fn magnitude(a: V) -> V {
                // SAFETY: as above.
                unsafe { $from($andnot($splat(-0.0), $to(a))) }
            }
            #[inline(always)]
            fn negated(a: V) -> V {
                // SAFETY: as above.
                unsafe { $from($xor($splat(-0.0), $to(a))) }
            }
            #[inline(always)]
            unsafe fn multiply_add(a: V, b: V, c: V) -> V {
                // SAFETY: see the trait.
                unsafe { $from($fma($to(a), $to(b), $to(c))) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
wide! {
    f32, _mm_castsi128_ps, _mm_castps_si128, _mm_set1_ps, _mm_andnot_ps, _mm_xor_ps, _mm_sqrt_ps,
    _mm_fmadd_ps;
    sum = _mm_add_ps;
    difference = _mm_sub_ps;
    product = _mm_mul_ps;
    quotient = _mm_div_ps;
    lesser = _mm_min_ps;
    greater = _mm_max_ps;
    at_least = _mm_cmpge_ps;
    above = _mm_cmpgt_ps;
    equal = _mm_cmpeq_ps;
    ordered = _mm_cmpord_ps;
}

#[cfg(target_arch = "x86_64")]
wide! {
    f64, _mm_castsi128_pd, _mm_castpd_si128, _mm_set1_pd, _mm_andnot_pd, _mm_xor_pd, _mm_sqrt_pd,
    _mm_fmadd_pd;
    sum = _mm_add_pd;
    difference = _mm_sub_pd;
    product = _mm_mul_pd;
    quotient = _mm_div_pd;
    lesser = _mm_min_pd;
    greater = _mm_max_pd;
    at_least = _mm_cmpge_pd;
    above = _mm_cmpgt_pd;
    equal = _mm_cmpeq_pd;
    ordered = _mm_cmpord_pd;
}

// ---- conditions ----

/// Both.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn and(a: V, b: V) -> V {
    // SAFETY: SSE2 is there on every x86-64 host.
    unsafe { _mm_and_si128(a, b) }
}

/// Either.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn or(a: V, b: V) -> V {
    // SAFETY: as in `and`.
    unsafe { _mm_or_si128(a, b) }
}

/// True if all bits are set.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn all(lanes: V) -> bool {
    super::vector::byte_signs(lanes) == 0xffff
}

/// Lanes above the smallest normal number, and finite: `Native::is_settled`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn are_settled<N: Wide>(result: V) -> V {
    let size = N::magnitude(result);
    and(N::above(size, N::splat(N::SMALLEST)), N::at_least(N::splat(N::LARGEST), size))
}

/// Lanes that are not denormal; a NaN is none.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn are_plain<N: Wide>(value: V) -> V {
    let normal = N::at_least(N::magnitude(value), N::splat(N::SMALLEST));
    or(normal, N::equal(value, N::splat(N::ZERO)))
}

/// A result of normal operands, if it can be taken in every lane.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn settled<N: Wide>(a: V, b: V, result: V) -> Option<V> {
    let smaller = N::lesser(N::magnitude(a), N::magnitude(b));
    let normal = N::at_least(smaller, N::splat(N::SMALLEST));
    all(and(normal, are_settled::<N>(result))).then_some(result)
}

/// A choice between operands that can be compared without an exception in every lane.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn compared<N: Wide>(a: V, b: V, result: V) -> Option<V> {
    let plain = and(are_plain::<N>(a), are_plain::<N>(b));
    all(and(plain, N::ordered(a, b))).then_some(result)
}

// ---- operations ----

/// An operation on all lanes.
pub(crate) trait Whole: Operation {
    /// The results, if every lane has an ordinary one.
    fn whole<N: Wide>(a: V, b: V) -> Option<V>;
}

/// `Name = |N, a, b| result;`
macro_rules! whole {
    ($($operation:ty = |$n:ident, $a:ident, $b:ident| $result:expr;)*) => {$(
        impl Whole for $operation {
            #[inline(always)]
            fn whole<$n: Wide>($a: V, $b: V) -> Option<V> {
                #[cfg(target_arch = "x86_64")]
                return $result;
                #[cfg(not(target_arch = "x86_64"))]
                {
                    let _ = ($a, $b);
                    None
                }
            }
        }
    )*};
}

whole! {
    Sum = |N, a, b| settled::<N>(a, b, N::sum(a, b));
    Difference = |N, a, b| settled::<N>(a, b, N::difference(a, b));
    Product = |N, a, b| settled::<N>(a, b, N::product(a, b));
    Quotient = |N, a, b| settled::<N>(a, b, N::quotient(a, b));
    Root = |N, a, b| {
        let _ = a;
        let positive = N::at_least(b, N::splat(N::SMALLEST));
        let finite = N::at_least(N::splat(N::LARGEST), b);
        all(and(positive, finite)).then(|| N::square_root(b))
    };
    Lesser = |N, a, b| compared::<N>(a, b, N::lesser(a, b));
    Greater = |N, a, b| compared::<N>(a, b, N::greater(a, b));
}

/// `a * b + c` with the signs of an FMA3 instruction whose lanes are all alike.
///
/// # Safety
/// The host has FMA.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn fused<S: Signs, N: Wide>(a: V, b: V, c: V) -> Option<V> {
    let plain = and(and(are_plain::<N>(a), are_plain::<N>(b)), are_plain::<N>(c));
    let a = if S::PRODUCT { N::negated(a) } else { a };
    let c = if S::ADDEND[0] { N::negated(c) } else { c };
    // SAFETY: see above.
    let result = unsafe { N::multiply_add(a, b, c) };
    all(and(plain, are_settled::<N>(result))).then_some(result)
}

/// What a comparison stores under a predicate of VCMPPS, of which the four lowest bits matter where nothing is
/// unordered: EQ, LT, LE, UNORD and their opposites, and the same again.
#[inline(always)]
pub(super) fn mask<N: Wide>(predicate: u64, a: V, b: V) -> Option<V> {
    #[cfg(target_arch = "x86_64")]
    {
        let never = N::above(a, a);
        let holds = match predicate & 3 {
            0 => N::equal(a, b),
            1 => N::above(b, a),
            2 => N::at_least(b, a),
            _ => never,
        };
        let inverted = if predicate & 4 != 0 { N::equal(never, never) } else { never };
        // SAFETY: SSE2 is there on every x86-64 host.
        let result = unsafe { _mm_xor_si128(holds, inverted) };
        compared::<N>(a, b, result)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (predicate, a, b);
        None
    }
}

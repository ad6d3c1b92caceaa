//! SSE and AVX floating point as frameless handlers: with the host's arithmetic where `float::host` has shown that it
//! is the same, with the complete form everywhere else.

use super::form::{Form, Operand};
use super::set_slot;
use super::sse::{Produce, With, get, xmm};
use super::vector::{V, gather, gather_floats, join};
use super::wide::{self, Whole, Wide};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use crate::float::host::{self, Difference, Inexact, Native, Operation, Sum};
use core::marker::PhantomData;

/// A format as lanes of an XMM register.
pub(crate) trait Lanes: Native {
    /// Integer of the same width.
    type Bits: Width;
    /// Lanes of a register.
    const COUNT: usize = 16 / size_of::<Self::Bits>();
    /// Bytes of a lane.
    const BYTES: u8 = Self::Bits::BYTES;
    /// A register with its lowest lane replaced.
    ///
    /// # Safety
    /// `register` can be read for 16 bytes.
    unsafe fn merge(self, register: *const u8) -> V;
}

impl Lanes for f32 {
    type Bits = u32;
    #[inline(always)]
    unsafe fn merge(self, register: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { gather_floats([self, get(register, 4), get(register, 8), get(register, 12)]) }
    }
}

impl Lanes for f64 {
    type Bits = u64;
    #[inline(always)]
    unsafe fn merge(self, register: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { join(self.to_bits(), get(register, 8)) }
    }
}

/// Lane `i` of what is at `from`.
///
/// # Safety
/// It can be read.
#[inline(always)]
pub(super) unsafe fn lane<N: Lanes>(from: *const u8, i: usize) -> N {
    // SAFETY: see above.
    N::from_bits(unsafe { get::<N::Bits>(from, i * size_of::<N::Bits>()) }.to_u64())
}

/// A register of `$count` lanes, lane `i` being the bits that `$bits` gives; `None` if one of them is. A macro,
/// because a closure that the compiler leaves out of line would need a frame.
macro_rules! produced {
    ($count:expr, |$i:ident| $bits:expr) => {
        if $count == 4 {
            Some(gather([
                produced!(@ 0, $i, $bits) as u32,
                produced!(@ 1, $i, $bits) as u32,
                produced!(@ 2, $i, $bits) as u32,
                produced!(@ 3, $i, $bits) as u32,
            ]))
        } else {
            Some(join(produced!(@ 0, $i, $bits), produced!(@ 1, $i, $bits)))
        }
    };
    (@ $n:literal, $i:ident, $bits:expr) => {{
        let $i: usize = $n;
        let bits: Option<u64> = $bits;
        bits?
    }};
}
pub(super) use produced;

// ---- arithmetic ----

/// ADDSS and its kin.
pub(crate) struct Scalar<O, N>(PhantomData<(O, N)>);
/// ADDPS and its kin.
pub(crate) struct Packed<O, N>(PhantomData<(O, N)>);

impl<O: Operation, N: Lanes> Produce for Scalar<O, N> {
    const BYTES: u8 = N::Bits::BYTES;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            if O::ROUNDS && !host::is_quick(with.mxcsr) {
                return None;
            }
            let dst = lane::<N>(first, 0);
            let result = O::quick(dst, lane::<N>(last, 0))?;
            Some(result.merge(first))
        }
    }
}

impl<O: Whole, N: Wide> Produce for Packed<O, N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            if O::ROUNDS && !host::is_quick(with.mxcsr) {
                return None;
            }
            if let Some(whole) = O::whole::<N>(get(first, 0), get(last, 0)) {
                return Some(whole);
            }
            produced!(N::COUNT, |i| {
                O::quick(lane::<N>(first, i), lane::<N>(last, i)).map(N::bits)
            })
        }
    }
}

/// HADDPS and its kin: of neighbours, the destination's first.
pub(crate) struct Horizontal<O, N>(PhantomData<(O, N)>);
/// ADDSUBPS ADDSUBPD: even lanes are subtracted.
pub(crate) struct Alternating<N>(PhantomData<N>);

impl<O: Operation, N: Lanes> Produce for Horizontal<O, N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            if !host::is_quick(with.mxcsr) {
                return None;
            }
            produced!(N::COUNT, |i| {
                let from = if i < N::COUNT / 2 { first } else { last };
                let pair = i % (N::COUNT / 2) * 2;
                O::quick(lane::<N>(from, pair), lane::<N>(from, pair + 1)).map(N::bits)
            })
        }
    }
}

impl<N: Lanes> Produce for Alternating<N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            if !host::is_quick(with.mxcsr) {
                return None;
            }
            produced!(N::COUNT, |i| {
                let (a, b) = (lane::<N>(first, i), lane::<N>(last, i));
                let result =
                    if i.is_multiple_of(2) { Difference::quick(a, b) } else { Sum::quick(a, b) };
                result.map(N::bits)
            })
        }
    }
}

// ---- comparison ----

/// COMISS UCOMISS COMISD UCOMISD: without NaNs they are the same.
pub(crate) struct Compare<N>(PhantomData<N>);
/// CMPSS CMPSD.
pub(crate) struct Mask<N>(PhantomData<N>);
/// CMPPS CMPPD.
pub(crate) struct Masks<N>(PhantomData<N>);

impl<N: Lanes> Form for Compare<N> {
    const BYTES: u8 = N::Bits::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let dst = lane::<N>(xmm(cpu, (*op).dst), 0);
            let Some((less, equal)) = host::compare(dst, lane::<N>(src.low, 0)) else {
                return false;
            };
            (*cpu).status = Status::ordered(less, equal);
        }
        true
    }
}

/// What a comparison stores under the predicate of CMPPS.
#[inline(always)]
fn mask<N: Lanes>(predicate: u64, a: N, b: N) -> Option<u64> {
    let (less, equal) = host::compare(a, b)?;
    // EQ, LT, LE, UNORD, and their opposites: never unordered here.
    let holds = match predicate & 3 {
        0 => equal,
        1 => less,
        2 => less | equal,
        _ => false,
    };
    let holds = holds != (predicate & 4 != 0);
    Some(if holds { N::Bits::MASK } else { 0 })
}

impl<N: Lanes> Produce for Mask<N> {
    const BYTES: u8 = N::Bits::BYTES;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let dst = lane::<N>(first, 0);
            let mask = mask(with.imm, dst, lane::<N>(last, 0))?;
            Some(N::from_bits(mask).merge(first))
        }
    }
}

impl<N: Wide> Produce for Masks<N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            if let Some(whole) = wide::mask::<N>(with.imm, get(first, 0), get(last, 0)) {
                return Some(whole);
            }
            produced!(N::COUNT, |i| { mask(with.imm, lane::<N>(first, i), lane::<N>(last, i)) })
        }
    }
}

// ---- conversion ----

/// CVTSI2SS CVTSI2SD, from `W`.
pub(crate) struct FromInt<N, W>(PhantomData<(N, W)>);
/// CVTTSS2SI CVTTSD2SI (true), CVTSS2SI CVTSD2SI, to `W`.
pub(crate) struct ToInt<N, W, const TRUNCATE: bool>(PhantomData<(N, W)>);
/// CVTSD2SS.
pub(crate) struct Narrow;
/// CVTSS2SD.
pub(crate) struct Widen;
/// CVTPS2PD.
pub(crate) struct WidenLanes;
/// CVTPD2PS.
pub(crate) struct NarrowLanes;
/// CVTDQ2PS CVTDQ2PD.
pub(crate) struct FromDoublewords<N>(PhantomData<N>);
/// CVTTPS2DQ (true), CVTPS2DQ.
pub(crate) struct ToDoublewords<const TRUNCATE: bool>;
/// CVTTPD2DQ (true), CVTPD2DQ.
pub(crate) struct ToTwoDoublewords<const TRUNCATE: bool>;

impl<N: Lanes, W: Width> Produce for FromInt<N, W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let integer = W::sign_extend(get::<W>(last, 0).to_u64()) as i64;
            // Under another rounding mode exact results are the same.
            let mode = host::rounding(with.mxcsr).unwrap_or(Inexact::Open);
            let result = host::from_int::<N>(integer, mode)?;
            Some(result.merge(first))
        }
    }
}

/// To an integer of `bits` bits.
#[inline(always)]
fn integer<N: Lanes, const TRUNCATE: bool>(mxcsr: u32, value: N, bits: u32) -> Option<i64> {
    if TRUNCATE {
        return host::truncate(value, bits, host::inexact(mxcsr));
    }
    host::nearest(value, bits, host::rounding(mxcsr)?)
}

impl<N: Lanes, W: Width, const TRUNCATE: bool> Form for ToInt<N, W, TRUNCATE> {
    const BYTES: u8 = N::Bits::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let result = integer::<N, TRUNCATE>((*cpu).sse.mxcsr, lane(src.low, 0), W::BITS);
            let Some(result) = result else { return false };
            set_slot::<W>(cpu, (*op).dst, result as u64);
        }
        true
    }
}

impl Produce for Narrow {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let mode = host::rounding(with.mxcsr)?;
            let result = host::narrow(lane(last, 0), mode)?;
            Some(result.merge(first))
        }
    }
}

impl Produce for Widen {
    const BYTES: u8 = 4;
    #[inline(always)]
    unsafe fn produce(_: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let result = host::widen(lane(last, 0))?;
            Some(result.merge(first))
        }
    }
}

impl Produce for WidenLanes {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn produce(_: With, _first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe { produced!(2, |i| host::widen(lane(last, i)).map(f64::to_bits)) }
    }
}

impl Produce for NarrowLanes {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, _first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let mode = host::rounding(with.mxcsr)?;
            produced!(4, |i| {
                if i < 2 { host::narrow(lane(last, i), mode).map(f32::bits) } else { Some(0) }
            })
        }
    }
}

impl<N: Lanes> Produce for FromDoublewords<N> {
    const BYTES: u8 = 4 * N::COUNT as u8;
    #[inline(always)]
    unsafe fn produce(with: With, _first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let mode = host::rounding(with.mxcsr).unwrap_or(Inexact::Open);
            produced!(N::COUNT, |i| {
                host::from_int::<N>(i64::from(get::<i32>(last, 4 * i)), mode).map(N::bits)
            })
        }
    }
}

impl<const TRUNCATE: bool> Produce for ToDoublewords<TRUNCATE> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, _first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            produced!(4, |i| {
                integer::<f32, TRUNCATE>(with.mxcsr, lane(last, i), 32).map(i64::cast_unsigned)
            })
        }
    }
}

impl<const TRUNCATE: bool> Produce for ToTwoDoublewords<TRUNCATE> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, _first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            produced!(4, |i| {
                let result = if i < 2 {
                    integer::<f64, TRUNCATE>(with.mxcsr, lane(last, i), 32)
                } else {
                    Some(0)
                };
                result.map(i64::cast_unsigned)
            })
        }
    }
}

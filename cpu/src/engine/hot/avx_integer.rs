//! VEX moves, broadcasts, shuffles across lanes, masks and tests as frameless handlers. What works lane by lane is made
//! of the SSE forms (`sse_integer.rs`) by `avx::OfTwo` and its kin.

use super::avx::{Form, Operand, Store, set_lanes, set_low_lane, upper};
use super::newer::{Need, Newer};
use super::set_slot;
use super::sse::get;
use super::sse4::Widen;
use super::vector::{V, byte_signs, doubleword_signs, join};
use crate::cpu::Cpu;
use crate::decode::block::CodeSize;
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use crate::insn::avx::Length;
use crate::insn::avx::test::Tested;
use crate::insn::sse::blend::Blendv;
use crate::insn::sse::insert::extract;
use core::marker::PhantomData;

// ---- moves ----

/// All bytes of the vector's length.
pub(crate) struct Whole<L, const ALIGNED: bool>(PhantomData<L>);
/// The low part, the rest zero.
pub(crate) struct Low<W>(PhantomData<W>);
/// The low part to a general register.
pub(crate) struct ToGeneral<W>(PhantomData<W>);
/// An element to a general register: VPEXTR.
pub(crate) struct Extracted<W>(PhantomData<W>);
/// VZEROUPPER.
pub(crate) struct ZeroUpper;

impl<L: Length, const ALIGN: bool> Form for Whole<L, ALIGN> {
    const BYTES: u8 = L::BYTES as u8;
    const ALIGNED: bool = ALIGN;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let low = get(src.low, 0);
            let high = if L::WIDE { get(src.high, 0) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

impl<W: Width> Form for Low<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe { set_low_lane(cpu, (*op).dst, join(get::<W>(src.low, 0).to_u64(), 0)) }
    }
}

impl<W: Width> Form for ToGeneral<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe { set_slot::<W>(cpu, (*op).dst, get::<W>(src.low, 0).to_u64()) };
    }
}

impl<W: Width> Form for Extracted<W> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let element = extract::<W>(get(src.low, 0), (*op).imm);
            set_slot::<u64>(cpu, (*op).dst, element.to_u64());
        }
    }
}

impl Form for ZeroUpper {
    const BYTES: u8 = 0;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, _op: *const Op, _src: Operand) {
        // SAFETY: the numbers are below 16.
        unsafe {
            for n in 0..8 {
                upper(cpu, n).cast::<V>().write(join(0, 0));
            }
            if (*cpu).code_size == CodeSize::Bits64 {
                for n in 8..16 {
                    upper(cpu, n).cast::<V>().write(join(0, 0));
                }
            }
        }
    }
}

/// All bytes of the vector's length to memory.
pub(crate) struct StoreWhole<L, const ALIGNED: bool>(PhantomData<L>);
/// The low part to memory.
pub(crate) struct StoreLow<W>(PhantomData<W>);
/// The high half of the low lane to memory.
pub(crate) struct StoreHigh;
/// The lane that the immediate names to memory.
pub(crate) struct StoreLane;
/// The element that the immediate names to memory.
pub(crate) struct StoreElement<W>(PhantomData<W>);

impl<L: Length, const ALIGN: bool> Store for StoreWhole<L, ALIGN> {
    const BYTES: u8 = L::BYTES as u8;
    const ALIGNED: bool = ALIGN;
    #[inline(always)]
    unsafe fn store(_op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe {
            to.cast::<V>().write_unaligned(get(register.low, 0));
            if L::WIDE {
                to.add(16).cast::<V>().write_unaligned(get(register.high, 0));
            }
        }
    }
}

impl<W: Width> Store for StoreLow<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn store(_op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<W>().write_unaligned(get(register.low, 0)) }
    }
}

impl Store for StoreHigh {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn store(_op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<u64>().write_unaligned(get(register.low, 8)) }
    }
}

impl Store for StoreLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn store(op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<V>().write_unaligned(get(named(op, register), 0)) }
    }
}

impl<W: Width> Store for StoreElement<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn store(op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<W>().write_unaligned(extract::<W>(get(register.low, 0), (*op).imm)) }
    }
}

// ---- across lanes ----

/// The low element everywhere.
pub(crate) struct Broadcast<W, L>(PhantomData<(W, L)>);
/// Sixteen bytes in both lanes.
pub(crate) struct BroadcastLane;
/// VINSERTF128 VINSERTI128.
pub(crate) struct InsertLane;
/// VEXTRACTF128 VEXTRACTI128 to a register.
pub(crate) struct ExtractLane;
/// VPERM2F128 VPERM2I128.
pub(crate) struct PermuteLanes;
/// VPERMQ VPERMPD.
pub(crate) struct PermuteQuadwords;
/// VPERMD VPERMPS.
pub(crate) struct PermuteDoublewords;
/// VPMOVSX VPMOVZX.
pub(crate) struct Widened<K, L>(PhantomData<(K, L)>);

impl<W: Width, L: Length> Form for Broadcast<W, L> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let half = get::<W>(src.low, 0).to_u64().wrapping_mul(u64::MAX / W::MASK);
            let lane = join(half, half);
            set_lanes(cpu, (*op).dst, lane, if L::WIDE { lane } else { join(0, 0) });
        }
    }
}

impl Form for BroadcastLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let lane = get(src.low, 0);
            set_lanes(cpu, (*op).dst, lane, lane);
        }
    }
}

impl Form for InsertLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let upper = (*op).imm & 1 != 0;
            let low = get(if upper { first.low } else { src.low }, 0);
            let high = get(if upper { src.low } else { first.high }, 0);
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

/// The lane that bit 0 of the immediate names.
#[inline(always)]
unsafe fn named(op: *const Op, from: Operand) -> *const u8 {
    // SAFETY: as for `Form::apply`.
    unsafe { if (*op).imm & 1 != 0 { from.high } else { from.low } }
}

impl Form for ExtractLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe { set_low_lane(cpu, (*op).dst, get(named(op, src), 0)) }
    }
}

/// One of four lanes, or zero.
#[inline(always)]
unsafe fn choose(control: u64, first: Operand, second: Operand) -> V {
    if control & 8 != 0 {
        return join(0, 0);
    }
    let from = if control & 2 != 0 { second } else { first };
    // SAFETY: as for `Form::apply`.
    unsafe { get(if control & 1 != 0 { from.high } else { from.low }, 0) }
}

impl Form for PermuteLanes {
    const BYTES: u8 = 32;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let low = choose((*op).imm, first, src);
            let high = choose((*op).imm >> 4, first, src);
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

/// Element `i` of 32 bytes.
#[inline(always)]
unsafe fn element<W: Width>(from: Operand, i: usize) -> u64 {
    let in_lane = 128 / W::BITS as usize;
    let lane = if i & in_lane != 0 { from.high } else { from.low };
    // SAFETY: as for `Form::apply`; the place is within the lane.
    unsafe { get::<W>(lane, (i & (in_lane - 1)) * usize::from(W::BYTES)).to_u64() }
}

impl Form for PermuteQuadwords {
    const BYTES: u8 = 32;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let imm = (*op).imm as usize;
            let low = join(element::<u64>(src, imm & 3), element::<u64>(src, imm >> 2 & 3));
            let high = join(element::<u64>(src, imm >> 4 & 3), element::<u64>(src, imm >> 6 & 3));
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

/// Four doublewords by the indices of one lane.
#[inline(always)]
unsafe fn doublewords(indices: *const u8, from: Operand) -> V {
    // SAFETY: as for `Form::apply`.
    unsafe {
        let (low, high) = (get::<u64>(indices, 0), get::<u64>(indices, 8));
        let pair = |indices: u64| {
            let [low, high] = [indices & 7, indices >> 32 & 7].map(|index| index as usize);
            element::<u32>(from, low) | element::<u32>(from, high) << 32
        };
        join(pair(low), pair(high))
    }
}

impl Form for PermuteDoublewords {
    const BYTES: u8 = 32;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let indices = Operand::register(cpu, (*op).src);
            let (low, high) = (doublewords(indices.low, src), doublewords(indices.high, src));
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

impl<K: Widen, L: Length> Form for Widened<K, L> {
    const BYTES: u8 = if L::WIDE { 2 * K::Source::BYTES } else { K::Source::BYTES };
    const NEED: Need = Need::Sse4;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let part = |at| join(get::<K::Source>(src.low, at).to_u64(), 0);
            let low = K::eval_native(part(0));
            let high =
                if L::WIDE { K::eval_native(part(K::Source::BYTES as usize)) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

// ---- by a fourth operand ----

/// VPBLENDVB VBLENDVPS VBLENDVPD: lanes of `W` of the last operand where the fourth has its top bit set.
pub(crate) struct BlendedBy<W, L>(PhantomData<(W, L)>);

impl<W: 'static, L: Length> Form for BlendedBy<W, L>
where
    Blendv<W>: Newer,
{
    const BYTES: u8 = L::BYTES as u8;
    const NEED: Need = <Blendv<W> as Newer>::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let mask = Operand::register(cpu, (*op).fourth());
            let low =
                <Blendv<W> as Newer>::eval(get(first.low, 0), get(src.low, 0), get(mask.low, 0), 0);
            let high = if L::WIDE {
                <Blendv<W> as Newer>::eval(
                    get(first.high, 0),
                    get(src.high, 0),
                    get(mask.high, 0),
                    0,
                )
            } else {
                join(0, 0)
            };
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

// ---- masks and tests ----

/// VPMOVMSKB (`W` of 8 bits), VMOVMSKPS, VMOVMSKPD.
pub(crate) struct TopBits<W, L>(PhantomData<(W, L)>);
/// VPTEST VTESTPS VTESTPD.
pub(crate) struct Test<T, L>(PhantomData<(T, L)>);

#[inline(always)]
unsafe fn top_bits<W: Width>(lane: *const u8) -> u64 {
    // SAFETY: as for `Form::apply`.
    unsafe {
        match W::BITS {
            8 => u64::from(byte_signs(get(lane, 0))),
            32 => u64::from(doubleword_signs(get(lane, 0))),
            _ => get::<u64>(lane, 0) >> 63 | get::<u64>(lane, 8) >> 63 << 1,
        }
    }
}

impl<W: Width, L: Length> Form for TopBits<W, L> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let low = top_bits::<W>(src.low);
            let high = if L::WIDE { top_bits::<W>(src.high) << (128 / W::BITS) } else { 0 };
            set_slot::<u64>(cpu, (*op).dst, low | high);
        }
    }
}

impl<T: Tested, L: Length> Form for Test<T, L> {
    const BYTES: u8 = L::BYTES as u8;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).dst);
            let bits = T::bits() as u64;
            let both = |a: *const u8, b: *const u8, at| get::<u64>(a, at) & get::<u64>(b, at);
            let alone = |a: *const u8, b: *const u8, at| !get::<u64>(a, at) & get::<u64>(b, at);
            let mut together = both(first.low, src.low, 0) | both(first.low, src.low, 8);
            let mut second = alone(first.low, src.low, 0) | alone(first.low, src.low, 8);
            if L::WIDE {
                together |= both(first.high, src.high, 0) | both(first.high, src.high, 8);
                second |= alone(first.high, src.high, 0) | alone(first.high, src.high, 8);
            }
            (*cpu).status = Status::ordered(second & bits == 0, together & bits == 0);
        }
    }
}

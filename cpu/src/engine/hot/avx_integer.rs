//! VEX moves, broadcasts and shuffles across lanes as frameless handlers. What works lane by lane is made
//! of the SSE forms (`sse_integer.rs`) by `avx::OfTwo` and its kin.

use super::avx::{set_lanes, set_low_lane};
use super::form::{Form, Need, Operand, upper};
use super::host_operation::HostOperation;
use super::sse::get;
use super::sse4::Widen;
use super::vector::{V, join};
use super::vector_out::named;
use crate::cpu::Cpu;
use crate::decode::block::CodeSize;
use crate::decode::op::Op;
use crate::flags::Width;
use crate::insn::avx::Length;
use crate::insn::sse::blend::Blendv;
use core::marker::PhantomData;

// ---- moves ----

/// All bytes of the vector's length.
pub(crate) struct Whole<L, const ALIGNED: bool>(PhantomData<L>);
/// The low part, the rest zero.
pub(crate) struct Low<W>(PhantomData<W>);
/// VZEROUPPER.
pub(crate) struct ZeroUpper;

impl<L: Length, const ALIGN: bool> Form for Whole<L, ALIGN> {
    const BYTES: u8 = L::BYTES as u8;
    const ALIGNED: Option<bool> = Some(ALIGN);
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let low = get(src.low, 0);
            let high = if L::WIDE { get(src.high, 0) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

impl<W: Width> Form for Low<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe { set_low_lane(cpu, (*op).dst, join(get::<W>(src.low, 0).to_u64(), 0)) }
        true
    }
}

impl Form for ZeroUpper {
    const BYTES: u8 = 0;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, _op: *const Op, _src: Operand) -> bool {
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
        true
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
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let half = get::<W>(src.low, 0).to_u64().wrapping_mul(u64::MAX / W::MASK);
            let lane = join(half, half);
            set_lanes(cpu, (*op).dst, lane, if L::WIDE { lane } else { join(0, 0) });
        }
        true
    }
}

impl Form for BroadcastLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let lane = get(src.low, 0);
            set_lanes(cpu, (*op).dst, lane, lane);
        }
        true
    }
}

impl Form for InsertLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let upper = (*op).imm & 1 != 0;
            let low = get(if upper { first.low } else { src.low }, 0);
            let high = get(if upper { src.low } else { first.high }, 0);
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

impl Form for ExtractLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe { set_low_lane(cpu, (*op).dst, get(named(op, src), 0)) }
        true
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
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let low = choose((*op).imm, first, src);
            let high = choose((*op).imm >> 4, first, src);
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
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
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let imm = (*op).imm as usize;
            let low = join(element::<u64>(src, imm & 3), element::<u64>(src, imm >> 2 & 3));
            let high = join(element::<u64>(src, imm >> 4 & 3), element::<u64>(src, imm >> 6 & 3));
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
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
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let indices = Operand::register(cpu, (*op).src);
            let (low, high) = (doublewords(indices.low, src), doublewords(indices.high, src));
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

impl<K: Widen, L: Length> Form for Widened<K, L> {
    const BYTES: u8 = if L::WIDE { 2 * K::Source::BYTES } else { K::Source::BYTES };
    const NEED: Need = Need::Sse4;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let part = |at| join(get::<K::Source>(src.low, at).to_u64(), 0);
            let low = K::eval_native(part(0));
            let high =
                if L::WIDE { K::eval_native(part(K::Source::BYTES as usize)) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

// ---- by a fourth operand ----

/// VPBLENDVB VBLENDVPS VBLENDVPD: lanes of `W` of the last operand where the fourth has its top bit set.
pub(crate) struct BlendedBy<W, L>(PhantomData<(W, L)>);

impl<W: 'static, L: Length> Form for BlendedBy<W, L>
where
    Blendv<W>: HostOperation,
{
    const BYTES: u8 = L::BYTES as u8;
    const NEED: Need = <Blendv<W> as HostOperation>::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let mask = Operand::register(cpu, (*op).fourth());
            let low = <Blendv<W> as HostOperation>::eval(
                get(first.low, 0),
                get(src.low, 0),
                get(mask.low, 0),
                0,
            );
            let high = if L::WIDE {
                <Blendv<W> as HostOperation>::eval(
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
        true
    }
}

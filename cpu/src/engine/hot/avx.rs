//! What every frameless VEX form shares: its handlers, and the way to registers and operands of two lanes.
//!
//! As in `sse.rs`, a form gets pointers to its last operand, be it a register or guest memory that a tag has proved
//! accessible, and every case that is not plain goes to the complete form in `insn/avx/`. The host's vectors are of 16
//! bytes: 256 bits are two of them. In a register the lanes are apart (`SseState::upper`), in memory they are not.

use super::forward::{Base, Index};
use super::newer::{Need, Newer};
use super::sse::{Forms, Lane, get, xmm};
use super::vector::{V, join};
use super::{Address, Based, Indexed, Simple, complete};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::next;
use crate::insn::avx::Length;
use core::marker::PhantomData;

/// An operand of up to 32 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Operand {
    pub(super) low: *const u8,
    pub(super) high: *const u8,
}

impl Operand {
    /// Vector register `n`.
    ///
    /// # Safety
    /// `cpu` is valid.
    #[inline(always)]
    pub(super) unsafe fn register(cpu: *mut Cpu, n: u8) -> Self {
        // SAFETY: see above.
        unsafe { Self { low: xmm(cpu, n), high: upper(cpu, n) } }
    }

    /// Memory, of whatever length.
    #[inline(always)]
    pub(super) fn memory(host: *const u8) -> Self {
        Self { low: host, high: host.wrapping_add(16) }
    }
}

/// What a frameless VEX instruction does with its last operand.
pub(crate) trait Form: 'static {
    /// Bytes of it in memory.
    const BYTES: u8;
    /// In memory it must be aligned to them.
    const ALIGNED: bool = false;
    /// What the host must have.
    const NEED: Need = Need::Nothing;

    /// Computes and writes the destination.
    ///
    /// # Safety
    /// As for [`crate::engine::Handler`]; [`Form::BYTES`] of `src` can be read at any alignment.
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand);
}

/// What a frameless VEX instruction stores of its register.
pub(crate) trait Store: 'static {
    /// Bytes.
    const BYTES: u8;
    /// They must be aligned to their number.
    const ALIGNED: bool = false;

    /// Copies from a register to memory.
    ///
    /// # Safety
    /// `to` can be written for [`Store::BYTES`] at any alignment.
    unsafe fn store(op: *const Op, register: Operand, to: *mut u8);
}

/// Where a last operand in a register is.
pub(crate) trait Place: 'static {
    /// The operand.
    ///
    /// # Safety
    /// As for [`crate::engine::Handler`].
    unsafe fn operand(cpu: *mut Cpu, op: *const Op) -> Operand;
}

/// The vector register of the second operand.
pub(crate) struct Second;
/// The vector register of the third operand.
pub(crate) struct Third;
/// The general register of the second operand.
pub(crate) struct GeneralSecond;
/// The general register of the third operand.
pub(crate) struct GeneralThird;

macro_rules! places {
    ($($name:ident => $function:ident($number:ident);)*) => {$(
        impl Place for $name {
            #[inline(always)]
            unsafe fn operand(cpu: *mut Cpu, op: *const Op) -> Operand {
                // SAFETY: as for `Handler`; the decoder made the number.
                unsafe { $function(cpu, $number(op)) }
            }
        }
    )*};
}
places! {
    Second => vector(second);
    Third => vector(third);
    GeneralSecond => general(second);
    GeneralThird => general(third);
}

#[inline(always)]
unsafe fn second(op: *const Op) -> u8 {
    // SAFETY: as for `Handler`.
    unsafe { (*op).src }
}

#[inline(always)]
unsafe fn third(op: *const Op) -> u8 {
    // SAFETY: as for `Handler`.
    unsafe { (*op).third() }
}

#[inline(always)]
unsafe fn vector(cpu: *mut Cpu, n: u8) -> Operand {
    // SAFETY: as for `Handler`.
    unsafe { Operand::register(cpu, n) }
}

#[inline(always)]
unsafe fn general(cpu: *mut Cpu, n: u8) -> Operand {
    // SAFETY: the number of a general register is below 16.
    unsafe {
        debug_assert!(n < 16);
        Operand::memory((&raw const (*cpu).regs).cast::<u64>().add((n & 15) as usize).cast())
    }
}

/// The handlers of a form, from one of the modules below.
macro_rules! forms {
    ($module:ident, $need:expr) => {
        &Forms {
            need: $need,
            register: $module::register::<P, F>,
            memory: [
                $module::load::<F, Simple<Base>>,
                $module::load::<F, Indexed<Base, Index>>,
                $module::load::<F, Based>,
            ],
        }
    };
}

impl Forms {
    /// Of a VEX instruction whose last operand is `P` or memory.
    pub(crate) const fn avx<P: Place, F: Form>() -> &'static Self {
        const {
            match F::NEED {
                Need::Nothing => forms!(on_any, Need::Nothing),
                Need::Sse4 => forms!(on_sse4, Need::Sse4),
                Need::Aes => forms!(on_aes, Need::Aes),
                Need::Avx2 => forms!(on_avx2, Need::Avx2),
                Need::Sha | Need::Fused => panic!("not of these forms"),
            }
        }
    }

    /// Of a VEX instruction that stores its second operand, or does `R` with it.
    pub(crate) const fn avx_storing<R: Form, M: Store>() -> &'static Self {
        const {
            &Self {
                need: Need::Nothing,
                register: on_any::register::<Second, R>,
                memory: [
                    store::<M, Simple<Base>>,
                    store::<M, Indexed<Base, Index>>,
                    store::<M, Based>,
                ],
            }
        }
    }
}

/// The same handlers for any host and for those that have more.
macro_rules! handlers {
    ($($module:ident $(, $features:literal)?;)*) => {$(
        mod $module {
            use super::*;

            $(#[cfg_attr(target_arch = "x86_64", target_feature(enable = $features))])?
            pub(super) unsafe fn register<P: Place, F: Form>(
                cpu: *mut Cpu,
                op: *const Op,
                last: u64,
            ) -> *const Op {
                // SAFETY: as for `Handler`; chosen only where `Need` is met.
                unsafe {
                    if (*cpu).avx_off {
                        return complete(cpu, op, last);
                    }
                    F::apply(cpu, op, P::operand(cpu, op));
                    next(cpu, op, 0)
                }
            }

            $(#[cfg_attr(target_arch = "x86_64", target_feature(enable = $features))])?
            pub(super) unsafe fn load<F: Form, A: Address>(
                cpu: *mut Cpu,
                op: *const Op,
                last: u64,
            ) -> *const Op {
                // SAFETY: as for `Handler`; chosen only where `Need` is met; a tag covers the operand.
                unsafe {
                    let linear = A::linear(cpu, op, last);
                    let aligned = !F::ALIGNED || linear & (F::BYTES as u64 - 1) == 0;
                    if (*cpu).avx_off || !aligned {
                        return complete(cpu, op, last);
                    }
                    let Some(host) = (*cpu).tlb.read_host(linear, F::BYTES) else {
                        return complete(cpu, op, last);
                    };
                    F::apply(cpu, op, Operand::memory(host));
                    next(cpu, op, 0)
                }
            }
        }
    )*};
}

handlers! {
    on_any;
    on_sse4, "ssse3,sse4.1,sse4.2";
    on_aes, "ssse3,sse4.1,sse4.2,aes,pclmulqdq";
    on_avx2, "avx2";
}

unsafe fn store<S: Store, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`; a tag covers the operand.
    unsafe {
        let linear = A::linear(cpu, op, last);
        if (*cpu).avx_off || S::ALIGNED && linear & (u64::from(S::BYTES) - 1) != 0 {
            return complete(cpu, op, last);
        }
        let Some(host) = (*cpu).tlb.write_host(linear, S::BYTES) else {
            return complete(cpu, op, last);
        };
        S::store(op, Operand::register(cpu, (*op).src), host);
        next(cpu, op, 0)
    }
}

// ---- registers ----

/// The first byte of the upper half of YMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn upper(cpu: *mut Cpu, n: u8) -> *mut u8 {
    // SAFETY: the mask keeps the number below 16.
    unsafe { (&raw mut (*cpu).sse.upper).cast::<u8>().add((n & 15) as usize * 16) }
}

/// Writes both halves of YMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn set_lanes(cpu: *mut Cpu, n: u8, low: V, high: V) {
    // SAFETY: registers are aligned to 16 bytes, as `u128` is.
    unsafe {
        xmm(cpu, n).cast::<V>().write(low);
        upper(cpu, n).cast::<V>().write(high);
    }
}

/// Writes XMM register `n` and clears what is above it.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn set_low_lane(cpu: *mut Cpu, n: u8, low: V) {
    // SAFETY: see above.
    unsafe { set_lanes(cpu, n, low, join(0, 0)) }
}

// ---- lane by lane ----

/// An operation that not every x86-64 host has.
pub(crate) struct OfHost<O>(PhantomData<O>);

impl<O: Newer> Lane for OfHost<O> {
    const NEED: Need = O::NEED;
    #[inline(always)]
    unsafe fn eval(imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { O::eval(get(first, 0), get(second, 0), join(0, 0), imm as u8) }
    }
}

/// `K` of the second and the last operand. Of the immediate, the upper lane takes the bits above `STEP`.
pub(crate) struct OfTwo<K, L, const STEP: u32>(PhantomData<(K, L)>);
/// `K` of one operand.
pub(crate) struct OfOne<K, L, const STEP: u32>(PhantomData<(K, L)>);
/// `K` of the second operand and the low lane of the last: shifts.
pub(crate) struct ByLow<K, L>(PhantomData<(K, L)>);

impl<K: Lane, L: Length, const STEP: u32> Form for OfTwo<K, L, STEP> {
    const BYTES: u8 = if L::WIDE { 32 } else { K::BYTES };
    const NEED: Need = K::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let imm = (*op).imm & 0xff;
            let low = K::eval(imm, first.low, src.low);
            let high =
                if L::WIDE { K::eval(imm >> STEP, first.high, src.high) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

impl<K: Lane, L: Length, const STEP: u32> Form for OfOne<K, L, STEP> {
    const BYTES: u8 = if L::WIDE { 32 } else { K::BYTES };
    const NEED: Need = K::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let imm = (*op).imm & 0xff;
            let low = K::eval(imm, src.low, src.low);
            let high = if L::WIDE { K::eval(imm >> STEP, src.high, src.high) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

impl<K: Lane, L: Length> Form for ByLow<K, L> {
    const BYTES: u8 = 16;
    const NEED: Need = K::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let low = K::eval(0, first.low, src.low);
            let high = if L::WIDE { K::eval(0, first.high, src.low) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
    }
}

//! What every frameless vector form shares, in the legacy encodings and under VEX: its handlers, and the way to its
//! operands.
//!
//! A form gets its last operand, be it a register or guest memory that a tag has proved accessible. Before that
//! its handler has seen that the instruction may be executed and, where it wants that, that the operand is aligned;
//! in every other case the complete form from `insn/` decides.
//!
//! The host's vectors are of 16 bytes: 256 bits are two of them. In a register the halves are apart
//! (`SseState::upper`), in memory they are not. Registers are numbers of 16 bytes whose lowest byte comes first in
//! memory only on a little-endian host: other hosts always use the complete forms.

use super::forward::{Base, Index};
use super::sse::xmm;
use super::{Address, Based, Indexed, Simple, complete};
use crate::cpu::Cpu;
use crate::decode::block::CodeSize;
use crate::decode::lower::ATTR_RIP_FULL;
use crate::decode::op::{AddressSize, MEMORY, Op, ZERO_SLOT};
use crate::engine::{Handler, next};

/// What a frameless instruction does with its last operand.
pub(crate) trait Form: 'static {
    /// Bytes of it in memory.
    const BYTES: u8;
    /// In memory it must be aligned to them; `None` if its encoding decides.
    const ALIGNED: Option<bool> = None;
    /// What the host must have.
    const NEED: Need = Need::Nothing;

    /// Computes and writes the destination. False, with nothing changed, if the complete form has to.
    ///
    /// # Safety
    /// As for [`Handler`]; [`Form::BYTES`] of `src` can be read at any alignment; the host has what is needed.
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool;
}

/// What a frameless instruction stores of its register.
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

/// What an x86-64 host must have for a handler; hosts of other kinds need nothing, but for [`Need::Fused`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Its baseline.
    Nothing,
    /// SSSE3, SSE4.1 and SSE4.2.
    Sse4,
    /// These, AES and PCLMULQDQ.
    Aes,
    /// These of SSE4, and SHA.
    Sha,
    /// A fused multiply-add, which other hosts than aarch64 need too; on x86-64 with AVX.
    Fused,
    /// AVX2.
    Avx2,
}

impl Need {
    /// True if the host has it. It is asked when a block is built.
    fn is_met(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let sse4 = || {
                is_x86_feature_detected!("ssse3")
                    && is_x86_feature_detected!("sse4.1")
                    && is_x86_feature_detected!("sse4.2")
            };
            match self {
                Self::Nothing => true,
                Self::Sse4 => sse4(),
                Self::Aes => {
                    sse4()
                        && is_x86_feature_detected!("aes")
                        && is_x86_feature_detected!("pclmulqdq")
                }
                Self::Sha => sse4() && is_x86_feature_detected!("sha"),
                Self::Fused => is_x86_feature_detected!("avx") && is_x86_feature_detected!("fma"),
                Self::Avx2 => is_x86_feature_detected!("avx2"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        return self != Self::Fused || cfg!(target_arch = "aarch64");
    }
}

// ---- encodings and operands ----

/// How an instruction is encoded.
pub(crate) trait Encoding: 'static {
    /// 16 bytes of memory must be aligned.
    const ALIGNS: bool;

    /// True if its instructions do not execute now.
    ///
    /// # Safety
    /// `cpu` is valid.
    unsafe fn is_off(cpu: *const Cpu) -> bool;
}

/// With legacy prefixes.
pub(crate) struct Legacy;
/// With a VEX prefix.
pub(crate) struct Vex;

impl Encoding for Legacy {
    const ALIGNS: bool = true;
    #[inline(always)]
    unsafe fn is_off(cpu: *const Cpu) -> bool {
        // SAFETY: see the trait.
        unsafe { (*cpu).sse_off }
    }
}

impl Encoding for Vex {
    const ALIGNS: bool = false;
    #[inline(always)]
    unsafe fn is_off(cpu: *const Cpu) -> bool {
        // SAFETY: see the trait.
        unsafe { (*cpu).avx_off }
    }
}

/// True if an operand in memory must be aligned to its size.
const fn aligned<E: Encoding, F: Form>() -> bool {
    match F::ALIGNED {
        Some(aligned) => aligned,
        None => E::ALIGNS && F::BYTES == 16,
    }
}

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
    fn memory(host: *const u8) -> Self {
        Self { low: host, high: host.wrapping_add(16) }
    }
}

/// The first byte of the upper half of YMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn upper(cpu: *mut Cpu, n: u8) -> *mut u8 {
    // SAFETY: the mask keeps the number below 16.
    unsafe { (&raw mut (*cpu).sse.upper).cast::<u8>().add((n & 15) as usize * 16) }
}

/// Where a last operand in a register is.
pub(crate) trait Place: 'static {
    /// The operand.
    ///
    /// # Safety
    /// As for [`Handler`].
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

// ---- handlers ----

/// The frameless handlers of an instruction.
pub(crate) struct Forms {
    /// What the host must have for them.
    need: Need,
    register: Handler,
    /// With base and displacement, with an index too, with a segment base too.
    memory: [Handler; 3],
}

/// The handlers of a form, from one of the modules below.
macro_rules! forms {
    ($module:ident, $need:expr) => {
        &Forms {
            need: $need,
            register: $module::register::<E, P, R>,
            memory: [
                $module::load::<E, M, Simple<Base>>,
                $module::load::<E, M, Indexed<Base, Index>>,
                $module::load::<E, M, Based>,
            ],
        }
    };
}

impl Forms {
    /// Of an instruction whose last operand is in `P`, for `R`, or in memory, for `M`.
    pub(crate) const fn of<E: Encoding, P: Place, R: Form, M: Form>() -> &'static Self {
        const {
            match M::NEED {
                Need::Nothing => forms!(on_any, Need::Nothing),
                Need::Sse4 => forms!(on_sse4, Need::Sse4),
                Need::Aes => forms!(on_aes, Need::Aes),
                Need::Sha => forms!(on_sha, Need::Sha),
                Need::Fused => forms!(on_fma, Need::Fused),
                Need::Avx2 => forms!(on_avx2, Need::Avx2),
            }
        }
    }

    /// Of an instruction that stores its second operand, or does `R` with it.
    pub(crate) const fn storing<E: Encoding, R: Form, M: Store>() -> &'static Self {
        const {
            &Self {
                need: Need::Nothing,
                register: on_any::register::<E, Second, R>,
                memory: [
                    store::<E, M, Simple<Base>>,
                    store::<E, M, Indexed<Base, Index>>,
                    store::<E, M, Based>,
                ],
            }
        }
    }
}

/// The handler for an op's operands, if they allow a frameless one.
pub(crate) fn frameless(forms: &Forms, op: &Op, size: CodeSize) -> Option<Handler> {
    if cfg!(target_endian = "big") || !forms.need.is_met() {
        return None;
    }
    // Nothing else looks like a third operand in memory: an immediate that long has no such forms.
    if op.dst != MEMORY && op.src != MEMORY && op.third() != MEMORY {
        return Some(forms.register);
    }
    let flat = size == CodeSize::Bits64
        && op.address_size() == AddressSize::A64
        && op.attr & ATTR_RIP_FULL == 0;
    let address = match (op.segment() >= 4, op.index == ZERO_SLOT) {
        (true, _) => 2,
        (false, true) => 0,
        (false, false) => 1,
    };
    flat.then(|| forms.memory[address])
}

/// The same handlers for any host and for those that have more.
macro_rules! handlers {
    ($($module:ident $(, $features:literal)?;)*) => {$(
        mod $module {
            use super::*;

            $(#[cfg_attr(target_arch = "x86_64", target_feature(enable = $features))])?
            pub(super) unsafe fn register<E: Encoding, P: Place, F: Form>(
                cpu: *mut Cpu,
                op: *const Op,
                last: u64,
            ) -> *const Op {
                // SAFETY: as for `Handler`; chosen only where `Need` is met.
                unsafe {
                    if E::is_off(cpu) || !F::apply(cpu, op, P::operand(cpu, op)) {
                        return complete(cpu, op, last);
                    }
                    next(cpu, op, 0)
                }
            }

            $(#[cfg_attr(target_arch = "x86_64", target_feature(enable = $features))])?
            pub(super) unsafe fn load<E: Encoding, F: Form, A: Address>(
                cpu: *mut Cpu,
                op: *const Op,
                last: u64,
            ) -> *const Op {
                // SAFETY: as for `Handler`; chosen only where `Need` is met; a tag covers the operand.
                unsafe {
                    let linear = A::linear(cpu, op, last);
                    let misplaced =
                        const { aligned::<E, F>() } && linear & (F::BYTES as u64 - 1) != 0;
                    if E::is_off(cpu) || misplaced {
                        return complete(cpu, op, last);
                    }
                    let Some(host) = (*cpu).tlb.read_host(linear, F::BYTES) else {
                        return complete(cpu, op, last);
                    };
                    if F::apply(cpu, op, Operand::memory(host)) {
                        return next(cpu, op, 0);
                    }
                    complete(cpu, op, last)
                }
            }
        }
    )*};
}

handlers! {
    on_any;
    on_sse4, "ssse3,sse4.1,sse4.2";
    on_aes, "ssse3,sse4.1,sse4.2,aes,pclmulqdq";
    on_sha, "ssse3,sse4.1,sse4.2,sha";
    on_avx2, "avx2";
    on_fma, "avx,fma";
}

unsafe fn store<E: Encoding, S: Store, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; a tag covers the operand.
    unsafe {
        let linear = A::linear(cpu, op, last);
        if E::is_off(cpu) || S::ALIGNED && linear & (u64::from(S::BYTES) - 1) != 0 {
            return complete(cpu, op, last);
        }
        let Some(host) = (*cpu).tlb.write_host(linear, S::BYTES) else {
            return complete(cpu, op, last);
        };
        S::store(op, Operand::register(cpu, (*op).src), host);
        next(cpu, op, 0)
    }
}

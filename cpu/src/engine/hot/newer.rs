//! Frameless handlers of instructions that not every x86-64 host has.
//!
//! On an x86-64 host with the extension an operation is the very instruction that the guest executes; the handler
//! is compiled for such hosts, and chosen only on one. Without the extension the complete forms do all the work.
//! Hosts of other kinds take the portable operation from `insn/sse/`, which is the definition and the test oracle.
//! The operations are in `sse4.rs` and `sse_text.rs`.

use super::forward::{Base, Index};
use super::sse::{File, Form, Forms, get, set_value, value};
use super::vector::V;
use super::{Based, Indexed, Simple};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use core::marker::PhantomData;

/// What an x86-64 host must have for a handler; hosts of other kinds need nothing, but for
/// `Fused`.
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
    pub(super) fn is_met(self) -> bool {
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

/// A form whose handlers need something.
pub(crate) trait NewerForm: Form {
    const NEED: Need;
}

/// Handlers compiled for hosts that have the features.
macro_rules! handlers {
    ($($module:ident, $features:literal;)*) => {$(
        mod $module {
            use super::*;
            use crate::engine::hot::{Address, sse};

            #[cfg_attr(target_arch = "x86_64", target_feature(enable = $features))]
            pub(super) unsafe fn register<L: File, F: Form>(
                cpu: *mut Cpu,
                op: *const Op,
                last: u64,
            ) -> *const Op {
                // SAFETY: as for `Handler`; chosen only where `Need` is met.
                unsafe { sse::register::<L, F>(cpu, op, last) }
            }

            #[cfg_attr(target_arch = "x86_64", target_feature(enable = $features))]
            pub(super) unsafe fn load<F: Form, A: Address>(
                cpu: *mut Cpu,
                op: *const Op,
                last: u64,
            ) -> *const Op {
                // SAFETY: as for `Handler`; chosen only where `Need` is met.
                unsafe { sse::load::<F, A>(cpu, op, last) }
            }
        }
    )*};
}

handlers! {
    on_sse4, "ssse3,sse4.1,sse4.2";
    on_aes, "ssse3,sse4.1,sse4.2,aes,pclmulqdq";
    on_sha, "ssse3,sse4.1,sse4.2,sha";
    on_avx2, "avx2";
}

/// The handlers of a form, from one of the modules above.
macro_rules! forms {
    ($module:ident, $need:expr) => {
        &Forms {
            need: $need,
            register: $module::register::<L, F>,
            memory: [
                $module::load::<F, Simple<Base>>,
                $module::load::<F, Indexed<Base, Index>>,
                $module::load::<F, Based>,
            ],
        }
    };
}

impl Forms {
    /// Of an instruction that reads its second operand, by what its form needs.
    pub(crate) const fn newer<L: File, F: NewerForm>() -> &'static Self {
        const {
            match F::NEED {
                Need::Nothing => Self::of::<L, F, F>(),
                Need::Sse4 => forms!(on_sse4, Need::Sse4),
                Need::Aes => forms!(on_aes, Need::Aes),
                Need::Sha => forms!(on_sha, Need::Sha),
                Need::Fused => panic!("FMA3 has handlers of its own"),
                Need::Avx2 => forms!(on_avx2, Need::Avx2),
            }
        }
    }
}

// ---- operations ----

/// An operation of up to three values and an immediate.
pub(crate) trait Newer: 'static {
    const NEED: Need;
    /// In memory the second value must be aligned.
    const ALIGNED: bool = true;
    /// The new destination. The third value is XMM0 in the legacy encodings.
    ///
    /// # Safety
    /// The host has what the operation needs.
    unsafe fn eval(dst: V, src: V, third: V, imm: u8) -> V;
}

/// The frameless form of an operation.
pub(crate) struct Newest<O>(PhantomData<O>);

impl<O: Newer> Form for Newest<O> {
    const BYTES: u8 = 16;
    const ALIGNED: bool = O::ALIGNED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait; the handler needs what the operation needs.
        unsafe {
            let (dst, third) = (value(cpu, (*op).dst), value(cpu, 0));
            set_value(cpu, (*op).dst, O::eval(dst, get(src, 0), third, (*op).imm as u8));
        }
        true
    }
}

impl<O: Newer> NewerForm for Newest<O> {
    const NEED: Need = O::NEED;
}

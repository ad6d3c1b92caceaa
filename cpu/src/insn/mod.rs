//! The instructions, one family a file, in SDM mnemonics: semantic forms that return a fault before
//! they change state. `decode/table/` maps `Code`s to them.

pub(crate) mod alu;
pub(crate) mod area;
pub(crate) mod avx;
pub(crate) mod bcd;
pub(crate) mod bit;
pub(crate) mod cpuid;
pub(crate) mod far;
pub(crate) mod fxsave;
pub(crate) mod io;
pub(crate) mod mov;
pub(crate) mod msr;
pub(crate) mod muldiv;
pub(crate) mod random;
pub(crate) mod segment;
pub(crate) mod segment_base;
pub(crate) mod shift;
pub(crate) mod sse;
pub(crate) mod stack;
pub(crate) mod string;
pub(crate) mod syscall;
pub(crate) mod system;
pub(crate) mod task;
pub(crate) mod translation;
pub(crate) mod tsc;
pub(crate) mod wait;
pub(crate) mod x87;
pub(crate) mod xchg;
pub(crate) mod xsave;

#[cfg(test)]
mod integer_tests;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod native_tests;

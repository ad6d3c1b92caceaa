//! The words of the x86 manuals as types: no state machine, no I/O, no policy.
//!
//! Every other crate may import this one; it imports only `serde`, for the derives that make these
//! values part of a machine snapshot (docs/decisions/0002). Names are those of the Intel SDM, Vol. 3A
//! and Vol. 4, and of the AMD APM, Vol. 2; where they differ the SDM wins.
#![forbid(unsafe_code)]

pub mod apic;
pub mod control;
pub mod cpuid;
pub mod debug;
pub mod exception;
pub mod gate;
pub mod msr;
pub mod paging;
pub mod rflags;
pub mod segment;
pub mod time;

//! The x86-64 CPU: an interpreter that decodes each instruction once, counts exactly, and never guesses.
//!
//! Knows no PC: no port number, no device, no memory map; the machine is behind [`bus::Bus`] and
//! [`memory::Memory`]. Not modelled: caches and memory types, SMM, virtualisation.
#![deny(unsafe_code)]

mod breakpoints;
pub mod bus;
pub mod cpu;
mod decode;
mod deliver;
mod engine;
pub mod event_log;
mod extended;
pub mod features;
pub mod flags;
pub mod float;
mod hypervisor;
mod insn;
mod mmu;
mod run;
mod state;
#[cfg(test)]
mod testing;

pub use breakpoints::{DEBUGGER_MAX, DebugStop, WatchKind, Watchpoint};
pub use cpu::{Activity, Cpu, Fault, Shadow};
pub use decode::cache::CacheStats;
pub use engine::dispatch::EngineForm;
pub use engine::profile::{Executed, Profile, Stretch};
pub use extended::Extended;
pub use hypervisor::{Hypervisor, Leaf};
pub use mmu::TlbStats;
pub use mmu::walk;
pub use run::{Config, Exit};
pub use state::{CpuState, EventStats, FaultRecord, Registers};

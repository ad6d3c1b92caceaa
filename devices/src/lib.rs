//! PC devices, each a plain value: registers in, registers out, levels as methods.
#![forbid(unsafe_code)]

pub mod debug_port;
pub mod fw_cfg;
pub mod ioapic;
pub mod lapic;
pub mod pic;
pub mod pit;
pub mod pm;
pub mod rtc;
pub mod uart16550;

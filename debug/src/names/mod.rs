//! Names of what guests touch by number: control bits, ports, MSRs, memory-mapped registers.
//!
//! Tables, not behaviour: a name here does not mean that the machine has the device.

pub mod bits;
pub mod fw_cfg;
pub mod mmio;
pub mod msr;
pub mod port;

#[cfg(test)]
mod tests;

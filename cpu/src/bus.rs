//! What the CPU sees of the machine: ports, memory-mapped registers, interrupt lines, time.
//!
//! The CPU knows no device, no port number and no memory map. Every access carries its exact time and
//! comes back with what it changed, so that the CPU can end its budget where it must.

use arch::time::Instant;
use memory::{Memory, PhysAddr};

/// The circumstances of a bus access.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// Virtual time of the access: all instructions before this one have retired.
    pub now: Instant,
    /// Guest memory, for devices that read or write it.
    pub memory: &'a Memory,
    /// Index of the vCPU.
    pub cpu: u8,
}

/// Levels of the interrupt wires that end at a CPU.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lines {
    /// A maskable interrupt is requested.
    pub intr: bool,
    /// A non-maskable interrupt has been latched; cleared by [`Bus::take_nmi`].
    pub nmi: bool,
    /// IGNNE#: x87 instructions go on although an exception is pending.
    pub ignne: bool,
}

/// What an access changed.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Virtual time that the access takes, in nanoseconds, beyond its instruction.
    pub cost_ns: u32,
    /// Earliest instant at which a device wants to be advanced.
    pub next_event: Instant,
    /// Interrupt wires now.
    pub lines: Lines,
    /// The machine wants control back before the next instruction (reset, power-off, map change).
    pub stop: bool,
}

/// The CPU's way to everything that is not RAM.
pub trait Bus {
    /// IN from a port; `size` is 1, 2 or 4 bytes.
    fn port_in(&mut self, access: Access<'_>, port: u16, size: u8) -> (u32, Outcome);
    /// OUT to a port.
    fn port_out(&mut self, access: Access<'_>, port: u16, size: u8, value: u32) -> Outcome;
    /// INS: reads a port into `out`, element after element of `size` bytes, each `step_ns` and the
    /// cost of an access after the one before. Only where an access neither depends on time nor
    /// changes a wire, an event or memory, and only accesses before the next event: returns how many
    /// elements were read, at least one, with the outcome of all of them. `None` where they have to be
    /// read one by one; then nothing has happened.
    fn port_in_many(
        &mut self,
        access: Access<'_>,
        port: u16,
        size: u8,
        step_ns: u32,
        out: &mut [u8],
    ) -> Option<(usize, Outcome)> {
        let _ = (access, port, size, step_ns, out);
        None
    }
    /// OUTS: writes the elements of `data` to a port, as [`Bus::port_in_many`] reads them.
    fn port_out_many(
        &mut self,
        access: Access<'_>,
        port: u16,
        size: u8,
        step_ns: u32,
        data: &[u8],
    ) -> Option<(usize, Outcome)> {
        let _ = (access, port, size, step_ns, data);
        None
    }
    /// Read of 1, 2, 4 or 8 bytes where memory has no RAM or ROM.
    fn mmio_read(&mut self, access: Access<'_>, addr: PhysAddr, size: u8) -> (u64, Outcome);
    /// Write of 1, 2, 4 or 8 bytes where memory has no RAM.
    fn mmio_write(&mut self, access: Access<'_>, addr: PhysAddr, size: u8, value: u64) -> Outcome;

    /// Interrupt wires and next event, as after an access.
    fn state(&self) -> Outcome;
    /// The INTA cycle: the vector of the highest-priority request. Called only with INTR asserted.
    fn acknowledge(&mut self, access: Access<'_>) -> (u8, Outcome);
    /// Clears the NMI latch, at delivery.
    fn take_nmi(&mut self) -> Outcome;
    /// FERR# changes its level: with CR0.NE clear an x87 exception is reported by this wire alone. A
    /// machine without the wire leaves the instruction frozen.
    fn set_ferr(&mut self, access: Access<'_>, level: bool) -> Outcome {
        let _ = (access, level);
        self.state()
    }

    /// RDMSR of a register that the machine owns: IA32_APIC_BASE, IA32_TSC_DEADLINE, the x2APIC range,
    /// the range that processors leave to hypervisors. `None` is #GP.
    fn msr_read(&mut self, access: Access<'_>, msr: u32) -> Option<(u64, Outcome)>;
    /// WRMSR of such a register. `None` is #GP.
    fn msr_write(&mut self, access: Access<'_>, msr: u32, value: u64) -> Option<Outcome>;
    /// What the time stamp counter shows beyond the ticks of its clock has changed: the local APIC's
    /// deadline depends on it.
    fn set_tsc_offset(&mut self, access: Access<'_>, offset: u64) -> Outcome;
    /// CR8: the task priority's upper four bits.
    fn task_priority(&self) -> u8;
    /// MOV to CR8.
    fn set_task_priority(&mut self, access: Access<'_>, priority: u8) -> Outcome;
}

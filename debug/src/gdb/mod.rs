//! The gdb server, forwards: gdb's remote serial protocol over a machine, by the gdbstub crate.
//!
//! | module | subject |
//! |---|---|
//! | `server` | one connection: bytes in, bytes out, whether the machine is to run |
//! | `framing` | packets out of bytes; QEMU's packet for physical memory, which gdbstub does not know |
//! | `debuggee`, `target` | the machine with what a debugger has set, and gdbstub's questions to it |
//! | `registers`, `description` | gdb's registers in their order, and the XML that tells gdb of them |
//! | `memory` | guest memory by linear and physical address |
//! | `monitor` | `monitor` commands |
//!
//! Follows gdb's manual, "Remote Serial Protocol" and "Target Descriptions". No thread, socket or clock is
//! here: the command brings the bytes, runs the machine while [`Server::state`] says so, and reports why it
//! stopped. Nothing a peer sends can panic or make the machine wait: what is no packet is dropped, what
//! gdbstub cannot parse ends the connection.
//!
//! **What gdb sees.** gdb settles the architecture once, so the description is always i386:x86-64, from a
//! real-mode guest's first instruction on. Outside 64-bit mode RAX-RSP show their low 32 bits and R8-R15
//! show 0, as in QEMU. `rip` is the *linear* address of the instruction: the base of CS is added outside
//! 64-bit mode, and taken off again when gdb writes `rip`. So breakpoints, `x/i $pc` and stepping agree in
//! 16-bit code with any segment (gdb disassembles as 64-bit code there; `monitor disas` knows the mode). QEMU shows the bare
//! offset there, which is the same wherever the base is 0; here the offset is the register `ip`, and
//! `cs_base` the base. Beside gdb's own registers there are control registers, EFER, segment bases and
//! `insns`, the retired instructions since power-on.
//!
//! **Stepping and stopping.** A step is one retired instruction, one iteration of a repeated string
//! instruction, or the delivery of an interrupt or exception: nothing is held off while stepping (QEMU's
//! `sstep` mask has no counterpart), so a debugged run takes the way of a plain one, and ends with the same
//! state hash. Breakpoints, `break` and `hbreak` alike, are in the CPU; guest memory is never patched. A
//! watchpoint has any length and stops behind the instruction. Addresses are linear, in every address
//! space.
//!
//! **Memory** goes through the guest's present page tables with a supervisor's rights, SMAP left out;
//! `maintenance packet Qqemu.PhyMemMode:1` or `monitor phys on` turns to physical addresses. Only RAM and
//! ROM can be read and only RAM written: no access reaches a device.
//!
//! **The end.** Power-off, isa-debug-exit and limits end the run and are reported as an exit (`W`) with the
//! run's own status. A triple fault, a halt without end and what is not emulated stop the machine with
//! SIGSEGV, SIGTRAP and SIGILL first, so that it can be looked at; resumed from there, it ends with an exit
//! too. A reset that restarts the machine is not reported, and breakpoints stay, as with QEMU. `kill` ends
//! the run as Ctrl-C at the terminal does; `detach` removes what was set and lets it run on. A
//! connection that breaks removes it too and gives the machine back as it was found: what ran runs on, and
//! what waited for a debugger stands where the last one left it.
//!
//! Not built: going backwards, more than one vCPU, range stepping (gdb steps instead), writing CR0, CR4 and
//! EFER (modes change through instructions).

mod debuggee;
mod description;
mod framing;
mod memory;
mod monitor;
mod registers;
mod server;
mod target;

pub use debuggee::Debuggee;
pub use server::{Report, Server, State};

#[cfg(test)]
mod tests;

//! The PC: one CPU, memory, devices, the wires between them and virtual time.
//!
//! The only crate that wires everybody. A device knows no port, no wire and no other device; the CPU
//! knows no device; here is where they meet:
//!
//! | file | what it decides |
//! |---|---|
//! | [`config`](MachineConfig) | what a machine is built with, as plain data |
//! | `machine.rs` | [`Machine`]: the run loop, HLT, restart |
//! | `machine/serve.rs`, `machine/observers.rs` | BIOS calls and hypercalls carried out; who looks on |
//! | `board.rs` | every device by name |
//! | `board/wires.rs` | `settle()`, every wire |
//! | `board/` | `bus`: the board as the CPU sees it; `console`: screen and keyboard; `outgoing`; `counted`; `xen` |
//! | `port_map.rs`, `ports.rs` | THE port map; IN and OUT of its registers |
//! | `drives.rs` | the drives, the IDE ports |
//! | `bios/` | BIOS services for guests that begin in real mode without firmware |
//! | `mmio.rs` | THE map above RAM |
//! | `chipset.rs` | what firmware and drivers of drives find besides: PCI configuration, shadow RAM |
//! | `clock.rs` | who is due next; no device is advanced past its own next event |
//! | `inputs.rs` | the one door for the outside: what came in, and when |
//! | `milestones.rs` | how far a boot has come; the CPU's event log for everybody |
//! | `xen/` | Xen's side of the PVH ABI, for guests that run under it |
//! | `snapshot.rs` | the encoding of the whole state, and its hash |
//!
//! Everything that happens is a function of the configuration, what is in RAM at the start, and the
//! recorded inputs. Nothing here reads a host clock, a file or a random number.
//!
//! Not modelled: more than one CPU, the A20 gate, SMM, a local APIC page moved over RAM (RAM wins),
//! INIT as anything but a reset of the machine. Ports and addresses of absent devices read all-ones and swallow writes.
#![forbid(unsafe_code)]

mod bios;
mod board;
mod chipset;
mod clock;
mod config;
mod drives;
mod inputs;
mod machine;
mod milestones;
mod mmio;
mod port_map;
mod ports;
mod snapshot;
mod xen;

pub use config::{LAPIC_TIMER_CLOCK, MachineConfig, MachineError, TSC_CLOCK};
pub use devices::ata::{Bytes as MediaBytes, Media, MediaError, Written};
pub use devices::i8042::{Key, Stroke, strokes_of, strokes_of_text};
pub use devices::vga::{Cell, Cursor, Picture, TextPage};
pub use drives::{DRIVE_WRITES_MAX, DRIVES, DriveConfig, DriveKind};
pub use inputs::{Input, Stamp};
pub use machine::{Machine, Stop, StoppedAt};
pub use milestones::{Milestone, NewCode};
pub use snapshot::VERSION as SNAPSHOT_VERSION;

#[cfg(test)]
mod tests;

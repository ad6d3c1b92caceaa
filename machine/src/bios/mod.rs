//! BIOS services for guests that begin in real mode and are started without a firmware.
//!
//! Follows: IBM PS/2 and PC BIOS Interface Technical Reference (1991), "Interrupts"; Phoenix, Enhanced Disk
//! Drive Specification 3.0; ACPI Specification, "INT 15H, E820H"; PCI BIOS Specification 2.1; where they
//! leave a choice, what SeaBIOS 1.16 answers.
//!
//! The entry code of [`boot::bios`] stops the machine at an OUT; here the function in AH is carried out
//! on the CPU's registers, memory and the board's devices, and the flags that the caller gets back are
//! changed on his stack. A service takes no time beyond that OUT, however much it does.
//!
//! | file | services |
//! |---|---|
//! | `call.rs` | [`Call`]: registers, memory and devices of one call |
//! | `int10.rs`, `text.rs`, `modes.rs` | 10h: the screen |
//! | `int13.rs` | 13h: disks |
//! | `int14.rs` | 14h: COM1 |
//! | `int15.rs` | 15h: memory map, A20, block move, waiting; 11h, 12h: equipment, memory |
//! | `int16.rs`, `keys.rs` | 16h: keys; IRQ 1; what a scan code means |
//! | `int1a.rs` | 1Ah: time; IRQ 0 and IRQ 8 |
//!
//! State: all of it is in the guest's memory, in the data area at 0x400 where guests look for it; the
//! memory map and where text goes besides are configuration.
//!
//! Text that is written by INT 10h, functions 0Eh and 13h, goes to COM1 too if
//! [`crate::MachineConfig::bios_serial`] says so, and what comes in there is typed: that is what people see
//! of a machine whose screen they do not look at.
//!
//! An unknown function answers as a BIOS does: CF set and AH 86h, of INT 13h AH 01h; of INT 10h, which has no
//! such answer, all registers stay. The log (`-d bios`, `-d unimp`) has a line for each.
//!
//! Not emulated: printers (17h), diskettes, emulation by CD-ROMs, PCI (1Ah B1h: there is none without firmware), APM,
//! PnP, PMM, VBE, alarms (1Ah 06h, 4Ah), events (15h 83h), the mouse (15h C2h), keyboard intercept
//! (15h 4Fh), Print Screen and Break (05h, 1Bh), text in graphics modes, CGA's pixels, monochrome mode 7,
//! fonts (10h 11h beyond 30h), switching the A20 gate off, calls from protected mode, and from
//! virtual-8086 mode by a monitor that does not let the port through.

mod call;
mod int10;
mod int13;
mod int14;
mod int15;
mod int16;
mod int1a;
mod keys;
mod modes;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use call::Call;

use crate::board::{Board, Request};
use crate::machine::Stop;
use arch::time::Instant;
use boot::bios::{Service, bda};
use boot::e820::Region;
use memory::{Memory, PhysAddr};
use serde::Serialize;

/// What the services of this machine are configured with.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bios {
    /// Address, length and type of each row of the memory map.
    map: Vec<(u64, u64, u32)>,
    /// Text goes to COM1 too, and what comes in there is typed.
    serial: bool,
}

impl Bios {
    /// Services that tell this memory map.
    pub(crate) fn new(map: &[Region], serial: bool) -> Self {
        let rows = map.iter().map(|region| (region.addr, region.len, region.kind as u32));
        Self { map: rows.collect(), serial }
    }
}

/// What happens after a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum After {
    /// The guest goes on.
    GoOn,
    /// It does, but there is no such function.
    Unknown,
    /// It waits: time may pass until this instant or the next event.
    WaitUntil(Instant),
    /// The run ends.
    End(Stop),
}

/// What leaves devices and data area as a BIOS does that is about to start something: the timer
/// interrupts 18.2 times a second, timer and keyboard interrupts are let through, it knows the time.
pub(crate) fn begin(board: &mut Board, memory: &Memory) {
    const OPEN: u8 = 0xf8; // IRQ 0, 1, 2
    let mut write = |port, value| board.write_port(port, 1, value, memory);
    for (port, value) in [(0x43, 0x36), (0x40, 0), (0x40, 0), (0x21, u32::from(OPEN))] {
        write(port, value); // counter 0, both bytes, mode 3; 65536
    }
    write(0x3fb, 0x03); // COM1: 8 bits, no parity
    let ticks = int1a::ticks_of_day(board);
    // The data area is RAM on every machine.
    let _ = memory.write(PhysAddr(boot::layout::BDA + bda::TICKS), &ticks.to_le_bytes());
    board.finish(0);
}

impl Call<'_> {
    /// Carries out a service.
    pub(crate) fn serve(&mut self, service: Service) -> After {
        match service {
            Service::Interrupt(vector) => self.interrupt(vector),
            Service::Tick => self.tick(),
            Service::Key => self.key(),
            Service::Clock => self.clock(),
            Service::Wait => self.begin_wait(),
            Service::Waiting => self.waiting(),
            Service::String => self.begin_string(),
            Service::PartOfString => self.part_of_string(),
            Service::Reset => {
                self.board.request(Request::Reset);
                After::GoOn
            }
        }
    }

    fn interrupt(&mut self, vector: u8) -> After {
        match vector {
            0x10 => self.int10(),
            0x11 => self.int11(),
            0x12 => self.int12(),
            0x13 => self.int13(),
            0x14 => self.int14(),
            0x15 => self.int15(),
            0x16 => self.int16(),
            0x18 => After::End(Stop::GaveUp("INT 18h")),
            0x19 => After::End(Stop::GaveUp("INT 19h")),
            0x1a => self.int1a(),
            _ => self.unknown(),
        }
    }

    /// There is no such function.
    pub(super) fn unknown(&mut self) -> After {
        self.fail(0x86);
        After::Unknown
    }
}

/// The interrupt that leads to a service; INT 19h for the reset vector.
pub(crate) fn vector_of(service: Service) -> u8 {
    match service {
        Service::Interrupt(vector) => vector,
        Service::Tick => 0x08,
        Service::Key => 0x09,
        Service::Clock => 0x70,
        Service::Wait | Service::Waiting => 0x15,
        Service::String | Service::PartOfString => 0x10,
        Service::Reset => 0x19,
    }
}

/// What `-d bios` calls a function.
pub(crate) fn name_of(service: Service, ax: u16) -> &'static str {
    let (ah, al) = ((ax >> 8) as u8, ax as u8);
    match service {
        Service::Tick => "tick",
        Service::Key => "key",
        Service::Clock => "real-time clock",
        Service::Wait | Service::Waiting => "waiting",
        Service::String | Service::PartOfString => "string",
        Service::Reset => "reset vector",
        Service::Interrupt(0x11) => "equipment",
        Service::Interrupt(0x12) => "memory size",
        Service::Interrupt(0x18) => "nothing to boot",
        Service::Interrupt(0x19) => "boot again",
        Service::Interrupt(vector) => {
            let row = NAMES.iter().find(|row| {
                row.0 == vector && row.1 == ah && row.2.is_none_or(|wanted| wanted == al)
            });
            row.map_or("unknown function", |row| row.3)
        }
    }
}

/// Interrupt, AH, AL where it decides, name.
type Name = (u8, u8, Option<u8>, &'static str);

const NAMES: &[Name] = &[
    (0x10, 0x00, None, "set video mode"),
    (0x10, 0x01, None, "set cursor shape"),
    (0x10, 0x02, None, "set cursor"),
    (0x10, 0x03, None, "get cursor"),
    (0x10, 0x05, None, "show page"),
    (0x10, 0x06, None, "scroll up"),
    (0x10, 0x07, None, "scroll down"),
    (0x10, 0x08, None, "read character"),
    (0x10, 0x09, None, "write character and attribute"),
    (0x10, 0x0a, None, "write character"),
    (0x10, 0x0b, None, "set CGA palette"),
    (0x10, 0x0c, None, "write pixel"),
    (0x10, 0x0d, None, "read pixel"),
    (0x10, 0x0e, None, "teletype"),
    (0x10, 0x0f, None, "get video mode"),
    (0x10, 0x10, None, "palette"),
    (0x10, 0x11, None, "font"),
    (0x10, 0x12, None, "video configuration"),
    (0x10, 0x13, None, "write string"),
    (0x10, 0x1a, None, "display combination"),
    (0x10, 0x1b, None, "video state"),
    (0x10, 0x4f, None, "VBE"),
    (0x13, 0x00, None, "reset disk"),
    (0x13, 0x01, None, "disk status"),
    (0x13, 0x02, None, "read sectors"),
    (0x13, 0x03, None, "write sectors"),
    (0x13, 0x04, None, "verify sectors"),
    (0x13, 0x08, None, "disk geometry"),
    (0x13, 0x0c, None, "seek"),
    (0x13, 0x0d, None, "reset hard disk"),
    (0x13, 0x10, None, "is disk ready"),
    (0x13, 0x11, None, "recalibrate"),
    (0x13, 0x14, None, "test disk controller"),
    (0x13, 0x15, None, "disk type"),
    (0x13, 0x41, None, "disk extensions"),
    (0x13, 0x42, None, "extended read"),
    (0x13, 0x43, None, "extended write"),
    (0x13, 0x44, None, "extended verify"),
    (0x13, 0x47, None, "extended seek"),
    (0x13, 0x48, None, "extended geometry"),
    (0x13, 0x4b, None, "boot image"),
    (0x14, 0x00, None, "set up serial port"),
    (0x14, 0x01, None, "send"),
    (0x14, 0x02, None, "receive"),
    (0x14, 0x03, None, "serial status"),
    (0x15, 0x24, None, "A20 gate"),
    (0x15, 0x4f, None, "keyboard intercept"),
    (0x15, 0x53, None, "APM"),
    (0x15, 0x83, None, "event wait"),
    (0x15, 0x86, None, "wait"),
    (0x15, 0x87, None, "block move"),
    (0x15, 0x88, None, "extended memory size"),
    (0x15, 0x89, None, "protected mode"),
    (0x15, 0x90, None, "device busy"),
    (0x15, 0x91, None, "device ready"),
    (0x15, 0xc0, None, "configuration"),
    (0x15, 0xc1, None, "extended data area"),
    (0x15, 0xc2, None, "mouse"),
    (0x15, 0xe8, Some(0x01), "memory sizes (E801)"),
    (0x15, 0xe8, Some(0x20), "memory map (E820)"),
    (0x15, 0xe9, Some(0x80), "SpeedStep"),
    (0x15, 0xec, Some(0x00), "target operating mode"),
    (0x16, 0x00, None, "read key"),
    (0x16, 0x01, None, "is there a key"),
    (0x16, 0x02, None, "shift flags"),
    (0x16, 0x03, None, "typematic rate"),
    (0x16, 0x05, None, "store key"),
    (0x16, 0x10, None, "read extended key"),
    (0x16, 0x11, None, "is there an extended key"),
    (0x16, 0x12, None, "extended shift flags"),
    (0x17, 0x00, None, "print"),
    (0x17, 0x01, None, "set up printer"),
    (0x17, 0x02, None, "printer status"),
    (0x1a, 0x00, None, "get ticks"),
    (0x1a, 0x01, None, "set ticks"),
    (0x1a, 0x02, None, "get time"),
    (0x1a, 0x03, None, "set time"),
    (0x1a, 0x04, None, "get date"),
    (0x1a, 0x05, None, "set date"),
    (0x1a, 0x06, None, "set alarm"),
    (0x1a, 0x07, None, "clear alarm"),
    (0x1a, 0xb1, None, "PCI BIOS"),
    (0x1a, 0xbb, None, "TCG BIOS"),
];

//! One 8259A: request latches, mask, in-service bits, priority resolver, command decoding.

use super::spec::{Command, Icw4, Ocw2, StatusRegister};
use serde::{Deserialize, Serialize};

/// The write to the odd port that the initialisation sequence waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Expects {
    Icw2,
    Icw3,
    Icw4,
    /// Ready: the odd port is OCW1, the mask.
    Ocw1,
}

/// One 8259A with its half of the edge/level control register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chip {
    // Pins
    /// Levels of IR0-IR7.
    lines: u8,

    // Registers
    /// Edges seen and not yet acknowledged; level-triggered requests are not latched.
    edges: u8,
    imr: u8,
    isr: u8,
    elcr: u8,
    /// ICW2: bits 7-3 of the vector.
    vector_base: u8,
    icw4: Icw4,

    // Modes
    expects: Expects,
    single: bool,
    wants_icw4: bool,
    status_register: StatusRegister,
    poll: bool,
    special_mask: bool,
    rotate_in_auto_eoi: bool,
    /// The level with the lowest priority; the next one up (modulo 8) has the highest.
    bottom: u8,
}

impl Chip {
    /// Power-on. The datasheet leaves the registers undefined before ICW1; they are 0 here.
    pub(super) const fn new() -> Self {
        Self {
            lines: 0,
            edges: 0,
            imr: 0,
            isr: 0,
            elcr: 0,
            vector_base: 0,
            icw4: Icw4 { auto_eoi: false, special_fully_nested: false },
            expects: Expects::Ocw1,
            single: false,
            wants_icw4: false,
            status_register: StatusRegister::Irr,
            poll: false,
            special_mask: false,
            rotate_in_auto_eoi: false,
            bottom: 7,
        }
    }

    /// Power-on state again; the input pins keep their levels but ask for no edge.
    pub(super) fn reset(&mut self) {
        *self = Self { lines: self.lines, ..Self::new() };
    }

    /// Interrupt request register, including level-triggered inputs that are high.
    pub const fn irr(&self) -> u8 {
        self.edges | self.lines & self.elcr
    }

    /// In-service register.
    pub const fn isr(&self) -> u8 {
        self.isr
    }

    /// Interrupt mask register.
    pub const fn imr(&self) -> u8 {
        self.imr
    }

    /// This chip's byte of the edge/level control register; a set bit means level.
    pub const fn elcr(&self) -> u8 {
        self.elcr
    }

    /// ICW2, the vector of IR0.
    pub const fn vector_base(&self) -> u8 {
        self.vector_base
    }

    /// A set bit makes that input level triggered; an edge waiting there is forgotten.
    pub(super) fn set_elcr(&mut self, elcr: u8) {
        self.elcr = elcr;
        self.edges &= !elcr;
    }

    /// Drives one input. A request that goes away before its INTA is withdrawn: 8259A datasheet,
    /// "Edge and Level Triggered Modes" (the input must stay high until the first INTA).
    pub(super) fn set_line(&mut self, ir: u8, level: bool) {
        let bit = 1 << (ir & 7);
        if !level {
            self.lines &= !bit;
            self.edges &= !bit;
        } else if self.lines & bit == 0 {
            self.lines |= bit;
            self.edges |= bit & !self.elcr;
        }
    }

    /// The INT pin.
    pub const fn int(&self) -> bool {
        matches!(self.expects, Expects::Ocw1) && self.highest_request().is_some()
    }

    /// The request that wins: unmasked, and above everything in service. 8259A datasheet,
    /// "Fully Nested Mode", "Special Fully Nested Mode", "Special Mask Mode".
    const fn highest_request(&self) -> Option<u8> {
        let requests = self.irr() & !self.imr;
        if self.special_mask {
            // The nesting rule is lifted: only a level already in service stays blocked.
            return self.highest(requests & !self.isr);
        }
        let Some(request) = self.highest(requests) else { return None };
        let Some(in_service) = self.highest(self.isr) else { return Some(request) };
        let (asks, busy) = (self.rank(request), self.rank(in_service));
        if asks < busy || (asks == busy && self.icw4.special_fully_nested) {
            Some(request)
        } else {
            None
        }
    }

    /// 0 for the highest priority, 7 for the lowest.
    const fn rank(&self, ir: u8) -> u8 {
        ir.wrapping_sub(self.bottom).wrapping_sub(1) & 7
    }

    /// The highest priority level of a set of levels.
    const fn highest(&self, levels: u8) -> Option<u8> {
        if levels == 0 {
            return None;
        }
        let top = self.bottom.wrapping_add(1) & 7;
        Some((levels.rotate_right(top as u32).trailing_zeros() as u8 + top) & 7)
    }

    /// INTA: takes the winning request into service. `None` is the spurious case, in which the chip
    /// answers with level 7 and sets no in-service bit.
    pub(super) fn acknowledge(&mut self) -> Option<u8> {
        let ir = self.highest_request()?;
        self.edges &= !(1 << ir);
        if !self.icw4.auto_eoi {
            self.isr |= 1 << ir;
        } else if self.rotate_in_auto_eoi {
            self.bottom = ir;
        }
        Some(ir)
    }

    /// The vector for a level: T7-T3 of ICW2 and the level.
    pub(super) const fn vector(&self, ir: u8) -> u8 {
        self.vector_base & 0xf8 | ir & 7
    }

    /// Reads a port. A poll answers either port: 8259A datasheet, "Poll Command".
    pub(super) fn read(&mut self, a0: u8) -> u8 {
        if self.poll {
            self.poll = false;
            return self.acknowledge().map_or(0, |ir| 0x80 | ir);
        }
        if a0 & 1 != 0 {
            return self.imr;
        }
        match self.status_register {
            StatusRegister::Irr => self.irr(),
            StatusRegister::Isr => self.isr,
        }
    }

    /// Writes a port.
    pub(super) fn write(&mut self, a0: u8, value: u8) {
        if a0 & 1 != 0 {
            return self.write_odd(value);
        }
        match Command::decode(value) {
            Command::Icw1 { single, icw4 } => self.initialise(single, icw4),
            Command::Ocw2(ocw2) => self.ocw2(ocw2),
            Command::Ocw3 { special_mask, poll, read } => {
                self.special_mask = special_mask.unwrap_or(self.special_mask);
                self.poll = poll;
                if !poll {
                    self.status_register = read.unwrap_or(self.status_register);
                }
            }
        }
    }

    /// ICW1: 8259A datasheet, "Initialization Command Words 1 and 2". The in-service bits go too, as
    /// in the chipset versions; a restarted system could never end the old ones.
    fn initialise(&mut self, single: bool, icw4: bool) {
        *self = Self {
            lines: self.lines,
            elcr: self.elcr,
            vector_base: self.vector_base,
            expects: Expects::Icw2,
            single,
            wants_icw4: icw4,
            ..Self::new()
        };
    }

    fn write_odd(&mut self, value: u8) {
        let last = if self.wants_icw4 { Expects::Icw4 } else { Expects::Ocw1 };
        match self.expects {
            Expects::Icw2 => {
                self.vector_base = value & 0xf8;
                self.expects = if self.single { last } else { Expects::Icw3 };
            }
            // The cascade is soldered: slave on IR2, slave ID 2. ICW3 cannot say anything else.
            Expects::Icw3 => self.expects = last,
            Expects::Icw4 => {
                self.icw4 = Icw4::decode(value);
                self.expects = Expects::Ocw1;
            }
            Expects::Ocw1 => self.imr = value,
        }
    }

    fn ocw2(&mut self, ocw2: Ocw2) {
        match ocw2 {
            Ocw2::NonSpecificEoi { rotate } => {
                // In special mask mode a masked level is not ended by a non-specific EOI:
                // 8259A datasheet, "End of Interrupt (EOI)".
                let eligible = if self.special_mask { self.isr & !self.imr } else { self.isr };
                if let Some(level) = self.highest(eligible) {
                    self.end(level, rotate);
                }
            }
            Ocw2::SpecificEoi { level, rotate } => self.end(level, rotate),
            Ocw2::RotateInAutoEoi(on) => self.rotate_in_auto_eoi = on,
            Ocw2::SetPriority { level } => self.bottom = level & 7,
            Ocw2::Nop => {}
        }
    }

    fn end(&mut self, level: u8, rotate: bool) {
        self.isr &= !(1 << (level & 7));
        if rotate {
            self.bottom = level & 7;
        }
    }
}

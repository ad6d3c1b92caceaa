//! INT 15h: memory, A20, block moves, waiting; INT 11h and 12h: equipment and base memory.
//!
//! Follows: IBM BIOS Interface Technical Reference, "INT 15H - System Services"; ACPI Specification,
//! "INT 15H, E820H - Query System Address Map"; for E801h and A20 (24h) Ralf Brown's interrupt list; for
//! EC00h AMD's BIOS and Kernel Developer's Guide, "Detect Target Operating Mode Callback".
//!
//! Sizes and the map are those that every other boot path of this machine tells.

use super::{After, Call};
use crate::bios::call::reg;
use arch::segment::SegReg;
use arch::time::Instant;
use boot::bios::{CONFIGURATION, bda};
use boot::e820::Kind;
use boot::layout;

/// EDX and EAX of E820h.
const SMAP: u32 = 0x534d_4150;
/// Bytes of a row of the map.
const ROW_LEN: u32 = 20;
/// Most KiB that 88h tells: 63 MiB.
const EXTENDED_KIB_MAX: u64 = 0xfc00;
const MIB: u64 = 1 << 20;
/// Most words of a block move.
const MOVE_WORDS_MAX: u16 = 0x8000;

impl Call<'_> {
    /// INT 11h.
    pub(super) fn int11(&mut self) -> After {
        let equipment = self.bda16(bda::EQUIPMENT);
        self.set_word(reg::RAX, equipment);
        After::GoOn
    }

    /// INT 12h.
    pub(super) fn int12(&mut self) -> After {
        let kib = self.bda16(bda::MEMORY_KIB);
        self.set_word(reg::RAX, kib);
        After::GoOn
    }

    /// INT 15h. CF as the entry code sees it asks it to wait.
    pub(super) fn int15(&mut self) -> After {
        self.tell_entry_code(false);
        match (self.ah(), self.al()) {
            (0x24, al) => return self.a20(al),
            (0x4f, _) => {
                self.return_flag(arch::rflags::CF, true); // the key stays as it is
            }
            (0x86, _) => {
                self.succeed();
                self.tell_entry_code(true);
            }
            (0x87, _) => self.move_block(),
            (0x88, _) => {
                let kib = (self.extended_bytes() >> 10).min(EXTENDED_KIB_MAX);
                self.set_word(reg::RAX, kib as u16);
                self.succeed();
            }
            (0x90 | 0x91, _) => {
                self.set_ah(0);
                self.succeed();
            }
            (0xc0, _) => {
                self.set_es(0xf000);
                self.set_word(reg::RBX, CONFIGURATION);
                self.set_ah(0);
                self.succeed();
            }
            (0xc1, _) => {
                let segment = self.bda16(bda::EBDA_SEGMENT);
                self.set_es(segment);
                self.succeed();
            }
            (0xe8, 0x01) => self.tell_sizes(),
            (0xe8, 0x20) => return self.tell_map(),
            (0xec, 0x00) => {
                self.set_ah(0);
                self.succeed();
            }
            _ => return self.unknown(),
        }
        After::GoOn
    }

    /// 24h: the gate does not exist, which is as if it were always open.
    fn a20(&mut self, al: u8) -> After {
        match al {
            0x01 => {}
            0x02 => self.set_al(1),
            0x03 => self.set_word(reg::RBX, 3), // by the keyboard controller and by port 92h
            _ => return self.unknown(),
        }
        self.set_ah(0);
        self.succeed();
        After::GoOn
    }

    // ---- memory ----

    /// Bytes of RAM from 1 MiB on, without a gap.
    fn extended_bytes(&self) -> u64 {
        let rows = self.bios.map.iter();
        let mut above = rows.filter(|row| row.0 == layout::ACPI_END && row.2 == Kind::Ram as u32);
        above.next().map_or(0, |row| row.1)
    }

    /// E801h: KiB between 1 and 16 MiB, and units of 64 KiB above.
    fn tell_sizes(&mut self) {
        let bytes = self.extended_bytes();
        let below = (bytes.min(15 * MIB) >> 10) as u16;
        let above = (bytes.saturating_sub(15 * MIB) >> 16).min(0xffff) as u16;
        for (first, second) in [(reg::RAX, reg::RBX), (reg::RCX, reg::RDX)] {
            self.set_word(first, below);
            self.set_word(second, above);
        }
        self.succeed();
    }

    /// E820h: row EBX of the map at ES:DI; EBX counts rows and is 0 after the last.
    fn tell_map(&mut self) -> After {
        let index = self.long(reg::RBX) as usize;
        let asked = self.long(reg::RDX) == SMAP && self.long(reg::RCX) >= ROW_LEN;
        let Some(&(addr, len, kind)) = self.bios.map.get(index).filter(|_| asked) else {
            return self.unknown();
        };
        let at = self.linear(SegReg::Es, self.word(reg::RDI));
        let row = [&addr.to_le_bytes()[..], &len.to_le_bytes(), &kind.to_le_bytes()].concat();
        self.write(at, &row);
        let next = if index + 1 < self.bios.map.len() { index as u32 + 1 } else { 0 };
        self.set_long(reg::RAX, SMAP);
        self.set_long(reg::RBX, next);
        self.set_long(reg::RCX, ROW_LEN);
        self.succeed();
        After::GoOn
    }

    /// 87h: CX words between the bases of two descriptors in the table at ES:SI.
    fn move_block(&mut self) {
        let table = self.linear(SegReg::Es, self.word(reg::RSI));
        let words = self.word(reg::RCX).min(MOVE_WORDS_MAX);
        let mut descriptors = [0; 16];
        self.read(table + 0x10, &mut descriptors);
        let base = |at: usize| {
            let bytes = [descriptors[at + 2], descriptors[at + 3], descriptors[at + 4]];
            u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], descriptors[at + 7]]))
        };
        let mut bytes = vec![0; 2 * usize::from(words)];
        self.board.note_moved(bytes.len() as u64);
        self.read_physical(base(0), &mut bytes);
        self.write_physical(base(8), &bytes);
        self.set_ah(0);
        self.succeed();
    }

    // ---- waiting ----

    /// 86h, after the entry code has saved EDX and EAX: the instant goes there.
    pub(super) fn begin_wait(&mut self) -> After {
        let micros = u64::from(self.word(reg::RCX)) << 16 | u64::from(self.word(reg::RDX));
        let end = self.now.after(micros * 1000).ns();
        self.set_long(reg::RAX, end as u32);
        self.set_long(reg::RDX, (end >> 32) as u32);
        After::GoOn
    }

    /// Whether it is still to come; the entry code asks again.
    pub(super) fn waiting(&mut self) -> After {
        let end = u64::from(self.long(reg::RDX)) << 32 | u64::from(self.long(reg::RAX));
        let to_come = end > self.now.ns();
        self.tell_entry_code(to_come);
        if to_come { After::WaitUntil(Instant(end)) } else { After::GoOn }
    }
}

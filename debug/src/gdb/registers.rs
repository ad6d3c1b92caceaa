//! gdb's registers: names, sizes, order, and how each is read and written.
//!
//! The order is that of the description's features, and so of the `g` packet. Names and groups that gdb
//! knows: gdb's manual, "x86 Features"; the others are named as in QEMU where QEMU has them.

use super::debuggee::Debuggee;
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector};
use cpu::{Extended, Registers};
use machine::Machine;
use std::sync::LazyLock;

/// A feature of the target description.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Feature {
    Core,
    Sse,
    Segments,
    Avx,
    System,
}

impl Feature {
    pub(super) const ALL: [Self; 5] =
        [Self::Core, Self::Sse, Self::Segments, Self::Avx, Self::System];

    /// Its name in the description.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Core => "org.gnu.gdb.i386.core",
            Self::Sse => "org.gnu.gdb.i386.sse",
            Self::Segments => "org.gnu.gdb.i386.segments",
            Self::Avx => "org.gnu.gdb.i386.avx",
            Self::System => "org.bootscope.system",
        }
    }
}

/// What a register is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// General register, by its number in encodings.
    General(u8),
    /// Linear address of the instruction pointer.
    Rip,
    Flags,
    Selector(SegReg),
    St(u8),
    X87(X87),
    Xmm(u8),
    Mxcsr,
    Base(SegReg),
    /// Upper half of a YMM register.
    YmmHigh(u8),
    KernelGsBase,
    Control(u8),
    Efer,
    /// The instruction pointer without the base of CS.
    Offset,
    /// Instructions retired.
    Insns,
}

/// The x87 registers beside the stack, in gdb's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum X87 {
    Control,
    Status,
    Tags,
    CodeSelector,
    CodeOffset,
    DataSelector,
    DataOffset,
    Opcode,
}

/// A register of the description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) bytes: usize,
    /// Its type in the description.
    pub(super) kind: &'static str,
    pub(super) feature: Feature,
    pub(super) what: What,
}

/// Every register, in the order of its number.
pub(super) static ROWS: LazyLock<Vec<Row>> = LazyLock::new(rows);

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut feature = Feature::Core;
    let mut add = |feature: Feature, name: &str, bytes: usize, kind: &'static str, what: What| {
        rows.push(Row { name: name.to_owned(), bytes, kind, feature, what });
    };
    const GENERAL: [(&str, u8); 8] = [
        ("rax", 0),
        ("rbx", 3),
        ("rcx", 1),
        ("rdx", 2),
        ("rsi", 6),
        ("rdi", 7),
        ("rbp", 5),
        ("rsp", 4),
    ];
    for (name, n) in GENERAL {
        let kind = if matches!(n, 4 | 5) { "data_ptr" } else { "int64" };
        add(feature, name, 8, kind, What::General(n));
    }
    for n in 8..16 {
        add(feature, &format!("r{n}"), 8, "int64", What::General(n));
    }
    add(feature, "rip", 8, "code_ptr", What::Rip);
    add(feature, "eflags", 4, "i386_eflags", What::Flags);
    use SegReg::{Cs, Ds, Es, Fs, Gs, Ss};
    for (name, register) in [("cs", Cs), ("ss", Ss), ("ds", Ds), ("es", Es), ("fs", Fs), ("gs", Gs)]
    {
        add(feature, name, 4, "int32", What::Selector(register));
    }
    for n in 0..8 {
        add(feature, &format!("st{n}"), 10, "i387_ext", What::St(n));
    }
    for (name, what) in [
        ("fctrl", X87::Control),
        ("fstat", X87::Status),
        ("ftag", X87::Tags),
        ("fiseg", X87::CodeSelector),
        ("fioff", X87::CodeOffset),
        ("foseg", X87::DataSelector),
        ("fooff", X87::DataOffset),
        ("fop", X87::Opcode),
    ] {
        add(feature, name, 4, "int", What::X87(what));
    }
    feature = Feature::Sse;
    for n in 0..16 {
        add(feature, &format!("xmm{n}"), 16, "vec128", What::Xmm(n));
    }
    add(feature, "mxcsr", 4, "i386_mxcsr", What::Mxcsr);
    feature = Feature::Segments;
    add(feature, "fs_base", 8, "int64", What::Base(Fs));
    add(feature, "gs_base", 8, "int64", What::Base(Gs));
    feature = Feature::Avx;
    for n in 0..16 {
        add(feature, &format!("ymm{n}h"), 16, "uint128", What::YmmHigh(n));
    }
    feature = Feature::System;
    add(feature, "k_gs_base", 8, "int64", What::KernelGsBase);
    for (n, name, kind) in [
        (0, "cr0", "cr0_bits"),
        (2, "cr2", "int64"),
        (3, "cr3", "int64"),
        (4, "cr4", "cr4_bits"),
        (8, "cr8", "int64"),
    ] {
        add(feature, name, 8, kind, What::Control(n));
    }
    add(feature, "efer", 8, "efer_bits", What::Efer);
    for (name, register) in [("cs_base", Cs), ("ss_base", Ss), ("ds_base", Ds), ("es_base", Es)] {
        add(feature, name, 8, "int64", What::Base(register));
    }
    add(feature, "ip", 8, "uint64", What::Offset);
    add(feature, "insns", 8, "uint64", What::Insns);
    rows
}

/// Bytes of all registers: the length of a `g` packet's data.
pub(super) fn total_bytes() -> usize {
    ROWS.iter().map(|row| row.bytes).sum()
}

/// The machine's state, read once for several registers.
pub(super) struct View {
    registers: Registers,
    extended: Extended,
    tags: u16,
    mode64: bool,
    linear_ip: u64,
    kernel_gs_base: u64,
    cr8: u64,
    insns: u64,
}

impl View {
    pub(super) fn of(machine: &Machine) -> Self {
        let cpu = machine.cpu();
        Self {
            registers: cpu.registers(),
            extended: cpu.extended(),
            tags: cpu.x87_tag_word(),
            mode64: cpu.mode64(),
            linear_ip: cpu.linear_ip(),
            kernel_gs_base: cpu.kernel_gs_base(),
            cr8: u64::from(machine.task_priority()),
            insns: machine.retired(),
        }
    }

    /// A register's value, little-endian in its low bytes.
    pub(super) fn get(&self, what: What) -> u128 {
        let registers = &self.registers;
        u128::from(match what {
            What::General(n) => {
                let value = registers.gpr[usize::from(n)];
                match (self.mode64, n) {
                    (true, _) => value,
                    (false, 0..8) => value & 0xffff_ffff,
                    (false, _) => 0,
                }
            }
            What::Rip => self.linear_ip,
            What::Offset => registers.rip,
            What::Flags => registers.rflags,
            What::Selector(register) => u64::from(registers.segments[register as usize].selector.0),
            What::Base(register) => registers.segments[register as usize].base,
            What::Control(0) => registers.cr0,
            What::Control(2) => registers.cr2,
            What::Control(3) => registers.cr3,
            What::Control(4) => registers.cr4,
            What::Control(_) => self.cr8,
            What::Efer => registers.efer,
            What::KernelGsBase => self.kernel_gs_base,
            What::Insns => self.insns,
            What::Mxcsr => u64::from(self.extended.mxcsr),
            What::X87(what) => self.x87(what),
            What::St(n) => {
                let mut bytes = [0; 16];
                bytes[..10].copy_from_slice(&self.extended.st[usize::from(n)]);
                return u128::from_le_bytes(bytes);
            }
            What::Xmm(n) => return self.extended.ymm[usize::from(n)][0],
            What::YmmHigh(n) => return self.extended.ymm[usize::from(n)][1],
        })
    }

    fn x87(&self, what: X87) -> u64 {
        let state = &self.extended;
        match what {
            X87::Control => u64::from(state.control),
            X87::Status => u64::from(state.status),
            X87::Tags => u64::from(self.tags),
            X87::CodeSelector => u64::from(state.cs),
            X87::CodeOffset => state.ip & 0xffff_ffff,
            X87::DataSelector => u64::from(state.ds),
            X87::DataOffset => state.dp & 0xffff_ffff,
            X87::Opcode => u64::from(state.opcode),
        }
    }
}

impl Debuggee {
    /// Writes a register; false if it cannot have this value from outside.
    pub(super) fn set_register(&mut self, what: What, value: u128) -> bool {
        let word = value as u64;
        let mut registers = self.cpu().registers();
        let mode64 = self.cpu().mode64();
        match what {
            What::General(n) => {
                let slot = &mut registers.gpr[usize::from(n)];
                match (mode64, n) {
                    (true, _) => *slot = word,
                    (false, 0..8) => *slot = *slot & !0xffff_ffff | word & 0xffff_ffff,
                    (false, _) => return word == 0,
                }
            }
            What::Rip if mode64 => registers.rip = word,
            What::Rip => {
                let base = registers.segments[SegReg::Cs as usize].base;
                registers.rip = word.wrapping_sub(base) & 0xffff_ffff;
            }
            What::Offset => registers.rip = if mode64 { word } else { word & 0xffff_ffff },
            What::Flags => {
                let kept = rflags::VM | rflags::FIXED;
                registers.rflags = registers.rflags & kept | word & rflags::DEFINED & !kept;
            }
            What::Selector(register) => return self.set_selector(register, word as u16),
            What::Base(register) => registers.segments[register as usize].base = word,
            What::Control(2) => registers.cr2 = word,
            What::Control(3) => registers.cr3 = word & CR3,
            What::KernelGsBase => {
                self.cpu_mut().set_kernel_gs_base(word);
                return true;
            }
            What::St(_) | What::X87(_) | What::Xmm(_) | What::Mxcsr | What::YmmHigh(_) => {
                return self.set_extended(what, value);
            }
            What::Control(_) | What::Efer | What::Insns => return false,
        }
        self.cpu_mut().change_registers(&registers);
        true
    }

    /// Loads a segment register: as real mode does, or from the descriptor tables, without checks of
    /// privilege.
    fn set_selector(&mut self, register: SegReg, selector: u16) -> bool {
        let mut registers = self.cpu().registers();
        let selector = Selector(selector);
        let old = registers.segments[register as usize];
        let new = if !self.cpu().protected_mode() || self.cpu().v8086() {
            Segment { selector, base: u64::from(selector.0) << 4, ..old }
        } else {
            match self.protected_segment(&registers, register, selector) {
                Some(segment) => segment,
                None => return false,
            }
        };
        // The privilege level stays.
        if matches!(register, SegReg::Cs | SegReg::Ss) && new.dpl() != old.dpl() {
            return false;
        }
        registers.segments[register as usize] = new;
        self.cpu_mut().change_registers(&registers);
        true
    }

    /// What a load in protected mode would leave, if the register can hold such a segment at all.
    fn protected_segment(
        &self,
        registers: &Registers,
        register: SegReg,
        selector: Selector,
    ) -> Option<Segment> {
        if selector.is_null() {
            let data = !matches!(register, SegReg::Cs | SegReg::Ss);
            return data.then(|| Segment { selector, ..Segment::default() });
        }
        let descriptor = self.descriptor(registers, selector)?;
        let fits = match register {
            SegReg::Cs => descriptor.is_code(),
            SegReg::Ss => descriptor.is_writable_data(),
            _ => descriptor.is_readable(),
        };
        fits.then(|| Segment::from_descriptor(selector, descriptor))
    }

    /// A present code or data descriptor of the tables.
    fn descriptor(&self, registers: &Registers, selector: Selector) -> Option<Descriptor> {
        let (base, limit) = if selector.is_local() {
            (registers.ldtr.base, registers.ldtr.limit)
        } else {
            (registers.gdtr.base, u32::from(registers.gdtr.limit))
        };
        let at = u64::from(selector.offset());
        let mut bytes = [0; 8];
        let address = base.wrapping_add(at);
        let read = at + 7 <= u64::from(limit)
            && self.cpu().debug_read(self.memory(), address, &mut bytes) == 8;
        let descriptor = Descriptor(u64::from_le_bytes(bytes));
        let usable = descriptor.present() && descriptor.is_code_or_data();
        (read && usable).then_some(descriptor)
    }

    fn set_extended(&mut self, what: What, value: u128) -> bool {
        let mut state = self.cpu().extended();
        let word = value as u32;
        match what {
            What::St(n) => {
                state.st[usize::from(n)].copy_from_slice(&value.to_le_bytes()[..10]);
            }
            What::Xmm(n) => state.ymm[usize::from(n)][0] = value,
            What::YmmHigh(n) => state.ymm[usize::from(n)][1] = value,
            What::Mxcsr => state.mxcsr = word,
            What::X87(what) => match what {
                X87::Control => state.control = word as u16,
                X87::Status => state.status = word as u16,
                X87::Tags => {
                    state.tags = (0..8)
                        .filter(|n| word >> (2 * n) & 3 != 3)
                        .fold(0, |tags, n| tags | 1 << n);
                }
                X87::CodeSelector => state.cs = word as u16,
                X87::CodeOffset => state.ip = state.ip & !0xffff_ffff | u64::from(word),
                X87::DataSelector => state.ds = word as u16,
                X87::DataOffset => state.dp = state.dp & !0xffff_ffff | u64::from(word),
                X87::Opcode => state.opcode = word as u16,
            },
            _ => return false,
        }
        self.cpu_mut().set_extended(&state);
        true
    }
}

/// Bits of CR3 that a debugger may set: an address of 52 bits and the two caching bits.
const CR3: u64 = (1 << 52) - 1;

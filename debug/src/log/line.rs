//! One event as one line: instruction count, word, meaning.

use crate::explain::error_code;
use crate::mode::Mode;
use crate::names::{bits, fw_cfg, mmio, msr, port};
use cpu::event_log::{Event, ModeRegister};

/// The count of instructions, the word that selected it, the text.
pub(super) fn line(retired: u64, word: &str, text: &str) -> String {
    format!("{retired:>12} {word:<6} {text}\n")
}

/// An exception: `#PF(0x2: write, not present, supervisor) CR2=0x10 at 0010:0x1000 <memcpy>, CPL 0`.
pub(super) fn exception(vector: u8, code: Option<u32>, cr2: &str, place: &Place) -> String {
    let name = error_code::vector(vector);
    let code = match code {
        None => String::new(),
        Some(0) if vector != 14 => "(0)".to_owned(),
        Some(code) => match error_code::words(vector, code) {
            Some(words) => format!("({code:#x}: {words})"),
            None => format!("({code:#x})"),
        },
    };
    let cr2 = if vector == 14 { format!(" CR2={cr2}") } else { String::new() };
    format!("{name}{code}{cr2} at {place}")
}

/// Where an event interrupted the program.
pub(super) struct Place {
    pub(super) cs: u16,
    /// The instruction pointer, with its name.
    pub(super) rip: String,
    pub(super) cpl: u8,
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04x}:{}, CPL {}", self.cs, self.rip, self.cpl)
    }
}

/// An interrupt: `vector 0x30, external, at 0010:0x1000, CPL 0`.
pub(super) fn interrupt(vector: u8, external: bool, place: &Place) -> String {
    let source = if external { "external" } else { "software" };
    let nmi = if external && vector == 2 { " (NMI)" } else { "" };
    format!("vector {vector:#04x}{nmi}, {source}, at {place}")
}

/// A control register: `CR0 0x11 -> 0x80000011, PG set: long mode, at 0x1000`.
pub(super) fn mode(
    register: ModeRegister,
    (from, to): (u64, u64),
    switch: Option<(Mode, Mode)>,
    rip: &str,
) -> String {
    let name = format!("{register:?}").to_uppercase();
    let table = match register {
        ModeRegister::Cr0 => Some(bits::CR0),
        ModeRegister::Cr3 => None,
        ModeRegister::Cr4 => Some(bits::CR4),
        ModeRegister::Efer => Some(bits::EFER),
    };
    let change =
        table.map_or(String::new(), |table| format!(", {}", bits::change(from, to, table)));
    let switch = switch.map_or(String::new(), |(_, mode)| format!(": now {mode}"));
    format!("{name} {from:#x} -> {to:#x}{change}{switch}, at {rip}")
}

/// RDMSR or WRMSR: `wrmsr 0xc0000080 (IA32_EFER) <- 0x100: LME, at 0x1000`.
pub(super) fn msr(number: u32, value: u64, write: bool, known: bool, rip: &str) -> String {
    let name = msr::msr(number).map_or(String::new(), |name| format!(" ({name})"));
    let (verb, arrow) = if write { ("wrmsr", "<-") } else { ("rdmsr", "->") };
    let meaning = msr::value(number, value).map_or(String::new(), |words| format!(" [{words}]"));
    match (known, write) {
        (true, _) => format!("{verb} {number:#x}{name} {arrow} {value:#x}{meaning}, at {rip}"),
        (false, true) => format!("{verb} {number:#x}{name} <- {value:#x}: #GP, at {rip}"),
        (false, false) => format!("{verb} {number:#x}{name}: #GP, at {rip}"),
    }
}

/// IN or OUT: `out 0x3f8 (COM1 THR) <- 0x41 'A', at 0x1000`.
pub(super) fn io(port: u16, size: u8, value: u32, write: bool, rip: &str) -> String {
    let name = port::port(port, write).map_or(String::new(), |name| format!(" ({name})"));
    let arrow = if write { "<-" } else { "->" };
    let verb = if write { "out" } else { "in" };
    let digits = 2 + 2 * usize::from(size.min(4));
    let meaning = match (port, value) {
        (0x3f8 | 0x2f8 | 0x3e8 | 0x2e8 | 0xe9 | 0x402, 0x20..=0x7e) if size == 1 => {
            format!(" {:?}", char::from(value as u8))
        }
        (fw_cfg::SELECTOR, _) if write => format!(" [{}]", fw_cfg::item(value as u16)),
        _ => String::new(),
    };
    format!("{verb} {port:#x}{name} {arrow} {value:#0digits$x}{meaning}, at {rip}")
}

/// A BIOS service: `INT 13h, AX 0201h: read sectors`.
pub(super) fn bios_call(vector: u8, ax: u16, name: &str, known: bool) -> String {
    let refused = if known { "" } else { ", not there" };
    format!("INT {vector:02x}h, AX {ax:04x}h: {name}{refused}")
}

/// A memory-mapped access: `read 0xfee00030 (LAPIC version) -> 0x00050014`.
pub(super) fn mmio(addr: u64, size: u8, value: u64, write: bool) -> String {
    let name = mmio::mmio(addr).map_or(String::new(), |name| format!(" ({name})"));
    let (verb, arrow) = if write { ("write", "<-") } else { ("read", "->") };
    let digits = 2 + 2 * usize::from(size.min(8));
    format!("{verb} {addr:#x}{name} {arrow} {value:#0digits$x}")
}

/// True if the event is an access to fw_cfg.
pub(super) fn is_fw_cfg(event: &Event) -> bool {
    matches!(event, Event::Io { port, .. } if fw_cfg::is_port(*port))
}

/// A hypercall: `hypercall 12 memory_op(0x7, 0x1000, 0x0) = -22, at 0x1000`.
pub(super) fn hypercall(
    name: &str,
    number: u64,
    args: &[u64; 3],
    result: i64,
    rip: &str,
) -> String {
    let [first, second, third] = args;
    format!("hypercall {number} {name}({first:#x}, {second:#x}, {third:#x}) = {result}, at {rip}")
}

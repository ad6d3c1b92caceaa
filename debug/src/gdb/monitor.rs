//! `monitor` commands: what gdb has no words for. Named as in QEMU's monitor where that has them.

use super::debuggee::Debuggee;
use crate::disassembly::disassemble;
use crate::{dump, mode::Mode};
use core::fmt::Write;
use memory::PhysAddr;

const HELP: &str = "\
info registers      every register with its bits named
info walk ADDR      the page walk of a linear address
info faults         the exceptions raised last
insns               instructions retired, virtual time
state-hash          hash of the machine's whole state
xp[/COUNT[SIZE]] ADDR  physical memory; SIZE is b, h, w or g
x[/COUNT[SIZE]] ADDR   linear memory
disas [ADDR]        instructions at a linear address in the present code size; at rip without one
dump ADDR LEN       physical memory in bytes and characters
phys [on|off]       whether gdb's addresses are physical
sym ADDR|NAME       the name of an address; the address of a name
";

/// Most items that `xp` prints, and most bytes that `dump` does: an answer has to fit into memory.
const ITEMS_MAX: usize = 4096;

/// What a command answers.
pub(super) fn answer(debuggee: &mut Debuggee, command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let known = match words[..] {
        ["help" | "?"] => Some(HELP.to_owned()),
        ["info", "registers"] => Some(dump::registers(&debuggee.cpu().registers())),
        ["info", "walk", address] => {
            number(address).map(|linear| dump::walk(debuggee.cpu(), debuggee.memory(), linear))
        }
        ["info", "faults"] => Some(faults(debuggee)),
        ["insns"] => Some(insns(debuggee)),
        ["state-hash"] => Some(format!("{:032x}\n", debuggee.state_hash())),
        ["phys"] => Some(physical(debuggee)),
        ["phys", "on"] => {
            debuggee.physical = true;
            Some(physical(debuggee))
        }
        ["phys", "off"] => {
            debuggee.physical = false;
            Some(physical(debuggee))
        }
        ["sym", word] => Some(symbol(debuggee, word)),
        ["disas"] => Some(disassembly(debuggee, debuggee.cpu().linear_ip())),
        ["disas", address] => number(address).map(|linear| disassembly(debuggee, linear)),
        ["dump", address, len] => number(address).zip(number(len)).map(|(address, len)| {
            dump::memory(debuggee.memory(), PhysAddr(address), len.min(ITEMS_MAX as u64))
        }),
        [examine, address] => number(address).and_then(|at| items(debuggee, examine, at)),
        _ => None,
    };
    known.unwrap_or_else(|| format!("unknown command; these are known:\n{HELP}"))
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn physical(debuggee: &Debuggee) -> String {
    let kind = if debuggee.physical { "physical" } else { "linear" };
    format!("addresses are {kind}\n")
}

fn insns(debuggee: &Debuggee) -> String {
    let registers = debuggee.cpu().registers();
    let mode = Mode::of(registers.cr0, registers.cr4, registers.efer);
    let (retired, now) = (debuggee.retired(), debuggee.now().ns());
    format!("{retired} instructions, {now} ns, {mode}, {} bits\n", debuggee.cpu().code_bits())
}

/// Instructions that `disas` prints.
const INSTRUCTIONS: usize = 8;

fn disassembly(debuggee: &Debuggee, linear: u64) -> String {
    let mut bytes = [0; 15 * INSTRUCTIONS];
    let len = debuggee.cpu().debug_read(debuggee.memory(), linear, &mut bytes);
    let bits = debuggee.cpu().code_bits();
    let lines = disassemble(bits, linear, &bytes[..len], INSTRUCTIONS);
    if lines.is_empty() {
        return format!("{linear:016x}: no memory\n");
    }
    let symbols = &debuggee.symbols;
    let head = symbols.at(linear).map_or(String::new(), |name| format!("<{name}>:\n"));
    head + &lines.iter().map(|line| line.named(symbols) + "\n").collect::<String>()
}

fn symbol(debuggee: &Debuggee, word: &str) -> String {
    let found = match (number(word), debuggee.symbols.address(word)) {
        (_, Some(address)) => Some(format!("{address:#x}\n")),
        (Some(address), None) => {
            debuggee.symbols.at(address).map(|name| format!("{address:#x} <{name}>\n"))
        }
        (None, None) => None,
    };
    found.unwrap_or_else(|| format!("no name is known for {word}\n"))
}

fn faults(debuggee: &Debuggee) -> String {
    let mut out = String::new();
    for record in debuggee.cpu().recent_faults() {
        let exception = record.exception;
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{:>12} {:?} error code {:#x} at {:#x}{}, CPL {}",
            record.retired,
            exception.vector,
            exception.error_code,
            record.rip,
            debuggee.symbols.suffix(record.linear_ip),
            record.cpl,
        );
    }
    out
}

/// `xp/4xg ADDR` and its kin.
fn items(debuggee: &Debuggee, command: &str, address: u64) -> Option<String> {
    let (name, format) = command.split_once('/').unwrap_or((command, "1"));
    let digits = format.find(|c: char| !c.is_ascii_digit()).unwrap_or(format.len());
    let count = if digits == 0 { 1 } else { format[..digits].parse().ok()? };
    let letters = format[digits..].trim_start_matches('x');
    let bytes = match letters {
        "b" => 1,
        "h" => 2,
        "" | "w" => 4,
        "g" => 8,
        _ => return None,
    };
    let mut data = vec![0; count.min(ITEMS_MAX) * bytes];
    let read = match name {
        "x" => debuggee.cpu().debug_read(debuggee.memory(), address, &mut data),
        "xp" if debuggee.memory().read(PhysAddr(address), &mut data).is_ok() => data.len(),
        "xp" => 0,
        _ => return None,
    };
    Some(lines(address, &data[..read / bytes * bytes], bytes))
}

fn lines(address: u64, data: &[u8], bytes: usize) -> String {
    if data.is_empty() {
        return format!("{address:016x}: no memory\n");
    }
    let mut out = String::new();
    for (n, line) in data.chunks(16).enumerate() {
        let _ = write!(out, "{:016x}:", address.wrapping_add(16 * n as u64));
        for item in line.chunks(bytes) {
            let value = item.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            let _ = write!(out, " 0x{value:0width$x}", width = 2 * bytes);
        }
        out.push('\n');
    }
    out
}

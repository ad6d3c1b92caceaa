//! The values of options: sizes, counts, times, destinations, goals. Every parser refuses with a reason
//! and advice.

mod time;

pub(crate) use time::{UnixTime, time};

use crate::cli::ProtocolChoice;
use crate::failure::BadValue;
use boot::{AcpiProfile, Protocol};
use clap::ValueEnum;
use core::ops::Range;
use regex::bytes::{Regex, RegexBuilder};
use std::path::PathBuf;
use std::str::FromStr;

type Parsed<T> = Result<T, BadValue>;

/// Bytes of RAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Size(pub(crate) u64);

/// A number of instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count(pub(crate) u64);

/// `--acpi`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Acpi(pub(crate) AcpiProfile);

/// Where a character device's output goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SerialTo {
    /// Standard output, and standard input from there.
    Stdio,
    /// Nowhere.
    Null,
    /// A file.
    File(PathBuf),
}

/// `-device isa-debug-exit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DebugExit {
    /// First port.
    pub(crate) iobase: u16,
    /// Number of ports.
    pub(crate) iosize: u16,
}

/// What the end of a guest does to the run: libvirt's words.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnEnd {
    /// The run ends
    Destroy,
    /// The machine is reset and boots again
    Restart,
    /// The run ends, and the state is kept for --dump
    Preserve,
}

/// `--until`.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// The serial output matches.
    Serial(Regex),
    /// The text on the screen matches.
    Screen(Regex),
    /// So many instructions have retired.
    Insn(u64),
    /// The instruction at a linear address is next.
    Pc(Place),
}

/// A place in the guest's code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A linear address.
    Address(u64),
    /// A name in the kernel's symbol table.
    Symbol(String),
}

/// `--dump`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dump {
    /// The registers.
    Regs,
    /// Physical memory.
    Mem {
        /// First address.
        addr: u64,
        /// Length in bytes.
        len: u64,
    },
    /// The page walk of a linear address.
    Walk(u64),
}

/// Most RAM that can be asked for. The page bitmaps cost a bit per page each, and no guest that a
/// gigahertz interpreter can boot needs more.
pub(crate) const MAX_RAM: u64 = 256 << 30;
/// Most bytes `--dump mem:` prints.
const MAX_DUMP: u64 = 16 << 20;

/// A decimal or `0x` number.
pub(crate) fn number(text: &str) -> Parsed<u64> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.starts_with('+') => return Err(no_number(text)),
        Some(digits) => u64::from_str_radix(digits, 16),
        None if text.starts_with('+') => return Err(no_number(text)),
        None => text.parse(),
    };
    parsed.map_err(|_| no_number(text))
}

fn no_number(_: &str) -> BadValue {
    BadValue::new("not a number", "write it in decimal, or in hexadecimal with 0x; at most 64 bits")
}

/// Splits off a trailing letter.
fn split_unit(text: &str) -> (&str, Option<char>) {
    match text.chars().last() {
        Some(last) if last.is_ascii_alphabetic() => (&text[..text.len() - 1], Some(last)),
        _ => (text, None),
    }
}

/// `512`, `512M`, `2G`, `size=1G`: MiB without a letter, as QEMU.
pub(crate) fn ram(text: &str) -> Parsed<Size> {
    let hint = "write 512, 512M or 2G; a number alone is MiB";
    let (digits, unit) = split_unit(text.strip_prefix("size=").unwrap_or(text));
    let shift = match unit.map(|unit| unit.to_ascii_lowercase()) {
        None | Some('m') => 20,
        Some('b') => 0,
        Some('k') => 10,
        Some('g') => 30,
        Some('t') => 40,
        Some(other) => return Err(BadValue::new(format!("no unit {other:?}"), hint)),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(BadValue::new("not a size", hint));
    }
    let bytes = digits.parse::<u128>().ok().and_then(|value| value.checked_mul(1 << shift));
    match bytes {
        Some(0) => Err(BadValue::new("a machine needs RAM", "Linux wants 128M or more")),
        Some(bytes) if bytes <= u128::from(MAX_RAM) => {
            let bytes = bytes as u64;
            if !bytes.is_multiple_of(memory::PAGE_SIZE) {
                return Err(BadValue::new("not a whole number of 4 KiB pages", hint));
            }
            Ok(Size(bytes))
        }
        _ => Err(BadValue::new(
            format!("more than the {} GiB a machine can have", MAX_RAM >> 30),
            "most kernels boot in 512M",
        )),
    }
}

/// `N`, `Nk`, `NM`, `NG`: decimal multiples, at least 1.
pub(crate) fn count(text: &str) -> Parsed<Count> {
    let hint = "write a number with k, M or G, such as 500M";
    let (digits, unit) = split_unit(text);
    let factor: u64 = match unit.map(|unit| unit.to_ascii_lowercase()) {
        None => 1,
        Some('k') => 1_000,
        Some('m') => 1_000_000,
        Some('g') => 1_000_000_000,
        Some(other) => return Err(BadValue::new(format!("no unit {other:?}"), hint)),
    };
    let value = digits.parse::<u64>().map_err(|_| BadValue::new("not a number", hint))?;
    match value.checked_mul(factor) {
        Some(0) => Err(BadValue::new("a run of no instructions", hint)),
        Some(count) => Ok(Count(count)),
        None => Err(BadValue::new("more than 64 bits hold", hint)),
    }
}

/// Seconds, with a fraction if need be.
pub(crate) fn seconds(text: &str) -> Parsed<f64> {
    match text.strip_suffix('s').unwrap_or(text).parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1e9 => Ok(value),
        _ => Err(BadValue::new("not a time", "write seconds, such as 30 or 0.5; more than 0")),
    }
}

/// Processors: there is one.
pub(crate) fn smp(text: &str) -> Parsed<u8> {
    let mut cpus = 1;
    for part in text.split(',') {
        let (name, value) = part.split_once('=').unwrap_or(("cpus", part));
        let value = number(value)?;
        if !matches!(name, "cpus" | "cores" | "threads" | "sockets" | "dies" | "maxcpus") {
            return Err(BadValue::new(format!("no topology word {name:?}"), "write --smp 1"));
        }
        cpus = cpus.max(value);
        if value == 0 {
            return Err(BadValue::new("a machine needs a processor", "write --smp 1"));
        }
    }
    match cpus {
        1 => Ok(1),
        _ => Err(BadValue::new(
            "more than one processor is not in this version",
            "drop the flag: the machine has one processor",
        )),
    }
}

/// `auto` or the name of a built protocol.
pub(crate) fn protocol(text: &str) -> Parsed<ProtocolChoice> {
    if text == "auto" {
        return Ok(ProtocolChoice(None));
    }
    let built = || {
        let built = Protocol::ALL.into_iter().filter(|protocol| protocol.is_built());
        built.map(Protocol::name).collect::<Vec<_>>().join(", ")
    };
    match Protocol::from_str(text) {
        Ok(protocol) if protocol.is_built() => Ok(ProtocolChoice(Some(protocol))),
        Ok(_) => Err(BadValue::new(
            "this protocol is not in this version",
            format!("this version boots by {}", built()),
        )),
        Err(_) => Err(BadValue::new("no such protocol", format!("auto, or one of {}", built()))),
    }
}

/// `full` or `off`.
pub(crate) fn acpi(text: &str) -> Parsed<Acpi> {
    match text {
        "full" | "on" => Ok(Acpi(AcpiProfile::Full)),
        "off" => Ok(Acpi(AcpiProfile::Off)),
        "reduced" => Ok(Acpi(AcpiProfile::Reduced)),
        _ => Err(BadValue::new("no such ACPI profile", "full, reduced or off")),
    }
}

/// `stdio`, `mon:stdio`, `null`, `none`, `file:F`.
pub(crate) fn serial(text: &str) -> Parsed<SerialTo> {
    let hint = "stdio, null or file:F";
    match text {
        "stdio" | "mon:stdio" => Ok(SerialTo::Stdio),
        "null" | "none" => Ok(SerialTo::Null),
        _ => match text.split_once(':') {
            Some(("file", "")) => Err(BadValue::new("the file has no name", hint)),
            Some(("file", path)) => Ok(SerialTo::File(path.into())),
            Some(("unix" | "tcp" | "pty" | "telnet" | "udp", _)) => {
                Err(BadValue::new("sockets and terminals are not in this version", hint))
            }
            _ if text == "pty" => {
                Err(BadValue::new("sockets and terminals are not in this version", hint))
            }
            _ => Err(BadValue::new("no such destination", hint)),
        },
    }
}

/// As [`serial`]; there is no monitor beside the debug port.
pub(crate) fn debugcon(text: &str) -> Parsed<SerialTo> {
    serial(text)
}

/// `isa-debug-exit[,iobase=PORT][,iosize=N]`; QEMU's defaults are 0x501 and 2.
pub(crate) fn device(text: &str) -> Parsed<DebugExit> {
    let hint = "write isa-debug-exit,iobase=0xf4,iosize=4; there is no other device to add";
    let mut parts = text.split(',');
    if parts.next() != Some("isa-debug-exit") {
        return Err(BadValue::new("no such device", hint));
    }
    let mut device = DebugExit { iobase: 0x501, iosize: 2 };
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = number(value).ok().and_then(|value| u16::try_from(value).ok());
        match (name, value) {
            ("iobase", Some(value)) => device.iobase = value,
            ("iosize", Some(value @ 1..=8)) => device.iosize = value,
            ("iobase" | "iosize", _) => {
                let why = format!("{part:?} names no port range (iobase to 0xffff, iosize 1 to 8)");
                return Err(BadValue::new(why, hint));
            }
            _ => return Err(BadValue::new(format!("no property {name:?}"), hint)),
        }
    }
    if u32::from(device.iobase) + u32::from(device.iosize) > 0x1_0000 {
        return Err(BadValue::new("the ports reach past 0xffff", hint));
    }
    Ok(device)
}

/// `ok=V`.
pub(crate) fn debug_exit_ok(text: &str) -> Parsed<u32> {
    let value = text.strip_prefix("ok=").and_then(|value| number(value).ok());
    value.and_then(|value| u32::try_from(value).ok()).ok_or_else(|| {
        BadValue::new("not ok=V", "write ok=0x10: the value the guest writes for success")
    })
}

/// A regular expression over bytes; `^` and `$` match at line ends, with or without a CR.
pub(crate) fn regex(text: &str) -> Parsed<Regex> {
    let built = RegexBuilder::new(text)
        .multi_line(true)
        .crlf(true)
        .unicode(false)
        .size_limit(8 << 20)
        .build();
    built.map_err(|error| {
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or("it does not parse").trim();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        BadValue::new(
            format!("no regular expression: {reason}"),
            "write it in the syntax of the regex crate; put \\ before . ( [ * to mean them",
        )
    })
}

/// `serial~REGEX`, `screen~REGEX`, `insn=N`, or `pc=` with an address or a symbol.
pub(crate) fn goal(text: &str) -> Parsed<Goal> {
    let hint = "serial~REGEX, screen~REGEX, insn=N, pc=ADDR or pc=SYMBOL";
    if let Some(pattern) = text.strip_prefix("serial~") {
        return regex(pattern).map(Goal::Serial);
    }
    if let Some(pattern) = text.strip_prefix("screen~") {
        return regex(pattern).map(Goal::Screen);
    }
    if let Some(value) = text.strip_prefix("insn=") {
        return count(value).map(|Count(count)| Goal::Insn(count));
    }
    if let Some(place) = text.strip_prefix("pc=") {
        let digits = place.starts_with(|c: char| c.is_ascii_digit());
        return match place {
            "" => Err(BadValue::new("no place", hint)),
            address if digits => number(address).map(|address| Goal::Pc(Place::Address(address))),
            symbol => Ok(Goal::Pc(Place::Symbol(symbol.to_owned()))),
        };
    }
    Err(BadValue::new("no such goal", hint))
}

/// `regs`, `mem:ADDR+LEN` or `walk:ADDR`.
pub(crate) fn dump(text: &str) -> Parsed<Dump> {
    let hint = "regs, mem:ADDR+LEN (physical) or walk:ADDR (linear), separated by commas";
    if text == "regs" {
        return Ok(Dump::Regs);
    }
    if let Some(addr) = text.strip_prefix("walk:") {
        return number(addr).map(Dump::Walk);
    }
    let Some((addr, len)) = text.strip_prefix("mem:").and_then(|range| range.split_once('+'))
    else {
        return Err(BadValue::new("nothing that can be dumped", hint));
    };
    let (addr, len) = (number(addr)?, number(len)?);
    if len == 0 || len > MAX_DUMP || addr.checked_add(len).is_none() {
        return Err(BadValue::new("a range of 1 byte to 16 MiB is printed", hint));
    }
    Ok(Dump::Mem { addr, len })
}

/// Guest memory, half-open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Span(pub(crate) Range<u64>);

/// `ADDR+LEN`; the length may be a size with a unit.
pub(crate) fn span(text: &str) -> Parsed<Span> {
    let hint = "write ADDR+LEN, as 0x1000000+4096 or 0x1000000+256M";
    let Some((addr, len)) = text.split_once('+') else {
        return Err(BadValue::new("no range of addresses", hint));
    };
    let sized = |len: &str| ram(len).map(|Size(bytes)| bytes);
    let units = len.ends_with(|last: char| "kmgtKMGT".contains(last)) && !len.starts_with("0x");
    let (addr, len) = (number(addr)?, if units { sized(len) } else { number(len) }?);
    match addr.checked_add(len) {
        Some(end) if len != 0 => Ok(Span(addr..end)),
        _ => Err(BadValue::new("the range is empty or passes the end of all addresses", hint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_memory_have_an_address_and_a_length() {
        assert_eq!(span("0x1000000+4096"), Ok(Span(0x100_0000..0x100_1000)));
        assert_eq!(span("4096+1G"), Ok(Span(0x1000..0x4000_1000)));
        for text in ["", "1", "+", "1+", "1+0", "-1+5", "0xffffffffffffffff+2", "1+x", "1+1+1"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ram_sizes_are_qemus() {
        for (text, bytes) in [
            ("512", 512 << 20),
            ("512M", 512 << 20),
            ("2G", 2 << 30),
            ("65536k", 64 << 20),
            ("size=1g", 1 << 30),
        ] {
            assert_eq!(ram(text), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn impossible_ram_sizes_are_refused() {
        for text in
            ["0", "10T", "", "M", "-1", "1.5G", "1X", "1023b", "99999999999999999999999999", "257G"]
        {
            assert!(ram(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_decimal_multiples() {
        assert_eq!(count("500M"), Ok(Count(500_000_000)));
        assert_eq!(count("3k"), Ok(Count(3_000)));
        assert_eq!(count("2G"), Ok(Count(2_000_000_000)));
        for text in ["", "0", "k", "-3", "18446744073709551616", "18446744073709551615k"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_debug_exit_port_is_qemus_unless_said() {
        assert_eq!(device("isa-debug-exit"), Ok(DebugExit { iobase: 0x501, iosize: 2 }));
        let device_at_f4 = device("isa-debug-exit,iobase=0xf4,iosize=0x04");
        assert_eq!(device_at_f4, Ok(DebugExit { iobase: 0xf4, iosize: 4 }));
        for text in [
            "e1000",
            "isa-debug-exit,iobase=0x10000",
            "isa-debug-exit,iosize=0",
            "isa-debug-exit,foo=1",
        ] {
            assert!(device(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_dump_is_bounded() {
        assert_eq!(dump("mem:0x1000+16"), Ok(Dump::Mem { addr: 0x1000, len: 16 }));
        assert_eq!(dump("walk:0xffffffff81000000"), Ok(Dump::Walk(0xffff_ffff_8100_0000)));
        for text in
            ["mem:0", "mem:0+0", "mem:0+0x7fffffffffff", "mem:0xffffffffffffffff+2", "foo", "walk:"]
        {
            assert!(dump(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lines_of_a_serial_console_end_with_cr_lf() {
        let regex = regex("^Run /init$").unwrap();

        assert!(regex.is_match(b"[1.0] x\r\nRun /init\r\n"));
        assert!(super::regex("(").is_err());
    }

    #[test]
    fn only_one_processor_can_be_asked_for() {
        for text in ["1", "cpus=1", "1,cores=1,threads=1"] {
            assert_eq!(smp(text), Ok(1), "{text}");
        }
        for text in ["0", "2", "cpus=4", "1,cores=2", "x"] {
            assert!(smp(text).is_err(), "{text}");
        }
    }
}

//! Exceptions and their error codes as words.
//!
//! SDM Vol. 3A, "Error Code", "Page-Fault Exceptions", "Exception and Interrupt Reference".

use arch::exception::{Exception, Vector, page_fault as pf, selector_code};
use arch::segment::Selector;

const VECTORS: [Vector; 18] = [
    Vector::DE,
    Vector::DB,
    Vector::NMI,
    Vector::BP,
    Vector::OF,
    Vector::BR,
    Vector::UD,
    Vector::NM,
    Vector::DF,
    Vector::TS,
    Vector::NP,
    Vector::SS,
    Vector::GP,
    Vector::PF,
    Vector::MF,
    Vector::AC,
    Vector::MC,
    Vector::XM,
];

/// `#PF` and so on; `vector 0x20` for what is no exception.
pub fn vector(number: u8) -> String {
    match VECTORS.iter().find(|vector| **vector as u8 == number) {
        Some(vector) => vector.to_string(),
        None => format!("vector {number:#04x}"),
    }
}

/// What the manual calls an exception.
pub fn title(vector: Vector) -> &'static str {
    match vector {
        Vector::DE => "divide error",
        Vector::DB => "debug exception",
        Vector::NMI => "non-maskable interrupt",
        Vector::BP => "breakpoint",
        Vector::OF => "overflow",
        Vector::BR => "BOUND range exceeded",
        Vector::UD => "invalid opcode",
        Vector::NM => "device not available",
        Vector::DF => "double fault",
        Vector::TS => "invalid TSS",
        Vector::NP => "segment not present",
        Vector::SS => "stack fault",
        Vector::GP => "general protection",
        Vector::PF => "page fault",
        Vector::MF => "x87 floating-point error",
        Vector::AC => "alignment check",
        Vector::MC => "machine check",
        Vector::XM => "SIMD floating-point exception",
    }
}

/// A page fault's error code: `write, not present, supervisor`.
pub fn page_fault(code: u32) -> String {
    let access = match (code & pf::I != 0, code & pf::W != 0) {
        (true, _) => "instruction fetch",
        (false, true) => "write",
        (false, false) => "read",
    };
    let cause = match code {
        _ if code & pf::RSVD != 0 => "reserved bit set",
        _ if code & pf::PK != 0 => "protection key",
        _ if code & pf::P != 0 => "not allowed",
        _ => "not present",
    };
    let who = if code & pf::U != 0 { "user" } else { "supervisor" };
    let known = pf::P | pf::W | pf::U | pf::RSVD | pf::I | pf::PK;
    let rest = code & !known;
    let rest = if rest == 0 { String::new() } else { format!(", other bits {rest:#x}") };
    format!("{access}, {cause}, {who}{rest}")
}

/// An error code that may name a selector: `GDT selector 0x18`, `IDT entry 14, external event`.
pub fn selector(code: u32) -> String {
    let external = if code & selector_code::EXT != 0 { ", external event" } else { "" };
    let what = if code & selector_code::IDT != 0 {
        format!("IDT entry {}", code >> 3 & 0x1fff)
    } else {
        let selector = Selector((code & 0xfffc) as u16);
        match (selector.is_null(), selector.is_local()) {
            (true, _) => "no selector".to_owned(),
            (false, true) => format!("LDT selector {:#x}", selector.0),
            (false, false) => format!("GDT selector {:#x}", selector.0),
        }
    };
    format!("{what}{external}")
}

/// The error code of an exception by its vector, in words; `None` for one that carries nothing.
pub fn words(vector: u8, code: u32) -> Option<String> {
    match vector {
        14 => Some(page_fault(code)),
        10..=13 if code != 0 => Some(selector(code)),
        _ => None,
    }
}

/// `#PF(0x2: write, not present, supervisor) at 0x1000`, `#GP(0)`, `#UD`.
pub fn exception(exception: &Exception) -> String {
    let vector = exception.vector;
    if !vector.has_error_code() {
        return vector.to_string();
    }
    let code = exception.error_code;
    let words = words(vector as u8, code).map_or(String::new(), |words| format!(": {words}"));
    let number = if code == 0 { "0".to_owned() } else { format!("{code:#x}") };
    let address = match vector {
        Vector::PF => format!(" at {:#x}", exception.address),
        _ => String::new(),
    };
    format!("{vector}({number}{words}){address}")
}

//! Option ROMs that tests give to a firmware: what it calls, and in which order.
//!
//! Follows the Plug and Play BIOS Specification 1.0A, "Option ROM Header for Plug and Play", and the BIOS
//! Boot Specification 1.01, "BEV" and "INT 19h". Each says its name on COM1 when it is started and powers
//! the machine off, so that what was started is seen, and only that.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::{Program, assemble};
use crate::power::power_off;

const COM1: u32 = 0x3f8;
/// Bytes of a ROM: one unit of its length field.
const LEN: usize = 512;
/// Where the header names the expansion header.
const PNP_POINTER: usize = 0x1a;
const PNP: u32 = 0x20;
/// Where its checksum is, and the boot entry vector.
const PNP_CHECKSUM: usize = PNP as usize + 9;
const PNP_BEV: usize = PNP as usize + 0x1a;
const PNP_LEN: usize = 0x20;

/// A ROM with a boot entry vector: a device that can be booted. `name` is what it says.
pub fn boot_entry(name: &str) -> Vec<u8> {
    let mut rom = rom(name, |a| {
        asm! { a =>
            'init:
                mov(eax, 0x20);                 //! a device that can be booted is attached
                retf();
        }
        Ok(())
    });
    rom[PNP_POINTER..PNP_POINTER + 2].copy_from_slice(&(PNP as u16).to_le_bytes());
    let at = PNP as usize;
    rom[at..at + 4].copy_from_slice(b"$PnP");
    rom[at + 4] = 1; // revision
    rom[at + 5] = (PNP_LEN / 16) as u8;
    rom[PNP_BEV..PNP_BEV + 2].copy_from_slice(&(CODE as u16).to_le_bytes());
    let sum = rom[at..at + PNP_LEN].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    rom[PNP_CHECKSUM] = rom[PNP_CHECKSUM].wrapping_sub(sum);
    finished(rom)
}

/// A ROM from before Plug and Play: its start takes INT 19h for itself.
pub fn int19_hook(name: &str) -> Vec<u8> {
    let rom = rom(name, |a| {
        asm! { a =>
            'init:
                push(ds);
                xor(ax, ax);
                mov(ds, ax);
                mov(word_ptr(4 * 0x19), CODE as i32);
                mov(word_ptr(4 * 0x19 + 2), cs);
                pop(ds);
                retf();
        }
        Ok(())
    });
    finished(rom)
}

/// Where the code that is started lies; before it the headers.
const CODE: u32 = 0x40;
/// Where the start-up code lies.
const INIT: u32 = 0x100;

/// Header, code at [`CODE`], start-up code at [`INIT`].
fn rom(name: &str, init: fn(&mut Program) -> Result<(), IcedError>) -> Vec<u8> {
    let init = assemble(16, INIT, init).expect("the start-up code assembles");
    let code = assemble(16, CODE, |a| start(a, name)).expect("the code assembles");
    let mut rom = vec![0; LEN];
    rom[..3].copy_from_slice(&[0x55, 0xaa, 1]);
    let distance = (INIT - 6) as u16; // jmp near from offset 3
    rom[3..6].copy_from_slice(&[&[0xe9][..], &distance.to_le_bytes()].concat());
    for part in [code, init] {
        let at = part.address as usize;
        rom[at..at + part.bytes.len()].copy_from_slice(&part.bytes);
    }
    rom
}

/// The sum of all bytes is 0.
fn finished(mut rom: Vec<u8>) -> Vec<u8> {
    let sum = rom.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    rom[LEN - 1] = rom[LEN - 1].wrapping_sub(sum);
    rom
}

/// Says the name and powers off.
fn start(a: &mut Program, name: &str) -> Result<(), IcedError> {
    asm! { a =>
            mov(ax, cs);
            mov(ds, ax);
    }
    let text = a.address("text");
    asm! { a =>
            mov(esi, text);
            mov(edx, COM1);
            cld();
        'next:
            lodsb();
            test(al, al);
            jz('done);
            out(dx, al);
            jmp('next);
        'done:
            nop();
    }
    power_off(a)?;
    a.bind("text")?;
    a.text(name)?;
    a.text("\r\n\0")
}

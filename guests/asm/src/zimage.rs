//! A zImage: a kernel of Linux boot protocol 2.01 whose setup code does what that of old kernels did with the
//! protected-mode part. Linux `Documentation/x86/boot.rst`, "Memory Layout" and "The Real-Mode Kernel Header".
//!
//! The setup code, at 0x90200, prints the command line by INT 10h, moves the rest from 0x10000 to 0x1000 and
//! enters it. It stays in real mode there: says so, and powers off. Not here: a kernel.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::{Program, assemble};
use crate::power::power_off;

const SECTOR: usize = 512;
/// Where the setup code lies behind the first sector, which lies at 0x90000.
const SETUP_CODE: u32 = 0x200;
/// Segments of the rest, before and after it is moved.
const LOADED: u16 = 0x1000;
const MOVED: u16 = 0x0100;
/// Length of the rest: more than a segment, as kernels are.
const REST: usize = 0x1_8000;
/// Segments are moved by so much at a time.
const PIECE: u16 = 0x8000;
/// Words 0x20 and 0x22 of the first sector: a magic, and the offset of the command line.
const CMDLINE_MAGIC: u16 = 0xa33f;

/// The file.
pub fn zimage() -> Vec<u8> {
    let setup = assemble(16, SETUP_CODE, setup_code).expect("the setup code assembles");
    let rest = assemble(16, 0, rest).expect("the rest assembles");
    assert!(setup.bytes.len() <= SECTOR, "one sector of setup code");
    let mut file = vec![0; 2 * SECTOR];
    file[SETUP_CODE as usize..][..setup.bytes.len()].copy_from_slice(&setup.bytes);
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x1f1, &[1]); // setup_sects
    put(0x1f4, &((REST / 16) as u16).to_le_bytes()); // syssize
    put(0x1fe, &[0x55, 0xaa]);
    put(0x202, b"HdrS");
    put(0x206, &0x201u16.to_le_bytes());
    put(0x214, &0x1000u32.to_le_bytes()); // code32_start; loadflags at 0x211 are 0
    file.extend(&rest.bytes);
    file.resize(2 * SECTOR + REST, 0);
    // The end of what has to be moved.
    file[2 * SECTOR + REST - 4..].copy_from_slice(b"end\0");
    file
}

/// The jump and the header, which the file fills in, then code. DS is 0x9000.
fn setup_code(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            jmp('start);
    }
    a.db(&[0; 0x26])?; // to 0x228
    asm! { a =>
        'start:
            cld();
            cmp(word_ptr(0x20), i32::from(CMDLINE_MAGIC));
            jne('no_line);
            mov(si, word_ptr(0x22));
            call('print);
        'no_line:
        /// A piece after the other, downward.
            mov(bx, i32::from(LOADED));
            mov(dx, i32::from(MOVED));
        'move:
            mov(ds, bx);
            mov(es, dx);
            xor(si, si);
            xor(di, di);
            mov(cx, i32::from(PIECE));
            rep_movsb();
            add(bx, i32::from(PIECE / 16));
            add(dx, i32::from(PIECE / 16));
            cmp(bx, i32::from(LOADED) + (REST / 16) as i32);
            jb('move);
            mov(ax, i32::from(MOVED));
            mov(ds, ax);
            push(ax);
            push(0);
            retf();
        'print:
            lodsb();
            test(al, al);
            jz('printed);
            mov(ah, 0xe);
            mov(bx, 7);
            int(0x10);
            jmp('print);
        'printed:
            ret();
    }
    Ok(())
}

/// Runs where it was moved to, DS beside.
fn rest(a: &mut Program) -> Result<(), IcedError> {
    let text = a.address("text");
    let end = i32::from(MOVED) + (REST / 16) as i32 - 1;
    asm! { a =>
            mov(esi, text);
            call('print);
            mov(ax, end);
            mov(ds, ax);
            mov(si, 12);
            call('print);
    }
    power_off(a)?;
    asm! { a =>
        'print:
            lodsb();
            test(al, al);
            jz('printed);
            mov(ah, 0xe);
            mov(bx, 7);
            int(0x10);
            jmp('print);
        'printed:
            ret();
    }
    a.bind("text")?;
    a.text(": moved from beginning to ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setup_code_jumps_over_its_header() {
        let file = zimage();
        assert_eq!(file[0x200..0x202], [0xeb, 0x26]);
        assert_eq!(file.len(), 2 * SECTOR + REST);
    }
}

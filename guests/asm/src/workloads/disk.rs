//! A workload as a floppy disk, for emulators that boot by a BIOS alone: a boot sector, and the
//! kernel's file in the sectors after it, all of them on the first track.
//!
//! Sources: BIOS Boot Specification 1.01, "IPL"; Ralf Brown's Interrupt List, INT 13h AH=02h; IBM
//! PS/2 Technical Reference, port 92h.
//!
//! Not here: any error message. A disk that cannot be read halts.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::END;
use crate::asm;
use crate::asm::{Program, assemble};
use crate::elf::KERNEL_BASE;

const SECTOR_BYTES: usize = 512;
const BOOT_SECTOR: u32 = 0x7c00;
const PROTECTED_MODE: u32 = BOOT_SECTOR + 0x100;
const GDT_POINTER: u32 = BOOT_SECTOR + 0x180;
const GDT: u32 = GDT_POINTER + 6;
/// Where the BIOS puts the file; above it, up to the kernel's base, memory is not ours.
const BUFFER_SEGMENT: u32 = 0x1000;
const BUFFER: u32 = BUFFER_SEGMENT << 4;
/// All files are smaller, and a track has more.
const FILE_SECTORS: u32 = 8;
const FILE_BYTES: u32 = FILE_SECTORS * SECTOR_BYTES as u32;

const CODE32: u16 = 0x08;
const DATA: u32 = 0x10;
const A20_FAST: u32 = 0x92;

/// The disk's first sectors; the rest of it is zeros.
pub(super) fn image(file: &[u8], entry: u32) -> Result<Vec<u8>, IcedError> {
    assert!(file.len() <= FILE_BYTES as usize, "the kernel outgrew its sectors");
    let parts = [
        assemble(16, BOOT_SECTOR, real_mode)?,
        assemble(32, PROTECTED_MODE, |a| protected_mode(a, entry))?,
        assemble(32, GDT_POINTER, descriptors)?,
    ];
    let mut disk = Vec::new();
    for part in parts {
        let at = (part.address - BOOT_SECTOR) as usize;
        assert!(disk.len() <= at, "two parts of the boot sector overlap");
        disk.resize(at, 0);
        disk.extend(part.bytes);
    }
    disk.resize(SECTOR_BYTES - 2, 0);
    disk.extend([0x55, 0xaa]); // a disk to boot from
    disk.extend(file);
    disk.resize(SECTOR_BYTES + FILE_BYTES as usize, 0);
    Ok(disk)
}

fn real_mode(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ax, ax);
            mov(ds, ax);
            mov(ss, ax);
            mov(sp, BOOT_SECTOR);
            mov(ax, BUFFER_SEGMENT);
            mov(es, ax);
            xor(bx, bx);
            mov(cx, 2);                         //! cylinder 0, sector 2
            mov(dh, 0);                         //! head 0; DL is the drive already
            mov(ax, 0x200 | FILE_SECTORS);
            int(0x13);
            jc('halt);
            cli();
            in_(al, A20_FAST);
            or(al, 2);
            out(A20_FAST, al);
            lgdt(ptr(GDT_POINTER));
            mov(eax, cr0);
            or(eax, 1);
            mov(cr0, eax);
            jmp_far(CODE32, PROTECTED_MODE);
        'halt:
            hlt();
            jmp('halt);
    }
    Ok(())
}

fn descriptors(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            dw(&[3 * 8 - 1]);                   //! limit
            dd(&[GDT]);
        'gdt:
            dq(&[0]);
            dq(&[0x00cf_9b00_0000_ffff]);       //! 0x08: 32-bit code, flat
            dq(&[0x00cf_9300_0000_ffff]);       //! 0x10: data, flat
    }
    Ok(())
}

/// Does what an ELF loader would: a file's bytes lie at the base, zeros follow them.
fn protected_mode(a: &mut Program, entry: u32) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, DATA);
            mov(ds, eax);
            mov(es, eax);
            mov(ss, eax);
            cld();
            mov(esi, BUFFER);
            mov(edi, KERNEL_BASE);
            mov(ecx, FILE_BYTES / 4);
    }
    a.rep().movsd()?;
    asm! { a =>
            xor(eax, eax);
            mov(ecx, (END - KERNEL_BASE - FILE_BYTES) / 4);
    }
    a.rep().stosd()?;
    asm! { a =>
            mov(eax, entry);
            jmp(eax);
    }
    Ok(())
}

//! Does PAE paging work, and fault as it should?
//!
//! Source: SDM Vol. 3A, "PAE Paging", "Accessed and Dirty Flags", "Interrupt 14".
//!
//! The kernel maps the first GiB to itself with 2 MiB pages, and the 2 MiB at `ALIAS` with 4 KiB
//! pages in *reverse order* onto the 2 MiB of physical memory at `FRAMES`. What is written by one
//! way is read by the other; then it looks at accessed and dirty bits, changes a mapping (INVLPG),
//! and writes to a read-only page, which must fault with the right CR2 and error code. It prints
//! `PAE OK`, or `PAE FAILED at ` and the number of the step, on COM1, and powers off.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{Console, routines, verdict};
use super::{STACK_TOP, TABLES, pvh_kernel};
use crate::asm;
use crate::asm::Program;
use crate::descriptors::{enter_flat, flat_tables};

const PDPT: u32 = TABLES;
const LOW_DIRECTORY: u32 = TABLES + 0x1000;
const HIGH_DIRECTORY: u32 = TABLES + 0x2000;
const PAGE_TABLE: u32 = TABLES + 0x3000;
const IDT: u32 = TABLES + 0x4000;

const FRAMES: u32 = 0x40_0000;
const ALIAS: u32 = 0xc000_0000;
const PAGES: u32 = 512;
const LAST_FRAME: u32 = FRAMES + (PAGES - 1) * 0x1000;

const PRESENT: u32 = 1;
const TABLE: u32 = 0b11; // present, writable
const LARGE: u32 = 0b1000_0011; // and a page of 2 MiB
const ACCESSED_DIRTY: u32 = 0b110_0000;

const CR4_PAE: u32 = 1 << 5;
const CR0_PG_WP: u32 = 1 << 31 | 1 << 16;
const DATA: u32 = 0x10;
const PAGE_FAULT: u32 = 14;
/// Multiplies an address into something that no other address gives.
const PATTERN: u32 = 0x9e37_79b1;

/// The kernel: ELF32, PVH.
pub fn pae() -> Vec<u8> {
    pvh_kernel(|a| {
        tables(a)?;
        segments_and_paging(a)?;
        fill_and_compare(a)?;
        bits_and_remapping(a)?;
        protection(a)?;
        verdict(a, "PAE FAILED at ", "PAE OK\n")?;
        routines(a, Console::Com1)
    })
}

fn tables(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
        /// In a PDPTE only P may be set here: the other low bits are reserved.
            mov(dword_ptr(PDPT), LOW_DIRECTORY | PRESENT);
            mov(dword_ptr(PDPT + 24), HIGH_DIRECTORY | PRESENT);
            mov(dword_ptr(HIGH_DIRECTORY), PAGE_TABLE | TABLE);

            mov(edi, LOW_DIRECTORY);
            mov(eax, LARGE);
            mov(ecx, 512);
        'next_large:
            mov(dword_ptr(edi), eax);
            add(edi, 8);
            add(eax, 0x20_0000);
            dec(ecx);
            jnz('next_large);

        /// Page i of the alias is frame 511 - i.
            mov(edi, PAGE_TABLE);
            mov(eax, LAST_FRAME | TABLE);
            mov(ecx, PAGES);
        'next_small:
            mov(dword_ptr(edi), eax);
            add(edi, 8);
            sub(eax, 0x1000);
            dec(ecx);
            jnz('next_small);
    }
    Ok(())
}

fn segments_and_paging(a: &mut Program) -> Result<(), IcedError> {
    enter_flat(a, IDT, PAGE_FAULT, "page_fault")?;
    asm! { a =>
            mov(eax, DATA);
            mov(ds, eax);
            mov(es, eax);
            mov(ss, eax);

            mov(eax, cr4);
            or(eax, CR4_PAE);
            mov(cr4, eax);
            mov(eax, PDPT);
            mov(cr3, eax);                      //! the CPU reads all four PDPTEs when PG is set
            mov(eax, cr0);
            or(eax, CR0_PG_WP);
            mov(cr0, eax);
            jmp('paging_on);
    }
    flat_tables(a, IDT, PAGE_FAULT)?;
    asm! { a =>
        'paging_on:
            nop();
    }
    Ok(())
}

fn fill_and_compare(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Step 1: every word of the frames, written by the identity mapping, read by the alias.
            mov(dword_ptr('step), 1);
            mov(edi, FRAMES);
        'fill:
            imul_3(eax, edi, PATTERN);
            mov(dword_ptr(edi), eax);
            add(edi, 4);
            cmp(edi, FRAMES + PAGES * 0x1000);
            jb('fill);
            mov(esi, ALIAS);
        'compare:
            mov(edi, esi);                      //! ALIAS + x belongs to this frame:
            and(edi, 0x1f_f000);
            neg(edi);
            add(edi, LAST_FRAME);
            mov(eax, esi);
            and(eax, 0xfff);
            add(edi, eax);                      //! and to this word
            imul_3(eax, edi, PATTERN);
            cmp(dword_ptr(esi), eax);
            jne('failed);
        /// Step 2, in the same walk: written by the alias, read by the identity mapping.
            mov(dword_ptr('step), 2);
            not(eax);
            mov(dword_ptr(esi), eax);
            cmp(dword_ptr(edi), eax);
            jne('failed);
            mov(dword_ptr('step), 1);
            add(esi, 4);
            cmp(esi, ALIAS + PAGES * 0x1000);
            jb('compare);

        /// Step 3: a word across two pages whose frames do not touch: half of it comes from the
        /// end of one frame, half from the beginning of the frame below.
            mov(dword_ptr('step), 3);
            mov(dword_ptr(ALIAS + 0xffe), 0x1122_3344u32);
            cmp(word_ptr(LAST_FRAME + 0xffe), 0x3344u32);
            jne('failed);
            cmp(word_ptr(LAST_FRAME - 0x1000), 0x1122u32);
            jne('failed);
    }
    Ok(())
}

fn bits_and_remapping(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Step 4: all pages were written, so all entries are accessed and dirty.
            mov(dword_ptr('step), 4);
            mov(esi, PAGE_TABLE);
        'next_entry:
            mov(eax, dword_ptr(esi));
            and(eax, ACCESSED_DIRTY);
            cmp(eax, ACCESSED_DIRTY);
            jne('failed);
            add(esi, 8);
            cmp(esi, PAGE_TABLE + PAGES * 8);
            jb('next_entry);

        /// Step 5: page 0 of the alias moves to frame 0. A read sets the new entry's accessed
        /// bit and leaves its dirty bit alone.
            mov(dword_ptr('step), 5);
            mov(dword_ptr(FRAMES), 0x5555_aaaau32);
            mov(dword_ptr(PAGE_TABLE), FRAMES | TABLE);
            invlpg(byte_ptr(ALIAS));
            cmp(dword_ptr(ALIAS), 0x5555_aaaau32);
            jne('failed);
            mov(eax, dword_ptr(PAGE_TABLE));
            and(eax, ACCESSED_DIRTY);
            cmp(eax, 0b10_0000);
            jne('failed);
    }
    Ok(())
}

fn protection(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Step 6: a write to a read-only page faults: P = 1, W/R = 1, supervisor. CR0.WP is set.
            mov(dword_ptr('step), 6);
            mov(dword_ptr(PAGE_TABLE + 8), FRAMES | PRESENT);
            invlpg(byte_ptr(ALIAS + 0x1000));
            lea(ebx, ptr('after_write));
            mov(byte_ptr(ALIAS + 0x1004), 0);
            jmp('failed);                       //! it did not fault
        'after_write:
            cmp(eax, 0b11);
            jne('failed);
            cmp(edx, ALIAS + 0x1004);
            jne('failed);

        /// Step 7: a read above the alias faults: nothing is mapped there.
            mov(dword_ptr('step), 7);
            lea(ebx, ptr('after_read));
            mov(al, byte_ptr(ALIAS + PAGES * 0x1000));
            jmp('failed);
        'after_read:
            cmp(eax, 0b00);
            jne('failed);
            cmp(edx, ALIAS + PAGES * 0x1000);
            jne('failed);
            jmp('passed);

        /// #PF: EAX = error code, EDX = CR2; goes on at EBX.
        'page_fault:
            pop(eax);
            mov(edx, cr2);
            mov(dword_ptr(esp), ebx);
            iretd();
    }
    Ok(())
}

//! From a loader's 32-bit protected mode into long mode.
//!
//! Sources: Xen `docs/misc/pvh.pandoc` and Multiboot Specification 0.6.96, "I386 machine state",
//! for what we are given; SDM Vol. 3A, "Initializing IA-32e Mode", for the order of the steps.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{LONG_MODE, PAGE_DIRECTORIES, PDPT, PML4, STACK_TOP, protocol, selector};
use crate::asm;
use crate::asm::Program;

const CR0_PG: u32 = 1 << 31;
const CR4_PAE: u32 = 1 << 5;
const MSR_EFER: u32 = 0xc000_0080;
const EFER_LME: u32 = 1 << 8;

// CPUID leaves: SDM Vol. 2A, "CPUID".
const EXTENDED_LEAVES: u32 = 0x8000_0000;
const EXTENDED_FEATURES: u32 = 0x8000_0001;
const LONG_MODE_FEATURE: u32 = 1 << 29; // EDX

const COM1: u32 = 0x3f8;

// Page-table entries: SDM Vol. 3A, "4-Level Paging".
const TABLE: u32 = 0b11; // present, writable
const LARGE_PAGE: u32 = 0b1000_0011; // and a page of 2 MiB, no table
const LARGE_PAGE_BYTES: u32 = 2 << 20;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    entries(a)?;
    long_mode(a)?;
    no_long_mode(a)
}

fn entries(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// The PVH entry. EBX: hvm_start_info.
        'pvh_entry:
            mov(ebp, protocol::PVH);
            jmp('start);

        /// The multiboot entry. EBX: multiboot information. (EAX has the magic 0x2BADB002;
        /// nobody else knows of this entry, so we take it for granted.)
        'multiboot_entry:
            mov(ebp, protocol::MULTIBOOT);

        /// Neither protocol promises a stack.
        'start:
            cli();
            cld();
            mov(esp, STACK_TOP);

        /// A CPU of 32 bits would only fault below. CPUID changes EBX, and that is our pointer.
            mov(edi, ebx);
            mov(eax, EXTENDED_LEAVES);
            cpuid();
            cmp(eax, EXTENDED_FEATURES);
            jb('no_long_mode);
            mov(eax, EXTENDED_FEATURES);
            cpuid();
            test(edx, LONG_MODE_FEATURE);
            jz('no_long_mode);
            mov(ebx, edi);
    }
    Ok(())
}

fn long_mode(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Page tables that map the first 4 GiB to themselves. One PML4 entry and four of the
        /// page-directory-pointer table lead to four page directories...
            mov(dword_ptr(PML4), PDPT | TABLE);
            mov(dword_ptr(PDPT), PAGE_DIRECTORIES | TABLE);
            mov(dword_ptr(PDPT + 8), (PAGE_DIRECTORIES + 0x1000) | TABLE);
            mov(dword_ptr(PDPT + 16), (PAGE_DIRECTORIES + 0x2000) | TABLE);
            mov(dword_ptr(PDPT + 24), (PAGE_DIRECTORIES + 0x3000) | TABLE);

        /// ...with 2048 pages of 2 MiB. The upper half of each entry stays 0.
            mov(edi, PAGE_DIRECTORIES);
            mov(eax, LARGE_PAGE);
        'next_page:
            mov(dword_ptr(edi), eax);
            add(edi, 8);
            add(eax, LARGE_PAGE_BYTES);         //! carries when the last page is done
            jnc('next_page);

        /// Long mode, in the manual's order: PAE, CR3, EFER.LME, then paging activates it.
            mov(eax, cr4);
            or(eax, CR4_PAE);
            mov(cr4, eax);
            mov(eax, PML4);
            mov(cr3, eax);
            mov(ecx, MSR_EFER);
            rdmsr();
            or(eax, EFER_LME);
            wrmsr();
            mov(eax, cr0);
            or(eax, CR0_PG);
            mov(cr0, eax);

        /// Still 32-bit code, in compatibility mode: a far jump loads a 64-bit code segment.
            lgdt(ptr('gdt_pointer));
            jmp_far(selector::CODE64, LONG_MODE);

        /// Three descriptors: SDM Vol. 3A, "Segment Descriptors". In 64-bit mode only the access
        /// rights matter; base and limit are ignored.
        'gdt:
            dq(&[0]);                           //! 0x00: the null descriptor
            dq(&[0x00af_9b00_0000_ffff]);       //! 0x08: code, L = 1, DPL 0
            dq(&[0x00cf_9300_0000_ffff]);       //! 0x10: data, writable, DPL 0
        'gdt_pointer:
            dw(&[3 * 8 - 1]);                   //! limit: the last valid byte
            dd_address("gdt");
    }
    Ok(())
}

fn no_long_mode(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// The end on a 32-bit CPU. COM1 as the loader left it, and short enough for its FIFO.
        'no_long_mode:
            lea(esi, ptr('no_long_mode_text));
            mov(edx, COM1);
        'next_character:
            lodsb();
            out(dx, al);
            test(al, al);
            jnz('next_character);
        'halt:
            hlt();
            jmp('halt);
        'no_long_mode_text:
            text("No 64-bit CPU\n");
    }
    Ok(())
}

//! Do the newer parts of long mode's paging work, and fault as they should?
//!
//! Source: SDM Vol. 3A, "4-Level Paging and 5-Level Paging", "Protection Keys", "Process-Context
//! Identifiers"; Vol. 2A, "INVPCID".
//!
//! The kernel stays in compatibility mode, so that its addresses are those of 32-bit code; only the page
//! fault handler is 64-bit. Five levels map 4 GiB:
//!
//! ```text
//! 0 - 1 GiB   itself, one page of 1 GiB
//! 1 - 2 GiB   the same memory again, another page of 1 GiB
//! 2 GiB       pages of 4 KiB for users: the first with protection key 3
//! 3 GiB       a page of 1 GiB with a reserved bit set
//! ```
//!
//! It prints `PAGING OK`, `PAGING FAILED at ` and the number of the step, or that the processor lacks
//! something, on COM1, and powers off.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{Console, routines, say, verdict};
use super::{STACK_TOP, TABLES, pvh_kernel};
use crate::asm;
use crate::asm::Program;

const PML5: u32 = TABLES;
const PML4: u32 = TABLES + 0x1000;
const PDPT: u32 = TABLES + 0x2000;
const DIRECTORY: u32 = TABLES + 0x3000;
const PAGE_TABLE: u32 = TABLES + 0x4000;
const IDT: u32 = TABLES + 0x5000;

/// Where the second page of 1 GiB is.
const ALIAS: u32 = 0x4000_0000;
/// Where the pages of 4 KiB are.
const PAGES: u32 = 0x8000_0000;
/// Where the bad page is.
const BAD: u32 = 0xc000_0000;
/// Two frames that the pages of 4 KiB are mapped to.
const FRAME: u32 = 0x60_0000;
const OTHER: u32 = 0x60_1000;

const TABLE: u32 = 0b111; // present, writable, for users
const LARGE: u32 = 0b1000_0111; // and a page of 1 GiB
const DIRTY: u32 = 0b100_0000;
const KEY3: u32 = 3 << 27; // in the upper half of an entry

const CR4_PAE_LA57: u32 = 1 << 5 | 1 << 12;
const CR4_PCIDE_PKE: u32 = 1 << 17 | 1 << 22;
const CR0_PG_WP: u32 = 1 << 31 | 1 << 16;
const EFER: u32 = 0xc000_0080;
const EFER_LME: u32 = 1 << 8;
const LEAF1_PCID: u32 = 1 << 17;
const LEAF7_INVPCID: u32 = 1 << 10;
const LEAF7_PKU_LA57: u32 = 1 << 3 | 1 << 16;
const EXTENDED_HUGE: u32 = 1 << 26;
const CODE: u16 = 0x08;
const DATA: u32 = 0x10;
const CODE64: u32 = 0x18;
const PAGE_FAULT: u32 = 14;

/// The kernel: ELF32, PVH.
pub fn paging() -> Vec<u8> {
    pvh_kernel(|a| {
        features(a)?;
        tables(a)?;
        long_mode(a)?;
        huge_pages(a)?;
        protection_keys(a)?;
        contexts(a)?;
        outcome(a)?;
        routines(a, Console::Com1)
    })
}

fn features(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
            mov(eax, 1);
            cpuid();
            test(ecx, LEAF1_PCID);
            jz('lacking);
            mov(eax, 7);
            xor(ecx, ecx);
            cpuid();
            test(ebx, LEAF7_INVPCID);
            jz('lacking);
            and(ecx, LEAF7_PKU_LA57);
            cmp(ecx, LEAF7_PKU_LA57);
            jne('lacking);
            mov(eax, 0x8000_0001u32);
            cpuid();
            test(edx, EXTENDED_HUGE);
            jz('lacking);
    }
    Ok(())
}

fn tables(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(dword_ptr(PML5), PML4 | TABLE);
            mov(dword_ptr(PML4), PDPT | TABLE);
            mov(dword_ptr(PDPT), LARGE);
            mov(dword_ptr(PDPT + 8), LARGE);
            mov(dword_ptr(PDPT + 16), DIRECTORY | TABLE);
            mov(dword_ptr(PDPT + 24), LARGE | 1 << 13);
            mov(dword_ptr(DIRECTORY), PAGE_TABLE | TABLE);
            mov(dword_ptr(PAGE_TABLE), FRAME | TABLE);
            mov(dword_ptr(PAGE_TABLE + 4), KEY3);
            mov(dword_ptr(PAGE_TABLE + 8), FRAME | TABLE);

        /// One gate, for #PF, to 64-bit code.
            lea(eax, ptr('page_fault));
            mov(edi, IDT + PAGE_FAULT * 16);
            mov(word_ptr(edi), ax);             //! offset 15:0
            mov(word_ptr(edi + 2), CODE64);
            mov(word_ptr(edi + 4), 0x8e00u32);  //! present, DPL 0, interrupt gate
            shr(eax, 16);
            mov(word_ptr(edi + 6), ax);         //! offset 31:16
            lidt(ptr('idt_pointer));
    }
    Ok(())
}

fn long_mode(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            lgdt(ptr('gdt_pointer));
            mov(eax, cr4);
            or(eax, CR4_PAE_LA57);
            mov(cr4, eax);
            mov(eax, PML5);
            mov(cr3, eax);
            mov(ecx, EFER);
            rdmsr();
            or(eax, EFER_LME);
            wrmsr();
            mov(eax, cr0);
            or(eax, CR0_PG_WP);
            mov(cr0, eax);
            lea(eax, ptr('own_segments));
            push(u32::from(CODE));
            push(eax);
            retf();
        'own_segments:
            mov(eax, DATA);
            mov(ds, eax);
            mov(es, eax);
            mov(ss, eax);
            mov(eax, cr4);
            or(eax, CR4_PCIDE_PKE);             //! PCIDE only now: it wants long mode
            mov(cr4, eax);
            jmp('paging_on);

        'gdt:
            dq(&[0]);
            dq(&[0x00cf_9b00_0000_ffff]);       //! 0x08: code, 32 bits
            dq(&[0x00cf_9300_0000_ffff]);       //! 0x10: data
            dq(&[0x00af_9b00_0000_ffff]);       //! 0x18: code, 64 bits
        'gdt_pointer:
            dw(&[4 * 8 - 1]);
            dd_address("gdt");
        'idt_pointer:
            dw(&[((PAGE_FAULT + 1) * 16 - 1) as u16]);
            dd(&[IDT]);

        /// #PF, in 64-bit mode: EAX = error code, EDX = CR2; goes on at EBX.
        'page_fault:
            db(&[0x58]);                        //! pop rax
            db(&[0x0f, 0x20, 0xd2]);            //! mov rdx, cr2
            db(&[0x48, 0x89, 0x1c, 0x24]);      //! mov [rsp], rbx
            db(&[0x48, 0xcf]);                  //! iretq
        'paging_on:
            nop();
    }
    Ok(())
}

fn huge_pages(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Step 1: the two pages of 1 GiB show the same memory; a write makes its own entry dirty.
            mov(dword_ptr('step), 1);
            mov(dword_ptr(FRAME), 0x1234_5678);
            test(dword_ptr(PDPT + 8), DIRTY);
            jnz('failed);
            cmp(dword_ptr(ALIAS + FRAME), 0x1234_5678);
            jne('failed);
            mov(dword_ptr(ALIAS + FRAME), 0x8765_4321u32);
            test(dword_ptr(PDPT + 8), DIRTY);
            jz('failed);
            cmp(dword_ptr(FRAME), 0x8765_4321u32);
            jne('failed);

        /// Step 2: bits 13 to 29 of such an entry are reserved.
            mov(dword_ptr('step), 2);
            lea(ebx, ptr('after_bad));
            mov(ecx, dword_ptr(BAD));
            jmp('failed);
        'after_bad:
            cmp(eax, 0b1001);
            jne('failed);
            cmp(edx, BAD);
            jne('failed);
    }
    Ok(())
}

fn protection_keys(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Step 3: no access by key 3, whatever the privilege: P and PK in the error code.
            mov(dword_ptr('step), 3);
            cmp(dword_ptr(PAGES), 0x8765_4321u32);
            jne('failed);
            xor(ecx, ecx);
            xor(edx, edx);
            mov(eax, 0b01 << 6);
            wrpkru();
            lea(ebx, ptr('after_key));
            mov(ecx, dword_ptr(PAGES));
            jmp('failed);
        'after_key:
            cmp(eax, 0b10_0001);
            jne('failed);
            cmp(edx, PAGES);
            jne('failed);

        /// Step 4: no writes by key 3; the page beside it has key 0.
            mov(dword_ptr('step), 4);
            xor(ecx, ecx);
            xor(edx, edx);
            mov(eax, 0b10 << 6);
            wrpkru();
            cmp(dword_ptr(PAGES), 0x8765_4321u32);
            jne('failed);
            mov(dword_ptr(PAGES + 0x1004), 1);
            lea(ebx, ptr('after_write));
            mov(dword_ptr(PAGES + 4), 2);
            jmp('failed);
        'after_write:
            cmp(eax, 0b10_0011);
            jne('failed);
            cmp(dword_ptr(PAGES + 4), 1);
            jne('failed);
            xor(ecx, ecx);
            xor(edx, edx);
            xor(eax, eax);
            wrpkru();
    }
    Ok(())
}

fn contexts(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Step 5: in context 1 a page moves; INVPCID of type 0 forgets where it was, and so does each other
        /// type.
            mov(dword_ptr('step), 5);
            mov(dword_ptr(OTHER), 0x5a5a_5a5a);
            mov(eax, PML5 | 1);
            mov(cr3, eax);
            xor(esi, esi);
        'next_type:
            mov(dword_ptr(PAGE_TABLE + 8), FRAME | TABLE);
            invlpg(byte_ptr(PAGES + 0x1000));
            cmp(dword_ptr(PAGES + 0x1000), 0x8765_4321u32);
            jne('failed);
            mov(dword_ptr(PAGE_TABLE + 8), OTHER | TABLE);
            lea(edi, ptr('descriptor));
            invpcid(esi, xmmword_ptr(edi));
            cmp(dword_ptr(PAGES + 0x1000), 0x5a5a_5a5a);
            jne('failed);
            inc(esi);
            cmp(esi, 4);
            jb('next_type);
            mov(eax, cr3);
            cmp(eax, PML5 | 1);
            jne('failed);
            jmp('passed);
        'descriptor:
            dq(&[1, PAGES as u64 + 0x1000]);    //! PCID, linear address
    }
    Ok(())
}

fn outcome(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'lacking:
            nop();
    }
    say(a, "PAGING: the processor lacks LA57, PKU, PCID or pages of 1 GiB\n")?;
    asm! { a => jmp('power_off); }
    verdict(a, "PAGING FAILED at ", "PAGING OK\n")
}

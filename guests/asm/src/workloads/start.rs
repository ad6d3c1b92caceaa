//! From a loader's 32-bit protected mode into long mode, with what the workloads stand on: a flat
//! map of 4 GiB, user segments, a TSS, SSE, SYSCALL, an IDT that reports what nobody expected.
//!
//! Sources: Xen `docs/misc/pvh.pandoc`, Multiboot Specification 0.6.96, "I386 machine state"; SDM
//! Vol. 3A, "Initializing IA-32e Mode", "TSS Descriptor in 64-bit mode".

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{
    IDT, LONG_MODE, PAGE_DIRECTORIES, PDPT, PML4, STACK_TOP, TSS, WINDOW_DIRECTORY, pte, selector,
};
use crate::asm;
use crate::asm::Program;
use crate::descriptors::{SYSRET_ORDER, TSS_AVAILABLE, tss_descriptor};

const CR0_MP: u32 = 1 << 1;
const CR0_EM: u32 = 1 << 2;
const CR0_TS: u32 = 1 << 3;
const CR0_NE: u32 = 1 << 5;
const CR0_PG: u32 = 1 << 31;
const CR4_PAE: u32 = 1 << 5;
const CR4_OSFXSR: u32 = 1 << 9;
const CR4_OSXMMEXCPT: u32 = 1 << 10;
const MSR_EFER: u32 = 0xc000_0080;
const EFER_SCE: u32 = 1 << 0;
const EFER_LME: u32 = 1 << 8;

const LARGE_PAGE_BYTES: u32 = 2 << 20;

/// Both entries: neither protocol's information is of use here.
pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    page_tables(a)?;
    enter_long_mode(a)?;
    descriptors(a)
}

fn page_tables(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'entry:
            cli();
            cld();
            mov(esp, STACK_TOP);
            mov(dword_ptr(PML4), PDPT | pte::TABLE);
            mov(dword_ptr(PDPT), PAGE_DIRECTORIES | pte::TABLE);
            mov(dword_ptr(PDPT + 8), (PAGE_DIRECTORIES + 0x1000) | pte::TABLE);
            mov(dword_ptr(PDPT + 16), (PAGE_DIRECTORIES + 0x2000) | pte::TABLE);
            mov(dword_ptr(PDPT + 24), (PAGE_DIRECTORIES + 0x3000) | pte::TABLE);
            mov(dword_ptr(PDPT + 32), WINDOW_DIRECTORY | pte::TABLE);
            mov(edi, PAGE_DIRECTORIES);
            mov(eax, pte::LARGE_PAGE);
        'next_page:
            mov(dword_ptr(edi), eax);
            add(edi, 8);
            add(eax, LARGE_PAGE_BYTES);         //! carries when the last page is done
            jnc('next_page);
    }
    Ok(())
}

fn enter_long_mode(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, cr4);
            or(eax, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT);
            mov(cr4, eax);
            mov(eax, PML4);
            mov(cr3, eax);
            mov(ecx, MSR_EFER);
            rdmsr();
            or(eax, EFER_LME | EFER_SCE);
            wrmsr();
            mov(eax, cr0);
            and(eax, !(CR0_EM | CR0_TS));
            or(eax, CR0_PG | CR0_NE | CR0_MP);
            mov(cr0, eax);
            lgdt(ptr('gdt_pointer));
            jmp_far(selector::CODE64, LONG_MODE);
    }
    Ok(())
}

fn descriptors(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'gdt:
            dq(&SYSRET_ORDER);                  //! 0x00 to 0x28
            dq(&[tss_descriptor(TSS, 103, TSS_AVAILABLE)]); //! 0x30: the TSS
            dq(&[0]);
        'gdt_pointer:
            dw(&[8 * 8 - 1]);
            dd_address("gdt");
    }
    Ok(())
}

/// The first 64-bit code: segments, TSS, IDT; then R15 is the number of repetitions.
pub(super) fn long_mode(a: &mut Program, repeat: u32) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, 0x10);
            mov(ds, eax);
            mov(es, eax);
            mov(ss, eax);
            mov(esp, STACK_TOP);
            mov(qword_ptr(TSS + 4), rsp); //! RSP0
            mov(eax, selector::TSS);
            ltr(ax);
            fninit();
            xor(ecx, ecx);
        'next_gate:
            lea(rax, ptr('unexpected));
            call('set_gate);
            inc(ecx);
            cmp(ecx, 256);
            jb('next_gate);
            lidt(ptr('idt_pointer));
            mov(r15d, repeat);
            jmp('work);
        'idt_pointer:
            dw(&[0xfff]);
            dq(&[u64::from(IDT)]);
        'work:
            nop();
    }
    Ok(())
}

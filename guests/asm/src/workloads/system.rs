//! What only an operating system does: faults, flushes, address spaces, system calls, interrupts,
//! ports.
//!
//! Sources: SDM Vol. 3A, "Page-Fault Exceptions", "Invalidation of TLBs and Paging-Structure
//! Caches", "Interrupt Command Register (ICR)"; SDM Vol. 2, "SYSCALL", "SYSRET".

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{
    DATA, PDPT, PML4, STACK_TOP, USER_STACK_TOP, VARIABLES, WINDOW, WINDOW_FRAMES, WINDOW_TABLES,
    pte, selector,
};
use crate::asm;
use crate::asm::Program;

const PAGE_FAULT: u32 = 14;
/// Pages that are mapped by faults before all are unmapped again.
const FAULT_PAGES: u32 = 256;

/// The tables of a second address space, behind those of the window.
const OTHER_PML4: u32 = WINDOW_TABLES + 0x4_0000;
const OTHER_PDPT: u32 = OTHER_PML4 + 0x1000;
const OTHER_DIRECTORY: u32 = OTHER_PML4 + 0x2000;
const OTHER_TABLE: u32 = OTHER_PML4 + 0x3000;

const MSR_STAR: u32 = 0xc000_0081;
const MSR_LSTAR: u32 = 0xc000_0082;
const MSR_FMASK: u32 = 0xc000_0084;
const RFLAGS_FIXED: u32 = 0x2;
const RFLAGS_IF: u32 = 0x200;

const APIC: u32 = 0xfee0_0000;
const APIC_TPR: u32 = APIC + 0x80;
const APIC_EOI: u32 = APIC + 0xb0;
const APIC_SVR: u32 = APIC + 0xf0;
const APIC_ICR: u32 = APIC + 0x300;
const APIC_ENABLE: u32 = 0x1ff; // software enable, spurious vector 0xff
const SELF_INTERRUPT: u32 = 0x4_4040; // shorthand "self", assert, fixed, vector 0x40
const SELF_VECTOR: u32 = 0x40;

const PIC_MASTER_DATA: u32 = 0x21;
const PIC_SLAVE_DATA: u32 = 0xa1;
/// COM1's scratch register: a byte that means nothing to the device.
const SCRATCH: u32 = 0x3ff;
/// Where firmware shows how far it has come: nobody listens.
const POST_CODE: u32 = 0x80;

pub(super) fn page_faults(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('map_window);
            mov(ecx, PAGE_FAULT);
            lea(rax, ptr('page_fault));
            call('set_gate);
            call('unmap);
            xor(eax, eax);
            xor(r14d, r14d);                    //! page
            xor(r13d, r13d);                    //! error codes
            mov(rbx, WINDOW);
            test(r15, r15);
            jz('finish);
        'again:
            mov(ecx, r14d);
            shl(rcx, 12);
            mov(qword_ptr(rbx + rcx), r15);
            add(rax, qword_ptr(rbx + rcx));
            inc(r14d);
            cmp(r14d, FAULT_PAGES);
            jb('pages_left);
            call('unmap);
            xor(r14d, r14d);
        'pages_left:
            dec(r15);
            jnz('again);
            add(rax, r13);
            jmp('finish);

        'unmap:
            xor(ecx, ecx);
        'unmap_next:
            and(qword_ptr(rcx*8 + WINDOW_TABLES as i32), -2);
            inc(ecx);
            cmp(ecx, FAULT_PAGES);
            jb('unmap_next);
            mov(rcx, cr3);
            mov(cr3, rcx);
            ret();

        'page_fault:
            push(rcx);
            mov(rcx, cr2);
            shr(rcx, 12);
            and(ecx, 0xffff);                   //! the window begins at a multiple of that
            or(qword_ptr(rcx*8 + WINDOW_TABLES as i32), 1);
            pop(rcx);
            add(r13, qword_ptr(rsp));           //! the error code
            add(rsp, 8);
            iretq();
    }
    Ok(())
}

/// Eight pages change between two frames each, one in turn.
pub(super) fn invlpg(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('map_window);
            mov(rbx, WINDOW);
            mov(rdi, rbx);
            xor(eax, eax);
            mov(ecx, 0x20_0000);                //! both frames of each, and what is between
    }
    a.rep().stosb()?;
    asm! { a =>
            test(r15, r15);
            jz('finish);
        'again:
            mov(edx, r15d);
            and(edx, 7);
            xor(qword_ptr(rdx*8 + WINDOW_TABLES as i32), 0x10_0000);
            shl(rdx, 12);
            add(rdx, rbx);
            invlpg(ptr(rdx));
            add(rax, qword_ptr(rdx));
            inc(rax);
            mov(qword_ptr(rdx), rax);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn tlb_flush(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('map_window);
            mov(rbx, WINDOW);
            xor(ecx, ecx);
        'fill:
            mov(rdx, rcx);
            shl(rdx, 12);
            mov(qword_ptr(rbx + rdx), rcx);
            inc(ecx);
            cmp(ecx, 16);
            jb('fill);
            xor(eax, eax);
            mov(rsi, cr3);
            test(r15, r15);
            jz('finish);
        'again:
            mov(cr3, rsi);
            mov(rdx, rbx);
            mov(ecx, 16);
        'touch:
            add(rax, qword_ptr(rdx));
            add(rdx, 0x1000);
            dec(ecx);
            jnz('touch);
            rol(rax, 3);
            xor(rax, r15);
            mov(qword_ptr(rdx - 0x1000), rax);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn cr3_switch(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('map_window);
        /// The other space: the same 4 GiB, and other frames in the window.
            mov(edi, OTHER_PML4);
            xor(eax, eax);
            mov(ecx, 0x800);
    }
    a.rep().stosq()?;
    asm! { a =>
            mov(dword_ptr(OTHER_PML4), OTHER_PDPT | pte::TABLE);
            mov(esi, PDPT);
            mov(edi, OTHER_PDPT);
            mov(ecx, 4);
    }
    a.rep().movsq()?;
    asm! { a =>
            mov(dword_ptr(OTHER_PDPT + 32), OTHER_DIRECTORY | pte::TABLE);
            mov(dword_ptr(OTHER_DIRECTORY), OTHER_TABLE | pte::TABLE);
            mov(dword_ptr(OTHER_TABLE), (WINDOW_FRAMES + 0x10_0000) | pte::TABLE);
            mov(dword_ptr(OTHER_TABLE + 8), (WINDOW_FRAMES + 0x10_1000) | pte::TABLE);
            mov(dword_ptr(OTHER_TABLE + 16), (WINDOW_FRAMES + 0x10_2000) | pte::TABLE);
            mov(dword_ptr(OTHER_TABLE + 24), (WINDOW_FRAMES + 0x10_3000) | pte::TABLE);
            mov(rdi, WINDOW);
            xor(eax, eax);
            mov(ecx, 0x20_0000 / 8);
    }
    a.rep().stosq()?;
    asm! { a =>
            mov(esi, PML4);
            mov(edi, OTHER_PML4);
            mov(rbx, WINDOW);
            test(r15, r15);
            jz('finish);
        'again:
            mov(cr3, rdi);
            add(rax, qword_ptr(rbx));
            mov(qword_ptr(rbx + 0x1000), rax);
            inc(qword_ptr(rbx + 0x2000));
            xor(rax, qword_ptr(rbx + 0x3000));
            rol(rax, 3);
            mov(cr3, rsi);
            add(qword_ptr(rbx), rax);
            add(rax, qword_ptr(rbx + 0x1000));
            inc(qword_ptr(rbx + 0x2000));
            mov(qword_ptr(rbx + 0x3000), rax);
            xor(rax, r15);
            dec(r15);
            jnz('again);
            add(rax, qword_ptr(rbx + 0x2000));
            jmp('finish);
    }
    Ok(())
}

pub(super) fn syscall(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            test(r15, r15);
            mov(eax, 0);
            jz('finish);
            mov(ecx, MSR_STAR);
            xor(eax, eax);
            mov(edx, 0x001b_0008);              //! SYSRET's base 0x18 | 3, SYSCALL's CS 0x08
            wrmsr();
            mov(ecx, MSR_LSTAR);
            lea(rax, ptr('system_call));
            xor(edx, edx);
            wrmsr();
            mov(ecx, MSR_FMASK);
            mov(eax, RFLAGS_IF);
            xor(edx, edx);
            wrmsr();
            xor(ebx, ebx);
            lea(rcx, ptr('user));
            mov(r11d, RFLAGS_FIXED);
            mov(esp, USER_STACK_TOP);
            sysretq();

        'user:
            mov(edi, r15d);
            mov(eax, 39);
            syscall();
            add(rbx, rax);
            dec(r15);
            jnz('user);
            xor(edi, edi);
            syscall();

        /// As a kernel does: its own stack, the user's state on it, a function by number.
        'system_call:
            mov(qword_ptr(VARIABLES), rsp);
            mov(esp, STACK_TOP);
            push(qword_ptr(VARIABLES));
            push(r11);
            push(rcx);
            test(edi, edi);
            jz('last_call);
            cmp(eax, 300);
            jae('no_such_call);
            mov(rax, rdi);
            rol(rax, 17);
            xor(rax, rbx);
        'no_such_call:
            pop(rcx);
            pop(r11);
            pop(rsp);
            sysretq();
        'last_call:
            mov(rax, rbx);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn int_iret(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ecx, 0x80);
            lea(rax, ptr('software_interrupt));
            call('set_gate);
            xor(ebx, ebx);
            mov(rax, rbx);
            test(r15, r15);
            jz('finish);
            push(selector::USER_DATA as i32);
            push(USER_STACK_TOP as i32);
            push(RFLAGS_FIXED as i32);
            push(selector::USER_CODE64 as i32);
            lea(rcx, ptr('user));
            push(rcx);
            iretq();

        'user:
            mov(edi, r15d);
            int(0x80);
            add(rbx, rax);
            dec(r15);
            jnz('user);
            xor(edi, edi);
            int(0x80);

        'software_interrupt:
            test(edi, edi);
            jz('last_call);
            mov(rax, rdi);
            rol(rax, 17);
            xor(rax, rbx);
            iretq();
        'last_call:
            mov(rax, rbx);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn interrupts(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(al, 0xff);                      //! no timer that a firmware has left running
            out(PIC_MASTER_DATA, al);
            out(PIC_SLAVE_DATA, al);
            mov(ecx, SELF_VECTOR);
            lea(rax, ptr('interrupt));
            call('set_gate);
            mov(ebx, APIC);
            mov(dword_ptr(rbx + (APIC_SVR - APIC) as i32), APIC_ENABLE);
            mov(dword_ptr(rbx + (APIC_TPR - APIC) as i32), 0);
            xor(esi, esi);                      //! interrupts sent
            xor(edi, edi);                      //! and taken
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            inc(esi);
            mov(dword_ptr(rbx + (APIC_ICR - APIC) as i32), SELF_INTERRUPT);
            sti();
        'wait:
            cmp(esi, edi);
            jne('wait);
            cli();
            dec(r15);
            jnz('again);
            jmp('finish);

        'interrupt:
            inc(edi);
            add(rax, r15);
            rol(rax, 1);
            mov(dword_ptr(rbx + (APIC_EOI - APIC) as i32), 0);
            iretq();
    }
    Ok(())
}

/// An interrupt waits with IF clear while short blocks run; it is let in at the end.
pub(super) fn masked_interrupt(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(al, 0xff);                      //! no timer that a firmware has left running
            out(PIC_MASTER_DATA, al);
            out(PIC_SLAVE_DATA, al);
            mov(ecx, SELF_VECTOR);
            lea(rax, ptr('interrupt));
            call('set_gate);
            mov(ebx, APIC);
            mov(dword_ptr(rbx + (APIC_SVR - APIC) as i32), APIC_ENABLE);
            mov(dword_ptr(rbx + (APIC_TPR - APIC) as i32), 0);
            xor(edi, edi);                      //! interrupts taken
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
            mov(dword_ptr(rbx + (APIC_ICR - APIC) as i32), SELF_INTERRUPT);
        'again:
            add(rax, r15);
            test(r15d, 1);
            jz('even);
            rol(rax, 3);
            jmp('next);
        'even:
            xor(rax, r15);
        'next:
            dec(r15);
            jnz('again);
            shl(rdi, 32);                       //! none, or the checksum tells
            add(rax, rdi);
            sti();
            nop();
            cli();
            add(rax, rdi);
            jmp('finish);

        'interrupt:
            inc(edi);
            mov(dword_ptr(rbx + (APIC_EOI - APIC) as i32), 0);
            iretq();
    }
    Ok(())
}

/// Strings to and from COM1's scratch register, words to the port of POST codes.
pub(super) fn string_io(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ebx, ebx);
            mov(rax, rbx);
            test(r15, r15);
            jz('finish);
            mov(edi, DATA);
            mov(ecx, 0x100);
        'fill:
            mov(byte_ptr(rdi + rcx - 1), cl);
            dec(ecx);
            jnz('fill);
        'again:
            mov(edx, SCRATCH);
            mov(esi, DATA);
            mov(ecx, 0x80);
    }
    a.rep().outsb()?;
    asm! { a =>
            mov(edi, DATA + 0x1000);
            mov(ecx, 0x80);
    }
    a.rep().insb()?;
    asm! { a =>
            mov(edx, POST_CODE);
            mov(esi, DATA);
            mov(ecx, 0x40);
    }
    a.rep().outsw()?;
    asm! { a =>
            add(rbx, qword_ptr(DATA + 0x1000));
            add(rbx, qword_ptr(DATA + 0x1078));
            rol(rbx, 3);
            add(rbx, rcx);
            add(rbx, rsi);
            add(rbx, rdi);
            inc(byte_ptr(DATA + 0x7f));         //! the last byte sent
            dec(r15);
            jnz('again);
            mov(rax, rbx);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn port_io(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ebx, ebx);
            mov(edx, SCRATCH);
            mov(rax, rbx);
            test(r15, r15);
            jz('finish);
        'again:
            mov(eax, r15d);
            out(dx, al);
            xor(eax, eax);
            in_(al, dx);
            add(rbx, rax);
            rol(rbx, 3);
            dec(r15);
            jnz('again);
            mov(rax, rbx);
            jmp('finish);
    }
    Ok(())
}

//! The ways into the kernel and the way out again.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;
use crate::asm;
use crate::asm::Program;

/// Vectors that push an error code: SDM Vol. 3A, "Protected-Mode Exceptions and Interrupts".
const WITH_ERROR_CODE: u32 = 1 << 8
    | 1 << 10
    | 1 << 11
    | 1 << 12
    | 1 << 13
    | 1 << 14
    | 1 << 17
    | 1 << 21
    | 1 << 29
    | 1 << 30;
const DEBUG: u32 = 1;
const PAGE_FAULT: u32 = 14;
const FETCH: u32 = 1 << 4;

const B0_TO_B3: u32 = 0xf;
/// DR7: the enable bits, kinds and lengths of all four; not GD.
const BREAKPOINTS: u32 = 0xffff_00ff;
/// DR7: reserved, reads as 1.
const DR7_FIXED: u32 = 1 << 10;

const IF: u32 = 1 << 9;
const TF: u32 = 1 << 8;
/// What a program may begin with: CF PF AF ZF SF TF DF OF AC ID.
const USER_FLAGS: u32 = 0x0024_0dd5;
/// What it takes along when it goes on: not NT, not RF.
const KEPT_FLAGS: u32 = USER_FLAGS | IF | 2;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    common(a)?;
    other_ways_in(a)?;
    go_on(a)?;
    fresh(a)?;
    vary(a)?;
    leave(a)?;
    asm! { a =>
        /// A stub for each vector. CALL's return address tells which one it was.
        'stubs:
            call('common);
    }
    for _ in 1..256 {
        asm! { a =>
            call('common);
        }
    }
    Ok(())
}

fn slot(register: u32) -> u32 {
    REGISTERS + register * 8
}

const NUMBERED: [AsmRegister64; 16] =
    [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15];
const RSP: u32 = 4;
const RSI: u32 = 6;

/// From a stub: the user's registers are kept, the event is counted. Then R8 = RIP, R9 = CS, R10 =
/// RFLAGS, EAX = vector, ECX = error code.
fn common(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'common:
            nop();
    }
    for (number, register) in NUMBERED.into_iter().enumerate() {
        if register != rsp {
            a.next();
            a.mov(qword_ptr(slot(number as u32)), register)?;
        }
    }
    asm! { a =>
            pop(rax);
            lea(rcx, ptr('stubs));
            sub(rax, rcx);
            sub(eax, 5);                        //! the CALL itself
            xor(edx, edx);
            mov(ecx, 5);
            div(ecx);
            xor(ecx, ecx);
            cmp(eax, 32);
            jae('no_error_code);
            mov(edx, WITH_ERROR_CODE);
            bt(edx, eax);
            jnc('no_error_code);
            pop(rcx);
        'no_error_code:
            inc(qword_ptr(rax * 8 + COUNTS));
            cmp(eax, DEBUG);
            jne('no_breakpoint);
            mov(rdx, dr6);
            test(edx, B0_TO_B3);
            jz('no_breakpoint);
            inc(qword_ptr(COUNTS + BREAKPOINT * 8));
            and(edx, !B0_TO_B3);
            mov(dr6, rdx);
        'no_breakpoint:
            pop(r8);
            pop(r9);
            pop(r10);
            pop(r11);
            mov(qword_ptr(slot(RSP)), r11);
            mov(esp, STACK_TOP);
            cld();
            cmp(eax, TIMER);
            jne('not_the_timer);
            mov(al, 0x20);
            out(0x20, al);                      //! end of interrupt
            jmp('fresh);
        'not_the_timer:
            test(r9d, 3);
            jnz('go_on);
        /// In ring 0 only a trap is in order: a call gate leaves TF set, and IF for the timer; and what a data
        /// breakpoint of MOV SS had to wait with.
            cmp(eax, DEBUG);
            je('fresh);
            jmp('failed);
    }
    Ok(())
}

fn other_ways_in(a: &mut Program) -> Result<(), IcedError> {
    for (index, name) in [(SYSCALL, "syscall"), (SYSENTER, "sysenter"), (GATE, "gate")] {
        a.bind(name)?;
        asm! { a =>
            cli();
            cld();
            mov(esp, STACK_TOP);
            inc(qword_ptr(COUNTS + index * 8));
            jmp('fresh);
        }
    }
    Ok(())
}

/// The program goes on a few bytes further, or it has come to its end.
fn go_on(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'go_on:
            cmp(eax, PAGE_FAULT);
            jne('not_a_fetch);
            test(cl, FETCH);
            jnz('fresh);
        'not_a_fetch:
            call('random);
            test(al, 7);
            jz('fresh);
            mov(ecx, eax);
            shr(ecx, 8);
            and(ecx, 7);
            lea(r8, qword_ptr(r8 + rcx + 1));
            and(r10d, KEPT_FLAGS);
            or(r10d, IF);
            test(eax, 1 << 16);
            jz('keep_trap_flag);
            and(r10d, !TF);
        'keep_trap_flag:
            cmp(r9d, selector::USER_CODE16);
            je('in_16_bits);
            mov(rcx, r8);
            shr(rcx, 30);
            jz('fresh);                         //! the kernel's GiB
            cmp(r9d, selector::USER_CODE64);
            je('in_64_bits);
            mov(r8d, r8d);
            jmp('leave);
        'in_16_bits:
            movzx(r8d, r8w);
            jmp('leave);
        'in_64_bits:
            shl(r8, 17);
            shr(r8, 17);
            jmp('leave);
    }
    Ok(())
}

/// Another program: registers that are pointers, small, or anything.
fn fresh(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'fresh:
            mov(edi, REGISTERS);
            mov(ecx, 16);
        'next_register:
            call('random);
            mov(ebx, eax);
            and(ebx, 7);
            cmp(ebx, 4);
            jae('no_pointer);
            shr(rax, 8);
            and(eax, 0x3fff_ffff);
            bts(eax, 30);                       //! 1 to 2 GiB
            jmp('have_register);
        'no_pointer:
            cmp(ebx, 4);
            jne('not_small);
            sar(rax, 56);
            jmp('have_register);
        'not_small:
            cmp(ebx, 5);
            jne('have_register);
            mov(eax, eax);
        'have_register:
            mov(qword_ptr(rdi), rax);
            add(edi, 8);
            dec(ecx);
            jnz('next_register);

        /// A stack pointer with memory behind it, an address to begin at, flags.
            call('random);
            and(eax, 0x3fff_ffff);
            bts(eax, 30);
            mov(dword_ptr(slot(RSP)), eax);
            mov(dword_ptr(slot(RSP) + 4), 0);
            call('random);
            mov(r8, rax);
            and(r8d, 0x3fff_ffff);
            bts(r8d, 30);
            shr(rax, 32);
            mov(r10d, eax);
            and(r10d, USER_FLAGS);
            test(eax, 0x1e00_0000);
            jz('with_trap_flag);
            and(r10d, !TF);
        'with_trap_flag:
            or(r10d, IF | 2);
            mov(r9d, selector::USER_CODE64);
            mov(ecx, selector::USER_DATA);
            shr(eax, 29);
            cmp(eax, 4);
            jb('have_mode);
            mov(r9d, selector::USER_CODE32);
            cmp(eax, 6);
            jb('have_mode);
            mov(r9d, selector::USER_CODE16);
            mov(ecx, selector::USER_DATA16);
            movzx(r8d, r8w);
        'have_mode:
            mov(ds, ecx);
            mov(es, ecx);
            mov(fs, ecx);
            mov(gs, ecx);
    }
    Ok(())
}

/// Now and then: other FPU state, other breakpoints, other bytes.
fn vary(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            cmp(dword_ptr(HAS_KEYS), 0);
            je('no_keys);
            xor(eax, eax);
            xor(ecx, ecx);
            xor(edx, edx);
            wrpkru();
        'no_keys:
            call('random);
            mov(rbx, rax);
            test(bl, 7);
            jnz('same_fpu);
            mov(edi, ebx);
            and(edi, ARENA_BYTES - 0x400);
            add(edi, ARENA);
            and(dword_ptr(rdi + 24), 0xffff);   //! MXCSR without reserved bits
            fxrstor64(ptr(rdi));
        'same_fpu:
            test(bl, 0x80);
            jz('same_bytes);
            mov(edi, ebx);
            shr(edi, 8);
            and(edi, ARENA_BYTES - 0x80);
            add(edi, ARENA);
            mov(ecx, 16);
            call('fill);
        'same_bytes:
            nop();
    }
    breakpoints(a)
}

/// One breakpoint where the program begins, one on its stack, one where RSI points, one anywhere; all in the
/// second GiB, where the kernel has nothing. R8 is the RIP.
fn breakpoints(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            test(ebx, 7 << 16);
            jnz('same_breakpoints);
            mov(rcx, r8);
            bts(rcx, 30);                       //! 16-bit code has its base there
            shr(ebx, 24);
            and(ebx, 7);
            add(rcx, rbx);
            mov(dr0, rcx);
            mov(ecx, dword_ptr(slot(RSP)));
            sub(rcx, 8);
            mov(dr1, rcx);
            mov(ecx, dword_ptr(slot(RSI)));
            bts(ecx, 30);
            btr(ecx, 31);
            mov(dr2, rcx);
            call('random);
            mov(ecx, eax);
            bts(ecx, 30);
            btr(ecx, 31);
            mov(dr3, rcx);
            shr(rax, 32);
            and(eax, BREAKPOINTS);
            or(eax, DR7_FIXED);
            mov(dr7, rax);
        'same_breakpoints:
            nop();
    }
    Ok(())
}

fn leave(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'leave:
            dec(qword_ptr(LEFT));
            jz('report);
            mov(ecx, selector::USER_DATA16);
            cmp(r9d, selector::USER_CODE16);
            je('have_stack);
            mov(ecx, selector::USER_DATA);
        'have_stack:
            push(rcx);
            push(qword_ptr(slot(RSP)));
            push(r10);
            push(r9);
            push(r8);
    }
    for (number, register) in NUMBERED.into_iter().enumerate() {
        if register != rsp {
            a.next();
            a.mov(register, qword_ptr(slot(number as u32)))?;
        }
    }
    asm! { a =>
            iretq();
    }
    Ok(())
}

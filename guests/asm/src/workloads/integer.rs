//! Integer work: arithmetic in registers, small tables, and every way to go elsewhere.
//!
//! A pseudo-random sequence is needed in many places: the linear congruential generator with
//! Knuth's MMIX constants, of which the upper bits are used.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{DATA, VARIABLES};
use crate::asm;
use crate::asm::Program;

const LCG_MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const LCG_INCREMENT: u64 = 1_442_695_040_888_963_407;

const SIEVE_BYTES: u32 = 128 << 10;

pub(super) fn empty(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(eax, eax);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn mixed(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
            xor(eax, eax);
            mov(ecx, 2048);
        'fill:
            imul_3(rax, rax, 0x41c6_4e6d);
            add(rax, 12345);
            mov(qword_ptr(rbx + rcx*8 - 8), rax);
            dec(ecx);
            jnz('fill);

            mov(eax, 1);
            xor(esi, esi);
            test(r15, r15);
            jz('finish);
        'again:
            mov(rdx, qword_ptr(rbx + rsi*8));
            add(rax, rdx);
            mov(ecx, dword_ptr(rbx + rsi*8 + 4));
            xor(rdx, rax);
            shr(ecx, 3);
            add(rcx, rdx);
            mov(qword_ptr(rbx + rsi*8), rcx);
            lea(esi, ptr(rsi + 5));
            movzx(edi, byte_ptr(rbx + rsi));
            and(esi, 1023);
            test(dil, 1);
            jz('even);
            rol(rax, 5);
            sub(dword_ptr(rbx + rsi*8), edi);
        'even:
            add(qword_ptr(rbx + 0x2000), rdi);
            cmp(rax, rcx);
            jbe('low);
            inc(rax);
        'low:
            dec(r15);
            jnz('again);
            xor(rax, qword_ptr(rbx + 0x2000));
            jmp('finish);
    }
    Ok(())
}

pub(super) fn alu(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, 0x1234_5678);
            mov(ebx, 0x0bad_cafe);
            mov(ecx, 0x0315);
            mov(edx, 7);
            test(r15, r15);
            jz('finish);
        'again:
            add(rax, rbx);
            xor(rbx, rcx);
            rol(rcx, 7);
            lea(rdx, ptr(rax + rbx*4 + 9));
            sub(rcx, rdx);
            mov(esi, ecx);
            and(esi, 0xffff);
            or(rdx, rsi);
            shr(rdx, 3);
            add(eax, edx);
            dec(r15);
            jnz('again);
            xor(rax, rbx);
            add(rax, rcx);
            jmp('finish);
    }
    Ok(())
}

/// The lengths of Collatz sequences, with a step of the sequence as the unit of work.
pub(super) fn branches(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(eax, eax);                      //! lengths, mixed
            mov(ecx, 27);                       //! where the sequence began
            mov(rdx, rcx);
            xor(esi, esi);
            test(r15, r15);
            jz('finish);
        'again:
            inc(esi);
            test(dl, 1);
            jnz('odd);
            shr(rdx, 1);
            jmp('next);
        'odd:
            lea(rdx, ptr(rdx + rdx*2 + 1));
            cmp(rdx, 1000);
            jb('next);
            inc(eax);
        'next:
            cmp(rdx, 1);
            jne('step_done);
            inc(ecx);
            mov(rdx, rcx);
            add(rax, rsi);
            rol(rax, 3);
            xor(esi, esi);
        'step_done:
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn sieve(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            xor(ecx, ecx);
        'clear:
            mov(qword_ptr(rbx + rcx), 0);
            add(ecx, 8);
            cmp(ecx, SIEVE_BYTES);
            jb('clear);
            mov(esi, 2);
        'candidate:
            cmp(byte_ptr(rbx + rsi), 0);
            jne('composite);
            add(rax, rsi);
            lea(edi, ptr(rsi + rsi));
            cmp(edi, SIEVE_BYTES);
            jae('composite);
        'strike:
            mov(byte_ptr(rbx + rdi), 1);
            add(edi, esi);
            cmp(edi, SIEVE_BYTES);
            jb('strike);
        'composite:
            inc(esi);
            cmp(esi, SIEVE_BYTES);
            jb('candidate);
            rol(rax, 1);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn crc(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// The table of CRC-32 (polynomial 0xedb88320, reflected).
            mov(ebx, DATA);
            xor(ecx, ecx);
        'entry_of_byte:
            mov(eax, ecx);
            mov(edx, 8);
        'entry_bit:
            shr(eax, 1);
            jnc('entry_bit_clear);
            xor(eax, 0xedb8_8320u32);
        'entry_bit_clear:
            dec(edx);
            jnz('entry_bit);
            mov(dword_ptr(rbx + rcx*4), eax);
            inc(ecx);
            cmp(ecx, 256);
            jb('entry_of_byte);

            mov(eax, -1);
            test(r15, r15);
            jz('finish);
        'again:
            mov(edx, eax);
            xor(edx, r15d);
            shr(eax, 8);
            movzx(edx, dl);
            xor(eax, dword_ptr(rbx + rdx*4));
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

/// A number of 512 bits times one of 64, added to an accumulator: the inner loop of RSA.
pub(super) fn bignum(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
            mov(rax, LCG_MULTIPLIER);
            mov(r10, LCG_INCREMENT);
            mov(r12, rax);
            xor(ecx, ecx);
        'fill:
            imul_2(rax, r12);
            add(rax, r10);
            mov(qword_ptr(rbx + rcx*8), rax);
            inc(ecx);
            cmp(ecx, 24);
            jb('fill);

            mov(r8, rax);
            test(r15, r15);
            jz('finish);
        'again:
            xor(r9d, r9d);                      //! carry limb
            xor(ecx, ecx);
        'limb:
            mov(rax, qword_ptr(rbx + rcx*8));
            mul(r8);
            add(rax, r9);
            adc(rdx, 0);
            add(qword_ptr(rbx + rcx*8 + 64), rax);
            adc(rdx, 0);
            mov(r9, rdx);
            mov(rax, qword_ptr(rbx + rcx*8 + 8));
            mul(r8);
            add(rax, r9);
            adc(rdx, 0);
            add(qword_ptr(rbx + rcx*8 + 72), rax);
            adc(rdx, 0);
            mov(r9, rdx);
            add(ecx, 2);
            cmp(ecx, 8);
            jb('limb);
            xor(r8, r9);
            or(r8, 1);
            dec(r15);
            jnz('again);
            mov(rax, r8);
            xor(rax, qword_ptr(rbx + 64));
            jmp('finish);
    }
    Ok(())
}

pub(super) fn divide(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(r8, LCG_MULTIPLIER);
            mov(r9, LCG_INCREMENT);
            mov(ebx, 1);
            xor(esi, esi);
            mov(rax, rsi);
            test(r15, r15);
            jz('finish);
        'again:
            imul_2(rbx, r8);
            add(rbx, r9);
            mov(rcx, rbx);
            shr(rcx, 37);
            or(ecx, 1);
            mov(rax, rbx);
            xor(edx, edx);
            div(rcx);
            add(rsi, rdx);
            xor(rsi, rax);
            mov(eax, ebx);
            cdq();
            idiv(ecx);                          //! a positive divisor of 27 bits: no overflow
            movsxd(rdx, edx);
            add(rsi, rdx);
            rol(rsi, 9);
            dec(r15);
            jnz('again);
            mov(rax, rsi);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn atomics(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
            mov(qword_ptr(rbx), 0);
            mov(qword_ptr(rbx + 8), 0);
            mov(qword_ptr(rbx + 16), 0);
            xor(esi, esi);
            mov(rax, rsi);
            test(r15, r15);
            jz('finish);
        'again:
            mov(rcx, r15);
    }
    a.lock().xadd(qword_ptr(rbx), rcx)?;
    asm! { a =>
            add(rsi, rcx);
            mov(rax, qword_ptr(rbx + 8));
            lea(rdx, ptr(rax + rsi));
    }
    a.lock().cmpxchg(qword_ptr(rbx + 8), rdx)?;
    asm! { a =>
            mov(edx, r15d);
            and(edx, 63);
    }
    a.lock().bts(qword_ptr(rbx + 16), rdx)?;
    asm! { a =>
            adc(rsi, 0);
            xchg(qword_ptr(rbx + 16), rsi);
            rol(rsi, 7);
    }
    a.lock().inc(dword_ptr(rbx + 16))?;
    asm! { a =>
            dec(r15);
            jnz('again);
            mov(rax, qword_ptr(rbx));
            xor(rax, qword_ptr(rbx + 8));
            add(rax, qword_ptr(rbx + 16));
            jmp('finish);
    }
    Ok(())
}

/// Fibonacci's numbers by their definition, of 22: 57,313 calls.
pub(super) fn calls(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ebx, ebx);
            mov(rax, rbx);
            test(r15, r15);
            jz('finish);
        'again:
            mov(edi, 22);
            call('fibonacci);
            add(rbx, rax);
            rol(rbx, 1);
            dec(r15);
            jnz('again);
            mov(rax, rbx);
            jmp('finish);

        'fibonacci:
            cmp(edi, 2);
            jb('small);
            push(rbp);
            push(rdi);
            dec(edi);
            call('fibonacci);
            mov(rbp, rax);
            mov(rdi, qword_ptr(rsp));
            sub(edi, 2);
            call('fibonacci);
            add(rax, rbp);
            pop(rdi);
            pop(rbp);
            ret();
        'small:
            mov(eax, edi);
            ret();
    }
    Ok(())
}

pub(super) fn indirect_calls(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
    }
    for (index, name) in ["'f0", "'f1", "'f2", "'f3", "'f4", "'f5", "'f6", "'f7"].iter().enumerate()
    {
        let place = a.place(name);
        a.lea(rax, place)?;
        a.mov(qword_ptr(rbx + index as i32 * 8), rax)?;
    }
    asm! { a =>
            mov(r8, LCG_MULTIPLIER);
            mov(r9, LCG_INCREMENT);
            mov(ecx, 1);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            imul_2(rcx, r8);
            add(rcx, r9);
            mov(rdx, rcx);
            shr(rdx, 61);
            call(qword_ptr(rbx + rdx*8));
            dec(r15);
            jnz('again);
            jmp('finish);

        'f0:
            add(rax, rcx);
            ret();
        'f1:
            xor(rax, rcx);
            ret();
        'f2:
            rol(rax, 11);
            ret();
        'f3:
            lea(rax, ptr(rax + rax*4));
            ret();
        'f4:
            sub(rax, rcx);
            ret();
        'f5:
            not(rax);
            ret();
        'f6:
            bswap(rax);
            ret();
        'f7:
            inc(rax);
            ret();
    }
    Ok(())
}

/// A byte-code machine with an accumulator (RAX) and a counter (RDI). Its program adds, shifts and
/// loops 16 times; one run of the program is one repetition.
pub(super) fn switch(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
    }
    let operations = ["'op_add", "'op_xor", "'op_rotate", "'op_load", "'op_store", "'op_loop"];
    for (index, name) in operations.iter().chain(&["'op_end"]).enumerate() {
        let place = a.place(name);
        a.lea(rax, place)?;
        a.mov(qword_ptr(rbx + index as i32 * 8), rax)?;
    }
    asm! { a =>
            lea(rsi, ptr('program));
            mov(edi, DATA + 0x1000);
            mov(ecx, 16);
    }
    a.rep().movsb()?;
    asm! { a =>
            mov(qword_ptr(VARIABLES), 0);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            mov(esi, DATA + 0x1000);
            mov(edi, 16);
        'dispatch:
            movzx(ecx, byte_ptr(rsi));
            inc(rsi);
            jmp(qword_ptr(rbx + rcx*8));
        'op_add:
            add(rax, rdi);
            jmp('dispatch);
        'op_xor:
            xor(rax, r15);
            jmp('dispatch);
        'op_rotate:
            rol(rax, 3);
            jmp('dispatch);
        'op_load:
            add(rax, qword_ptr(VARIABLES));
            jmp('dispatch);
        'op_store:
            mov(qword_ptr(rbx + 0x2000), rax);
            jmp('dispatch);
        'op_loop:
            dec(edi);
            jz('dispatch);
            mov(esi, DATA + 0x1000);
            jmp('dispatch);
        'op_end:
            dec(r15);
            jnz('again);
            jmp('finish);
        'program:
            db(&[0, 1, 2, 3, 0, 4, 1, 2, 0, 3, 2, 5, 6, 6, 6, 6]);
    }
    Ok(())
}

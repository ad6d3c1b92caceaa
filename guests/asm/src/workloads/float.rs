//! Floating point, and the integer half of SSE2.
//!
//! Values stay between 0 and some thousands, normal and inexact, as in ordinary programs.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::DATA;
use crate::asm;
use crate::asm::Program;

/// In 64 bits of precision.
pub(super) fn x87(a: &mut Program) -> Result<(), IcedError> {
    x87_loop(a)
}

/// In 53 bits, as programs for other systems than Linux set it.
pub(super) fn x87_double(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
            mov(word_ptr(rbx), 0x27fu32);
            fldcw(word_ptr(rbx));
    }
    x87_loop(a)
}

fn x87_loop(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            fldpi();
            mov(ebx, DATA);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            mov(dword_ptr(rbx + 32), r15d);
            fmul(qword_ptr('factor));
            fadd(qword_ptr('summand));
            fsqrt();
            fild(dword_ptr(rbx + 32));
    }
    a.fdiv_2(st0, st1)?; // repetition / x
    a.fadd_2(st1, st0)?;
    asm! { a =>
            fistp(dword_ptr(rbx + 36));
            fld(qword_ptr('limit));
    }
    a.fcomip(st0, st1)?;
    asm! { a =>
            ja('small);
            fdiv(qword_ptr('limit));
        'small:
            mov(ecx, dword_ptr(rbx + 36));
            add(rax, rcx);
            rol(rax, 1);
            dec(r15);
            jnz('again);
            fstp(tbyte_ptr(rbx));
            add(rax, qword_ptr(rbx));
            movzx(ecx, word_ptr(rbx + 8));
            xor(rax, rcx);
            jmp('finish);
        'factor:
            dq(&[core::f64::consts::SQRT_2.to_bits()]);
        'summand:
            dq(&[0.577_215_664_901_532_9_f64.to_bits()]);
        'limit:
            dq(&[1.0e4_f64.to_bits()]);
    }
    Ok(())
}

pub(super) fn scalar(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            movsd_2(xmm0, qword_ptr('one));
            movsd_2(xmm3, qword_ptr('factor));
            movsd_2(xmm4, qword_ptr('summand));
            movsd_2(xmm5, qword_ptr('limit));
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            mulsd(xmm0, xmm3);
            addsd(xmm0, xmm4);
            sqrtsd(xmm1, xmm0);
            cvtsi2sd(xmm2, r15d);
            divsd(xmm2, xmm1);
            addsd(xmm0, xmm2);
            cvttsd2si(rcx, xmm2);
            add(rax, rcx);
            ucomisd(xmm0, xmm5);
            jb('small);
            divsd(xmm0, xmm5);
        'small:
            cvtsd2ss(xmm6, xmm0);
            mulss(xmm6, xmm6);
            cvtss2sd(xmm7, xmm6);
            subsd(xmm0, xmm7);
            maxsd(xmm0, xmm4);
            rol(rax, 1);
            dec(r15);
            jnz('again);
            movq(rcx, xmm0);
            xor(rax, rcx);
            jmp('finish);
    }
    scalar_constants(a)
}

/// What the scalar recurrences begin with, multiply by, add and stay below.
pub(super) fn scalar_constants(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'one:
            dq(&[1.0f64.to_bits()]);
        'factor:
            dq(&[core::f64::consts::SQRT_2.to_bits()]);
        'summand:
            dq(&[0.577_215_664_901_532_9_f64.to_bits()]);
        'limit:
            dq(&[1.0e4_f64.to_bits()]);
    }
    Ok(())
}

pub(super) fn packed(a: &mut Program) -> Result<(), IcedError> {
    let four = |values: [f32; 4]| values.map(f32::to_bits);
    asm! { a =>
            movups(xmm0, xmmword_ptr('values));
            movups(xmm3, xmmword_ptr('factors));
            movups(xmm4, xmmword_ptr('summands));
            movups(xmm5, xmmword_ptr('doubles));
            movaps(xmm6, xmm5);
            xor(eax, eax);
            mov(ebx, DATA);
            test(r15, r15);
            jz('finish);
        'again:
            mulps(xmm0, xmm3);
            addps(xmm0, xmm4);
            movaps(xmm1, xmm0);
            shufps(xmm1, xmm0, 0x1b);
            subps(xmm1, xmm4);
            mulps(xmm1, xmm3);
            minps(xmm0, xmm1);
            maxps(xmm0, xmm3);
            cvtps2pd(xmm2, xmm1);
            mulpd(xmm2, xmm5);
            addpd(xmm6, xmm2);
            mulpd(xmm6, xmm5);
            movaps(xmmword_ptr(rbx), xmm0);
            add(rax, qword_ptr(rbx));
            unpcklpd(xmm2, xmm6);
            xorps(xmm1, xmm2);
            movmskps(ecx, xmm1);
            add(rax, rcx);
            rol(rax, 1);
            dec(r15);
            jnz('again);
            movq(rcx, xmm6);
            xor(rax, rcx);
            jmp('finish);
        'values:
            dd(&four([1.0, 2.0, 3.0, 4.0]));
        'factors:
            dd(&four([0.75, 0.5, 0.625, 0.8]));
        'summands:
            dd(&four([1.1, 0.3, 2.7, 0.9]));
        'doubles:
            dq(&[0.7f64.to_bits(), 0.9f64.to_bits()]);
    }
    Ok(())
}

pub(super) fn integer(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            movdqu(xmm0, xmmword_ptr('first));
            movdqu(xmm1, xmmword_ptr('second));
            movdqa(xmm2, xmm0);
            pxor(xmm7, xmm7);
            xor(eax, eax);
            mov(ebx, DATA);
            test(r15, r15);
            jz('finish);
        'again:
            paddd(xmm0, xmm1);
            pxor(xmm1, xmm2);
            pshufd(xmm3, xmm0, 0x93);
            movdqa(xmm4, xmm1);
            pmuludq(xmm4, xmm3);
            paddq(xmm2, xmm4);
            movdqa(xmm5, xmm2);
            psrlq(xmm5, 17);
            psllq(xmm2, 7);
            por(xmm2, xmm5);
            punpckldq(xmm3, xmm1);
            pmaddwd(xmm3, xmm0);
            psubb(xmm1, xmm3);
            pcmpgtd(xmm7, xmm1);
            pand(xmm7, xmm2);
            movdqa(xmmword_ptr(rbx), xmm1);
            movdqu(xmm6, xmmword_ptr(rbx + 3));
            paddusb(xmm0, xmm6);
            pmovmskb(ecx, xmm1);
            add(rax, rcx);
            dec(r15);
            jnz('again);
            paddq(xmm0, xmm2);
            pxor(xmm0, xmm7);
            movq(rcx, xmm0);
            xor(rax, rcx);
            jmp('finish);
        'first:
            dq(&[0x0123_4567_89ab_cdef, 0x0fed_cba9_8765_4321]);
        'second:
            dq(&[0x3c6e_f372_fe94_f82b, 0x510e_527f_ade6_82d1]);
    }
    Ok(())
}

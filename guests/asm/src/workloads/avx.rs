//! AVX and FMA floating point. For a processor that has them: the workload turns them on itself.
//!
//! As in `float`, values stay normal and inexact.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::DATA;
use super::float::scalar_constants;
use crate::asm;
use crate::asm::Program;

const CR4_OSXSAVE: u32 = 1 << 18;
/// XCR0: x87, SSE and AVX state.
const XCR0_AVX: u32 = 0b111;

/// Lets AVX be used, and ends with the checksum 0 if there is nothing to do.
fn begin(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(rax, cr4);
            or(eax, CR4_OSXSAVE);
            mov(cr4, rax);
            mov(eax, XCR0_AVX);
            xor(edx, edx);
            xor(ecx, ecx);
            xsetbv();
            xor(eax, eax);
            mov(ebx, DATA);
            test(r15, r15);
            jz('finish);
    }
    Ok(())
}

/// 256 bits, single and double precision.
pub(super) fn packed(a: &mut Program) -> Result<(), IcedError> {
    let eight = |values: [f32; 8]| values.map(f32::to_bits);
    let four = |values: [f64; 4]| values.map(f64::to_bits);
    begin(a)?;
    asm! { a =>
            vmovups(ymm0, ymmword_ptr('values));
            vmovups(ymm3, ymmword_ptr('factors));
            vmovups(ymm4, ymmword_ptr('summands));
            vmovups(ymm5, ymmword_ptr('doubles));
            vmovups(ymm6, ymm5);
            vmovups(ymmword_ptr(rbx + 64), ymm5);
        'again:
            vmulps(ymm0, ymm0, ymm3);
            vaddps(ymm0, ymm0, ymm4);
            vsubps(ymm1, ymm0, ymm3);
            vmulps(ymm1, ymm1, ymm3);
            vminps(ymm0, ymm0, ymm1);
            vmaxps(ymm0, ymm0, ymm3);
            vsqrtps(ymm2, ymm0);
            vdivps(ymm2, ymm2, ymm4);
            vcvtps2pd(ymm7, xmm2);
            vmulpd(ymm7, ymm7, ymm5);
            vaddpd(ymm6, ymm6, ymm7);
            vmulpd(ymm6, ymm6, ymmword_ptr(rbx + 64));
            vmovups(ymmword_ptr(rbx), ymm2);
            add(rax, qword_ptr(rbx + 8));
            add(rax, qword_ptr(rbx + 24));
            rol(rax, 1);
            dec(r15);
            jnz('again);
            vmovups(ymmword_ptr(rbx), ymm6);
            xor(rax, qword_ptr(rbx));
            add(rax, qword_ptr(rbx + 24));
            jmp('finish);
        'values:
            dd(&eight([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
        'factors:
            dd(&eight([0.75, 0.5, 0.625, 0.8, 0.7, 0.6, 0.55, 0.65]));
        'summands:
            dd(&eight([1.1, 0.3, 2.7, 0.9, 1.3, 0.4, 2.1, 0.8]));
        'doubles:
            dq(&four([0.7, 0.9, 0.8, 0.6]));
    }
    Ok(())
}

/// Scalar double and single precision in three operands.
pub(super) fn scalar(a: &mut Program) -> Result<(), IcedError> {
    begin(a)?;
    asm! { a =>
            vmovsd(xmm0, qword_ptr('one));
            vmovsd(xmm3, qword_ptr('factor));
            vmovsd(xmm4, qword_ptr('summand));
            vmovsd(xmm5, qword_ptr('limit));
        'again:
            vmulsd(xmm0, xmm0, xmm3);
            vaddsd(xmm0, xmm0, xmm4);
            vsqrtsd(xmm1, xmm0, xmm0);
            vcvtsi2sd(xmm2, xmm2, r15d);
            vdivsd(xmm2, xmm2, xmm1);
            vaddsd(xmm0, xmm0, xmm2);
            vcvttsd2si(rcx, xmm2);
            add(rax, rcx);
            vucomisd(xmm0, xmm5);
            jb('small);
            vdivsd(xmm0, xmm0, xmm5);
        'small:
            vcvtsd2ss(xmm6, xmm6, xmm0);
            vmulss(xmm6, xmm6, xmm6);
            vcvtss2sd(xmm7, xmm7, xmm6);
            vsubsd(xmm0, xmm0, xmm7);
            vmaxsd(xmm0, xmm0, xmm4);
            rol(rax, 1);
            dec(r15);
            jnz('again);
            vmovsd(qword_ptr(rbx), xmm0);
            xor(rax, qword_ptr(rbx));
            jmp('finish);
    }
    scalar_constants(a)
}

/// Fused multiply-add, packed and scalar: polynomials and a recurrence.
pub(super) fn fma(a: &mut Program) -> Result<(), IcedError> {
    let four = |values: [f64; 4]| values.map(f64::to_bits);
    let eight = |values: [f32; 8]| values.map(f32::to_bits);
    begin(a)?;
    asm! { a =>
            vmovups(ymm0, ymmword_ptr('values));
            vmovups(ymm1, ymmword_ptr('factors));
            vmovups(ymm2, ymmword_ptr('doubles));
            vmovups(ymm3, ymm2);
            vmovups(ymmword_ptr(rbx + 64), ymm2);
            vmovups(ymm4, ymmword_ptr('summands));
            vmovups(ymmword_ptr(rbx + 96), ymm4);
            vmovsd(xmm4, qword_ptr('summand));
            vmovsd(xmm5, qword_ptr('summand));
        'again:
            vfmadd213ps(ymm0, ymm1, ymmword_ptr(rbx + 96));
            vfnmadd231ps(ymm0, ymm1, ymm1);
            vfmadd213pd(ymm3, ymm2, ymm2);
            vfmsub132pd(ymm3, ymm2, ymmword_ptr(rbx + 64));
            vfmadd213pd(ymm3, ymm2, ymm2);
            vfmadd213sd(xmm4, xmm2, xmm5);
            vfnmadd213sd(xmm4, xmm2, xmm5);
            vmovups(ymmword_ptr(rbx), ymm0);
            add(rax, qword_ptr(rbx + 8));
            vmovups(ymmword_ptr(rbx), ymm3);
            add(rax, qword_ptr(rbx + 24));
            rol(rax, 1);
            dec(r15);
            jnz('again);
            vmovsd(qword_ptr(rbx), xmm4);
            xor(rax, qword_ptr(rbx));
            jmp('finish);
        'values:
            dd(&eight([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
        'factors:
            dd(&eight([0.75, 0.5, 0.625, 0.8, 0.7, 0.6, 0.55, 0.65]));
        'summands:
            dd(&eight([1.1, 0.9, 2.7, 1.9, 1.3, 1.4, 2.1, 1.8]));
        'doubles:
            dq(&four([0.7, 0.45, 0.8, 0.6]));
        'summand:
            dq(&[0.577_215_664_901_532_9_f64.to_bits()]);
    }
    Ok(())
}

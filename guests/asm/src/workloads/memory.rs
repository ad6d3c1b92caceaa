//! Loads and stores that a cache of translations serves well, or not at all.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{DATA, WINDOW, WINDOW_BYTES};
use crate::asm;
use crate::asm::Program;

const SEQUENTIAL_BYTES: u32 = 4 << 20;
/// A page and a cache line: every access is on another page and in another set.
const STRIDE: u32 = 4096 + 64;
/// One node of the chase: a cache line.
const NODE_BITS: u32 = 6;
const NODES: u32 = WINDOW_BYTES >> NODE_BITS;

pub(super) fn sequential(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ecx, ecx);
            mov(ebx, DATA);
        'fill:
            mov(qword_ptr(rbx + rcx), rcx);
            add(ecx, 8);
            cmp(ecx, SEQUENTIAL_BYTES);
            jb('fill);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            xor(ecx, ecx);
        'next:
            add(rax, qword_ptr(rbx + rcx));
            mov(qword_ptr(rbx + rcx + 8), rax);
            add(rax, qword_ptr(rbx + rcx + 16));
            mov(edx, dword_ptr(rbx + rcx + 24));
            rol(rax, 5);
            xor(rax, rdx);
            add(ecx, 32);
            cmp(ecx, SEQUENTIAL_BYTES);
            jb('next);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn strided(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('map_window);
            call('clear_window);
            xor(eax, eax);
            mov(rbx, WINDOW);
            test(r15, r15);
            jz('finish);
        'again:
            xor(ecx, ecx);
        'next:
            add(rax, qword_ptr(rbx + rcx));
            inc(rax);
            mov(qword_ptr(rbx + rcx), rax);
            add(ecx, STRIDE);
            cmp(ecx, WINDOW_BYTES - 8);
            jb('next);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    clear_window(a)
}

fn clear_window(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// Loaders leave things in memory.
        'clear_window:
            mov(rdi, WINDOW);
            mov(ecx, WINDOW_BYTES / 8);
            xor(eax, eax);
    }
    a.rep().stosq()?;
    a.ret()
}

/// Each node points to the next of a sequence that visits all of them: a linear congruential
/// generator of full period (Hull and Dobell: multiplier 1 modulo 4, increment odd).
pub(super) fn chase(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('map_window);
            mov(rbx, WINDOW);
            xor(ecx, ecx);                      //! node
        'link:
            imul_3(edx, ecx, 0x000c_5a4d);
            add(edx, 0x0003_c6ef);
            and(edx, NODES - 1);
            mov(rax, rdx);
            shl(rax, NODE_BITS);
            add(rax, rbx);
            mov(rdi, rcx);
            shl(rdi, NODE_BITS);
            mov(qword_ptr(rbx + rdi), rax);
            mov(ecx, edx);
            test(ecx, ecx);
            jnz('link);

            xor(eax, eax);
            mov(rsi, rbx);
            test(r15, r15);
            jz('finish);
        'again:
            mov(rsi, qword_ptr(rsi));
            add(rax, rsi);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn crossing(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('map_window);
            mov(rbx, WINDOW + 0x1000);
            mov(qword_ptr(rbx - 8), 1);
            mov(qword_ptr(rbx), 2);
            mov(qword_ptr(rbx + 0xff8), 3);
            mov(qword_ptr(rbx + 0x1000), 4);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            add(rax, qword_ptr(rbx - 3));
            mov(dword_ptr(rbx - 2), eax);
            movzx(ecx, word_ptr(rbx + 0xfff));
            add(qword_ptr(rbx + 0xffd), rax);
            add(rax, rcx);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

/// 16 pages whose numbers agree in their lower 12 bits: one set of a direct-mapped TLB.
pub(super) fn aliasing(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, DATA);
            mov(ecx, 16);
        'clear:
            mov(qword_ptr(rbx), rcx);
            add(ebx, 16 << 20);
            dec(ecx);
            jnz('clear);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
        'again:
            mov(ebx, DATA);
            mov(ecx, 16);
        'next:
            add(rax, qword_ptr(rbx));
            add(ebx, 16 << 20);
            dec(ecx);
            jnz('next);
            rol(rax, 3);
            xor(rax, r15);
            mov(qword_ptr(DATA), rax);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

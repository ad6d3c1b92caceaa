//! Code as data: changed while it runs, written and run once, or too large for what was decoded
//! to stay at hand.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::CODE;
use crate::asm;
use crate::asm::Program;

/// One piece of generated code.
const SLOT_BYTES: u32 = 64;
/// 400 KiB of them.
const SLOTS: u32 = 6400;
/// From a slot to the one that runs after it: coprime to [`SLOTS`], so that all have their turn.
const SLOT_STEP: u32 = 2477;

/// Each repetition changes the immediate of an instruction ahead of it, runs it, and changes
/// another one behind it, on the same page.
pub(super) fn self_modifying(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(eax, eax);
            lea(rbx, ptr('patched));
            lea(rbp, ptr('patched_too));
            test(r15, r15);
            jz('finish);
        'again:
            mov(ecx, r15d);
        'patched_too:
            xor(ecx, 0x5555_5555);
            mov(dword_ptr(rbx + 1), ecx);       //! behind the opcode of what comes
        'patched:
            mov(edx, 0x1111_1111);
            add(rax, rdx);
            rol(rax, 7);
            mov(dword_ptr(rbp + 2), edx);       //! behind opcode and ModRM
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

/// A variable on the page of the loop, beyond the loop's own cache lines.
pub(super) fn data_beside_code(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(eax, eax);
            lea(rbx, ptr('again));
            add(rbx, 0x3ff);
            and(rbx, !0x3f);
            mov(qword_ptr(rbx + 512), 0);
            test(r15, r15);
            jz('finish);
        'again:
            add(qword_ptr(rbx + 512), r15);
            add(rax, qword_ptr(rbx + 512));
            rol(rax, 5);
            xor(rax, r15);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

/// 16 KiB is filled function by function, each called once; then from the start again.
pub(super) fn fresh_code(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(eax, eax);
            mov(ebx, CODE);
            test(r15, r15);
            jz('finish);
        'again:
            lea(rsi, ptr('template));
            mov(rdi, rbx);
            mov(rcx, qword_ptr(rsi));
            mov(qword_ptr(rdi), rcx);
            mov(rcx, qword_ptr(rsi + 8));
            mov(qword_ptr(rdi + 8), rcx);
            mov(rcx, qword_ptr(rsi + 16));
            mov(qword_ptr(rdi + 16), rcx);
            mov(rcx, qword_ptr(rsi + 24));
            mov(qword_ptr(rdi + 24), rcx);
            mov(dword_ptr(rdi + 2), r15d);      //! its immediate
            call(rdi);
            add(ebx, SLOT_BYTES);
            and(ebx, CODE | 0x3fff);
            dec(r15);
            jnz('again);
            jmp('finish);

        'template:
            xor(ecx, 0x1111_1111);
            add(rax, rcx);
            rol(rax, 3);
            lea(rdx, ptr(rax + rcx*2 + 5));
            add(rax, rdx);
            ret();
            dq(&[0, 0, 0, 0]);
    }
    Ok(())
}

/// Slots of straight code that jump to one another all over 400 KiB.
pub(super) fn large_code(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ebx, ebx);                      //! slot
        'write_slot:
            lea(rsi, ptr('slot));
            mov(edi, ebx);
            shl(edi, SLOT_BYTES.trailing_zeros());
            add(edi, CODE);
            mov(ecx, SLOT_BYTES / 8);
    }
    a.rep().movsq()?;
    asm! { a =>
            mov(dword_ptr(rdi - SLOT_BYTES as i32 + 2), ebx); //! the first immediate
        /// The next slot, and the way there from behind the jump; the last slot returns.
            lea(eax, ptr(rbx + SLOT_STEP as i32));
            cmp(eax, SLOTS);
            jb('in_range);
            sub(eax, SLOTS);
        'in_range:
            lea(ecx, ptr('slot_end));
            lea(esi, ptr('slot));
            sub(ecx, esi);                      //! length up to the end of the jump
            lea(edx, ptr(rdi + rcx - SLOT_BYTES as i32));
            test(eax, eax);
            jz('last_slot);
            shl(eax, SLOT_BYTES.trailing_zeros());
            add(eax, CODE);
            sub(eax, edx);
            mov(dword_ptr(rdx - 4), eax);
            jmp('slot_written);
        'last_slot:
            mov(byte_ptr(rdx - 5), 0xc3u32);    //! RET
        'slot_written:
            inc(ebx);
            cmp(ebx, SLOTS);
            jb('write_slot);

            xor(eax, eax);
            mov(ecx, 1);
            test(r15, r15);
            jz('finish);
            mov(ebx, CODE);
        'again:
            call(rbx);
            dec(r15);
            jnz('again);
            jmp('finish);

        'slot:
            xor(ecx, 0x1111_1111);              //! its number
            add(rax, rcx);
            lea(rdx, ptr(rax + rcx*4 + 3));
            rol(rax, 5);
            mov(esi, edx);
            and(esi, 0x3f);
            sub(rax, rsi);
            xor(rdx, rax);
            add(ecx, edx);
            test(cl, 1);
            jz('slot_jump);
            inc(rax);
        'slot_jump:
            db(&[0xe9, 0, 0, 0, 0]);            //! JMP, filled in
        'slot_end:
            dq(&[0, 0, 0, 0, 0, 0, 0, 0]);
    }
    Ok(())
}

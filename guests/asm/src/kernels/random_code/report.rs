//! The counts on COM1, and power off.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;
use crate::asm;
use crate::asm::Program;
use crate::power::power_off;
use crate::workloads::print;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'report:
            xor(ebx, ebx);
        'next_count:
            mov(rbp, qword_ptr(rbx * 8 + COUNTS));
            test(rbp, rbp);
            jz('no_such_event);
            mov(r12, rbp);
            mov(ebp, ebx);
            shl(rbp, 52);
            mov(ecx, 3);
            call('digits);
            mov(al, 0x3d);                      //! '='
            call('put);
            mov(rbp, r12);
            call('number_line);
        'no_such_event:
            inc(ebx);
            cmp(ebx, EVENT_KINDS);
            jb('next_count);

            xor(ebp, ebp);
            mov(edi, ARENA);
        'next_qword:
            rol(rbp, 5);
            add(rbp, qword_ptr(rdi));
            add(edi, 8);
            cmp(edi, ARENA + ARENA_BYTES);
            jb('next_qword);
            lea(rsi, ptr('arena_text));
            call('print);
            call('number_line);
            lea(rsi, ptr('ok_text));
            call('print);
            jmp('power_off);

        /// An exception in the kernel: EAX is the vector, R8 where.
        'failed:
            mov(ebx, eax);
            lea(rsi, ptr('failed_text));
            call('print);
            mov(ebp, ebx);
            call('number_line);
            mov(rbp, r8);
            call('number_line);
        'power_off:
            nop();
    }
    power_off(a)?;
    asm! { a =>
        /// number_line: RBP as 16 digits, then the end of the line. Changes RAX, RCX, RDX.
        'number_line:
            mov(ecx, 16);
            call('digits);
            mov(al, 10);
            jmp('put);
        /// digits: the ECX upper digits of RBP. Changes RAX, RCX, RDX.
        'digits:
            rol(rbp, 4);
            mov(eax, ebp);
            and(eax, 15);
            cmp(al, 10);
            jb('below_ten);
            add(al, 0x27);                      //! 'a' - '9' - 1
        'below_ten:
            add(al, 0x30);                      //! '0'
            call('put);
            dec(ecx);
            jnz('digits);
            ret();
        'arena_text:
            text("arena=");
        'ok_text:
            text("RANDOM OK\n");
        'failed_text:
            text("RANDOM FAILED: in the kernel ");
    }
    print(a)
}

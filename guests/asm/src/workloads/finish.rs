//! The end of every workload: its checksum on COM1, power off; and routines that workloads call.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{IDT, WINDOW_BYTES, WINDOW_DIRECTORY, WINDOW_FRAMES, WINDOW_TABLES, pte, selector};
use crate::asm;
use crate::asm::Program;
use crate::power::{PM1A_CONTROL, SLEEP_S5};

const COM1: u32 = 0x3f8;
const LINE_STATUS: u32 = COM1 + 5;
const THRE: u32 = 1 << 5;

/// The debug console, which Bochs copies to its output at once: its COM1 loses what is under way when
/// it ends.
const DEBUG_CONSOLE: u32 = 0xe9;
/// Bochs' own port: it ends at this text (Bochs, `iodev/unmapped.cc`).
const BOCHS_SHUTDOWN: u32 = 0x8900;

pub(super) fn source(a: &mut Program, name: &str) -> Result<(), IcedError> {
    result(a, name)?;
    print(a)?;
    set_gate(a)?;
    map_window(a)
}

fn result(a: &mut Program, name: &str) -> Result<(), IcedError> {
    asm! { a =>
        /// finish: prints RAX as the checksum and powers off.
        'finish:
            mov(rbp, rax);
            lea(rsi, ptr('result_text));
            call('print);
            mov(ebx, 16);
        'next_digit:
            rol(rbp, 4);
            mov(eax, ebp);
            and(eax, 15);
            cmp(al, 10);
            jb('below_ten);
            add(al, 0x27);                      //! 'a' - '9' - 1
        'below_ten:
            add(al, 0x30);                      //! '0'
            call('put);
            dec(ebx);
            jnz('next_digit);
        'end_line:
            mov(al, 10);
            call('put);
            mov(edx, PM1A_CONTROL);
            mov(eax, SLEEP_S5);
            out(dx, ax);
        /// Where there is no such register, we are in Bochs.
            lea(rsi, ptr('shutdown_text));
            mov(edx, BOCHS_SHUTDOWN);
            mov(ecx, 8);
    }
    a.rep().outsb()?;
    asm! { a =>
        'stop:
            cli();
            hlt();
            jmp('stop);

        /// An exception or interrupt that the workload did not ask for.
        'unexpected:
            lea(rsi, ptr('unexpected_text));
            call('print);
            jmp('end_line);

        'result_text:
            text(&format!("{name}="));
        'unexpected_text:
            text("unexpected interrupt");
        'shutdown_text:
            text("Shutdown");
    }
    Ok(())
}

pub(crate) fn print(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// print: the text at RSI, up to its NUL. Changes RAX, RDX, RSI.
        'print:
            lodsb();
            test(al, al);
            jz('printed);
            call('put);
            jmp('print);
        'printed:
            ret();

        /// put: the character in AL. Changes RAX, RDX.
        'put:
            mov(ah, al);
            mov(edx, LINE_STATUS);
        'wait_for_room:
            in_(al, dx);
            test(al, THRE);
            jz('wait_for_room);
            mov(al, ah);
            mov(edx, COM1);
            out(dx, al);
            out(DEBUG_CONSOLE, al);
            ret();
    }
    Ok(())
}

fn set_gate(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// set_gate: vector ECX leads to RAX; user mode may call it. Changes RAX, RDI.
        'set_gate:
            mov(edi, ecx);
            shl(edi, 4);                        //! 16 bytes a gate
            add(edi, IDT);
            mov(word_ptr(rdi), ax);             //! offset 15:0
            mov(word_ptr(rdi + 2), u32::from(selector::CODE64));
            mov(word_ptr(rdi + 4), 0xee00u32);  //! present, DPL 3, interrupt gate, IST 0
            shr(rax, 16);
            mov(word_ptr(rdi + 6), ax);         //! offset 31:16
            shr(rax, 16);
            mov(dword_ptr(rdi + 8), eax);       //! offset 63:32
            mov(dword_ptr(rdi + 12), 0);
            ret();
    }
    Ok(())
}

fn map_window(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// map_window: WINDOW shows WINDOW_FRAMES in 4 KiB pages. Changes RAX, RDI.
        'map_window:
            mov(eax, WINDOW_TABLES | pte::TABLE);
            mov(edi, WINDOW_DIRECTORY);
        'next_table:
            mov(qword_ptr(rdi), rax);
            add(eax, 0x1000);
            add(edi, 8);
            cmp(edi, WINDOW_DIRECTORY + (WINDOW_BYTES >> 21) * 8);
            jb('next_table);
            mov(eax, WINDOW_FRAMES | pte::TABLE);
            mov(edi, WINDOW_TABLES);
        'next_frame:
            mov(qword_ptr(rdi), rax);
            add(eax, 0x1000);
            add(edi, 8);
            cmp(edi, WINDOW_TABLES + (WINDOW_BYTES >> 12) * 8);
            jb('next_frame);
            mov(rax, cr3);
            mov(cr3, rax);
            ret();
    }
    Ok(())
}

//! Text output for 32-bit test kernels, and their ways out. Every routine keeps every register
//! and flag-free state it can: a test kernel prints in the middle of what it tests.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::Program;
use crate::power::power_off;

/// Where text goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Console {
    /// Polled; no set-up, so the loader's or the reset state's line settings.
    Com1,
    /// Bochs' and QEMU's debug console: a character a byte, no state at all.
    Port0xe9,
    /// The text window of a VGA in mode 3, white on blue, from the address at [`TEXT_PLACE`] on.
    Screen,
}

pub(super) const COM1: u32 = 0x3f8;
const LINE_STATUS: u32 = COM1 + 5;
const THRE: u32 = 1 << 5;
const DEBUG_CONSOLE: u32 = 0xe9;

/// The text window of a VGA.
pub(super) const TEXT_WINDOW: u32 = 0xb_8000;
/// Where [`Console::Screen`] keeps the address of the next character.
pub(super) const TEXT_PLACE: u32 = 0x500;
const TEXT_ROW_BYTES: u32 = 160;
const WHITE_ON_BLUE: u32 = 0x1f;

/// The routines; to be placed where nothing falls into them.
pub(super) fn routines(a: &mut Program, console: Console) -> Result<(), IcedError> {
    put(a, console)?;
    numbers(a)?;
    strings(a)?;
    byte_sum(a)
}

/// Prints a fixed text.
pub(super) fn say(a: &mut Program, text: &'static str) -> Result<(), IcedError> {
    asm! { a =>
            call('print_inline);
            text(text);
    }
    Ok(())
}

/// Prints `name=`, EAX as 8 digits, and ends the line.
pub(super) fn say_eax(a: &mut Program, name: &'static str) -> Result<(), IcedError> {
    say(a, name)?;
    asm! { a =>
            call('equals_hex);
            call('end_line);
    }
    Ok(())
}

/// Prints a row of a memory map, from ESI on: two numbers of 64 bits and one of 32. ESI is then at the second one.
pub(super) fn say_row(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('hex64);
            call('space);
            add(esi, 8);
            call('hex64);
            call('space);
            mov(eax, dword_ptr(esi + 8));
            call('hex);
    }
    Ok(())
}

/// The end of a kernel that counts its steps in `step`: at `failed` it says which one, at `passed` that all is
/// well; at `power_off` the machine goes off.
pub(super) fn verdict(
    a: &mut Program,
    failed: &'static str,
    passed: &'static str,
) -> Result<(), IcedError> {
    asm! { a =>
        'step:
            dd(&[0]);
        'failed:
            nop();
    }
    say(a, failed)?;
    asm! { a =>
            mov(eax, dword_ptr('step));
            call('hex);
            call('end_line);
            jmp('power_off);
        'passed:
            nop();
    }
    say(a, passed)?;
    asm! { a =>
        'power_off:
            nop();
    }
    power_off(a)
}

fn put(a: &mut Program, console: Console) -> Result<(), IcedError> {
    match console {
        Console::Com1 => asm! { a =>
            /// put: the character in AL.
            'put:
                push(edx);
                push(eax);
                mov(edx, LINE_STATUS);
            'wait_for_room:
                in_(al, dx);
                test(al, THRE);
                jz('wait_for_room);
                mov(edx, COM1);
                pop(eax);
                out(dx, al);
                pop(edx);
                ret();
        },
        Console::Port0xe9 => asm! { a =>
            'put:
                out(DEBUG_CONSOLE, al);
                ret();
        },
        Console::Screen => asm! { a =>
            'put:
                pushad();
                mov(edi, dword_ptr(TEXT_PLACE));
                cmp(al, 10);
                je('next_row);
                mov(ah, WHITE_ON_BLUE);
                mov(word_ptr(edi), ax);
                add(edi, 2);
                jmp('put_done);
            'next_row:
                lea(eax, ptr(edi) - TEXT_WINDOW);
                xor(edx, edx);
                mov(ecx, TEXT_ROW_BYTES);
                div(ecx);
                sub(edi, edx);
                add(edi, ecx);
            'put_done:
                mov(dword_ptr(TEXT_PLACE), edi);
                popad();
                ret();
        },
    }
    Ok(())
}

fn numbers(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// equals_hex: '=' and what hex prints.
        'equals_hex:
            push(eax);
            mov(al, 0x3d);
            call('put);
            pop(eax);
        /// hex: EAX as 8 digits.
        'hex:
            pushad();
            mov(ebx, eax);
            mov(ecx, 8);
        'next_hex_digit:
            rol(ebx, 4);
            mov(eax, ebx);
            and(eax, 15);
            cmp(al, 10);
            jb('below_ten);
            add(al, 0x27);                      //! 'a' - '9' - 1
        'below_ten:
            add(al, 0x30);                      //! '0'
            call('put);
            dec(ecx);
            jnz('next_hex_digit);
            popad();
            ret();

        /// hex64: the 8 bytes at ESI as 16 digits.
        'hex64:
            push(eax);
            mov(eax, dword_ptr(esi + 4));
            call('hex);
            mov(eax, dword_ptr(esi));
            call('hex);
            pop(eax);
            ret();
    }
    Ok(())
}

fn strings(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// print_inline: the text behind the CALL; returns behind its NUL.
        'print_inline:
            xchg(dword_ptr(esp), esi);
            push(eax);
        'next_inline:
            lodsb();
            test(al, al);
            jz('inline_done);
            call('put);
            jmp('next_inline);
        'inline_done:
            pop(eax);
            xchg(dword_ptr(esp), esi);
            ret();

        /// quote: the text at ESI in quotes, or `none` where ESI is 0; at most 4096 characters.
        'quote:
            pushad();
            test(esi, esi);
            jz('quote_none);
            mov(ecx, 4096);
            mov(al, 0x22);
            call('put);
        'next_quoted:
            lodsb();
            test(al, al);
            jz('quoted);
            call('put);
            dec(ecx);
            jnz('next_quoted);
        'quoted:
            mov(al, 0x22);
            call('put);
            popad();
            ret();
        'quote_none:
            nop();
    }
    say(a, "none")?;
    asm! { a =>
            popad();
            ret();

        'space:
            push(eax);
            mov(al, 0x20);
            call('put);
            pop(eax);
            ret();
        'end_line:
            push(eax);
            mov(al, 10);
            call('put);
            pop(eax);
            ret();
    }
    Ok(())
}

fn byte_sum(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// byte_sum: EAX = the sum of the ECX bytes at ESI: tells whether a module came whole.
        'byte_sum:
            push(ecx);
            push(edx);
            push(esi);
            xor(eax, eax);
            test(ecx, ecx);
            jz('byte_sum_done);
        'next_byte:
            movzx(edx, byte_ptr(esi));
            add(eax, edx);
            inc(esi);
            dec(ecx);
            jnz('next_byte);
        'byte_sum_done:
            pop(esi);
            pop(edx);
            pop(ecx);
            ret();
    }
    Ok(())
}

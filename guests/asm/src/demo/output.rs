//! Text on COM1.
//!
//! Source: National Semiconductor PC16550D datasheet, "Registers". Polled: a character is written
//! when the line status register says the transmitter has room.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::Program;

const COM1: u32 = 0x3f8;
const LINE_STATUS: u32 = COM1 + 5;
const THRE: u32 = 1 << 5;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    serial(a)?;
    hexadecimal(a)?;
    decimal(a)
}

fn serial(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// serial_init: 115200 baud, 8 data bits, no parity, 1 stop bit, FIFOs on.
        'serial_init:
            lea(rsi, ptr('serial_registers));
            mov(ecx, 7);
        'next_register:
            movzx(edx, byte_ptr(rsi));          //! register
            add(edx, COM1);
            mov(al, byte_ptr(rsi + 1));         //! value
            out(dx, al);
            add(rsi, 2);
            dec(ecx);
            jnz('next_register);
            ret();
        'serial_registers:
            db(&[1, 0x00]);                     //! IER: no interrupts, we poll
            db(&[3, 0x80]);                     //! LCR: DLAB shows the divisor
            db(&[0, 1]);                        //! DLL: 115200 / 1
            db(&[1, 0]);                        //! DLM
            db(&[3, 0x03]);                     //! LCR: 8 bits, no parity, 1 stop bit
            db(&[2, 0x07]);                     //! FCR: FIFOs on and empty
            db(&[4, 0x03]);                     //! MCR: DTR and RTS

        /// print: the text at RSI, up to its NUL. Changes RAX, RDX, RSI.
        'print:
            lodsb();
            test(al, al);
            jz('printed);
            call('put);
            jmp('print);
        'printed:
            ret();

        /// put: the character in AL; a line feed brings its carriage return. Changes RAX, RDX.
        'put:
            cmp(al, 10);
            jne('transmit);
            mov(al, 13);
            call('transmit);
            mov(al, 10);
        'transmit:
            mov(ah, al);
            mov(edx, LINE_STATUS);
        'wait_for_room:
            in_(al, dx);
            test(al, THRE);
            jz('wait_for_room);
            mov(al, ah);
            mov(edx, COM1);
            out(dx, al);
            ret();
    }
    Ok(())
}

fn hexadecimal(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// print_hex: RAX as 0x and 16 digits. Changes RAX, RCX, RDX, RSI, RDI.
        'print_hex:
            mov(ecx, 16);
        /// print_hex_digits: only the lowest ECX digits.
        'print_hex_digits:
            mov(rdi, rax);
            lea(rsi, ptr('hex_prefix));
            call('print);
            shl(ecx, 2);                        //! as bits
            ror(rdi, cl);                       //! the digits to print are now the highest
            shr(ecx, 2);
        'next_hex_digit:
            rol(rdi, 4);                        //! the highest digit comes to the lowest place
            mov(eax, edi);
            and(eax, 15);
            lea(rsi, ptr('digits));
            mov(al, byte_ptr(rsi + rax));
            call('put);
            dec(ecx);
            jnz('next_hex_digit);
            ret();
        'digits:
            text("0123456789abcdef");
        'hex_prefix:
            text("0x");
    }
    Ok(())
}

fn decimal(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// print_decimal: RAX. Digits come lowest first, so they wait on the stack.
        /// Changes RAX, RCX, RDX, RDI.
        'print_decimal:
            xor(ecx, ecx);                      //! digits on the stack
            mov(edi, 10);
        'next_digit:
            xor(edx, edx);
            div(rdi);
            push(rdx);
            inc(ecx);
            test(rax, rax);
            jnz('next_digit);
        'print_digit:
            pop(rax);
            add(al, 0x30);                      //! '0'
            call('put);
            dec(ecx);
            jnz('print_digit);
            ret();
    }
    Ok(())
}

//! Guests that misbehave, reset, or only wait: what the machine and the command must survive and
//! name. Nothing here returns or, but for [`echo`], powers off.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{COM1, Console, routines, say};
use super::{STACK_TOP, pvh_kernel};
use crate::asm;
use crate::asm::Program;
use crate::power::power_off;

/// Far above the RAM of any test, and no device.
const NOWHERE: u32 = 0xc000_0000;

/// Runs on in a hole of the memory map. The bytes there read FFh, no instruction begins with two
/// of them, and with no IDT the #UD ends in a triple fault. (Under QEMU 7.2 the hole reads 0, and
/// the guest runs on through it for ever.)
pub fn jump_nowhere() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                lidt(ptr('no_idt));
                mov(eax, NOWHERE);
                jmp(eax);
            'no_idt:
                dw(&[0]);                       //! limit 0: no gate at all
                dd(&[0]);
        }
        Ok(())
    })
}

/// #UD without an IDT: #UD, then #GP while delivering it, then #DF, then shutdown.
pub fn triple_fault() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                lidt(ptr('no_idt));
                ud2();
            'no_idt:
                dw(&[0]);                       //! limit 0: no gate at all
                dd(&[0]);
        }
        Ok(())
    })
}

/// An endless loop that no interrupt can reach.
pub fn spin() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                cli();
            'again:
                jmp('again);
        }
        Ok(())
    })
}

/// HLT with interrupts off: no event can wake it.
pub fn halt() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
            'again:
                cli();
                hlt();
                jmp('again);
        }
        Ok(())
    })
}

/// Lines of 64 characters on COM1, for ever, without asking whether there is room.
pub fn serial_flood() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                mov(edx, COM1);
            'next_line:
                mov(al, 0x3f);
            'next_character:
                inc(al);
                out(dx, al);                    //! '@' to DEL
                cmp(al, 0x7f);
                jb('next_character);
                mov(al, 10);
                out(dx, al);
                jmp('next_line);
        }
        Ok(())
    })
}

/// A reset by the chipset's reset control register, port 0xcf9.
pub fn reset_cf9() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                mov(edx, 0xcf9);
                mov(al, 0x02);                  //! a hard reset is to come
                out(dx, al);
                mov(al, 0x06);                  //! now
                out(dx, al);
            'wait:
                cli();
                hlt();
                jmp('wait);
        }
        Ok(())
    })
}

/// A reset by the keyboard controller: pulse output line 0.
pub fn reset_8042() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                mov(al, 0xfe);
                out(0x64, al);
            'wait:
                cli();
                hlt();
                jmp('wait);
        }
        Ok(())
    })
}

/// Prints `ready`, then every character that comes in on COM1, up to `q`; then powers off.
pub fn echo() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                mov(esp, STACK_TOP);
                cld();
        }
        say(a, "ready\n")?;
        echo_loop(a)?;
        power_off(a)?;
        routines(a, Console::Com1)
    })
}

fn echo_loop(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'next:
            mov(edx, COM1 + 5);
            in_(al, dx);
            test(al, 1);                        //! LSR: data ready
            jz('next);
            mov(edx, COM1);
            in_(al, dx);
            call('put);
            cmp(al, 0x71);                      //! 'q'
            jne('next);
    }
    Ok(())
}

//! Is there a screen and a keyboard? Asks the keyboard controller for its self-test and the keyboard who
//! it is, and writes the answers to a text page that does not begin where display memory does; then powers
//! off.
//!
//! Sources: IBM VGA/XGA Technical Reference, "CRT Controller Registers"; IBM PS/2 Technical Reference,
//! "Keyboard and Auxiliary Device Controller".

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{Console, TEXT_PLACE, TEXT_WINDOW, routines, say, say_eax};
use super::{STACK_TOP, pvh_kernel};
use crate::asm;
use crate::asm::Program;
use crate::power::power_off;

const CRTC: u32 = 0x3d4;
const START_HIGH: u32 = 0x0c;
const CURSOR_HIGH: u32 = 0x0e;
/// The first cell of the page: five rows down.
const PAGE: u32 = 400;

/// The kernel.
pub fn screen() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                mov(esp, STACK_TOP);
                cld();
                mov(dword_ptr(TEXT_PLACE), TEXT_WINDOW);
        }
        say(a, "above the page\n")?;
        asm! { a =>
                mov(dword_ptr(TEXT_PLACE), TEXT_WINDOW + 2 * PAGE);
        }
        say(a, "bootscope screen test\n")?;
        self_test(a)?;
        identify(a)?;
        show_page(a)?;
        power_off(a)?;
        keyboard_routines(a)?;
        routines(a, Console::Screen)
    })
}

fn self_test(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('wait_until_taken);
            mov(al, 0xaa);
            out(0x64, al);
            call('keyboard_byte);
    }
    say_eax(a, "SELF_TEST")
}

fn identify(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            call('wait_until_taken);
            mov(al, 0xf2);
            out(0x60, al);
            xor(ebx, ebx);
            mov(ecx, 3);
        'next_answer:
            call('keyboard_byte);
            shl(ebx, 8);
            or(ebx, eax);
            dec(ecx);
            jnz('next_answer);
            mov(eax, ebx);
    }
    say_eax(a, "KEYBOARD")
}

/// The page begins at [`PAGE`], and the cursor stands behind the last character.
fn show_page(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, PAGE);
            mov(ecx, START_HIGH);
            call('set_crtc_pair);
            mov(ebx, dword_ptr(TEXT_PLACE));
            sub(ebx, TEXT_WINDOW);
            shr(ebx, 1);
            mov(ecx, CURSOR_HIGH);
            call('set_crtc_pair);
    }
    Ok(())
}

fn keyboard_routines(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// wait_until_taken: the controller has dealt with what was written.
        'wait_until_taken:
            in_(al, 0x64);
            test(al, 2);                        //! IBF
            jnz('wait_until_taken);
            ret();

        /// keyboard_byte: EAX = the next byte at port 0x60.
        'keyboard_byte:
            in_(al, 0x64);
            test(al, 1);                        //! OBF
            jz('keyboard_byte);
            in_(al, 0x60);
            movzx(eax, al);
            ret();

        /// set_crtc_pair: BX into the CRT controller's registers CL (high) and CL + 1 (low).
        'set_crtc_pair:
            mov(edx, CRTC);
            mov(al, cl);
            mov(ah, bh);
            out(dx, ax);
            inc(al);
            mov(ah, bl);
            out(dx, ax);
            ret();
    }
    Ok(())
}

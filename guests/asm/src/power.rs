//! The way off: ACPI Specification, "PM1 Control Registers" (SLP_TYP, SLP_EN). Which port it is and which SLP_TYP
//! means S5 stands in the ACPI tables; programs here know the machine they are made for, and QEMU's `pc`, which
//! agrees.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::Program;

pub(crate) const PM1A_CONTROL: u32 = 0x604;
pub(crate) const SLEEP_S5: u32 = 1 << 13; // SLP_EN with SLP_TYP 0

/// Powers off, from code of 16 or 32 bits; halts where there is no such register.
pub(crate) fn power_off(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(edx, PM1A_CONTROL);
            mov(eax, SLEEP_S5);
            out(dx, ax);
        'stop:
            cli();
            hlt();
            jmp('stop);
    }
    Ok(())
}

//! The 64-bit program: what the demo shows, one call a step.
//!
//! The way out is ACPI's, by the registers that `power.rs` knows instead of an AML interpreter.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{STACK_TOP, selector};
use crate::asm;
use crate::asm::Program;
use crate::power::{PM1A_CONTROL, SLEEP_S5};

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// 64-bit code from here. EBX and EBP are the 32-bit part's; their upper halves are
        /// undefined after the change of mode, so only 32 bits are kept.
        'long_mode:
            mov(eax, u32::from(selector::DATA));
            mov(ds, eax);
            mov(es, eax);
            mov(ss, eax);
            xor(eax, eax);
            mov(fs, eax);
            mov(gs, eax);
            mov(esp, STACK_TOP);
            mov(dword_ptr('protocol), ebp);
            mov(dword_ptr('information), ebx);

            call('serial_init);
            call('report_entry);
            call('report_cpu);
            call('report_memory);
            call('interrupts_init);
            call('take_faults);
            call('count_ticks);

        /// Power off: ACPI state S5.
            lea(rsi, ptr('goodbye_text));
            call('print);
            mov(edx, PM1A_CONTROL);
            mov(eax, SLEEP_S5);
            out(dx, ax);

        /// A machine without that register goes on; there is nothing left to do.
            lea(rsi, ptr('still_here_text));
            call('print);
        'stop:
            cli();
            hlt();
            jmp('stop);

        'goodbye_text:
            text("Powering off.\n");
        'still_here_text:
            text("Nothing happened: no ACPI at port 0x604. Halted.\n");
    }
    Ok(())
}

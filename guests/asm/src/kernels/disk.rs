//! Does a disk on the primary IDE channel read and write by PIO, with the interrupt?
//!
//! Source: ATA/ATAPI-6, "PIO data-in command protocol", "PIO data-out command protocol"; Intel 8259A
//! datasheet for the interrupt.
//!
//! The kernel waits with HLT for IRQ 14, whose handler counts and reads the status. It prints what
//! IDENTIFY DEVICE says of the size, the byte sum of sectors 0-7 read one by one, then that of the same
//! sectors by READ MULTIPLE. It fills sector 1 with a pattern, reads it back, prints its byte sum and
//! how many interrupts there were, and powers off. A command that fails ends it with `failed=` and the
//! error and status registers.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{Console, routines, say_eax};
use super::{STACK_TOP, TABLES, pvh_kernel};
use crate::asm;
use crate::asm::Program;
use crate::descriptors::{enter_flat, flat_tables};
use crate::power::power_off;

const IDT: u32 = TABLES;
const BUFFER: u32 = TABLES + 0x1000;

/// The slave 8259A's vectors begin here; IRQ 14 is its input 6.
const SLAVE_VECTORS: u32 = 0x28;
const IRQ14: u32 = SLAVE_VECTORS + 6;

const COMMAND_BLOCK: u32 = 0x1f0;
const FEATURES: u32 = COMMAND_BLOCK + 1;
const COUNT: u32 = COMMAND_BLOCK + 2;
const LBA_LOW: u32 = COMMAND_BLOCK + 3;
const LBA_MID: u32 = COMMAND_BLOCK + 4;
const LBA_HIGH: u32 = COMMAND_BLOCK + 5;
const DEVICE: u32 = COMMAND_BLOCK + 6;
const STATUS: u32 = COMMAND_BLOCK + 7;
const CONTROL: u32 = 0x3f6;

const DRQ: u32 = 8;
const ERR: u32 = 1;
const BSY: u32 = 0x80;
const SECTORS: u32 = 8;
const WORDS: u32 = 256;

/// The kernel: ELF32, PVH.
pub fn disk() -> Vec<u8> {
    pvh_kernel(|a| {
        interrupts(a)?;
        size(a)?;
        reads(a)?;
        writes(a)?;
        say_eax(a, "interrupts")?;
        end(a)?;
        commands(a)?;
        failure(a)?;
        routines(a, Console::Com1)
    })
}

fn interrupts(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
    }
    enter_flat(a, IDT, IRQ14, "disk_interrupt")?;
    // ICW1 to ICW4, and all masked but the cascade and IRQ 14.
    for (port, value) in [
        (0x20, 0x11),
        (0x21, 0x20),
        (0x21, 0x04),
        (0x21, 0x01),
        (0x21, 0xfb),
        (0xa0, 0x11),
        (0xa1, SLAVE_VECTORS),
        (0xa1, 0x02),
        (0xa1, 0x01),
        (0xa1, 0xbf),
    ] {
        asm! { a =>
                mov(al, value);
                out(port, al);
        }
    }
    asm! { a =>
            xor(eax, eax);
            mov(edx, CONTROL);
            out(dx, al);                        //! nIEN clear: interrupts
            jmp('begin);

        /// disk_interrupt: counts, keeps the status, which acknowledges, and ends the interrupt.
        'disk_interrupt:
            pushad();
            inc(dword_ptr('count));
            mov(edx, STATUS);
            in_(al, dx);
            mov(byte_ptr('status), al);
            mov(al, 0x20);
            out(0xa0, al);
            out(0x20, al);
            popad();
            iretd();

        'count:
            dd(&[0]);
        'status:
            dd(&[0]);
    }
    flat_tables(a, IDT, IRQ14)?;
    asm! { a =>
        'begin:
            nop();
    }
    Ok(())
}

fn size(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// IDENTIFY DEVICE; words 60 and 61 are the number of sectors.
            xor(ebx, ebx);
            mov(eax, 0xecu32);
            call('command);
            mov(edi, BUFFER);
            mov(ecx, WORDS);
            call('block_in);
            mov(eax, dword_ptr(BUFFER + 120));
    }
    say_eax(a, "sectors")
}

fn reads(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// READ SECTORS: an interrupt for each.
            mov(ebx, SECTORS << 8);             //! BH: count, BL: first sector
            mov(eax, 0x20u32);
            call('command);
            mov(edi, BUFFER);
            mov(esi, SECTORS);
        'next_sector:
            mov(ecx, WORDS);
            call('block_in);
            dec(esi);
            jnz('next_sector);
            call('sum_of_all);
    }
    say_eax(a, "single")?;
    asm! { a =>
        /// SET MULTIPLE MODE, READ MULTIPLE: one block, one interrupt.
            mov(ebx, SECTORS << 8);
            mov(eax, 0xc6u32);
            call('command);
            call('ended);
            mov(edi, BUFFER);
            mov(ecx, SECTORS * WORDS / 2);
            xor(eax, eax);
            rep_stosd();
            mov(eax, 0xc4u32);
            call('command);
            mov(edi, BUFFER);
            mov(ecx, SECTORS * WORDS);
            call('block_in);
            call('sum_of_all);
    }
    say_eax(a, "multiple")
}

fn writes(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// WRITE SECTORS: no interrupt before the first block, so that its DRQ is waited for.
            mov(edi, BUFFER);
            mov(ecx, WORDS * 2);
            xor(eax, eax);
        'next_byte_of_pattern:
            stosb();
            add(al, 3);
            dec(ecx);
            jnz('next_byte_of_pattern);
            mov(ebx, 0x101u32);
            mov(eax, 0x30u32);
            call('command);
            mov(edx, CONTROL);
        'wait_for_drq:
            in_(al, dx);                        //! the alternate status acknowledges nothing
            test(al, BSY);
            jnz('wait_for_drq);
            test(al, DRQ);
            jz('failed);
            mov(esi, BUFFER);
            mov(ecx, WORDS);
            mov(edx, COMMAND_BLOCK);
            rep_outsw();
            call('ended);

        /// What was written is read back over other bytes.
            mov(byte_ptr(BUFFER + 100), 0xffu32);
            mov(eax, 0x20u32);
            call('command);
            mov(edi, BUFFER);
            mov(ecx, WORDS);
            call('block_in);
            mov(esi, BUFFER);
            mov(ecx, WORDS * 2);
            call('byte_sum);
    }
    say_eax(a, "written")?;
    asm! { a =>
            mov(eax, dword_ptr('count));
    }
    Ok(())
}

fn commands(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// command: AL to device 0, with BH sectors from LBA BL on. Interrupts are off until somebody
        /// waits for one.
        'command:
            push(eax);
            cli();
            mov(edx, DEVICE);
            mov(al, 0xe0);
            out(dx, al);
            xor(eax, eax);
            mov(edx, FEATURES);
            out(dx, al);
            mov(edx, LBA_MID);
            out(dx, al);
            mov(edx, LBA_HIGH);
            out(dx, al);
            mov(edx, COUNT);
            mov(al, bh);
            out(dx, al);
            mov(edx, LBA_LOW);
            mov(al, bl);
            out(dx, al);
            mov(byte_ptr('status), BSY);
            pop(eax);
            mov(edx, STATUS);
            out(dx, al);
            ret();

        /// interrupted: AL = the status that came with the next interrupt.
        'interrupted:
            cli();
            mov(al, byte_ptr('status));
            test(al, BSY);
            jz('it_came);
            sti();
            hlt();                              //! STI takes effect after HLT has begun
            jmp('interrupted);
        'it_came:
            mov(byte_ptr('status), BSY);
            test(al, ERR);
            jnz('failed);
            ret();

        /// block_in: ECX words to EDI, after the interrupt that announces them.
        'block_in:
            call('interrupted);
            test(al, DRQ);
            jz('failed);
            mov(edx, COMMAND_BLOCK);
            rep_insw();
            ret();

        /// ended: the interrupt at the end of a command; no data may be asked for.
        'ended:
            call('interrupted);
            test(al, DRQ);
            jnz('failed);
            ret();

        'sum_of_all:
            mov(esi, BUFFER);
            mov(ecx, SECTORS * WORDS * 2);
            jmp('byte_sum);
    }
    Ok(())
}

fn failure(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'failed:
            mov(ah, al);
            mov(edx, FEATURES);
            in_(al, dx);
            movzx(eax, ax);
    }
    say_eax(a, "failed")?;
    asm! { a =>
            jmp('end);
    }
    Ok(())
}

fn end(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'end:
            nop();
    }
    power_off(a)
}

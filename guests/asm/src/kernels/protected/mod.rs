//! What protected mode allows and how it refuses: kernels that try one thing after another and print
//! which exception came of it.
//!
//! Sources: SDM Vol. 3A, "Protection", "Task Management"; Vol. 3B, "8086 Emulation".
//!
//! Each answer is a line `NAME=VVEEEEEE` on COM1: the vector and its error code, or `ff` for no
//! exception (`40` where the program of CPL 3 ended by INT 40h). Lines about registers and memory are
//! plain numbers. Nothing printed depends on where the code lies.
//!
//! A try is a subroutine. The exception handlers drop what they find, restore the stack and flat
//! segments, and return to behind its call.

mod gates;
mod segments;
mod tasks;
mod v86;

pub use gates::gates;
pub use segments::segments;
pub use tasks::tasks;
pub use v86::v86;

use iced_x86::code_asm::*;
use iced_x86::{Code, IcedError, Instruction};

use super::console::{Console, routines, say, say_eax};
use super::{STACK_TOP, TABLES, pvh_image};
use crate::asm;
use crate::asm::{Program, assemble};
use crate::descriptors::{TSS_AVAILABLE, tss_descriptor};
use crate::elf::{CODE_OFFSET, Class, KERNEL_BASE};
use crate::power::power_off;

/// Of COM1.
const LINE_CONTROL: u32 = 0x3fb;
const PIC_MASKS: [u32; 2] = [0x21, 0xa1];

const IDT: u32 = TABLES;
const TSS: u32 = TABLES + 0x1000;
/// Two more tasks: of a 32-bit and of a 16-bit TSS.
const TSS_B: u32 = TABLES + 0x1100;
const TSS_C: u32 = TABLES + 0x1200;
const GDT: u32 = TABLES + 0x1800;
const USER_STACK: u32 = TABLES + 0x3000;
const INNER_STACK: u32 = TABLES + 0x4000;

/// Variables: what the last exception was.
const VECTOR: u32 = TABLES + 0x1400;
const ERROR: u32 = VECTOR + 4;
/// ESP of the try, in front of its return address.
const SAVED_ESP: u32 = VECTOR + 8;
/// EFLAGS for programs of CPL 3.
const USER_FLAGS: u32 = VECTOR + 12;
/// EFLAGS of the interrupted program.
const FLAGS: u32 = VECTOR + 16;
/// What tries note down.
const LOG: u32 = VECTOR + 32;

const CODE0: u16 = 0x08;
const DATA0: u32 = 0x10;
const CODE3: u32 = 0x1b;
const DATA3: u32 = 0x23;
const TSS_SELECTOR: u16 = 0x28;
const TASK_B: u16 = 0x30;
const TASK_C: u16 = 0x38;
/// A descriptor for tries to change.
const SCRATCH: u16 = 0x50;
/// Data of 4 KiB; expand-down data above 4 KiB; absent data; code that cannot be read; conforming code;
/// read-only data.
const SMALL: u32 = 0x70;
const DOWN: u32 = 0x78;
const ABSENT: u32 = 0x80;
const EXECUTE_ONLY: u32 = 0x88;
const CONFORMING: u16 = 0x90;
const READ_ONLY: u32 = 0x98;
/// Code of CPL 1.
const CODE1: u16 = 0xa0;

const GDT_ENTRIES: [u64; 21] = [
    0,
    0x00cf_9b00_0000_ffff, // 08 code
    0x00cf_9300_0000_ffff, // 10 data
    0x00cf_fb00_0000_ffff, // 18 code, CPL 3
    0x00cf_f300_0000_ffff, // 20 data, CPL 3
    tss_descriptor(TSS, 0x167, TSS_AVAILABLE),
    tss_descriptor(TSS_B, 0x67, TSS_AVAILABLE),
    tss_descriptor(TSS_C, 0x2b, 0x81),
    0,                     // 40
    0x0000_e500_0030_0000, // 48 task gate to task B, for CPL 3
    0,                     // 50
    0,                     // 58
    0,                     // 60
    0,                     // 68
    0x0040_9300_0000_0fff, // 70
    0x0040_9700_0000_0fff, // 78
    0x00cf_1300_0000_ffff, // 80
    0x00cf_9900_0000_ffff, // 88
    0x00cf_9f00_0000_ffff, // 90
    0x00cf_9100_0000_ffff, // 98
    0x00cf_bb00_0000_ffff, // a0
];

/// Vectors with a handler; software uses those from 40h.
const VECTORS: u32 = 0x44;
/// INT of a program of CPL 3 that has met no exception.
const DONE: u32 = 0x40;
/// Gates of CPL 0; absent; a task gate.
const INT_CPL0: u32 = 0x41;
const INT_ABSENT: u32 = 0x42;
const INT_TASK: u32 = 0x43;

/// A kernel of tries.
fn kernel(tries: fn(&mut Program) -> Result<(), IcedError>) -> Vec<u8> {
    let part = assemble(32, KERNEL_BASE + CODE_OFFSET, |a| {
        start(a)?;
        tries(a)?;
        say(a, "end\n")?;
        power_off(a)?;
        handlers(a)?;
        routines(a, Console::Com1)
    });
    pvh_image(Class::Elf32, 4, part.expect("the kernel's source assembles")).bytes()
}

/// Tables, segments, TR.
fn start(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
            mov(edx, LINE_CONTROL);             //! 8 bits: after reset they are 5, and Bochs obeys
            mov(al, 3);
            out(dx, al);
            mov(al, 0xff);                      //! no interrupts: firmware may have left the timer on
            out(PIC_MASKS[0], al);
            out(PIC_MASKS[1], al);
            lea(esi, ptr('gdt));
            mov(edi, GDT);
            mov(ecx, 2 * GDT_ENTRIES.len() as u32);
    }
    a.rep().movsd()?;
    asm! { a =>
            lgdt(ptr('gdt_pointer));
            jmp_far(CODE0, a.address("own_segments"));
        'gdt:
            dq(&GDT_ENTRIES);
        'gdt_pointer:
            dw(&[GDT_ENTRIES.len() as u16 * 8 - 1]);
            dd(&[GDT]);
        'idt_pointer:
            dw(&[(VECTORS * 8 - 1) as u16]);
            dd(&[IDT]);
        'own_segments:
            mov(eax, DATA0);
            mov(ds, eax);
            mov(es, eax);
            mov(ss, eax);

        /// Interrupt gates to stubs of 5 bytes each; those from 40h, and INT3, for CPL 3.
            lea(eax, ptr('stubs));
            mov(edi, IDT);
            mov(ecx, VECTORS);
        'next_gate:
            mov(dword_ptr(edi), eax);
            mov(dword_ptr(edi + 4), eax);
            mov(word_ptr(edi + 2), u32::from(CODE0));
            mov(word_ptr(edi + 4), 0x8e00u32);
            add(eax, 5);
            add(edi, 8);
            dec(ecx);
            jnz('next_gate);
            mov(byte_ptr(IDT + 3 * 8 + 5), 0xeeu32);
            mov(byte_ptr(IDT + DONE * 8 + 5), 0xeeu32);
            mov(byte_ptr(IDT + INT_ABSENT * 8 + 5), 0x6eu32);
            lidt(ptr('idt_pointer));

            mov(dword_ptr(TSS + 4), INNER_STACK);
            mov(dword_ptr(TSS + 8), DATA0);
            mov(word_ptr(TSS + 0x66), 0x88u32);
            mov(eax, u32::from(TSS_SELECTOR));
            ltr(eax);
            xor(eax, eax);
            lldt(eax);                          //! after RESET there is one, at 0
            mov(dword_ptr(USER_FLAGS), 2);
    }
    Ok(())
}

/// Stubs, and what they lead to.
fn handlers(a: &mut Program) -> Result<(), IcedError> {
    let stubs = a.address("stubs");
    a.bind("stubs")?;
    for _ in 0..VECTORS {
        asm! { a => call('exception); }
    }
    asm! { a =>
        /// The return address tells the vector. Segments may be anything.
        'exception:
            mov(eax, DATA0);
            mov(ds, eax);
            mov(es, eax);
            pop(eax);
            sub(eax, stubs);
            xor(edx, edx);
            mov(ecx, 5);
            div(ecx);
            dec(eax);
            mov(dword_ptr(VECTOR), eax);
            cmp(eax, 32);
            jae('no_code);
            mov(ecx, 0x0002_7d00);              //! vectors with an error code
            bt(ecx, eax);
            jnc('no_code);
            pop(dword_ptr(ERROR));
        'no_code:
            mov(eax, dword_ptr(esp + 8));
            mov(dword_ptr(FLAGS), eax);
            mov(eax, DATA0);
            mov(ss, eax);
            mov(esp, dword_ptr(SAVED_ESP));
            sub(esp, 4);
            push(2);
            popfd();
            ret();

        /// arm: the next CALL is a try.
        'arm:
            mov(dword_ptr(VECTOR), 0xff);
            mov(dword_ptr(ERROR), 0);
            lea(eax, ptr(esp + 4));
            mov(dword_ptr(SAVED_ESP), eax);
            ret();

        /// report: what came of it.
        'report:
            mov(eax, dword_ptr(VECTOR));
            shl(eax, 24);
            or(eax, dword_ptr(ERROR));
            call('equals_hex);
            call('end_line);
            ret();

        /// to_user: what follows the call goes on at CPL 3, with its own stack.
        'to_user:
            pop(eax);
            push(DATA3);
            push(USER_STACK);
            push(dword_ptr(USER_FLAGS));
            push(CODE3);
            push(eax);
            mov(eax, DATA3);
            mov(ds, eax);
            mov(es, eax);
            iretd();
    }
    Ok(())
}

/// A try, and its line.
fn attempt(
    a: &mut Program,
    name: &'static str,
    body: impl FnOnce(&mut Program) -> Result<(), IcedError>,
) -> Result<(), IcedError> {
    let (inside, behind) = (a.local_label(), a.local_label());
    asm! { a => call('arm); }
    a.call(inside)?;
    a.jmp(behind)?;
    a.bind_local(inside)?;
    body(a)?;
    a.ret()?;
    a.bind_local(behind)?;
    say(a, name)?;
    asm! { a => call('report); }
    Ok(())
}

/// A try at CPL 3.
fn attempt_user(
    a: &mut Program,
    name: &'static str,
    body: impl FnOnce(&mut Program) -> Result<(), IcedError>,
) -> Result<(), IcedError> {
    attempt(a, name, |a| {
        asm! { a => call('to_user); }
        body(a)?;
        a.int(DONE)
    })
}

/// Prints words of the log.
fn print_log(a: &mut Program, names: &[&'static str]) -> Result<(), IcedError> {
    for (n, name) in (0..).zip(names) {
        asm! { a => mov(eax, dword_ptr(LOG + 4 * n)); }
        say_eax(a, name)?;
    }
    Ok(())
}

/// Puts a descriptor into the GDT.
fn descriptor(a: &mut Program, selector: u16, value: u64) -> Result<(), IcedError> {
    let at = GDT + u32::from(selector & !7);
    asm! { a =>
            mov(dword_ptr(at), value as u32);
            mov(dword_ptr(at + 4), (value >> 32) as u32);
    }
    Ok(())
}

/// A gate to a label, as a descriptor in the GDT: selector, bits 32-47.
fn gate_to(
    a: &mut Program,
    at: u32,
    label: &'static str,
    selector: u16,
    bits: u32,
) -> Result<(), IcedError> {
    let address = a.address(label);
    asm! { a =>
            mov(eax, address);
            mov(dword_ptr(at), eax);
            mov(dword_ptr(at + 4), eax);
            mov(word_ptr(at + 2), u32::from(selector));
            mov(word_ptr(at + 4), bits);
    }
    Ok(())
}

/// `CALL` and `JMP ptr16:32` with offset 0.
fn call_far(a: &mut Program, selector: u16) -> Result<(), IcedError> {
    far(a, Code::Call_ptr1632, selector)
}

fn jump_far(a: &mut Program, selector: u16) -> Result<(), IcedError> {
    far(a, Code::Jmp_ptr1632, selector)
}

fn far(a: &mut Program, code: Code, selector: u16) -> Result<(), IcedError> {
    a.next();
    a.add_instruction(Instruction::with_far_branch(code, selector, 0)?)
}

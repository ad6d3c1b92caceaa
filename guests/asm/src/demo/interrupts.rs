//! Faults and interrupts: an IDT, a page fault and a divide error taken on purpose, and a timer
//! that ticks.
//!
//! Sources: SDM Vol. 3A, "64-Bit Mode IDT", "64-Bit Mode Stack Frame", "Interrupt 14, Page-Fault
//! Exception"; Intel 8259A and 8254 datasheets; the PC/AT Technical Reference for the ports.
//!
//! Each handler is written for the one place it can be reached from. The fault handlers save
//! nothing: the code that faults on purpose expects no register back.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{IDT, selector};
use crate::asm;
use crate::asm::Program;

const DIVIDE_ERROR: u32 = 0;
const PAGE_FAULT: u32 = 14;
/// IRQ 0 to 15 come as vectors 0x20 to 0x2f: those below are the CPU's own.
const FIRST_IRQ: u32 = 0x20;
const VECTORS: u32 = 0x30;
const GATE_BYTES: u32 = 16;

/// Canonical, and far above the 4 GiB that are mapped.
const UNMAPPED: u64 = 0x1234_5678_9000;

const PIC_MASTER: u32 = 0x20;
const PIC_MASTER_DATA: u32 = 0x21;
const PIC_SLAVE_DATA: u32 = 0xa1;
const EOI: u32 = 0x20;

const PIT_COUNTER_0: u32 = 0x40;
const PIT_CONTROL: u32 = 0x43;
/// Counter 0, low byte then high byte, mode 2 (rate generator), binary.
const PIT_RATE_GENERATOR: u32 = 0x34;
/// 1193182 Hz / 11932 = 99.998 Hz.
const PIT_DIVISOR: u32 = 11932;
const TICKS: i32 = 25;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    table(a)?;
    faults(a)?;
    fault_handlers(a)?;
    controllers(a)?;
    timer(a)
}

fn table(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// interrupts_init: every vector leads to a handler; three of them to a special one.
        'interrupts_init:
            xor(ecx, ecx);
        'next_gate:
            lea(rax, ptr('unexpected));
            call('set_gate);
            inc(ecx);
            cmp(ecx, VECTORS);
            jb('next_gate);
            mov(ecx, DIVIDE_ERROR);
            lea(rax, ptr('divide_error));
            call('set_gate);
            mov(ecx, PAGE_FAULT);
            lea(rax, ptr('page_fault));
            call('set_gate);
            mov(ecx, FIRST_IRQ);
            lea(rax, ptr('tick));
            call('set_gate);
            lidt(ptr('idt_pointer));
            ret();
        'idt_pointer:
            dw(&[(VECTORS * GATE_BYTES - 1) as u16]);
            dq(&[u64::from(IDT)]);

        /// set_gate: vector ECX leads to RAX, through an interrupt gate (IF = 0 inside), on the
        /// stack in use. Changes RAX, RDI.
        'set_gate:
            mov(edi, ecx);
            shl(edi, 4);                        //! 16 bytes a gate
            add(edi, IDT);
            mov(word_ptr(rdi), ax);             //! offset 15:0
            mov(word_ptr(rdi + 2), u32::from(selector::CODE64));
            mov(word_ptr(rdi + 4), 0x8e00u32);  //! present, DPL 0, interrupt gate, IST 0
            shr(rax, 16);
            mov(word_ptr(rdi + 6), ax);         //! offset 31:16
            shr(rax, 16);
            mov(dword_ptr(rdi + 8), eax);       //! offset 63:32
            mov(dword_ptr(rdi + 12), 0);
            ret();
    }
    Ok(())
}

fn faults(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// take_faults: two mistakes on purpose. Both are faults, so the saved RIP is that of the
        /// instruction itself; the handlers return to what RBX says instead.
        'take_faults:
            lea(rsi, ptr('page_fault_text));
            call('print);
            mov(rax, UNMAPPED);
            call('print_hex);
            call('end_line);
            lea(rbx, ptr('after_page_fault));
            mov(rax, UNMAPPED);
        'bad_write:
            mov(byte_ptr(rax), 1);
        'after_page_fault:
            lea(rsi, ptr('divide_text));
            call('print);
            lea(rbx, ptr('after_divide_error));
            mov(eax, 1);
            xor(edx, edx);
            xor(ecx, ecx);
        'bad_divide:
            div(ecx);
        'after_divide_error:
            ret();

        'page_fault_text:
            text("Writing where nothing is mapped, at ");
        'divide_text:
            text("Dividing by zero\n");
    }
    Ok(())
}

fn fault_handlers(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// #PF. On the stack: error code, RIP, CS, RFLAGS, RSP, SS. CR2 has the address.
        'page_fault:
            lea(rsi, ptr('pf_text));
            call('print);
            mov(rax, cr2);
            call('print_hex);
            lea(rsi, ptr('error_code_text));
            call('print);
            pop(rax);                           //! IRETQ does not expect the error code
            mov(r8, rax);
            mov(ecx, 1);
            call('print_hex_digits);
            lea(rsi, ptr('meaning_text));
            call('print);
            lea(rsi, ptr('absent_text));
            lea(rdi, ptr('protection_text));
            test(r8b, 1);                       //! P: the page was there
            cmovnz(rsi, rdi);
            call('print);
            lea(rsi, ptr('read_text));
            lea(rdi, ptr('write_text));
            test(r8b, 2);                       //! W/R
            cmovnz(rsi, rdi);
            call('print);
            jmp('resume);

        /// #DE has no error code.
        'divide_error:
            lea(rsi, ptr('de_text));
            call('print);
        'resume:
            lea(rsi, ptr('rip_text));
            call('print);
            mov(rax, qword_ptr(rsp));
            call('print_hex);
            call('end_line);
            mov(qword_ptr(rsp), rbx);           //! go on behind the mistake
            iretq();

        /// Every other vector: nothing here causes it, so there is no way to go on.
        'unexpected:
            lea(rsi, ptr('unexpected_text));
            call('print);
            jmp('stop);

        'pf_text:
            text("  #PF: address ");
        'error_code_text:
            text(", error code ");
        'meaning_text:
            text(" (");
        'absent_text:
            text("page not present");
        'protection_text:
            text("page protected");
        'read_text:
            text(", read)");
        'write_text:
            text(", write)");
        'de_text:
            text("  #DE");
        'rip_text:
            text(", RIP ");
        'unexpected_text:
            text("An interrupt that nobody asked for. Halted.\n");
    }
    Ok(())
}

fn controllers(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// pic_init: both 8259As to vectors 0x20 to 0x2f; only IRQ 0 is let through.
        'pic_init:
            lea(rsi, ptr('pic_bytes));
            mov(ecx, 10);
        'next_pic_byte:
            movzx(edx, byte_ptr(rsi));          //! port
            mov(al, byte_ptr(rsi + 1));         //! value
            out(dx, al);
            add(rsi, 2);
            dec(ecx);
            jnz('next_pic_byte);
            ret();
        'pic_bytes:
            db(&[0x20, 0x11]);                  //! master ICW1: edge triggered, cascade, ICW4 comes
            db(&[0x21, FIRST_IRQ as u8]);       //! master ICW2: first vector
            db(&[0x21, 0x04]);                  //! master ICW3: a slave on IR2
            db(&[0x21, 0x01]);                  //! master ICW4: 8086 mode, normal EOI
            db(&[0xa0, 0x11]);                  //! slave ICW1
            db(&[0xa1, FIRST_IRQ as u8 + 8]);   //! slave ICW2
            db(&[0xa1, 0x02]);                  //! slave ICW3: its identity
            db(&[0xa1, 0x01]);                  //! slave ICW4
            db(&[PIC_MASTER_DATA as u8, 0xfe]); //! master OCW1: all masked but IR0
            db(&[PIC_SLAVE_DATA as u8, 0xff]);  //! slave OCW1: all masked

        /// pit_init: counter 0 interrupts 100 times a second.
        'pit_init:
            mov(al, PIT_RATE_GENERATOR);
            out(PIT_CONTROL, al);
            mov(al, PIT_DIVISOR & 0xff);
            out(PIT_COUNTER_0, al);
            mov(al, PIT_DIVISOR >> 8);
            out(PIT_COUNTER_0, al);
            ret();
    }
    Ok(())
}

fn timer(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// count_ticks: sleeps a quarter of a second, tick by tick.
        'count_ticks:
            lea(rsi, ptr('timer_text));
            call('print);
            call('pic_init);
            call('pit_init);
            sti();
        'sleep:
            hlt();                              //! until the next interrupt
            cmp(dword_ptr('ticks), TICKS);
            jb('sleep);
            cli();
            lea(rsi, ptr('indent_text));
            call('print);
            mov(eax, dword_ptr('ticks));
            call('print_decimal);
            lea(rsi, ptr('ticks_text));
            jmp('print);

        /// IRQ 0. This one interrupts anything, so it keeps every register.
        'tick:
            push(rax);
            inc(dword_ptr('ticks));
            mov(al, EOI);
            out(PIC_MASTER, al);
            pop(rax);
            iretq();

        'timer_text:
            text("Timer: PIT at 100 Hz through the PIC, asleep between ticks\n");
        'ticks_text:
            text(" ticks counted\n");
    }
    Ok(())
}

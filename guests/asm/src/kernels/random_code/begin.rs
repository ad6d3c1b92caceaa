//! The first 64-bit code: features, the IDT, the ways in, the timer; the arena's first content.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;
use crate::asm;
use crate::asm::Program;

const MSR_SYSENTER_CS: u32 = 0x174;
const MSR_STAR: u32 = 0xc000_0081;

/// Flags that SYSCALL clears: all.
const ALL_FLAGS: u32 = 0x3f_7fd5;
/// The timer's period in 1/1,193,182 s: long against a program, short against a run.
const TIMER_COUNT: u32 = 24;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    segments(a)?;
    features(a)?;
    gates(a)?;
    system_calls(a)?;
    timer(a)?;
    command_line(a)?;
    asm! { a =>
            mov(edi, ARENA);
            mov(ecx, ARENA_BYTES / 8);
            call('fill);
            jmp('fresh);
    }
    number(a)?;
    random(a)
}

fn segments(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, selector::DATA);
            mov(ds, eax);
            mov(es, eax);
            mov(ss, eax);
            mov(esp, STACK_TOP);
            mov(qword_ptr(TSS + 4), rsp);       //! RSP0
            mov(dword_ptr(TSS + 0x24), IST_TOP); //! IST1
            mov(word_ptr(TSS + 0x66), 104);     //! the I/O bitmap is beyond the limit: no port
            mov(eax, selector::TSS);
            ltr(ax);
            fninit();
    }
    Ok(())
}

/// CR4 and XCR0 get what CPUID offers to user code.
fn features(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(r15, cr4);
            xor(eax, eax);
            cpuid();
            cmp(eax, 7);
            jb('without_leaf_7);
            mov(eax, 7);
            xor(ecx, ecx);
            cpuid();
            mov(eax, ebx);
            and(eax, 1);
            shl(eax, 16);                       //! FSGSBASE
            or(r15d, eax);
            mov(eax, ebx);
            and(eax, 1 << 7);
            shl(eax, 13);                       //! SMEP
            or(r15d, eax);
            mov(eax, ebx);
            and(eax, 1 << 20);
            shl(eax, 1);                        //! SMAP
            or(r15d, eax);
            mov(eax, ecx);
            and(eax, 1 << 2);
            shl(eax, 9);                        //! UMIP
            or(r15d, eax);
            and(ecx, 1 << 3);
            mov(dword_ptr(HAS_KEYS), ecx);
            shl(ecx, 19);                       //! PKE
            or(r15d, ecx);
        'without_leaf_7:
            mov(eax, 1);
            xor(ecx, ecx);
            cpuid();
            and(ecx, 1 << 26);                  //! XSAVE
            shr(ecx, 8);                        //! OSXSAVE
            or(r15d, ecx);
            mov(cr4, r15);
            test(ecx, ecx);
            jz('gates);
            mov(eax, 13);
            xor(ecx, ecx);
            cpuid();                            //! EAX, EDX: every component there is
            xor(ecx, ecx);
            xsetbv();
    }
    Ok(())
}

/// 256 gates to the stubs of 5 bytes; ring 3 may call some of them by INT n.
fn gates(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'gates:
            xor(ecx, ecx);
            mov(edi, IDT);
            lea(rax, ptr('stubs));
        'next_gate:
            mov(word_ptr(rdi), ax);
            mov(word_ptr(rdi + 2), u32::from(selector::CODE64));
            mov(edx, 0x8e00);                   //! present, DPL 0, interrupt gate
            cmp(ecx, 3);
            je('for_ring_3);
            cmp(ecx, 4);
            je('for_ring_3);
            cmp(ecx, 0x40);
            jb('not_for_ring_3);
            test(cl, 1);
            jz('not_for_ring_3);
        'for_ring_3:
            or(edx, 0x6000);
        'not_for_ring_3:
            cmp(ecx, 8);
            je('with_ist);
            cmp(ecx, 1);
            jne('no_ist);
        'with_ist:
            inc(edx);                           //! #DF, and #DB, which may come on the user's stack
        'no_ist:
            mov(word_ptr(rdi + 4), dx);
            mov(rdx, rax);
            shr(rdx, 16);
            mov(word_ptr(rdi + 6), dx);
            shr(rdx, 16);
            mov(dword_ptr(rdi + 8), edx);
            mov(dword_ptr(rdi + 12), 0);
            add(edi, 16);
            add(rax, 5);
            inc(ecx);
            cmp(ecx, 256);
            jb('next_gate);
            lidt(ptr('idt_pointer));
            jmp('system_calls);
        'idt_pointer:
            dw(&[0xfff]);
            dq(&[u64::from(IDT)]);
    }
    Ok(())
}

fn system_calls(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'system_calls:
            mov(ecx, MSR_STAR);
            xor(eax, eax);
            mov(edx, (selector::USER_CODE32 << 16) | u32::from(selector::CODE64));
            wrmsr();
            lea(rax, ptr('syscall));
            xor(edx, edx);
            inc(ecx);                           //! LSTAR
            wrmsr();
            inc(ecx);                           //! CSTAR
            wrmsr();
            mov(eax, ALL_FLAGS);
            inc(ecx);                           //! FMASK
            wrmsr();
            mov(ecx, MSR_SYSENTER_CS);
            mov(eax, u32::from(selector::CODE64));
            wrmsr();
            inc(ecx);                           //! SYSENTER_ESP
            mov(eax, STACK_TOP);
            wrmsr();
            inc(ecx);                           //! SYSENTER_EIP
            lea(rax, ptr('sysenter));
            wrmsr();

        /// The call gate: SDM Vol. 3A, "Call-Gate Descriptor in IA-32e Mode".
            sgdt(ptr('own_gdt));
            mov(rdi, qword_ptr('own_gdt_base));
            lea(rax, ptr('gate));
            mov(word_ptr(rdi + selector::GATE), ax);
            mov(word_ptr(rdi + selector::GATE + 2), u32::from(selector::CODE64));
            mov(word_ptr(rdi + selector::GATE + 4), 0xec00u32); //! present, DPL 3, call gate
            shr(rax, 16);
            mov(word_ptr(rdi + selector::GATE + 6), ax);
            jmp('timer);
        'own_gdt:
            dw(&[0]);
        'own_gdt_base:
            dq(&[0]);
    }
    Ok(())
}

fn timer(a: &mut Program) -> Result<(), IcedError> {
    // ICW1 to ICW4 and the mask of either 8259A; channel 0 of the 8254 in mode 2.
    let writes: [(u32, u32); 13] = [
        (0x20, 0x11),
        (0x21, TIMER),
        (0x21, 4),
        (0x21, 1),
        (0x21, 0xfe),
        (0xa0, 0x11),
        (0xa1, TIMER + 8),
        (0xa1, 2),
        (0xa1, 1),
        (0xa1, 0xff),
        (0x43, 0x34),
        (0x40, TIMER_COUNT),
        (0x40, 0),
    ];
    asm! { a =>
        'timer:
            nop();
    }
    for (port, value) in writes {
        asm! { a =>
            mov(al, value);
            out(port, al);
        }
    }
    Ok(())
}

fn command_line(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(rax, SOME_SEED);
            mov(qword_ptr(SEED), rax);
            mov(dword_ptr(LEFT), SOME_EVENTS);
            mov(esi, dword_ptr(COMMAND_LINE));
            test(esi, esi);
            jz('no_command_line);
            call('number);
            test(rax, rax);
            jz('no_command_line);
            mov(qword_ptr(SEED), rax);
            inc(rsi);
            call('number);
            test(rax, rax);
            jz('no_command_line);
            mov(qword_ptr(LEFT), rax);
        'no_command_line:
            nop();
    }
    Ok(())
}

fn number(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// number: RAX = the hexadecimal digits at RSI, which then points behind them. Changes RCX.
        'number:
            xor(eax, eax);
        'next_digit:
            movzx(ecx, byte_ptr(rsi));
            sub(ecx, 0x30);                     //! '0'
            cmp(ecx, 10);
            jb('is_digit);
            or(ecx, 0x20);
            sub(ecx, 0x31);                     //! 'a' - '0'
            cmp(ecx, 6);
            jae('number_ends);
            add(ecx, 10);
        'is_digit:
            shl(rax, 4);
            or(rax, rcx);
            inc(rsi);
            jmp('next_digit);
        'number_ends:
            ret();
    }
    Ok(())
}

/// Random numbers, and random bytes that lean towards what has long opcodes: the escapes, the prefixes
/// that go with them, VEX, x87. One qword of 16 kinds; keep and set are masks of its low bytes.
fn random(a: &mut Program) -> Result<(), IcedError> {
    const ALL: u64 = u64::MAX;
    let keep: [u64; 16] = {
        let mut keep = [ALL; 16];
        (keep[0], keep[1], keep[2]) = (!0xff, !0xff, !0x1cff);
        (keep[3], keep[4], keep[5]) = (!0xffff, !0xffff, !0xf8);
        (keep[6], keep[7], keep[8]) = (!0xffff, !0xffff, !0xffff);
        (keep[9], keep[10]) = (!0xff_ffff, !0xf0);
        keep
    };
    let set: [u64; 16] = [
        0x0f, 0xc5, 0xc4, 0x380f, 0x3a0f, 0xd8, 0x0f66, 0x0ff3, 0x0ff2, 0x38_0f66, 0x40, 0, 0, 0,
        0, 0,
    ];
    asm! { a =>
        /// fill: RCX random qwords at RDI. Changes RAX, RBX, RCX, RDX, RDI.
        'fill:
            call('random);
            mov(rdx, rax);
            shr(rdx, 60);
            lea(rbx, ptr('keep));
            and(rax, qword_ptr(rbx + rdx * 8));
            or(rax, qword_ptr(rbx + rdx * 8 + 128));
            mov(qword_ptr(rdi), rax);
            add(rdi, 8);
            dec(ecx);
            jnz('fill);
            ret();
        'keep:
            dq(&keep);
            dq(&set);

        /// random: the next number in RAX (xorshift64). Changes RDX.
        'random:
            mov(rax, qword_ptr(SEED));
            mov(rdx, rax);
            shl(rdx, 13);
            xor(rax, rdx);
            mov(rdx, rax);
            shr(rdx, 7);
            xor(rax, rdx);
            mov(rdx, rax);
            shl(rdx, 17);
            xor(rax, rdx);
            mov(qword_ptr(SEED), rax);
            ret();
    }
    Ok(())
}

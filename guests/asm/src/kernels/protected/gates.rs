//! Call gates, interrupt gates, far returns: who may go where, and what is pushed.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;

const GATE: u16 = 0x58;
const GATE_AT: u32 = GDT + 0x58;
/// Bits 32-47 of a present call gate for CPL 3, of 32 and 16 bits.
const GATE32: u32 = 0xec00;
const GATE16: u32 = 0xe400;

/// The kernel: ELF32, PVH.
pub fn gates() -> Vec<u8> {
    kernel(|a| {
        inward(a)?;
        frames(a)?;
        refused(a)?;
        ring1(a)?;
        interrupts(a)?;
        outward(a)?;
        flags(a)?;
        targets(a)
    })
}

/// Straight transfers from CPL 3.
fn inward(a: &mut Program) -> Result<(), IcedError> {
    attempt_user(a, "call_code0", |a| call_far(a, CODE0))?;
    attempt_user(a, "call_data", |a| call_far(a, DATA3 as u16))?;
    attempt_user(a, "call_null", |a| call_far(a, 3))?;
    attempt_user(a, "call_beyond_gdt", |a| call_far(a, 0x3fb))?;
    attempt_user(a, "call_ldt_type", |a| call_far(a, 0x43))
}

/// Through gates, and back.
fn frames(a: &mut Program) -> Result<(), IcedError> {
    gate_to(a, GATE_AT, "gate_target", CODE0, GATE32 | 2)?;
    attempt_user(a, "gate32", |a| {
        asm! { a =>
                push(0x2222);
                push(0x1111);
        }
        call_far(a, GATE | 3)?;
        note_return(a)
    })?;
    let names = ["gate32.cs", "gate32.p1", "gate32.p2", "gate32.esp", "gate32.ss", "gate32.own_cs"];
    print_log(a, &names)?;
    asm! { a =>
            mov(eax, dword_ptr(LOG + 24));
            mov(dword_ptr(LOG), eax);
            mov(eax, dword_ptr(LOG + 28));
            mov(dword_ptr(LOG + 4), eax);
    }
    print_log(a, &["retf.esp", "retf.ds"])?;
    // A code segment that begins at the target makes the offset 0 fit in 16 bits.
    let base = u64::from(a.address("gate16_target"));
    let code = 0x0040_9b00_0000_0fff | (base & 0xff_ffff) << 16;
    descriptor(a, SCRATCH, code)?;
    descriptor(a, GATE, u64::from(GATE16 | 1) << 32 | u64::from(SCRATCH) << 16)?;
    attempt_user(a, "gate16", |a| {
        asm! { a => push(0x3333); }
        call_far(a, GATE | 3)
    })?;
    print_log(a, &["gate16.cs_p1", "gate16.sp_ss"])?;
    gate_to(a, GATE_AT, "conforming_target", CONFORMING, GATE32)?;
    attempt_user(a, "gate_conforming", |a| call_far(a, GATE | 3))?;
    print_log(a, &["conforming.cs"])
}

/// What the program of CPL 3 finds after the gate: its stack pointer, and DS, which was the inner
/// level's.
fn note_return(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, ds);
            mov(ecx, DATA3);
            mov(ds, ecx);
            mov(dword_ptr(LOG + 28), eax);
            mov(dword_ptr(LOG + 24), esp);
    }
    Ok(())
}

/// Gates that refuse.
fn refused(a: &mut Program) -> Result<(), IcedError> {
    let gate = |selector: u16, bits: u32| u64::from(bits) << 32 | u64::from(selector) << 16;
    let cases: [(&'static str, u64); 7] = [
        ("gate_dpl0", gate(CODE0, 0x8c00)),
        ("gate_absent", gate(CODE0, 0x6c00)),
        ("gate_null", gate(0, GATE32)),
        ("gate_data", gate(DATA0 as u16, GATE32)),
        ("gate_beyond_gdt", gate(0x3f8, GATE32)),
        ("gate_interrupt", gate(CODE0, 0xee00)),
        ("gate_busy_tss", gate(0, 0xeb00)),
    ];
    for (name, value) in cases {
        descriptor(a, GATE, value)?;
        attempt_user(a, name, |a| call_far(a, GATE | 3))?;
    }
    gate_to(a, GATE_AT, "gate_target", CODE0, GATE32)?;
    attempt_user(a, "gate_jump_inward", |a| jump_far(a, GATE | 3))
}

/// The stack of CPL 1 is bad, that of CPL 0, where the fault is told, is good.
fn ring1(a: &mut Program) -> Result<(), IcedError> {
    gate_to(a, GATE_AT, "gate_target", CODE1, GATE32)?;
    descriptor(a, SCRATCH, 0x00cf_3300_0000_ffff)?; // data of CPL 1, absent
    let cases = [
        ("ring1_ss_null", 0),
        ("ring1_ss_dpl0", DATA0),
        ("ring1_ss_beyond_gdt", 0x3f9),
        ("ring1_ss_absent", u32::from(SCRATCH) | 1),
    ];
    for (name, selector) in cases {
        asm! { a => mov(dword_ptr(TSS + 16), selector); }
        attempt_user(a, name, |a| call_far(a, GATE | 3))?;
    }
    Ok(())
}

fn interrupts(a: &mut Program) -> Result<(), IcedError> {
    attempt_user(a, "int_dpl0", |a| a.int(INT_CPL0))?;
    attempt_user(a, "int_absent", |a| a.int(INT_ABSENT))?;
    attempt_user(a, "int_beyond_idt", |a| a.int(0x50))?;
    attempt_user(a, "int3", |a| a.int3())?;
    attempt_user(a, "ud2", |a| a.ud2())?;
    attempt_user(a, "hlt", |a| a.hlt())?;
    attempt_user(a, "cli", |a| a.cli())?;
    attempt_user(a, "in", |a| a.in_(al, 0x60))
}

/// Far returns at CPL 0, to segments that do not do.
fn outward(a: &mut Program) -> Result<(), IcedError> {
    let cases = [
        ("retf_null", 0),
        ("retf_data", DATA0),
        ("retf_dpl3_rpl0", CODE3 & !3),
        ("retf_beyond_gdt", 0x3f8),
    ];
    for (name, selector) in cases {
        attempt(a, name, |a| {
            asm! { a =>
                    push(selector);
                    push(0);
                    retf();
            }
            Ok(())
        })?;
    }
    attempt(a, "iret_ss_null", |a| {
        asm! { a =>
                push(0);
                push(0);
                push(2);
                push(CODE3);
                push(0);
                iretd();
        }
        Ok(())
    })?;
    attempt(a, "iret_ss_dpl0", |a| {
        asm! { a =>
                push(DATA0);
                push(0);
                push(2);
                push(CODE3);
                push(0);
                iretd();
        }
        Ok(())
    })
}

/// POPFD and IRETD at CPL 3 leave IOPL and IF alone.
fn flags(a: &mut Program) -> Result<(), IcedError> {
    attempt_user(a, "popf", |a| {
        asm! { a =>
                push(0x24_7ed7);
                popfd();
                pushfd();
                pop(eax);
                push(2);
                popfd();
                mov(dword_ptr(LOG), eax);
        }
        Ok(())
    })?;
    print_log(a, &["popf.flags"])
}

/// Where the gates lead.
fn targets(a: &mut Program) -> Result<(), IcedError> {
    let behind = a.local_label();
    a.jmp(behind)?;
    asm! { a =>
        'gate_target:
            mov(eax, DATA0);
            mov(ds, eax);
            mov(esi, esp);
            lea(esi, ptr(esp + 4));
            mov(edi, LOG);
            mov(ecx, 5);
        'next_word:
            mov(eax, dword_ptr(esi));
            mov(dword_ptr(edi), eax);
            add(esi, 4);
            add(edi, 4);
            dec(ecx);
            jnz('next_word);
            mov(eax, cs);
            mov(dword_ptr(LOG + 20), eax);
            retf_1(8);

        'gate16_target:
            mov(eax, DATA0);
            mov(ds, eax);
            mov(eax, dword_ptr(esp + 2));
            mov(dword_ptr(LOG), eax);
            mov(eax, dword_ptr(esp + 6));
            mov(dword_ptr(LOG + 4), eax);
            int(DONE);

        'conforming_target:
            mov(eax, cs);
            mov(dword_ptr(LOG), eax);
            int(DONE);
    }
    a.bind_local(behind)
}

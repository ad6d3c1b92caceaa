//! Hardware task switches: what is saved and loaded, who stays busy, and which task a fault belongs to.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;

const TASK_STACK: u32 = TABLES + 0x5000;
/// Stack segment of the 16-bit task: 64 KiB from the tables, without B.
const STACK16: u16 = 0x58;
/// Its code: 64 KiB from the kernel's base.
const CODE16: u16 = 0x60;
const LDT: u16 = 0x40;
const LDT_AT: u32 = TABLES + 0x1700;
const TASK_GATE: u16 = 0x48;

/// Offsets in a 32-bit TSS.
const LINK: u32 = 0;
const ESP0: u32 = 4;
const EIP: u32 = 0x20;
const EFLAGS: u32 = 0x24;
const EAX: u32 = 0x28;
const ES: u32 = 0x48;
const LDTR: u32 = 0x60;
const TRAP: u32 = 0x64;

/// The kernel: ELF32, PVH.
pub fn tasks() -> Vec<u8> {
    kernel(|a| {
        switches(a)?;
        task_gates(a)?;
        short(a)?;
        old_task_faults(a)?;
        new_task_faults(a)?;
        trap(a)?;
        code(a)
    })
}

/// Another task at rest, and this one, by LTR.
fn reset(a: &mut Program) -> Result<(), IcedError> {
    asm! { a => call('reset_tasks); }
    Ok(())
}

fn switches(a: &mut Program) -> Result<(), IcedError> {
    let names = ["tr", "flags", "link", "cr0.ts", "busy_a", "busy_b", "saved_ebx", "eax", "fs"];
    reset(a)?;
    attempt(a, "jmp_tss", |a| {
        asm! { a => mov(ebx, 0x1234_5678); }
        jump_far(a, TASK_B)
    })?;
    print_log(a, &names)?;
    after(a)?;
    reset(a)?;
    attempt(a, "call_tss", |a| call_far(a, TASK_B))?;
    print_log(a, &names[..6])?;
    after(a)?;
    reset(a)?;
    attempt(a, "call_gate", |a| call_far(a, TASK_GATE))?;
    print_log(a, &names[..3])?;
    after(a)
}

/// What is left behind: who is busy, and the flags that the other task saved.
fn after(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            movzx(eax, byte_ptr(GDT + u32::from(TSS_SELECTOR) + 5));
            mov(dword_ptr(LOG), eax);
            movzx(eax, byte_ptr(GDT + u32::from(TASK_B) + 5));
            mov(dword_ptr(LOG + 4), eax);
            mov(eax, dword_ptr(TSS_B + EFLAGS));
            mov(dword_ptr(LOG + 8), eax);
            str(eax);
            mov(dword_ptr(LOG + 12), eax);
            pushfd();
            pop(dword_ptr(LOG + 16));
    }
    print_log(a, &["after.busy_a", "after.busy_b", "after.saved_flags", "after.tr", "after.flags"])
}

/// By INT and by an exception with an error code.
fn task_gates(a: &mut Program) -> Result<(), IcedError> {
    let gate = u32::from(TASK_B) << 16;
    asm! { a =>
            mov(dword_ptr(IDT + INT_TASK * 8), gate);
            mov(dword_ptr(IDT + INT_TASK * 8 + 4), 0xe500);
    }
    reset(a)?;
    attempt_user(a, "int_task_gate", |a| a.int(INT_TASK))?;
    print_log(a, &["tr", "flags", "link"])?;
    asm! { a =>
            mov(eax, dword_ptr(IDT + 13 * 8));
            mov(edx, dword_ptr(IDT + 13 * 8 + 4));
            mov(dword_ptr(IDT + 13 * 8), gate);
            mov(dword_ptr(IDT + 13 * 8 + 4), 0x8500);
            push(eax);
            push(edx);
    }
    reset(a)?;
    attempt(a, "fault_task_gate", |a| {
        asm! { a =>
                mov(eax, 0x3f8);
                mov(ds, eax);                   //! two bytes: the task goes on behind them
        }
        Ok(())
    })?;
    asm! { a =>
            pop(dword_ptr(IDT + 13 * 8 + 4));
            pop(dword_ptr(IDT + 13 * 8));
            mov(eax, dword_ptr(LOG + 40));
            mov(dword_ptr(LOG), eax);
            mov(eax, dword_ptr(LOG + 44));
            mov(dword_ptr(LOG + 4), eax);
    }
    print_log(a, &["fault.error_code", "fault.saved_flags"])
}

/// A 16-bit TSS.
fn short(a: &mut Program) -> Result<(), IcedError> {
    descriptor(a, STACK16, 0x0000_9300_0000_ffff | u64::from(TABLES) << 16)?;
    descriptor(a, CODE16, 0x0040_9b00_0000_ffff | u64::from(KERNEL_BASE) << 16)?;
    reset(a)?;
    attempt(a, "call_tss16", |a| call_far(a, TASK_C))?;
    print_log(a, &["tr", "flags", "link", "eax", "ecx", "esp", "fs", "busy_c"])
}

/// Faults that leave this task as it is.
fn old_task_faults(a: &mut Program) -> Result<(), IcedError> {
    let cases: [(&'static str, u64); 5] = [
        ("tss_absent", tss_descriptor(TSS_B, 0x67, 0x09)),
        ("tss_short", tss_descriptor(TSS_B, 0x66, 0x89)),
        ("tss16_short", tss_descriptor(TSS_B, 0x2a, 0x81)),
        ("tss_busy", tss_descriptor(TSS_B, 0x67, 0x8b)),
        ("tss_is_ldt", tss_descriptor(TSS_B, 0x67, 0x82)),
    ];
    for (name, value) in cases {
        reset(a)?;
        descriptor(a, TASK_B, value)?;
        attempt(a, name, |a| jump_far(a, TASK_B))?;
    }
    reset(a)?;
    descriptor(a, TASK_B, tss_descriptor(TSS_B, 0x67, 0x8b))?;
    attempt(a, "gate_tss_busy", |a| jump_far(a, TASK_GATE))?;
    reset(a)?;
    attempt_user(a, "tss_dpl0", |a| jump_far(a, TASK_B))?;
    for (name, link) in [
        ("iret_link_available", u32::from(TASK_B)),
        ("iret_link_data", DATA0),
        ("iret_link_null", 0),
    ] {
        reset(a)?;
        asm! { a => mov(dword_ptr(TSS + LINK), link); }
        attempt(a, name, |a| {
            asm! { a =>
                    push(0x4002);
                    popfd();
                    iretd();
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Faults of the other task: its TR is there already.
fn new_task_faults(a: &mut Program) -> Result<(), IcedError> {
    let segment = |n: u32| ES + 4 * n;
    // CPL 3, so that the handler has a stack whatever the task's own is.
    let cases: [(&'static str, u32, u32); 9] = [
        ("task_ldt_data", LDTR, DATA0),
        ("task_cs_null", segment(1), 3),
        ("task_cs_data", segment(1), DATA3),
        ("task_cs_dpl0", segment(1), u32::from(CODE0) | 3),
        ("task_ss_null", segment(2), 0),
        ("task_ss_dpl0", segment(2), DATA0 | 3),
        ("task_ds_beyond_gdt", segment(3), 0x3f8),
        ("task_ds_absent", segment(3), u32::from(SCRATCH)),
        ("task_fs_dpl0", segment(4), DATA0),
    ];
    descriptor(a, SCRATCH, 0x00cf_7300_0000_ffff)?; // data of CPL 3, absent
    for (name, at, value) in cases {
        reset(a)?;
        asm! { a =>
                mov(dword_ptr(TSS_B + segment(0)), DATA3);
                mov(dword_ptr(TSS_B + segment(1)), CODE3);
                mov(dword_ptr(TSS_B + segment(2)), DATA3);
                mov(dword_ptr(TSS_B + segment(3)), DATA3);
                mov(dword_ptr(TSS_B + segment(4)), DATA3);
                mov(dword_ptr(TSS_B + at), value);
        }
        attempt(a, name, |a| jump_far(a, TASK_B))?;
        asm! { a =>
                str(eax);
                mov(dword_ptr(LOG), eax);
        }
        print_log(a, &["task.tr"])?;
    }
    reset(a)?;
    asm! { a => mov(dword_ptr(TSS_B + segment(1)), u32::from(SCRATCH)); }
    descriptor(a, SCRATCH, 0x0040_9b00_0000_0fff)?;
    attempt(a, "task_eip_beyond", |a| jump_far(a, TASK_B))
}

fn trap(a: &mut Program) -> Result<(), IcedError> {
    reset(a)?;
    asm! { a =>
            mov(dword_ptr(TSS_B + TRAP), 1);
            xor(eax, eax);
            mov(dr6, eax);
    }
    attempt(a, "task_trap", |a| jump_far(a, TASK_B))?;
    asm! { a =>
            mov(eax, dr6);
            and(eax, 0xe00f);
            mov(dword_ptr(LOG), eax);
    }
    print_log(a, &["task_trap.dr6"])?;
    reset(a)
}

/// The other tasks.
fn code(a: &mut Program) -> Result<(), IcedError> {
    let behind = a.local_label();
    let task_c = a.address("task_c") - KERNEL_BASE;
    a.jmp(behind)?;
    asm! { a =>
        'task_b:
            mov(dword_ptr(LOG + 28), eax);
            cmp(esp, TASK_STACK);
            je('own_stack);
            mov(eax, dword_ptr(esp));           //! an error code
            mov(dword_ptr(LOG + 40), eax);
            mov(eax, dword_ptr(TSS + EFLAGS));
            mov(dword_ptr(LOG + 44), eax);
            add(dword_ptr(TSS + EIP), 2);
            mov(esp, TASK_STACK);
        'own_stack:
            pushfd();
            pop(dword_ptr(LOG + 4));
            str(eax);
            mov(dword_ptr(LOG), eax);
            movzx(eax, word_ptr(TSS_B + LINK));
            mov(dword_ptr(LOG + 8), eax);
            mov(eax, cr0);
            and(eax, 8);
            mov(dword_ptr(LOG + 12), eax);
            movzx(eax, byte_ptr(GDT + u32::from(TSS_SELECTOR) + 5));
            mov(dword_ptr(LOG + 16), eax);
            movzx(eax, byte_ptr(GDT + u32::from(TASK_B) + 5));
            mov(dword_ptr(LOG + 20), eax);
            mov(eax, dword_ptr(TSS + EAX + 12));
            mov(dword_ptr(LOG + 24), eax);
            mov(eax, fs);
            mov(dword_ptr(LOG + 32), eax);
            clts();
            test(dword_ptr(LOG + 4), 0x4000);
            jz('by_jump);
            iretd();
            jmp('task_b);
        'by_jump:
            nop();
    }
    jump_far(a, TSS_SELECTOR)?;
    asm! { a =>
            jmp('task_b);

        'task_c:
            mov(dword_ptr(LOG + 12), eax);
            mov(dword_ptr(LOG + 16), ecx);
            mov(dword_ptr(LOG + 20), esp);
            pushfd();
            pop(dword_ptr(LOG + 4));
            str(eax);
            mov(dword_ptr(LOG), eax);
            movzx(eax, word_ptr(TSS_C));
            mov(dword_ptr(LOG + 8), eax);
            mov(eax, fs);
            mov(dword_ptr(LOG + 24), eax);
            movzx(eax, byte_ptr(GDT + u32::from(TASK_C) + 5));
            mov(dword_ptr(LOG + 28), eax);
            clts();
            iretd();

        'reset_tasks:
            mov(edi, TSS_B);
            mov(ecx, 0x200 / 4);
            xor(eax, eax);
            rep_stosd();
            mov(edi, LOG);
            mov(ecx, 16);
            rep_stosd();
            mov(dword_ptr(TSS_B + ESP0), INNER_STACK);
            mov(dword_ptr(TSS_B + ESP0 + 4), DATA0);
            lea(eax, ptr('task_b));
            mov(dword_ptr(TSS_B + EIP), eax);
            mov(dword_ptr(TSS_B + EFLAGS), 2);
            mov(dword_ptr(TSS_B + EAX), 0xaaaa_bbbbu32);
            mov(dword_ptr(TSS_B + EAX + 16), TASK_STACK);
            mov(dword_ptr(TSS_B + ES), DATA0);
            mov(dword_ptr(TSS_B + ES + 4), u32::from(CODE0));
            mov(dword_ptr(TSS_B + ES + 8), DATA0);
            mov(dword_ptr(TSS_B + ES + 12), DATA0);
            mov(dword_ptr(TSS_B + ES + 16), DATA0);
            mov(eax, task_c);
            mov(word_ptr(TSS_C + 0x0e), ax);
            mov(word_ptr(TSS_C + 0x10), 2u32);
            mov(word_ptr(TSS_C + 0x12), 0x8000u32);
            mov(word_ptr(TSS_C + 0x14), 0x1111u32);
            mov(word_ptr(TSS_C + 0x1a), 0x6000u32);
            mov(word_ptr(TSS_C + 0x22), DATA0);
            mov(word_ptr(TSS_C + 0x24), u32::from(CODE16));
            mov(word_ptr(TSS_C + 0x26), u32::from(STACK16));
            mov(word_ptr(TSS_C + 0x28), DATA0);
    }
    descriptor(a, TASK_B, tss_descriptor(TSS_B, 0x67, 0x89))?;
    descriptor(a, TASK_C, tss_descriptor(TSS_C, 0x2b, 0x81))?;
    descriptor(a, LDT, tss_descriptor(LDT_AT, 0x3f, 0x82))?;
    asm! { a =>
            mov(byte_ptr(GDT + u32::from(TSS_SELECTOR) + 5), 0x89u32);
            mov(eax, u32::from(TSS_SELECTOR));
            ltr(eax);
            xor(eax, eax);
            lldt(eax);
            ret();
    }
    a.bind_local(behind)
}

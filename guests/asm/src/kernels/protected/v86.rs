//! Virtual-8086 mode: the sensitive instructions with IOPL 3, without, and with CR4.VME where there is
//! one; what an exception pushes.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;

/// Paragraph and address of the 8086 program, and its stack pointer.
const PARAGRAPH: u32 = 0x3000;
const PROGRAM: u32 = PARAGRAPH << 4;
const SP: u32 = 0x1000;
const VM: u32 = 1 << 17;
const VIF: u32 = 1 << 19;
const VIP: u32 = 1 << 20;
const IOPL3: u32 = 3 << 12;
const IF: u32 = 1 << 9;
/// EFLAGS of the next program.
const PROGRAM_FLAGS: u32 = LOG + 64;

/// The kernel: ELF32, PVH.
pub fn v86() -> Vec<u8> {
    kernel(|a| {
        sensitive(a, "iopl0 ", 0)?;
        sensitive(a, "iopl3 ", IOPL3)?;
        limits(a)?;
        extensions(a)?;
        routine(a)
    })
}

/// Runs code of at most 8 bytes, INT3 behind it, and prints what came of it.
fn program(a: &mut Program, name: &'static str, flags: u32, code: &[u8]) -> Result<(), IcedError> {
    let mut bytes = [0xcc; 8];
    bytes[..code.len()].copy_from_slice(code);
    let [low, high] = [0, 4]
        .map(|at| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    asm! { a =>
            mov(dword_ptr(PROGRAM), low);
            mov(dword_ptr(PROGRAM + 4), high);
            mov(dword_ptr(PROGRAM_FLAGS), VM | flags | 2);
    }
    attempt(a, name, |a| {
        asm! { a => jmp('enter_v86); }
        Ok(())
    })?;
    asm! { a =>
            mov(eax, dword_ptr(FLAGS));
            mov(dword_ptr(LOG), eax);
            movzx(eax, word_ptr(PROGRAM + SP - 2));
            mov(dword_ptr(LOG + 4), eax);
    }
    print_log(a, &["  flags", "  word"])
}

fn sensitive(a: &mut Program, heading: &'static str, iopl: u32) -> Result<(), IcedError> {
    say(a, heading)?;
    program(a, "nop", iopl, &[0x90])?;
    program(a, "cli", iopl | IF, &[0xfa])?;
    program(a, "pushf", iopl, &[0x9c])?;
    program(a, "pushfd", iopl, &[0x66, 0x9c])?;
    program(a, "popf", iopl, &[0x68, 0xd5, 0x7c, 0x9d])?;
    program(a, "int21", iopl, &[0xcd, 0x21])?;
    program(a, "iret", iopl, &[0x9c, 0x0e, 0x68, 7, 0, 0xcf])?;
    program(a, "hlt", iopl, &[0xf4])?;
    program(a, "in", iopl, &[0xe4, 0x61])?;
    program(a, "lmsw", iopl, &[0x0f, 0x01, 0xf0])?;
    program(a, "sldt", iopl, &[0x0f, 0x00, 0xc0])?;
    program(a, "arpl", iopl, &[0x63, 0xc0])
}

fn limits(a: &mut Program) -> Result<(), IcedError> {
    program(a, "last_byte", 0, &[0xa0, 0xff, 0xff])?;
    program(a, "word_across", 0, &[0xa1, 0xff, 0xff])?;
    program(a, "dword_across", 0, &[0x66, 0xa1, 0xfd, 0xff])?;
    program(a, "push_sp1", 0, &[0xbc, 1, 0, 0x50])?;
    program(a, "push_sp0", 0, &[0xbc, 0, 0, 0x50])?;
    program(a, "stack_word_across", 0, &[0xbd, 0xff, 0xff, 0x8b, 0x46, 0])
}

/// With CR4.VME, if CPUID offers it.
fn extensions(a: &mut Program) -> Result<(), IcedError> {
    let without = a.local_label();
    asm! { a =>
            mov(eax, 1);
            cpuid();
            shr(edx, 1);
            and(edx, 1);
            mov(dword_ptr(LOG), edx);
    }
    print_log(a, &["vme"])?;
    asm! { a => test(dword_ptr(LOG), 1); }
    a.jz(without)?;
    asm! { a =>
            mov(eax, cr4);
            or(eax, 1);
            mov(cr4, eax);
            mov(dword_ptr(0x21 * 4), PARAGRAPH << 16 | 7); //! the program's own handler: INT3
    }
    program(a, "vme cli", VIF, &[0xfa])?;
    program(a, "vme sti", 0, &[0xfb])?;
    program(a, "vme sti_vip", VIP, &[0xfb])?;
    program(a, "vme pushf", VIF, &[0x9c])?;
    program(a, "vme pushfd", VIF, &[0x66, 0x9c])?;
    program(a, "vme popf", 0, &[0x68, 0xd5, 0x7e, 0x9d])?;
    program(a, "vme popf_tf", 0, &[0x68, 0xd5, 0x7f, 0x9d])?;
    program(a, "vme popf_vip", VIP, &[0x68, 0xd5, 0x7e, 0x9d])?;
    program(a, "vme iret", VIF, &[0x6a, 0, 0x0e, 0x6a, 6, 0xcf])?;
    program(a, "vme int21", VIF, &[0xcd, 0x21])?;
    asm! { a => mov(byte_ptr(TSS + 0x68 + 4), 2u32); }
    program(a, "vme int21_monitor", VIF, &[0xcd, 0x21])?;
    asm! { a => mov(byte_ptr(TSS + 0x68 + 4), 0u32); }
    a.bind_local(without)
}

fn routine(a: &mut Program) -> Result<(), IcedError> {
    let behind = a.local_label();
    a.jmp(behind)?;
    asm! { a =>
        'enter_v86:
            mov(dword_ptr(PROGRAM + SP - 4), 0);
            mov(eax, PARAGRAPH);
            push(eax);                          //! GS
            push(eax);                          //! FS
            push(eax);                          //! DS
            push(eax);                          //! ES
            push(eax);
            push(SP);
            push(dword_ptr(PROGRAM_FLAGS));
            push(eax);
            push(0);
            iretd();
    }
    a.bind_local(behind)
}

//! No kernel: the `/init` of a 32-bit Linux. It prints USERSPACE-UP and powers off.
//!
//! A static ELF32 without a C library. System call numbers: Linux
//! `arch/x86/entry/syscalls/syscall_32.tbl`; calling convention: INT 80h with EAX number; EBX, ECX, EDX
//! arguments.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::kernel_part;
use crate::asm;
use crate::asm::Program;
use crate::elf::{Class, Image, KERNEL_BASE};

const SYS_WRITE: u32 = 4;
const SYS_PAUSE: u32 = 29;
const SYS_REBOOT: u32 = 88;

const REBOOT_MAGIC1: u32 = 0xfee1_dead;
const REBOOT_MAGIC2: u32 = 0x2812_1969;
const REBOOT_POWER_OFF: u32 = 0x4321_fedc;

/// The program.
pub fn init_i386() -> Vec<u8> {
    let part = kernel_part(source);
    let (base, entry, end) = (KERNEL_BASE, part.address, part.address + part.bytes.len() as u32);
    let (class, parts) = (Class::Elf32, vec![part]);
    Image { class, base, end, entry, pvh: None, multiboot: None, parts }.bytes()
}

fn source(a: &mut Program) -> Result<(), IcedError> {
    let hello = "USERSPACE-UP\n";
    asm! { a =>
            mov(ebx, 1);                            //! standard output
            lea(ecx, ptr('hello));
            mov(edx, hello.len() as u32);
            mov(eax, SYS_WRITE);                    //! write
            int(0x80);
            mov(ebx, REBOOT_MAGIC1);
            mov(ecx, REBOOT_MAGIC2);
            mov(edx, REBOOT_POWER_OFF);
            mov(eax, SYS_REBOOT);                   //! reboot
            int(0x80);
        /// Process 1 does not end, whatever became of that.
        'wait:
            mov(eax, SYS_PAUSE);                    //! pause
            int(0x80);
            jmp('wait);
        'hello:
            text(hello);
    }
    Ok(())
}

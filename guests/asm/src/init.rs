//! The built-in initramfs's `/init`: the smallest program that proves user space and goes.
//!
//! A static ELF64 without a C library. It prints USERSPACE-UP, makes and mounts /proc, prints
//! /proc/version and powers off. System call numbers and constants: Linux
//! `arch/x86/entry/syscalls/syscall_64.tbl`, `include/uapi/linux/reboot.h`; calling convention:
//! System V ABI, AMD64 supplement, "Linux conventions" (RAX number; RDI, RSI, RDX, R10, R8, R9
//! arguments; RCX and R11 lost).
//!
//! Errors are not looked at: where /proc cannot be mounted, nothing more is printed, and the end
//! is the same.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::{Program, assemble};
use crate::elf::{CODE_OFFSET, Class, Image};

/// Where the program is linked: where linkers put static programs.
pub const BASE: u32 = 0x40_0000;

const SYS_READ: u32 = 0;
const SYS_WRITE: u32 = 1;
const SYS_OPEN: u32 = 2;
const SYS_PAUSE: u32 = 34;
const SYS_MKDIR: u32 = 83;
const SYS_MOUNT: u32 = 165;
const SYS_REBOOT: u32 = 169;

const REBOOT_MAGIC1: u32 = 0xfee1_dead;
const REBOOT_MAGIC2: u32 = 0x2812_1969;
const REBOOT_POWER_OFF: u32 = 0x4321_fedc;

const BUFFER_BYTES: u32 = 512;
const STDOUT: u32 = 1;

/// The program.
///
/// # Panics
/// When the source in this file does not assemble.
pub fn image() -> Image {
    let part = assemble(64, BASE + CODE_OFFSET, source).expect("the source of /init assembles");
    let (entry, end) = (part.symbol("start"), part.address + part.bytes.len() as u32);
    Image {
        class: Class::Elf64,
        base: BASE,
        end,
        entry,
        pvh: None,
        multiboot: None,
        parts: vec![part],
    }
}

fn source(a: &mut Program) -> Result<(), IcedError> {
    let hello = "USERSPACE-UP\n";
    asm! { a =>
        /// The kernel starts process 1 here, with the console as its files 0, 1 and 2.
        'start:
            mov(edi, STDOUT);                       //! standard output
            lea(rsi, ptr('hello));
            mov(edx, hello.len() as u32);
            mov(eax, SYS_WRITE);                    //! write
            syscall();

        /// The archive may have come without a directory to mount on.
            lea(rdi, ptr('proc_path));
            mov(esi, 0o555);                        //! r-xr-xr-x
            mov(eax, SYS_MKDIR);                    //! mkdir
            syscall();

            lea(rdi, ptr('proc_name));              //! source, a mere name here
            lea(rsi, ptr('proc_path));              //! target
            mov(rdx, rdi);                          //! file system type
            xor(r10d, r10d);                        //! no flags
            xor(r8d, r8d);                          //! no data
            mov(eax, SYS_MOUNT);                    //! mount
            syscall();

            lea(rdi, ptr('version_path));
            xor(esi, esi);                          //! O_RDONLY
            mov(eax, SYS_OPEN);                     //! open
            syscall();
            mov(edi, eax);                          //! a failed open makes a failed read

        /// One read gets it all: the file is a line.
            sub(rsp, BUFFER_BYTES as i32);
            mov(rsi, rsp);
            mov(edx, BUFFER_BYTES);
            mov(eax, SYS_READ);                     //! read
            syscall();
            test(eax, eax);
            jle('power_off);
            mov(edx, eax);
            mov(edi, STDOUT);
            mov(rsi, rsp);
            mov(eax, SYS_WRITE);                    //! write
            syscall();

        'power_off:
            mov(edi, REBOOT_MAGIC1);                //! "feel dead"
            mov(esi, REBOOT_MAGIC2);                //! LINUX_REBOOT_MAGIC2
            mov(edx, REBOOT_POWER_OFF);             //! LINUX_REBOOT_CMD_POWER_OFF
            xor(r10d, r10d);
            mov(eax, SYS_REBOOT);                   //! reboot
            syscall();

        /// Where power cannot be cut, the kernel has halted by now or comes back. The end of
        /// process 1 would be a panic, so there is none.
        'wait:
            mov(eax, SYS_PAUSE);                    //! pause
            syscall();
            jmp('wait);

        'hello:
            text(hello);
        'proc_path:
            text("/proc");
        'proc_name:
            text("proc");
        'version_path:
            text("/proc/version");
    }
    Ok(())
}

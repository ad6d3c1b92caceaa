//! What does a multiboot 1 loader hand over? The kernel prints the magic, the flags, and what
//! each flag says is there, on COM1.
//!
//! Source: Multiboot Specification 0.6.96, "I386 machine state", "Boot information format".
//!
//! Three files of the same code: ELF32; ELF64 (GRUB takes it, QEMU does not); and none, where the
//! header's address fields say what to load.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{Console, routines, say, say_eax, say_row};
use super::{STACK_TOP, kernel_part};
use crate::asm;
use crate::asm::Program;
use crate::elf::{Class, Image, KERNEL_BASE};
use crate::power::power_off;

/// Modules on page boundaries; tell the memory.
const HEADER_FLAGS: u32 = 0b11;

/// In an ELF32 file.
pub fn mb1_elf32() -> Vec<u8> {
    kernel(Class::Elf32)
}

/// In an ELF64 file; the code is 32-bit all the same.
pub fn mb1_elf64() -> Vec<u8> {
    kernel(Class::Elf64)
}

/// Without a file format, by the address fields.
pub fn mb1_flat() -> Vec<u8> {
    kernel(Class::Flat)
}

fn kernel(class: Class) -> Vec<u8> {
    let part = kernel_part(source);
    let (base, end, entry) = (KERNEL_BASE, STACK_TOP, part.address);
    let multiboot = Some(HEADER_FLAGS);
    Image { class, base, end, entry, pvh: None, multiboot, parts: vec![part] }.bytes()
}

fn source(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
    }
    say_eax(a, "magic")?;
    a.mov(eax, dword_ptr(ebx))?;
    say_eax(a, "flags")?;
    memory_and_texts(a)?;
    modules(a)?;
    map(a)?;
    say(a, "end\n")?;
    power_off(a)?;
    routines(a, Console::Com1)
}

fn memory_and_texts(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            test(dword_ptr(ebx), 1 << 0);
            jz('no_memory);
            mov(eax, dword_ptr(ebx + 4));
    }
    say_eax(a, "mem_lower")?;
    a.mov(eax, dword_ptr(ebx + 8))?;
    say_eax(a, "mem_upper")?;
    asm! { a =>
        'no_memory:
            test(dword_ptr(ebx), 1 << 2);
            jz('no_cmdline);
    }
    say(a, "cmdline=")?;
    asm! { a =>
            mov(esi, dword_ptr(ebx + 16));
            call('quote);
            call('end_line);
        'no_cmdline:
            test(dword_ptr(ebx), 1 << 9);
            jz('no_loader_name);
    }
    say(a, "boot_loader_name=")?;
    asm! { a =>
            mov(esi, dword_ptr(ebx + 64));
            call('quote);
            call('end_line);
        'no_loader_name:
            nop();
    }
    Ok(())
}

fn modules(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// {start 4, end 4 (the first byte behind), string 4, 0}.
            test(dword_ptr(ebx), 1 << 3);
            jz('modules_done);
            mov(edi, dword_ptr(ebx + 20));
            mov(ebp, dword_ptr(ebx + 24));
        'module_next:
            test(edi, edi);
            jz('modules_done);
    }
    say(a, "module=")?;
    asm! { a =>
            mov(esi, dword_ptr(ebp));
            mov(eax, esi);
            call('hex);
            call('space);
            mov(ecx, dword_ptr(ebp + 4));
            mov(eax, ecx);
            call('hex);
            call('space);
            sub(ecx, esi);
            call('byte_sum);
            call('hex);
            call('space);
            mov(esi, dword_ptr(ebp + 8));
            call('quote);
            call('end_line);
            add(ebp, 16);
            dec(edi);
            jmp('module_next);
        'modules_done:
            nop();
    }
    Ok(())
}

fn map(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// {size 4, base 8, length 8, type 4}; size does not count itself.
            test(dword_ptr(ebx), 1 << 6);
            jz('map_done);
            mov(ebp, dword_ptr(ebx + 48));
            mov(edi, dword_ptr(ebx + 44));
            add(edi, ebp);                      //! the end of the map
        'map_next:
            cmp(ebp, edi);
            jae('map_done);
    }
    say(a, "mmap=")?;
    asm! { a =>
            lea(esi, ptr(ebp + 4));
    }
    say_row(a)?;
    asm! { a =>
            call('end_line);
            add(ebp, dword_ptr(ebp));
            add(ebp, 4);
            jmp('map_next);
        'map_done:
            nop();
    }
    Ok(())
}

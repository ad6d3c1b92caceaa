//! What does a multiboot 2 loader hand over? The kernel prints the magic and walks the tags of the
//! information structure; those it knows with their content, others with type and size, on COM1.
//!
//! Source: Multiboot2 Specification 2.0, "OS image format", "I386 machine state", "Boot information
//! format".
//!
//! The header is the image's first part: a required request for memory sizes and map, modules on pages,
//! and two optional tags, one of them unknown to every loader.

use iced_x86::IcedError;
use iced_x86::code_asm::*;
use std::collections::BTreeMap;

use super::STACK_TOP;
use super::console::{Console, routines, say, say_eax, say_row};
use crate::asm;
use crate::asm::{Part, Program, assemble};
use crate::elf::{CODE_OFFSET, Class, Image, KERNEL_BASE};
use crate::listing::Line;
use crate::power::power_off;

const MAGIC: u32 = 0xe852_50d6;
const OPTIONAL: u32 = 1 << 16;
/// The tags as 32-bit words: type and flags, size, content; each on 8 bytes.
const TAGS: [(u32, &str); 18] = [
    (1, "tag: information request"),
    (16, "size"),
    (4, "memory sizes"),
    (6, "memory map"),
    (6, "tag: modules on pages"),
    (8, "size"),
    (5 | OPTIONAL, "tag: framebuffer"),
    (20, "size"),
    (1024, "width"),
    (768, "height"),
    (32, "depth"),
    (0, "padding"),
    (4242 | OPTIONAL, "tag: nobody's"),
    (12, "size"),
    (1, "content"),
    (0, "padding"),
    (0, "tag: end"),
    (8, "size"),
];

/// In an ELF32 file.
pub fn mb2_elf32() -> Vec<u8> {
    kernel(Class::Elf32)
}

/// In an ELF64 file; the code is 32-bit all the same.
pub fn mb2_elf64() -> Vec<u8> {
    kernel(Class::Elf64)
}

fn kernel(class: Class) -> Vec<u8> {
    let header = header();
    let address = header.address + header.bytes.len() as u32;
    let code = assemble(32, address, source).expect("the kernel's source assembles");
    let (base, end, entry) = (KERNEL_BASE, STACK_TOP, code.address);
    let parts = vec![header, code];
    Image { class, base, end, entry, pvh: None, multiboot: None, parts }.bytes()
}

fn header() -> Part {
    let len = 16 + 4 * TAGS.len() as u32;
    let sum = 0u32.wrapping_sub(MAGIC).wrapping_sub(len);
    let fixed = [
        (MAGIC, "magic"),
        (0, "architecture: i386"),
        (len, "header_length"),
        (sum, "checksum: the four add up to 0"),
    ];
    let mut part = Part {
        address: KERNEL_BASE + CODE_OFFSET,
        bytes: Vec::new(),
        lines: Vec::new(),
        symbols: BTreeMap::new(),
    };
    for (word, remark) in fixed.into_iter().chain(TAGS) {
        part.lines.push(Line::Bytes {
            address: part.address + part.bytes.len() as u32,
            bytes: word.to_le_bytes().to_vec(),
            text: format!("dd    {word:#x}"),
            remark: remark.to_owned(),
        });
        part.bytes.extend(word.to_le_bytes());
    }
    part
}

fn source(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
    }
    say_eax(a, "magic")?;
    asm! { a =>
        /// {total size 4, reserved 4}, then tags {type 4, size 4, content}, each on 8 bytes.
            lea(ebp, ptr(ebx + 8));
        'tag_next:
            mov(eax, dword_ptr(ebp));
            test(eax, eax);
            jz('tags_done);
            cmp(eax, 1);
            je('tag_cmdline);
            cmp(eax, 2);
            je('tag_loader_name);
            cmp(eax, 3);
            je('tag_module);
            cmp(eax, 4);
            je('tag_memory);
            cmp(eax, 6);
            je('tag_map);
    }
    say(a, "tag=")?;
    asm! { a =>
            call('hex);
            call('space);
            mov(eax, dword_ptr(ebp + 4));
            call('hex);
            call('end_line);
        'tag_done:
            mov(eax, dword_ptr(ebp + 4));
            add(eax, 7);
            and(eax, -8);
            add(ebp, eax);
            jmp('tag_next);
    }
    strings_and_memory(a)?;
    module(a)?;
    map(a)?;
    asm! { a =>
        'tags_done:
            lea(eax, ptr(ebp + 8));
            sub(eax, ebx);
            sub(eax, dword_ptr(ebx));       //! 0: the end tag ends the structure
    }
    say_eax(a, "beyond")?;
    say(a, "end\n")?;
    power_off(a)?;
    routines(a, Console::Com1)
}

fn strings_and_memory(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'tag_cmdline:
            lea(esi, ptr(ebp + 8));
    }
    quoted(a, "cmdline=")?;
    asm! { a =>
        'tag_loader_name:
            lea(esi, ptr(ebp + 8));
    }
    quoted(a, "boot_loader_name=")?;
    asm! { a =>
        'tag_memory:
            mov(eax, dword_ptr(ebp + 8));
    }
    say_eax(a, "mem_lower")?;
    a.mov(eax, dword_ptr(ebp + 12))?;
    say_eax(a, "mem_upper")?;
    asm! { a =>
            jmp('tag_done);
    }
    Ok(())
}

/// A tag whose text is at ESI.
fn quoted(a: &mut Program, name: &'static str) -> Result<(), IcedError> {
    say(a, name)?;
    asm! { a =>
            call('quote);
            call('end_line);
            jmp('tag_done);
    }
    Ok(())
}

fn module(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'tag_module:
        /// {start 4, end 4 (the first byte behind), string}.
            mov(esi, dword_ptr(ebp + 8));
    }
    say(a, "module=")?;
    asm! { a =>
            mov(eax, esi);
            call('hex);
            call('space);
            mov(ecx, dword_ptr(ebp + 12));
            mov(eax, ecx);
            call('hex);
            call('space);
            sub(ecx, esi);
            call('byte_sum);
            call('hex);
            call('space);
            lea(esi, ptr(ebp + 16));
            call('quote);
            call('end_line);
            jmp('tag_done);
    }
    Ok(())
}

fn map(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'tag_map:
        /// {entry_size 4, version 4}, then {base 8, length 8, type 4, reserved 4}.
            lea(esi, ptr(ebp + 16));
            mov(edi, dword_ptr(ebp + 4));
            add(edi, ebp);                  //! the end of the map
        'map_next:
            cmp(esi, edi);
            jae('tag_done);
    }
    say(a, "mmap=")?;
    say_row(a)?;
    asm! { a =>
            call('end_line);
            add(esi, -8);
            add(esi, dword_ptr(ebp + 8));
            jmp('map_next);
    }
    Ok(())
}

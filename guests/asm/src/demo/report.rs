//! What we were given: the entry, the CPU, the command line, the memory.
//!
//! Sources: Xen `public/arch-x86/hvm/start_info.h`; Multiboot Specification 0.6.96, "Boot
//! information format"; SDM Vol. 2A, CPUID, "Processor Brand String"; ACPI Specification, "Address
//! Range Types", for the words of the map.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::Program;

// hvm_start_info.
const PVH_CMDLINE: u32 = 24;
const PVH_MEMMAP: u32 = 40;
const PVH_MEMMAP_ENTRIES: u32 = 48;
const PVH_MEMMAP_ENTRY_BYTES: u32 = 24;

// Multiboot information.
const MULTIBOOT_HAS_CMDLINE: u32 = 1 << 2;
const MULTIBOOT_HAS_MMAP: u32 = 1 << 6;
const MULTIBOOT_CMDLINE: u32 = 16;
const MULTIBOOT_MMAP_LENGTH: u32 = 44;
const MULTIBOOT_MMAP_ADDR: u32 = 48;

const BRAND_STRING_FIRST: u32 = 0x8000_0002;
const BRAND_STRING_LAST: u32 = 0x8000_0004;

const TYPE_NAME_BYTES: u32 = 16;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    entry(a)?;
    cpu(a)?;
    memory(a)?;
    memory_line(a)
}

fn entry(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// report_entry: a title, the protocol that brought us, its command line.
        'report_entry:
            lea(rsi, ptr('title_text));
            call('print);
            mov(ebx, dword_ptr('information));
            lea(rsi, ptr('pvh_text));
            mov(edi, dword_ptr(rbx + PVH_CMDLINE));
            cmp(dword_ptr('protocol), 0);
            je('entry_known);
            lea(rsi, ptr('multiboot_text));
            mov(edi, dword_ptr(rbx + MULTIBOOT_CMDLINE));
            test(dword_ptr(rbx), MULTIBOOT_HAS_CMDLINE);
            jnz('entry_known);
            xor(edi, edi);                      //! the field means nothing without its flag
        'entry_known:
            call('print);
            test(edi, edi);
            jz('entry_done);
            cmp(byte_ptr(rdi), 0);              //! present, but empty
            je('entry_done);
            lea(rsi, ptr('cmdline_text));
            call('print);
            mov(esi, edi);
            call('print);
            call('end_line);
        'entry_done:
            ret();

        'end_line:
            mov(al, 10);
            jmp('put);

        'title_text:
            text("bootscope demo guest\n");
        'pvh_text:
            text("Entered by PVH, in 32-bit protected mode; 64-bit mode now.\n");
        'multiboot_text:
            text("Entered by multiboot, in 32-bit protected mode; 64-bit mode now.\n");
        'cmdline_text:
            text("Command line: ");
    }
    Ok(())
}

fn cpu(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// report_cpu: the brand string, 48 characters in three CPUID leaves; where there is
        /// none, the vendor's 12 of leaf 0.
        'report_cpu:
            lea(rsi, ptr('cpu_text));
            call('print);
            lea(rdi, ptr('name));
            mov(eax, BRAND_STRING_FIRST & 0x8000_0000);
            cpuid();
            cmp(eax, BRAND_STRING_LAST);        //! EAX: the highest extended leaf
            jb('vendor);
            mov(ebp, BRAND_STRING_FIRST);
        'next_leaf:
            mov(eax, ebp);
            cpuid();
            mov(dword_ptr(rdi), eax);
            mov(dword_ptr(rdi + 4), ebx);
            mov(dword_ptr(rdi + 8), ecx);
            mov(dword_ptr(rdi + 12), edx);
            add(rdi, 16);
            inc(ebp);
            cmp(ebp, BRAND_STRING_LAST);
            jbe('next_leaf);
            jmp('print_name);
        'vendor:
            xor(eax, eax);
            cpuid();
            mov(dword_ptr(rdi), ebx);           //! in this order: "Genu" "ineI" "ntel"
            mov(dword_ptr(rdi + 4), edx);
            mov(dword_ptr(rdi + 8), ecx);
        /// Some brand strings are set to the right with spaces.
        'print_name:
            lea(rsi, ptr('name));
        'skip_space:
            lodsb();
            cmp(al, 32);
            je('skip_space);
            dec(rsi);
            call('print);
            jmp('end_line);

        'cpu_text:
            text("CPU: ");
    }
    Ok(())
}

fn memory(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// report_memory: each range the loader tells of, and the sum of the usable ones.
        'report_memory:
            lea(rsi, ptr('memory_text));
            call('print);
            mov(ebx, dword_ptr('information));
            cmp(dword_ptr('protocol), 0);
            jne('multiboot_map);

        /// PVH: an array of {address 8, size 8, type 4, reserved 4}.
            mov(ebp, dword_ptr(rbx + PVH_MEMMAP_ENTRIES));
            mov(ebx, dword_ptr(rbx + PVH_MEMMAP));
        'next_pvh_range:
            test(ebp, ebp);
            jz('memory_sum);
            mov(r8, qword_ptr(rbx));
            mov(r9, qword_ptr(rbx + 8));
            mov(r10d, dword_ptr(rbx + 16));
            call('memory_line);
            add(rbx, PVH_MEMMAP_ENTRY_BYTES as i32);
            dec(ebp);
            jmp('next_pvh_range);

        /// Multiboot: {size 4, base 8, length 8, type 4}; size tells how far the next one is and
        /// does not count itself. EBP: the end of the map.
        'multiboot_map:
            test(dword_ptr(rbx), MULTIBOOT_HAS_MMAP);
            jz('memory_sum);
            mov(ebp, dword_ptr(rbx + MULTIBOOT_MMAP_LENGTH));
            mov(ebx, dword_ptr(rbx + MULTIBOOT_MMAP_ADDR));
            add(ebp, ebx);
        'next_multiboot_range:
            cmp(ebx, ebp);
            jae('memory_sum);
            mov(r8, qword_ptr(rbx + 4));
            mov(r9, qword_ptr(rbx + 12));
            mov(r10d, dword_ptr(rbx + 20));
            call('memory_line);
            mov(eax, dword_ptr(rbx));
            lea(ebx, ptr(rbx + rax + 4));
            jmp('next_multiboot_range);

        'memory_sum:
            lea(rsi, ptr('sum_text));
            call('print);
            mov(rax, qword_ptr('usable_bytes));
            shr(rax, 10);
            call('print_decimal);
            lea(rsi, ptr('kib_text));
            jmp('print);

        'memory_text:
            text("Memory, as the loader tells it:\n");
        'sum_text:
            text("  usable: ");
        'kib_text:
            text(" KiB\n");
    }
    Ok(())
}

fn memory_line(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// memory_line: prints the range at R8 of R9 bytes and type R10D, and adds it to the sum
        /// when it is usable. Keeps RBX and RBP.
        'memory_line:
            lea(rsi, ptr('indent_text));
            call('print);
            mov(rax, r8);
            call('print_hex);
            mov(al, 0x2d);                      //! '-'
            call('put);
            lea(rax, ptr(r8 + r9 - 1));         //! the last byte
            call('print_hex);
            lea(rsi, ptr('indent_text));
            call('print);
            cmp(r10d, 1);
            jne('name_type);
            add(qword_ptr('usable_bytes), r9);
        /// A name from a table of 16 bytes each; types without one share the first.
        'name_type:
            cmp(r10d, 7);
            jbe('type_known);
            xor(r10d, r10d);
        'type_known:
            imul_3(r10d, r10d, TYPE_NAME_BYTES);
            lea(rsi, ptr('type_names));
            add(rsi, r10);
            call('print);
            jmp('end_line);

        'indent_text:
            text("  ");
        'type_names:
            db(b"unknown\0        ");
            db(b"usable RAM\0     ");
            db(b"reserved\0       ");
            db(b"ACPI tables\0    ");
            db(b"ACPI NVS\0       ");
            db(b"bad memory\0     ");
            db(b"disabled\0       ");
            db(b"persistent RAM\0 ");
    }
    Ok(())
}

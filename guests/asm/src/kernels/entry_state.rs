//! Which state does a PVH loader hand over? The kernel saves every register before it changes
//! one, then prints them all, the GDT, and everything start_info leads to.
//!
//! Sources: Xen `docs/misc/pvh.pandoc` for what is promised, `public/arch-x86/hvm/start_info.h`
//! for the structures.
//!
//! The answer is one `name=hex` a line, on port 0xe9; `NAME.access` and `NAME.limit` are what LAR
//! and LSL say of a selector. Lists (`gdt`, `memmap`, `module`) have a line for each item.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{Console, routines, say, say_eax, say_row};
use super::{STACK_TOP, kernel_part, pvh_image};
use crate::asm;
use crate::asm::Program;
use crate::elf::Class;

const DEBUG_EXIT: u32 = 0xf4;
const SUCCESS: u32 = 0x10;

const MSR_MTRR_DEF_TYPE: u32 = 0x2ff;
const MSR_EFER: u32 = 0xc000_0080;

/// hvm_start_info: offset, whether it is 8 bytes wide, name.
const START_INFO: &[(u32, bool, &str)] = &[
    (0, false, "start_info.magic="),
    (4, false, "start_info.version="),
    (8, false, "start_info.flags="),
    (12, false, "start_info.nr_modules="),
    (16, true, "start_info.modlist_paddr="),
    (24, true, "start_info.cmdline_paddr="),
    (32, true, "start_info.rsdp_paddr="),
    (40, true, "start_info.memmap_paddr="),
    (48, false, "start_info.memmap_entries="),
    (52, false, "start_info.reserved="),
];

/// The kernel, with a note whose descriptor has 4 bytes (the ABI) or 8 (Linux's habit).
pub fn pvh_entry_state(class: Class, note_size: u32) -> Vec<u8> {
    pvh_image(class, note_size, kernel_part(source)).bytes()
}

fn source(a: &mut Program) -> Result<(), IcedError> {
    save(a)?;
    print_registers(a)?;
    print_segments(a)?;
    print_gdt(a)?;
    print_start_info(a)?;
    print_memory_map(a)?;
    print_modules(a)?;
    say(a, "end\n")?;
    asm! { a =>
            mov(al, SUCCESS);
            out(DEBUG_EXIT, al);
        'stop:
            cli();
            hlt();
            jmp('stop);
    }
    routines(a, Console::Port0xe9)
}

fn save(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// MOV changes no flag, so EFLAGS is still the loader's when there is a stack to push it.
            mov(dword_ptr('saved_eax), eax);
            mov(dword_ptr('saved_ebx), ebx);
            mov(dword_ptr('saved_ecx), ecx);
            mov(dword_ptr('saved_edx), edx);
            mov(dword_ptr('saved_esi), esi);
            mov(dword_ptr('saved_edi), edi);
            mov(dword_ptr('saved_ebp), ebp);
            mov(dword_ptr('saved_esp), esp);
            mov(esp, STACK_TOP);
            pushfd();
            pop(dword_ptr('saved_eflags));
            cld();
            jmp('saved);

        'saved_eax:
            dd(&[0]);
        'saved_ebx:
            dd(&[0]);
        'saved_ecx:
            dd(&[0]);
        'saved_edx:
            dd(&[0]);
        'saved_esi:
            dd(&[0]);
        'saved_edi:
            dd(&[0]);
        'saved_ebp:
            dd(&[0]);
        'saved_esp:
            dd(&[0]);
        'saved_eflags:
            dd(&[0]);
        'table_register:
            dq(&[0]);                           //! limit 2 bytes, base 4
        'saved:
            nop();
    }
    Ok(())
}

fn print_registers(a: &mut Program) -> Result<(), IcedError> {
    for (name, saved) in [
        ("eax", "saved_eax"),
        ("ebx", "saved_ebx"),
        ("ecx", "saved_ecx"),
        ("edx", "saved_edx"),
        ("esi", "saved_esi"),
        ("edi", "saved_edi"),
        ("ebp", "saved_ebp"),
        ("esp", "saved_esp"),
        ("eflags", "saved_eflags"),
    ] {
        let place = a.place(saved);
        a.mov(eax, dword_ptr(place))?;
        say_eax(a, name)?;
    }
    for (name, register) in [("cr0", cr0), ("cr2", cr2), ("cr3", cr3), ("cr4", cr4)] {
        a.mov(eax, register)?;
        say_eax(a, name)?;
    }
    for (name, register) in [("dr6", dr6), ("dr7", dr7)] {
        a.mov(eax, register)?;
        say_eax(a, name)?;
    }
    print_msrs(a)
}

/// Each only where CPUID tells of it: elsewhere RDMSR would fault.
fn print_msrs(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, 0x8000_0000u32);
            cpuid();
            cmp(eax, 0x8000_0001u32);
            jb('no_efer);
            mov(eax, 0x8000_0001u32);
            cpuid();
            test(edx, (1 << 29 | 1 << 20 | 1 << 11) as u32); //! long mode, NX or SYSCALL
            jz('no_efer);
            mov(ecx, MSR_EFER);
            rdmsr();
    }
    say_eax(a, "efer")?;
    asm! { a =>
        'no_efer:
            mov(eax, 1);
            cpuid();
            test(edx, 1 << 12);                 //! MTRR
            jz('no_mtrr);
            mov(ecx, MSR_MTRR_DEF_TYPE);
            rdmsr();
    }
    say_eax(a, "mtrr_def_type")?;
    asm! { a =>
        'no_mtrr:
            nop();
    }
    Ok(())
}

fn print_segments(a: &mut Program) -> Result<(), IcedError> {
    let segments = [
        ("cs", cs, "cs.access", "cs.limit"),
        ("ds", ds, "ds.access", "ds.limit"),
        ("es", es, "es.access", "es.limit"),
        ("ss", ss, "ss.access", "ss.limit"),
        ("fs", fs, "fs.access", "fs.limit"),
        ("gs", gs, "gs.access", "gs.limit"),
    ];
    for (name, register, access, limit) in segments {
        a.mov(eax, register)?;
        print_selector(a, name, access, limit)?;
    }
    a.str(eax)?;
    print_selector(a, "tr", "tr.access", "tr.limit")?;
    a.sldt(eax)?;
    say_eax(a, "ldtr")?;
    asm! { a =>
            sidt(ptr('table_register));
            movzx(eax, word_ptr('table_register));
    }
    say_eax(a, "idtr.limit")?;
    let table_register = a.address("table_register");
    a.mov(eax, dword_ptr(table_register + 2))?;
    say_eax(a, "idtr.base")
}

/// A selector in EAX and what its descriptor says; LAR and LSL clear ZF where it has none.
fn print_selector(
    a: &mut Program,
    name: &'static str,
    access: &'static str,
    limit: &'static str,
) -> Result<(), IcedError> {
    let (no_access, no_limit) = (a.local_label(), a.local_label());
    asm! { a =>
            and(eax, 0xffff);                   //! STR leaves the upper half to the CPU's taste
            mov(ebp, eax);
    }
    say_eax(a, name)?;
    a.lar(eax, ebp)?;
    a.jnz(no_access)?;
    say_eax(a, access)?;
    a.bind_local(no_access)?;
    a.lsl(eax, ebp)?;
    a.jnz(no_limit)?;
    say_eax(a, limit)?;
    a.bind_local(no_limit)?;
    asm! { a => nop(); }
    Ok(())
}

fn print_gdt(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            sgdt(ptr('table_register));
            movzx(eax, word_ptr('table_register));
    }
    say_eax(a, "gdtr.limit")?;
    let table_register = a.address("table_register");
    a.mov(eax, dword_ptr(table_register + 2))?;
    say_eax(a, "gdtr.base")?;
    asm! { a =>
        /// At most 16 descriptors: a loader's GDT is small.
            mov(esi, eax);
            movzx(ecx, word_ptr('table_register));
            inc(ecx);
            shr(ecx, 3);
            cmp(ecx, 16);
            jbe('gdt_next);
            mov(ecx, 16);
        'gdt_next:
            jecxz('gdt_done);
    }
    say(a, "gdt=")?;
    asm! { a =>
            call('hex64);
            call('end_line);
            add(esi, 8);
            dec(ecx);
            jmp('gdt_next);
        'gdt_done:
            nop();
    }
    Ok(())
}

fn print_start_info(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(ebx, dword_ptr('saved_ebx));
    }
    for &(offset, wide, name) in START_INFO {
        say(a, name)?;
        if wide {
            a.lea(esi, ptr(ebx + offset))?;
            asm! { a => call('hex64); }
        } else {
            a.mov(eax, dword_ptr(ebx + offset))?;
            asm! { a => call('hex); }
        }
        asm! { a => call('end_line); }
    }
    say(a, "cmdline=")?;
    asm! { a =>
            mov(esi, dword_ptr(ebx + 24));
            call('quote);
            call('end_line);
    }
    Ok(())
}

fn print_memory_map(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// {address 8, size 8, type 4, reserved 4}; at most 128.
            mov(esi, dword_ptr(ebx + 40));
            mov(ecx, dword_ptr(ebx + 48));
            cmp(ecx, 128);
            jbe('memmap_next);
            mov(ecx, 128);
        'memmap_next:
            test(ecx, ecx);
            jz('memmap_done);
    }
    say(a, "memmap=")?;
    say_row(a)?;
    asm! { a =>
            call('space);
            mov(eax, dword_ptr(esi + 12));
            call('hex);
            call('end_line);
            add(esi, 16);
            dec(ecx);
            jmp('memmap_next);
        'memmap_done:
            nop();
    }
    Ok(())
}

fn print_modules(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        /// {paddr 8, size 8, cmdline_paddr 8, reserved 8}; at most 64.
            mov(ebp, dword_ptr(ebx + 16));
            mov(edi, dword_ptr(ebx + 12));
            cmp(edi, 64);
            jbe('module_next);
            mov(edi, 64);
        'module_next:
            test(edi, edi);
            jz('modules_done);
    }
    say(a, "module=")?;
    asm! { a =>
            mov(esi, ebp);
            call('hex64);
            call('space);
            add(esi, 8);
            call('hex64);
            call('space);
            mov(esi, dword_ptr(ebp));
            mov(ecx, dword_ptr(ebp + 8));
            call('byte_sum);
            call('hex);
            call('space);
            mov(esi, dword_ptr(ebp + 16));
            call('quote);
            call('end_line);
            add(ebp, 32);
            dec(edi);
            jmp('module_next);
        'modules_done:
            nop();
    }
    Ok(())
}

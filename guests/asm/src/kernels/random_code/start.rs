//! From PVH's 32-bit entry into long mode, with the page tables that [`super`] describes.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;
use crate::asm;
use crate::asm::Program;
use crate::descriptors::{SYSRET_ORDER, TSS_AVAILABLE, tss_descriptor};

/// hvm_start_info: Xen `public/arch-x86/hvm/start_info.h`.
const START_INFO_CMDLINE: u32 = 24;

const CR0_BITS: u32 = 1 << 31 | 1 << 18 | 1 << 16 | 1 << 5 | 1 << 1; // PG AM WP NE MP
const CR0_EM_TS: u32 = 1 << 2 | 1 << 3;
const CR4_BITS: u32 = 1 << 5 | 1 << 9 | 1 << 10; // PAE OSFXSR OSXMMEXCPT
const MSR_EFER: u32 = 0xc000_0080;
const EFER_BITS: u32 = 1 << 11 | 1 << 8 | 1 << 0; // NXE LME SCE

const SUPERVISOR: u32 = 0b011; // present, writable
const USER: u32 = 0b111;
const LARGE: u32 = 1 << 7;

pub(super) fn source(a: &mut Program) -> Result<(), IcedError> {
    tables(a)?;
    user_pages(a)?;
    enter_long_mode(a)?;
    descriptors(a)
}

fn tables(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'entry:
            cli();
            cld();
            mov(esp, STACK_TOP);
            mov(eax, dword_ptr(ebx + START_INFO_CMDLINE));
            mov(dword_ptr(COMMAND_LINE), eax);

        /// The kernel's GiB, then the user's directory everywhere else.
            mov(edi, LOW_PDPT);
            mov(eax, USER_DIRECTORY | USER);
            call('fill_table);
            mov(dword_ptr(LOW_PDPT), KERNEL_DIRECTORY | SUPERVISOR);
            mov(edi, USER_PDPT);
            call('fill_table);
            mov(edi, USER_DIRECTORY);
            mov(eax, USER_TABLE | USER);
            call('fill_table);
        /// Large pages of the same frames: one of code and data, one read-only.
            mov(dword_ptr(USER_DIRECTORY + 0x100 * 8), ARENA | USER | LARGE);
            mov(dword_ptr(USER_DIRECTORY + 0x1ff * 8), ARENA | (USER & !2) | LARGE);
            mov(edi, PML4);
            mov(eax, USER_PDPT | USER);
            call('fill_table);
            mov(dword_ptr(PML4), LOW_PDPT | USER);
            mov(edi, KERNEL_DIRECTORY);
            mov(eax, SUPERVISOR | LARGE);
        'next_large:
            mov(dword_ptr(edi), eax);
            add(edi, 8);
            add(eax, 2 << 20);
            cmp(edi, KERNEL_DIRECTORY + 0x1000);
            jb('next_large);
        /// The upper half is nobody's.
            xor(eax, eax);
            mov(edi, PML4 + 0x800);
            mov(ecx, 0x200);
            rep_stosd();
            jmp('user_pages);

        /// fill_table: all 512 entries at EDI are EAX. Changes ECX, EDI.
        'fill_table:
            mov(ecx, 512);
        'next_entry:
            mov(dword_ptr(edi), eax);
            add(edi, 8);
            dec(ecx);
            jnz('next_entry);
            ret();
    }
    Ok(())
}

/// The user's page table: frame 37 i mod 64 for page i, and of 16 pages in a row, six that are special.
fn user_pages(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'user_pages:
            xor(ecx, ecx);
            mov(edi, USER_TABLE);
        'next_page:
            imul_3(eax, ecx, 37);
            and(eax, 63);
            shl(eax, 12);
            add(eax, ARENA | USER);
            xor(edx, edx);
            mov(ebx, ecx);
            and(ebx, 15);
            cmp(ebx, 10);
            jne('not_read_only);
            and(eax, !2);
        'not_read_only:
            cmp(ebx, 11);
            jne('may_execute);
            bts(edx, 31);                       //! XD
        'may_execute:
            cmp(ebx, 12);
            jne('is_present);
            and(eax, !1);
        'is_present:
            cmp(ebx, 13);
            jne('is_users);
            and(eax, !4);
        'is_users:
            cmp(ebx, 14);
            jne('has_key_0);
            or(edx, 5 << 27);                   //! protection key 5
        'has_key_0:
            cmp(ecx, 511);
            jne('is_valid);
            or(edx, 1 << 19);                   //! bit 51, reserved below MAXPHYADDR 52
        'is_valid:
            mov(dword_ptr(edi), eax);
            mov(dword_ptr(edi + 4), edx);
            add(edi, 8);
            inc(ecx);
            cmp(ecx, 512);
            jb('next_page);
    }
    Ok(())
}

fn enter_long_mode(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, cr4);
            or(eax, CR4_BITS);
            mov(cr4, eax);
            mov(eax, PML4);
            mov(cr3, eax);
            mov(ecx, MSR_EFER);
            rdmsr();
            or(eax, EFER_BITS);
            wrmsr();
            mov(eax, cr0);
            and(eax, !CR0_EM_TS);
            or(eax, CR0_BITS);
            mov(cr0, eax);
            lgdt(ptr('gdt_pointer));
            jmp_far(selector::CODE64, LONG_MODE);
    }
    Ok(())
}

fn descriptors(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'gdt:
            dq(&SYSRET_ORDER);                  //! 0x00 to 0x28
            dq(&[tss_descriptor(TSS, 103, TSS_AVAILABLE)]); //! 0x30: the TSS
            dq(&[0]);
            dq(&[0x4000_fb00_0000_ffff]);       //! 0x40: 16-bit code at 1 GiB, DPL 3
            dq(&[0x4000_f300_0000_ffff]);       //! 0x48: 16-bit data at 1 GiB, DPL 3
            dq(&[0x40c0_f700_0000_7fff]);       //! 0x50: data, expand-down, DPL 3
            dq(&[0x00af_7b00_0000_ffff]);       //! 0x58: 64-bit code, not present
            dq(&[0x00cf_9f00_0000_ffff]);       //! 0x60: 32-bit code, conforming, DPL 0
            dq(&[0, 0]);                        //! 0x68: the call gate, written later
        'gdt_pointer:
            dw(&[15 * 8 - 1]);
            dd_address("gdt");
    }
    Ok(())
}

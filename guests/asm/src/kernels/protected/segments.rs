//! Loads of segment registers, and accesses at their limits.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::*;

/// The kernel: ELF32, PVH.
pub fn segments() -> Vec<u8> {
    kernel(|a| {
        loads(a)?;
        limits(a)?;
        rights(a)
    })
}

fn load_ds(a: &mut Program, name: &'static str, selector: u32) -> Result<(), IcedError> {
    attempt(a, name, |a| {
        asm! { a =>
                mov(eax, selector);
                mov(ds, eax);
                mov(eax, DATA0);
                mov(ds, eax);
        }
        Ok(())
    })
}

fn load_ss(a: &mut Program, name: &'static str, selector: u32) -> Result<(), IcedError> {
    attempt(a, name, |a| {
        asm! { a =>
                mov(eax, selector);
                mov(ss, eax);
        }
        Ok(())
    })
}

fn loads(a: &mut Program) -> Result<(), IcedError> {
    load_ds(a, "ds_null", 3)?;
    load_ds(a, "ds_beyond_gdt", 0x3f8)?;
    load_ds(a, "ds_no_ldt", 0x0c)?;
    load_ds(a, "ds_system", u32::from(TSS_SELECTOR))?;
    load_ds(a, "ds_execute_only", EXECUTE_ONLY)?;
    load_ds(a, "ds_absent", ABSENT)?;
    load_ds(a, "ds_rpl3", DATA0 | 3)?;
    load_ds(a, "ds_conforming_rpl3", u32::from(CONFORMING) | 3)?;
    load_ss(a, "ss_null", 0)?;
    load_ss(a, "ss_rpl3", DATA0 | 3)?;
    load_ss(a, "ss_dpl3", DATA3)?;
    load_ss(a, "ss_read_only", READ_ONLY)?;
    load_ss(a, "ss_absent", ABSENT)?;
    load_ss(a, "ss_code", u32::from(CODE0))?;
    attempt_user(a, "user_ds_dpl0", |a| {
        asm! { a =>
                mov(eax, DATA0);
                mov(ds, eax);
        }
        Ok(())
    })
}

/// An access of DS, `bytes` long.
fn access(
    a: &mut Program,
    name: &'static str,
    selector: u32,
    at: u32,
    bytes: u32,
) -> Result<(), IcedError> {
    attempt(a, name, |a| {
        asm! { a =>
                mov(ecx, selector);
                mov(ds, ecx);
                mov(ebx, at);
        }
        match bytes {
            1 => a.mov(al, byte_ptr(ebx))?,
            2 => a.mov(ax, word_ptr(ebx))?,
            _ => a.mov(eax, dword_ptr(ebx))?,
        }
        asm! { a =>
                mov(ecx, DATA0);
                mov(ds, ecx);
        }
        Ok(())
    })
}

fn limits(a: &mut Program) -> Result<(), IcedError> {
    access(a, "limit_last_byte", SMALL, 0xfff, 1)?;
    access(a, "limit_behind", SMALL, 0x1000, 1)?;
    access(a, "limit_word_across", SMALL, 0xfff, 2)?;
    access(a, "limit_dword_fits", SMALL, 0xffc, 4)?;
    access(a, "limit_dword_across", SMALL, 0xffd, 4)?;
    access(a, "down_below", DOWN, 0xfff, 1)?;
    access(a, "down_first", DOWN, 0x1000, 4)?;
    access(a, "null_use", 0, 0, 1)
}

fn rights(a: &mut Program) -> Result<(), IcedError> {
    attempt(a, "write_read_only", |a| {
        asm! { a =>
                mov(ecx, READ_ONLY);
                mov(es, ecx);
                mov(edi, LOG);
                stosb();
        }
        Ok(())
    })?;
    attempt(a, "write_code", |a| {
        asm! { a =>
                mov(ecx, u32::from(CODE0));
                mov(es, ecx);
                mov(edi, LOG);
                stosb();
        }
        Ok(())
    })
}

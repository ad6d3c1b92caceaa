//! String instructions with a REP prefix: short ones that pay for their start, long ones that pay
//! for their bytes.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::DATA;
use crate::asm;
use crate::asm::Program;

const SOURCE: u32 = DATA;
const DESTINATION: u32 = DATA + 0x1_0000;

fn fill_source(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ecx, ecx);
            mov(eax, 1);
        'fill:
            imul_3(eax, eax, 0x41c6_4e6d);
            add(eax, 12345);
            mov(dword_ptr(rcx + SOURCE as i32), eax);
            mov(dword_ptr(rcx + DESTINATION as i32), eax);
            add(ecx, 4);
            cmp(ecx, 0x2000);
            jb('fill);
            xor(eax, eax);
            test(r15, r15);
            jz('finish);
    }
    Ok(())
}

pub(super) fn movs(a: &mut Program) -> Result<(), IcedError> {
    fill_source(a)?;
    asm! { a =>
        'again:
            mov(esi, SOURCE);
            mov(edi, DESTINATION);
            mov(ecx, 512);
    }
    a.rep().movsq()?; // a page
    asm! { a =>
            lea(esi, ptr(r15d + r15d));
            and(esi, 0xfff);
            add(esi, SOURCE);
            mov(edi, DESTINATION + 3);
            mov(ecx, 1500);
    }
    a.rep().movsb()?; // a packet
    asm! { a =>
            mov(ecx, r15d);
            and(ecx, 31);
    }
    a.rep().movsb()?; // a word of text
    asm! { a =>
            mov(esi, DESTINATION);
            mov(edi, DESTINATION + 1);
            mov(ecx, 40);
    }
    a.rep().movsb()?; // overlapping: the first byte spreads
    asm! { a =>
            mov(edx, r15d);
            and(edx, 0xff8);
            add(rax, qword_ptr(rdx + DESTINATION as i32));
            rol(rax, 3);
            dec(r15);
            jnz('again);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn stos(a: &mut Program) -> Result<(), IcedError> {
    fill_source(a)?;
    asm! { a =>
            xor(ebx, ebx);
        'again:
            mov(rax, r15);
            mov(edi, DESTINATION);
            mov(ecx, 512);
    }
    a.rep().stosq()?;
    asm! { a =>
            mov(edi, DESTINATION + 5);
            mov(ecx, 1500);
    }
    a.rep().stosb()?;
    asm! { a =>
            mov(ecx, r15d);
            and(ecx, 31);
            inc(eax);
    }
    a.rep().stosb()?;
    asm! { a =>
            mov(edx, r15d);
            and(edx, 0xff8);
            add(rbx, qword_ptr(rdx + DESTINATION as i32));
            rol(rbx, 3);
            dec(r15);
            jnz('again);
            mov(rax, rbx);
            jmp('finish);
    }
    Ok(())
}

pub(super) fn scan(a: &mut Program) -> Result<(), IcedError> {
    fill_source(a)?;
    asm! { a =>
        /// No byte is zero but one, and source and destination differ in one byte.
            xor(ecx, ecx);
        'no_zero:
            or(byte_ptr(rcx + SOURCE as i32), 1);
            or(byte_ptr(rcx + DESTINATION as i32), 1);
            inc(ecx);
            cmp(ecx, 0x2000);
            jb('no_zero);
            mov(byte_ptr(SOURCE + 4000), 0);
            mov(byte_ptr(DESTINATION + 2500), 0);
            xor(ebx, ebx);
        'again:
            mov(edx, r15d);
            and(edx, 1023);
            xor(eax, eax);
            lea(edi, ptr(rdx + SOURCE as i32));
            mov(ecx, 8192);
    }
    a.repne().scasb()?;
    asm! { a =>
            add(rbx, rcx);
            lea(esi, ptr(rdx + SOURCE as i32));
            lea(edi, ptr(rdx + DESTINATION as i32));
            mov(ecx, 8000);
    }
    a.repe().cmpsb()?;
    asm! { a =>
            adc(rbx, rcx);
            rol(rbx, 5);
            dec(r15);
            jnz('again);
            mov(rax, rbx);
            jmp('finish);
    }
    Ok(())
}

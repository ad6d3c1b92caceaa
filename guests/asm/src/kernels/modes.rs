//! Does a debugger keep its way through the modes? From 32-bit protected mode to a 16-bit segment, real
//! mode with a base in CS, back to 32 bits, long mode and a program at CPL 3, which ends by isa-debug-exit.
//!
//! Sources: SDM Vol. 3A, "Switching Back to Real-Address Mode", "Initializing IA-32e Mode".

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::{STACK_TOP, TABLES, pvh_image};
use crate::asm;
use crate::asm::{Part, Program, assemble};
use crate::elf::{CODE_OFFSET, Class, KERNEL_BASE};

const DEBUG_EXIT: u32 = 0xf4;
const SUCCESS: u32 = 0x10;

// Where the parts lie.
const START: u32 = KERNEL_BASE + CODE_OFFSET;
const REAL_COPY: u32 = KERNEL_BASE + 0x300;
const BACK: u32 = KERNEL_BASE + 0x400;
const LONG: u32 = KERNEL_BASE + 0x500;
const USER: u32 = KERNEL_BASE + 0x600;

/// Where the 16-bit part is executed: the base of its segments.
const REAL_BASE: u32 = 0x9000;
/// A word that real mode writes.
const MARK: u32 = 0x500;
/// A quadword that the program at CPL 3 counts up.
const COUNTER: u32 = KERNEL_BASE + 0x6000;
const TURNS: u32 = 5;

// Selectors.
const CODE32: u16 = 0x08;
const DATA: u32 = 0x10;
const CODE16: u16 = 0x18;
const CODE64: u16 = 0x20;
const USER_DATA: i32 = 0x28 | 3;
const USER_CODE: i32 = 0x30 | 3;

/// Linear addresses that a debugger may want.
pub struct Places {
    /// First instruction.
    pub entry: u64,
    /// First instruction in real mode, with a base in CS.
    pub real: u64,
    /// First instruction back in 32 bits.
    pub back: u64,
    /// First instruction in long mode.
    pub long: u64,
    /// First instruction at CPL 3.
    pub user: u64,
    /// The quadword that is counted up.
    pub counter: u64,
}

/// Where everything is in [`modes`].
pub fn modes_places() -> Places {
    Places {
        entry: START.into(),
        real: u64::from(REAL_BASE + real_part().symbol("real")),
        back: BACK.into(),
        long: LONG.into(),
        user: USER.into(),
        counter: COUNTER.into(),
    }
}

/// The kernel.
pub fn modes() -> Vec<u8> {
    let at = |bits, address, source: fn(&mut Program) -> Result<(), IcedError>| {
        assemble(bits, address, source).expect("the kernel's source assembles")
    };
    let real = Part { address: REAL_COPY, ..real_part() };
    let mut image = pvh_image(Class::Elf32, 4, at(32, START, start));
    image.parts.extend([real, at(32, BACK, back), at(64, LONG, long), at(64, USER, user)]);
    image.bytes()
}

/// Assembled for the segment it runs in.
fn real_part() -> Part {
    assemble(16, 0, real).expect("the kernel's source assembles")
}

fn start(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
            mov(esi, REAL_COPY);
            mov(edi, REAL_BASE);
            mov(ecx, 0x40);
        'copy:
            lodsd();
            stosd();
            loop_('copy);
            lgdt(ptr('gdt_pointer));
            jmp_far(CODE16, 0);

        'gdt:
            dq(&[0]);
            dq(&[0x00cf_9b00_0000_ffff]);       //! 0x08: 32-bit code
            dq(&[0x00cf_9300_0000_ffff]);       //! 0x10: data
            dq(&[0x0000_9b00_9000_ffff]);       //! 0x18: 16-bit code at 0x9000
            dq(&[0x00af_9b00_0000_ffff]);       //! 0x20: 64-bit code
            dq(&[0x00cf_f300_0000_ffff]);       //! 0x28: data, DPL 3
            dq(&[0x00af_fb00_0000_ffff]);       //! 0x30: 64-bit code, DPL 3
        'gdt_pointer:
            dw(&[7 * 8 - 1]);
            dd_address("gdt");
    }
    Ok(())
}

fn real(a: &mut Program) -> Result<(), IcedError> {
    let real = a.address("real");
    asm! { a =>
        /// Protected mode still, in a 16-bit segment.
            mov(eax, cr0);
            and(eax, !1);
            mov(cr0, eax);
            jmp_far((REAL_BASE >> 4) as u16, real);

        'real:
            xor(ax, ax);
            mov(ds, ax);
            mov(ss, ax);
            mov(sp, 0x8000);
            mov(word_ptr(MARK), 0x1616);
            mov(eax, cr0);
            or(eax, 1);
            mov(cr0, eax);
            jmp_far(CODE32, BACK);
    }
    Ok(())
}

fn back(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, DATA);
            mov(ds, ax);
            mov(es, ax);
            mov(ss, ax);
            mov(esp, STACK_TOP);
        /// The first 4 MiB for everybody, by large pages.
            mov(dword_ptr(TABLES), (TABLES + 0x1000) | 7);
            mov(dword_ptr(TABLES + 0x1000), (TABLES + 0x2000) | 7);
            mov(dword_ptr(TABLES + 0x2000), 0x87);
            mov(dword_ptr(TABLES + 0x2008), 0x20_0087);
            mov(eax, 0x220);                    //! PAE, OSFXSR
            mov(cr4, eax);
            mov(eax, TABLES);
            mov(cr3, eax);
            mov(ecx, 0xc000_0080_u32);          //! EFER
            rdmsr();
            or(eax, 0x100);                     //! LME
            wrmsr();
            mov(eax, cr0);
            or(eax, 0x8000_0000_u32);
            mov(cr0, eax);
            jmp_far(CODE64, LONG);
    }
    Ok(())
}

fn long(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            push(USER_DATA);
            push(STACK_TOP as i32);
            push(0x3002);                       //! IOPL 3
            push(USER_CODE);
            push(USER as i32);
            iretq();
    }
    Ok(())
}

fn user(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(rbx, u64::from(COUNTER));
            mov(ecx, TURNS);
        'turn:
            inc(qword_ptr(rbx));
            dec(ecx);
            jnz('turn);
            mov(rax, 0x1122_3344_5566_7788_u64);
            movq(xmm0, rax);
            fninit();
            fld1();
            mov(al, SUCCESS);
            out(DEBUG_EXIT, al);
        'stop:
            jmp('stop);
    }
    Ok(())
}

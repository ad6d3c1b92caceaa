//! Descriptors that several kernels have: SDM Vol. 3A, "Segment Descriptors", "TSS Descriptor", "TSS Descriptor in
//! 64-bit mode". Not here: descriptors that are one kernel's own.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::Program;

/// The first six of a GDT: SYSCALL and SYSRET ask for this order.
pub(crate) const SYSRET_ORDER: [u64; 6] = [
    0,                     // 0x00: the null descriptor
    0x00af_9b00_0000_ffff, // 0x08: 64-bit code, DPL 0
    0x00cf_9300_0000_ffff, // 0x10: data, DPL 0
    0x00cf_fb00_0000_ffff, // 0x18: 32-bit code, DPL 3: SYSRET's base
    0x00cf_f300_0000_ffff, // 0x20: data, DPL 3
    0x00af_fb00_0000_ffff, // 0x28: 64-bit code, DPL 3
];

/// The access byte of a 32-bit or 64-bit TSS that is present and not busy.
pub(crate) const TSS_AVAILABLE: u64 = 0x89;

/// A TSS with a limit below 64 KiB. In 64-bit mode it is the lower half; the upper one, base bits 63:32, is 0.
pub(crate) const fn tss_descriptor(base: u32, limit: u16, access: u64) -> u64 {
    let base = base as u64;
    (base & 0xff_ffff) << 16 | (base >> 24) << 56 | access << 40 | limit as u64
}

/// Selector of the code of [`flat_tables`].
const FLAT_CODE: u16 = 0x08;

/// Goes over to the segments of [`flat_tables`], as far as code is concerned, and to its IDT, with one gate: for
/// `vector`, to the label `handler`.
pub(crate) fn enter_flat(
    a: &mut Program,
    idt: u32,
    vector: u32,
    handler: &'static str,
) -> Result<(), IcedError> {
    let handler = a.address(handler);
    let gate = idt + vector * 8;
    asm! { a =>
            lgdt(ptr('gdt_pointer));
            lea(eax, ptr('own_segments));
            push(u32::from(FLAT_CODE));
            push(eax);
            retf();
        'own_segments:
            mov(eax, handler);
            mov(word_ptr(gate), ax);            //! offset 15:0
            mov(word_ptr(gate + 2), u32::from(FLAT_CODE));
            mov(word_ptr(gate + 4), 0x8e00u32); //! present, DPL 0, 32-bit interrupt gate
            shr(eax, 16);
            mov(word_ptr(gate + 6), ax);        //! offset 31:16
            lidt(ptr('idt_pointer));
    }
    Ok(())
}

/// A GDT of 32-bit code at selector [`FLAT_CODE`] and data at 0x10, 4 GiB from address 0 both; `gdt_pointer` for
/// LGDT, and `idt_pointer` for LIDT of a table at `idt` up to `last_vector`.
pub(crate) fn flat_tables(a: &mut Program, idt: u32, last_vector: u32) -> Result<(), IcedError> {
    asm! { a =>
        'gdt:
            dq(&[0]);
            dq(&[0x00cf_9b00_0000_ffff]);       //! 0x08: code, 4 GiB
            dq(&[0x00cf_9300_0000_ffff]);       //! 0x10: data, 4 GiB
        'gdt_pointer:
            dw(&[3 * 8 - 1]);
            dd_address("gdt");
        'idt_pointer:
            dw(&[((last_vector + 1) * 8 - 1) as u16]);
            dd(&[idt]);
    }
    Ok(())
}

//! Disks whose boot sector starts: what BIOS services answer.
//!
//! [`services`] calls one after another with registers from a table and prints on COM1, by its ports, what
//! each gave back; then it sets video modes and prints the adapter's registers. The same disk behind another
//! BIOS shows what that answers. [`screen`] writes by INT 10h alone, reads a key, and gives up by INT 18h.
//!
//! ```text
//! 13 0201 > 0001 9000 0002 0080 00 40 1234    interrupt, AX > AX BX CX DX, CF, ZF, a sum of the words
//!                                             at 9000h
//! m13 > ...                                   mode > misc, SEQ 0-4, CRTC 0-24, GC 0-8, AC 0-20, a sum
//!                                             of the palette
//! ```

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use crate::asm;
use crate::asm::{Program, assemble};
use crate::kernels::Kernel;
use crate::power::power_off;

/// Every disk, for tools that take names.
pub const ALL: &[Kernel] =
    &[("bios_services", services), ("bios_screen", screen), ("zimage", crate::zimage::zimage)];

const SECTOR: usize = 512;
/// Sectors of the disk: enough for 16 heads and 63 sectors twice.
const SECTORS: usize = 3000;
/// Where a BIOS puts the first sector, and where it puts the rest.
const START: u32 = 0x7c00;
const MAIN: u32 = 0x7e00;
/// Sectors of the program behind the first.
const PROGRAM_SECTORS: u32 = 4;
const COM1: u32 = 0x3f8;
/// A buffer for the services, its length in words, and a packet for INT 13h.
const BUFFER: u16 = 0x9000;
const BUFFER_WORDS: u32 = 32;
const PACKET: u16 = 0x8f00;

/// One call: interrupt, AX, BX, CX, DX.
type Call = (u8, u16, u16, u16, u16);

/// What [`services`] calls, in order. ES:DI and DS:SI lead to the buffer, for INT 13h, 42h to a packet for
/// sector 5; EDX is 'SMAP' for E820h. The buffer begins with 26.
pub const CALLS: &[Call] = &[
    (0x11, 0, 0, 0, 0),
    (0x12, 0, 0, 0, 0),
    (0x13, 0x0000, 0, 0, 0x80),
    (0x13, 0x0201, BUFFER, 0x0002, 0x0080),
    (0x13, 0x0202, BUFFER, 0x003f, 0x0180),
    (0x13, 0x0201, BUFFER, 0x0000, 0x0080),
    (0x13, 0x0201, BUFFER, 0x0001, 0x1080),
    (0x13, 0x0200, BUFFER, 0x0001, 0x0080),
    (0x13, 0x0100, 0, 0, 0x0080),
    (0x13, 0x0401, BUFFER, 0x0001, 0x0080),
    (0x13, 0x0301, 0x7c00, 0x0009, 0x0080),
    (0x13, 0x0201, BUFFER, 0x0009, 0x0080),
    (0x13, 0x0800, 0, 0, 0x0080),
    (0x13, 0x0c00, 0, 0x0001, 0x0080),
    (0x13, 0x1000, 0, 0, 0x0080),
    (0x13, 0x1500, 0, 0, 0x0080),
    (0x13, 0x1500, 0, 0, 0x0081),
    (0x13, 0x4100, 0x55aa, 0, 0x0080),
    (0x13, 0x4200, 0, 0, 0x0080),
    (0x13, 0x4800, 0, 0, 0x0080),
    (0x13, 0x0201, BUFFER, 0x0001, 0x0081),
    (0x13, 0x4200, 0, 0, 0x0081),
    (0x15, 0x2401, 0, 0, 0),
    (0x15, 0x2402, 0, 0, 0),
    (0x15, 0x2403, 0, 0, 0),
    (0x15, 0x5300, 0, 0, 0),
    (0x15, 0x8800, 0, 0, 0),
    (0x15, 0xc100, 0, 0, 0),
    (0x15, 0xe801, 0, 0, 0),
    (0x15, 0xe820, 0, 20, 0),
    (0x15, 0xe820, 1, 20, 0),
    (0x15, 0xe820, 2, 20, 0),
    (0x15, 0xe820, 3, 20, 0),
    (0x15, 0xe980, 0, 0, 0),
    (0x15, 0x8600, 0, 0, 1000),
    (0x16, 0x0100, 0, 0, 0),
    (0x16, 0x0200, 0, 0, 0),
    (0x16, 0x0500, 0, 0x1e61, 0),
    (0x16, 0x0500, 0, 0x48e0, 0),
    (0x16, 0x0500, 0, 0x3042, 0),
    (0x16, 0x0500, 0, 0x50e0, 0),
    (0x16, 0x0500, 0, 0xe00d, 0),
    (0x16, 0x0100, 0, 0, 0),
    (0x16, 0x0000, 0, 0, 0),
    (0x16, 0x0000, 0, 0, 0),
    (0x16, 0x1100, 0, 0, 0),
    (0x16, 0x1000, 0, 0, 0),
    (0x16, 0x0000, 0, 0, 0),
    (0x16, 0x1200, 0, 0, 0),
    (0x1a, 0x0400, 0, 0, 0),
    (0x10, 0x0003, 0, 0, 0),
    (0x10, 0x0f00, 0, 0, 0),
    (0x10, 0x0300, 0, 0, 0),
    (0x10, 0x0200, 0, 0, 0x0a46),
    (0x10, 0x0e41, 0, 0, 0),
    (0x10, 0x0300, 0, 0, 0),
    (0x10, 0x0200, 0, 0, 0x0a46),
    (0x10, 0x0800, 0, 0, 0),
    (0x10, 0x0942, 0x001e, 3, 0),
    (0x10, 0x0800, 0, 0, 0),
    (0x10, 0x0a43, 0x002e, 1, 0),
    (0x10, 0x0800, 0, 0, 0),
    (0x10, 0x0601, 0x3f00, 0x0a40, 0x0a4f),
    (0x10, 0x0800, 0, 0, 0),
    (0x10, 0x0200, 0, 0, 0x184f),
    (0x10, 0x0e44, 0, 0, 0),
    (0x10, 0x0300, 0, 0, 0),
    (0x10, 0x0200, 0, 0, 0x174f),
    (0x10, 0x0800, 0, 0, 0),
    (0x10, 0x0100, 0, 0x0607, 0),
    (0x10, 0x0300, 0, 0, 0),
    (0x10, 0x0502, 0, 0, 0),
    (0x10, 0x0f00, 0, 0, 0),
    (0x10, 0x0500, 0, 0, 0),
    (0x10, 0x1007, 0x0006, 0, 0),
    (0x10, 0x1015, 0x0014, 0, 0),
    (0x10, 0x1200, 0x0010, 0, 0),
    (0x10, 0x1a00, 0, 0, 0),
    (0x13, 0x0800, 0, 0, 0x0000),
    (0x13, 0x0800, 0, 0, 0x0081),
];

/// The video modes that [`services`] sets after the calls.
pub const MODES: &[u8] = &[0x00, 0x01, 0x02, 0x04, 0x06, 0x0d, 0x0e, 0x10, 0x12, 0x13, 0x03];

/// A disk that calls services and tells what they answered.
pub fn services() -> Vec<u8> {
    let first = assemble(16, START, load_program).expect("the sector assembles");
    let main = assemble(16, MAIN, program).expect("the program assembles");
    let room = PROGRAM_SECTORS as usize * SECTOR;
    assert!(main.bytes.len() <= room, "the program has {} bytes", main.bytes.len());
    // The sectors behind it tell where they are.
    let mut disk: Vec<u8> =
        (0..SECTORS * SECTOR).map(|at| (at / SECTOR + 3 * (at % SECTOR)) as u8).collect();
    disk[..SECTOR + room].fill(0);
    disk[..first.bytes.len()].copy_from_slice(&first.bytes);
    disk[SECTOR..SECTOR + main.bytes.len()].copy_from_slice(&main.bytes);
    disk[SECTOR - 2..SECTOR].copy_from_slice(&[0x55, 0xaa]);
    disk
}

/// One sector that greets, says which key came, and finds nothing to boot.
pub fn screen() -> Vec<u8> {
    let mut disk = assemble(16, START, greet).expect("the sector assembles").bytes;
    disk.resize(SECTOR, 0);
    disk[SECTOR - 2..].copy_from_slice(&[0x55, 0xaa]);
    disk
}

fn greet(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            xor(ax, ax);
            mov(ds, ax);
            mov(ss, ax);
            mov(esp, START);
            sti();
    }
    let text = a.address("text");
    asm! { a =>
            mov(esi, text);
            cld();
        'next:
            lodsb();
            test(al, al);
            jz('key);
            mov(ah, 0xe);
            mov(bx, 7);
            int(0x10);
            jmp('next);
        'key:
            mov(ah, 0);
            int(0x16);
            mov(ah, 0xe);
            int(0x10);
            int(0x18);
    }
    a.bind("text")?;
    a.text("Which key?\r\n")
}

fn load_program(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            cli();
            xor(ax, ax);
            mov(ds, ax);
            mov(es, ax);
            mov(ss, ax);
            mov(esp, START);
            sti();
            mov(ax, 0x0200 + PROGRAM_SECTORS as i32);
            mov(bx, MAIN as i32);
            mov(cx, 2);
            mov(dh, 0);                         //! DL is the disk
            int(0x13);
            jc('stop);
            mov(eax, MAIN);
            jmp(eax);
        'stop:
            cli();
            hlt();
            jmp('stop);
    }
    Ok(())
}

fn program(a: &mut Program) -> Result<(), IcedError> {
    call_all(a)?;
    for &mode in MODES {
        tell_mode(a, mode)?;
    }
    power_off(a)?;
    printing(a)?;
    registers(a)?;
    a.bind("packet")?;
    a.db(&[0x10, 0, 1, 0])?;
    a.dw(&[BUFFER, 0, 5, 0, 0, 0])?;
    a.bind("table")?;
    for call in CALLS {
        a.dw(&[call.0.into(), call.1, call.2, call.3, call.4])?;
    }
    a.dw(&[0])
}

/// Each row of the table: the buffer is prepared, the interrupt called, the answer printed.
fn call_all(a: &mut Program) -> Result<(), IcedError> {
    let (table, packet, patched) = (a.address("table"), a.address("packet"), a.address("call") + 1);
    asm! { a =>
            cld();
            mov(esi, packet);
            mov(edi, u32::from(PACKET));
            mov(ecx, 16u32);
            rep_movsb();
            mov(ebp, table);
        'row:
            mov(al, byte_ptr(ebp));
            test(al, al);
            jz('calls_end);
            mov(edi, patched);
            mov(byte_ptr(edi), al);
            call('hex8);
            call('space);
            mov(ax, word_ptr(ebp + 2));
            call('hex16);
            call('arrow);
        /// The buffer: 26, then zeros.
            mov(edi, u32::from(BUFFER));
            mov(ecx, BUFFER_WORDS);
            xor(eax, eax);
            rep_stosw();
            mov(word_ptr(u32::from(BUFFER)), 26);
            mov(esi, u32::from(BUFFER));
            mov(edi, u32::from(BUFFER));
            xor(ebx, ebx);
            xor(ecx, ecx);
            xor(edx, edx);
            mov(ax, word_ptr(ebp + 2));
            mov(bx, word_ptr(ebp + 4));
            mov(cx, word_ptr(ebp + 6));
            mov(dx, word_ptr(ebp + 8));
            cmp(ax, 0x4200);
            jne('no_packet);
            mov(esi, u32::from(PACKET));
        'no_packet:
            cmp(ax, 0xe820u32 as i32);
            jne('no_map);
            mov(edx, 0x534d_4150u32);
        'no_map:
            push(ebp);
            stc();
            sti();
        'call:
            int(0);                             //! the table's
            pushf();
            push(dx);
            push(cx);
            push(bx);
            push(ax);
            xor(ax, ax);
            mov(ds, ax);
            mov(es, ax);
            mov(ecx, 4u32);
        'word:
            pop(ax);
            call('hex16);
            call('space);
            loop_('word);
            pop(ax);
            mov(bx, ax);
            and(al, 1);
            call('hex8);
            call('space);
            mov(ax, bx);
            and(al, 0x40);
            call('hex8);
            call('space);
        /// The sum of the buffer's words.
            mov(esi, u32::from(BUFFER));
            mov(ecx, BUFFER_WORDS);
            xor(bx, bx);
        'sum:
            lodsw();
            add(bx, ax);
            rol(bx, 1);
            loop_('sum);
            mov(ax, bx);
            call('hex16);
            call('line_end);
            pop(ebp);
            add(ebp, 10);
            jmp('row);
        'calls_end:
            nop();
    }
    Ok(())
}

/// Sets a mode and prints the adapter's registers.
fn tell_mode(a: &mut Program, mode: u8) -> Result<(), IcedError> {
    let letter = i32::from(b'm');
    asm! { a =>
            mov(al, letter);
            call('print);
            mov(al, i32::from(mode));
            call('hex8);
            call('arrow);
            mov(ax, i32::from(mode));
            int(0x10);
            call('registers);
    }
    Ok(())
}

/// Prints what a mode left in the adapter.
fn registers(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'registers:
            mov(edx, 0x3ccu32);
            in_(al, dx);
            call('hex8);
            mov(edx, 0x3c4u32);
            mov(ecx, 5u32);
            call('indexed);
            mov(edx, 0x3d4u32);
            mov(ecx, 25u32);
            call('indexed);
            mov(edx, 0x3ceu32);
            mov(ecx, 9u32);
            call('indexed);
            call('space);
            xor(bx, bx);
        'attribute:
            mov(edx, 0x3dau32);
            in_(al, dx);
            mov(edx, 0x3c0u32);
            mov(al, bl);
            out(dx, al);
            inc(dx);
            in_(al, dx);
            call('hex8);
            inc(bx);
            cmp(bx, 21);
            jne('attribute);
            mov(edx, 0x3dau32);
            in_(al, dx);
            mov(edx, 0x3c0u32);
            mov(al, 0x20);
            out(dx, al);
            call('space);
        /// The palette as a sum.
            mov(edx, 0x3c7u32);
            xor(al, al);
            out(dx, al);
            mov(edx, 0x3c9u32);
            mov(ecx, 768u32);
            xor(bx, bx);
            xor(ax, ax);
        'color:
            in_(al, dx);
            add(bx, ax);
            rol(bx, 1);
            loop_('color);
            mov(ax, bx);
            call('hex16);
            call('line_end);
            ret();
        /// CX registers behind the index port in DX.
        'indexed:
            call('space);
            xor(bx, bx);
        'index:
            mov(al, bl);
            out(dx, al);
            inc(dx);
            in_(al, dx);
            dec(dx);
            call('hex8);
            inc(bx);
            loop_('index);
            ret();
    }
    Ok(())
}

/// Text on COM1. All registers stay.
fn printing(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
        'hex16:
            xchg(ah, al);
            call('hex8);
            xchg(ah, al);
        'hex8:
            push(ax);
            shr(al, 4);
            call('digit);
            pop(ax);
        'digit:
            push(ax);
            and(al, 0xf);
            cmp(al, 10);
            jb('decimal);
            add(al, 39);                        //! from behind '9' to 'a'
        'decimal:
            add(al, 48);
            call('print);
            pop(ax);
            ret();
        'arrow:
            call('space);
            push(ax);
            mov(al, 62);                        //! '>'
            call('print);
            pop(ax);
        'space:
            push(ax);
            mov(al, 32);
            call('print);
            pop(ax);
            ret();
        'line_end:
            push(ax);
            mov(al, 13);
            call('print);
            mov(al, 10);
            call('print);
            pop(ax);
            ret();
        'print:
            push(dx);
            mov(edx, COM1);
            out(dx, al);
            pop(dx);
            ret();
    }
    Ok(())
}

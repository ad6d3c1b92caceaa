//! Random descriptor tables, task-state segments and stacks under random transfers: nothing panics, every
//! run ends at its limit, and every engine form comes to the same end.

use crate::EngineForm;
use crate::run::Exit;
use crate::testing::*;
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr};

/// Selectors that occur in the tables, in the stack and in the registers.
const SELECTORS: [u16; 16] =
    [0, 3, 0x08, 0x10, 0x1b, 0x23, 0x28, 0x38, 0x3b, 0x40, 0x43, 0x48, 0x50, 0x5b, 0x3c, 0x1f8];
/// Linear addresses and offsets.
const PLACES: [u32; 10] = [
    0,
    HANDLERS as u32,
    CODE as u32,
    TSS as u32,
    0xa00,
    0xb00,
    0xffff,
    0x9_0000,
    0xffff_fffe,
    0x8000_0000,
];
/// Instructions of up to 8 bytes whose selectors lie in registers, in memory or in the bytes behind.
const INSTRUCTIONS: [&[u8]; 20] = [
    &[0xcd, 0x80],
    &[0xcc],
    &[0xcf],
    &[0x66, 0xcf],
    &[0xcb],
    &[0xca, 8, 0],
    &[0x66, 0xcb],
    &[0x8e, 0xd8],
    &[0x8e, 0xd1],
    &[0xff, 0x2b],
    &[0xff, 0x1b],
    &[0x66, 0xff, 0x1b],
    &[0x0f, 0x0b],
    &[0x9d],
    &[0xfb],
    &[0x0f, 0x00, 0xd0],
    &[0x0f, 0x00, 0xd8],
    &[0x48, 0xcf],
    &[0x8b, 0x03],
    &[0x50],
];

/// A descriptor of any type at a plausible place.
fn descriptor(random: &mut Random) -> u64 {
    let base = random.pick(&PLACES);
    let limit = random.pick(&[0u32, 0x2b, 0x66, 0x67, 0x1ff, 0xfff, 0xffff, 0xf_ffff]);
    let access = random.below(256) as u16 | if random.below(4) == 0 { 0 } else { attr::P };
    let size = random.below(16) as u16 & !2 | u16::from(random.below(4) == 0) << 1;
    Descriptor::new(base, limit, access | size << 12).0
}

fn gate(random: &mut Random) -> u64 {
    let offset = u64::from(random.pick(&PLACES));
    let selector = u64::from(random.pick(&SELECTORS));
    let kind = random.pick(&[4u64, 5, 6, 7, 12, 14, 15, 9]);
    let access = kind | random.below(4) << 5 | if random.below(8) == 0 { 0 } else { 0x80 };
    offset & 0xffff | selector << 16 | random.below(32) << 32 | access << 40 | (offset >> 16) << 48
}

/// A machine drawn from a seed, and what it does.
fn machine(seed: u64) -> Machine {
    let mut random = Random(seed);
    let bits = random.pick(&[16, 32, 32, 64]);
    let mut machine = Machine::with_system_tables(bits);
    for selector in (0x38..0x60).step_by(8) {
        let value = if random.below(2) == 0 { descriptor(&mut random) } else { gate(&mut random) };
        machine.write(GDT + selector, &value.to_le_bytes());
    }
    for vector in [3u64, 6, 8, 10, 11, 12, 13, 14, 0x80] {
        if random.below(3) == 0 {
            let size = if bits == 64 { 16 } else { 8 };
            machine.write(IDT + size * vector, &gate(&mut random).to_le_bytes());
        }
    }
    let word = |random: &mut Random| match random.below(3) {
        0 => u32::from(random.pick(&SELECTORS)),
        1 => random.pick(&PLACES),
        _ => random.next() as u32 & 0x3f_7ed7,
    };
    for area in [TSS, 0xa00, 0xb00, STACK, 0xfff0] {
        for at in (0..0x68).step_by(4) {
            machine.write(area + at, &word(&mut random).to_le_bytes());
        }
    }
    for n in [0, 1, 2] {
        machine.regs.gpr[n] = word(&mut random).into();
    }
    machine.regs.gpr[3] = STACK;
    machine.regs.ldtr =
        Segment { selector: Selector(0x48), attributes: attr::P | 2, limit: 0x3f, base: GDT };
    match random.below(4) {
        0 => machine.user(bits),
        1 if bits != 64 => {
            machine.regs.rflags |= rflags::VM;
            for segment in &mut machine.regs.segments {
                *segment = Segment::real_mode(0x1000);
                segment.attributes |= 3 << attr::DPL_SHIFT;
            }
            machine.regs.rip = 0;
        }
        _ => {}
    }
    machine.regs.rflags |= random.pick(&[0, 0, rflags::NT, rflags::IOPL, rflags::TF, rflags::IF]);
    machine.regs.cr4 |= random.pick(&[0, 1, 2]);
    let code: Vec<u8> = (0..8).flat_map(|_| random.pick(&INSTRUCTIONS).to_vec()).collect();
    let base = machine.regs.segments[SegReg::Cs as usize].base;
    machine.write(base + machine.regs.rip, &code);
    machine
}

#[test]
fn random_tables_and_transfers_end_alike_in_every_form() {
    for seed in 0..1000 {
        let mut ends = [EngineForm::BEST, EngineForm::Hybrid, EngineForm::Step].map(|form| {
            let mut machine = machine(seed);
            machine.cpu.form = form;
            machine.cpu.set_registers(&machine.regs.clone());
            let exit = machine.resume(40);
            assert!(
                matches!(
                    exit,
                    Exit::Limit | Exit::Halted | Exit::Shutdown | Exit::Unimplemented(_)
                ),
                "seed {seed}: {exit:?}"
            );
            let tables = machine.read(GDT, 0x600);
            (exit, machine.cpu.retired(), machine.regs, tables, machine.cpu.recent_faults())
        });
        let last = ends[2].clone();
        for end in &mut ends[..2] {
            assert!(*end == last, "seed {seed}: {end:?}\n{last:?}");
        }
    }
}

//! What the comparison with silicon in `x87/native_tests.rs` does not show: faults, modes, XMM
//! registers.

use crate::testing::{Machine, TABLES};
use arch::control::cr4;
use arch::exception::Vector;
use arch::segment::SegReg;

const DATA: u64 = 0x2_0000;
const FXSAVE: [u8; 4] = [0x0f, 0xae, 0x04, 0x25];
const FXRSTOR: [u8; 4] = [0x0f, 0xae, 0x0c, 0x25];

fn at(instruction: [u8; 4], address: u64) -> Vec<u8> {
    [&instruction[..], &(address as u32).to_le_bytes()].concat()
}

/// A machine whose XMM registers and the bytes at DATA are recognisable.
fn machine(bits: u32) -> Machine {
    let mut machine = Machine::new(bits);
    for (n, register) in machine.cpu.sse.xmm.iter_mut().enumerate() {
        *register = 0x1111_1111_1111_1111_1111_1111_1111_1111 * n as u128;
    }
    machine.write(DATA, &[0xcc; 512]);
    machine
}

/// The area of FXSAVE in code of `bits` bits.
fn saved(mut machine: Machine, bits: u32) -> Vec<u8> {
    let code = if bits == 64 {
        at(FXSAVE, DATA)
    } else {
        [&[0x0f, 0xae, 0x05][..], &(DATA as u32).to_le_bytes()].concat()
    };
    machine.run(&code, 1);
    assert_eq!(machine.fault(), None);
    machine.read(DATA, 512)
}

#[test]
fn the_area_has_sixteen_xmm_registers_in_64_bit_mode_and_eight_elsewhere() {
    for (bits, registers) in [(64, 16), (32, 8)] {
        let area = saved(machine(bits), bits);

        for n in 0..16u8 {
            let expected = if usize::from(n) < registers { n * 0x11 } else { 0xcc };
            let from = 160 + 16 * usize::from(n);
            assert_eq!(area[from..from + 16], [expected; 16], "XMM{n}");
        }
        assert_eq!(area[416..], [0xcc; 96]);
        assert_eq!(area[24..32], [0x80, 0x1f, 0, 0, 0xff, 0xff, 0, 0]);
    }
}

/// APM Vol. 2, "Saving Media and x87 Execution Unit State": with OSFXSR clear neither XMM
/// registers nor MXCSR belong to the area.
#[test]
fn without_osfxsr_the_area_holds_x87_state_alone() {
    let mut machine = machine(64);
    machine.regs.cr4 &= !cr4::OSFXSR;

    let area = saved(machine, 64);

    assert_eq!(area[..2], [0x40, 0]);
    assert_eq!(area[24..32], [0xcc; 8]);
    assert_eq!(area[160..], [0xcc; 352]);
}

#[test]
fn what_was_saved_is_restored() {
    let mut machine = machine(64);
    machine.cpu.sse.mxcsr = 0x9fc0;
    let code = [at(FXSAVE, DATA), at(FXRSTOR, DATA)].concat();
    machine.run(&code, 1);
    let before = (machine.cpu.sse.clone(), machine.cpu.x87.clone());
    machine.cpu.sse.xmm = [0; 16];
    machine.cpu.sse.mxcsr = 0x1f80;
    machine.cpu.x87.init();

    machine.resume(1);

    assert_eq!(machine.fault(), None);
    assert!((&machine.cpu.sse, &machine.cpu.x87) == (&before.0, &before.1));
}

#[test]
fn a_misaligned_area_is_a_general_protection_fault() {
    for instruction in [FXSAVE, FXRSTOR] {
        let mut machine = machine(64);

        machine.run(&at(instruction, DATA + 8), 1);

        assert_eq!(machine.fault().map(|e| (e.vector, e.error_code)), Some((Vector::GP, 0)));
    }
}

#[test]
fn a_reserved_bit_of_mxcsr_is_a_general_protection_fault_and_nothing_is_loaded() {
    let mut machine = machine(64);
    machine.write(DATA, &[0; 512]);
    machine.write(DATA + 24, &0x1_0000u32.to_le_bytes());
    let before = (machine.cpu.sse.clone(), machine.cpu.x87.clone());

    machine.run(&at(FXRSTOR, DATA), 1);

    assert_eq!(machine.fault().map(|e| e.vector), Some(Vector::GP));
    assert!((&machine.cpu.sse, &machine.cpu.x87) == (&before.0, &before.1));
}

#[test]
fn an_area_that_crosses_into_a_missing_page_is_not_touched() {
    let mut machine = machine(64);
    machine.write(DATA + 0xf00, &[0xcc; 0x100]);
    machine.map(DATA + 0x1000, 0);

    machine.run(&at(FXSAVE, DATA + 0xf00), 1);

    // The last byte is tried first.
    let last = DATA + 0xf00 + 511;
    assert_eq!(machine.fault().map(|e| (e.vector, e.address)), Some((Vector::PF, last)));
    assert_eq!(machine.read(DATA + 0xf00, 0x100), [0xcc; 0x100]);
}

/// Zen 5, asked in 16-bit code.
#[test]
fn the_area_wraps_around_at_the_address_size() {
    let mut machine = Machine::real();
    machine.regs.cr4 |= cr4::OSFXSR;
    machine.regs.gpr[7] = 0xff00;
    machine.cpu.sse.xmm = core::array::from_fn(|n| u128::from_le_bytes([n as u8; 16]));

    machine.run(&[0x0f, 0xae, 0x05], 1); // fxsave [di]

    assert_eq!(machine.fault(), None);
    assert_eq!((machine.read(0xfff0, 16), machine.read(0, 16)), (vec![5; 16], vec![6; 16]));

    machine.regs.rip = 0x7c00;
    machine.cpu.sse.xmm = [0; 16];
    machine.run(&[0x0f, 0xae, 0x0d], 1); // fxrstor [di]

    let bytes: Vec<u8> = machine.cpu.sse.xmm[..8].iter().map(|xmm| xmm.to_le_bytes()[7]).collect();
    assert_eq!((machine.fault(), bytes), (None, (0..8).collect()));
}

/// FNINIT, FLD1, FXSAVE without OSFXSR: the two parts that are written lie around the end of the linear addresses.
#[test]
fn an_area_at_the_end_of_the_address_space_goes_on_at_its_beginning() {
    const ONE: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f];
    let mut machine = machine(32);
    machine.regs.cr4 &= !cr4::OSFXSR;
    machine.regs.segments[SegReg::Ds as usize].base = 0xffff_0000;
    let fxsave = [&[0x0f, 0xae, 0x05][..], &0xfff0u32.to_le_bytes()].concat();
    machine.run(&[&[0xdb, 0xe3, 0xd9, 0xe8], &fxsave[..]].concat(), 3);
    assert_eq!((machine.fault(), machine.read(0x10, 10)), (None, ONE.to_vec()));

    let mut machine = machine_mapped_at_the_top();
    machine.regs.cr4 &= !cr4::OSFXSR;
    machine.run(&[&[0xdb, 0xe3, 0xd9, 0xe8], &at(FXSAVE, 0xffff_ffe0)[..]].concat(), 3);
    assert_eq!((machine.fault(), machine.read(0, 10)), (None, ONE.to_vec()));
}

/// In 64-bit mode, with the upmost 2 MiB of the linear addresses on the first of memory.
fn machine_mapped_at_the_top() -> Machine {
    let mut machine = machine(64);
    for level in 0..3 {
        let next = (TABLES + 0x1000 * (level + 1)) | 7;
        machine.write(TABLES + 0x1000 * level + 511 * 8, &next.to_le_bytes());
    }
    machine
}

//! VEX conditions: when the instructions exist, and that the upper half is cleared.

use crate::Exit;
use crate::features::X86_64_V3;
use crate::testing::{CODE, Machine, TABLES};
use arch::control::{cr0, cr4, xcr0};
use arch::exception::Vector;
use arch::paging::pte;
use arch::rflags;
use arch::segment::Segment;

/// `VPXOR xmm1, xmm2, xmm3`.
const VPXOR: [u8; 4] = [0xc5, 0xe9, 0xef, 0xcb];

fn machine(enabled: u64) -> Machine {
    let mut machine = Machine::with_model(64, X86_64_V3);
    machine.regs.cr4 |= cr4::OSXSAVE;
    let mut extended = machine.cpu.extended();
    extended.xcr0 = enabled;
    extended.ymm = core::array::from_fn(|n| [n as u128; 2]);
    machine.cpu.set_extended(&extended);
    machine
}

#[test]
fn a_vex_128_instruction_clears_the_upper_half() {
    let mut machine = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);

    assert_eq!(machine.run(&VPXOR, 1), Exit::Limit);

    assert_eq!(machine.regs.rip, CODE + 4);
    assert_eq!(machine.cpu.extended().ymm[1], [2 ^ 3, 0]);
}

#[test]
fn vex_needs_osxsave_and_the_avx_state_in_xcr0_and_then_no_task_switch() {
    let mut without_state = machine(xcr0::X87 | xcr0::SSE);
    assert_eq!(without_state.run_to_fault(&VPXOR), Some(Vector::UD));

    let mut without_osxsave = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    without_osxsave.regs.cr4 &= !cr4::OSXSAVE;
    assert_eq!(without_osxsave.run_to_fault(&VPXOR), Some(Vector::UD));

    let mut switched = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    switched.regs.cr0 |= cr0::TS;
    assert_eq!(switched.run_to_fault(&VPXOR), Some(Vector::NM));
}

/// RCPPS xmm4, xmm5; VRCPPS ymm6, ymm5; RSQRTPS xmm7, xmm5; VRSQRTPS ymm8, ymm5; VRCPSS xmm9, xmm2, xmm5;
/// VRSQRTSS xmm10, xmm2, xmm5.
#[test]
fn approximations_are_those_of_the_legacy_encodings() {
    let mut machine = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    let mut extended = machine.cpu.extended();
    let values = [3.0f32, 0.7, 1.0e-20, 9.9e30].map(|value| u128::from(value.to_bits()));
    let [a, b, c, d] = values;
    extended.ymm[5] = [a | b << 32 | c << 64 | d << 96, d | c << 32 | b << 64 | a << 96];
    machine.cpu.set_extended(&extended);
    let code = [
        0x0f, 0x53, 0xe5, 0xc5, 0xfc, 0x53, 0xf5, 0x0f, 0x52, 0xfd, 0xc5, 0x7c, 0x52, 0xc5, //
        0xc5, 0x6a, 0x53, 0xcd, 0xc5, 0x6a, 0x52, 0xd5,
    ];

    assert_eq!(machine.run(&code, 6), Exit::Limit);

    let ymm = machine.cpu.extended().ymm;
    for (legacy, packed, scalar) in [(4, 6, 9), (7, 8, 10)] {
        let (half, one) = (ymm[legacy][0], ymm[legacy][0] & 0xffff_ffff);
        let lane = |value: u128, i: u32| value >> (32 * i) & 0xffff_ffff;
        let reversed = (0..4).fold(0, |all, i| all | lane(half, 3 - i) << (32 * i));
        assert_eq!(ymm[packed], [half, reversed]);
        assert_eq!(ymm[scalar], [ymm[2][0] & !0xffff_ffff | one, 0]);
    }
}
/// The same bytes at the same place, so that a block decoded in one mode must not serve the other.
#[test]
fn vex_exists_in_16_bit_protected_mode_and_neither_in_real_nor_in_virtual_8086_mode() {
    const ANDN: [u8; 5] = [0xc4, 0xe2, 0x60, 0xf2, 0xc1]; // ANDN eax, ebx, ecx
    let mut machine = Machine::with_model(16, X86_64_V3);
    let protected = machine.regs;
    for _ in 0..2 {
        machine.regs = protected;
        machine.regs.gpr[1] = 0xff;
        machine.regs.gpr[3] = 0x0f;
        assert_eq!(machine.run(&ANDN, 1), Exit::Limit);
        assert_eq!((machine.regs.gpr[0], machine.regs.rip), (0xf0, 0x7c05));

        machine.regs = protected;
        machine.regs.cr0 = 0;
        machine.regs.segments = [Segment::real_mode(0); 6];
        machine.cpu.faults.clear();
        assert_eq!(machine.run_to_fault(&ANDN), Some(Vector::UD));

        machine.regs = protected;
        machine.regs.rflags |= rflags::VM;
        machine.regs.segments = [Segment::real_mode(0); 6];
        machine.cpu.faults.clear();
        assert_eq!(machine.run_to_fault(&ANDN), Some(Vector::UD));
    }
}

#[test]
fn vzeroupper_leaves_the_registers_that_the_mode_cannot_name() {
    let mut machine = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    machine.set_segments(32, 0);

    assert_eq!(machine.run(&[0xc5, 0xf8, 0x77], 1), Exit::Limit);

    let ymm = machine.cpu.extended().ymm;
    assert_eq!((ymm[7], ymm[8]), ([7, 0], [8, 8]));
}

/// Zen 5: the address size wraps the address of the operand, not those of the elements behind the first.
#[test]
fn elements_of_vmaskmovps_do_not_wrap_around_at_the_address_size() {
    let mut machine = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    machine.cpu.sse.xmm[1] = 1 << 63; // the second element
    machine.regs.gpr[7] = 0xffff_fffc;

    let fault = machine.run_to_fault(&[0x67, 0xc4, 0xe2, 0x71, 0x2e, 0x07]); // vmaskmovps [edi], xmm1, xmm0

    assert_eq!((fault, machine.regs.cr2), (Some(Vector::PF), 1 << 32));
}

/// VPGATHERQQ ymm0, [ymm1], ymm2: the indices are whole addresses, as a gather through pointers has them.
#[test]
fn a_gather_without_a_base_register_follows_pointers_beyond_4_gib() {
    const HIGH: u64 = 0x12_4000_0000; // its lower half is not mapped
    const GATHER: [u8; 10] = [0xc4, 0xe2, 0xed, 0x91, 0x04, 0x0d, 0, 0, 0, 0];
    let mut machine = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    let directory = (TABLES + 0x2000) | pte::P | pte::RW | pte::US;
    machine.write(TABLES + 0x1000 + (HIGH >> 30 & 511) * 8, &directory.to_le_bytes());
    for n in 0..4u64 {
        machine.write(0x2_0000 + 0x100 * n, &(0x1111_1111_1111_1111 * (n + 1)).to_le_bytes());
    }
    let mut extended = machine.cpu.extended();
    let pointer = |n: u64| u128::from(HIGH + 0x2_0000 + 0x100 * n);
    extended.ymm[1] = [pointer(0) | pointer(1) << 64, pointer(2) | pointer(3) << 64];
    extended.ymm[2] = [u128::MAX; 2];
    machine.cpu.set_extended(&extended);

    machine.run(&GATHER, 1);

    let loaded = |n: u128| 0x1111_1111_1111_1111 * n;
    let expected = [loaded(1) | loaded(2) << 64, loaded(3) | loaded(4) << 64];
    assert_eq!((machine.fault(), machine.cpu.extended().ymm[0]), (None, expected));
}

//! What a user-mode program on the host can't show: control registers, segments, other modes. And the
//! lane arithmetic, exhaustively in bytes.

use super::lanes;
use crate::Exit;
use crate::features::{MAX, QEMU64};
use crate::testing::{CODE, Machine};
use arch::control::{cr0, cr4};
use arch::exception::Vector;
use arch::segment::{SegReg, attr};

const PADDB_XMM: &[u8] = &[0x66, 0x0f, 0xfc, 0xc1]; // paddb xmm0, xmm1
const PADDB_MM: &[u8] = &[0x0f, 0xfc, 0xc1]; // paddb mm0, mm1
const ADDPS: &[u8] = &[0x0f, 0x58, 0xc1]; // addps xmm0, xmm1
const DATA: u64 = 0x2_0000;

/// The vector raised by an instruction under CR0 and CR4.
fn vector(code: &[u8], set_cr0: u64, cr4: u64) -> Option<Vector> {
    let mut machine = Machine::new(64);
    machine.regs.cr0 |= set_cr0;
    machine.regs.cr4 = cr4 | cr4::PAE;
    machine.run(code, 1);
    machine.fault().map(|exception| exception.vector)
}

/// SDM Vol. 3A, table "Action Taken for Combinations of OSFXSR, OSXMMEXCPT, SSE, SSE2, SSE3, EM, MP,
/// and TS".
#[test]
fn control_registers_decide_between_execution_ud_and_nm() {
    let ready = cr4::OSFXSR | cr4::OSXMMEXCPT;
    let both = cr0::EM | cr0::TS;
    for (code, set_cr0, cr4, expected) in [
        (PADDB_XMM, 0, ready, None),
        (PADDB_XMM, cr0::TS, ready, Some(Vector::NM)),
        (PADDB_XMM, cr0::EM, ready, Some(Vector::UD)),
        (PADDB_XMM, both, ready, Some(Vector::UD)),
        (PADDB_XMM, 0, 0, Some(Vector::UD)),
        (PADDB_XMM, cr0::TS, 0, Some(Vector::UD)),
        (PADDB_MM, 0, 0, None),
        (PADDB_MM, cr0::TS, 0, Some(Vector::NM)),
        (PADDB_MM, both, ready, Some(Vector::UD)),
    ] {
        assert_eq!(vector(code, set_cr0, cr4), expected, "{code:x?} {set_cr0:x} {cr4:x}");
    }
}

/// The same for the extensions: none of them needs more than SSE or MMX.
#[test]
fn the_control_registers_decide_about_the_extensions_too() {
    let ready = cr4::OSFXSR | cr4::OSXMMEXCPT;
    for code in [
        &[0x66, 0x0f, 0x38, 0x00, 0xc1][..],   // pshufb xmm0, xmm1
        &[0x66, 0x0f, 0x3a, 0x08, 0xc1, 0x00], // roundps xmm0, xmm1, 0
        &[0x66, 0x0f, 0x38, 0x17, 0xc1],       // ptest xmm0, xmm1
        &[0x66, 0x0f, 0x3a, 0x22, 0xc1, 0x00], // pinsrd xmm0, ecx, 0
        &[0x66, 0x0f, 0x3a, 0x63, 0xc1, 0x00], // pcmpistri xmm0, xmm1, 0
        &[0x66, 0x0f, 0x79, 0xc1],             // extrq xmm0, xmm1
        &[0x66, 0x0f, 0x38, 0xdc, 0xc1],       // aesenc xmm0, xmm1
        &[0x66, 0x0f, 0x3a, 0x44, 0xc1, 0x00], // pclmulqdq xmm0, xmm1, 0
        &[0x0f, 0x38, 0xcb, 0xc1],             // sha256rnds2 xmm0, xmm1
        &[0x66, 0x0f, 0x38, 0xcf, 0xc1],       // gf2p8mulb xmm0, xmm1
    ] {
        for (set_cr0, cr4, expected) in [
            (0, ready, None),
            (cr0::TS, ready, Some(Vector::NM)),
            (cr0::EM | cr0::TS, ready, Some(Vector::UD)),
            (0, 0, Some(Vector::UD)),
        ] {
            let mut machine = Machine::with_model(64, MAX);
            machine.regs.cr0 |= set_cr0;
            machine.regs.cr4 = cr4 | cr4::PAE;
            assert_eq!(machine.run_to_fault(code), expected, "{code:x?} {set_cr0:x} {cr4:x}");
        }
    }
    let phaddw: &[u8] = &[0x0f, 0x38, 0x01, 0xc1]; // phaddw mm0, mm1: no CR4 bit
    for (set_cr0, expected) in [(0, None), (cr0::TS, Some(Vector::NM)), (cr0::EM, Some(Vector::UD))]
    {
        let mut machine = Machine::with_model(64, MAX);
        machine.regs.cr0 |= set_cr0;
        machine.regs.cr4 = cr4::PAE;
        assert_eq!(machine.run_to_fault(phaddw), expected, "{set_cr0:x}");
    }
}

/// A model without the extension refuses its instructions, whatever the host has.
#[test]
fn an_instruction_that_the_model_lacks_is_ud() {
    for code in [&[0x66, 0x0f, 0x38, 0x00, 0xc1][..], &[0x0f, 0x38, 0x00, 0xc1]] {
        let mut machine = Machine::with_model(64, QEMU64);
        assert_eq!(machine.run_to_fault(code), Some(Vector::UD), "{code:x?}");
    }
}

/// In a chain that stops in its middle nothing of the stopped instruction is left: PCMPISTRI faults before ECX and
/// the flags change.
#[test]
fn a_page_fault_of_a_text_instruction_leaves_ecx_and_the_flags() {
    let mut machine = Machine::with_model(64, MAX);
    machine.map(DATA, 0);
    machine.regs.gpr[1] = 0x1234;
    machine.regs.rflags = 0x8d7;
    // pcmpistri xmm0, [0x20000], 0
    let fault =
        machine.run_to_fault(&[0x66, 0x0f, 0x3a, 0x63, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, 0x00]);
    assert_eq!(fault, Some(Vector::PF));
    assert_eq!((machine.regs.gpr[1], machine.regs.rflags & 0x8d7), (0x1234, 0x8d7));
}

/// Whether SSE may be used is asked of CR0 and CR4 as they are now, not as they were when the block was built.
#[test]
fn a_change_of_cr0_or_cr4_counts_from_the_next_sse_instruction_on() {
    const SET_TS: &[u8] = &[0x0f, 0x20, 0xc0, 0x0c, 0x08, 0x0f, 0x22, 0xc0]; // mov rax, cr0; or al, 8; back
    const CLTS: &[u8] = &[0x0f, 0x06];
    const SET_EM: &[u8] = &[0x0f, 0x01, 0xe0, 0x0c, 0x04, 0x0f, 0x01, 0xf0]; // smsw eax; or al, 4; lmsw ax
    const NO_OSFXSR: &[u8] = &[0x0f, 0x20, 0xe0, 0x80, 0xe4, 0xfd, 0x0f, 0x22, 0xe0]; // and ah, fd of CR4
    for (code, expected) in [
        ([PADDB_XMM, SET_TS, PADDB_XMM].concat(), Some(Vector::NM)),
        ([SET_TS, CLTS, PADDB_XMM].concat(), None),
        ([PADDB_XMM, SET_EM, PADDB_XMM].concat(), Some(Vector::UD)),
        ([PADDB_XMM, NO_OSFXSR, PADDB_XMM].concat(), Some(Vector::UD)),
    ] {
        let mut machine = Machine::new(64);
        machine.run(&[&code[..], &[0xf4]].concat(), 20);
        assert_eq!(machine.fault().map(|exception| exception.vector), expected, "{code:x?}");
    }
}

/// Fences and CLFLUSH belong to no state that CR0 or CR4 guards.
#[test]
fn fences_and_clflush_execute_whatever_the_control_registers_say() {
    for code in [
        &[0x0f, 0xae, 0xe8][..],                           // lfence
        &[0x0f, 0xae, 0xf7],                               // mfence
        &[0x0f, 0xae, 0xf8],                               // sfence
        &[0x0f, 0xae, 0x3c, 0x25, 0x00, 0x00, 0x02, 0x00], // clflush [0x20000]
    ] {
        assert_eq!(vector(code, cr0::EM | cr0::TS, 0), None, "{code:x?}");
    }
}

#[test]
fn an_unmasked_exception_is_xm_or_ud_and_leaves_flags_but_no_result() {
    for (cr4, expected) in [(cr4::OSFXSR | cr4::OSXMMEXCPT, Vector::XM), (cr4::OSFXSR, Vector::UD)]
    {
        let mut machine = Machine::new(64);
        machine.regs.cr4 = cr4 | cr4::PAE;
        machine.cpu.sse.mxcsr = 0x1f80 & !(1 << 7); // IE unmasked
        machine.cpu.sse.xmm[0] = 0x7f80_0001; // a signalling NaN
        machine.run(ADDPS, 1);

        assert_eq!(machine.fault().map(|exception| exception.vector), Some(expected));
        assert_eq!((machine.cpu.sse.mxcsr & 0x3f, machine.cpu.sse.xmm[0]), (1, 0x7f80_0001));
    }
}

/// SDM Vol. 2, EMMS, and Vol. 3A, "Effect of MMX Instructions on the x87 FPU State".
#[test]
fn emms_empties_what_an_mmx_write_made_valid() {
    let mut machine = Machine::new(64);
    machine.cpu.x87.top = 3;
    machine.cpu.x87.empty = 0xff;
    machine.run(&[0x0f, 0xfc, 0xc1, 0x0f, 0x77], 1); // paddb mm0, mm1; emms
    assert_eq!((machine.cpu.x87.top, machine.cpu.x87.empty), (0, 0));
    assert_eq!(machine.cpu.x87.registers[0].1, 0xffff);

    machine.resume(1);

    assert_eq!((machine.cpu.x87.top, machine.cpu.x87.empty), (0, 0xff));
}

#[test]
fn a_16_byte_operand_must_lie_within_the_segment_limit() {
    let movups: &[u8] = &[0x0f, 0x10, 0x05, 0xf1, 0x0f, 0x02, 0x00]; // movups xmm0, [0x20ff1]
    for (limit, expected) in [(0x2_1000, None), (0x2_0fff, Some(Vector::GP))] {
        let mut machine = Machine::new(32);
        machine.regs.segments[SegReg::Ds as usize].limit = limit;
        machine.run(movups, 1);
        assert_eq!(machine.fault().map(|exception| exception.vector), expected, "{limit:x}");
    }
}

/// The address size decides how much of rDI counts, and a segment prefix replaces DS.
#[test]
fn maskmovdqu_stores_only_selected_bytes_at_edi() {
    let mut machine = Machine::new(64);
    machine.regs.gpr[7] = 0xffff_ffff_0000_0000 | (DATA - 0x40);
    machine.regs.segments[SegReg::Fs as usize].base = 0x40;
    machine.write(DATA, &[0xee; 16]);
    machine.cpu.sse.xmm[0] = u128::from_le_bytes(core::array::from_fn(|i| i as u8));
    machine.cpu.sse.xmm[1] = 0x80 | 0x7f << 8 | 0xff << 120;

    // fs maskmovdqu [edi], xmm0, xmm1
    machine.run(&[0x64, 0x67, 0x66, 0x0f, 0xf7, 0xc1], 1);

    let mut expected = [0xee; 16];
    (expected[0], expected[15]) = (0, 15);
    assert_eq!((machine.fault(), machine.read(DATA, 16)), (None, expected.to_vec()));
}

/// SDM Vol. 2, CLFLUSH: allowed on an execute-only segment, unlike a load.
#[test]
fn clflush_takes_an_execute_only_segment_and_refuses_a_missing_page() {
    let clflush: &[u8] = &[0x2e, 0x0f, 0xae, 0x3d, 0x00, 0x00, 0x02, 0x00]; // clflush cs:[0x20000]
    let mut machine = Machine::new(32);
    machine.regs.segments[SegReg::Cs as usize].attributes &= !attr::WRITABLE_OR_READABLE;
    machine.run(clflush, 1);
    assert_eq!(machine.fault(), None);

    machine.regs.rip = CODE;
    machine.regs.segments[SegReg::Cs as usize].limit = 0x1_ffff;
    machine.run(clflush, 1);
    assert_eq!(machine.fault().map(|exception| exception.vector), Some(Vector::GP));

    let mut machine = Machine::new(64);
    machine.map(DATA, 0);
    machine.run(&[0x0f, 0xae, 0x3c, 0x25, 0x00, 0x00, 0x02, 0x00], 1);
    assert_eq!(machine.fault().map(|exception| exception.vector), Some(Vector::PF));
}

/// Accesses to what is not RAM are cut into the bus's sizes.
#[test]
fn movups_reaches_a_device_in_two_halves() {
    let mut machine = Machine::new(64);
    machine.bus.answer = 0x1122_3344_5566_7788;

    let exit = machine.run(&[0x0f, 0x10, 0x04, 0x25, 0x00, 0x00, 0x0a, 0x00], 1);

    assert_eq!(exit, Exit::Limit);
    assert_eq!(machine.cpu.sse.xmm[0], 0x1122_3344_5566_7788_1122_3344_5566_7788);
    let sizes: Vec<(u64, u8)> = machine.bus.accesses.iter().map(|a| (a.at, a.size)).collect();
    assert_eq!(sizes, [(0xa_0000, 8), (0xa_0008, 8)]);
}

/// A block of SSE instructions that goes on for long: handlers must not leave frames behind.
#[test]
fn a_long_run_of_register_forms_needs_no_stack() {
    let mut code = vec![];
    for _ in 0..20 {
        code.extend(PADDB_XMM);
        code.extend([0x66, 0x0f, 0xd7, 0xc0]); // pmovmskb eax, xmm0
    }
    let back = -(code.len() as i32 + 5);
    code.push(0xe9);
    code.extend(back.to_le_bytes());
    let mut machine = Machine::new(64);
    machine.cpu.sse.xmm[1] = 0x01;

    assert_eq!(machine.run(&code, 41 * 256 * 500), Exit::Limit);

    assert_eq!(machine.cpu.sse.xmm[0], 20 * 256 * 500 % 256);
}

/// A lane function against its definition on one byte, in every lane, for all pairs of bytes.
fn check(name: &str, of_lanes: fn(u64, u64) -> u64, of_bytes: impl Fn(u8, u8) -> u8) {
    for a in 0..=255u8 {
        for b in 0..=255u8 {
            // Neighbours that differ, so that a carry out of a lane would show.
            let lanes = |x: u8| u64::from_le_bytes([x, !x, x, 0xff, x, 0, x, x ^ 0x80]);
            let (wide_a, wide_b) = (lanes(a), lanes(b).rotate_left(8));
            let (x, y) = (wide_a.to_le_bytes(), wide_b.to_le_bytes());
            let expected = u64::from_le_bytes(core::array::from_fn(|i| of_bytes(x[i], y[i])));
            assert_eq!(of_lanes(wide_a, wide_b), expected, "{name} {a:x} {b:x}");
        }
    }
}

#[test]
fn lanes_of_bytes_follow_the_definition_for_every_pair() {
    let all = |holds: bool| if holds { 0xff } else { 0 };
    check("add", lanes::add::<u8>, u8::wrapping_add);
    check("sub", lanes::sub::<u8>, u8::wrapping_sub);
    check("add_unsigned", lanes::add_unsigned::<u8>, u8::saturating_add);
    check("sub_unsigned", lanes::sub_unsigned::<u8>, u8::saturating_sub);
    check("add_signed", lanes::add_signed::<u8>, |a, b| (a as i8).saturating_add(b as i8) as u8);
    check("sub_signed", lanes::sub_signed::<u8>, |a, b| (a as i8).saturating_sub(b as i8) as u8);
    check("average", lanes::average::<u8>, |a, b| (u16::from(a) + u16::from(b)).div_ceil(2) as u8);
    check("below", lanes::below::<u8>, |a, b| all(a < b));
    check("less", lanes::less::<u8>, |a, b| all((a as i8) < (b as i8)));
    check("equal", lanes::equal::<u8>, |a, b| all(a == b));
}

#[test]
fn shifts_keep_to_their_lanes_for_every_count() {
    for count in 0..70u64 {
        for value in [0x8001_7fff_ffff_0001u64, 0x0123_4567_89ab_cdef] {
            let word = |i: u32| (value >> (16 * i)) as u16;
            let join = |of: &dyn Fn(u16) -> u16| lanes::words([0, 1, 2, 3].map(|i| of(word(i))));
            let count32 = count as u32;
            let left = join(&|w| w.checked_shl(count32).unwrap_or(0));
            let right = join(&|w| w.checked_shr(count32).unwrap_or(0));
            let signed = join(&|w| ((w as i16) >> count.min(15)) as u16);
            assert_eq!(lanes::shift_left::<u16>(value, count), left);
            assert_eq!(lanes::shift_right::<u16>(value, count), right);
            assert_eq!(lanes::shift_right_signed::<u16>(value, count), signed);
        }
    }
}

/// Zen 5: an unmasked exception of the products ends DPPS before the sum can raise DE; flags of the products stay with an
/// unmasked DE of the sum.
#[test]
fn products_and_sums_of_dpps_raise_exceptions_one_stage_after_the_other() {
    const PE_UE: u32 = 0x30;
    const DE: u32 = 2;
    for (mxcsr, expected) in [(0x0f80, PE_UE), (0x1e80, PE_UE | DE), (0x1f80, PE_UE | DE)] {
        let mut machine = Machine::with_model(64, MAX);
        machine.cpu.sse.mxcsr = mxcsr;
        let scaled = |exponent: i32| ((127 + exponent) as u128) << 23 | 1;
        machine.cpu.sse.xmm[0] = scaled(-100);
        machine.cpu.sse.xmm[1] = scaled(-40);

        let fault = machine.run_to_fault(&[0x66, 0x0f, 0x3a, 0x40, 0xc1, 0x11]); // dpps xmm0, xmm1, 11h

        assert_eq!(fault.is_some(), mxcsr != 0x1f80, "{mxcsr:x}");
        assert_eq!(machine.cpu.sse.mxcsr, mxcsr | expected, "{mxcsr:x}");
    }
}

/// Zen 5: eight bytes at a time; where the offset wraps around they lie in two places.
#[test]
fn maskmovdqu_wraps_around_at_the_address_size() {
    let mut machine = Machine::real();
    machine.regs.cr4 |= cr4::OSFXSR;
    machine.regs.gpr[7] = 0xfff8;
    machine.cpu.sse.xmm[0] = 0x2222_2222_2222_2222_1111_1111_1111_1111;
    machine.cpu.sse.xmm[1] = u128::MAX;

    machine.run(&[0x66, 0x0f, 0xf7, 0xc1], 1);

    assert_eq!(machine.fault(), None);
    assert_eq!((machine.read(0xfff8, 8), machine.read(0, 8)), (vec![0x11; 8], vec![0x22; 8]));
}

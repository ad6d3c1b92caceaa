//! Faults, modes and layouts, which user-mode silicon cannot show: expectations from the manuals.

use crate::testing::{CODE, Machine};
use crate::{Exit, Fault};
use arch::control::cr0;
use arch::exception::Vector;
use arch::segment::{SegReg, attr};

const DATA: u64 = 0x2_0000;

/// `opcode modrm` with the address of [`DATA`], for 64-bit code.
fn at_data(bytes: &[u8]) -> Vec<u8> {
    let mut code = bytes.to_vec();
    *code.last_mut().unwrap() |= 4;
    code.push(0x25);
    code.extend((DATA as u32).to_le_bytes());
    code
}

/// Runs code in 64-bit mode with a CR0; the vector it faulted with.
fn vector_with_cr0(set: u64, clear: u64, code: &[u8], instructions: u64) -> Option<Vector> {
    let mut machine = Machine::new(64);
    machine.regs.cr0 = machine.regs.cr0 & !clear | set;
    machine.run(code, instructions);
    machine.fault().map(|exception| exception.vector)
}

/// FLDCW of 340h (all unmasked), FLD1, FLDZ, FDIVP: a division by zero waits to be reported.
fn divide_by_zero() -> Vec<u8> {
    let load = at_data(&[0xd9, 5 << 3]);
    [&[0xdb, 0xe3][..], &load, &[0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9]].concat()
}

fn machine_with_division() -> Machine {
    let mut machine = Machine::new(64);
    machine.write(DATA, &0x340u16.to_le_bytes());
    machine
}

#[test]
fn em_or_ts_make_every_x87_instruction_but_wait_unavailable() {
    let fxsave = at_data(&[0x0f, 0xae, 0]);
    let instructions: [&[u8]; 6] =
        [&[0xdb, 0xe3], &[0xd9, 0xe8], &[0xdf, 0xe0], &[0xd9, 0xd0], &[0xdb, 0xe2], &fxsave];
    for code in instructions {
        for bit in [cr0::EM, cr0::TS] {
            assert_eq!(vector_with_cr0(bit, 0, code, 1), Some(Vector::NM), "{code:02x?}");
        }
        assert_eq!(vector_with_cr0(0, 0, code, 1), None, "{code:02x?}");
    }
}

/// SDM Vol. 2, "WAIT/FWAIT": MP says whether TS concerns it; EM never does.
#[test]
fn wait_is_unavailable_only_with_both_mp_and_ts() {
    let wait = [0x9b];

    assert_eq!(vector_with_cr0(cr0::TS | cr0::MP, 0, &wait, 1), Some(Vector::NM));
    assert_eq!(vector_with_cr0(cr0::TS, cr0::MP, &wait, 1), None);
    assert_eq!(vector_with_cr0(cr0::EM | cr0::MP, cr0::TS, &wait, 1), None);
}

#[test]
fn an_unmasked_exception_is_reported_by_the_next_waiting_instruction() {
    for (next, expected) in [
        (&[0x9b][..], Some(Vector::MF)),
        (&[0xd9, 0xe8], Some(Vector::MF)),
        (&[0xdf, 0xe0], None),
        (&[0xdb, 0xe2], None),
    ] {
        let mut machine = machine_with_division();
        let division = divide_by_zero();

        machine.run(&[&division[..], next].concat(), 6);

        assert_eq!(machine.fault().map(|e| e.vector), expected, "{next:02x?}");
        if expected.is_some() {
            let fault = machine.cpu.recent_faults()[0];
            assert_eq!(fault.rip, CODE + division.len() as u64);
        }
    }
}

#[test]
fn fnclex_and_masking_withdraw_a_pending_exception() {
    let mut machine = machine_with_division();
    let code = [&divide_by_zero()[..], &[0xdb, 0xe2, 0x9b]].concat();
    machine.run(&code, 7);
    assert_eq!(machine.fault(), None);

    let mut machine = machine_with_division();
    let store_environment = at_data(&[0xd9, 6 << 3]); // masks all
    machine.run(&[&divide_by_zero()[..], &store_environment, &[0x9b]].concat(), 7);
    assert_eq!(machine.fault(), None);
}

/// The division by zero with CR0.NE clear, then FIST to the word behind the control word.
fn frozen() -> (Machine, Vec<u8>, u64) {
    let mut machine = Machine::with_system_tables(64);
    machine.write(DATA, &0x340u32.to_le_bytes());
    machine.regs.cr0 &= !cr0::NE;
    let mut store = at_data(&[0xdf, 2 << 3]);
    store[3] += 8;
    let code = [&divide_by_zero()[..], &store].concat();
    let at = CODE + divide_by_zero().len() as u64;
    machine.write(DATA + 8, &[0xff; 2]);
    (machine, code, at)
}

#[test]
fn with_ne_clear_a_waiting_instruction_freezes_before_its_store_until_an_interrupt() {
    let (mut machine, code, at) = frozen();
    let exit = machine.run(&code, 10);
    assert_eq!((exit, machine.regs.rip, machine.cpu.retired()), (Exit::Halted, at, 5));
    assert_eq!((&machine.bus.ferr[..], machine.read(DATA + 8, 2)), (&[true][..], vec![0xff; 2]));
    // It freezes again without a new edge.
    assert_eq!(machine.resume(10), Exit::Halted);
    assert_eq!(machine.bus.ferr, [true]);

    let (mut machine, code, at) = frozen();
    machine.regs.rflags |= arch::rflags::IF;
    let exit = machine.run(&code, 10);
    assert_eq!((exit, machine.handled(), machine.stack(0, 8)), (Exit::Halted, Some(0x20), at));
    assert_eq!(machine.read(DATA + 8, 2), [0xff; 2]);
}

#[test]
fn with_ignne_asserted_x87_instructions_go_on_and_ferr_falls_with_the_exception() {
    let (mut machine, code, at) = frozen();
    machine.run(&code, 10);
    machine.bus.outcome.lines.ignne = true;
    machine.bus.outcome.lines.intr = false;
    machine.write(at + 7, &[0xd9, 0xe8, 0xdb, 0xe2, 0xd9, 0xe8, 0xf4]); // fld1; fnclex; fld1; hlt

    let exit = machine.resume(10);

    assert_eq!((exit, machine.regs.rip, machine.fault()), (Exit::Halted, at + 14, None));
    assert_eq!(
        (&machine.bus.ferr[..], machine.read(DATA + 8, 2)),
        (&[true, false][..], vec![0; 2])
    );
}

#[test]
fn ferr_falls_where_the_exception_is_masked_or_replaced() {
    // FNINIT, FNSTENV, FNSAVE; FXRSTOR of an area of zeros but for the control word.
    for clear in [
        vec![0xdb, 0xe3],
        at_data(&[0xd9, 6 << 3]),
        at_data(&[0xdd, 6 << 3]),
        at_data(&[0x0f, 0xae, 1 << 3]),
    ] {
        let (mut machine, code, at) = frozen();
        machine.run(&code, 10);
        machine.write(DATA, &0x37fu64.to_le_bytes());
        machine.write(DATA + 24, &0x1f80u32.to_le_bytes());
        machine.write(at, &clear);
        // As if an interrupt had come and gone.
        machine.cpu.set_registers(&machine.regs.clone());
        machine.resume(1);
        assert_eq!((&machine.bus.ferr[..], machine.fault()), (&[true, false][..], None));
    }
}

#[test]
fn a_store_that_faults_leaves_stack_and_pointers() {
    let mut machine = Machine::new(64);
    machine.map(DATA, 0);
    let store = at_data(&[0xdd, 3 << 3]); // fstp m64fp

    machine.run(&[&[0xdb, 0xe3, 0xd9, 0xe8][..], &store].concat(), 3);

    assert_eq!(machine.fault().map(|e| (e.vector, e.address)), Some((Vector::PF, DATA)));
    assert!(!machine.cpu.x87.is_empty(0));
    assert_eq!((machine.cpu.x87.ip, machine.cpu.x87.dp), (CODE + 2, 0));
}

/// The empty register is an invalid operation, which is not masked: nothing is stored, and a device's register
/// is not read either. FST m32, FST m64, FIST m16, FSTP m80.
#[test]
fn a_store_that_an_exception_keeps_from_happening_does_not_access_a_device() {
    const DEVICE: u32 = 0xa_0000;
    for (opcode, digit) in [(0xd9, 2), (0xdd, 2), (0xdf, 2), (0xdb, 7)] {
        let mut machine = machine_with_division();
        let mut store = vec![opcode, digit << 3 | 4, 0x25];
        store.extend(DEVICE.to_le_bytes());

        // FNINIT empties the registers.
        machine.run(&[&[0xdb, 0xe3], &at_data(&[0xd9, 5 << 3])[..], &store].concat(), 3);

        assert_eq!((machine.fault(), &machine.bus.accesses[..]), (None, &[][..]), "{opcode:x}");
        assert!(machine.cpu.x87.is_pending(), "{opcode:x}");
    }
}

/// Opcodes without an instruction, by AMD Zen 5; the reserved rows of SDM Vol. 2, Appendix A,
/// "Escape Opcodes".
#[test]
fn reserved_opcodes_are_undefined() {
    let registers: [(u8, &[core::ops::RangeInclusive<u8>]); 6] = [
        (0xd9, &[0xd1..=0xd7, 0xe2..=0xe3, 0xe6..=0xe7, 0xef..=0xef]),
        (0xda, &[0xe0..=0xe8, 0xea..=0xff]),
        (0xdb, &[0xe5..=0xe7, 0xf8..=0xff]),
        (0xdd, &[0xf0..=0xff]),
        (0xde, &[0xd8..=0xd8, 0xda..=0xdf]),
        (0xdf, &[0xe1..=0xe7, 0xf8..=0xff]),
    ];
    for opcode in 0xd8..=0xdfu8 {
        for modrm in 0xc0..=0xffu8 {
            let reserved = registers
                .iter()
                .any(|(o, ranges)| *o == opcode && ranges.iter().any(|r| r.contains(&modrm)));
            let vector = vector_with_cr0(0, 0, &[0xdb, 0xe3, opcode, modrm], 2);
            assert_eq!(vector, reserved.then_some(Vector::UD), "{opcode:02x} {modrm:02x}");
        }
        for reg in 0..8u8 {
            let reserved = [(0xd9, 1), (0xdb, 4), (0xdb, 6), (0xdd, 5)].contains(&(opcode, reg));
            let code = [&[0xdb, 0xe3][..], &at_data(&[opcode, reg << 3])].concat();
            let vector = vector_with_cr0(0, 0, &code, 2);
            assert_eq!(vector, reserved.then_some(Vector::UD), "{opcode:02x} /{reg}");
        }
    }
}

/// FNINIT; FLD m32fp at DS:0034h with DS = 1234h; FNSTENV at ES:0100h.
fn real_mode_environment(prefix: &[u8]) -> (Machine, Vec<u8>) {
    let mut machine = Machine::real();
    machine.regs.segments[3] = arch::segment::Segment::real_mode(0x1234);
    machine.regs.segments[0] = arch::segment::Segment::real_mode(0x2000);
    let code = [&[0xdb, 0xe3, 0xd9, 0x06, 0x34, 0x00, 0x26][..], prefix, &[0xd9, 0x36, 0x00, 0x01]];
    let exit = machine.run(&code.concat(), 3);
    assert_eq!(exit, Exit::Limit);
    let image = machine.read(0x2_0100, 28);
    (machine, image)
}

/// SDM Vol. 1, "Real Mode x87 FPU State Image in Memory, 16-Bit Format".
#[test]
fn a_16_bit_real_mode_environment_has_linear_pointers_and_the_opcode() {
    let (_, image) = real_mode_environment(&[]);

    let words: Vec<u16> = image[..14].chunks(2).map(|w| u16::from_le_bytes([w[0], w[1]])).collect();
    // FLD at 0:7c02 is opcode D9 06; its operand is at 12340h + 34h.
    assert_eq!(words, [0x37f, 0x3800, 0x7fff, 0x7c02, 0x0106, 0x2374, 0x1000]);
    assert_eq!(image[14..], [0; 14]);
}

/// SDM Vol. 1, "Real Mode x87 FPU State Image in Memory, 32-Bit Format".
#[test]
fn a_32_bit_real_mode_environment_has_linear_pointers_and_the_opcode() {
    let (mut machine, image) = real_mode_environment(&[0x66]);

    let fields: Vec<u32> =
        image.chunks(4).map(|f| u32::from_le_bytes([f[0], f[1], f[2], f[3]])).collect();
    assert_eq!(fields[..3], [0xffff_037f, 0xffff_3800, 0xffff_7fff]);
    assert_eq!(fields[3..], [0xffff_7c02, 0x0000_0106, 0xffff_2374, 0x0000_1000]);

    // FLDENV brings the same pointers back, as linear addresses.
    machine.cpu.x87.init();
    machine.regs.rip = 0x7d00;
    machine.run(&[0x26, 0x66, 0xd9, 0x26, 0x00, 0x01], 1);
    let x87 = &machine.cpu.x87;
    assert_eq!((x87.ip, x87.cs, x87.dp, x87.ds, x87.opcode), (0x7c02, 0, 0x1_2374, 0, 0x106));
}

#[test]
fn after_reset_the_tag_word_says_valid_zeros() {
    let machine = Machine::new(64);

    assert_eq!(machine.cpu.x87.tag_word(), 0x5555);
    assert_eq!(machine.cpu.x87.control, 0x40);
}

#[test]
fn a_pending_exception_is_the_same_to_mmx_users() {
    let mut machine = machine_with_division();
    machine.run(&divide_by_zero(), 5);

    let pending = machine.cpu.x87_check_pending();

    assert!(matches!(pending, Err(Fault::Exception(e)) if e.vector == Vector::MF));
}

/// Zen 5, asked in 16-bit code: every field and both parts of a register wrap around for themselves.
#[test]
fn operands_wrap_around_at_the_address_size() {
    let mut machine = Machine::real();
    machine.regs.gpr[7] = 0xfff8;
    machine.write(0xfff8, &[0; 8]);

    // fninit; fld1; fstp tbyte [di]
    machine.run(&[0xdb, 0xe3, 0xd9, 0xe8, 0xdb, 0x3d], 3);
    assert_eq!(machine.fault(), None);
    assert_eq!((machine.read(0xffff, 1), machine.read(0, 2)), (vec![0x80], vec![0xff, 0x3f]));

    // fnstenv [di]
    machine.regs.rip = 0x7c00;
    machine.regs.gpr[7] = 0xfffc;
    machine.run(&[0xd9, 0x35], 1);
    assert_eq!(machine.fault(), None);
    assert_eq!((machine.read(0xfffc, 2), machine.read(0, 2)), (vec![0x7f, 3], vec![0xff; 2]));
}

/// Zen 5, asked with a data segment that expands down to offset 4, so that an image in front of the wrap has a hole
/// of four bytes behind it.
#[test]
fn an_image_with_a_hole_behind_the_wrap_is_loaded_in_part() {
    const IP: u32 = 0x1111_1111;
    let (fldenv, frstor) = ([0xd9, 0x23], [0xdd, 0x23]); // [ebx]
    // Status word, tags, FIP and how many registers are loaded.
    for (code, in_front, (status, tags, ip, registers)) in [
        (fldenv, 4u32, (0, 0xff, 0, 0)),
        (fldenv, 8, (0x4700, 0xff, 0, 0)),
        (fldenv, 12, (0x4700, 0, 0, 0)),
        (fldenv, 20, (0x4700, 0, 0, 0)),
        // The last byte is tried first.
        (fldenv, 24, (0, 0xff, 0, 0)),
        (frstor, 28, (0x4700, 0, IP, 0)),
        (frstor, 36, (0x4700, 0, IP, 0)),
        (frstor, 38, (0x4700, 0, IP, 1)),
        (frstor, 98, (0x4700, 0, IP, 7)),
        (frstor, 106, (0, 0xff, 0, 0)),
    ] {
        let mut machine = Machine::new(32);
        let data = &mut machine.regs.segments[SegReg::Ds as usize];
        (data.base, data.limit) = (0x3_0000, 3);
        data.attributes |= attr::EXPAND_DOWN_OR_CONFORMING;
        data.attributes &= !attr::G;
        machine.regs.gpr[3] = u64::from(in_front.wrapping_neg());
        let mut image = [0x11; 108];
        image[..12].copy_from_slice(&[0x7f, 0x0c, 0, 0, 0, 0x47, 0, 0, 0xff, 0xff, 0, 0]);
        machine.write(0x3_0000 - u64::from(in_front), &image);

        let vector = machine.run_to_fault(&code);

        let left = machine.cpu.extended();
        assert_eq!(vector, Some(Vector::GP), "{code:02x?} {in_front}");
        let loaded = left.st.iter().filter(|&bytes| *bytes == [0x11; 10]).count();
        let answer = (left.status, left.tags, left.ip as u32, loaded);
        assert_eq!(answer, (status, tags, ip, registers), "{code:02x?} {in_front}");
        assert_eq!(left.control, 0x40, "{code:02x?} {in_front}");
    }
}

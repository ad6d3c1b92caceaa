//! What a debugger that changes registers does to the rest of the state; what it reads.

use crate::cpu::Activity;
use crate::testing::Machine;
use arch::control::cr0;
use arch::paging::pte;
use memory::PhysAddr;

#[test]
fn a_waiting_cpu_goes_on_only_where_its_instruction_pointer_is_changed() {
    for activity in [Activity::Halted, Activity::Frozen, Activity::Waiting, Activity::Shutdown] {
        let mut machine = Machine::new(64);
        machine.cpu.set_registers(&machine.regs);
        machine.cpu.activity = activity;

        machine.regs.gpr[0] = 1;
        machine.cpu.change_registers(&machine.regs);
        assert_eq!(machine.cpu.activity, activity);

        machine.regs.rip += 0x100;
        machine.cpu.change_registers(&machine.regs);
        let expected = if activity.waits() { Activity::Running } else { activity };
        assert_eq!(machine.cpu.activity, expected, "{activity:?}");
    }
}

/// SDM Vol. 1, "Address Calculations in 64-Bit Mode", and Vol. 3A, "Segment Limit Checking": 32-bit linear
/// addresses wrap.
#[test]
fn a_read_from_outside_wraps_at_4_gib_in_32_bit_mode_as_the_guests_does() {
    let mut machine = Machine::new(32);
    let entry = |frame: u32| (frame | pte::P as u32).to_le_bytes();
    machine.write(0x3_0000, &entry(0x3_1000));
    machine.write(0x3_0000 + 4 * 1023, &entry(0x3_2000));
    machine.write(0x3_1000, &entry(0x4_0000));
    machine.write(0x3_2000 + 4 * 1023, &entry(0x4_1000));
    machine.write(0x4_1ffe, &[1, 2]);
    machine.write(0x4_0000, &[3, 4]);
    machine.regs.cr0 |= cr0::PG;
    (machine.regs.cr3, machine.regs.cr4) = (0x3_0000, 0);
    machine.cpu.set_registers(&machine.regs);
    let (cpu, memory) = (&machine.cpu, &machine.memory);

    let mut debugged = [0; 4];
    assert_eq!(cpu.debug_read(memory, 0xffff_fffe, &mut debugged), 4);
    let mut guests = [0; 4];
    assert!(cpu.guest_read(memory, 0xffff_fffe, &mut guests));

    assert_eq!((debugged, guests), ([1, 2, 3, 4], [1, 2, 3, 4]));
    assert_eq!(cpu.debug_translate(memory, 1 << 32), Some(PhysAddr(0x4_0000)));
}

/// Bits 63:48 are no part of a walk.
#[test]
fn nothing_is_read_from_outside_at_an_address_that_is_not_canonical() {
    let mut machine = Machine::new(64);
    machine.write(0x2_0000, &[7]);
    machine.cpu.set_registers(&machine.regs);
    let mut byte = [0];
    let mut read = |linear| machine.cpu.debug_read(&machine.memory, linear, &mut byte);

    assert_eq!((read(0x2_0000), read(1 << 48 | 0x2_0000)), (1, 0));
    assert_eq!(machine.cpu.debug_translate(&machine.memory, 1 << 48 | 0x2_0000), None);
}

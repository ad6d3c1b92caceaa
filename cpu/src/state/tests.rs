//! What a debugger that changes registers does to the rest of the state.

use crate::cpu::Activity;
use crate::testing::Machine;

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

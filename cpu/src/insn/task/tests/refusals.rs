//! What is wrong with a TSS or with the segments in it, a row each: SDM Vol. 3A, "Task Switching", the table of
//! exception conditions.

use super::*;

#[test]
fn what_is_wrong_before_the_switch_faults_in_the_old_task_and_changes_nothing() {
    type Change = fn(&mut Machine);
    let cases: &[(Change, u16, Raised)] = &[
        // The TSS: not present, too short, busy, no TSS, beyond the GDT, level.
        (
            |m| m.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x67, 9)),
            OTHER,
            Some((Vector::NP, 0x38)),
        ),
        (
            |m| m.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x66, attr::P | 9)),
            GATE,
            Some((Vector::TS, 0x38)),
        ),
        (
            |m| m.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x2a, attr::P | 1)),
            GATE,
            Some((Vector::TS, 0x38)),
        ),
        (
            |m| m.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x67, attr::P | 11)),
            OTHER,
            Some((Vector::GP, 0x38)),
        ),
        (
            |m| m.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x67, attr::P | 11)),
            GATE,
            Some((Vector::GP, 0x38)),
        ),
        (
            |m| m.set_descriptor(GATE.into(), Descriptor(0x10 << 16 | 0x85 << 40)),
            GATE,
            Some((Vector::GP, 0x10)),
        ),
        (
            |m| m.set_descriptor(GATE.into(), Descriptor(0x3c << 16 | 0x85 << 40)),
            GATE,
            Some((Vector::GP, 0x3c)),
        ),
        (
            |m| m.set_descriptor(GATE.into(), Descriptor(0x1000 << 16 | 0x85 << 40)),
            GATE,
            Some((Vector::GP, 0x1000)),
        ),
        (
            |m| m.set_descriptor(GATE.into(), Descriptor(0x38 << 16 | 0x05 << 40)),
            GATE,
            Some((Vector::NP, 0x40)),
        ),
        (|m| m.user(32), OTHER, Some((Vector::GP, 0x38))),
        (|m| m.user(32), GATE, Some((Vector::GP, 0x40))),
        (|_| {}, OTHER | 3, Some((Vector::GP, 0x38))),
        (|m| m.regs.tr.limit = 0x5e, OTHER, Some((Vector::TS, 0x28))),
    ];
    for (number, &(change, selector, expected)) in (0..).zip(cases) {
        let mut machine = machine();
        change(&mut machine);
        machine.write(NEW + 0x66, &[0xff, 0xff]);
        let (before, gdt) = (machine.read(TSS + 0x20, 0x48), machine.read(GDT, 0x200));

        machine.run(&jump(selector), 1);

        assert_eq!(raised(&machine), expected, "case {number}");
        assert_eq!(machine.cpu.recent_faults()[0].rip, CODE, "case {number}");
        assert_eq!(machine.read(TSS + 0x20, 0x48), before, "case {number}");
        assert_eq!(machine.read(GDT, 0x200), gdt, "case {number}");
    }
}

#[test]
fn what_is_wrong_with_the_new_tasks_segments_faults_in_the_new_task() {
    type Change = fn(&mut Machine);
    fn segment(m: &mut Machine, n: u16, selector: u32) {
        put32(m, tss32::ES + 4 * n, selector);
    }
    let cases: &[(Change, Raised)] = &[
        // LDTR: of the LDT, no LDT, not present.
        (|m| put32(m, tss32::LDT, 0x4c), Some((Vector::TS, 0x4c))),
        (|m| put32(m, tss32::LDT, 0x10), Some((Vector::TS, 0x10))),
        (
            |m| {
                m.set_descriptor(LDT.into(), Descriptor::new(0xc00, 0x3f, 2));
                put32(m, tss32::LDT, LDT.into());
            },
            Some((Vector::TS, 0x48)),
        ),
        // CS: null, data, level, not present, in an LDT that is not there.
        (|m| segment(m, 1, 0), Some((Vector::TS, 0))),
        (|m| segment(m, 1, 0x10), Some((Vector::TS, 0x10))),
        (|m| segment(m, 1, 0x0b), Some((Vector::TS, 0x08))),
        (
            |m| {
                m.set_descriptor(0x50, Descriptor::new(0, 0xfffff, 0xc01b));
                segment(m, 1, 0x50);
            },
            Some((Vector::NP, 0x50)),
        ),
        (|m| segment(m, 1, 0x0c), Some((Vector::TS, 0x0c))),
        // SS: null, RPL, not present, read-only.
        (|m| segment(m, 2, 0), Some((Vector::TS, 0))),
        (|m| segment(m, 2, 0x11), Some((Vector::TS, 0x10))),
        (
            |m| {
                m.set_descriptor(0x50, Descriptor::new(0, 0xfffff, 0xc013));
                segment(m, 2, 0x50);
            },
            Some((Vector::SS, 0x50)),
        ),
        (|m| segment(m, 2, 0x08), Some((Vector::TS, 0x08))),
        // DS: beyond the GDT, a TSS, not present; FS the same.
        (|m| segment(m, 3, 0x1000), Some((Vector::TS, 0x1000))),
        (|m| segment(m, 3, 0x28), Some((Vector::TS, 0x28))),
        (
            |m| {
                m.set_descriptor(0x50, Descriptor::new(0, 0xfffff, 0xc013));
                segment(m, 4, 0x50);
            },
            Some((Vector::NP, 0x50)),
        ),
        // EIP beyond CS.
        (
            |m| {
                m.set_descriptor(0x50, Descriptor::new(0, 0xfff, 0x409b));
                segment(m, 1, 0x50);
            },
            Some((Vector::GP, 0)),
        ),
    ];
    for (number, &(change, expected)) in (0..).zip(cases) {
        let mut machine = machine();
        change(&mut machine);

        machine.run(&jump(OTHER), 1);

        let first = machine.cpu.recent_faults()[0];
        assert_eq!(raised(&machine), expected, "case {number}");
        assert_eq!((first.rip, machine.regs.tr.selector.0), (START, OTHER), "case {number}");
        assert_eq!(kind(&machine, 0x28), 9, "case {number}");
    }
}

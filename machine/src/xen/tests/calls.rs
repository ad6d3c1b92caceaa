//! Being found, who may call, what is refused.

use super::*;
use boot::e820;

#[test]
fn cpuid_names_xen_and_its_version() {
    let hypervisor = cpuid::hypervisor(true);
    let leaf = |leaf, subleaf| {
        let found = hypervisor
            .leaves
            .iter()
            .find(|row| row.leaf == leaf && row.subleaf.is_none_or(|only| only == subleaf));
        found.map(|row| row.registers)
    };
    let [max, ebx, ecx, edx] = leaf(0x4000_0000, 0).unwrap();
    let name: Vec<u8> = [ebx, ecx, edx].iter().flat_map(|word| word.to_le_bytes()).collect();

    assert_eq!((max, &name[..]), (0x4000_0005, &b"XenVMMXenVMM"[..]));
    assert_eq!(leaf(0x4000_0001, 0), Some([4 << 16 | 17, 0, 0, 0]));
    assert_eq!(leaf(0x4000_0002, 0), Some([1, 0x4000_0000, 0, 0]));
    assert_eq!(leaf(0x4000_0003, 0), Some([0b110, 0, 1_000_000, 0]));
    assert_eq!(leaf(0x4000_0003, 2), Some([1_000_000, 0, 0, 0]));
    assert_eq!(leaf(0x4000_0004, 0), Some([0x58, 0, 1, 0]));
    assert_eq!(leaf(0x4000_0005, 0), None);
}

#[test]
fn the_hypercall_page_has_the_vendors_instruction_for_every_number() {
    let mut domain = Domain::new(true);
    for (amd, last) in [(true, 0xd9), (false, 0xc1)] {
        domain.xen.amd = amd;
        assert_eq!(domain.xen.write_msr(0x4000_0000, SHARED, &domain.memory), Some(()));
        let stub: [u8; 32] = domain.get(SHARED + 32 * 29);
        assert_eq!(stub[..9], [0xb8, 29, 0, 0, 0, 0x0f, 0x01, last, 0xc3]);
        assert_eq!(domain.get::<2>(SHARED + 32 * 23), [0x0f, 0x0b]);
    }
    for (msr, value) in [(0x4000_0000, SHARED + 1), (0x4000_0000, RAM), (0x4000_0001, SHARED)] {
        assert_eq!(domain.xen.write_msr(msr, value, &domain.memory), None, "{value:#x}");
    }
}

#[test]
fn features_say_what_a_pvh_guest_relies_on() {
    let mut domain = Domain::new(true);
    assert_eq!(domain.call(XEN_VERSION, [0; 3]), 4 << 16 | 17);
    assert_eq!(domain.op(XEN_VERSION, 6, &[&[0; 8]]), 0);
    assert_eq!(domain.u32(ARGS + 4), 1 << 2 | 1 << 8 | 1 << 9);
    assert_eq!(domain.op(XEN_VERSION, 6, &[&[1, 0, 0, 0, 0, 0, 0, 0]]), EINVAL);
    assert_eq!(domain.op(XEN_VERSION, 1, &[]), 0);
    assert_eq!(domain.get::<16>(ARGS), *b".0-bootscope\0\0\0\0");
    assert_eq!(domain.call(XEN_VERSION, [7, 0, 0]), 4096);
    assert_eq!(domain.call(XEN_VERSION, [10, ARGS, 0]), -61);
    assert_eq!(domain.call(XEN_VERSION, [11, ARGS, 0]), ENOSYS);
}

#[test]
fn only_a_kernel_in_protected_mode_may_call() {
    let mut domain = Domain::new(true);
    let mut registers = domain.cpu.registers();
    registers.segments[SegReg::Ss as usize].attributes |= 3 << attr::DPL_SHIFT;
    domain.cpu.set_registers(&registers);
    assert_eq!(domain.cpu.cpl(), 3);
    assert_eq!(domain.call(XEN_VERSION, [0; 3]), EPERM);

    let mut real = Domain::new(false);
    let registers = Registers { cr0: 0, ..real.cpu.registers() };
    real.cpu.set_registers(&registers);
    assert_eq!(real.call(XEN_VERSION, [0; 3]), EPERM);
}

#[test]
fn structures_that_cannot_be_reached_are_efault() {
    let mut domain = Domain::new(true);
    // Not mapped, not canonical, at the end of what is mapped.
    for at in [0x20_0000, 1 << 47, 0x20_0000 - 2, u64::MAX - 3] {
        assert_eq!(domain.call(EVENT_CHANNEL_OP, [6, at, 0]), EFAULT, "{at:#x}");
        assert_eq!(domain.call(MEMORY_OP, [7, at, 0]), EFAULT);
        assert_eq!(domain.call(HVM_OP, [1, at, 0]), EFAULT);
        assert_eq!(domain.call(SCHED_OP, [2, at, 0]), EFAULT);
        assert_eq!(domain.call(VCPU_OP, [8, 0, at]), EFAULT);
        assert_eq!(domain.call(VCPU_OP, [10, 0, at]), EFAULT);
        assert_eq!(domain.call(XEN_VERSION, [3, at, 0]), EFAULT);
        assert_eq!(domain.call(CONSOLE_IO, [0, 16, at]), EFAULT);
        // As Xen has it: no extent was served.
        assert_eq!(domain.call(MEMORY_OP, [6, at, 0]), 0);
    }
    assert_eq!(domain.xen.take_effects(), Effects::default());
}

#[test]
fn unknown_calls_and_those_of_other_guests_are_enosys() {
    let mut domain = Domain::new(true);
    for number in [0, 11, 13, 20, 33, 35, 36, 43, 55, 56, 127, u64::MAX] {
        assert_eq!(domain.call(number, [ARGS; 3]), ENOSYS, "{number}");
    }
    for (number, command) in [
        (EVENT_CHANNEL_OP, 11),
        (EVENT_CHANNEL_OP, 12),
        (HVM_OP, 9),
        (SCHED_OP, 6),
        (MEMORY_OP, 23),
    ] {
        assert_eq!(domain.call(number, [command, ARGS, 0]), ENOSYS, "{number} {command}");
    }
    assert_eq!(domain.call(VCPU_OP, [12, 0, ARGS]), ENOSYS);
}

/// Xen's prototypes: `int cmd`, for console_io `unsigned int`; hvm_op and memory_op take longs.
#[test]
fn a_command_that_xen_takes_as_int_is_its_low_half() {
    const HIGH: u64 = 1 << 32;
    let mut domain = Domain::new(true);
    domain.set_up();
    assert_eq!(domain.event_op(HIGH | 7, &[0, 0]), 0, "bind_ipi");
    assert_eq!(domain.event_op(HIGH | 4, &[2]), 0, "send");
    assert_eq!(domain.call(VCPU_OP, [HIGH | 3, HIGH, 0]), 1, "is_up");
    assert_eq!(domain.call(XEN_VERSION, [HIGH | 7, 0, 0]), 4096, "pagesize");
    assert_eq!(domain.op(SCHED_OP, HIGH | 2, &[&[0; 4]]), 0, "shutdown");
    assert_eq!(domain.xen.take_effects().shutdown, Some(Shutdown::PowerOff));
    domain.put(ARGS, b"hello");
    assert_eq!(domain.call(CONSOLE_IO, [HIGH, HIGH | 5, ARGS]), 0);
    assert_eq!(domain.xen.take_effects().output, b"hello");

    assert_eq!(domain.call(HVM_OP, [HIGH | 5, 0, 0]), ENOSYS);
    assert_eq!(domain.call(MEMORY_OP, [HIGH | 2, 0, 0]), ENOSYS);
}

/// Everything that a guest can put into registers and memory, from a fixed seed.
#[test]
fn no_arguments_make_a_hypercall_panic_or_grow_without_bound() {
    let mut generator = seeds::Random(0x1234_5678);
    let mut random = move || generator.next() >> 16;
    let numbers = [12, 15, 17, 18, 24, 29, 32, 34];
    for wide in [true, false] {
        let mut domain = Domain::new(wide);
        domain.xen.set_map(&e820::memory_map(RAM));
        for _ in 0..60_000 {
            let pick = |value: u64, other: u64| match other % 12 {
                0..=4 => value % 32,
                5..=7 => ARGS + value % 64,
                8 => 0x1f_ffe0 + value % 64,
                9 => u64::MAX - value % 64,
                10 => value % RAM,
                _ => value << 17 ^ value,
            };
            for at in (0..64).step_by(8) {
                let small = random() % 3 != 0;
                let value = if small { pick(random(), random()) & 0xffff } else { random() };
                domain.put(ARGS + at, &value.to_le_bytes());
            }
            if random() % 4 == 0 {
                domain.put(ARGS, &SELF);
            }
            let at = if random() % 3 == 0 { pick(random(), random()) } else { ARGS };
            let number = numbers[(random() % 8) as usize];
            let args = match number {
                VCPU_OP => [random() % 17, random() % 8 / 7, at],
                _ => [random() % 32, at, pick(random(), random())],
            };
            let result = domain.call(number, args);
            assert!(result >= -95, "{number} {args:x?}: {result}");
            domain.attend(domain.now.ns() + random() % 100_000);
            assert!(domain.xen.take_effects().output.len() <= 1 << 16);
            // What was broken on purpose: the page tables.
            for (at, entry) in [(0x1000, 0x2003u64), (0x2000, 0x3003), (0x3000, 0x83)] {
                domain.put(at, &entry.to_le_bytes());
            }
        }
    }
}

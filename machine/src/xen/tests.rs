//! Hypercalls with a CPU and memory, without a board. Numbers and offsets are those of the public headers.

use super::*;
use crate::config::TSC_CLOCK;
use arch::control::{cr0, cr4, efer};
use arch::segment::{SegReg, Segment, attr};
use boot::e820;
use cpu::{Config, Registers};
use memory::PhysAddr;

/// RAM of the domain; of it the first 2 MiB are mapped one to one for 64-bit code.
const RAM: u64 = 4 << 20;
/// Where arguments are put.
const ARGS: u64 = 0x1_0000;
/// A page for `shared_info`.
const SHARED: u64 = 0x2_0000;
const SELF: [u8; 2] = 0x7ff0u16.to_le_bytes();

const MEMORY_OP: u64 = 12;
const SET_TIMER_OP: u64 = 15;
const XEN_VERSION: u64 = 17;
const CONSOLE_IO: u64 = 18;
const VCPU_OP: u64 = 24;
const SCHED_OP: u64 = 29;
const EVENT_CHANNEL_OP: u64 = 32;
const HVM_OP: u64 = 34;

const EPERM: i64 = -1;
const ENOENT: i64 = -2;
const ESRCH: i64 = -3;
const EFAULT: i64 = -14;
const EEXIST: i64 = -17;
const EINVAL: i64 = -22;
const ENOSPC: i64 = -28;
const ENOSYS: i64 = -38;
const ETIME: i64 = -62;

struct Domain {
    xen: Xen,
    cpu: Cpu,
    memory: Memory,
    now: Instant,
}

impl Domain {
    /// In 64-bit code with paging, or in 32-bit code without.
    fn new(wide: bool) -> Self {
        let memory = Memory::new(RAM, 3 << 30).unwrap();
        for (at, entry) in [(0x1000, 0x2003u64), (0x2000, 0x3003), (0x3000, 0x83)] {
            memory.write(PhysAddr(at), &entry.to_le_bytes()).unwrap();
        }
        let mut cpu = Cpu::new(&Config::default());
        let flat = |size| Segment {
            attributes: Segment::real_mode(0).attributes | size | attr::G,
            limit: 0xffff_ffff,
            ..Segment::real_mode(8)
        };
        let mut registers = Registers { cr0: cr0::PE, rflags: 2, ..Registers::default() };
        registers.segments = [flat(attr::DB); 6];
        if wide {
            registers.cr0 |= cr0::PG | cr0::WP;
            registers.cr3 = 0x1000;
            registers.cr4 = cr4::PAE;
            registers.efer = efer::LME | efer::LMA;
            registers.segments[SegReg::Cs as usize] = flat(attr::CODE | attr::L);
        }
        cpu.set_registers(&registers);
        Self { xen: Xen::new(RAM, 1_600_000_000, true), cpu, memory, now: Instant(5_000) }
    }

    fn call(&mut self, number: u64, args: [u64; 3]) -> i64 {
        let places: [u8; 3] = if self.cpu.mode64() { [7, 6, 2] } else { [3, 1, 2] };
        self.cpu.set_gpr(0, number);
        for (place, value) in places.into_iter().zip(args) {
            self.cpu.set_gpr(place, value);
        }
        self.xen.hypercall(&self.cpu, &self.memory, self.now).result
    }

    /// A call with a command and a structure.
    fn op(&mut self, number: u64, command: u64, structure: &[&[u8]]) -> i64 {
        self.put(ARGS, &structure.concat());
        self.call(number, [command, ARGS, 0])
    }

    fn event_op(&mut self, command: u64, words: &[u32]) -> i64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.op(EVENT_CHANNEL_OP, command, &[&bytes])
    }

    fn vcpu_op(&mut self, command: u64, structure: &[&[u8]]) -> i64 {
        self.put(ARGS, &structure.concat());
        self.call(VCPU_OP, [command, 0, ARGS])
    }

    fn set_param(&mut self, index: u32, value: u64) -> i64 {
        let (index, value) = (index.to_le_bytes(), value.to_le_bytes());
        self.op(HVM_OP, 0, &[&SELF, &[0; 2], &index, &value])
    }

    fn get_param(&mut self, index: u32) -> Result<u64, i64> {
        let result = self.op(HVM_OP, 1, &[&SELF, &[0; 2], &index.to_le_bytes(), &[0xff; 8]]);
        if result == 0 { Ok(self.u64(ARGS + 8)) } else { Err(result) }
    }

    /// Shows the page of `shared_info`, and has upcalls by a vector.
    fn set_up(&mut self) {
        let mut words = vec![u64::from(u16::from_le_bytes(SELF)), 0];
        let at = SHARED / 4096;
        if self.cpu.mode64() {
            words.push(at);
        } else {
            words[1] = at << 32;
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(self.op(MEMORY_OP, 7, &[&bytes]), 0);
        assert_eq!(self.set_param(0, 2 << 56 | 0xf3), 0);
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        self.memory.write(PhysAddr(at), bytes).unwrap();
    }

    fn get<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut out = [0; N];
        self.memory.read(PhysAddr(at), &mut out).unwrap();
        out
    }

    fn u32(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.get(at))
    }

    fn u64(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.get(at))
    }

    fn attend(&mut self, at: u64) {
        self.now = Instant(at);
        self.xen.advance(self.now);
        if self.xen.is_due() {
            self.xen.attend(&self.memory, self.now);
        }
    }
}

// ---- being found ----

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

// ---- who may call ----

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
        assert_eq!(domain.xen.channels.len(), PORTS);
    }
}

// ---- event channels ----

#[test]
fn an_event_sets_pending_selector_and_upcall_once_unless_it_is_masked() {
    for wide in [true, false] {
        let mut domain = Domain::new(wide);
        domain.set_up();
        let (mask, selector) = if wide { (2560, 8) } else { (2176, 4) };
        assert_eq!(domain.event_op(7, &[0, 0]), 0, "bind_ipi");
        let port = domain.u32(ARGS + 4);
        assert_eq!(port, 2);

        domain.put(SHARED + mask, &[1 << port]);
        assert_eq!(domain.event_op(4, &[port]), 0, "send");
        assert_eq!((domain.u32(SHARED + 2048), domain.get::<1>(SHARED)), (1 << port, [0]));
        assert_eq!(domain.xen.callback(), None, "masked");

        assert_eq!(domain.event_op(9, &[port]), 0, "unmask");
        assert_eq!((domain.u32(SHARED + mask), domain.u32(SHARED + selector)), (0, 1));
        assert_eq!(domain.get::<1>(SHARED), [1]);
        assert_eq!(domain.xen.take_callback(), Some(0xf3));
        domain.event_op(4, &[port]);
        assert_eq!(domain.xen.callback(), None, "the guest has not looked yet");

        // The guest takes it.
        domain.put(SHARED, &[0]);
        domain.put(SHARED + selector, &[0]);
        domain.put(SHARED + 2048, &[0]);
        domain.event_op(4, &[port]);
        assert_eq!(domain.xen.take_callback(), Some(0xf3));
    }
}

#[test]
fn an_upcall_vector_goes_to_the_local_apic() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let vector = |vector: u8| [0, 0, 0, 0, vector, 0, 0, 0];
    assert_eq!(domain.op(HVM_OP, 23, &[&vector(15)]), EINVAL);
    assert_eq!(domain.op(HVM_OP, 23, &[&[1, 0, 0, 0, 0x40, 0, 0, 0]]), ENOENT);
    assert_eq!(domain.op(HVM_OP, 23, &[&vector(0x40)]), 0);
    assert_eq!(domain.xen.take_effects().lapic_vector, Some(0x40));
    // As Linux does, to look enlightened to tools.
    assert_eq!((domain.set_param(0, 1), domain.get_param(0)), (0, Ok(1)));

    domain.event_op(7, &[0, 0]);
    domain.event_op(4, &[2]);

    assert_eq!(domain.xen.take_effects().lapic_vector, Some(0x40));
    assert_eq!(domain.xen.callback(), None);
}

#[test]
fn a_loop_has_two_ends_and_falls_back_to_unbound_when_one_closes() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let own = 0x7ff0;
    assert_eq!(domain.event_op(6, &[own << 16 | own, 0]), 0, "alloc_unbound");
    assert_eq!(domain.u32(ARGS + 4), 2);
    assert_eq!(domain.event_op(4, &[2]), 0, "to nobody");
    assert_eq!(domain.event_op(0, &[own, 2, 0]), 0, "bind_interdomain");
    assert_eq!(domain.u32(ARGS + 8), 3);
    assert_eq!(domain.u32(SHARED + 2048), 1 << 3, "nothing may have got lost");
    assert_eq!(domain.event_op(0, &[own, 2, 0]), EINVAL, "bound already");
    assert_eq!(domain.event_op(0, &[0, 2, 0]), ESRCH);

    domain.event_op(4, &[3]);
    assert_eq!(domain.u32(SHARED + 2048), 1 << 2 | 1 << 3);
    assert_eq!(domain.event_op(5, &[own, 3, 9, 9, 9, 9]), 0, "status");
    assert_eq!(domain.get::<16>(ARGS + 8), [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);

    assert_eq!(domain.event_op(3, &[3]), 0, "close");
    assert_eq!(domain.event_op(3, &[3]), EINVAL);
    assert_eq!(domain.u32(SHARED + 2048), 1 << 2);
    assert_eq!(domain.event_op(5, &[own, 2, 9, 9, 9, 9]), 0);
    assert_eq!(domain.u32(ARGS + 8), 1, "unbound");
}

#[test]
fn ports_end_at_1024_and_a_virq_is_bound_once() {
    let mut domain = Domain::new(true);
    assert_eq!(domain.event_op(1, &[0, 0, 0]), 0, "bind_virq");
    assert_eq!(domain.event_op(1, &[0, 0, 0]), EEXIST);
    assert_eq!(domain.event_op(1, &[0, 1, 0]), ENOENT);
    assert_eq!(domain.event_op(1, &[3, 1, 0]), EINVAL, "global");
    assert_eq!(domain.event_op(1, &[24, 0, 0]), EINVAL);
    assert_eq!(domain.event_op(8, &[2, 0]), EINVAL, "bind_vcpu: it stays");
    assert_eq!(domain.event_op(4, &[2]), EINVAL, "nobody sends a virq");
    for port in 3..1024 {
        assert_eq!((domain.event_op(7, &[0, 0]), domain.u32(ARGS + 4)), (0, port));
    }
    assert_eq!(domain.event_op(7, &[0, 0]), ENOSPC);
    assert_eq!(domain.event_op(9, &[1024]), EINVAL);
    assert_eq!(domain.event_op(10, &[0x7ff0]), 0, "reset");
    assert_eq!((domain.event_op(7, &[0, 0]), domain.u32(ARGS + 4)), (0, 2));
    assert_eq!(domain.event_op(8, &[1, 0]), 0, "the console's is still there");
}

#[test]
fn a_moved_vcpu_info_keeps_its_bytes_and_has_everything_pending() {
    let mut domain = Domain::new(true);
    domain.set_up();
    domain.put(SHARED + 1, &[1]);
    let structure = |frame: u64, offset: u32| {
        [&frame.to_le_bytes()[..], &offset.to_le_bytes(), &[0; 4]].concat()
    };
    for (frame, offset) in [(0x30, 4096 - 63), (RAM / 4096, 0), (u64::MAX, 0), (0xa0, 0)] {
        assert_eq!(domain.vcpu_op(10, &[&structure(frame, offset)]), EINVAL, "{frame:#x}");
    }
    assert_eq!(domain.vcpu_op(10, &[&structure(0x30, 0x40)]), 0);
    assert_eq!(domain.get::<2>(0x3_0040), [1, 1]);
    assert_eq!(domain.u64(0x3_0048), u64::MAX);
    assert_eq!(domain.u32(0x3_0040 + 32), domain.u32(SHARED + 32), "the time's version");
    assert_eq!(domain.xen.callback(), Some(0xf3));
    assert_eq!(domain.vcpu_op(10, &[&structure(0x30, 0x40)]), EINVAL, "once");
}

// ---- time ----

#[test]
fn ticks_become_nanoseconds_by_multiplier_and_shift() {
    for hz in [1_000_000_000, 25_000_000, 3_579_545, 2_999_999_999, 5_000_000_000, 1, u64::MAX] {
        let (mul, shift) = time::scale(hz);
        let ticks = (hz / 7).min(1 << 40);
        let shifted =
            if shift < 0 { u128::from(ticks) >> -shift } else { u128::from(ticks) << shift };
        let ns = (shifted * u128::from(mul)) >> 32;
        let exact = u128::from(ticks) * 1_000_000_000 / u128::from(hz);
        assert!(mul >= 1 << 31, "{hz}: the full width is used");
        assert!(ns.abs_diff(exact) <= 1 + (exact >> 29), "{hz}: {ns} for {exact}");
    }
    assert_eq!(time::scale(1_000_000_000), (1 << 31, 1));
}

#[test]
fn shared_info_has_the_time_and_the_wall_clock_wherever_it_is_shown() {
    for wide in [true, false] {
        let mut domain = Domain::new(wide);
        domain.set_up();
        let clock = if wide { 3072 } else { 2304 };
        assert_eq!(domain.u32(SHARED + clock + 4), 1_600_000_000);
        assert_eq!(domain.u32(SHARED + clock) % 2, 0);
        assert_eq!(domain.u32(SHARED + 32) % 2, 0, "version of the time");
        assert_eq!((domain.u32(SHARED + 32 + 24), domain.get(SHARED + 32 + 28)), (1 << 31, [1, 1]));
        // The TSC and system time of the same moment.
        assert_eq!(domain.u64(SHARED + 40), TSC_CLOCK.ticks(domain.u64(SHARED + 48)));
    }
}

#[test]
fn a_guest_that_sets_its_tsc_finds_the_time_as_it_was() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let area = 0x3_0000u64.to_le_bytes();
    assert_eq!(domain.vcpu_op(13, &[&area]), 0);
    let version = domain.u32(SHARED + 32);

    domain.xen.set_tsc_offset(1000);
    domain.attend(9_000);

    assert_eq!(domain.u32(SHARED + 32), version + 2);
    assert_eq!((domain.u64(SHARED + 40), domain.u64(SHARED + 48)), (10_000, 9_000));
    assert_eq!(domain.get::<32>(0x3_0000), domain.get::<32>(SHARED + 32));
    assert_eq!(domain.vcpu_op(13, &[&0x3_0ff0u64.to_le_bytes()]), EINVAL, "across pages");
}

#[test]
fn the_timers_raise_their_virq_when_they_are_due() {
    let mut domain = Domain::new(true);
    domain.set_up();
    domain.event_op(1, &[0, 0, 0]);
    let single = |at: u64, flags: u32| [&at.to_le_bytes()[..], &flags.to_le_bytes()].concat();

    assert_eq!(domain.vcpu_op(8, &[&single(4_999, 1)]), ETIME);
    assert_eq!(domain.vcpu_op(8, &[&single(7_000, 1)]), 0);
    assert_eq!(domain.xen.next_event(), Some(Instant(7_000)));
    domain.attend(6_999);
    assert_eq!(domain.xen.callback(), None);
    domain.attend(7_000);
    assert_eq!((domain.xen.take_callback(), domain.u32(SHARED + 2048)), (Some(0xf3), 1 << 2));
    assert_eq!(domain.xen.next_event(), None);

    // Nothing shorter than a millisecond; what was missed comes once.
    assert_eq!(domain.vcpu_op(6, &[&999_999u64.to_le_bytes()]), EINVAL);
    assert_eq!(domain.vcpu_op(6, &[&1_000_000u64.to_le_bytes()]), 0);
    domain.attend(3_500_000);
    assert_eq!(domain.xen.next_event(), Some(Instant(4_007_000)));
    assert_eq!(domain.vcpu_op(7, &[]), 0);
    assert_eq!(domain.xen.next_event(), None);
}

#[test]
fn set_timer_op_takes_an_absolute_time_or_none() {
    for wide in [true, false] {
        let mut domain = Domain::new(wide);
        let at = 5 << 32;
        let args = if wide { [at, 0, 0] } else { [0, 5, 0] };
        assert_eq!(domain.call(SET_TIMER_OP, args), 0);
        assert_eq!(domain.xen.next_event(), Some(Instant(at)));
        domain.call(SET_TIMER_OP, if wide { [1 << 63, 0, 0] } else { [0, 1 << 31, 0] });
        assert_eq!(domain.xen.next_event(), Some(Instant(100_005_000)));
        domain.call(SET_TIMER_OP, [0; 3]);
        assert_eq!(domain.xen.next_event(), None);
    }
}

// ---- the console ----

#[test]
fn the_rings_carry_bytes_both_ways_around_their_ends() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let page = domain.get_param(17).unwrap() * 4096;
    assert_eq!((page, domain.get_param(18)), (RAM - 4096, Ok(1)));
    assert!(domain.xen.takes_input() && !domain.xen.listens(), "the guest has not used it");

    // Around the end of 2048 bytes, with indices that wrap at 2^32.
    domain.put(page + 0xc08, &(u32::MAX - 1).to_le_bytes());
    domain.put(page + 0xc0c, &2u32.to_le_bytes());
    domain.put(page + 1024 + 2046, b"ab");
    domain.put(page + 1024, b"cd");
    assert_eq!(domain.event_op(4, &[1]), 0);
    assert_eq!(domain.xen.take_effects().output, b"abcd");
    assert_eq!((domain.u32(page + 0xc08), domain.u32(SHARED + 2048)), (2, 1 << 1));

    domain.put(page + 0xc00, &1022u32.to_le_bytes());
    domain.put(page + 0xc04, &1022u32.to_le_bytes());
    assert!(domain.xen.listens());
    domain.xen.send(&[b'x'; 1500]);
    domain.attend(9_000);
    assert_eq!((domain.xen.backlog(), domain.u32(page + 0xc04)), (476, 1022 + 1024));
    assert_eq!(domain.get(page + 1022), *b"xxcd", "IN ends where OUT begins");
    domain.put(page + 0xc00, &(1022u32 + 1024).to_le_bytes());
    domain.event_op(4, &[1]);
    assert_eq!((domain.xen.backlog(), domain.u32(page + 0xc04)), (0, 1022 + 1500));
}

#[test]
fn indices_that_make_no_sense_move_nothing() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let page = RAM - 4096;
    domain.put(page + 0xc0c, &2049u32.to_le_bytes());
    domain.put(page + 0xc04, &1025u32.to_le_bytes());
    domain.xen.send(b"x");
    assert_eq!(domain.event_op(4, &[1]), 0);
    assert_eq!(domain.xen.take_effects(), Effects::default());
    assert_eq!((domain.u32(page + 0xc08), domain.xen.backlog()), (0, 1));
}

#[test]
fn console_io_writes_and_reads_nothing() {
    let mut domain = Domain::new(true);
    domain.put(ARGS, b"hello");
    assert_eq!(domain.call(CONSOLE_IO, [0, 5, ARGS]), 0);
    assert_eq!(domain.xen.take_effects().output, b"hello");
    assert_eq!(domain.call(CONSOLE_IO, [1, 5, ARGS]), 0);
    assert_eq!(domain.call(CONSOLE_IO, [0, 0x1_0001, ARGS]), -7);
}

// ---- memory, parameters, the end ----

#[test]
fn the_memory_map_is_the_plans_as_far_as_there_is_room() {
    let mut domain = Domain::new(true);
    let map = e820::memory_map(RAM);
    domain.xen.set_map(&map);
    domain.put(ARGS, &[&2u64.to_le_bytes()[..], &0x3_0000u64.to_le_bytes()].concat());
    assert_eq!(domain.call(MEMORY_OP, [9, ARGS, 0]), 0);
    assert_eq!((domain.u32(ARGS), domain.u64(0x3_0008)), (2, 0x9_fc00));
    assert_eq!((domain.u64(0x3_0014), domain.u32(0x3_0024)), (0x9_fc00, 2));
    assert_eq!(domain.u32(0x3_0028), 0, "no third");
    assert_eq!(domain.op(MEMORY_OP, 3, &[&SELF]), (RAM / 4096) as i64);
    assert_eq!(domain.call(MEMORY_OP, [2, 0, 0]), (RAM / 4096) as i64 - 1);
}

#[test]
fn shared_info_goes_where_there_is_ram_and_other_pages_nowhere() {
    let mut domain = Domain::new(true);
    let place = |space: u32, index: u64, frame: u64| {
        [&SELF[..], &[0; 2], &space.to_le_bytes(), &index.to_le_bytes(), &frame.to_le_bytes()]
            .concat()
    };
    for (space, index, frame) in [
        (0, 0, RAM / 4096),
        (0, 0, 0xa0),
        (0, 0, u64::MAX),
        (0, 1, 0x20),
        (1, 0, 0x20),
        (2, 0, 0x20),
    ] {
        assert_eq!(domain.op(MEMORY_OP, 7, &[&place(space, index, frame)]), EINVAL, "{space}");
    }
    assert_eq!(domain.op(MEMORY_OP, 7, &[&place(9, 0, 0x20)]), ENOSYS);
    domain.set_up();
    domain.put(SHARED + 2560, &[7]);
    assert_eq!(domain.op(MEMORY_OP, 7, &[&place(0, 0, 0x40)]), 0);
    assert_eq!(domain.get::<1>(0x4_0000 + 2560), [7], "with what was in it");
}

#[test]
fn a_guest_reads_and_sets_its_own_parameters_only() {
    let mut domain = Domain::new(true);
    assert_eq!((domain.get_param(1), domain.get_param(2)), (Ok(0), Ok(0)), "no xenstore");
    assert_eq!((domain.get_param(5), domain.set_param(5, 1)), (Err(EPERM), EPERM));
    assert_eq!((domain.get_param(39), domain.set_param(39, 1)), (Err(EINVAL), EINVAL));
    assert_eq!(domain.set_param(18, 5), EEXIST);
    assert_eq!(domain.set_param(0, 1 << 56 | 3), EINVAL, "by PCI INTx");
    assert_eq!(domain.set_param(0, 2 << 56 | 0x31), 0);
    assert_eq!(domain.get_param(0), Ok(2 << 56 | 0x31));
    assert_eq!(domain.op(HVM_OP, 1, &[&[3, 0, 0, 0], &[0; 12]]), ESRCH);
}

#[test]
fn a_domain_ends_for_its_reason_and_waits_unless_something_is_pending() {
    let mut domain = Domain::new(true);
    domain.set_up();
    for (reason, shutdown) in
        [(0u32, Shutdown::PowerOff), (1, Shutdown::Reboot), (3, Shutdown::Crash)]
    {
        assert_eq!(domain.op(SCHED_OP, 2, &[&reason.to_le_bytes()]), 0);
        assert_eq!(domain.xen.take_effects().shutdown, Some(shutdown));
    }
    assert_eq!(domain.op(SCHED_OP, 2, &[&2u32.to_le_bytes()]), EINVAL, "suspend");
    domain.put(SHARED + 1, &[1]);
    domain.call(SCHED_OP, [1, 0, 0]);
    assert!(domain.xen.take_effects().wait);
    assert_eq!(domain.get::<2>(SHARED), [0, 0], "upcalls are unmasked");
    domain.put(SHARED, &[1]);
    domain.call(SCHED_OP, [1, 0, 0]);
    assert!(!domain.xen.take_effects().wait);
    assert_eq!((domain.call(VCPU_OP, [3, 0, 0]), domain.call(VCPU_OP, [3, 1, 0])), (1, ENOENT));
}

//! Whole machines under Xen with guests of a few bytes: what a hypercall brings about outside of Xen.
//! Numbers and offsets are those of Xen's public headers.

use crate::{Machine, MachineConfig, Stop};
use arch::control::{cr0, cr4};
use arch::segment::TableRegister;
use boot::Entry;
use boot::entry::{CODE32, DATA};
use cpu::EngineForm;
use cpu::event_log::{Event, Sink, kind};
use memory::PhysAddr;
use std::cell::RefCell;
use std::rc::Rc;

const GDT: u64 = 0x1000;
const IDT: u64 = 0x2000;
const PAGE_DIRECTORY: u64 = 0x3000;
/// How many interrupts were taken, and their vectors in order.
const TAKEN: u64 = 0x500;
const VECTORS: u64 = 0x600;
/// Handlers, 64 bytes each.
const HANDLERS: u64 = 0x8000;
const CODE: u64 = 0x1_0000;
/// Structures for hypercalls, 64 bytes each.
const ARGS: u64 = 0x2_0000;
/// A page for `shared_info`.
const SHARED: u64 = 0x3_0000;
const RAM: u64 = 16 << 20;
/// Page with the console's rings.
const CONSOLE: u64 = RAM - 0x1000;

const MEMORY_OP: u32 = 12;
const XEN_VERSION: u32 = 17;
const VCPU_OP: u32 = 24;
const SCHED_OP: u32 = 29;
const EVENT_CHANNEL_OP: u32 = 32;
const HVM_OP: u32 = 34;

/// mov dx, 0x604; mov ax, 0x2001; out dx, ax
const POWER_OFF: &[u8] = &[0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x01, 0x20, 0x66, 0xef];
/// sti; hlt
const STI_HLT: &[u8] = &[0xfb, 0xf4];
/// cli; hlt
const STOP: &[u8] = &[0xfa, 0xf4];

/// Code and the structures that its hypercalls name.
#[derive(Default)]
struct Guest {
    code: Vec<u8>,
    structures: Vec<Vec<u8>>,
}

impl Guest {
    /// Instructions.
    fn then(mut self, code: &[u8]) -> Self {
        self.code.extend(code);
        self
    }

    /// mov eax, number; mov ebx, first; mov ecx, second; mov edx, third; vmmcall
    fn call(self, number: u32, [first, second, third]: [u32; 3]) -> Self {
        let moves = [(0xb8, number), (0xbb, first), (0xb9, second), (0xba, third)];
        let code = moves.iter().flat_map(|(opcode, value)| {
            let [a, b, c, d] = value.to_le_bytes();
            [*opcode, a, b, c, d]
        });
        let code: Vec<u8> = code.chain([0x0f, 0x01, 0xd9]).collect();
        self.then(&code)
    }

    /// A call with a command and a structure.
    fn op(mut self, number: u32, command: u32, words: &[u32]) -> Self {
        let at = ARGS as u32 + 64 * self.structures.len() as u32;
        self.structures.push(words.iter().flat_map(|word| word.to_le_bytes()).collect());
        let vcpu = number == VCPU_OP;
        self.call(number, if vcpu { [command, 0, at] } else { [command, at, 0] })
    }

    /// Shows `shared_info` and has upcalls by this vector past the local APIC.
    fn with_callback(self, vector: u8) -> Self {
        self.op(MEMORY_OP, 7, &[0x7ff0, 0, 0, SHARED as u32 >> 12]).op(
            HVM_OP,
            0,
            &[0x7ff0, 0, vector.into(), 2 << 24],
        )
    }

    /// The machine in 32-bit protected mode before the first instruction, with handlers that note their vector.
    fn machine_in(&self, engine: EngineForm) -> Machine {
        let config =
            MachineConfig { ram_bytes: RAM, xen: true, engine, ..MachineConfig::default() };
        let mut machine = Machine::new(&config).unwrap();
        let put = |at: u64, bytes: &[u8]| machine.memory().write(PhysAddr(at), bytes).unwrap();
        put(GDT + 8, &CODE32.0.to_le_bytes());
        put(GDT + 16, &DATA.0.to_le_bytes());
        put(CODE, &self.code);
        for (at, bytes) in (ARGS..).step_by(64).zip(&self.structures) {
            put(at, bytes);
        }
        for (at, vector) in (HANDLERS..).step_by(64).zip([0x02, 0x40, 0x41, 0x50]) {
            put(at, &handler(vector));
            let [a, b, c, d] = (at as u32).to_le_bytes();
            put(IDT + 8 * u64::from(vector), &[a, b, 8, 0, 0, 0x8e, c, d]);
        }
        let entry = Entry::protected32(CODE as u32);
        let mut registers = machine.cpu().registers();
        (registers.segments, registers.cr0) = (entry.segments, entry.cr0);
        (registers.rip, registers.gpr[4]) = (entry.rip, 0x7000);
        registers.gdtr = TableRegister { base: GDT, limit: 0x17 };
        registers.idtr = TableRegister { base: IDT, limit: 0x7ff };
        machine.cpu_mut().set_registers(&registers);
        machine
    }

    fn machine(&self) -> Machine {
        self.machine_in(EngineForm::BEST)
    }
}

/// push eax; mov eax, [TAKEN]; mov byte [eax + VECTORS], vector; inc dword [TAKEN]; mov byte [SHARED], 0;
/// for a vector of the local APIC mov dword [EOI], 0; pop eax; iret
fn handler(vector: u8) -> Vec<u8> {
    let [s0, s1, s2, s3] = (SHARED as u32).to_le_bytes();
    let eoi = [0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0];
    let eoi = if matches!(vector, 0x40 | 0x50) { &eoi[..] } else { &[] };
    [
        &[0x50, 0xa1, 0x00, 0x05, 0, 0][..],
        &[0xc6, 0x80, 0x00, 0x06, 0, 0, vector],
        &[0xff, 0x05, 0x00, 0x05, 0, 0],
        &[0xc6, 0x05, s0, s1, s2, s3, 0],
        eoi,
        &[0x58, 0xcf],
    ]
    .concat()
}

/// The vectors of the interrupts taken so far.
fn taken(machine: &Machine) -> Vec<u8> {
    let mut vectors = vec![0; machine.memory().read_u32(PhysAddr(TAKEN)).unwrap() as usize];
    machine.memory().read(PhysAddr(VECTORS), &mut vectors).unwrap();
    vectors
}

/// A local APIC that software has enabled: mov dword [SVR], 0x1ff
const ENABLE_APIC: &[u8] = &[0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0, 0];

#[test]
fn an_upcall_vector_interrupts_by_the_local_apic() {
    let guest = Guest::default().then(ENABLE_APIC).op(HVM_OP, 23, &[0, 0x40]).then(STI_HLT);
    let mut machine = guest.then(POWER_OFF).machine();

    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);

    assert_eq!(taken(&machine), [0x40]);
    assert!(machine.device_accesses().contains(&("lapic", 2)), "SVR and EOI");
}

/// The callback of CPU 0 is told past the local APIC, whose priorities it does not know.
#[test]
fn of_two_that_interrupt_xens_callback_goes_first() {
    // mov dword [ICR], to itself, vector 0x50
    let to_itself = [0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x50, 0x00, 0x04, 0];
    let guest = Guest::default().with_callback(0x41).then(ENABLE_APIC).then(&to_itself);
    let guest = guest.op(EVENT_CHANNEL_OP, 7, &[0, 0]).op(EVENT_CHANNEL_OP, 4, &[2]);
    let mut machine = guest.then(&[0xfb, 0x90, 0x90, 0x90]).then(POWER_OFF).machine();

    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);

    assert_eq!(taken(&machine), [0x41, 0x50]);
}

#[test]
fn an_nmi_that_a_guest_sends_itself_comes_with_interrupts_masked() {
    let guest = Guest::default().call(VCPU_OP, [11, 0, 0]).then(&[0x90]).then(POWER_OFF);
    let mut machine = guest.machine();

    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);

    assert_eq!(taken(&machine), [2]);
}

/// Without INVLPG the old translation stands until HVMOP_flush_tlbs.
#[test]
fn a_flush_makes_the_cpu_forget_translations() {
    let load = |opcode: &[u8]| [opcode, &[0, 0, 0x40, 0]].concat(); // mov reg, [0x400000]
    let (to_eax, to_esi, to_edi) = (load(&[0xa1]), load(&[0x8b, 0x35]), load(&[0x8b, 0x3d]));
    let remap = [0xc7, 0x05, 0x04, 0x30, 0, 0, 0x83, 0x00, 0x80, 0x00]; // mov dword [3004], 0x800083
    let guest = Guest::default().then(&to_eax).then(&remap).then(&to_esi);
    let mut machine = guest.call(HVM_OP, [5, 0, 0]).then(&to_edi).then(STOP).machine();
    let put = |at: u64, value: u32| {
        machine.memory().write(PhysAddr(at), &value.to_le_bytes()).unwrap();
    };
    put(PAGE_DIRECTORY, 0x83);
    put(PAGE_DIRECTORY + 4, 0x40_0083);
    put(0x40_0000, 1);
    put(0x80_0000, 2);
    let mut registers = machine.cpu().registers();
    registers.cr0 |= cr0::PG;
    registers.cr3 = PAGE_DIRECTORY;
    registers.cr4 |= cr4::PSE;
    machine.cpu_mut().set_registers(&registers);

    assert_eq!(machine.run(u64::MAX), Stop::HaltedForever);

    let gpr = machine.cpu().registers().gpr;
    assert_eq!((gpr[6], gpr[7]), (1, 2));
}

#[test]
fn a_domain_that_shuts_down_ends_the_run_for_its_reason() {
    for (reason, stop) in [(0, Stop::PowerOff), (1, Stop::Reset), (3, Stop::Crashed)] {
        let mut machine = Guest::default().op(SCHED_OP, 2, &[reason]).machine();
        assert_eq!(machine.run(u64::MAX), stop);
    }
}

/// What was typed and found no room in the ring; COM1 is polled for it: mov dx, 0x3fd; in al, dx; test al, 1;
/// jz to in; mov dx, 0x3f8; in al, dx; out dx, al; jmp to start
#[test]
fn input_of_a_closed_console_arrives_at_the_serial_port() {
    let echo = [
        0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0x66, 0xba, 0xf8, 0x03, 0xec, 0xee,
        0xeb, 0xef,
    ];
    let mut machine = Guest::default().op(EVENT_CHANNEL_OP, 3, &[1]).then(&echo).machine();
    fill_console(&machine);
    machine.serial_input(b"typed");
    assert_eq!(machine.run(0), Stop::Slice);
    assert_eq!(machine.serial_backlog(), 5);

    machine.run(20_000);
    machine.serial_input(b" more");
    machine.run(40_000);

    assert_eq!(machine.take_serial_output(), b"typed more");
    assert_eq!(machine.serial_backlog(), 0);
}

/// No room in the console's input ring: in_prod is in_cons and 1,024.
fn fill_console(machine: &Machine) {
    machine.memory().write(PhysAddr(CONSOLE + 0xc04), &1024u32.to_le_bytes()).unwrap();
}

/// RAM is the same: the byte is nowhere but in Xen.
#[test]
fn the_hash_sees_one_byte_that_xen_keeps() {
    let hash = |typed: &[u8]| {
        let mut machine = Guest::default().then(STOP).machine();
        fill_console(&machine);
        machine.serial_input(typed);
        assert_eq!(machine.run(u64::MAX), Stop::HaltedForever);
        machine.state_hash()
    };
    assert_eq!(hash(b"x"), hash(b"x"));
    assert_ne!(hash(b"x"), hash(b"y"));
    assert_ne!(hash(b"x"), hash(b""));
}

/// VIRQ_TIMER every millisecond by the callback; the guest waits in SCHEDOP_block, and counts.
#[test]
fn slices_and_engine_forms_leave_no_trace_in_a_guest_of_xens_timer() {
    let run = |form: EngineForm, slice: u64, look: bool| {
        let guest = Guest::default()
            .with_callback(0x41)
            .op(EVENT_CHANNEL_OP, 1, &[0, 0, 0]) // bind_virq: port 2
            .op(VCPU_OP, 6, &[1_000_000, 0])
            .then(&[0xfb]);
        let start = guest.code.len() as i32;
        // The handler leaves port 2 pending and its word selected: and byte [pending], 0; and byte [selector], 0
        let [_, s1, s2, s3] = (SHARED as u32).to_le_bytes();
        let clear = [0x80, 0x25, 0, s1 + 8, s2, s3, 0, 0x80, 0x25, 4, s1, s2, s3, 0];
        let guest = guest.then(&clear).call(SCHED_OP, [1, 0, 0]).then(&[0x46]); // inc esi
        let back = start - (guest.code.len() as i32 + 5);
        let [a, b, c, d] = back.to_le_bytes();
        let mut machine = guest.then(&[0xe9, a, b, c, d]).machine_in(form);
        let (mut limit, end) = (0, 3_000);
        while limit < end {
            limit = end.min(limit + slice);
            assert_eq!(machine.run(limit), Stop::Slice);
            if look {
                machine.state_hash();
            }
        }
        let ticks = taken(&machine).len();
        (machine.retired(), machine.now(), ticks, machine.state_hash())
    };
    let through = run(EngineForm::BEST, 3_000, false);
    assert!(through.2 > 50, "{} ticks", through.2);
    assert_eq!(through, run(EngineForm::BEST, 1, false));
    assert_eq!(through, run(EngineForm::BEST, 13, true));
    assert_eq!(through, run(EngineForm::Hybrid, 700, false));
    assert_eq!(through, run(EngineForm::Step, 3_000, false));
}

/// Keeps the hypercalls it is told of.
struct Ear(Rc<RefCell<Vec<(u64, u64, bool)>>>);

impl Sink for Ear {
    fn event(&mut self, _retired: u64, event: Event) {
        match event {
            Event::Hypercall { number, rip, known, .. } => {
                self.0.borrow_mut().push((number, rip, known));
            }
            other => panic!("{other:?} was not asked for"),
        }
    }
}

#[test]
fn a_log_tells_of_a_hypercall_where_it_stands_and_whether_somebody_serves_it() {
    let guest = Guest::default().call(XEN_VERSION, [0; 3]).call(XEN_VERSION, [11, 0, 0]);
    let guest = guest.call(13, [0; 3]);
    // mov eax, 17; xor ebx, ebx; cs vmmcall
    let prefixed = CODE + guest.code.len() as u64 + 7;
    let guest = guest.then(&[0xb8, 17, 0, 0, 0, 0x31, 0xdb, 0x2e, 0x0f, 0x01, 0xd9]).then(STOP);
    let mut machine = guest.machine();
    let heard = Rc::default();
    let kinds = kind::HYPERCALL | kind::STRANGE_HYPERCALL;
    machine.attach_log(Box::new(Ear(Rc::clone(&heard))), kinds);

    assert_eq!(machine.run(u64::MAX), Stop::HaltedForever);

    let at = |n: u64| CODE + 23 * n + 20;
    let calls = [(17, at(0), true), (17, at(1), false), (13, at(2), false), (17, prefixed, true)];
    assert_eq!(*heard.borrow(), calls);
}

//! Whole machines with guests of a few bytes, assembled by hand; each line says what it is.

use crate::{Input, Machine, MachineConfig, Stop};
use arch::control::{cr0, cr4};
use cpu::EngineForm;
use cpu::event_log::{Event, Sink, kind};
use memory::PhysAddr;
use std::cell::RefCell;
use std::rc::Rc;

/// Where guests start: as a boot sector does, in real mode.
const ORIGIN: u64 = 0x7c00;

pub(super) fn machine_with(config: &MachineConfig, pieces: &[&[u8]]) -> Machine {
    let mut machine = Machine::new(config).unwrap();
    load(&mut machine, pieces);
    machine
}

pub(super) fn load(machine: &mut Machine, pieces: &[&[u8]]) {
    machine.memory().write(PhysAddr(ORIGIN), &pieces.concat()).unwrap();
    let mut registers = machine.cpu().registers();
    registers.segments = [arch::segment::Segment::real_mode(0); 6];
    registers.segments[arch::segment::SegReg::Cs as usize].attributes |= arch::segment::attr::CODE;
    registers.rip = ORIGIN;
    registers.gpr[4] = 0x7000;
    machine.cpu_mut().set_registers(&registers);
}

fn machine(pieces: &[&[u8]]) -> Machine {
    machine_with(&MachineConfig { ram_bytes: 2 << 20, ..MachineConfig::default() }, pieces)
}

/// mov dx, port; mov al, value; out dx, al
pub(super) const fn out8(port: u16, value: u8) -> [u8; 6] {
    let [low, high] = port.to_le_bytes();
    [0xba, low, high, 0xb0, value, 0xee]
}

/// mov dx, 0x604; mov ax, 0x2001; out dx, ax
pub(super) const POWER_OFF: &[u8] = &[0xba, 0x04, 0x06, 0xb8, 0x01, 0x20, 0xef];
/// cli; hlt
const STOP: &[u8] = &[0xfa, 0xf4];

/// Interrupt handler at 0x600: inc word [0x500]; mov al, 0x20; out 0x20, al; iret
const HANDLER: &[u8] = &[0xff, 0x06, 0x00, 0x05, 0xb0, 0x20, 0xe6, 0x20, 0xcf];

/// 8259A with vectors from 0x20, all masked but IRQ 0 (and 4); PIT counter 0 in mode 2 every 10 ms;
/// vector 0x20 at the handler; then sti. OUT0 rises with the control word: that is the first tick.
fn timer_setup() -> Vec<u8> {
    [
        &[0xc7, 0x06, 0x80, 0x00, 0x00, 0x06][..], // mov word [0x80], 0x600
        &[0xc7, 0x06, 0x82, 0x00, 0x00, 0x00],     // mov word [0x82], 0
        &out8(0x20, 0x11),
        &out8(0x21, 0x20),
        &out8(0x21, 0x04),
        &out8(0x21, 0x01),
        &out8(0x21, 0xee),
        &out8(0x43, 0x34),
        &out8(0x40, 0x9c),
        &out8(0x40, 0x2e),
        &[0xfb], // sti
    ]
    .concat()
}

fn ticking(rest: &[u8]) -> Machine {
    ticking_with(EngineForm::BEST, rest)
}

fn ticking_with(engine: EngineForm, rest: &[u8]) -> Machine {
    let config = MachineConfig { ram_bytes: 2 << 20, engine, ..MachineConfig::default() };
    let machine = machine_with(&config, &[&timer_setup(), rest]);
    machine.memory().write(PhysAddr(0x600), HANDLER).unwrap();
    machine
}

fn ticks(machine: &Machine) -> u32 {
    machine.memory().read_u32(PhysAddr(0x500)).unwrap() & 0xffff
}

#[test]
fn a_guest_that_prints_and_powers_off_is_heard_and_timed() {
    let mut machine = machine(&[&out8(0x3f8, b'o'), &out8(0x3f8, b'k'), POWER_OFF]);
    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);
    assert_eq!(machine.take_serial_output(), b"ok");
    assert_eq!(machine.retired(), 9);
    assert_eq!(machine.now().ns(), 9 + 3 * 1000, "an instruction 1 ns, a port access 1 us");
    let milestones = machine.milestones();
    let seen: Vec<_> =
        milestones.iter().map(|m| (m.name.as_str(), m.instructions, m.virtual_ns)).collect();
    assert_eq!(seen, [("first_console", 2, 2), ("power_off", 9, 3009)]);
    let counts = machine.device_accesses();
    assert!(counts.contains(&("uart", 2)) && counts.contains(&("pm", 1)));
}

#[test]
fn a_limit_cuts_the_run_at_that_instruction() {
    let mut machine = machine(&[&[0x90; 50], STOP]);
    assert_eq!(machine.run(7), Stop::Slice);
    assert_eq!((machine.retired(), machine.stopped_at().rip), (7, ORIGIN + 7));
    let config = MachineConfig { max_instructions: 20, ..MachineConfig::default() };
    let mut machine = machine_with(&config, &[&[0x90; 50], STOP]);
    assert_eq!(machine.run(7), Stop::Slice);
    assert_eq!(machine.run(1000), Stop::Limit);
    assert_eq!(machine.retired(), 20);
}

#[test]
fn a_halted_guest_is_woken_by_the_timer_and_the_time_between_is_skipped() {
    // 3 times: hlt; then power off
    let mut machine = ticking(&[&[0xf4, 0xf4, 0xf4][..], POWER_OFF].concat());
    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);
    assert_eq!(ticks(&machine), 3);
    let ms = machine.now().ns() / 1_000_000;
    assert_eq!(ms, 20, "the first tick is there already, then two periods of 10 ms");
    assert!(machine.retired() < 100);
}

#[test]
fn an_interrupt_reaches_a_busy_guest_within_an_instruction() {
    // jmp $: two-byte loop, forever
    let mut machine = ticking(&[0xeb, 0xfe]);
    assert_eq!(machine.run(50_000_000), Stop::Slice);
    assert_eq!(ticks(&machine), 1 + 5, "50 ms at 1 ns an instruction");
}

#[test]
fn hlt_without_any_event_is_forever_and_only_input_may_end_it() {
    let mut deaf = machine(&[STOP]);
    assert_eq!(deaf.run(u64::MAX), Stop::HaltedForever);
    assert!(!deaf.waiting_for_input());
    // UART: OUT2, receive interrupt; sti; hlt
    let mut listening = machine(&[&out8(0x3fc, 0x08), &out8(0x3f9, 0x01), &[0xfb, 0xf4]]);
    assert_eq!(listening.run(u64::MAX), Stop::HaltedForever);
    assert!(listening.waiting_for_input());
}

/// The timer runs on, but nothing it does can wake a CPU that takes no interrupts.
#[test]
fn hlt_with_interrupts_disabled_is_forever_though_the_timer_ticks() {
    let mut machine = ticking(STOP);
    assert_eq!(machine.run(u64::MAX), Stop::HaltedForever);
    assert!(machine.now().ns() < 2_000_000_000);
}

#[test]
fn a_pause_keeps_idle_time_from_jumping_past_it() {
    let mut machine = ticking(&[&[0xf4, 0xf4][..], POWER_OFF].concat());
    let pause = arch::time::Instant(1_000_000);
    assert_eq!(machine.run_until(u64::MAX, pause), Stop::Slice);
    let wake = machine.idle_until().expect("halted, and the timer will tick");
    assert!(wake > pause && machine.now() < pause);
    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);
}

#[test]
fn a_triple_fault_shuts_down() {
    // lidt [0x700] (limit 0); int 3
    let mut machine = machine(&[&[0x0f, 0x01, 0x1e, 0x00, 0x07, 0xcc]]);
    assert_eq!(machine.run(u64::MAX), Stop::TripleFault);
}

#[test]
fn isa_debug_exit_ends_the_run_with_its_status() {
    let config = MachineConfig { debug_exit: Some((0xf4, 1)), ..MachineConfig::default() };
    let mut machine = machine_with(&config, &[&out8(0xf4, 0x10)]);
    assert_eq!(machine.run(u64::MAX), Stop::DebugExit(0x21));
}

#[test]
fn where_the_machine_stands_is_shown_with_its_bytes() {
    let mut machine = machine(&[&[0x90, 0x90, 0xb8, 0x34, 0x12], STOP]);
    machine.run(2);
    let at = machine.stopped_at();
    assert_eq!((at.rip, at.linear, at.bits), (ORIGIN + 2, ORIGIN + 2, 16));
    assert_eq!(at.bytes[..5], [0xb8, 0x34, 0x12, 0xfa, 0xf4]);
    assert_eq!(at.bytes.len(), 15);
}

#[test]
fn slices_and_engine_forms_leave_no_trace_in_the_state() {
    let run = |form: EngineForm, slice: u64, look: bool| {
        let mut machine = ticking_with(form, &[0xf4, 0x40, 0xeb, 0xfc]); // hlt; inc ax; jmp to hlt
        let mut limit = 0;
        while limit < 2_000 {
            limit = 2_000.min(limit + slice);
            assert_eq!(machine.run(limit), Stop::Slice);
            if look {
                machine.state_hash();
            }
        }
        (machine.retired(), machine.now(), machine.state_hash())
    };
    let through = run(EngineForm::BEST, 2_000, false);
    assert_eq!(through, run(EngineForm::BEST, 1, false));
    assert_eq!(through, run(EngineForm::BEST, 13, true));
    assert_eq!(through, run(EngineForm::Hybrid, 700, false));
}

#[test]
fn the_hash_sees_one_bit_of_ram_and_forgets_cleared_pages() {
    let mut machine = machine(&[STOP]);
    let empty = machine.state_hash();
    machine.memory().write(PhysAddr(0x10_0123), &[1]).unwrap();
    assert_ne!(machine.state_hash(), empty);
    machine.memory().write(PhysAddr(0x10_0123), &[0]).unwrap();
    assert_eq!(machine.state_hash(), empty, "a page of zeros is as good as untouched");
}

/// The guest polls the line status and echoes what it gets.
const ECHO: &[u8] = &[
    0xba, 0xfd, 0x03, // mov dx, 0x3fd
    0xec, // in al, dx
    0xa8, 0x01, // test al, 1
    0x74, 0xfb, // jz to in
    0xba, 0xf8, 0x03, // mov dx, 0x3f8
    0xec, // in al, dx
    0xee, // out dx, al
    0xeb, 0xf1, // jmp to start
];

#[test]
fn recorded_input_repeats_the_run_exactly() {
    let mut live = machine(&[ECHO]);
    live.run(1_000);
    live.serial_input(b"hel");
    live.run(1_777);
    live.serial_input(b"lo");
    live.run(20_000);
    let output = live.take_serial_output();
    assert_eq!(output, b"hello");
    let record: Vec<Input> = live.recorded_inputs().to_vec();
    assert_eq!(record.len(), 2);
    assert_eq!((record[0].stamp.retired, record[1].stamp.retired), (1_000, 1_777));

    let mut again = machine(&[ECHO]);
    again.replay(record.clone());
    assert_eq!(again.run(20_000), Stop::Slice);
    assert_eq!(again.take_serial_output(), output);
    assert_eq!(again.recorded_inputs(), record);
    assert_eq!(again.state_hash(), live.state_hash());
}

/// The guest polls the keyboard controller and sends what it gets.
const SCAN_CODES: &[u8] = &[
    0xe4, 0x64, // in al, 0x64
    0xa8, 0x01, // test al, 1
    0x74, 0xfa, // jz to in
    0xe4, 0x60, // in al, 0x60
    0xba, 0xf8, 0x03, // mov dx, 0x3f8
    0xee, // out dx, al
    0xeb, 0xf2, // jmp to start
];

/// Codes of set 1, translated by the controller: b, Shift, 1.
#[test]
fn recorded_keys_repeat_the_run_exactly() {
    let config = MachineConfig { ram_bytes: 2 << 20, keyboard: true, ..MachineConfig::default() };
    let mut live = machine_with(&config, &[SCAN_CODES]);
    live.run(1_000);
    assert_eq!(live.key_input(&crate::strokes_of('b').unwrap()), 2);
    live.run(5_003);
    live.key_input(&crate::strokes_of_text("!").unwrap());
    live.run(300_000);
    let output = live.take_serial_output();
    assert_eq!(output, [0x30, 0xb0, 0x2a, 0x02, 0x82, 0xaa]);
    let record: Vec<Input> = live.recorded_inputs().to_vec();
    assert_eq!((record.len(), record[1].stamp.retired, record[1].keys.len()), (2, 5_003, 4));

    let mut again = machine_with(&config, &[SCAN_CODES]);
    again.replay(record.clone());
    again.run(300_000);
    assert_eq!(again.take_serial_output(), output);
    assert_eq!(again.recorded_inputs(), record);
    assert_eq!(again.state_hash(), live.state_hash());
    assert_eq!(machine(&[STOP]).key_input(&crate::strokes_of('b').unwrap()), 0, "no keyboard");
}

/// The state of a machine with a screen includes the screen.
#[test]
fn the_hash_sees_one_character_on_the_screen() {
    let config = MachineConfig { ram_bytes: 2 << 20, vga: true, ..MachineConfig::default() };
    let hash = |color: u8| {
        let write = [0xb8, 0x00, 0xb8, 0x8e, 0xd8, 0xc6, 0x06, 0x01, 0x00, color]; // mov [b800:1], color
        let mut machine = machine_with(&config, &[&write, STOP]);
        assert_eq!(machine.run(u64::MAX), Stop::HaltedForever);
        assert_eq!(machine.text_page().unwrap().cells[0].attribute, color);
        machine.state_hash()
    };
    assert_eq!(hash(0x07), hash(0x07));
    assert_ne!(hash(0x07), hash(0x08));
}

#[test]
fn a_power_cycle_makes_the_same_machine_again_while_counts_go_on() {
    let guest: &[&[u8]] = &[&out8(0x3f8, b'!'), &out8(0xcf9, 0x0e), STOP];
    let mut machine = machine(guest);
    assert_eq!(machine.run(u64::MAX), Stop::Reset);
    let (hash, retired, now) = (machine.state_hash(), machine.retired(), machine.now());
    machine.reset().unwrap();
    assert_eq!(machine.memory().read_u32(PhysAddr(ORIGIN)), Ok(0), "RAM is lost");
    load(&mut machine, guest);
    assert_eq!(machine.run(u64::MAX), Stop::Reset);
    assert_eq!(machine.state_hash(), hash);
    assert_eq!((machine.retired(), machine.now().ns()), (2 * retired, 2 * now.ns()));
    assert_eq!(machine.take_serial_output(), b"!!");
    let names: Vec<_> = machine.milestones().into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["first_console", "reset", "first_console", "reset"]);
}

/// Counts the interrupts it is told of.
struct Ear(Rc<RefCell<Vec<(u64, u8)>>>);

impl Sink for Ear {
    fn event(&mut self, retired: u64, event: Event) {
        match event {
            Event::Interrupt { vector, .. } => self.0.borrow_mut().push((retired, vector)),
            other => panic!("{other:?} was not asked for"),
        }
    }
}

#[test]
fn several_may_listen_to_the_cpu_each_to_its_own_kinds() {
    let mut machine = ticking(&[&[0xf4, 0xf4][..], POWER_OFF].concat());
    let (one, two) = (Rc::default(), Rc::default());
    machine.attach_log(Box::new(Ear(Rc::clone(&one))), kind::INTERRUPT);
    machine.attach_log(Box::new(Ear(Rc::clone(&two))), kind::INTERRUPT);
    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);
    assert_eq!(one.borrow().len(), 2);
    assert_eq!(*one.borrow(), *two.borrow());
    assert_eq!(one.borrow()[0].1, 0x20);
}

#[test]
fn much_output_pauses_the_run_so_that_it_can_be_taken() {
    // mov dx, 0x3f8; out dx, al; jmp to out
    let mut machine = machine(&[&[0xba, 0xf8, 0x03, 0xee, 0xeb, 0xfd]]);
    assert_eq!(machine.run(u64::MAX), Stop::Slice);
    assert_eq!(machine.take_serial_output().len(), 1 << 16);
    assert_eq!(machine.run(u64::MAX), Stop::Slice);
    assert_eq!(machine.take_serial_output().len(), 1 << 16);
}

/// QEMU `docs/specs/fw_cfg.rst`: the DMA puts the signature, "QEMU", over the four NOPs behind the OUT
/// that starts it; as code it is push cx; inc bp; dec bp; push bp. The DMA clears its control word.
#[test]
fn a_dma_over_the_next_instructions_is_seen_each_time() {
    let guest: &[&[u8]] = &[
        &[0x66, 0xb8, 0x00, 0x00, 0x10, 0x00], // mov eax, 0x1000, big-endian
        &[0xba, 0x18, 0x05],                   // mov dx, 0x518
        &[0xc6, 0x06, 0x03, 0x10, 0x0a],       // again: mov byte [0x1003], 0x0a: select and read
        &[0x66, 0xef],                         // out dx, eax
        &[0x90; 4],
        &[0xc7, 0x06, 0x10, 0x7c, 0x90, 0x90], // mov word [0x7c10], 0x9090
        &[0x4e, 0x75, 0xec],                   // dec si; jnz again
        STOP,
    ];
    for engine in [EngineForm::BEST, EngineForm::Hybrid, EngineForm::Step] {
        for slice in [u64::MAX, 1, 3] {
            let config = MachineConfig { ram_bytes: 2 << 20, engine, ..MachineConfig::default() };
            let mut machine = machine_with(&config, guest);
            let mut registers = machine.cpu().registers();
            registers.gpr[6] = 50;
            machine.cpu_mut().set_registers(&registers);
            let descriptor = [0_u32, 4, 0, 0x7c10].map(u32::to_be_bytes).concat();
            machine.memory().write(PhysAddr(0x1000), &descriptor).unwrap();

            let end = 2 + 50 * 9 + 2;
            while machine.retired() < end {
                machine.run(machine.retired().saturating_add(slice).min(end));
            }

            let (ip, sp) = (machine.cpu().rip(), machine.cpu().registers().gpr[4]);
            assert_eq!((ip, sp), (ORIGIN + 0x1f, 0x7000 - 50 * 4), "{engine:?} by {slice}");
        }
    }
}

/// Listens and does nothing.
pub(super) struct Deaf;

impl Sink for Deaf {
    fn event(&mut self, _retired: u64, _event: Event) {}
}

#[test]
fn strings_to_and_from_plain_ports_are_as_exact_as_their_single_accesses() {
    // 300 times 16 and 32 bits at a port where nobody is, 3000 bytes of the scratch register and of
    // fw_cfg, over page ends, while the timer ticks; then power off.
    let guest = [
        &out8(0x43, 0x34)[..], // every 429 us
        &out8(0x40, 0x00),
        &out8(0x40, 0x02),
        &[0xfc, 0xbe, 0x00, 0x10],             // cld; mov si, 0x1000
        &[0xba, 0x80, 0x00],                   // mov dx, 0x80
        &[0xb9, 0x2c, 0x01, 0xf3, 0x6f],       // mov cx, 300; rep outsw
        &[0xb9, 0x2c, 0x01, 0x66, 0xf3, 0x6f], // mov cx, 300; rep outsd
        &[0xba, 0xff, 0x03],                   // mov dx, 0x3ff
        &[0xb9, 0xb8, 0x0b, 0xf3, 0x6e],       // mov cx, 3000; rep outsb
        &[0xbf, 0x07, 0x30],                   // mov di, 0x3007
        &[0xb9, 0xb8, 0x0b, 0xf3, 0x6c],       // mov cx, 3000; rep insb
        &[0xba, 0x10, 0x05, 0x31, 0xc0, 0xef], // mov dx, 0x510; xor ax, ax; out dx, ax
        &[0x42, 0xb9, 0xb8, 0x0b, 0xf3, 0x6c], // inc dx; mov cx, 3000; rep insb
        &[0xba, 0x81, 0x00],                   // mov dx, 0x81
        &[0xb9, 0x2c, 0x01, 0xf3, 0x6d],       // mov cx, 300; rep insw
        POWER_OFF,
    ]
    .concat();
    let run = |one_by_one: bool, slice: u64| {
        let mut machine = ticking(&guest);
        let pattern: Vec<u8> = (0..0x2000u32).map(|n| ((n * 7) >> 3) as u8).collect();
        machine.memory().write(PhysAddr(0x1000), &pattern).unwrap();
        if one_by_one {
            machine.attach_log(Box::new(Deaf), kind::IO);
        }
        let mut limit = slice;
        while machine.run(limit) == Stop::Slice {
            limit = limit.saturating_add(slice);
        }
        let counts = machine.device_accesses();
        (machine.state_hash(), machine.retired(), machine.now(), ticks(&machine), counts)
    };

    let expected = run(true, u64::MAX);

    assert!(expected.3 > 10, "the timer ticked meanwhile");
    assert_eq!(run(false, u64::MAX), expected);
    assert_eq!(run(false, 97), expected, "cut into slices");
}

/// SDM Vol. 1, "MS-DOS Compatibility Sub-mode": the division by zero is reported by FERR# and IRQ 13 at
/// the next waiting instruction; the handler may use the x87 unit after it wrote port 0xf0.
#[test]
fn an_x87_error_with_ne_clear_comes_by_irq_13_and_the_frozen_store_goes_on() {
    let program = [
        &[0xc7, 0x06, 0xd4, 0x01, 0x00, 0x06][..], // mov word [4 * 0x75], 0x600
        &[0xc7, 0x06, 0xd6, 0x01, 0x00, 0x00],     // mov word [4 * 0x75 + 2], 0
        &out8(0x20, 0x11),
        &out8(0x21, 0x08),
        &out8(0x21, 0x04),
        &out8(0x21, 0x01),
        &out8(0x21, 0xfb), // the cascade alone
        &out8(0xa0, 0x11),
        &out8(0xa1, 0x70),
        &out8(0xa1, 0x02),
        &out8(0xa1, 0x01),
        &out8(0xa1, 0xdf),                                 // IRQ 13 alone
        &[0xdb, 0xe3, 0xd9, 0x2e, 0x40, 0x05],             // fninit; fldcw [0x540]
        &[0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0xfb, 0x90], // fld1; fldz; fdivp; sti; nop
        &[0xdf, 0x16, 0x50, 0x05],                         // fist word [0x550]
        POWER_OFF,
    ]
    .concat();
    let mut machine = machine(&[&program]);
    // inc word [0x500]; out 0xf0, al; fld1; fstp st(0); fnclex; EOI to both; iret
    let handler = [
        0xff, 0x06, 0x00, 0x05, 0xe6, 0xf0, 0xd9, 0xe8, 0xdd, 0xd8, 0xdb, 0xe2, 0xb0, 0x20, 0xe6,
        0xa0, 0xe6, 0x20, 0xcf,
    ];
    machine.memory().write(PhysAddr(0x600), &handler).unwrap();
    machine.memory().write(PhysAddr(0x540), &0x37b_u16.to_le_bytes()).unwrap();
    machine.memory().write(PhysAddr(0x550), &[0xff; 2]).unwrap();

    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);
    assert_eq!(ticks(&machine), 1);
    assert_eq!(machine.memory().read_u32(PhysAddr(0x550)).unwrap() & 0xffff, 0);
    assert!(machine.device_accesses().contains(&("ferr", 1)));
}

/// Nobody answers FERR#: the instruction stays frozen, as on a PC without IRQ 13.
#[test]
fn an_x87_error_that_nobody_handles_is_frozen_forever() {
    // fninit; fldcw [0x540]; fld1; fldz; fdivp; fwait
    let program = [0xdb, 0xe3, 0xd9, 0x2e, 0x40, 0x05, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x9b];
    let mut machine = machine(&[&program]);
    machine.memory().write(PhysAddr(0x540), &0x37b_u16.to_le_bytes()).unwrap();

    assert_eq!(machine.run(u64::MAX), Stop::HaltedForever);
    assert_eq!(machine.stopped_at().rip, ORIGIN + 12);
}

/// SDM Vol. 3A, "PDPTE Registers": after registers from outside they are read when the CPU next runs, and
/// until then it would walk by others.
#[test]
fn pdptes_that_are_still_to_be_read_are_part_of_the_state() {
    let mut machine = machine(&[STOP]);
    let mut registers = machine.cpu().registers();
    registers.cr0 |= cr0::PE | cr0::PG;
    registers.cr4 |= cr4::PAE;
    registers.cr3 = 0x3000; // four that are not present, as they are after a reset
    machine.cpu_mut().set_registers(&registers);
    let due = machine.state_hash();

    assert_eq!(machine.run(0), Stop::Slice);

    assert_ne!(machine.state_hash(), due);
}

//! Services called by INT on a whole machine, as a boot sector calls them.
//!
//! Expected values: the documents that the services name. `tests/boot_bios.rs` has SeaBIOS beside.

mod hostile;
mod screen;
mod waiting;

use super::call::reg;
use crate::{
    DriveConfig, DriveKind, Key, Machine, MachineConfig, MediaBytes, Stop, Stroke, strokes_of_text,
};
use arch::rflags;
use arch::segment::{SegReg, Segment};
use boot::{Blob, Platform, Request};
use cpu::Registers;
use memory::PhysAddr;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Where calls are made from, and a buffer.
const CODE: u64 = 0x7c00;
const BUFFER: u64 = 0x9000;

struct Bench {
    machine: Machine,
}

fn config() -> MachineConfig {
    let debug_exit = Some((0xf4, 1));
    MachineConfig {
        ram_bytes: 64 << 20,
        vga: true,
        keyboard: true,
        debug_exit,
        ..Default::default()
    }
}

/// Byte n of sector s is s + n.
fn disk(sectors: usize, read_only: bool) -> Option<DriveConfig> {
    let bytes = (0..sectors * 512).map(|at| (at / 512 + at % 512) as u8).collect();
    let kind = DriveKind::Disk { read_only };
    Some(DriveConfig { kind, image: Arc::new(MediaBytes(bytes)) })
}

impl Bench {
    fn new(config: &MachineConfig) -> Self {
        let mut sector = vec![0; 512];
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        let kernel = Blob { name: "sector".to_owned(), bytes: sector };
        let platform: Platform = config.platform();
        let plan = boot::plan(&Request::new(&kernel, config.ram_bytes, &platform)).unwrap();
        let mut machine = Machine::new(config).unwrap();
        machine.boot(&plan).unwrap();
        Self { machine }
    }

    /// INT with these general registers, interrupts on; then the run ends.
    fn call(&mut self, vector: u8, set: &[(usize, u32)]) -> Registers {
        let stop = self.try_call(vector, set);
        assert!(matches!(stop, Stop::DebugExit(_)), "INT {vector:#x}: {stop:?}");
        self.machine.cpu().registers()
    }

    /// As [`Bench::call`], with this in ES.
    fn call_with_es(&mut self, es: u16, vector: u8, set: &[(usize, u32)]) -> Registers {
        self.prepare(vector, set);
        let mut registers = self.machine.cpu().registers();
        registers.segments[SegReg::Es as usize] = Segment::real_mode(es);
        self.machine.cpu_mut().set_registers(&registers);
        let stop = self.machine.run(u64::MAX);
        assert!(matches!(stop, Stop::DebugExit(_)), "INT {vector:#x}: {stop:?}");
        self.machine.cpu().registers()
    }

    fn try_call(&mut self, vector: u8, set: &[(usize, u32)]) -> Stop {
        self.prepare(vector, set);
        self.machine.run(u64::MAX)
    }

    fn prepare(&mut self, vector: u8, set: &[(usize, u32)]) {
        self.write(CODE, &[0xcd, vector, 0x9c, 0xe6, 0xf4]); // int; pushf; out 0xf4, al
        let mut registers = self.machine.cpu().registers();
        registers.gpr = [0; 16];
        registers.gpr[reg::RSP] = 0x7000;
        for &(register, value) in set {
            registers.gpr[register] = value.into();
        }
        registers.segments = [Segment::real_mode(0); 6];
        registers.rip = CODE;
        registers.rflags = rflags::FIXED | rflags::IF;
        self.machine.cpu_mut().set_registers(&registers);
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        self.machine.memory().write(PhysAddr(at), bytes).unwrap();
    }

    fn read(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.machine.memory().read(PhysAddr(at), &mut bytes).unwrap();
        bytes
    }

    fn bda16(&self, offset: u64) -> u16 {
        let bytes = self.read(boot::layout::BDA + offset, 2);
        u16::from_le_bytes([bytes[0], bytes[1]])
    }

    /// The flags that the last call gave back.
    fn flags(&self) -> u64 {
        let bytes = self.read(0x6ffe, 2);
        u64::from(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn failed(&self) -> bool {
        self.flags() & rflags::CF != 0
    }

    fn print(&mut self, text: &str) {
        for byte in text.bytes() {
            self.call(0x10, &[(reg::RAX, 0x0e00 | u32::from(byte))]);
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = self.machine.text_page().expect("a text mode").lines();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

fn ax(registers: &Registers) -> u16 {
    registers.gpr[reg::RAX] as u16
}

#[test]
fn the_memory_map_is_the_plans_and_counts_its_rows() {
    let mut bench = Bench::new(&config());
    let (mut rows, mut next) = (Vec::new(), 0);
    loop {
        let registers = [
            (reg::RAX, 0xe820),
            (reg::RBX, next),
            (reg::RCX, 24),
            (reg::RDX, 0x534d_4150),
            (reg::RDI, BUFFER as u32),
        ];
        let answer = bench.call(0x15, &registers);
        assert!(!bench.failed());
        assert_eq!((answer.gpr[reg::RAX], answer.gpr[reg::RCX]), (0x534d_4150, 20));
        rows.push(bench.read(BUFFER, 20));
        next = answer.gpr[reg::RBX] as u32;
        if next == 0 {
            break;
        }
        assert_eq!(next as usize, rows.len());
    }
    let expected = boot::e820::memory_map(64 << 20);
    let expected: Vec<Vec<u8>> = expected
        .iter()
        .map(|row| {
            let kind = (row.kind as u32).to_le_bytes();
            [&row.addr.to_le_bytes()[..], &row.len.to_le_bytes(), &kind].concat()
        })
        .collect();
    assert_eq!(rows, expected);
    for (ebx, ecx, edx) in [(99, 20, 0x534d_4150), (0, 19, 0x534d_4150), (0, 20, 0)] {
        let registers = [(reg::RAX, 0xe820), (reg::RBX, ebx), (reg::RCX, ecx), (reg::RDX, edx)];
        let answer = bench.call(0x15, &registers);
        assert!(bench.failed());
        assert_eq!(ax(&answer), 0x8620);
    }
}

#[test]
fn older_functions_tell_the_same_memory() {
    let mut bench = Bench::new(&config());
    let answer = bench.call(0x15, &[(reg::RAX, 0xe801)]);
    let words = [reg::RAX, reg::RBX, reg::RCX, reg::RDX].map(|at| answer.gpr[at]);
    assert_eq!(words, [0x3c00, 0x300, 0x3c00, 0x300]);
    let answer = bench.call(0x15, &[(reg::RAX, 0x8800)]);
    assert_eq!(ax(&answer), 0xfc00);
    let answer = bench.call(0x12, &[]);
    assert_eq!(ax(&answer), 639);
    let answer = bench.call(0x11, &[]);
    assert_eq!(ax(&answer), 0x0222, "a serial port, 80 columns, a coprocessor");
}

#[test]
fn sectors_are_read_and_written_by_place_and_by_packet() {
    let drives = [None, disk(3000, false), None, disk(64, true)];
    let mut bench = Bench::new(&MachineConfig { drives, ..config() });
    let read = [(reg::RAX, 0x0202), (reg::RCX, 0x0102), (reg::RDX, 0x0080), (reg::RBX, 0x9000)];
    let answer = bench.call(0x13, &read);
    assert!(!bench.failed());
    assert_eq!(ax(&answer), 2);
    // Cylinder 1 of 16 heads and 63 sectors, sector 2: number 1009.
    assert_eq!(bench.read(BUFFER, 2), [0xf1, 0xf2]);
    assert_eq!(bench.read(BUFFER + 512, 1), [0xf2]);

    bench.write(BUFFER, &[0xaa; 512]);
    let packet = [0x10, 0, 1, 0, 0, 0x90, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
    bench.write(0x8000, &packet);
    let extended = |ah: u32, disk: u32| [(reg::RAX, ah << 8), (reg::RDX, disk), (reg::RSI, 0x8000)];
    bench.call(0x13, &extended(0x43, 0x80));
    assert!(!bench.failed());
    bench.write(BUFFER, &[0; 512]);
    bench.call(0x13, &extended(0x42, 0x80));
    assert_eq!(bench.read(BUFFER, 512), [0xaa; 512]);
    let written = bench.machine.take_drive_writes(1);
    assert_eq!((written[0].offset, written[0].bytes.len()), (7 * 512, 512));

    let answer = bench.call(0x13, &extended(0x43, 0x81));
    assert!(bench.failed());
    assert_eq!(ax(&answer) >> 8, 3, "write protected");
    bench.write(0x8000, &[0x10, 0, 1, 0, 0, 0x90, 0, 0, 64]);
    let answer = bench.call(0x13, &extended(0x42, 0x81));
    assert_eq!((bench.failed(), ax(&answer) >> 8), (true, 1), "behind the end");
    assert_eq!(bench.read(0x8002, 2), [0, 0]);
    let answer = bench.call(0x13, &[(reg::RAX, 0x0100), (reg::RDX, 0x80)]);
    assert_eq!((bench.failed(), ax(&answer) >> 8), (true, 1), "the last status");
}

#[test]
fn disks_tell_their_geometry_and_absent_ones_are_refused() {
    let drives = [disk(2000, false), None, None, None];
    let mut bench = Bench::new(&MachineConfig { drives, ..config() });
    let answer = bench.call(0x13, &[(reg::RAX, 0x0800), (reg::RDX, 0x80)]);
    let (cx, dx) = (answer.gpr[reg::RCX], answer.gpr[reg::RDX]);
    // 1 cylinder: ATA's default geometry of 2,000 sectors.
    assert_eq!((cx, dx), (0x003f, 0x0f01));
    let answer = bench.call(0x13, &[(reg::RAX, 0x4100), (reg::RBX, 0x55aa), (reg::RDX, 0x80)]);
    assert_eq!((ax(&answer), answer.gpr[reg::RBX] as u16), (0x2100, 0xaa55));
    bench.write(BUFFER, &26_u16.to_le_bytes());
    bench.call(0x13, &[(reg::RAX, 0x4800), (reg::RDX, 0x80), (reg::RSI, BUFFER as u32)]);
    assert_eq!(bench.read(BUFFER + 16, 10), [0xd0, 7, 0, 0, 0, 0, 0, 0, 0, 2]);
    for (drive, disks) in [(0x00, 0), (0x01, 0), (0x7f, 0), (0x81, 1), (0xff, 1)] {
        let answer = bench.call(0x13, &[(reg::RAX, 0x0800), (reg::RDX, drive)]);
        assert_eq!((bench.failed(), answer.gpr[reg::RDX] as u8), (true, disks), "{drive:#x}");
    }
    for disk in [0x00, 0x7f, 0x81, 0xe0, 0xff] {
        let answer = bench.call(0x13, &[(reg::RAX, 0x0201), (reg::RCX, 1), (reg::RDX, disk)]);
        assert_eq!((bench.failed(), ax(&answer) >> 8), (true, 1), "{disk:#x}");
    }
    for (cx, dx, count) in [(0, 0x80, 1), (0x0201, 0x80, 1), (1, 0x1080, 1), (1, 0x80, 0)] {
        let registers = [(reg::RAX, 0x0200 | count), (reg::RCX, cx), (reg::RDX, dx)];
        bench.call(0x13, &registers);
        assert!(bench.failed(), "{cx:#x} {dx:#x} {count}");
    }
}

/// El Torito 1.0, 4Bh; Enhanced Disk Drive Specification 3.0: a CD-ROM has sectors of 2048 bytes.
#[test]
fn a_cd_rom_is_read_by_packets_and_tells_its_boot_image() {
    const SECTOR: usize = 2048;
    let mut bytes: Vec<u8> = (0..40 * SECTOR).map(|at| (at / SECTOR + at % SECTOR) as u8).collect();
    let mut put = |at: usize, new: &[u8]| bytes[at..at + new.len()].copy_from_slice(new);
    put(17 * SECTOR, b"\0CD001\x01EL TORITO SPECIFICATION\0");
    put(17 * SECTOR + 0x47, &[19, 0, 0, 0]);
    put(19 * SECTOR, &[0; 64]);
    put(19 * SECTOR, &[1]);
    put(19 * SECTOR + 28, &[0xaa, 0x55, 0x55, 0xaa]);
    put(19 * SECTOR + 32, &[0x88, 0, 0, 0, 0, 0, 4, 0, 30]);
    let disc = DriveConfig { kind: DriveKind::Cd, image: Arc::new(MediaBytes(bytes)) };
    let drives = [disk(64, false), None, Some(disc), None];
    let mut bench = Bench::new(&MachineConfig { drives, ..config() });
    let call = |bench: &mut Bench, function: u32, drive: u32| {
        let set = [(reg::RAX, function), (reg::RBX, 0x55aa), (reg::RDX, drive), (reg::RSI, 0x8000)];
        let answer = ax(&bench.call(0x13, &set));
        (bench.failed(), answer >> 8)
    };
    bench.write(0x8000, &[0x10, 0, 2, 0, 0, 0x90, 0, 0, 37]);
    assert_eq!(call(&mut bench, 0x4200, 0xe0), (false, 0));
    assert_eq!(bench.read(BUFFER, 2), [37, 38]);
    assert_eq!(bench.read(BUFFER + SECTOR as u64, 2), [38, 39]);
    assert_eq!(call(&mut bench, 0x4300, 0xe0), (true, 3), "write protected");
    bench.write(0x8000, &[0x10, 0, 2, 0, 0, 0x90, 0, 0, 39]);
    assert_eq!(call(&mut bench, 0x4200, 0xe0), (true, 1), "behind the end");
    assert_eq!(call(&mut bench, 0x4100, 0xe0), (false, 0x21));
    bench.write(0x8000, &26_u16.to_le_bytes());
    assert_eq!(call(&mut bench, 0x4800, 0xe0), (false, 0));
    assert_eq!(bench.read(0x8000, 4), [26, 0, 4, 0], "removable");
    assert_eq!(bench.read(0x8010, 10), [40, 0, 0, 0, 0, 0, 0, 0, 0, 8]);
    assert_eq!(call(&mut bench, 0x4b01, 0xe0), (false, 0));
    let packet = [0x13, 0, 0xe0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0x07, 4, 0, 0, 0, 0];
    assert_eq!(bench.read(0x8000, 19), packet);
    assert_eq!(call(&mut bench, 0x0201, 0xe0), (true, 1), "no cylinders");
    for (function, drive) in [(0x4200, 0xe1), (0x4b01, 0xe1), (0x4b01, 0x80), (0x4b02, 0xe0)] {
        assert_eq!(call(&mut bench, function, drive), (true, 1), "{function:#x} {drive:#x}");
    }
}

#[test]
fn typed_keys_are_peeked_at_and_read_and_waited_for() {
    let mut bench = Bench::new(&config());
    bench.call(0x16, &[(reg::RAX, 0x0100)]);
    assert_ne!(bench.flags() & rflags::ZF, 0, "no key");
    bench.machine.key_input(&strokes_of_text("aB").unwrap());
    let before = bench.machine.now();
    assert_eq!(ax(&bench.call(0x16, &[])), 0x1e61, "waited for");
    assert!(bench.machine.now() > before);
    assert_eq!(ax(&bench.call(0x16, &[(reg::RAX, 0x1000)])), 0x3042);
    bench.call(0x16, &[(reg::RAX, 0x0500), (reg::RCX, 0x4b00)]);
    let answer = bench.call(0x16, &[(reg::RAX, 0x0100)]);
    assert_eq!((ax(&answer), bench.flags() & rflags::ZF), (0x4b00, 0));
    for _ in 0..20 {
        bench.call(0x16, &[(reg::RAX, 0x0500), (reg::RCX, 0x0231)]);
    }
    let answer = bench.call(0x16, &[(reg::RAX, 0x0500), (reg::RCX, 0x0332)]);
    assert_eq!(ax(&answer) as u8, 1, "full");
    assert_eq!(ax(&bench.call(0x16, &[])), 0x4b00);
}

#[test]
fn a_block_is_moved_between_any_places_below_4_gib() {
    let mut bench = Bench::new(&config());
    bench.write(0x20_0000, b"above");
    let mut table = [0; 48];
    table[0x12..0x15].copy_from_slice(&[0, 0, 0x20]);
    table[0x1a..0x1d].copy_from_slice(&[0, 0x90, 0]);
    bench.write(0x8000, &table);
    bench.call(0x15, &[(reg::RAX, 0x8700), (reg::RCX, 3), (reg::RSI, 0x8000)]);
    assert!(!bench.failed());
    assert_eq!(bench.read(BUFFER, 6), b"above\0");
    // Beyond all memory: nothing happens.
    bench.write(0x8010, &[0xff; 16]);
    bench.call(0x15, &[(reg::RAX, 0x8700), (reg::RCX, 0xffff), (reg::RSI, 0x8000)]);
}

#[test]
fn text_goes_to_the_serial_line_and_what_comes_back_is_typed_where_configured() {
    for (serial, said, key) in [(true, &b"hello\r\n"[..], 0x3062), (false, b"", 0x3042)] {
        let mut bench = Bench::new(&MachineConfig { bios_serial: serial, ..config() });
        bench.print("hello\r\n");
        assert_eq!(bench.machine.take_serial_output(), said);
        bench.machine.serial_input(b"b");
        if !serial {
            bench.machine.key_input(&strokes_of_text("B").unwrap());
        }
        assert_eq!(ax(&bench.call(0x16, &[])), key);
    }
}

#[test]
fn unknown_functions_fail_as_a_bios_says_it_and_the_end_of_a_boot_ends_the_run() {
    let mut bench = Bench::new(&config());
    for (vector, function) in
        [(0x15, 0x5300), (0x15, 0xe980), (0x1a, 0xb101), (0x17, 0), (0x15, 0xff00)]
    {
        let answer = bench.call(vector, &[(reg::RAX, function)]);
        assert!(bench.failed(), "{vector:#x} {function:#x}");
        assert_eq!(ax(&answer) >> 8, 0x86);
    }
    let answer = bench.call(0x10, &[(reg::RAX, 0x4f00)]);
    assert_ne!(ax(&answer) as u8, 0x4f, "no VBE");
    assert_eq!(bench.try_call(0x18, &[]), Stop::GaveUp("INT 18h"));
    assert_eq!(bench.try_call(0x19, &[]), Stop::GaveUp("INT 19h"));
}

#[test]
fn a_write_to_the_port_from_elsewhere_is_one_to_nobody() {
    let mut bench = Bench::new(&config());
    bench.write(0x7e00, &[0xe6, 0xb8, 0xfa, 0xf4]); // out 0xb8, al; cli; hlt
    let mut registers = bench.machine.cpu().registers();
    registers.gpr[reg::RAX] = 0x0e41;
    registers.rip = 0x7e00;
    bench.machine.cpu_mut().set_registers(&registers);
    assert_eq!(bench.machine.run(u64::MAX), Stop::HaltedForever);
    assert_eq!((bench.lines().len(), ax(&bench.machine.cpu().registers())), (0, 0x0e41));
}

/// IBM's timer interrupt saves what a user's handler may change.
#[test]
fn a_users_clock_handler_may_change_what_the_timer_interrupt_saves() {
    let mut bench = Bench::new(&config());
    // mov ax, 9999h; mov dx, ax; mov ds, ax; mov [cs:8000h], al; iret
    bench.write(0x7e00, &[0xb8, 0x99, 0x99, 0x89, 0xc2, 0x8e, 0xd8]);
    bench.write(0x7e07, &[0x2e, 0xa2, 0x00, 0x80, 0xcf]);
    bench.write(0x1c * 4, &[0x00, 0x7e, 0, 0]);
    let set = [(reg::RAX, 0x1234_5678), (reg::RDX, 0xfedc_ba98)];
    let answer = bench.call(0x08, &set);
    assert_eq!(bench.read(0x8000, 1), [0x99]);
    for (register, value) in set {
        assert_eq!(answer.gpr[register], u64::from(value));
    }
    assert_eq!(answer.segments[SegReg::Ds as usize].selector.0, 0);
}

/// IBM BIOS Interface Technical Reference, INT 16h, 12h.
#[test]
fn both_sides_locks_and_insert_are_told_while_they_are_held() {
    let mut bench = Bench::new(&config());
    let mut flags = |name: &str, down: bool| {
        let key = Key::named(name).unwrap();
        bench.machine.key_input(&[Stroke { key, down }]);
        bench.call(0x15, &[(reg::RAX, 0x8600), (reg::RCX, 1)]);
        ax(&bench.call(0x16, &[(reg::RAX, 0x1200)]))
    };
    let rows = [
        ("ctrl", true, 0x0104),
        ("ctrl_r", true, 0x0504),
        ("ctrl", false, 0x0404),
        ("ctrl_r", false, 0),
        ("alt_r", true, 0x0808),
        ("alt", true, 0x0a08),
        ("alt_r", false, 0x0208),
        ("alt", false, 0),
        ("shift", true, 0x0002),
        ("shift", false, 0),
        ("caps_lock", true, 0x4040),
        ("caps_lock", false, 0x0040),
        ("caps_lock", true, 0x4000),
        ("caps_lock", false, 0),
        ("scroll_lock", true, 0x1010),
        ("scroll_lock", false, 0x0010),
        ("num_lock", true, 0x2030),
        ("num_lock", false, 0x0030),
        ("insert", true, 0x00b0),
        ("insert", false, 0x00b0),
        ("insert", true, 0x0030),
        ("insert", false, 0x0030),
    ];
    for (name, down, expected) in rows {
        let told = flags(name, down);
        assert_eq!(told, expected, "{name} {down}: {told:#x}");
    }
    assert_eq!(ax(&bench.call(0x16, &[(reg::RAX, 0x1000)])), 0x52e0, "Insert is a key too");
}

#[test]
fn every_function_that_is_served_has_a_name() {
    use cpu::event_log::{Event, Sink, kind};
    type Calls = Rc<RefCell<Vec<(u8, u16, &'static str)>>>;
    struct Served(Calls);
    impl Sink for Served {
        fn event(&mut self, _: u64, event: Event) {
            if let Event::BiosCall { vector, ax, name, known: true } = event {
                self.0.borrow_mut().push((vector, ax, name));
            }
        }
    }
    let drives = [disk(64, false), None, None, None];
    let mut bench = Bench::new(&MachineConfig { drives, ..config() });
    let calls = Calls::default();
    bench.machine.attach_log(Box::new(Served(Rc::clone(&calls))), kind::BIOS);
    for vector in [0x10, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1a] {
        for ax in (0..0x100).flat_map(|ah| [0, 1, 3, 0x10, 0x20, 0x80].map(|al| ah << 8 | al)) {
            bench.call(0x16, &[(reg::RAX, 0x0500), (reg::RCX, 0x1e61)]);
            let drive = if vector == 0x13 { 0x80 } else { 0 };
            bench.try_call(vector, &[(reg::RAX, ax), (reg::RDX, drive)]);
        }
    }
    let calls = calls.borrow();
    let nameless: Vec<_> = calls.iter().filter(|call| call.2 == "unknown function").collect();
    assert!(nameless.is_empty() && calls.len() > 100, "{nameless:x?}");
}

//! Services called by INT on a whole machine, as a boot sector calls them.
//!
//! Expected values: the documents that the services name. `tests/boot_bios.rs` has SeaBIOS beside.

use super::call::reg;
use crate::{DriveConfig, DriveKind, Machine, MachineConfig, MediaBytes, Stop, strokes_of_text};
use arch::rflags;
use boot::bios::bda;
use boot::{Blob, Platform, Request};
use cpu::Registers;
use memory::PhysAddr;
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

    fn try_call(&mut self, vector: u8, set: &[(usize, u32)]) -> Stop {
        self.write(CODE, &[0xcd, vector, 0x9c, 0xe6, 0xf4]); // int; pushf; out 0xf4, al
        let mut registers = self.machine.cpu().registers();
        registers.gpr = [0; 16];
        registers.gpr[reg::RSP] = 0x7000;
        for &(register, value) in set {
            registers.gpr[register] = value.into();
        }
        registers.segments = [arch::segment::Segment::real_mode(0); 6];
        registers.rip = CODE;
        registers.rflags = rflags::FIXED | rflags::IF;
        self.machine.cpu_mut().set_registers(&registers);
        self.machine.run(u64::MAX)
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
fn text_is_written_wrapped_and_scrolled() {
    let mut bench = Bench::new(&config());
    bench.print("one\r\ntwo\x08\x08\x08TW");
    assert_eq!(bench.lines(), ["one", "TWo"]);
    bench.print(&"\r\nx".repeat(25));
    bench.print(&"y".repeat(81));
    let lines = bench.lines();
    assert_eq!((lines.len(), lines[23].as_str()), (25, format!("x{}", "y".repeat(79)).as_str()));
    assert_eq!(lines[24], "yy");
    let answer = bench.call(0x10, &[(reg::RAX, 0x0300)]);
    assert_eq!((answer.gpr[reg::RDX], answer.gpr[reg::RCX]), (0x1802, 0x0607));
    // Scroll the window 1,1 to 3,4 down by one in colour 1eh, then read what came.
    bench.call(
        0x10,
        &[(reg::RAX, 0x0701), (reg::RBX, 0x1e00), (reg::RCX, 0x0101), (reg::RDX, 0x0304)],
    );
    bench.call(0x10, &[(reg::RAX, 0x0200), (reg::RDX, 0x0102)]);
    assert_eq!(ax(&bench.call(0x10, &[(reg::RAX, 0x0800)])), 0x1e20);
    bench.call(0x10, &[(reg::RAX, 0x0941), (reg::RBX, 0x4f), (reg::RCX, 3)]);
    assert_eq!(ax(&bench.call(0x10, &[(reg::RAX, 0x0800)])), 0x4f41);
    assert_eq!(bench.lines()[1], "x AAA");
}

#[test]
fn modes_are_set_told_and_cleared() {
    let mut bench = Bench::new(&config());
    bench.print("gone");
    for mode in [0x00, 0x01, 0x04, 0x05, 0x06, 0x0d, 0x0e, 0x10, 0x12, 0x13, 0x02, 0x03] {
        bench.call(0x10, &[(reg::RAX, mode)]);
        let answer = bench.call(0x10, &[(reg::RAX, 0x0f00)]);
        let columns = if matches!(mode, 0 | 1 | 4 | 5 | 0x0d | 0x13) { 40 } else { 80 };
        assert_eq!(u32::from(ax(&answer)), columns << 8 | mode);
        let is_text = mode < 4;
        assert_eq!(bench.machine.text_page().is_some(), is_text, "{mode:#x}");
        let picture = bench.machine.picture().unwrap();
        assert!(picture.width >= 320 && picture.height >= 350, "{mode:#x}");
    }
    assert_eq!(bench.lines(), [""; 0]);
    bench.call(0x10, &[(reg::RAX, 0x0099)]);
    assert_eq!(ax(&bench.call(0x10, &[(reg::RAX, 0x0f00)])), 0x5003, "an unknown mode");
}

#[test]
fn pixels_are_what_was_written_in_planes_and_bytes() {
    let mut bench = Bench::new(&config());
    for (mode, color) in [(0x13, 0xc3), (0x12, 0x0b)] {
        bench.call(0x10, &[(reg::RAX, mode)]);
        let at = [(reg::RCX, 301), (reg::RDX, 150)];
        bench.call(0x10, &[&[(reg::RAX, 0x0c00 | color)], &at[..]].concat());
        let answer = bench.call(0x10, &[&[(reg::RAX, 0x0d00)], &at[..]].concat());
        assert_eq!(ax(&answer) as u8, color as u8);
        let beside = [(reg::RAX, 0x0d00), (reg::RCX, 302), (reg::RDX, 150)];
        assert_eq!(ax(&bench.call(0x10, &beside)) as u8, 0);
    }
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
fn waiting_takes_exactly_as_long_as_asked_and_the_clock_ticks_meanwhile() {
    let mut bench = Bench::new(&config());
    let ticks = bench.bda16(bda::TICKS);
    let before = bench.machine.now();
    let answer = bench.call(0x15, &[(reg::RAX, 0x8600), (reg::RCX, 0x0f), (reg::RDX, 0x4240)]);
    let waited = bench.machine.now().since(before);
    assert!((1_000_000_000..1_000_100_000).contains(&waited), "{waited}");
    let ticked = bench.bda16(bda::TICKS).wrapping_sub(ticks);
    assert!((18..=19).contains(&ticked), "{ticked}: 18.2 a second");
    assert_eq!((answer.gpr[reg::RCX], answer.gpr[reg::RDX]), (0x0f, 0x4240));
    let answer = bench.call(0x1a, &[]);
    assert_eq!(answer.gpr[reg::RDX] as u16, bench.bda16(bda::TICKS));
    let answer = bench.call(0x1a, &[(reg::RAX, 0x0400)]);
    assert_eq!((answer.gpr[reg::RCX], answer.gpr[reg::RDX]), (0x2020, 0x0101));
    bench.call(0x1a, &[(reg::RAX, 0x0300), (reg::RCX, 0x2359), (reg::RDX, 0x5800)]);
    let answer = bench.call(0x1a, &[(reg::RAX, 0x0200)]);
    assert_eq!((answer.gpr[reg::RCX], answer.gpr[reg::RDX]), (0x2359, 0x5800));
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

/// Every function number of every interrupt, with registers that point everywhere.
#[test]
fn no_call_with_any_registers_harms_the_machine() {
    let drives = [disk(100, false), None, None, None];
    let mut bench = Bench::new(&MachineConfig { drives, ..config() });
    for vector in [0x08, 0x09, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x17, 0x1a, 0x70] {
        for function in 0..=0xff_u32 {
            for fill in [0x0000_0000, 0xffff_ffff, 0x5a5a_8081] {
                let mut registers: Vec<_> = (1..8).map(|register| (register, fill)).collect();
                registers.retain(|row| row.0 != reg::RSP);
                registers.push((reg::RAX, function << 8 | (fill & 0xff)));
                // 86h would wait for an hour, and be right.
                if vector == 0x15 && function == 0x86 {
                    continue;
                }
                let stop = bench.try_call(vector, &registers);
                assert!(
                    matches!(stop, Stop::DebugExit(_) | Stop::Slice),
                    "{vector:#x} {function:#x}: {stop:?}"
                );
            }
        }
    }
    bench.machine.state_hash();
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

#[test]
fn runs_in_slices_and_in_one_piece_end_alike() {
    let run = |slice: u64| {
        let mut bench = Bench::new(&config());
        // mov ah, 86h; mov dx, 5000; int 15h; mov ax, 0e41h; int 10h; cli; hlt
        let code = [
            0xb4, 0x86, 0x31, 0xc9, 0xba, 0x88, 0x13, 0xcd, 0x15, 0xb8, 0x41, 0x0e, 0xcd, 0x10,
            0xfa, 0xf4,
        ];
        bench.write(CODE, &code);
        let mut limit = slice;
        while bench.machine.run(limit) == Stop::Slice {
            limit = limit.saturating_add(slice);
        }
        (bench.machine.state_hash(), bench.machine.retired(), bench.lines())
    };
    let whole = run(u64::MAX);
    assert_eq!(whole.2, ["A"]);
    assert_eq!(run(1), whole);
    assert_eq!(run(3), whole);
}

/// The data area is the guest's: it may call the screen larger than any is.
#[test]
fn a_screen_of_255_columns_and_256_rows_scrolls_as_the_largest_there_is() {
    let mut bench = Bench::new(&config());
    bench.write(0x400 + bda::COLUMNS, &[255]);
    bench.write(0x400 + bda::LAST_ROW, &[255]);
    bench.write(0x400 + bda::CURSORS, &[254, 255]);
    for (ax, bx, cx, dx) in [
        (0x06ff, 0x0700, 0, 0xffff),
        (0x0701, 0x0700, 0, 0xffff),
        (0x0600, 0x0700, 0xfefe, 0xffff),
        (0x0e0a, 0, 0, 0),
        (0x0e41, 0, 0, 0),
        (0x09b0, 0x0007, 0xffff, 0),
        (0x1301, 0x0007, 0x0400, 0xffff),
    ] {
        let set = [(reg::RAX, ax), (reg::RBX, bx), (reg::RCX, cx), (reg::RDX, dx)];
        bench.call(0x10, &set);
    }
    assert_eq!(bench.read(0x400 + bda::LAST_ROW, 1), [255], "what the guest wrote stays");
}

/// Each call costs the guest one instruction, and the host what it moves.
#[test]
fn calls_that_move_much_let_the_host_look_at_its_clock() {
    let mut bench =
        Bench::new(&MachineConfig { drives: [disk(256, false), None, None, None], ..config() });
    // again: mov ax, 0x0280; int 13h; jmp again
    bench.write(CODE, &[0xb8, 0x80, 0x02, 0xcd, 0x13, 0xeb, 0xf9]);
    let mut registers = bench.machine.cpu().registers();
    registers.gpr = [0; 16];
    (registers.gpr[reg::RSP], registers.gpr[reg::RCX], registers.gpr[reg::RDX]) = (0x7000, 1, 0x80);
    registers.segments = [arch::segment::Segment::real_mode(0); 6];
    registers.segments[arch::segment::SegReg::Es as usize] =
        arch::segment::Segment::real_mode(0x2000);
    registers.rip = CODE;
    registers.rflags = rflags::FIXED;
    bench.machine.cpu_mut().set_registers(&registers);

    assert_eq!(bench.machine.run(1 << 20), Stop::Slice);

    assert!(bench.machine.retired() < 1 << 14, "{}", bench.machine.retired());
}

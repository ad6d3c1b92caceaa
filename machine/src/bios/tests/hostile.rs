//! Calls of a guest that means no good: registers that point everywhere, a data area that says what is not, and
//! loops of what costs the host most. None hangs, and each lets the host look at its clock.

use super::{Bench, CODE, config, disk};
use crate::bios::call::reg;
use crate::{MachineConfig, Stop};
use arch::rflags;
use arch::segment::{SegReg, Segment};
use boot::bios::bda;

/// Every function number of every interrupt, with registers that point everywhere.
#[test]
fn no_call_with_any_registers_harms_the_machine() {
    let drives = [disk(100, false), None, None, None];
    let mut bench = Bench::new(&MachineConfig { drives, ..config() });
    for vector in [0x08, 0x09, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1a, 0x70] {
        for function in 0..=0xff_u32 {
            for fill in [0x0000_0000, 0xffff_ffff, 0x5a5a_8081] {
                let mut registers: Vec<_> = (1..8).map(|register| (register, fill)).collect();
                registers.retain(|row| row.0 != reg::RSP);
                registers.push((reg::RAX, function << 8 | (fill & 0xff)));
                // 86h would wait for an hour, and be right.
                if vector == 0x15 && function == 0x86 {
                    continue;
                }
                if vector == 0x16 {
                    // 00h and 10h would wait for a key.
                    bench.call(vector, &[(reg::RAX, 0x0500), (reg::RCX, 0x1e61)]);
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

/// Head and tail of the ring, and where it begins and ends, lie in the guest's memory.
#[test]
fn a_ring_of_keys_whose_head_never_comes_to_its_tail_is_given_up() {
    for extended in [0x0000, 0x1000] {
        for (start, end, head, tail) in
            [(0x1e, 0, 0x1e, 0x20), (0x1e, 0x3e, 0x1e, 0x21), (0xff, 0xffff, 0, 0xfffe)]
        {
            let mut bench = Bench::new(&config());
            let mut put = |at, value: u16| bench.write(0x400 + at, &value.to_le_bytes());
            put(bda::KEYS_START, start);
            put(bda::KEYS_END, end);
            put(bda::KEY_HEAD, head);
            put(bda::KEY_TAIL, tail);
            put(0x1e, 0x00f0); // a key that the old functions drop
            bench.call(0x16, &[(reg::RAX, 0x0100 + extended)]);
            bench.call(0x16, &[(reg::RAX, 0x0500)]);
        }
    }
}

impl Bench {
    /// Begins real-mode code with these registers and ES, interrupts off.
    fn begin(&mut self, code: &[u8], es: u16, set: &[(usize, u64)]) {
        self.write(CODE, code);
        let mut registers = self.machine.cpu().registers();
        registers.gpr = [0; 16];
        registers.gpr[reg::RSP] = 0x7000;
        for &(register, value) in set {
            registers.gpr[register] = value;
        }
        registers.segments = [Segment::real_mode(0); 6];
        registers.segments[SegReg::Es as usize] = Segment::real_mode(es);
        registers.rip = CODE;
        registers.rflags = rflags::FIXED;
        self.machine.cpu_mut().set_registers(&registers);
    }
}

/// Each call costs the guest one instruction, and the host what it moves.
#[test]
fn calls_that_move_much_let_the_host_look_at_its_clock() {
    // again: mov ax, ..; int ..; jmp again
    let again = |ax: u16, vector| {
        let [al, ah] = ax.to_le_bytes();
        [0xb8, al, ah, 0xcd, vector, 0xeb, 0xf9]
    };
    let screen = &[(reg::RBX, 7), (reg::RCX, 0xffff), (reg::RDX, 0x184f)];
    type Row<'a> = (&'a str, u16, u8, &'a [(usize, u64)]);
    let rows: [Row<'_>; 6] = [
        ("read sectors", 0x0280, 0x13, &[(reg::RCX, 1), (reg::RDX, 0x80)]),
        ("write cells", 0x0941, 0x10, screen),
        ("set a graphics mode", 0x0012, 0x10, &[]),
        ("set a text mode that keeps the screen", 0x0083, 0x10, &[]),
        ("scroll", 0x0600, 0x10, &[(reg::RDX, 0x184f)]),
        ("set the palette", 0x1012, 0x10, screen),
    ];
    for (name, ax, vector, set) in rows {
        let drives = [disk(256, false), None, None, None];
        let mut bench = Bench::new(&MachineConfig { drives, ..config() });
        bench.begin(&again(ax, vector), 0x2000, set);

        assert_eq!(bench.machine.run(1 << 20), Stop::Slice, "{name}");

        assert!(bench.machine.retired() < 1 << 14, "{name}: {}", bench.machine.retired());
    }
}

/// One call: a screen is scrolled 65,535 times.
#[test]
fn a_string_of_65535_line_feeds_lets_the_host_look_at_its_clock() {
    let mut bench = Bench::new(&config());
    bench.write(0x2_0000, &[0x0a; 0xffff]);
    bench.write(0x400 + bda::COLUMNS, &[132]);
    bench.write(0x400 + bda::LAST_ROW, &[59]);
    // mov ax, 1301h; int 10h; cli; hlt
    let set = [(reg::RBX, 7), (reg::RCX, 0xffff), (reg::RDX, 0x1800)];
    bench.begin(&[0xb8, 0x01, 0x13, 0xcd, 0x10, 0xfa, 0xf4], 0x2000, &set);

    let mut left = 0xffff;
    for _ in 0..4 {
        assert_eq!(bench.machine.run(u64::MAX), Stop::Slice);
        let now = bench.machine.cpu().registers().gpr[reg::RCX];
        assert!((left - 0x400..left).contains(&now), "{now:#x} of {left:#x}");
        left = now;
    }
}

//! Expected values: SDM Vol. 1, "Protected-Mode I/O", "I/O Permission Bit Map".

use crate::event_log::{Event, Sink, kind};
use crate::testing::{BusAccess, CODE, Machine};
use arch::exception::{Exception, page_fault};
use arch::gate::tss32;
use arch::rflags;
use arch::segment::{Segment, attr, system_type};
use std::cell::RefCell;
use std::rc::Rc;

const RAX: usize = 0;
const RDX: usize = 2;
const RDI: usize = 7;
const TSS: u64 = 0x3_0000;
const DATA: u64 = 0x4_0000;

/// At CPL 3 with IOPL 0 and a TSS whose bit map, at offset 0x68, denies every port.
fn user(bits: u32) -> Machine {
    let mut m = Machine::new(bits);
    m.set_segments(bits, 3);
    set_tss(&mut m, system_type::TSS_BUSY, 0x68 + 0x2000);
    m.write(TSS + u64::from(tss32::IOMAP_BASE), &0x68u16.to_le_bytes());
    m.write(TSS + 0x68, &[0xff; 0x2001]);
    m.regs.gpr[RDX] = 0x3f8;
    m
}

fn set_tss(m: &mut Machine, kind: u8, limit: u32) {
    m.regs.tr =
        Segment { attributes: attr::P | u16::from(kind), limit, base: TSS, ..Segment::default() };
}

/// Allows one port in the bit map.
fn allow(m: &mut Machine, port: u64) {
    let at = TSS + 0x68 + port / 8;
    let byte = m.read(at, 1)[0] & !(1 << (port % 8));
    m.write(at, &[byte]);
}

fn done(m: &Machine) -> bool {
    m.fault().is_none()
}

#[test]
fn in_and_out_reach_the_bus_with_port_size_and_time() {
    let mut m = Machine::new(64);
    m.regs.gpr[RAX] = 0xffff_ffff_1234_5678;
    m.regs.gpr[RDX] = 0xffff_0cf8;

    // out 0x80, al; out 0x80, ax; out 0x80, eax; out dx, al; out dx, ax; out dx, eax
    m.run(&[0xe6, 0x80, 0x66, 0xe7, 0x80, 0xe7, 0x80, 0xee, 0x66, 0xef, 0xef], 6);

    let access = |at, size, value, now| BusAccess { at, size, written: Some(value), now };
    let expected = [
        access(0x80, 1, 0x78, 0),
        access(0x80, 2, 0x5678, 1),
        access(0x80, 4, 0x1234_5678, 2),
        access(0xcf8, 1, 0x78, 3),
        access(0xcf8, 2, 0x5678, 4),
        access(0xcf8, 4, 0x1234_5678, 5),
    ];
    assert_eq!(m.bus.accesses, expected);
}

#[test]
fn in_keeps_what_its_width_leaves_and_clears_the_upper_half_at_32_bits() {
    for (code, expected) in [
        (&[0xe4, 0x80][..], 0x1111_1111_1111_1188),
        (&[0x66, 0xe5, 0x80], 0x1111_1111_1111_7788),
        (&[0xe5, 0x80], 0x5566_7788),
        (&[0xec], 0x1111_1111_1111_1188),
        (&[0x66, 0xed], 0x1111_1111_1111_7788),
        (&[0xed], 0x5566_7788),
        (&[0x48, 0xed], 0x5566_7788), // there is no 64-bit port access
    ] {
        let mut m = Machine::new(64);
        m.bus.answer = 0x5566_7788;
        m.regs.gpr[RAX] = 0x1111_1111_1111_1111;

        m.run(code, 1);

        assert_eq!(m.regs.gpr[RAX], expected, "{code:x?}");
    }
}

#[test]
fn the_cost_of_an_access_is_charged_after_it() {
    let mut m = Machine::new(64);
    m.bus.outcome.cost_ns = 1000;

    m.run(&[0xe6, 0x80, 0xe6, 0x80], 2);

    assert_eq!(m.bus.accesses.iter().map(|access| access.now).collect::<Vec<_>>(), [0, 1001]);
}

#[test]
fn at_or_below_iopl_the_bit_map_is_not_asked() {
    for (iopl, allowed) in [(3, true), (2, false), (0, false)] {
        let mut m = user(64);
        m.regs.rflags |= iopl << rflags::IOPL_SHIFT;

        m.run(&[0xec], 1); // in al, dx

        assert_eq!(done(&m), allowed, "IOPL {iopl}");
        assert_eq!(m.bus.accesses.len(), usize::from(allowed));
    }
}

#[test]
fn the_bit_map_must_allow_every_byte_of_the_access() {
    for bits in [64, 32] {
        for (code, width) in [(&[0xec][..], 1), (&[0x66, 0xed], 2), (&[0xed], 4)] {
            for allowed in 0..=4 {
                for port in [0x3f8, 0x3fd, 0x3ff] {
                    let mut m = user(bits);
                    m.regs.gpr[RDX] = port;
                    (0..allowed).for_each(|i| allow(&mut m, port + i));

                    m.run(code, 1);

                    assert_eq!(
                        done(&m),
                        allowed >= width,
                        "{width} bytes at {port:x}, {allowed} allowed"
                    );
                }
            }
        }
    }
}

#[test]
fn ports_beyond_the_bit_map_are_denied() {
    let mut m = user(32);
    m.write(TSS + 0x68, &[0; 0x2001]);
    set_tss(&mut m, system_type::TSS_BUSY, 0x68 + 0x7f + 1); // the last port's byte is followed by one
    m.regs.gpr[RDX] = 0x3ff;
    m.run(&[0xec], 1);
    assert!(done(&m));

    set_tss(&mut m, system_type::TSS_BUSY, 0x68 + 0x7f);
    m.regs.rip = CODE;
    m.run(&[0xec], 1);
    assert_eq!(m.fault(), Some(Exception::gp0()));
}

#[test]
fn a_task_without_a_bit_map_has_no_ports() {
    for (kind, limit) in [(system_type::TSS16_BUSY, 0x2068), (system_type::TSS_BUSY, 0x66)] {
        let mut m = user(32);
        allow(&mut m, 0x3f8);
        set_tss(&mut m, kind, limit);

        m.run(&[0xec], 1);

        assert_eq!(m.fault(), Some(Exception::gp0()));
    }
}

/// SDM Vol. 3B, "Virtual-8086 Mode": IN and OUT are not IOPL-sensitive there.
#[test]
fn in_virtual_8086_mode_only_the_bit_map_counts() {
    for allowed in [false, true] {
        let mut m = user(16);
        m.regs.segments = [Segment::real_mode(0); 6];
        m.regs.rflags |= rflags::VM | rflags::IOPL;
        if allowed {
            allow(&mut m, 0x3f8);
        }

        m.run(&[0xec], 1);

        assert_eq!(done(&m), allowed);
    }
}

#[test]
fn real_mode_has_every_port() {
    let mut m = Machine::real();

    m.run(&[0xec], 1);

    assert_eq!(m.bus.accesses.len(), 1);
}

#[test]
fn string_input_asks_for_permission_then_for_its_destination_then_the_port() {
    let mut m = user(64);
    m.regs.gpr[RDI] = DATA;
    m.map(DATA, 0);
    m.run(&[0x6c], 1); // insb
    assert_eq!(m.fault(), Some(Exception::gp0()));

    let mut m = user(64);
    m.regs.gpr[RDI] = DATA;
    m.map(DATA, 0);
    allow(&mut m, 0x3f8);
    m.run(&[0x6c], 1);
    let expected = Exception::page_fault(DATA, page_fault::W | page_fault::U);
    assert_eq!(m.fault(), Some(expected));
    assert_eq!(m.bus.accesses, [], "no byte of the device is lost");
}

#[test]
fn repeated_input_and_output_access_the_port_once_an_iteration_at_its_time() {
    let mut m = Machine::new(32);
    m.bus.answer = 0x7788_99aa;
    m.regs.gpr[RDX] = 0x1f0;
    m.regs.gpr[RDI] = DATA;
    m.regs.gpr[6] = DATA;
    m.regs.gpr[1] = 3;

    m.run(&[0x66, 0xf3, 0x6d], 3); // rep insw

    assert_eq!(m.read(DATA, 7), [0xaa, 0x99, 0xaa, 0x99, 0xaa, 0x99, 0]);
    assert_eq!((m.regs.gpr[1], m.regs.gpr[RDI], m.regs.gpr[6]), (0, DATA + 6, DATA));
    let input = |now| BusAccess { at: 0x1f0, size: 2, written: None, now };
    assert_eq!(m.bus.accesses, [input(0), input(1), input(2)]);

    m.bus.accesses.clear();
    m.regs.gpr[1] = 2;
    m.regs.rip = CODE;
    m.run(&[0xf3, 0x6f, 0x90], 2); // rep outsd

    let output = |value, now| BusAccess { at: 0x1f0, size: 4, written: Some(value), now };
    assert_eq!(m.bus.accesses, [output(0x99aa_99aa, 3), output(0x99aa, 4)]);
}

#[test]
fn accesses_are_logged_with_the_instruction_that_made_them() {
    struct Keep(Rc<RefCell<Vec<(u64, Event)>>>);
    impl Sink for Keep {
        fn event(&mut self, retired: u64, event: Event) {
            self.0.borrow_mut().push((retired, event));
        }
    }
    let kept = Rc::new(RefCell::new(Vec::new()));
    let mut m = Machine::new(64);
    m.cpu.log_mut().attach(Box::new(Keep(kept.clone())), kind::IO);
    m.regs.gpr[RAX] = 7;

    m.run(&[0x90, 0xe6, 0x80, 0xe4, 0x60], 3); // nop; out 0x80, al; in al, 0x60

    let rip = CODE + 1;
    let out = Event::Io { port: 0x80, size: 1, value: 7, write: true, rip };
    let input = Event::Io { port: 0x60, size: 1, value: 0xff, write: false, rip: rip + 2 };
    assert_eq!(*kept.borrow(), [(1, out), (2, input)]);
}

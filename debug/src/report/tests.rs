use super::*;
use crate::mode::Mode;
use crate::testing::Small;
use arch::control::{cr0, cr4, efer};
use cpu::event_log::{Event, ModeRegister};

fn facts() -> Facts {
    let mut exceptions = [0; 32];
    exceptions[14] = 1234;
    exceptions[6] = 1;
    let milestone = |name: &str, instructions| Milestone {
        name: name.to_owned(),
        instructions,
        virtual_ns: instructions,
        accesses: 0,
    };
    Facts {
        stop: "the guest powered off".to_owned(),
        protocol: "PVH".to_owned(),
        entry: Some(0x10_0000),
        instructions: 1_200_000_000,
        virtual_ns: 2_500_000_000,
        host_ns: 4_000_000_000,
        startup_ns: Some(12_345_678),
        state_hash: Some(0xabc),
        milestones: vec![milestone("entry", 0), milestone("long_mode", 12_345_678)],
        switches: vec![Switch {
            instructions: 12_345_678,
            from: Mode::Protected,
            to: Mode::Long,
            rip: 0x10_0040,
        }],
        interrupts: 250,
        exceptions,
        devices: vec![("pic".to_owned(), 0), ("uart".to_owned(), 54_321)],
        decoded: (1000, 9000),
        counters: vec![("blocks built", 1000), ("cache emptied", 0)],
        ram: (512 << 20, 3 << 20),
        symbols: Rc::new(Symbols::of_file(&b"100040 T enable_paging\n".to_vec())),
    }
}

#[test]
fn the_last_line_has_reason_counts_speed_and_hash() {
    assert_eq!(
        last_line(&facts()),
        "bootscope: the guest powered off; 1200000000 instructions, 2.500000 s virtual, 4.000 s host, \
         300.0 MIPS, state 00000000000000000000000000000abc"
    );
}

#[test]
fn a_run_without_host_time_has_no_speed() {
    assert_eq!(Facts { host_ns: 0, ..facts() }.mips(), 0.0);
}

#[test]
fn the_boot_report_has_a_row_for_every_fact() {
    let text = boot(&facts());
    for row in [
        "  protocol      PVH, entry at 0x100000\n",
        "  milestones    entry         after              0 instructions,       0.000 ms\n",
        "                long_mode     after     12,345,678 instructions,      12.345 ms\n",
        "  mode switches protected mode without paging to long mode after 12,345,678 instructions, at \
         0x100040 <enable_paging>\n",
        "  interrupts    250\n",
        "  faults        1 #UD, 1,234 #PF\n",
        "  devices       uart 54,321\n",
        "  memory        3,072 KiB of 524,288 KiB written\n",
        "  instructions  1,200,000,000\n",
        "  virtual time  2,500.000 ms\n",
        "  host time     4,000.000 ms, after 12.345 ms to the first instruction\n",
        "  speed         300.0 MIPS\n",
        "  ended         the guest powered off\n",
    ] {
        assert!(text.contains(row), "{row:?} is not in:\n{text}");
    }
}

#[test]
fn the_counters_have_all_of_the_engine_and_leave_out_devices_that_were_not_used() {
    let text = stats(&facts());
    assert!(text.contains("blocks built                               1,000\n"), "{text}");
    assert!(text.contains("cache emptied                                  0\n"), "{text}");
    assert!(text.contains("exception #PF") && text.contains("accesses uart"), "{text}");
    assert!(!text.contains("#DE") && !text.contains("pic"), "{text}");
}

#[test]
fn thousands_are_set_apart() {
    for (number, text) in
        [(0, "0"), (999, "999"), (1000, "1,000"), (u64::MAX, "18,446,744,073,709,551,615")]
    {
        assert_eq!(grouped(number), text);
    }
}

#[test]
fn mode_switches_are_kept_up_to_a_bound() {
    let guest = Small::long(&[]).with(|registers| {
        (registers.cr0, registers.cr4, registers.efer) = (cr0::PE, cr4::PAE, efer::LME);
    });
    let modes = Modes::new(&guest.cpu);
    let mut sink = modes.sink();
    let event = |to| Event::Mode { register: ModeRegister::Efer, from: 0, to, rip: 5 };
    for _ in 0..100 {
        sink.event(9, event(efer::LME | efer::LMA));
        sink.event(9, event(efer::LME));
    }

    let switches = modes.switches();

    assert_eq!(switches.len(), 32);
    let first = Switch { instructions: 9, from: Mode::Protected, to: Mode::Long, rip: 5 };
    assert_eq!(switches[0], first);
    assert_eq!((switches[1].from, switches[1].to), (Mode::Long, Mode::Protected));
}

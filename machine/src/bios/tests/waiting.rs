//! INT 15h, 86h: what it takes, and that neither slices nor pacing change it.

use super::{Bench, CODE, config};
use crate::bios::call::reg;
use crate::{Machine, Stop, strokes_of_text};
use arch::time::Instant;
use boot::bios::bda;

/// mov ah, 86h; mov dx, 5000; int 15h; mov ax, 0e41h; int 10h; out f4h, al
const WAIT_AND_PRINT: [u8; 16] = [
    0xb4, 0x86, 0x31, 0xc9, 0xba, 0x88, 0x13, 0xcd, 0x15, 0xb8, 0x41, 0x0e, 0xcd, 0x10, 0xe6, 0xf4,
];

type End = (u128, u64, Vec<String>);

fn wait_and_print(mut go_on: impl FnMut(&mut Machine) -> Stop) -> End {
    let mut bench = Bench::new(&config());
    bench.write(CODE, &WAIT_AND_PRINT);
    while go_on(&mut bench.machine) == Stop::Slice {}
    (bench.machine.state_hash(), bench.machine.retired(), bench.lines())
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
fn runs_in_slices_and_in_one_piece_end_alike() {
    let whole = wait_and_print(|machine| machine.run(u64::MAX));
    assert_eq!(whole.2, ["A"]);
    for slice in [1, 3] {
        let mut limit = 0;
        let sliced = wait_and_print(|machine| {
            limit += slice;
            machine.run(limit)
        });
        assert_eq!(sliced, whole, "{slice}");
    }
}

/// The clock of the host says how far a wait may go on, and decides about no instruction.
#[test]
fn a_wait_that_is_paced_ends_as_one_that_is_not() {
    let whole = wait_and_print(|machine| machine.run(u64::MAX));
    for step_ns in [700, 100_000, 10_000_000] {
        let (mut pause, mut calls) = (Instant(0), 0);
        let paced = wait_and_print(|machine| {
            pause = pause.after(step_ns);
            calls += 1;
            let stop = machine.run_until(u64::MAX, pause);
            if stop == Stop::Slice {
                let until = machine.idle_until().expect("it waits");
                assert!(pause < until && until <= Instant(0).after(5_100_000), "{until:?}");
            }
            stop
        });
        assert_eq!(paced, whole, "{step_ns}");
        assert!(step_ns > 5_000_000 || calls > 4_000_000 / step_ns, "{calls}");
    }
}

/// What is typed while a service waits comes in where it came, also when the run is repeated unpaced.
#[test]
fn input_during_a_wait_is_repeated_where_it_was() {
    let mut live = Bench::new(&config());
    live.write(CODE, &WAIT_AND_PRINT);
    let mut pause = Instant(0).after(1_000_000);
    let mut stop = live.machine.run_until(u64::MAX, pause);
    assert_eq!(stop, Stop::Slice);
    assert_eq!(live.machine.key_input(&strokes_of_text("k").unwrap()), 2);
    while stop == Stop::Slice {
        pause = pause.after(50_000);
        stop = live.machine.run_until(u64::MAX, pause);
    }
    let record = live.machine.recorded_inputs().to_vec();
    assert_eq!((record.len(), live.bda16(bda::KEY_TAIL)), (1, 0x20));

    let mut again = Bench::new(&config());
    again.write(CODE, &WAIT_AND_PRINT);
    again.machine.replay(record);
    assert_eq!(again.machine.run(u64::MAX), stop);

    assert_eq!(again.machine.retired(), live.machine.retired());
    assert_eq!(again.machine.state_hash(), live.machine.state_hash());
}

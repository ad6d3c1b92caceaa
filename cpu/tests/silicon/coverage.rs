//! The list: every form of every feature is executed, or stands here with the reason why not.

use crate::emulator::Emulator;
use crate::generate::{Generator, exists, is_decoded};
use crate::state::End;
use cpu::features::{FEATURES, MAX};
use iced_x86::Code;

/// Forms that are never executed and of which there is no answer, with the reason.
pub(crate) const NOT_MODELLED: &[(Code, &str)] = &[
    (Code::Popw_CS, "the 8086's alone; 0F begins longer opcodes since"),
    (Code::Wbnoinvd, "decoded as WBINVD, whose prefix it is without the feature"),
];

#[test]
fn every_form_of_every_feature_is_executed_or_listed_with_a_reason() {
    let without: Vec<_> = FEATURES.iter().filter(|row| !MAX.has_named(row.name)).collect();
    assert!(without.is_empty(), "features that no model of all has: {without:?}");
    let mut generator = Generator::new(3, |_| true);
    let mut emulator = Emulator::new();
    let (mut missing, mut executed) = (Vec::new(), 0);

    for code in Code::values().filter(|&code| MAX.offers(code) && is_decoded(code)) {
        for bits in [64, 32, 16].into_iter().filter(|&bits| exists(code, bits)) {
            let cases: Vec<_> = (0..4).filter_map(|_| generator.of(code, bits)).collect();
            let absent =
                |end| matches!(end, End::Unimplemented(what) if what.contains("without a row"));
            let mut absent = |case: &_| absent(emulator.run(case));
            if !cases.is_empty() && !cases.iter().any(&mut absent) {
                executed += 1;
            } else if NOT_MODELLED.iter().all(|row| row.0 != code) {
                missing.push((code, bits));
            }
        }
    }

    println!("{executed} forms are executed");
    assert!(missing.is_empty(), "{} forms have no row: {missing:?}", missing.len());
}

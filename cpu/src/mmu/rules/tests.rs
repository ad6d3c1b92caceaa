//! The rules over every type, level and presence there is, against the manual's rules written out as
//! lists of levels.

use super::*;
use arch::segment::attr;

/// Every descriptor whose type, S, DPL and P are given, without L and D.
fn descriptors() -> impl Iterator<Item = Descriptor> {
    (0..=0xffu16).map(|access| Descriptor::new(0, 0xffff, access))
}

/// Every descriptor, and every pair of CPL and selector.
fn cases() -> impl Iterator<Item = (u8, Selector, Descriptor)> {
    descriptors().flat_map(|descriptor| {
        (0..16).map(move |n| (n >> 2, Selector(0x38 | u16::from(n & 3)), descriptor))
    })
}

/// The S bit and the type: 0x18 to 0x1f is code, 4 of it conforming; 0x12, 0x13, 0x16, 0x17 are data
/// that can be written.
fn kind(descriptor: Descriptor) -> u16 {
    descriptor.attributes() & 0x1f
}

fn expected(good: bool, bad: Vector, present: bool, absent: Vector) -> Verdict {
    match (good, present) {
        (false, _) => Err(bad),
        (true, false) => Err(absent),
        (true, true) => Ok(()),
    }
}

/// (CPL, DPL) where a conforming segment may be entered from CPL.
const AS_PRIVILEGED_OR_MORE: [(u8, u8); 10] =
    [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3)];

#[test]
fn a_direct_transfer_enters_code_of_its_own_level_or_conforming_code_of_an_inner_one() {
    // (CPL, RPL) of a non-conforming segment of DPL = CPL.
    let requested = AS_PRIVILEGED_OR_MORE;
    for (cpl, selector, code) in cases() {
        let level = (cpl, code.dpl());
        let good = match kind(code) {
            0x18..=0x1b => code.dpl() == cpl && requested.contains(&(cpl, selector.rpl())),
            0x1c..=0x1f => AS_PRIVILEGED_OR_MORE.contains(&level),
            _ => false,
        };
        let verdict = expected(good, Vector::GP, code.present(), Vector::NP);
        assert_eq!(direct(cpl, selector, code, false), verdict, "{cpl} {selector:x?} {code:x?}");
    }
}

#[test]
fn a_gate_leads_to_code_as_privileged_as_the_caller_or_more_and_a_jump_to_the_same_level() {
    for (cpl, _, code) in cases() {
        let level = (cpl, code.dpl());
        let is_code = kind(code) >= 0x18;
        let good = is_code && AS_PRIVILEGED_OR_MORE.contains(&level);
        let verdict = expected(good, Vector::GP, code.present(), Vector::NP);
        assert_eq!(behind_gate(cpl, code, false), verdict, "{cpl} {code:x?}");
        let stays = good && (kind(code) >= 0x1c || code.dpl() == cpl);
        let verdict = expected(stays, Vector::GP, code.present(), Vector::NP);
        assert_eq!(jump_behind_gate(cpl, code, false), verdict, "{cpl} {code:x?}");
    }
}

#[test]
fn a_return_never_goes_inwards_and_fits_the_level_of_its_selector() {
    for (cpl, selector, code) in cases() {
        let rpl = selector.rpl();
        let outwards = AS_PRIVILEGED_OR_MORE.contains(&(rpl, cpl));
        let good = outwards
            && match kind(code) {
                0x18..=0x1b => code.dpl() == rpl,
                0x1c..=0x1f => AS_PRIVILEGED_OR_MORE.contains(&(rpl, code.dpl())),
                _ => false,
            };
        let verdict = expected(good, Vector::GP, code.present(), Vector::NP);
        assert_eq!(back_to(cpl, selector, code, false), verdict, "{cpl} {selector:x?} {code:x?}");
    }
}

#[test]
fn a_stack_is_writable_data_whose_three_levels_agree() {
    for (cpl, selector, ss) in cases() {
        let writable = matches!(kind(ss), 0x12 | 0x13 | 0x16 | 0x17);
        let good = writable && (selector.rpl(), ss.dpl()) == (cpl, cpl);
        for bad in [Vector::GP, Vector::TS] {
            let verdict = expected(good, bad, ss.present(), Vector::SS);
            assert_eq!(stack(cpl, selector, ss, bad), verdict, "{cpl} {selector:x?} {ss:x?}");
        }
    }
}

#[test]
fn a_task_has_code_of_its_selectors_level_and_data_it_may_read() {
    for (cpl, selector, descriptor) in cases() {
        let (rpl, dpl) = (selector.rpl(), descriptor.dpl());
        let code = match kind(descriptor) {
            0x18..=0x1b => dpl == rpl,
            0x1c..=0x1f => AS_PRIVILEGED_OR_MORE.contains(&(rpl, dpl)),
            _ => false,
        };
        let verdict = expected(code, Vector::TS, descriptor.present(), Vector::NP);
        assert_eq!(task_code(selector, descriptor), verdict, "{selector:x?} {descriptor:x?}");
        let data = match kind(descriptor) {
            0x10..=0x17 | 0x1a | 0x1b => {
                AS_PRIVILEGED_OR_MORE.contains(&(dpl, cpl))
                    && AS_PRIVILEGED_OR_MORE.contains(&(dpl, rpl))
            }
            0x1e | 0x1f => true,
            _ => false,
        };
        let verdict = expected(data, Vector::TS, descriptor.present(), Vector::NP);
        assert_eq!(
            super::data(cpl, selector, descriptor, Vector::TS),
            verdict,
            "{cpl} {selector:x?} {descriptor:x?}"
        );
    }
}

#[test]
fn long_mode_takes_64_bit_code_behind_gates_and_nowhere_l_with_d() {
    let code = |bits: u16| Descriptor::new(0, 0, 0x9a | bits);
    let selector = Selector(8);
    for (bits, direct_ok, gate_ok) in [
        (0, true, false),
        (attr::DB, true, false),
        (attr::L, true, true),
        (attr::L | attr::DB, false, false),
    ] {
        assert_eq!(direct(0, selector, code(bits), true).is_ok(), direct_ok, "{bits:x}");
        assert_eq!(back_to(0, selector, code(bits), true).is_ok(), direct_ok, "{bits:x}");
        assert_eq!(behind_gate(0, code(bits), true).is_ok(), gate_ok, "{bits:x}");
        // L means nothing outside long mode.
        assert!(direct(0, selector, code(bits), false).is_ok());
        assert!(behind_gate(0, code(bits), false).is_ok());
    }
}

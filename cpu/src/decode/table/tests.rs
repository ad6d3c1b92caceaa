//! What the table must hold.

use super::row;
use iced_x86::{Code, CpuidFeature};

/// Every legacy encoding of these families is in the table.
#[test]
fn every_vector_instruction_in_a_legacy_encoding_has_a_row() {
    use CpuidFeature::*;
    const FAMILIES: &[CpuidFeature] =
        &[MMX, SSE, SSE2, SSE3, SSSE3, SSE4_1, SSE4_2, SSE4A, AES, PCLMULQDQ, SHA, GFNI];
    let vex = ["VEX_", "EVEX_", "XOP_", "MVEX_", "D3NOW_"];
    let of_family = |code: &Code| code.cpuid_features().iter().any(|f| FAMILIES.contains(f));
    let legacy = |code: &Code| !vex.iter().any(|prefix| format!("{code:?}").starts_with(prefix));
    let missing: Vec<Code> = Code::values()
        .filter(|code| of_family(code) && legacy(code) && row(*code).is_none())
        .collect();
    assert_eq!(missing, []);
}

//! Features and models: dependencies, instructions, control bits.

use super::*;
use arch::control::cr4;

#[test]
fn every_model_has_what_its_features_need() {
    for model in MODELS {
        for feature in FEATURES.iter().filter(|feature| model.has(feature.word, feature.bit)) {
            for needed in feature.needs {
                assert!(model.has_named(needed), "{}: {} needs {needed}", model.name, feature.name);
            }
        }
    }
}

#[test]
fn names_bits_and_needs_of_the_table_are_unique_and_known() {
    for (i, one) in FEATURES.iter().enumerate() {
        assert_eq!(one.bit.count_ones(), 1, "{}", one.name);
        for needed in one.needs {
            assert!(FEATURES.iter().any(|other| other.name == *needed), "{needed}");
        }
        for other in &FEATURES[i + 1..] {
            assert_ne!(one.name, other.name);
            assert_ne!((one.word, one.bit), (other.word, other.bit), "{} {}", one.name, other.name);
        }
    }
    for (alias, name) in ALIASES {
        assert_eq!(feature(alias).map(|feature| feature.name), Some(*name));
    }
}

#[test]
fn taking_avx_away_takes_all_that_is_built_on_it() {
    let mut model = X86_64_V3;

    model.remove(feature("avx").unwrap());

    for gone in ["avx", "avx2", "fma", "f16c"] {
        assert!(!model.has_named(gone), "{gone}");
    }
    assert!(model.has_named("sse4.2") && model.has_named("xsave"));
    assert_eq!(model.add(feature("avx2").unwrap()), Err("avx"));
    assert_eq!(model.add(feature("avx").unwrap()), Ok(()));
}

#[test]
fn instructions_and_control_bits_follow_from_the_features() {
    assert!(X86_64_V3.offers(Code::VEX_Vpaddb_ymm_ymm_ymmm256));
    assert_eq!(QEMU64.lacks(Code::VEX_Vpaddb_ymm_ymm_ymmm256), Some(CpuidFeature::AVX2));
    assert!(!MAX.offers(Code::EVEX_Vpaddb_zmm_k1z_zmm_zmmm512), "no model has AVX-512");
    assert_eq!(QEMU64.cr4_mask() & (cr4::OSXSAVE | cr4::PCIDE), 0);
    assert_ne!(X86_64_V3.cr4_mask() & cr4::OSXSAVE, 0);
    let i486 = Model::by_name("486").unwrap();
    assert!(i486.offers(Code::Bswap_r32) && !i486.offers(Code::Cmovo_r32_rm32));
    assert!(!i486.offers(Code::Rdtsc) && !i486.offers(Code::Nop_rm32));
}

#[test]
fn a_changed_model_survives_its_snapshot() {
    let mut model = MAX;
    model.remove(feature("sse4a").unwrap());

    let saved = Saved::from(model);

    assert_eq!(Model::try_from(saved), Ok(model));
}

#[test]
fn a_missing_feature_is_named_as_the_command_line_names_it() {
    assert_eq!(
        QEMU64.explain_lack(Code::VEX_Vpaddb_ymm_ymm_ymmm256).unwrap(),
        "VPADDB needs avx2, which CPU model qemu64 lacks"
    );
    let beyond = MAX.explain_lack(Code::EVEX_Vpaddb_zmm_k1z_zmm_zmmm512).unwrap();
    assert_eq!(beyond, "VPADDB needs AVX512BW, which CPU model max lacks");
    assert_eq!(MAX.explain_lack(Code::Rdrand_r64), None);
}

//! `--cpu MODEL[,+f,-f]`: a model from the CPU's table, with features added or taken away.
//!
//! Feature names are QEMU's (`target/i386/cpu.c`). Only what the CPU implements can be added.

use crate::failure::Failure;
use crate::text;
use arch::cpuid::{ext1_ecx, ext1_edx, leaf1_ecx, leaf1_edx, leaf7_ebx};
use cpu::features::{MODELS, Model};

/// The word of a model that a feature bit lies in.
#[derive(Clone, Copy)]
enum Word {
    Leaf1Edx,
    Leaf1Ecx,
    Leaf7Ebx,
    Ext1Edx,
    Ext1Ecx,
}

use Word::{Ext1Ecx, Ext1Edx, Leaf1Ecx, Leaf1Edx, Leaf7Ebx};

/// Features by name.
const FEATURES: &[(&str, Word, u32)] = &[
    ("de", Leaf1Edx, leaf1_edx::DE),
    ("pse", Leaf1Edx, leaf1_edx::PSE),
    ("tsc", Leaf1Edx, leaf1_edx::TSC),
    ("pae", Leaf1Edx, leaf1_edx::PAE),
    ("mce", Leaf1Edx, leaf1_edx::MCE),
    ("cx8", Leaf1Edx, leaf1_edx::CX8),
    ("apic", Leaf1Edx, leaf1_edx::APIC),
    ("sep", Leaf1Edx, leaf1_edx::SEP),
    ("mtrr", Leaf1Edx, leaf1_edx::MTRR),
    ("pge", Leaf1Edx, leaf1_edx::PGE),
    ("mca", Leaf1Edx, leaf1_edx::MCA),
    ("cmov", Leaf1Edx, leaf1_edx::CMOV),
    ("pat", Leaf1Edx, leaf1_edx::PAT),
    ("pse36", Leaf1Edx, leaf1_edx::PSE36),
    ("clflush", Leaf1Edx, leaf1_edx::CLFLUSH),
    ("mmx", Leaf1Edx, leaf1_edx::MMX),
    ("fxsr", Leaf1Edx, leaf1_edx::FXSR),
    ("sse", Leaf1Edx, leaf1_edx::SSE),
    ("sse2", Leaf1Edx, leaf1_edx::SSE2),
    ("sse3", Leaf1Ecx, leaf1_ecx::SSE3),
    ("cx16", Leaf1Ecx, leaf1_ecx::CX16),
    ("x2apic", Leaf1Ecx, leaf1_ecx::X2APIC),
    ("tsc-deadline", Leaf1Ecx, leaf1_ecx::TSC_DEADLINE),
    ("hypervisor", Leaf1Ecx, leaf1_ecx::HYPERVISOR),
    ("smep", Leaf7Ebx, leaf7_ebx::SMEP),
    ("smap", Leaf7Ebx, leaf7_ebx::SMAP),
    ("syscall", Ext1Edx, ext1_edx::SYSCALL),
    ("nx", Ext1Edx, ext1_edx::NX),
    ("lm", Ext1Edx, ext1_edx::LM),
    ("lahf-lm", Ext1Ecx, ext1_ecx::LAHF_LM),
];

/// The model that `--cpu` names; `None` after `help` was answered.
pub(crate) fn choose(option: Option<&str>) -> Result<Option<Model>, Failure> {
    let Some(option) = option else { return Ok(Some(MODELS[0])) };
    if matches!(option, "help" | "?") {
        let _ = text::output(&help());
        return Ok(None);
    }
    let at = format!("option --cpu {option}");
    let hint = "`--cpu help` lists models and features";
    let mut parts = option.split(',');
    let name = parts.next().unwrap_or_default();
    let Some(mut model) = Model::by_name(name).copied() else {
        return Err(Failure::usage(format!("no CPU model {name:?}"), at, hint));
    };
    for part in parts {
        let change = match part.split_once('=') {
            Some((name, "on")) => Some((name, true)),
            Some((name, "off")) => Some((name, false)),
            Some(_) => None,
            None => part
                .strip_prefix('+')
                .map(|name| (name, true))
                .or_else(|| part.strip_prefix('-').map(|name| (name, false))),
        };
        let known = change.and_then(|(name, on)| {
            let name = name.replace('_', "-");
            FEATURES.iter().find(|feature| feature.0 == name).map(|feature| (feature, on))
        });
        let Some((&(_, word, bit), on)) = known else {
            return Err(Failure::usage(format!("no CPU feature {part:?}"), at, hint));
        };
        let word = word_of(&mut model, word);
        *word = if on { *word | bit } else { *word & !bit };
    }
    Ok(Some(model))
}

fn word_of(model: &mut Model, word: Word) -> &mut u32 {
    match word {
        Leaf1Edx => &mut model.leaf1_edx,
        Leaf1Ecx => &mut model.leaf1_ecx,
        Leaf7Ebx => &mut model.leaf7_ebx,
        Ext1Edx => &mut model.ext1_edx,
        Ext1Ecx => &mut model.ext1_ecx,
    }
}

fn help() -> String {
    let mut out = String::from("Models:\n");
    for model in MODELS {
        out += &format!("  {:10} {}\n", model.name, model.brand);
    }
    let names: Vec<&str> = FEATURES.iter().map(|feature| feature.0).collect();
    out + &format!("Features, +NAME or -NAME:\n  {}\n", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_added_and_taken_away_by_its_name() {
        let model = choose(Some("qemu64,-nx,+x2apic,apic=off")).unwrap().unwrap();

        assert_eq!(model.ext1_edx & ext1_edx::NX, 0);
        assert_ne!(model.leaf1_ecx & leaf1_ecx::X2APIC, 0);
        assert_eq!(model.leaf1_edx & leaf1_edx::APIC, 0);
    }

    #[test]
    fn unknown_models_and_features_are_refused() {
        for option in ["host", "", "qemu64,+avx512f", "qemu64,nx", "qemu64,nx=maybe"] {
            assert_eq!(choose(Some(option)).unwrap_err().status, 2, "{option}");
        }
    }
}

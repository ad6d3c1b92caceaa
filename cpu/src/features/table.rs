//! One row per feature: its name, where CPUID shows it, what it brings and what it needs.
//!
//! Names are those of QEMU's `--cpu` (`target/i386/cpu.c`) and of Linux' `/proc/cpuinfo`.

use super::Word::{self, *};
use arch::control::cr4;
use arch::cpuid::*;
use iced_x86::CpuidFeature as Code;

/// A feature that a model can have.
#[derive(Debug)]
pub struct Feature {
    /// Name for `--cpu`.
    pub name: &'static str,
    /// Which word of CPUID shows it.
    pub word: Word,
    /// Its bit there.
    pub bit: u32,
    /// Names of the features without which it cannot be.
    pub needs: &'static [&'static str],
    /// The CR4 bits that exist with it.
    pub cr4: u64,
    /// The instructions that exist with it, as iced-x86 groups them.
    pub(crate) instructions: &'static [Code],
}

/// Rows as `"name" Word BIT [needs] {instructions} cr4;`.
macro_rules! features {
    ($($name:literal $word:ident $bit:expr,
        [$($needs:literal)*] {$($code:ident)*} $($cr4:expr)?;)*) => {
        &[$(Feature {
            name: $name,
            word: $word,
            bit: $bit,
            needs: &[$($needs),*],
            cr4: 0 $(| $cr4)?,
            instructions: &[$(Code::$code),*],
        }),*]
    };
}

/// All features, by the words of CPUID.
pub const FEATURES: &[Feature] = features! {
    "fpu" Leaf1Edx leaf1_edx::FPU, [] {FPU FPU287 FPU387};
    "vme" Leaf1Edx leaf1_edx::VME, [] {} cr4::VME | cr4::PVI;
    "de" Leaf1Edx leaf1_edx::DE, [] {} cr4::DE;
    "pse" Leaf1Edx leaf1_edx::PSE, [] {} cr4::PSE;
    "tsc" Leaf1Edx leaf1_edx::TSC, [] {TSC} cr4::TSD;
    "msr" Leaf1Edx leaf1_edx::MSR, [] {MSR};
    "pae" Leaf1Edx leaf1_edx::PAE, [] {} cr4::PAE;
    "mce" Leaf1Edx leaf1_edx::MCE, [] {} cr4::MCE;
    "cx8" Leaf1Edx leaf1_edx::CX8, [] {CX8};
    "apic" Leaf1Edx leaf1_edx::APIC, ["msr"] {};
    "sep" Leaf1Edx leaf1_edx::SEP, ["msr"] {SEP};
    "mtrr" Leaf1Edx leaf1_edx::MTRR, ["msr"] {};
    "pge" Leaf1Edx leaf1_edx::PGE, [] {} cr4::PGE;
    "mca" Leaf1Edx leaf1_edx::MCA, ["mce" "msr"] {};
    // With the P6 came also RDPMC, the multi-byte NOPs and the rest of the hint space.
    "cmov" Leaf1Edx leaf1_edx::CMOV, [] {CMOV RDPMC MULTIBYTENOP CET_IBT} cr4::PCE;
    "pat" Leaf1Edx leaf1_edx::PAT, ["msr"] {};
    "pse36" Leaf1Edx leaf1_edx::PSE36, ["pse"] {};
    "clflush" Leaf1Edx leaf1_edx::CLFLUSH, [] {CLFSH};
    "mmx" Leaf1Edx leaf1_edx::MMX, ["fpu"] {MMX};
    "fxsr" Leaf1Edx leaf1_edx::FXSR, ["fpu"] {FXSR} cr4::OSFXSR;
    "sse" Leaf1Edx leaf1_edx::SSE, ["fxsr" "mmx"] {SSE} cr4::OSXMMEXCPT;
    "sse2" Leaf1Edx leaf1_edx::SSE2, ["sse"] {SSE2};

    "pni" Leaf1Ecx leaf1_ecx::SSE3, ["sse2"] {SSE3};
    "pclmulqdq" Leaf1Ecx leaf1_ecx::PCLMULQDQ, ["sse2"] {PCLMULQDQ};
    "monitor" Leaf1Ecx leaf1_ecx::MONITOR, [] {MONITOR};
    "ssse3" Leaf1Ecx leaf1_ecx::SSSE3, ["pni"] {SSSE3};
    "fma" Leaf1Ecx leaf1_ecx::FMA, ["avx"] {FMA};
    "cx16" Leaf1Ecx leaf1_ecx::CX16, ["lm"] {CMPXCHG16B};
    "pcid" Leaf1Ecx leaf1_ecx::PCID, ["lm"] {} cr4::PCIDE;
    "sse4.1" Leaf1Ecx leaf1_ecx::SSE4_1, ["ssse3"] {SSE4_1};
    "sse4.2" Leaf1Ecx leaf1_ecx::SSE4_2, ["sse4.1"] {SSE4_2};
    "x2apic" Leaf1Ecx leaf1_ecx::X2APIC, ["apic"] {};
    "movbe" Leaf1Ecx leaf1_ecx::MOVBE, [] {MOVBE};
    "popcnt" Leaf1Ecx leaf1_ecx::POPCNT, [] {POPCNT};
    "tsc-deadline" Leaf1Ecx leaf1_ecx::TSC_DEADLINE, ["apic" "tsc"] {};
    "aes" Leaf1Ecx leaf1_ecx::AES, ["sse2"] {AES};
    "xsave" Leaf1Ecx leaf1_ecx::XSAVE, ["fxsr"] {XSAVE} cr4::OSXSAVE;
    "avx" Leaf1Ecx leaf1_ecx::AVX, ["xsave" "sse4.2"] {AVX};
    "f16c" Leaf1Ecx leaf1_ecx::F16C, ["avx"] {F16C};
    "rdrand" Leaf1Ecx leaf1_ecx::RDRAND, [] {RDRAND};
    "hypervisor" Leaf1Ecx leaf1_ecx::HYPERVISOR, [] {};

    "fsgsbase" Leaf7Ebx leaf7_ebx::FSGSBASE, ["lm"] {FSGSBASE} cr4::FSGSBASE;
    "tsc-adjust" Leaf7Ebx leaf7_ebx::TSC_ADJUST, ["tsc" "msr"] {};
    "bmi1" Leaf7Ebx leaf7_ebx::BMI1, [] {BMI1};
    "avx2" Leaf7Ebx leaf7_ebx::AVX2, ["avx"] {AVX2};
    "smep" Leaf7Ebx leaf7_ebx::SMEP, [] {} cr4::SMEP;
    "bmi2" Leaf7Ebx leaf7_ebx::BMI2, [] {BMI2};
    "erms" Leaf7Ebx leaf7_ebx::ERMS, [] {};
    "invpcid" Leaf7Ebx leaf7_ebx::INVPCID, ["lm"] {INVPCID};
    "rdseed" Leaf7Ebx leaf7_ebx::RDSEED, [] {RDSEED};
    "adx" Leaf7Ebx leaf7_ebx::ADX, [] {ADX};
    "smap" Leaf7Ebx leaf7_ebx::SMAP, [] {SMAP} cr4::SMAP;
    "clflushopt" Leaf7Ebx leaf7_ebx::CLFLUSHOPT, [] {CLFLUSHOPT};
    "clwb" Leaf7Ebx leaf7_ebx::CLWB, [] {CLWB};
    "sha-ni" Leaf7Ebx leaf7_ebx::SHA, ["sse2"] {SHA};

    "umip" Leaf7Ecx leaf7_ecx::UMIP, [] {} cr4::UMIP;
    "pku" Leaf7Ecx leaf7_ecx::PKU, ["lm" "xsave"] {PKU} cr4::PKE;
    "gfni" Leaf7Ecx leaf7_ecx::GFNI, ["sse2"] {GFNI};
    "vaes" Leaf7Ecx leaf7_ecx::VAES, ["avx2" "aes"] {VAES};
    "vpclmulqdq" Leaf7Ecx leaf7_ecx::VPCLMULQDQ, ["avx2" "pclmulqdq"] {VPCLMULQDQ};
    "la57" Leaf7Ecx leaf7_ecx::LA57, ["lm"] {} cr4::LA57;
    "rdpid" Leaf7Ecx leaf7_ecx::RDPID, ["rdtscp"] {RDPID};
    "fsrm" Leaf7Edx leaf7_edx::FSRM, [] {};

    "xsaveopt" LeafD1Eax leafd_1_eax::XSAVEOPT, ["xsave"] {XSAVEOPT};
    "xsavec" LeafD1Eax leafd_1_eax::XSAVEC, ["xsave"] {XSAVEC};
    "xgetbv1" LeafD1Eax leafd_1_eax::XGETBV1, ["xsave"] {};
    "xsaves" LeafD1Eax leafd_1_eax::XSAVES, ["xsavec" "msr"] {XSAVES};

    "syscall" Ext1Edx ext1_edx::SYSCALL, ["msr"] {SYSCALL};
    "nx" Ext1Edx ext1_edx::NX, ["pae" "msr"] {};
    // AMD's name for what SSE brought to the MMX registers.
    "mmxext" Ext1Edx ext1_edx::MMXEXT, ["mmx" "sse"] {};
    "fxsr-opt" Ext1Edx ext1_edx::FFXSR, ["fxsr" "lm"] {};
    "pdpe1gb" Ext1Edx ext1_edx::PDPE1GB, ["lm"] {};
    "rdtscp" Ext1Edx ext1_edx::RDTSCP, ["tsc" "msr"] {RDTSCP};
    "lm" Ext1Edx ext1_edx::LM, ["pae" "msr" "cmov" "syscall"] {};
    "lahf-lm" Ext1Ecx ext1_ecx::LAHF_LM, ["lm"] {};
    "cr8legacy" Ext1Ecx ext1_ecx::CR8_LEGACY, ["apic"] {};
    "abm" Ext1Ecx ext1_ecx::ABM, ["popcnt"] {LZCNT};
    "sse4a" Ext1Ecx ext1_ecx::SSE4A, ["pni"] {SSE4A};
    "3dnowprefetch" Ext1Ecx ext1_ecx::PREFETCHW, [] {};
};

/// Other names for features: Intel's, `/proc/cpuinfo`'s, and without punctuation.
pub const ALIASES: &[(&str, &str)] = &[
    ("sse3", "pni"),
    ("sse4-1", "sse4.1"),
    ("sse41", "sse4.1"),
    ("sse4-2", "sse4.2"),
    ("sse42", "sse4.2"),
    ("lzcnt", "abm"),
    ("sha", "sha-ni"),
    ("pclmul", "pclmulqdq"),
    ("ffxsr", "fxsr-opt"),
    ("tscdeadline", "tsc-deadline"),
    ("xd", "nx"),
    ("i64", "lm"),
];

/// The feature of a name; `_` is as good as `-`.
pub fn feature(name: &str) -> Option<&'static Feature> {
    let name = name.replace('_', "-").to_ascii_lowercase();
    let name = ALIASES.iter().find(|alias| alias.0 == name).map_or(name.as_str(), |alias| alias.1);
    FEATURES.iter().find(|feature| feature.name == name)
}

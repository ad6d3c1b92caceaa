//! CPU models as data: what CPUID says, which instructions exist, which control bits can be set.

use arch::cpuid::*;
use iced_x86::{Code, CpuidFeature};
use serde::{Deserialize, Serialize};

/// A processor model. CPUID, #UD and the CR4 mask all follow from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Model {
    /// Name for `--cpu`.
    pub name: &'static str,
    /// CPUID leaf 0: vendor, 12 characters.
    pub vendor: &'static [u8; 12],
    /// CPUID leaf 1 EAX: family, model, stepping.
    pub signature: u32,
    /// CPUID leaves 0x8000_0002 to 4: at most 48 characters.
    pub brand: &'static str,
    /// Leaf 1 EDX, EAX-independent features.
    pub leaf1_edx: u32,
    /// Leaf 1 ECX.
    pub leaf1_ecx: u32,
    /// Leaf 7.0 EBX.
    pub leaf7_ebx: u32,
    /// Leaf 0x8000_0001 EDX, without the bits that repeat leaf 1.
    pub ext1_edx: u32,
    /// Leaf 0x8000_0001 ECX.
    pub ext1_ecx: u32,
}

/// The baseline: x86-64 with SSE2, FXSR, SYSCALL and NX; no XSAVE.
pub const QEMU64: Model = Model {
    name: "qemu64",
    vendor: b"AuthenticAMD",
    signature: 0x0006_0fb1, // family 15, model 107, stepping 1: the last x86-64 without SSSE3
    brand: "bootscope virtual CPU, x86-64 baseline",
    leaf1_edx: leaf1_edx::FPU
        | leaf1_edx::DE
        | leaf1_edx::PSE
        | leaf1_edx::TSC
        | leaf1_edx::MSR
        | leaf1_edx::PAE
        | leaf1_edx::MCE
        | leaf1_edx::CX8
        | leaf1_edx::APIC
        | leaf1_edx::SEP
        | leaf1_edx::MTRR
        | leaf1_edx::PGE
        | leaf1_edx::MCA
        | leaf1_edx::CMOV
        | leaf1_edx::PAT
        | leaf1_edx::PSE36
        | leaf1_edx::CLFLUSH
        | leaf1_edx::MMX
        | leaf1_edx::FXSR
        | leaf1_edx::SSE
        | leaf1_edx::SSE2,
    leaf1_ecx: leaf1_ecx::SSE3 | leaf1_ecx::CX16 | leaf1_ecx::HYPERVISOR,
    leaf7_ebx: leaf7_ebx::SMEP | leaf7_ebx::SMAP,
    ext1_edx: ext1_edx::SYSCALL | ext1_edx::NX | ext1_edx::LM,
    ext1_ecx: ext1_ecx::LAHF_LM,
};

/// Which instructions a model has, one bit a `Code`: asking for the features of each instruction took a
/// tenth of the time to build a block.
pub(crate) struct Offered(Box<[u64]>);

impl Offered {
    /// What `model` has.
    pub(crate) fn by(model: &Model) -> Self {
        let mut bits = vec![0; Code::values().len().div_ceil(64)];
        for code in Code::values().filter(|&code| model.offers(code)) {
            bits[code as usize / 64] |= 1 << (code as usize % 64);
        }
        Self(bits.into_boxed_slice())
    }

    /// True if the instruction exists; otherwise it raises #UD.
    #[inline]
    pub(crate) fn contains(&self, code: Code) -> bool {
        self.0[code as usize / 64] >> (code as usize % 64) & 1 != 0
    }
}

/// All models, the default first.
pub const MODELS: &[Model] = &[QEMU64];

impl Model {
    /// The model of a name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.name == name)
    }

    /// True if LZCNT exists; else its encoding is BSR.
    pub fn has_lzcnt(&self) -> bool {
        self.ext1_ecx & ext1_ecx::ABM != 0
    }

    /// True if TZCNT exists; else its encoding is BSF.
    pub fn has_tzcnt(&self) -> bool {
        self.leaf7_ebx & 1 << 3 != 0
    }

    /// True if the model has every feature an instruction needs; otherwise it raises #UD.
    pub(crate) fn offers(&self, code: Code) -> bool {
        code.cpuid_features().iter().all(|&feature| self.has(feature))
    }

    fn has(&self, feature: CpuidFeature) -> bool {
        let (register, bit) = match feature {
            // Every x86-64 processor has these, and what hint space holds is a NOP without its
            // feature.
            CpuidFeature::INTEL8086
            | CpuidFeature::INTEL8086_ONLY
            | CpuidFeature::INTEL186
            | CpuidFeature::INTEL286
            | CpuidFeature::INTEL386
            | CpuidFeature::INTEL486
            | CpuidFeature::X64
            | CpuidFeature::FPU
            | CpuidFeature::FPU287
            | CpuidFeature::FPU387
            | CpuidFeature::CPUID
            | CpuidFeature::MULTIBYTENOP
            | CpuidFeature::PAUSE
            | CpuidFeature::RDPMC
            | CpuidFeature::SMM
            | CpuidFeature::CET_IBT
            | CpuidFeature::CET_SS
            | CpuidFeature::WBNOINVD
            | CpuidFeature::PREFETCHW => return true,
            CpuidFeature::TSC => (self.leaf1_edx, leaf1_edx::TSC),
            CpuidFeature::MSR => (self.leaf1_edx, leaf1_edx::MSR),
            CpuidFeature::CX8 => (self.leaf1_edx, leaf1_edx::CX8),
            CpuidFeature::SEP => (self.leaf1_edx, leaf1_edx::SEP),
            CpuidFeature::CMOV => (self.leaf1_edx, leaf1_edx::CMOV),
            CpuidFeature::CLFSH => (self.leaf1_edx, leaf1_edx::CLFLUSH),
            CpuidFeature::MMX => (self.leaf1_edx, leaf1_edx::MMX),
            CpuidFeature::FXSR => (self.leaf1_edx, leaf1_edx::FXSR),
            CpuidFeature::SSE => (self.leaf1_edx, leaf1_edx::SSE),
            CpuidFeature::SSE2 => (self.leaf1_edx, leaf1_edx::SSE2),
            CpuidFeature::SSE3 => (self.leaf1_ecx, leaf1_ecx::SSE3),
            CpuidFeature::CMPXCHG16B => (self.leaf1_ecx, leaf1_ecx::CX16),
            CpuidFeature::MONITOR => (self.leaf1_ecx, leaf1_ecx::MONITOR),
            CpuidFeature::POPCNT => (self.leaf1_ecx, leaf1_ecx::POPCNT),
            CpuidFeature::XSAVE => (self.leaf1_ecx, leaf1_ecx::XSAVE),
            CpuidFeature::RDRAND => (self.leaf1_ecx, leaf1_ecx::RDRAND),
            CpuidFeature::FSGSBASE => (self.leaf7_ebx, leaf7_ebx::FSGSBASE),
            CpuidFeature::SMAP => (self.leaf7_ebx, leaf7_ebx::SMAP),
            CpuidFeature::INVPCID => (self.leaf7_ebx, leaf7_ebx::INVPCID),
            CpuidFeature::SYSCALL => (self.ext1_edx, ext1_edx::SYSCALL),
            CpuidFeature::RDTSCP => (self.ext1_edx, ext1_edx::RDTSCP),
            CpuidFeature::LZCNT => (self.ext1_ecx, ext1_ecx::ABM),
            _ => return false,
        };
        register & bit != 0
    }

    /// CR4 bits that this model defines; setting another raises #GP.
    pub fn cr4_mask(&self) -> u64 {
        use arch::control::cr4;
        let mut mask = cr4::TSD | cr4::PCE;
        let edx = [
            (leaf1_edx::VME, cr4::VME | cr4::PVI),
            (leaf1_edx::DE, cr4::DE),
            (leaf1_edx::PSE, cr4::PSE),
            (leaf1_edx::PAE, cr4::PAE),
            (leaf1_edx::MCE, cr4::MCE),
            (leaf1_edx::PGE, cr4::PGE),
            (leaf1_edx::FXSR, cr4::OSFXSR),
            (leaf1_edx::SSE, cr4::OSXMMEXCPT),
        ];
        let ecx = [(leaf1_ecx::PCID, cr4::PCIDE), (leaf1_ecx::XSAVE, cr4::OSXSAVE)];
        let ebx = [
            (leaf7_ebx::FSGSBASE, cr4::FSGSBASE),
            (leaf7_ebx::SMEP, cr4::SMEP),
            (leaf7_ebx::SMAP, cr4::SMAP),
        ];
        let words =
            [(self.leaf1_edx, &edx[..]), (self.leaf1_ecx, &ecx[..]), (self.leaf7_ebx, &ebx[..])];
        for (word, bits) in words {
            for (feature, bit) in bits {
                if word & feature != 0 {
                    mask |= bit;
                }
            }
        }
        mask
    }
}

/// Serialised as its name: a snapshot names the model it was made with.
impl Serialize for Model {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::by_name(&name).copied().ok_or_else(|| serde::de::Error::custom("unknown CPU model"))
    }
}

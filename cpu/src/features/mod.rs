//! CPU models as data: what CPUID says, which instructions exist, which control bits can be set.
//!
//! `table.rs` has one row per feature, `models.rs` the models; #UD, the CR4 mask and CPUID follow.

mod models;
mod table;

pub use models::{MAX, MODELS, QEMU64, X86_64_V3, X86_64_V3_INTEL};
pub use table::{ALIASES, FEATURES, Feature, feature};

use arch::control::{efer, xcr0};
use arch::cpuid::*;
use iced_x86::{Code, CpuidFeature};
use serde::{Deserialize, Serialize};

/// A word of CPUID that tells of features.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// Leaf 1, EDX.
    Leaf1Edx,
    /// Leaf 1, ECX.
    Leaf1Ecx,
    /// Leaf 7 subleaf 0, EBX.
    Leaf7Ebx,
    /// Leaf 7 subleaf 0, ECX.
    Leaf7Ecx,
    /// Leaf 7 subleaf 0, EDX.
    Leaf7Edx,
    /// Leaf 0xd subleaf 1, EAX.
    LeafD1Eax,
    /// Leaf 0x8000_0001, EDX, without the bits that repeat leaf 1.
    Ext1Edx,
    /// Leaf 0x8000_0001, ECX.
    Ext1Ecx,
}

/// Number of [`Word`]s.
const WORDS: usize = 8;

/// A processor model. CPUID, #UD and the CR4 mask all follow from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Model {
    /// Name for `--cpu`.
    pub name: &'static str,
    /// CPUID leaf 0: vendor, 12 characters.
    pub vendor: &'static [u8; 12],
    /// CPUID leaf 1 EAX: family, model, stepping.
    pub signature: u32,
    /// CPUID leaves 0x8000_0002 to 4: at most 48 characters; empty for a processor without them.
    pub brand: &'static str,
    features: [u32; WORDS],
}

impl Model {
    /// A model with features by name, in groups.
    const fn new(
        name: &'static str,
        vendor: &'static [u8; 12],
        signature: u32,
        brand: &'static str,
        groups: &[&[&str]],
    ) -> Self {
        let mut features = [0; WORDS];
        let mut group = 0;
        while group < groups.len() {
            let names = groups[group];
            let mut i = 0;
            while i < names.len() {
                let feature = named(names[i]);
                features[feature.word as usize] |= feature.bit;
                i += 1;
            }
            group += 1;
        }
        Self { name, vendor, signature, brand, features }
    }

    /// The model of a name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.name == name)
    }

    /// A word of CPUID as this model shows it.
    pub const fn word(&self, word: Word) -> u32 {
        self.features[word as usize]
    }

    /// True if the model has a feature, by word and bit.
    pub const fn has(&self, word: Word, bit: u32) -> bool {
        self.word(word) & bit != 0
    }

    /// Adds a feature. On error: the name of a feature that it needs and that is not there.
    pub fn add(&mut self, feature: &Feature) -> Result<(), &'static str> {
        if let Some(missing) = feature.needs.iter().find(|needed| !self.has_named(needed)) {
            return Err(missing);
        }
        self.features[feature.word as usize] |= feature.bit;
        Ok(())
    }

    /// Takes a feature away, and with it all that need it.
    pub fn remove(&mut self, feature: &Feature) {
        self.features[feature.word as usize] &= !feature.bit;
        for other in FEATURES {
            if other.needs.contains(&feature.name) && self.has(other.word, other.bit) {
                self.remove(other);
            }
        }
    }

    /// True if the model has the feature of that name in the table.
    pub fn has_named(&self, name: &str) -> bool {
        FEATURES.iter().any(|feature| feature.name == name && self.has(feature.word, feature.bit))
    }

    /// The names of its features.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let model = *self;
        FEATURES
            .iter()
            .filter(move |feature| model.has(feature.word, feature.bit))
            .map(|feature| feature.name)
    }

    /// True for AMD's processors, where the vendors differ.
    pub fn is_amd(&self) -> bool {
        self.vendor == b"AuthenticAMD"
    }

    /// True if Linux takes the frequency of the TSC from CPUID: leaf 0x15, of Intel's processors alone
    /// (`arch/x86/kernel/tsc.c`, `native_calibrate_tsc`).
    pub fn tells_tsc_to_linux(&self) -> bool {
        !self.is_amd() && self.has_extended_leaves()
    }

    /// True if there are extended leaves: long mode's, EFER's and the brand string's.
    pub fn has_extended_leaves(&self) -> bool {
        !self.brand.is_empty()
    }

    /// True if LZCNT exists; else its encoding is BSR.
    pub fn has_lzcnt(&self) -> bool {
        self.has(Word::Ext1Ecx, ext1_ecx::ABM)
    }

    /// True if TZCNT exists; else its encoding is BSF.
    pub fn has_tzcnt(&self) -> bool {
        self.has(Word::Leaf7Ebx, leaf7_ebx::BMI1)
    }

    /// True if the model has every feature an instruction needs; otherwise it raises #UD.
    pub fn offers(&self, code: Code) -> bool {
        self.lacks(code).is_none()
    }

    /// The first feature that an instruction needs and the model lacks, by iced-x86's name.
    pub fn lacks(&self, code: Code) -> Option<CpuidFeature> {
        code.cpuid_features().iter().copied().find(|&needed| !self.has_instructions_of(needed))
    }

    /// Why an instruction raises #UD on this model: "RDRAND needs rdrand, which CPU model qemu64 lacks".
    pub fn explain_lack(&self, code: Code) -> Option<String> {
        let needed = self.lacks(code)?;
        let row = FEATURES.iter().find(|feature| feature.instructions.contains(&needed));
        let feature = row.map_or_else(|| format!("{needed:?}"), |row| row.name.to_owned());
        let mnemonic = format!("{:?}", code.mnemonic()).to_uppercase();
        Some(format!("{mnemonic} needs {feature}, which CPU model {} lacks", self.name))
    }

    fn has_instructions_of(&self, needed: CpuidFeature) -> bool {
        use CpuidFeature::*;
        match needed {
            // All models are at least a 486; what hint space holds is a NOP without its feature.
            INTEL8086 | INTEL8086_ONLY | INTEL186 | INTEL286 | INTEL386 | INTEL486 | X64
            | CPUID | PAUSE | SMM | WBNOINVD | CET_SS => true,
            // AMD: on every processor with long mode.
            PREFETCHW => {
                self.has(Word::Ext1Edx, ext1_edx::LM)
                    || self.has(Word::Ext1Ecx, ext1_ecx::PREFETCHW)
            }
            _ => FEATURES
                .iter()
                .find(|feature| feature.instructions.contains(&needed))
                .is_some_and(|feature| self.has(feature.word, feature.bit)),
        }
    }

    /// XCR0 bits that can be set: the state components that XSAVE manages.
    pub fn xcr0_mask(&self) -> u64 {
        let bit = |word, feature, bits| if self.has(word, feature) { bits } else { 0 };
        bit(Word::Leaf1Ecx, leaf1_ecx::XSAVE, xcr0::X87 | xcr0::SSE)
            | bit(Word::Leaf1Ecx, leaf1_ecx::AVX, xcr0::AVX)
            | bit(Word::Leaf7Ecx, leaf7_ecx::PKU, xcr0::PKRU)
    }

    /// EFER bits that can be set.
    pub fn efer_mask(&self) -> u64 {
        let bit = |feature, bits| if self.has(Word::Ext1Edx, feature) { bits } else { 0 };
        bit(ext1_edx::SYSCALL, efer::SCE)
            | bit(ext1_edx::NX, efer::NXE)
            | bit(ext1_edx::LM, efer::LME)
            | bit(ext1_edx::FFXSR, efer::FFXSR)
    }

    /// CR4 bits that this model defines; setting another raises #GP.
    pub fn cr4_mask(&self) -> u64 {
        FEATURES
            .iter()
            .filter(|feature| self.has(feature.word, feature.bit))
            .fold(0, |mask, feature| mask | feature.cr4)
    }
}

/// The row of a name, at compile time.
const fn named(name: &str) -> &'static Feature {
    let mut i = 0;
    while i < FEATURES.len() {
        if same(FEATURES[i].name, name) {
            return &FEATURES[i];
        }
        i += 1;
    }
    panic!("a model names a feature that the table lacks")
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

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

    /// Adds an instruction.
    pub(crate) fn add(&mut self, code: Code) {
        self.0[code as usize / 64] |= 1 << (code as usize % 64);
    }

    /// True if the instruction exists; otherwise it raises #UD.
    #[inline]
    pub(crate) fn contains(&self, code: Code) -> bool {
        self.0[code as usize / 64] >> (code as usize % 64) & 1 != 0
    }
}

/// A model in a snapshot: its name, and what the command line may have changed.
#[derive(Serialize, Deserialize)]
struct Saved {
    name: String,
    features: [u32; WORDS],
}

impl From<Model> for Saved {
    fn from(model: Model) -> Self {
        Self { name: model.name.into(), features: model.features }
    }
}

impl TryFrom<Saved> for Model {
    type Error = String;

    fn try_from(saved: Saved) -> Result<Self, String> {
        let base = Self::by_name(&saved.name)
            .ok_or_else(|| format!("unknown CPU model {:?}", saved.name))?;
        Ok(Self { features: saved.features, ..*base })
    }
}

#[cfg(test)]
mod tests;

//! CPUID: every leaf from the CPU model in `features/`.
//!
//! SDM Vol. 2A, "CPUID"; AMD APM Vol. 3, Appendix E. Timing is stated twice, because guests look in two
//! places: leaf 0x15 (crystal, TSC) and the hypervisor timing leaf 0x4000_0010 (TSC kHz, APIC timer kHz).
//!
//! Under a hypervisor of the machine's making its own leaves stand in place of the latter ([`crate::Hypervisor`]).
//!
//! Follow the state: OSXSAVE and OSPKE (CR4), the APIC bit (IA32_APIC_BASE), sizes of the XSAVE area (XCR0).
//! Not stated: leaf 0x1f and 0x8000_001d/e (0xb says that there is one processor), performance counters,
//! caches by leaf 4 (AMD has 0x8000_0005/6).

use super::xsave::{EXTENDED, compacted_bytes, standard_bytes};
use crate::cpu::{Cpu, Done, reg};
use crate::decode::op::Op;
use crate::features::Word;
use crate::hypervisor::{LEAF_FIRST, LEAF_LAST};
use arch::control::cr4;
use arch::cpuid::{leaf1_ecx, leaf1_edx, leaf7_ecx, leafd_1_eax};

/// Highest basic leaf of the processors with long mode; the older ones have leaf 1.
const MAX_BASIC: u32 = 0x16;
/// First extended leaf.
const EXTENDED_FIRST: u32 = 0x8000_0000;
/// Highest extended leaf.
const MAX_EXTENDED: u32 = 0x8000_0008;
/// Highest hypervisor leaf: the timing leaf.
const MAX_HYPERVISOR: u32 = 0x4000_0010;
/// Extended leaf 1 EDX bits that repeat leaf 1 EDX (AMD).
const REPEATED: u32 = 0x0183_f3ff;

/// EAX, EBX, ECX, EDX.
type Leaf = [u32; 4];

/// CPUID.
pub(crate) fn cpuid(cpu: &mut Cpu, _op: &Op) -> Done {
    let leaf = cpu.reg::<u32>(reg::RAX);
    let subleaf = cpu.reg::<u32>(reg::RCX);
    let [eax, ebx, ecx, edx] = cpu.cpuid_leaf(leaf, subleaf);
    cpu.set_reg(reg::RAX, eax);
    cpu.set_reg(reg::RBX, ebx);
    cpu.set_reg(reg::RCX, ecx);
    cpu.set_reg(reg::RDX, edx);
    Ok(())
}

impl Cpu {
    /// The four registers of a leaf. Beyond the last of its range AMD answers zeros, Intel with the highest
    /// basic leaf.
    pub fn cpuid_leaf(&self, leaf: u32, subleaf: u32) -> Leaf {
        if let (LEAF_FIRST..=LEAF_LAST, Some(hypervisor)) = (leaf, &self.hypervisor) {
            return hypervisor.answer(leaf, subleaf);
        }
        let basic = self.max_basic();
        match leaf {
            _ if leaf <= basic => self.basic_leaf(leaf, subleaf),
            LEAF_FIRST..=MAX_HYPERVISOR if self.is_hypervisor_guest() => self.hypervisor_leaf(leaf),
            EXTENDED_FIRST..=MAX_EXTENDED if self.model.has_extended_leaves() => {
                self.extended_leaf(leaf)
            }
            _ if self.model.is_amd() => [0; 4],
            _ => self.basic_leaf(basic, subleaf),
        }
    }

    fn max_basic(&self) -> u32 {
        if self.model.has_extended_leaves() { MAX_BASIC } else { 1 }
    }

    fn basic_leaf(&self, leaf: u32, subleaf: u32) -> Leaf {
        let mhz = (self.tsc_hz() / 1_000_000) as u32;
        match leaf {
            0 => vendor(self.max_basic(), self.model.vendor),
            1 => self.leaf1(),
            5 if self.model.has(Word::Leaf1Ecx, leaf1_ecx::MONITOR) => MONITOR,
            // The local APIC timer never stops (ARAT).
            6 => [1 << 2, 0, 0, 0],
            7 if subleaf == 0 => self.leaf7(),
            0xb if self.model.has(Word::Leaf1Ecx, leaf1_ecx::X2APIC) => self.topology(subleaf),
            0xd if self.model.has(Word::Leaf1Ecx, leaf1_ecx::XSAVE) => self.leaf_xsave(subleaf),
            0x15 => self.leaf15(),
            0x16 => [mhz, mhz, 0, 0],
            _ => [0; 4],
        }
    }

    fn hypervisor_leaf(&self, leaf: u32) -> Leaf {
        match leaf {
            LEAF_FIRST => vendor_like(MAX_HYPERVISOR),
            MAX_HYPERVISOR => [(self.tsc_hz() / 1000) as u32, (self.apic_hz / 1000) as u32, 0, 0],
            _ => [0; 4],
        }
    }

    fn extended_leaf(&self, leaf: u32) -> Leaf {
        let model = &self.model;
        match leaf {
            0x8000_0000 => vendor(MAX_EXTENDED, model.vendor),
            0x8000_0001 => {
                let repeated = if model.is_amd() { self.leaf1_edx() & REPEATED } else { 0 };
                let edx = model.word(Word::Ext1Edx) | repeated;
                [model.signature, 0, model.word(Word::Ext1Ecx), edx]
            }
            0x8000_0002..=0x8000_0004 => brand(model.brand, (leaf - 0x8000_0002) as usize),
            // L1: 64 KiB, 2-way, 64-byte lines; TLB sizes of a K8. Reserved by Intel.
            0x8000_0005 if !model.is_amd() => [0; 4],
            0x8000_0005 => [0xff08_ff08, 0xff20_ff20, 0x4002_0140, 0x4002_0140],
            // L2: 512 KiB, 16-way.
            0x8000_0006 => [0, 0x4200_4200, 0x0200_8140, 0],
            // The TSC is invariant.
            0x8000_0007 => [0, 0, 0, 1 << 8],
            0x8000_0008 => {
                let linear = if model.has(Word::Leaf7Ecx, leaf7_ecx::LA57) { 57 } else { 48 };
                [crate::mmu::walk::PHYSICAL_BITS | linear << 8, 0, 0, 0]
            }
            _ => [0; 4],
        }
    }

    fn is_hypervisor_guest(&self) -> bool {
        self.model.has(Word::Leaf1Ecx, leaf1_ecx::HYPERVISOR)
    }

    fn tsc_hz(&self) -> u64 {
        self.tsc_clock.ticks(1_000_000_000)
    }

    /// Leaf 1 EDX: the APIC is not there while it is disabled.
    fn leaf1_edx(&self) -> u32 {
        let gone = if self.apic_enabled { 0 } else { leaf1_edx::APIC };
        self.model.word(Word::Leaf1Edx) & !gone
    }

    fn leaf1(&self) -> Leaf {
        let model = &self.model;
        let mut ecx = model.word(Word::Leaf1Ecx);
        if ecx & leaf1_ecx::XSAVE != 0 && self.cr4 & cr4::OSXSAVE != 0 {
            ecx |= leaf1_ecx::OSXSAVE;
        }
        // CLFLUSH line of 64 bytes (in units of 8), initial APIC ID.
        let line = if model.has(Word::Leaf1Edx, leaf1_edx::CLFLUSH) { 8 << 8 } else { 0 };
        let apic = if model.has(Word::Leaf1Edx, leaf1_edx::APIC) { 1 << 16 } else { 0 };
        let ebx = line | apic | u32::from(self.index) << 24;
        [model.signature, ebx, ecx, self.leaf1_edx()]
    }

    /// Structured features; OSPKE says that the system enabled protection keys.
    fn leaf7(&self) -> Leaf {
        let mut ecx = self.model.word(Word::Leaf7Ecx);
        if self.cr4 & cr4::PKE != 0 {
            ecx |= leaf7_ecx::OSPKE;
        }
        [0, self.model.word(Word::Leaf7Ebx), ecx, self.model.word(Word::Leaf7Edx)]
    }

    /// One thread in one core: a level of each kind, then levels that do not exist.
    fn topology(&self, subleaf: u32) -> Leaf {
        const THREADS: u32 = 1;
        const CORES: u32 = 2;
        let (processors, kind) = match subleaf {
            0 => (1, THREADS),
            1 => (1, CORES),
            _ => (0, 0),
        };
        [0, processors, subleaf & 0xff | kind << 8, u32::from(self.index)]
    }

    /// The XSAVE area: which components there are, how large it is now and at most, where they are.
    fn leaf_xsave(&self, subleaf: u32) -> Leaf {
        let (all, now) = (self.model.xcr0_mask(), self.xcr0);
        let features = self.model.word(Word::LeafD1Eax);
        match subleaf {
            0 => {
                let (now, most) = (standard_bytes(now) as u32, standard_bytes(all) as u32);
                [all as u32, now, most, (all >> 32) as u32]
            }
            1 if features & leafd_1_eax::XSAVEC != 0 => {
                [features, compacted_bytes(now) as u32, 0, 0]
            }
            1 => [features, 0, 0, 0],
            _ => EXTENDED
                .iter()
                .find(|(component, ..)| {
                    *component & all != 0 && component.trailing_zeros() == subleaf
                })
                .map_or([0; 4], |(_, bytes, at)| [*bytes as u32, *at as u32, 0, 0]),
        }
    }

    /// TSC / core crystal ratio. The crystal is the local APIC timer's clock too: guests take it for that.
    fn leaf15(&self) -> Leaf {
        let (hz, crystal) = (self.tsc_hz(), self.apic_hz);
        if crystal == 0 || !hz.is_multiple_of(crystal) {
            return [0; 4];
        }
        [1, (hz / crystal) as u32, crystal as u32, 0]
    }
}

/// MONITOR: lines of 64 bytes, extensions in ECX, one kind of C1.
const MONITOR: Leaf = [64, 64, 3, 1 << 4];

fn vendor(max: u32, name: &[u8; 12]) -> Leaf {
    let word = |i: usize| u32::from_le_bytes([name[i], name[i + 1], name[i + 2], name[i + 3]]);
    [max, word(0), word(8), word(4)]
}

/// The hypervisor leaf's order is EBX, ECX, EDX.
fn vendor_like(max: u32) -> Leaf {
    let [max, ebx, ecx, edx] = vendor(max, b"bootscopeVM\0");
    [max, ebx, edx, ecx]
}

/// Part `i` of the brand string.
fn brand(text: &str, i: usize) -> Leaf {
    let mut bytes = [0; 48];
    let len = text.len().min(47);
    bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
    let word = |n: usize| {
        let at = 16 * i + 4 * n;
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    };
    [word(0), word(1), word(2), word(3)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::features::{MAX, Model, X86_64_V3, X86_64_V3_INTEL};

    fn cpu(model: Model) -> Cpu {
        Cpu::new(&Config { model, ..Config::default() })
    }

    #[test]
    fn beyond_its_range_amd_answers_zeros_and_intel_the_highest_basic_leaf() {
        let (amd, intel) = (cpu(MAX), cpu(*Model::by_name("pentium").unwrap()));
        assert_eq!(intel.cpuid_leaf(0, 0)[0], 1);
        for leaf in [0x17, 0x3fff_ffff, 0x8000_0009, 0xffff_ffff] {
            assert_eq!(amd.cpuid_leaf(leaf, 0), [0; 4], "{leaf:#x}");
        }
        for leaf in [2, 0x4000_0000, 0x8000_0000, 0x8000_0001] {
            assert_eq!(intel.cpuid_leaf(leaf, 0), intel.cpuid_leaf(1, 0), "{leaf:#x}");
        }
    }

    /// SDM Vol. 2A, "CPUID", leaves 0x15 and 0x16: 25 MHz times 40; AMD repeats leaf 1 in its extended leaf.
    #[test]
    fn the_intel_model_tells_the_frequency_of_its_tsc_and_repeats_nothing_of_amds() {
        let (amd, intel) = (cpu(X86_64_V3), cpu(X86_64_V3_INTEL));

        assert_eq!(intel.cpuid_leaf(0, 0), [0x16, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]);
        assert_eq!(intel.cpuid_leaf(0x15, 0), [1, 40, 25_000_000, 0]);
        assert_eq!(intel.cpuid_leaf(0x16, 0), [1000, 1000, 0, 0]);
        assert_eq!(intel.cpuid_leaf(0x8000_0001, 0)[3] & REPEATED, 0);
        assert_ne!(amd.cpuid_leaf(0x8000_0001, 0)[3] & REPEATED, 0);
        assert!(intel.model.tells_tsc_to_linux() && !amd.model.tells_tsc_to_linux());
    }

    #[test]
    fn bits_of_the_state_follow_it() {
        let mut cpu = cpu(MAX);
        assert_eq!(cpu.cpuid_leaf(1, 0)[2] & leaf1_ecx::OSXSAVE, 0);
        cpu.cr4 |= cr4::OSXSAVE | cr4::PKE;
        cpu.apic_enabled = false;
        assert_ne!(cpu.cpuid_leaf(1, 0)[2] & leaf1_ecx::OSXSAVE, 0);
        assert_ne!(cpu.cpuid_leaf(7, 0)[2] & leaf7_ecx::OSPKE, 0);
        assert_eq!(cpu.cpuid_leaf(1, 0)[3] & leaf1_edx::APIC, 0);
        assert_eq!(cpu.cpuid_leaf(0x8000_0001, 0)[3] & leaf1_edx::APIC, 0);
    }

    #[test]
    fn the_xsave_leaf_tells_sizes_of_now_and_at_most() {
        let mut cpu = cpu(MAX);
        assert_eq!(cpu.cpuid_leaf(0xd, 0), [0x207, 576, 840, 0]);
        cpu.xcr0 = 7;
        assert_eq!(cpu.cpuid_leaf(0xd, 0), [0x207, 832, 840, 0]);
        assert_eq!(cpu.cpuid_leaf(0xd, 1), [0xf, 832, 0, 0]);
        cpu.xcr0 = 0x203;
        assert_eq!(cpu.cpuid_leaf(0xd, 1), [0xf, 584, 0, 0]);
        assert_eq!(cpu.cpuid_leaf(0xd, 2), [256, 576, 0, 0]);
        assert_eq!(cpu.cpuid_leaf(0xd, 9), [8, 832, 0, 0]);
        assert_eq!(cpu.cpuid_leaf(0xd, 3), [0; 4]);
        let v3 = self::cpu(X86_64_V3);
        assert_eq!(v3.cpuid_leaf(0xd, 0), [7, 576, 832, 0]);
        assert_eq!(v3.cpuid_leaf(0xd, 9), [0; 4]);
    }

    #[test]
    fn the_topology_has_one_processor_at_two_levels() {
        let cpu = cpu(MAX);
        assert_eq!(cpu.cpuid_leaf(0xb, 0), [0, 1, 0x100, 0]);
        assert_eq!(cpu.cpuid_leaf(0xb, 1), [0, 1, 0x201, 0]);
        assert_eq!(cpu.cpuid_leaf(0xb, 2), [0, 0, 2, 0]);
    }
}

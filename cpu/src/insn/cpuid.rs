//! CPUID: every leaf from the CPU model in `features.rs`.
//!
//! SDM Vol. 2A, "CPUID"; AMD APM Vol. 3, Appendix E. Timing is stated twice, because guests look in two
//! places: leaf 0x15 (crystal, TSC) and the hypervisor timing leaf 0x4000_0010 (TSC kHz, APIC timer kHz).

use crate::cpu::{Cpu, Done, reg};
use crate::decode::op::Op;
use crate::features::Word;
use arch::control::cr4;
use arch::cpuid::{leaf1_ecx, leaf7_ecx};

/// Highest basic leaf.
const MAX_BASIC: u32 = 0x16;
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
    /// The four registers of a leaf; leaves that do not exist read as zeros (AMD's rule).
    pub fn cpuid_leaf(&self, leaf: u32, subleaf: u32) -> Leaf {
        let model = &self.model;
        match leaf {
            0 => vendor(MAX_BASIC, model.vendor),
            1 => self.leaf1(),
            // The local APIC timer never stops (ARAT).
            6 => [1 << 2, 0, 0, 0],
            7 if subleaf == 0 => self.leaf7(),
            0x15 => self.leaf15(),
            0x16 => [(self.tsc_hz() / 1_000_000) as u32, (self.tsc_hz() / 1_000_000) as u32, 0, 0],
            0x4000_0000 if self.is_hypervisor_guest() => vendor_like(MAX_HYPERVISOR),
            0x4000_0010 if self.is_hypervisor_guest() => {
                [(self.tsc_hz() / 1000) as u32, (self.apic_hz / 1000) as u32, 0, 0]
            }
            0x8000_0000 => vendor(MAX_EXTENDED, model.vendor),
            0x8000_0001 => {
                let repeated = model.word(Word::Leaf1Edx) & REPEATED;
                let edx = model.word(Word::Ext1Edx) | repeated;
                [model.signature, 0, model.word(Word::Ext1Ecx), edx]
            }
            0x8000_0002..=0x8000_0004 => brand(model.brand, (leaf - 0x8000_0002) as usize),
            // L1: 64 KiB, 2-way, 64-byte lines; TLB sizes of a K8.
            0x8000_0005 => [0xff08_ff08, 0xff20_ff20, 0x4002_0140, 0x4002_0140],
            // L2: 512 KiB, 16-way.
            0x8000_0006 => [0, 0x4200_4200, 0x0200_8140, 0],
            // The TSC is invariant.
            0x8000_0007 => [0, 0, 0, 1 << 8],
            0x8000_0008 => [crate::mmu::walk::PHYSICAL_BITS | 48 << 8, 0, 0, 0],
            _ => [0; 4],
        }
    }

    fn is_hypervisor_guest(&self) -> bool {
        self.model.has(Word::Leaf1Ecx, leaf1_ecx::HYPERVISOR)
    }

    fn tsc_hz(&self) -> u64 {
        self.tsc_clock.ticks(1_000_000_000)
    }

    fn leaf1(&self) -> Leaf {
        let model = &self.model;
        let mut ecx = model.word(Word::Leaf1Ecx);
        if ecx & leaf1_ecx::XSAVE != 0 && self.cr4 & cr4::OSXSAVE != 0 {
            ecx |= leaf1_ecx::OSXSAVE;
        }
        // CLFLUSH line of 64 bytes (in units of 8), initial APIC ID.
        let ebx = 8 << 8 | u32::from(self.index) << 24 | 1 << 16;
        [model.signature, ebx, ecx, model.word(Word::Leaf1Edx)]
    }

    /// Structured features; OSPKE says that the system enabled protection keys.
    fn leaf7(&self) -> Leaf {
        let mut ecx = self.model.word(Word::Leaf7Ecx);
        if self.cr4 & cr4::PKE != 0 {
            ecx |= leaf7_ecx::OSPKE;
        }
        [0, self.model.word(Word::Leaf7Ebx), ecx, self.model.word(Word::Leaf7Edx)]
    }

    /// TSC / core crystal ratio, with the crystal at 25 MHz.
    fn leaf15(&self) -> Leaf {
        const CRYSTAL: u64 = 25_000_000;
        let hz = self.tsc_hz();
        if !hz.is_multiple_of(CRYSTAL) {
            return [0; 4];
        }
        [1, (hz / CRYSTAL) as u32, CRYSTAL as u32, 0]
    }
}

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

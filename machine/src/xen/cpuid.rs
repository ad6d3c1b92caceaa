//! How a guest finds Xen: CPUID leaves from 0x4000_0000 (`public/arch-x86/cpuid.h`), and the MSR that has a page
//! of hypercalls written (`public/arch-x86/xen.h`, "Hypercall page").

use super::Xen;
use super::domid;
use super::time::scale;
use crate::config::TSC_CLOCK;
use cpu::{Hypervisor, Leaf};
use memory::{Memory, PAGE_SIZE, PhysAddr};

/// The first leaf, which names the last and who answers.
const BASE: u32 = 0x4000_0000;
/// Number of the MSR that writes the hypercall page.
pub(crate) const HYPERCALL_MSR: u32 = 0x4000_0000;
/// The version of Xen that is shown: major and minor.
pub(super) const VERSION: (u16, u16) = (4, 17);
/// Leaves behind the first.
const LEAVES: u32 = 5;

/// Leaf 3: the TSC is known to be reliable; RDTSCP.
const TSC_RELIABLE: u32 = 1 << 1;
const TSC_RDTSCP: u32 = 1 << 2;
/// Leaf 4: which of its registers count, and HVMOP_set_evtchn_upcall_vector as Xen 4.17 has it.
const VCPU_ID_PRESENT: u32 = 1 << 3;
const DOMID_PRESENT: u32 = 1 << 4;
const UPCALL_VECTOR: u32 = 1 << 6;

/// What the CPU shows; `rdtscp` if it has that instruction.
pub(crate) fn hypervisor(rdtscp: bool) -> Hypervisor {
    let word = |at: usize| {
        let name = b"XenVMMXenVMM";
        u32::from_le_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]])
    };
    let row = |leaf, subleaf, registers| Leaf { leaf: BASE + leaf, subleaf, registers };
    let hz = TSC_CLOCK.ticks(1_000_000_000);
    let khz = (hz / 1000) as u32;
    let (mul, shift) = scale(hz);
    let version = u32::from(VERSION.0) << 16 | u32::from(VERSION.1);
    let tsc = TSC_RELIABLE | if rdtscp { TSC_RDTSCP } else { 0 };
    let present = VCPU_ID_PRESENT | DOMID_PRESENT | UPCALL_VECTOR;
    let leaves = vec![
        row(0, None, [BASE + LEAVES, word(0), word(4), word(8)]),
        row(1, None, [version, 0, 0, 0]),
        // One hypercall page.
        row(2, None, [1, HYPERCALL_MSR, 0, 0]),
        row(3, Some(0), [tsc, 0, khz, 0]),
        row(3, Some(1), [0, 0, mul, i32::from(shift) as u32]),
        row(3, Some(2), [khz, 0, 0, 0]),
        // vCPU 0.
        row(4, None, [present, 0, u32::from(domid::OWN), 0]),
    ];
    Hypervisor { leaves }
}

/// Bytes of a hypercall's stub.
const STUB: usize = 32;
/// The hypercall whose stub is not to be called: iret, for paravirtualised guests.
const IRET: u32 = 23;

/// The page: for each number MOV EAX, number; VMCALL or VMMCALL; RET.
fn hypercall_page(amd: bool) -> [u8; PAGE_SIZE as usize] {
    const INT3: u8 = 0xcc;
    let last = if amd { 0xd9 } else { 0xc1 };
    let mut page = [INT3; PAGE_SIZE as usize];
    for (number, stub) in (0u32..).zip(page.chunks_exact_mut(STUB)) {
        let [a, b, c, d] = number.to_le_bytes();
        stub[..9].copy_from_slice(&[0xb8, a, b, c, d, 0x0f, 0x01, last, 0xc3]);
        if number == IRET {
            stub[..2].copy_from_slice(&[0x0f, 0x0b]); // UD2
        }
    }
    page
}

impl Xen {
    /// WRMSR: bits 0 to 11 count pages, of which there is one, the rest is an address. `None` is #GP.
    pub(crate) fn write_msr(&self, msr: u32, value: u64, memory: &Memory) -> Option<()> {
        if msr != HYPERCALL_MSR || !value.is_multiple_of(PAGE_SIZE) {
            return None;
        }
        memory.write(PhysAddr(value), &hypercall_page(self.amd)).ok()
    }

    /// RDMSR.
    pub(crate) fn read_msr(msr: u32) -> Option<u64> {
        (msr == HYPERCALL_MSR).then_some(0)
    }
}

//! The processor state a boot protocol promises: everything the loader decides, as values.
//!
//! What a protocol leaves undefined is zero here, so that every run begins alike. Not part of it: FPU,
//! SSE, debug registers and MSRs besides EFER, which keep their reset values, and the MTRRs, which the
//! machine presents enabled with default type write-back (Xen `pvh.pandoc`, "MTRR").

use arch::control::{cr0, cr4, efer};
use arch::rflags;
use arch::segment::{Descriptor, Segment, Selector, TableRegister};

use crate::layout;

/// Indices of [`Entry::gprs`]: the register numbers of instruction encodings.
#[allow(missing_docs, reason = "the names are the registers'")]
pub mod gpr {
    pub const RAX: usize = 0;
    pub const RCX: usize = 1;
    pub const RDX: usize = 2;
    pub const RBX: usize = 3;
    pub const RSP: usize = 4;
    pub const RBP: usize = 5;
    pub const RSI: usize = 6;
    pub const RDI: usize = 7;
    pub const R8: usize = 8;
    pub const R9: usize = 9;
    pub const R10: usize = 10;
}

/// Flat 32-bit code, read and execute, accessed: 0xc09b.
pub const CODE32: Descriptor = Descriptor::new(0, 0xf_ffff, 0xc09b);
/// Flat data, read and write, accessed: 0xc093.
pub const DATA: Descriptor = Descriptor::new(0, 0xf_ffff, 0xc093);
/// 64-bit code, accessed: 0xa09b.
pub const CODE64: Descriptor = Descriptor::new(0, 0xf_ffff, 0xa09b);
/// Busy 32-bit TSS (64-bit in long mode) at 0 with limit 0x67.
pub const TSS: Descriptor = Descriptor::new(0, 0x67, 0x008b);

/// Full register state at the first instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// RAX RCX RDX RBX RSP RBP RSI RDI R8-R15, see [`gpr`].
    pub gprs: [u64; 16],
    /// First instruction.
    pub rip: u64,
    /// RFLAGS.
    pub rflags: u64,
    /// ES CS SS DS FS GS, the order of [`arch::segment::SegReg`].
    pub segments: [Segment; 6],
    /// GDTR.
    pub gdtr: TableRegister,
    /// IDTR.
    pub idtr: TableRegister,
    /// LDTR; null.
    pub ldtr: Segment,
    /// TR.
    pub tr: Segment,
    /// CR0.
    pub cr0: u64,
    /// CR3.
    pub cr3: u64,
    /// CR4.
    pub cr4: u64,
    /// IA32_EFER.
    pub efer: u64,
}

/// The four segment descriptors of an entry: where code, data and TSS stand in the GDT.
struct Flat {
    code: (u16, Descriptor),
    data: u16,
    tss: u16,
}

impl Entry {
    /// 32-bit protected mode without paging at `rip`, flat segments, as PVH and multiboot ask.
    pub fn protected32(rip: u32) -> Self {
        let flat = Flat { code: (0x08, CODE32), data: 0x10, tss: 0x18 };
        Self {
            cr0: cr0::PE | cr0::ET, // ET is fixed to 1
            ..Self::flat(rip.into(), &flat, &gdt32())
        }
    }

    /// 32-bit protected mode at `rip` with the selectors that Linux asks for: `boot.rst`, "32-bit Boot
    /// Protocol".
    pub fn linux32(rip: u32) -> Self {
        let flat = Flat { code: (0x10, CODE32), data: 0x18, tss: 0x20 };
        Self { cr0: cr0::PE | cr0::ET, ..Self::flat(rip.into(), &flat, &gdt_linux32()) }
    }

    /// Real mode at `code`:`ip` with all data segments at `data` and SP at `sp`. The interrupt table
    /// is the BIOS' at 0.
    pub fn real_mode(code: u16, ip: u16, data: u16, sp: u16) -> Self {
        let (cs, ds) = (Segment::real_mode(code), Segment::real_mode(data));
        let mut gprs = [0; 16];
        gprs[gpr::RSP] = sp.into();
        Self {
            gprs,
            rip: ip.into(),
            rflags: rflags::FIXED,
            segments: [ds, cs, ds, ds, ds, ds],
            gdtr: TableRegister { base: 0, limit: 0xffff },
            idtr: TableRegister { base: 0, limit: 0x3ff },
            ldtr: Segment::default(),
            tr: Segment::from_descriptor(Selector(0), TSS),
            cr0: cr0::ET,
            cr3: 0,
            cr4: 0,
            efer: 0,
        }
    }

    /// 64-bit mode at `rip` with the page tables at `cr3`: Linux `boot.rst`, "64-bit Boot Protocol".
    pub fn long_mode(rip: u64, cr3: u64) -> Self {
        let flat = Flat { code: (0x10, CODE64), data: 0x18, tss: 0x20 };
        Self {
            cr0: cr0::PE | cr0::ET | cr0::PG,
            cr3,
            cr4: cr4::PAE,
            efer: efer::LME | efer::LMA,
            ..Self::flat(rip, &flat, &gdt64())
        }
    }

    /// The reset vector: SDM Vol. 3A, "First Instruction Executed". RDX holds the processor's
    /// signature, which a loader does not know.
    pub fn reset() -> Self {
        let real = |selector, base| Segment { base, ..Segment::real_mode(selector) };
        let data = real(0, 0);
        Self {
            gprs: [0; 16],
            rip: 0xfff0,
            rflags: rflags::FIXED,
            segments: [data, real(0xf000, 0xffff_0000), data, data, data, data],
            gdtr: TableRegister { base: 0, limit: 0xffff },
            idtr: TableRegister { base: 0, limit: 0xffff },
            ldtr: Segment::default(),
            tr: Segment::default(),
            cr0: cr0::RESET,
            cr3: 0,
            cr4: 0,
            efer: 0,
        }
    }

    fn flat(rip: u64, flat: &Flat, gdt: &[u8]) -> Self {
        let load = |selector, descriptor| Segment::from_descriptor(Selector(selector), descriptor);
        let data = load(flat.data, DATA);
        Self {
            gprs: [0; 16],
            rip,
            rflags: rflags::FIXED,
            segments: [data, load(flat.code.0, flat.code.1), data, data, data, data],
            gdtr: TableRegister { base: layout::GDT, limit: (gdt.len() - 1) as u16 },
            idtr: TableRegister { base: layout::IDT, limit: 0 },
            ldtr: Segment::default(),
            tr: load(flat.tss, TSS),
            cr0: 0,
            cr3: 0,
            cr4: 0,
            efer: 0,
        }
    }
}

/// GDT of the 32-bit entries: null, code 0x08, data 0x10, TSS 0x18.
pub fn gdt32() -> Vec<u8> {
    table(&[Descriptor(0), CODE32, DATA, TSS])
}

/// GDT of the 32-bit Linux entry: null, null, code 0x10, data 0x18 (`boot.rst` fixes both), TSS 0x20.
pub fn gdt_linux32() -> Vec<u8> {
    table(&[Descriptor(0), Descriptor(0), CODE32, DATA, TSS])
}

/// GDT of the 64-bit Linux entry: null, null, code 0x10, data 0x18 (`boot.rst` fixes both), TSS 0x20
/// with the upper half of its 16-byte descriptor.
pub fn gdt64() -> Vec<u8> {
    table(&[Descriptor(0), Descriptor(0), CODE64, DATA, TSS, Descriptor(0)])
}

fn table(descriptors: &[Descriptor]) -> Vec<u8> {
    descriptors.iter().flat_map(|descriptor| descriptor.0.to_le_bytes()).collect()
}

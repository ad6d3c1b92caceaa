//! XSAVE XSAVEOPT XSAVEC XSAVES XRSTOR XRSTORS, their 64-bit forms, XGETBV XSETBV, RDPKRU WRPKRU.
//!
//! SDM Vol. 1, "Managing State Using the XSAVE Feature Set"; AMD APM Vol. 2, "XSAVE/XRSTOR Instructions".
//! Components: x87, SSE, AVX, PKRU; IA32_XSS has none.
//!
//! ```text
//! 0    24       32   160        416  512     576            832
//! | x87 | MXCSR | ST | XMM0-15 |    | header | upper halves | PKRU |    standard form
//! ```
//!
//! In the compacted form the components from the third on follow each other behind the header. Where the
//! manuals are silent it goes as on AMD Zen (docs/hardware.md): a component is in use if its value is not the
//! initial one (the x87 pointers do not count); the x87 pointers are saved only with a pending
//! exception. Outside 64-bit mode the registers 8 to 15 are neither saved nor restored, but count as in use.
//!
//! Not modelled: the modified optimisation of XSAVEOPT and XSAVES, which a processor may make and need not.

use super::fxsave::{MXCSR_MASK, Pointers, ST, XMM, put, put_x87, take, take_x87};
use crate::cpu::{Cpu, Done, Fault, gp, reg, ud};
use crate::decode::op::Op;
use crate::features::Word;
use crate::insn::area::Area;
use crate::insn::x87::X87State;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;
use arch::control::{cr0, cr4, xcr0};
use arch::cpuid::leafd_1_eax;
use arch::exception::{Exception, Vector};

/// Where MXCSR and its mask are.
const MXCSR: usize = 24;
/// Bytes of the legacy region.
const LEGACY: usize = 512;
/// Bytes of legacy region and header: the smallest area.
const HEADED: usize = LEGACY + 64;
/// Bytes of the largest area.
const LARGEST: usize = PKRU_AT + 8;
/// Where PKRU is in the standard form.
const PKRU_AT: usize = HEADED + 256;
/// XCOMP_BV: the compacted form.
const COMPACTED: u64 = 1 << 63;
/// MXCSR after RESET.
const MXCSR_INITIAL: u32 = 0x1f80;

/// Components behind the header, in order: bit, bytes, place in the standard form.
pub(crate) const EXTENDED: [(u64, usize, usize); 2] =
    [(xcr0::AVX, 256, HEADED), (xcr0::PKRU, 8, PKRU_AT)];

/// Bytes of an area in the standard form with these components.
pub(crate) fn standard_bytes(components: u64) -> usize {
    let ends = EXTENDED.iter().filter(|row| components & row.0 != 0).map(|row| row.1 + row.2);
    ends.max().unwrap_or(HEADED)
}

/// Bytes of an area in the compacted form with these components.
pub(crate) fn compacted_bytes(components: u64) -> usize {
    let present = EXTENDED.iter().filter(|row| components & row.0 != 0);
    HEADED + present.map(|row| row.1).sum::<usize>()
}

/// Where an extended component is in an area with this XCOMP_BV.
fn place(component: u64, xcomp_bv: u64) -> usize {
    if xcomp_bv & COMPACTED != 0 {
        compacted_bytes(xcomp_bv & (component - 1))
    } else {
        EXTENDED.iter().find(|row| row.0 == component).map_or(HEADED, |row| row.2)
    }
}

/// What a form of XSAVE does.
pub(crate) trait Saving: 'static {
    /// Components in their initial state are not written.
    const OPTIMISED: bool;
    /// Components lie one behind the other.
    const COMPACTED: bool;
    /// Supervisor components too, at CPL 0 only.
    const SUPERVISOR: bool = false;
}

/// XSAVE.
pub(crate) struct Plain;
impl Saving for Plain {
    const OPTIMISED: bool = false;
    const COMPACTED: bool = false;
}

/// XSAVEOPT.
pub(crate) struct Optimised;
impl Saving for Optimised {
    const OPTIMISED: bool = true;
    const COMPACTED: bool = false;
}

/// XSAVEC.
pub(crate) struct Compacted;
impl Saving for Compacted {
    const OPTIMISED: bool = true;
    const COMPACTED: bool = true;
}

/// XSAVES.
pub(crate) struct Supervisor;
impl Saving for Supervisor {
    const OPTIMISED: bool = true;
    const COMPACTED: bool = true;
    const SUPERVISOR: bool = true;
}

impl Cpu {
    /// #UD unless the system enabled XSAVE.
    fn require_osxsave(&self) -> Done {
        if self.cr4 & cr4::OSXSAVE == 0 { Err(ud()) } else { Ok(()) }
    }

    /// Checks before the area is looked at, and the components asked for.
    fn xsave_components(&self, supervisor: bool) -> Result<u64, Fault> {
        self.require_osxsave()?;
        if supervisor {
            self.require_cpl0()?;
        }
        if self.cr0 & cr0::TS != 0 {
            return Err(Exception::new(Vector::NM).into());
        }
        Ok(self.xcr0 & self.edx_eax())
    }

    fn edx_eax(&self) -> u64 {
        u64::from(self.reg::<u32>(reg::RDX)) << 32 | u64::from(self.reg::<u32>(reg::RAX))
    }

    /// #GP unless the area is on 64 bytes, before anything else of it is looked at.
    fn xsave_check_alignment(&self, op: &Op) -> Done {
        let offset = self.effective_address(op);
        if self.is_misaligned(op, offset, 64) { Err(gp(0)) } else { Ok(()) }
    }

    /// Tries the byte `behind` the first of the area.
    fn xsave_try(&mut self, op: &Op, behind: usize, intent: Intent) -> Done {
        let offset = self.effective_address(op).wrapping_add(behind as u64) & op.address_mask();
        let byte = self.linear_in(op.segment(), offset, 1, intent == Intent::Write)?;
        self.probe(byte, 1, intent, Privilege::Current)
    }

    /// Vector registers that the mode has.
    fn xsave_registers(&self) -> usize {
        if self.mode64() { 16 } else { 8 }
    }

    /// Components that are not in their initial state: XINUSE. MXCSR counts for XGETBV and the compacted
    /// form, not for the XSTATE_BV of the standard form.
    fn components_in_use(&self, mxcsr: bool) -> u64 {
        let used = |file: &[u128; 16]| file.iter().any(|&register| register != 0);
        let bit = |on: bool, bit: u64| if on { bit } else { 0 };
        bit(x87_in_use(&self.x87), xcr0::X87)
            | bit(used(&self.sse.xmm) || mxcsr && self.sse.mxcsr != MXCSR_INITIAL, xcr0::SSE)
            | bit(used(&self.sse.upper), xcr0::AVX)
            | bit(self.pkru != 0, xcr0::PKRU)
    }

    /// Sets PKRU; tags that other rights gave go.
    pub(crate) fn set_pkru(&mut self, value: u32) {
        if self.pkru != value {
            self.pkru = value;
            if self.cr4 & cr4::PKE != 0 {
                self.tlb.drop_all_tags();
            }
        }
    }
}

/// True unless the x87 unit is as FNINIT leaves it, with registers of zeros; pointers do not count.
fn x87_in_use(x87: &X87State) -> bool {
    x87.control != 0x37f
        || x87.status_word() != 0
        || x87.abridged_tag_word() != 0
        || x87.registers.iter().any(|&register| register != (0, 0))
}

/// An area as it is put together, and which of its bytes are to be written.
struct Draft {
    bytes: [u8; LARGEST],
    pieces: [(usize, usize); 8],
    count: usize,
}

impl Draft {
    fn new() -> Self {
        Self { bytes: [0; LARGEST], pieces: [(0, 0); 8], count: 0 }
    }

    /// `len` bytes at `at` are to be written.
    fn piece(&mut self, at: usize, len: usize) -> &mut [u8] {
        self.pieces[self.count] = (at, len);
        self.count += 1;
        &mut self.bytes[at..at + len]
    }

    /// Puts the components `wanted` where XCOMP_BV says; MXCSR is a part of its own.
    fn fill<P: Pointers>(&mut self, cpu: &Cpu, wanted: u64, mxcsr: bool, xcomp_bv: u64) {
        let registers = cpu.xsave_registers();
        if wanted & xcr0::X87 != 0 {
            put_x87::<P>(&cpu.x87, &mut self.bytes);
            self.piece(0, MXCSR);
            self.piece(ST, XMM - ST);
        }
        if mxcsr {
            let image = self.piece(MXCSR, 8);
            put(image, 0, &cpu.sse.mxcsr.to_le_bytes());
            put(image, 4, &MXCSR_MASK.to_le_bytes());
        }
        if wanted & xcr0::SSE != 0 {
            put_registers(self.piece(XMM, 16 * registers), &cpu.sse.xmm);
        }
        if wanted & xcr0::AVX != 0 {
            let at = place(xcr0::AVX, xcomp_bv);
            put_registers(self.piece(at, 16 * registers), &cpu.sse.upper);
        }
        if wanted & xcr0::PKRU != 0 {
            let image = self.piece(place(xcr0::PKRU, xcomp_bv), 8);
            put(image, 0, &cpu.pkru.to_le_bytes());
        }
    }

    /// Writes all pieces, or faults before the first.
    fn write(&self, cpu: &mut Cpu, area: &Area) -> Done {
        for &(at, len) in &self.pieces[..self.count] {
            area.probe(cpu, at, len, Intent::Write)?;
        }
        for &(at, len) in &self.pieces[..self.count] {
            area.write(cpu, at, &self.bytes[at..at + len])?;
        }
        Ok(())
    }
}

fn put_registers(image: &mut [u8], file: &[u128; 16]) {
    for (bytes, register) in image.chunks_exact_mut(16).zip(file) {
        bytes.copy_from_slice(&register.to_le_bytes());
    }
}

fn take_registers(image: &[u8], file: &mut [u128; 16], registers: usize) {
    for (i, register) in file.iter_mut().enumerate().take(registers) {
        *register = u128::from_le_bytes(take(image, 16 * i));
    }
}

/// XSAVE, XSAVEOPT, XSAVEC, XSAVES and their 64-bit forms.
pub(crate) fn xsave<S: Saving, P: Pointers>(cpu: &mut Cpu, op: &Op) -> Done {
    let asked = cpu.xsave_components(S::SUPERVISOR)?;
    let xcomp_bv = if S::COMPACTED { asked | COMPACTED } else { 0 };
    let bytes = if S::COMPACTED { compacted_bytes(asked) } else { standard_bytes(asked) };
    cpu.xsave_check_alignment(op)?;
    // The first byte is tried, then the last (seen on Zen 5).
    cpu.xsave_try(op, 0, Intent::Write)?;
    cpu.xsave_try(op, bytes - 1, Intent::Write)?;
    let area = Area::new(cpu, op, bytes, true)?;
    // Legacy region and header have to be accessible whatever is saved.
    area.probe(cpu, 0, HEADED, Intent::Write)?;
    let used = cpu.components_in_use(S::COMPACTED) & asked;
    let mut draft = Draft::new();
    let wanted = if S::OPTIMISED { used } else { asked };
    let mxcsr = if S::COMPACTED { wanted & xcr0::SSE } else { asked & (xcr0::SSE | xcr0::AVX) };
    draft.fill::<P>(cpu, wanted, mxcsr != 0, xcomp_bv);
    if S::COMPACTED {
        let header = draft.piece(LEGACY, 16);
        put(header, 0, &used.to_le_bytes());
        put(header, 8, &xcomp_bv.to_le_bytes());
    } else {
        // Of XSTATE_BV only the bits asked for change.
        let mut old = [0; 8];
        area.read(cpu, LEGACY, &mut old)?;
        let xstate_bv = u64::from_le_bytes(old) & !asked | used;
        put(draft.piece(LEGACY, 8), 0, &xstate_bv.to_le_bytes());
    }
    draft.write(cpu, &area)
}

/// What an area's header says.
struct Header {
    xstate_bv: u64,
    xcomp_bv: u64,
}

impl Header {
    /// #GP unless the header is legal for the components that may be restored: SDM Vol. 1, "Operation of
    /// XRSTOR", "Operation of XRSTORS".
    fn checked(image: &[u8], enabled: u64, supervisor: bool) -> Result<Self, Fault> {
        let word = |at: usize| u64::from_le_bytes(take(image, LEGACY + at));
        let (xstate_bv, xcomp_bv) = (word(0), word(8));
        let legal = if xcomp_bv & COMPACTED != 0 {
            let held = xcomp_bv & !COMPACTED;
            held & !enabled == 0
                && xstate_bv & !held == 0
                && image[LEGACY + 16..HEADED].iter().all(|&byte| byte == 0)
        } else {
            !supervisor && xstate_bv & !enabled == 0 && xcomp_bv == 0 && word(16) == 0
        };
        if legal { Ok(Self { xstate_bv, xcomp_bv }) } else { Err(gp(0)) }
    }

    /// How much of the area must be accessible: in the standard form what all components asked for need, in the
    /// compacted form what those that are loaded need (seen on Zen 5).
    fn bytes_to_restore(&self, asked: u64) -> usize {
        if self.xcomp_bv & COMPACTED == 0 {
            return standard_bytes(asked);
        }
        let loaded = EXTENDED.iter().filter(|row| asked & self.xstate_bv & row.0 != 0);
        let ends = loaded.map(|row| place(row.0, self.xcomp_bv) + row.1);
        ends.max().unwrap_or(HEADED)
    }

    /// What MXCSR becomes; `None` leaves it.
    fn mxcsr(&self, image: &[u8], asked: u64) -> Result<Option<u32>, Fault> {
        let stored = u32::from_le_bytes(take(image, MXCSR));
        let loads = if self.xcomp_bv & COMPACTED == 0 {
            asked & (xcr0::SSE | xcr0::AVX) != 0
        } else if asked & !self.xstate_bv & xcr0::SSE != 0 {
            return Ok(Some(MXCSR_INITIAL));
        } else {
            asked & xcr0::SSE != 0
        };
        match loads {
            true if stored & !MXCSR_MASK != 0 => Err(gp(0)),
            true => Ok(Some(stored)),
            false => Ok(None),
        }
    }
}

/// XRSTOR and XRSTOR64; with `SUPERVISOR` XRSTORS and XRSTORS64.
pub(crate) fn xrstor<const SUPERVISOR: bool, P: Pointers>(cpu: &mut Cpu, op: &Op) -> Done {
    let asked = cpu.xsave_components(SUPERVISOR)?;
    cpu.xsave_check_alignment(op)?;
    // The first byte is tried, then the header's (seen on Zen 5).
    cpu.xsave_try(op, 0, Intent::Read)?;
    cpu.xsave_try(op, LEGACY, Intent::Read)?;
    let mut image = [0; LARGEST];
    Area::new(cpu, op, HEADED, false)?.read(cpu, 0, &mut image[..HEADED])?;
    let header = Header::checked(&image, cpu.xcr0, SUPERVISOR)?;
    let loaded = asked & header.xstate_bv;
    let bytes = header.bytes_to_restore(asked);
    cpu.xsave_try(op, bytes - 1, Intent::Read)?;
    let area = Area::new(cpu, op, bytes, false)?;
    let mxcsr = header.mxcsr(&image, asked)?;
    for (component, bytes, standard) in EXTENDED {
        if loaded & component != 0 {
            let at = place(component, header.xcomp_bv);
            area.read(cpu, at, &mut image[standard..standard + bytes])?;
        }
    }
    restore::<P>(cpu, asked, loaded, &image);
    if let Some(mxcsr) = mxcsr {
        cpu.sse.mxcsr = mxcsr;
    }
    Ok(())
}

/// Sets the components asked for, from the image those `loaded`, to their initial state the others. The
/// extended components are where the standard form has them.
fn restore<P: Pointers>(cpu: &mut Cpu, asked: u64, loaded: u64, image: &[u8]) {
    const ZEROS: [u8; 256] = [0; 256];
    let registers = cpu.xsave_registers();
    let source = |component: u64, at: usize| {
        if loaded & component != 0 { &image[at..] } else { &ZEROS[..] }
    };
    if loaded & xcr0::X87 != 0 {
        take_x87::<P>(&mut cpu.x87, image);
    } else if asked & xcr0::X87 != 0 {
        cpu.x87.init();
        cpu.x87.registers = [(0, 0); 8];
    }
    if asked & xcr0::X87 != 0 {
        cpu.settle_ferr();
    }
    if asked & xcr0::SSE != 0 {
        take_registers(source(xcr0::SSE, XMM), &mut cpu.sse.xmm, registers);
    }
    if asked & xcr0::AVX != 0 {
        take_registers(source(xcr0::AVX, HEADED), &mut cpu.sse.upper, registers);
    }
    if asked & xcr0::PKRU != 0 {
        let pkru = u32::from_le_bytes(take(source(xcr0::PKRU, PKRU_AT), 0));
        cpu.set_pkru(pkru);
    }
}

/// XGETBV: XCR0, and with ECX = 1 which of its components are in use.
pub(crate) fn xgetbv(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.require_osxsave()?;
    let value = match cpu.reg::<u32>(reg::RCX) {
        0 => cpu.xcr0,
        1 if cpu.model.has(Word::LeafD1Eax, leafd_1_eax::XGETBV1) => {
            cpu.xcr0 & cpu.components_in_use(true)
        }
        _ => return Err(gp(0)),
    };
    cpu.set_reg(reg::RAX, value as u32);
    cpu.set_reg(reg::RDX, (value >> 32) as u32);
    Ok(())
}

/// XSETBV.
pub(crate) fn xsetbv(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.require_osxsave()?;
    cpu.require_cpl0()?;
    let value = cpu.edx_eax();
    let alone = value & xcr0::AVX != 0 && value & xcr0::SSE == 0;
    if cpu.reg::<u32>(reg::RCX) != 0
        || value & xcr0::X87 == 0
        || alone
        || value & !cpu.model.xcr0_mask() != 0
    {
        return Err(gp(0));
    }
    cpu.xcr0 = value;
    cpu.update_simd();
    Ok(())
}

/// RDPKRU.
pub(crate) fn rdpkru(cpu: &mut Cpu, _op: &Op) -> Done {
    require_pke(cpu)?;
    cpu.set_reg(reg::RAX, cpu.pkru);
    cpu.set_reg(reg::RDX, 0u32);
    Ok(())
}

/// WRPKRU.
pub(crate) fn wrpkru(cpu: &mut Cpu, _op: &Op) -> Done {
    require_pke(cpu)?;
    if cpu.reg::<u32>(reg::RDX) != 0 {
        return Err(gp(0));
    }
    cpu.set_pkru(cpu.reg::<u32>(reg::RAX));
    Ok(())
}

/// #UD unless protection keys are enabled, #GP unless ECX is 0.
fn require_pke(cpu: &Cpu) -> Done {
    if cpu.cr4 & cr4::PKE == 0 {
        return Err(ud());
    }
    if cpu.reg::<u32>(reg::RCX) != 0 { Err(gp(0)) } else { Ok(()) }
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod native_tests;
#[cfg(test)]
mod tests;

//! The architectural state as values: how a loader sets it, how a snapshot and a debugger see it.

use crate::cpu::{Activity, Cpu, Msrs, Shadow};
use crate::decode::block::CodeSize;
use crate::insn::sse::SseState;
use crate::insn::x87::X87State;
use crate::mmu::Privilege;
use crate::mmu::translations::Entry;
use crate::mmu::walk::{self, Intent, PagingState, Path, Translation};
use arch::control::{cr0, cr4};
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use arch::rflags;
use arch::segment::{SegReg, Segment, TableRegister};
use core::ops::Range;
use memory::{Memory, PhysAddr};
use serde::{Deserialize, Serialize};

/// Addresses below 4 GiB.
const LOW: u64 = 0xffff_ffff;

/// The registers that a boot protocol promises and a person looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Registers {
    /// RAX RCX RDX RBX RSP RBP RSI RDI R8-R15.
    pub gpr: [u64; 16],
    /// Instruction pointer.
    pub rip: u64,
    /// Flags.
    pub rflags: u64,
    /// ES CS SS DS FS GS with hidden parts.
    pub segments: [Segment; 6],
    /// LDTR.
    pub ldtr: Segment,
    /// TR.
    pub tr: Segment,
    /// GDTR.
    pub gdtr: TableRegister,
    /// IDTR.
    pub idtr: TableRegister,
    /// CR0.
    pub cr0: u64,
    /// CR2.
    pub cr2: u64,
    /// CR3.
    pub cr3: u64,
    /// CR4.
    pub cr4: u64,
    /// IA32_EFER.
    pub efer: u64,
}

/// Everything architectural, for snapshots and the state hash.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CpuState {
    registers: Registers,
    pdptes: [u64; 4],
    /// The next run begins with reading them.
    pdptes_due: bool,
    xcr0: u64,
    pkru: u32,
    dr: [u64; 4],
    dr6: u64,
    dr7: u64,
    msrs: Msrs,
    x87: X87State,
    sse: SseState,
    activity: Activity,
    shadow: Shadow,
    nmi_blocked: bool,
    pending_debug: u64,
    index: u8,
    retired: u64,
    charged_ns: u64,
    apic_enabled: bool,
    random: u64,
    translations: (Vec<Entry>, Vec<Entry>),
    ferr: bool,
}

impl Cpu {
    /// The registers now.
    pub fn registers(&self) -> Registers {
        Registers {
            gpr: self.gprs(),
            rip: self.rip,
            rflags: self.rflags(),
            segments: self.segments,
            ldtr: self.ldtr,
            tr: self.tr,
            gdtr: self.gdtr,
            idtr: self.idtr,
            cr0: self.cr0,
            cr2: self.cr2,
            cr3: self.cr3,
            cr4: self.cr4,
            efer: self.msrs.efer,
        }
    }

    /// Sets the registers and everything that follows from them; translations are forgotten.
    pub fn set_registers(&mut self, registers: &Registers) {
        self.regs[..16].copy_from_slice(&registers.gpr);
        self.rip = registers.rip;
        self.cr0 = registers.cr0 | cr0::ET;
        self.cr2 = registers.cr2;
        self.cr3 = registers.cr3;
        self.cr4 = registers.cr4;
        self.msrs.efer = registers.efer;
        self.set_rflags(registers.rflags);
        self.update_simd();
        self.ldtr = registers.ldtr;
        self.tr = registers.tr;
        self.gdtr = registers.gdtr;
        self.idtr = registers.idtr;
        for register in SegReg::ALL {
            self.set_segment(register, registers.segments[register as usize]);
        }
        let ss = &self.segments[SegReg::Ss as usize];
        let cpl = match (self.protected_mode(), registers.rflags & rflags::VM != 0) {
            (false, _) => 0,
            (true, true) => 3,
            (true, false) => ss.dpl(),
        };
        self.tlb.flush_all();
        self.rearm();
        self.set_cpl(cpl);
        self.activity = Activity::Running;
        self.shadow = Shadow::None;
        self.pdptes_due = self.cr0 & cr0::PG != 0 && self.cr4 & cr4::PAE != 0 && !self.long_mode();
    }

    /// Sets the registers that differ, as a debugger does: the rest of the state stays as it is. A waiting
    /// CPU goes on if it is sent elsewhere.
    pub fn change_registers(&mut self, registers: &Registers) {
        let before = self.registers();
        let plain = Registers {
            gpr: registers.gpr,
            rip: registers.rip,
            rflags: registers.rflags,
            cr2: registers.cr2,
            ..before
        };
        let (activity, shadow) = (self.activity, self.shadow);
        if *registers == plain && (registers.rflags ^ before.rflags) & rflags::VM == 0 {
            self.regs[..16].copy_from_slice(&registers.gpr);
            self.rip = registers.rip;
            self.cr2 = registers.cr2;
            self.set_rflags(registers.rflags);
        } else {
            self.set_registers(registers);
            self.shadow = shadow;
        }
        let sent = registers.rip != before.rip && activity.waits();
        self.activity = if sent { Activity::Running } else { activity };
    }

    /// Sets a 64-bit general register by number.
    pub fn set_gpr(&mut self, n: u8, value: u64) {
        self.regs[usize::from(n & 15)] = value;
    }

    /// IA32_KERNEL_GS_BASE.
    pub fn kernel_gs_base(&self) -> u64 {
        self.msrs.kernel_gs_base
    }

    /// Sets IA32_KERNEL_GS_BASE.
    pub fn set_kernel_gs_base(&mut self, base: u64) {
        self.msrs.kernel_gs_base = base;
    }

    /// Enables the MTRRs with write-back as the default type, as firmware would before it hands over:
    /// SDM Vol. 3A, "IA32_MTRR_DEF_TYPE MSR".
    pub fn enable_mtrrs(&mut self) {
        self.msrs.mtrr_def_type = 1 << 11 | 6;
    }

    /// The whole state.
    pub fn state(&self) -> CpuState {
        CpuState {
            registers: self.registers(),
            pdptes: self.pdptes,
            pdptes_due: self.pdptes_due,
            xcr0: self.xcr0,
            pkru: self.pkru,
            dr: self.dr,
            dr6: self.dr6,
            dr7: self.dr7,
            msrs: self.msrs.clone(),
            x87: self.x87.clone(),
            sse: self.sse.clone(),
            activity: self.activity,
            shadow: self.shadow,
            nmi_blocked: self.nmi_blocked,
            pending_debug: self.pending_debug,
            index: self.index,
            retired: self.retired(),
            charged_ns: self.charged_ns,
            apic_enabled: self.apic_enabled,
            random: self.random,
            translations: self.tlb.entries(),
            ferr: self.ferr,
        }
    }

    /// Operand size of the current code segment in bits: 16, 32 or 64.
    pub fn code_bits(&self) -> u32 {
        match self.code_size {
            CodeSize::Bits16 => 16,
            CodeSize::Bits32 => 32,
            CodeSize::Bits64 => 64,
        }
    }

    /// Linear address of the instruction pointer.
    pub fn linear_ip(&self) -> u64 {
        if self.ip_mask == u64::MAX {
            self.rip
        } else {
            self.rip.wrapping_add(self.seg_base[SegReg::Cs as usize]) & 0xffff_ffff
        }
    }

    /// The control state for a walk between two runs: with the PDPTEs that the next run will begin with.
    pub(crate) fn outside_paging_state(
        &self,
        memory: &Memory,
        privilege: Privilege,
    ) -> PagingState {
        let mut state = self.paging_state(privilege);
        if self.pdptes_due
            && let Ok(pdptes) = Self::read_pdptes(memory, self.cr3)
        {
            state.pdptes = pdptes;
        }
        state
    }

    /// What a translation of `linear` goes through, without changing anything.
    pub fn explain_walk(&self, memory: &Memory, linear: u64, intent: Intent) -> Path {
        walk::explain(
            memory,
            &self.outside_paging_state(memory, Privilege::Current),
            linear,
            intent,
        )
    }

    /// Where a linear address leads for somebody outside who works in the guest's place: as the guest's supervisor
    /// would reach it, SMAP and protection keys aside. `walk` goes through the tables. `None` where an access
    /// would fault.
    pub(crate) fn reach_from_outside(
        &self,
        memory: &Memory,
        linear: u64,
        walk: impl FnOnce(&PagingState, u64) -> Option<Translation>,
    ) -> Option<PhysAddr> {
        let long = self.long_mode();
        let linear = if long { linear } else { linear & LOW };
        if long && !self.is_canonical(linear) {
            return None;
        }
        if self.cr0 & cr0::PG == 0 {
            return Some(PhysAddr(linear));
        }
        let mut state = self.outside_paging_state(memory, Privilege::System);
        state.smap = false;
        state.pkru = 0;
        let translation = walk(&state, linear)?;
        Some(PhysAddr(translation.frame() | linear & PAGE_MASK))
    }

    /// Cuts a linear range at page ends until a piece is refused; returns how many bytes come before that one.
    /// Outside 64-bit mode the range wraps at 4 GiB; one that begins above is that of 64-bit code, for which a
    /// debugger asks in compatibility mode, too.
    pub(crate) fn pieces(
        &self,
        (linear, len): (u64, usize),
        mut piece: impl FnMut(u64, Range<usize>) -> bool,
    ) -> usize {
        let mask = if self.mode64() || linear > LOW { u64::MAX } else { LOW };
        let mut done = 0;
        while done < len {
            let at = linear.wrapping_add(done as u64) & mask;
            let end = done + ((PAGE_SIZE - (at & PAGE_MASK)) as usize).min(len - done);
            if !piece(at, done..end) {
                break;
            }
            done = end;
        }
        done
    }

    /// Physical address of a linear one as a supervisor reads it, without changing anything.
    pub fn debug_translate(&self, memory: &Memory, linear: u64) -> Option<PhysAddr> {
        self.reach_from_outside(memory, linear, |state, linear| {
            walk::explain(memory, state, linear, Intent::Read).end.ok()
        })
    }

    /// Reads guest memory at a linear address through the guest's paging, without changing anything;
    /// returns how many bytes could be read.
    pub fn debug_read(&self, memory: &Memory, linear: u64, out: &mut [u8]) -> usize {
        self.pieces((linear, out.len()), |at, range| {
            let phys = self.debug_translate(memory, at);
            phys.is_some_and(|phys| memory.read(phys, &mut out[range]).is_ok())
        })
    }

    /// Counters of the code cache.
    pub fn cache_stats(&self) -> crate::CacheStats {
        self.code.stats
    }

    /// Counters of the soft TLB.
    pub fn tlb_stats(&self) -> crate::TlbStats {
        self.tlb.stats
    }

    /// How often every instruction was executed, if [`crate::Config::profile`] asked for that.
    pub fn profile(&self) -> Option<&crate::Profile> {
        self.profile.as_deref()
    }

    /// Takes the profile over from the CPU that this one replaces: counting goes on.
    pub fn continue_profile(&mut self, before: &mut Self) {
        self.profile = before.profile.take();
    }

    /// How many interrupts and exceptions were delivered.
    pub fn event_stats(&self) -> &EventStats {
        &self.stats
    }

    /// The exceptions raised last, the oldest first: for the story of a triple fault.
    pub fn recent_faults(&self) -> Vec<FaultRecord> {
        self.faults.oldest_first().collect()
    }

    /// The event log's end in this CPU.
    pub fn log_mut(&mut self) -> &mut crate::event_log::EventLog {
        &mut self.log
    }

    /// The CPU model.
    pub fn model(&self) -> &crate::features::Model {
        &self.model
    }

    /// What the CPU is doing.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    pub(crate) fn remember_fault(&mut self, exception: arch::exception::Exception) {
        self.faults.push(FaultRecord {
            exception,
            retired: self.retired(),
            rip: self.rip,
            linear_ip: self.linear_ip(),
            cpl: self.cpl,
            cr3: self.cr3,
        });
    }
}

/// Exceptions remembered for reports.
pub(crate) const FAULTS_KEPT: usize = 8;

/// The latest exceptions, in a ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentFaults {
    records: [Option<FaultRecord>; FAULTS_KEPT],
    /// Where the next goes, over the oldest.
    next: usize,
}

impl RecentFaults {
    fn push(&mut self, record: FaultRecord) {
        self.records[self.next % FAULTS_KEPT] = Some(record);
        self.next = (self.next + 1) % FAULTS_KEPT;
    }

    fn oldest_first(&self) -> impl Iterator<Item = FaultRecord> + '_ {
        (0..FAULTS_KEPT).filter_map(|n| self.records[(self.next + n) % FAULTS_KEPT])
    }

    /// Forgets them.
    #[cfg(test)]
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// An exception that was raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultRecord {
    /// Which one.
    pub exception: arch::exception::Exception,
    /// Instructions retired before it.
    pub retired: u64,
    /// Instruction pointer it was raised at.
    pub rip: u64,
    /// The same as a linear address.
    pub linear_ip: u64,
    /// Privilege level.
    pub cpl: u8,
    /// CR3 at that time.
    pub cr3: u64,
}

/// Deliveries counted since power-on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EventStats {
    /// External interrupts, NMIs among them.
    pub interrupts: u64,
    /// Non-maskable interrupts.
    pub nmis: u64,
    /// INT n, INT3, INTO and INT1.
    pub software: u64,
    /// Exceptions by vector, as raised.
    pub exceptions: [u64; 32],
}

#[cfg(test)]
mod tests;

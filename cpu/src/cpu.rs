//! The state of one processor, and how instructions reach it.

mod mode;

use crate::breakpoints::Breakpoints;
use crate::bus::{Access, Bus, Lines, Outcome};
use crate::decode::block::{CodeSize, MAX_BLOCK};
use crate::decode::cache::CodeCache;
use crate::decode::lower::ATTR_RIP_FULL;
use crate::decode::op::{HIGH_BYTE, MEMORY, Op, PAGE_SLOT, ZERO_SLOT};
use crate::engine::dispatch::EngineForm;
use crate::engine::profile::Profile;
use crate::event_log::EventLog;
use crate::features::Model;
use crate::flags::{Status, Width};
use crate::hypervisor::Hypervisor;
use crate::insn::sse::SseState;
use crate::insn::x87::X87State;
use crate::mmu::tlb::Tlb;
use crate::state::{EventStats, RecentFaults};
use arch::exception::{Exception, Vector};
use arch::rflags;
use arch::segment::{SegReg, Segment, TableRegister};
use arch::time::{Instant, Ratio};
use memory::{Memory, PhysAddr};
use serde::{Deserialize, Serialize};

/// Numbers of the general registers, as encoded.
#[allow(missing_docs, reason = "the names are the registers'")]
pub mod reg {
    pub const RAX: u8 = 0;
    pub const RCX: u8 = 1;
    pub const RDX: u8 = 2;
    pub const RBX: u8 = 3;
    pub const RSP: u8 = 4;
    pub const RBP: u8 = 5;
    pub const RSI: u8 = 6;
    pub const RDI: u8 = 7;
}

/// Why an instruction did not complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The guest's own: delivered through its IDT.
    Exception(Exception),
    /// The manual defines it and this emulator does not have it: the run ends, loudly.
    Unimplemented(&'static str),
    /// A waiting x87 instruction freezes: an exception is pending, and CR0.NE is clear.
    Frozen,
}

impl From<Exception> for Fault {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}

/// What every instruction's semantic form returns. After `Err`, no register or flag has changed.
pub type Done = Result<(), Fault>;

/// #GP with an error code.
pub(crate) fn gp(code: u32) -> Fault {
    Fault::Exception(Exception::with_code(Vector::GP, code))
}

/// #UD.
pub(crate) fn ud() -> Fault {
    Fault::Exception(Exception::ud())
}

/// Model-specific registers that are plain state here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Msrs {
    /// IA32_EFER.
    pub efer: u64,
    /// IA32_STAR.
    pub star: u64,
    /// IA32_LSTAR.
    pub lstar: u64,
    /// IA32_CSTAR.
    pub cstar: u64,
    /// IA32_FMASK.
    pub fmask: u64,
    /// IA32_KERNEL_GS_BASE.
    pub kernel_gs_base: u64,
    /// IA32_SYSENTER_CS.
    pub sysenter_cs: u64,
    /// IA32_SYSENTER_ESP.
    pub sysenter_esp: u64,
    /// IA32_SYSENTER_EIP.
    pub sysenter_eip: u64,
    /// IA32_TSC_AUX.
    pub tsc_aux: u64,
    /// Added to the clock's ticks to give the TSC.
    pub tsc_offset: u64,
    /// IA32_PAT.
    pub pat: u64,
    /// IA32_MTRR_DEF_TYPE.
    pub mtrr_def_type: u64,
    /// Variable MTRRs, base and mask in turn.
    pub mtrr_variable: [u64; 16],
    /// Fixed MTRRs in ascending order of address.
    pub mtrr_fixed: [u64; 11],
    /// MSRs that hold what was written and do nothing: number, value; ascending.
    pub inert: Vec<(u32, u64)>,
}

/// What is going on besides executing instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Activity {
    /// Executing.
    Running,
    /// In HLT, waiting for an interrupt.
    Halted,
    /// Before an x87 instruction that waits with FERR# asserted, until an interrupt comes.
    Frozen,
    /// In MWAIT with interrupts masked, waiting for a request that will not be taken.
    Waiting,
    /// Shut down by a triple fault.
    Shutdown,
}

impl Activity {
    /// Nothing is executed until an event comes.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Halted | Self::Waiting | Self::Frozen)
    }
}

/// Blocking of events at the next instruction boundary: SDM Vol. 3A, "Interruptibility state".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Shadow {
    /// Nothing is blocked.
    None,
    /// After STI that set IF: maskable interrupts wait for one instruction.
    Sti,
    /// After MOV SS or POP SS: interrupts and debug traps wait for one instruction.
    MovSs,
    /// After a load of SS directly behind another: debug traps alone wait for one instruction.
    MovSsAgain,
}

/// One x86-64 processor.
pub struct Cpu {
    // ---- what the hot handlers touch, first ----
    /// General registers, then [`ZERO_SLOT`] and [`PAGE_SLOT`].
    pub(crate) regs: [u64; 18],
    /// Lazy status flags.
    pub(crate) status: Status,
    /// Instructions left in the budget, before the current block.
    pub(crate) remaining: i64,
    /// Bases of the segments, in encoding order, kept equal to `segments[..].base`.
    pub(crate) seg_base: [u64; 6],
    /// The two translation layers.
    pub(crate) tlb: Tlb,
    /// Mask of the instruction pointer in the current code segment: 16, 32 or 64 bits.
    pub(crate) ip_mask: u64,
    /// SSE instructions raise #UD or #NM: follows from CR0 and CR4 ([`Cpu::update_simd`]).
    pub(crate) sse_off: bool,
    /// The same for VEX-encoded vector instructions: follows from XCR0 and the mode as well.
    pub(crate) avx_off: bool,
    /// VEX-encoded instructions exist: not in real and virtual-8086 mode.
    pub(crate) vex: bool,

    // ---- architectural state ----
    /// Instruction pointer; inside a block it is derived from the current op instead.
    pub(crate) rip: u64,
    /// RFLAGS without the status flags.
    pub(crate) system_flags: u64,
    pub(crate) segments: [Segment; 6],
    pub(crate) ldtr: Segment,
    pub(crate) tr: Segment,
    pub(crate) gdtr: TableRegister,
    pub(crate) idtr: TableRegister,
    pub(crate) cr0: u64,
    pub(crate) cr2: u64,
    pub(crate) cr3: u64,
    pub(crate) cr4: u64,
    /// Extended control register 0: the state components that XSAVE manages and instructions may use.
    pub(crate) xcr0: u64,
    /// Protection key rights of user pages.
    pub(crate) pkru: u32,
    /// PDPTEs of PAE paging, loaded at MOV CR3 and at mode changes.
    pub(crate) pdptes: [u64; 4],
    pub(crate) dr: [u64; 4],
    pub(crate) dr6: u64,
    pub(crate) dr7: u64,
    pub(crate) msrs: Msrs,
    pub(crate) x87: X87State,
    pub(crate) sse: SseState,
    pub(crate) activity: Activity,
    pub(crate) shadow: Shadow,
    /// NMIs are blocked until IRET.
    pub(crate) nmi_blocked: bool,
    /// FERR# is asserted: an x87 exception froze an instruction and is still pending.
    pub(crate) ferr: bool,
    /// A #DB trap (DR6 bits) waits for the instruction boundary.
    pub(crate) pending_debug: u64,

    /// What is watched, for the guest's debug registers and for a debugger.
    pub(crate) breakpoints: Breakpoints,

    // ---- configuration ----
    pub(crate) model: Model,
    /// Index of this vCPU.
    pub(crate) index: u8,
    /// The hypervisor that it runs under.
    pub(crate) hypervisor: Option<Box<Hypervisor>>,

    // ---- time ----
    /// Retired count at which `remaining` reaches 0.
    pub(crate) budget_end: u64,
    /// Retired count that `budget_end` never passes: the limit of the run, or the end of an
    /// instruction that runs alone.
    pub(crate) limit: u64,
    /// Virtual time charged for device accesses and idling, in nanoseconds.
    pub(crate) charged_ns: u64,
    /// Virtual nanoseconds of one instruction.
    pub(crate) ns_per_insn: u32,
    /// Frequency of the TSC.
    pub(crate) tsc_clock: Ratio,
    /// Frequency of the local APIC timer in Hz, for CPUID.
    pub(crate) apic_hz: u64,
    /// The local APIC is enabled (IA32_APIC_BASE), for CPUID.
    pub(crate) apic_enabled: bool,
    /// State of the random number generator behind RDRAND and RDSEED.
    pub(crate) random: u64,

    // ---- the run in progress ----
    pub(crate) world: World,
    /// The op being executed by a complete form: gives RIP and count to whoever asks.
    pub(crate) current: *const Op,
    /// A single-step trap follows the current instruction: RFLAGS.TF before it, unless it decides
    /// otherwise (a delivery, SYSCALL, SYSRET).
    pub(crate) step: bool,
    /// PDPTE registers to be loaded when memory is at hand: registers were set from outside.
    pub(crate) pdptes_due: bool,
    /// The fault that made a handler return.
    pub(crate) fault: Option<Fault>,
    /// The block must be left after the current instruction.
    pub(crate) leave: bool,
    /// A branch that may be linked to the block looked up next.
    pub(crate) unlinked: *const Op,
    pub(crate) lines: Lines,
    pub(crate) next_event: Instant,
    pub(crate) stop: bool,
    /// A hypercall waits to be served: the pointer to its instruction.
    pub(crate) hypercall: Option<u64>,
    /// Operand size of the current code segment.
    pub(crate) code_size: CodeSize,
    /// Which form of the handlers runs.
    pub(crate) form: EngineForm,
    /// Privilege level; equals SS.DPL in protected mode.
    pub(crate) cpl: u8,
    pub(crate) code: CodeCache,
    /// Counts of instructions, if they are wanted.
    pub(crate) profile: Option<Box<Profile>>,
    pub(crate) log: EventLog,
    /// The memory of the last run: its host addresses are in the fast tags.
    pub(crate) last_memory: *const Memory,
    /// Where its bytes were, and how many: other memory may have come to the same place.
    pub(crate) last_ram: (*const u8, u64),
    /// Deliveries counted.
    pub(crate) stats: EventStats,
    /// The latest exceptions, for reports.
    pub(crate) faults: RecentFaults,
    /// CPL has been 3.
    pub(crate) seen_user: bool,
}

/// The machine around the CPU, borrowed for one run.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) bus: Option<*mut (dyn Bus + 'static)>,
    pub(crate) memory: *const Memory,
}

impl Cpu {
    /// The instruction pointer. Inside a block: of the current instruction.
    pub fn rip(&self) -> u64 {
        self.rip
    }

    // ---- general registers ----

    /// General register `n` (an op's register number) at width `W`; handles AH-BH.
    #[inline(always)]
    pub(crate) fn reg<W: Width>(&self, n: u8) -> W {
        if W::BITS == 8 && n & HIGH_BYTE != 0 {
            return W::from_u64(self.regs[(n & 3) as usize] >> 8);
        }
        W::from_u64(self.regs[(n & 31) as usize])
    }

    /// Sets general register `n`: 32-bit writes zero the upper half, narrower ones keep the rest.
    #[inline(always)]
    pub(crate) fn set_reg<W: Width>(&mut self, n: u8, value: W) {
        let value = value.to_u64();
        if W::BITS == 8 && n & HIGH_BYTE != 0 {
            let slot = &mut self.regs[(n & 3) as usize];
            *slot = *slot & !0xff00 | value << 8;
            return;
        }
        let slot = &mut self.regs[(n & 15) as usize];
        *slot = if W::BITS >= 32 { value } else { *slot & !W::MASK | value };
    }

    /// A 64-bit general register by number, for views from outside.
    pub fn gpr(&self, n: u8) -> u64 {
        self.regs[(n & 15) as usize]
    }

    // ---- operands ----

    /// True if the operand number stands for the op's memory operand.
    #[inline(always)]
    pub(crate) fn is_memory(n: u8) -> bool {
        n == MEMORY
    }

    /// Effective address of the op's memory operand, at its address size, without segment base.
    #[inline(always)]
    pub(crate) fn effective_address(&self, op: &Op) -> u64 {
        let base = self.regs[(op.base & 31) as usize];
        let index = self.regs[(op.index & 31) as usize] << (op.scale & 3);
        let mut sum = base.wrapping_add(index).wrapping_add(op.disp as i64 as u64);
        if op.attr & ATTR_RIP_FULL != 0 {
            sum = sum.wrapping_add(u64::from(op.offset) + u64::from(op.len));
        }
        sum & op.address_mask()
    }

    /// Reads operand `n` of the op: a register, or memory.
    #[inline(always)]
    pub(crate) fn read_operand<W: Width>(&mut self, op: &Op, n: u8) -> Result<W, Fault> {
        if Self::is_memory(n) { self.load_mem(op) } else { Ok(self.reg(n)) }
    }

    /// Reads operand `n` that the instruction will write: in memory, a missing write right faults now,
    /// as a write.
    #[inline(always)]
    pub(crate) fn read_operand_for_write<W: Width>(&mut self, op: &Op, n: u8) -> Result<W, Fault> {
        if Self::is_memory(n) { self.load_mem_for_write(op) } else { Ok(self.reg(n)) }
    }

    /// Writes operand `n`.
    #[inline(always)]
    pub(crate) fn write_operand<W: Width>(&mut self, op: &Op, n: u8, value: W) -> Done {
        if Self::is_memory(n) {
            self.store_mem(op, value)
        } else {
            self.set_reg(n, value);
            Ok(())
        }
    }

    /// Loads the op's memory operand.
    pub(crate) fn load_mem<W: Width>(&mut self, op: &Op) -> Result<W, Fault> {
        let linear = self.linear(op, self.effective_address(op), W::BYTES, false)?;
        self.load(linear)
    }

    /// Loads the op's memory operand, faulting as a write where it cannot be written.
    pub(crate) fn load_mem_for_write<W: Width>(&mut self, op: &Op) -> Result<W, Fault> {
        let linear = self.linear(op, self.effective_address(op), W::BYTES, true)?;
        self.load_for_write(linear)
    }

    /// Stores to the op's memory operand.
    pub(crate) fn store_mem<W: Width>(&mut self, op: &Op, value: W) -> Done {
        let linear = self.linear(op, self.effective_address(op), W::BYTES, true)?;
        self.store(linear, value)
    }

    // ---- time ----

    /// Instructions retired before the current one.
    pub fn retired(&self) -> u64 {
        let place = if self.current.is_null() { 0 } else { self.current_place() };
        self.budget_end.wrapping_sub(self.remaining as u64).wrapping_add(place)
    }

    /// Virtual time before the current instruction.
    pub fn now(&self) -> Instant {
        Instant(self.retired() * u64::from(self.ns_per_insn) + self.charged_ns)
    }

    /// The time stamp counter before the current instruction.
    pub fn tsc(&self) -> u64 {
        self.tsc_clock.ticks(self.now().ns()).wrapping_add(self.msrs.tsc_offset)
    }

    /// Takes what a bus access changed: charges its cost and moves the end of the budget. The block
    /// goes on unless something has to be done behind this instruction, or the rest of the block may
    /// no longer fit.
    #[inline]
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        self.charged_ns += u64::from(outcome.cost_ns);
        self.lines = outcome.lines;
        self.next_event = outcome.next_event;
        self.stop |= outcome.stop;
        let end = self.end_of_budget();
        // Both move alike, so that the count of retired instructions stays.
        let shift = end.wrapping_sub(self.budget_end) as i64;
        self.remaining = self.remaining.wrapping_add(shift);
        self.budget_end = end;
        // Reading back the lines just stored, of another width, would wait for the store.
        self.leave |=
            self.stop || self.interruptible_by(outcome.lines) || self.remaining < MAX_BLOCK as i64;
    }

    /// Retired count at the first instruction boundary where the next event is due, or the run's limit
    /// if that is earlier.
    #[inline]
    pub(crate) fn end_of_budget(&self) -> u64 {
        let due_ns = self.next_event.ns().saturating_sub(self.charged_ns);
        // Spares the division where an instruction takes 1 ns, as it usually does.
        let due = if self.ns_per_insn == 1 {
            due_ns
        } else {
            due_ns.div_ceil(u64::from(self.ns_per_insn))
        };
        due.min(self.limit)
    }

    /// True if an interrupt or NMI is requested that nothing but a shadow holds off.
    #[inline]
    pub(crate) fn interruptible(&self) -> bool {
        self.interruptible_by(self.lines)
    }

    #[inline]
    fn interruptible_by(&self, lines: Lines) -> bool {
        lines.nmi && !self.nmi_blocked || lines.intr && self.system_flags & rflags::IF != 0
    }

    /// Access circumstances for a bus call now.
    pub(crate) fn access<'a>(&self, memory: &'a Memory) -> Access<'a> {
        Access { now: self.now(), memory, cpu: self.index }
    }

    /// Register dump state: the 16 general registers in encoding order.
    pub fn gprs(&self) -> [u64; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(&self.regs[..16]);
        out
    }

    /// True while an instruction's memory operand names a stack segment: faults are #SS, not #GP.
    pub(crate) fn stack_fault(register: usize) -> bool {
        register == SegReg::Ss as usize
    }

    /// An MMIO-capable physical read used by page walks and dumps; all-ones where nothing answers.
    pub(crate) fn physical_read_u64(memory: &Memory, addr: PhysAddr) -> u64 {
        memory.read_u64(addr).unwrap_or(u64::MAX)
    }
}

const _: () = assert!(ZERO_SLOT == 16 && PAGE_SLOT == 17);

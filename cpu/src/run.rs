//! The run: budgets, events at instruction boundaries, and why the CPU hands control back.

use crate::breakpoints::{AtCode, Breakpoints, DebugStop};
use crate::bus::Bus;
use crate::cpu::Msrs;
use crate::cpu::{Activity, Cpu, Fault, Shadow, World};
use crate::decode::block::MAX_BLOCK;
use crate::decode::cache::CodeCache;
use crate::engine::dispatch::{self, EngineForm};
use crate::engine::profile::Profile;
use crate::event_log::{Event, EventLog, kind};
use crate::features::Model;
use crate::flags::Status;
use crate::hypervisor::Hypervisor;
use crate::insn::sse::SseState;
use crate::insn::x87::X87State;
use crate::mmu::tlb::Tlb;
use arch::control::cr0;
use arch::rflags;
use arch::segment::{Segment, Selector, TableRegister, attr};
use arch::time::{Instant, Ratio};
use arch::{debug::dr6, exception::Vector};
use memory::Memory;

/// Why [`Cpu::run`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The next event of the devices is due.
    Event,
    /// The limit of retired instructions is reached.
    Limit,
    /// HLT, or an x87 instruction that waits with FERR# asserted, and no interrupt is pending.
    Halted,
    /// Triple fault: the CPU shut down.
    Shutdown,
    /// A device asked for control.
    Stop,
    /// A debugger's breakpoint or watchpoint.
    Debug(DebugStop),
    /// VMCALL or VMMCALL has been executed under a [`Hypervisor`], at whatever privilege level: the
    /// instruction pointer is behind it.
    Hypercall {
        /// Instruction pointer of the instruction with its prefixes.
        rip: u64,
    },
    /// Something is not emulated: the instruction pointer is at the instruction.
    Unimplemented(&'static str),
}

/// What a CPU is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Model.
    pub model: Model,
    /// Index of the vCPU.
    pub index: u8,
    /// Virtual nanoseconds of one instruction.
    pub ns_per_insn: u32,
    /// Frequency of the TSC.
    pub tsc_clock: Ratio,
    /// Frequency of the local APIC timer in Hz, for CPUID.
    pub apic_hz: u64,
    /// Seed of RDRAND and RDSEED.
    pub seed: u64,
    /// Engine form.
    pub form: EngineForm,
    /// Count how often every instruction is executed.
    pub profile: bool,
    /// The hypervisor that the CPU runs under, if there is one.
    pub hypervisor: Option<Hypervisor>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            model: crate::features::QEMU64,
            index: 0,
            ns_per_insn: 1,
            tsc_clock: Ratio::hz(1_000_000_000),
            apic_hz: 25_000_000,
            seed: 0,
            form: EngineForm::BEST,
            profile: false,
            hypervisor: None,
        }
    }
}

impl Cpu {
    /// A CPU after power-on: SDM Vol. 3A, "Processor State After Power-up, Reset, or INIT".
    pub fn new(config: &Config) -> Self {
        let mut cpu = Self {
            regs: [0; 18],
            status: Status::CLEAR,
            remaining: 0,
            seg_base: [0; 6],
            tlb: Tlb::new(),
            ip_mask: 0xffff_ffff,
            rip: 0xfff0,
            system_flags: 0,
            segments: [Segment::real_mode(0); 6],
            ldtr: Segment::default(),
            tr: Segment::default(),
            gdtr: TableRegister { base: 0, limit: 0xffff },
            idtr: TableRegister { base: 0, limit: 0xffff },
            cr0: cr0::RESET,
            cr2: 0,
            cr3: 0,
            cr4: 0,
            xcr0: arch::control::xcr0::X87,
            pkru: 0,
            pdptes: [0; 4],
            dr: [0; 4],
            dr6: dr6::FIXED,
            dr7: arch::debug::dr7::FIXED,
            msrs: Msrs { pat: 0x0007_0406_0007_0406, ..Msrs::default() },
            x87: X87State::new(),
            sse: SseState::new(),
            sse_off: true,
            avx_off: true,
            vex: false,
            activity: Activity::Running,
            shadow: Shadow::None,
            nmi_blocked: false,
            ferr: false,
            pending_debug: 0,
            breakpoints: Breakpoints::default(),
            model: config.model,
            index: config.index,
            hypervisor: config.hypervisor.clone().map(Box::new),
            budget_end: 0,
            limit: 0,
            charged_ns: 0,
            ns_per_insn: config.ns_per_insn.max(1),
            tsc_clock: config.tsc_clock,
            apic_hz: config.apic_hz,
            apic_enabled: true,
            random: config.seed,
            world: World::none(),
            current: core::ptr::null(),
            step: false,
            pdptes_due: false,
            fault: None,
            leave: false,
            unlinked: core::ptr::null(),
            lines: crate::bus::Lines::default(),
            next_event: Instant::ZERO,
            stop: false,
            hypercall: None,
            code_size: crate::decode::block::CodeSize::Bits16,
            form: config.form,
            cpl: 0,
            code: CodeCache::new(&config.model, config.hypervisor.is_some()),
            profile: config.profile.then(|| Box::new(Profile::new())),
            log: EventLog::default(),
            last_memory: core::ptr::null(),
            last_ram: (core::ptr::null(), 0),
            stats: crate::state::EventStats::default(),
            faults: crate::state::RecentFaults::default(),
            seen_user: false,
        };
        cpu.reset_registers();
        cpu
    }

    /// RESET: registers, not time.
    fn reset_registers(&mut self) {
        self.regs[2] = u64::from(self.model.signature);
        let system = |kind: u16| Segment {
            selector: Selector(0),
            attributes: attr::P | kind,
            limit: 0xffff,
            base: 0,
        };
        self.ldtr = system(2);
        self.tr = system(11);
        let code = Segment {
            base: 0xffff_0000,
            attributes: Segment::real_mode(0).attributes | attr::CODE,
            ..Segment::real_mode(0xf000)
        };
        self.set_segment(arch::segment::SegReg::Cs, code);
    }

    /// Runs until something outside the CPU has to be done. `limit` is a count of retired
    /// instructions since power-on.
    pub fn run(&mut self, bus: &mut dyn Bus, memory: &Memory, limit: u64) -> Exit {
        let ram = (memory.ram().host_base().as_ptr().cast_const(), memory.ram().len());
        if !core::ptr::eq(self.last_memory, memory) || self.last_ram != ram {
            // Host addresses and decoded code of other memory must not survive.
            self.tlb.drop_all_tags();
            self.tlb.jumps.clear();
            self.code.empty();
            (self.last_memory, self.last_ram) = (memory, ram);
        }
        self.world = World::new(bus, memory);
        if core::mem::take(&mut self.pdptes_due) {
            // Registers from outside cannot fault: a reserved bit leaves the PDPTEs as they were.
            let _ = self.load_pdptes(self.cr3);
        }
        let state = self.bus().state();
        self.lines = state.lines;
        self.next_event = state.next_event;
        let exit = self.run_until(limit);
        self.world = World::none();
        exit
    }

    fn run_until(&mut self, limit: u64) -> Exit {
        loop {
            // A loader or a device may have written code.
            self.drain_stale_code();
            self.collect_hits();
            self.recut_blocks();
            if let Some(Fault::Unimplemented(what)) = self.fault.take() {
                return self.unimplemented(what);
            }
            if let Some(rip) = self.hypercall.take() {
                return Exit::Hypercall { rip };
            }
            if core::mem::take(&mut self.stop) {
                return Exit::Stop;
            }
            if let Some(stop) = self.take_debug_stop() {
                return Exit::Debug(stop);
            }
            let retired = self.retired();
            if retired >= limit {
                return Exit::Limit;
            }
            let now = self.now();
            if now >= self.next_event {
                return Exit::Event;
            }
            match self.activity {
                Activity::Running => {}
                Activity::Shutdown => return Exit::Shutdown,
                activity if activity.waits() && self.wakes() => {
                    self.activity = Activity::Running;
                }
                _ => return Exit::Halted,
            }
            if self.take_boundary_event() {
                continue;
            }
            match self.code_breakpoint() {
                AtCode::Nothing => {}
                AtCode::Guest(conditions) => {
                    self.report_debug(conditions);
                    self.raise_trap(arch::exception::Exception::new(Vector::DB));
                    continue;
                }
                AtCode::Debugger(stop) => return Exit::Debug(stop),
            }
            self.step = self.system_flags & rflags::TF != 0;
            let traps = self.step_traps();
            let shadow = core::mem::replace(&mut self.shadow, Shadow::None);
            let single = self.step || shadow != Shadow::None || self.form == EngineForm::Step;
            // One instruction, and one iteration of a repeated one.
            let most = if single { 1 } else { (limit - retired).min(1 << 40) };
            self.limit = retired + most;
            self.budget_end = self.end_of_budget();
            self.remaining = (self.budget_end - retired) as i64;
            let resume = self.system_flags & rflags::RF;
            self.end_resume();
            self.leave = false;
            dispatch::execute(self, if single { 1 } else { MAX_BLOCK });
            let loaded_ss = matches!(shadow, Shadow::MovSs | Shadow::MovSsAgain);
            if loaded_ss && self.shadow == Shadow::MovSs {
                // Of consecutive loads of SS only the first holds interrupts off.
                self.shadow = Shadow::MovSsAgain;
            }
            match self.fault.take() {
                Some(Fault::Exception(exception)) => self.raise(exception),
                Some(Fault::Unimplemented(what)) => return self.unimplemented(what),
                Some(Fault::Frozen) => {
                    self.forget_hits();
                    self.freeze();
                }
                // What loads SS has no trap of its own: that of the next instruction follows.
                None if self.step && traps && !self.holds_debug_traps() => {
                    self.pending_debug |= dr6::BS;
                    self.keep_resume(resume);
                }
                None => {}
            }
        }
    }

    /// A load of SS has just been executed.
    fn holds_debug_traps(&self) -> bool {
        matches!(self.shadow, Shadow::MovSs | Shadow::MovSsAgain)
    }

    fn unimplemented(&mut self, what: &'static str) -> Exit {
        let (retired, rip) = (self.retired(), self.rip);
        self.log.emit(kind::UNIMPLEMENTED, retired, || Event::Unimplemented { what, rip });
        Exit::Unimplemented(what)
    }

    /// An event that ends HLT or MWAIT, or lets a frozen x87 instruction go on.
    fn wakes(&self) -> bool {
        let requested = self.activity == Activity::Waiting && self.lines.intr;
        let ignored = self.activity == Activity::Frozen && self.lines.ignne;
        requested || ignored || self.interruptible() || self.pending_debug != 0
    }

    /// Delivers the most urgent event of this instruction boundary: SDM Vol. 3A, "Priority Among
    /// Concurrent Events". True if there was one.
    fn take_boundary_event(&mut self) -> bool {
        if self.shadow == Shadow::MovSs {
            return false;
        }
        if self.pending_debug != 0 && !self.holds_debug_traps() {
            let conditions = core::mem::take(&mut self.pending_debug);
            self.report_debug(conditions);
            self.raise_trap(arch::exception::Exception::new(Vector::DB));
            return true;
        }
        if self.lines.nmi && !self.nmi_blocked {
            let outcome = self.bus().take_nmi();
            self.settle(outcome);
            self.nmi_blocked = true;
            self.stats.nmis += 1;
            self.interrupt(Vector::NMI as u8);
            return true;
        }
        if self.lines.intr && self.system_flags & rflags::IF != 0 && self.shadow != Shadow::Sti {
            let access = self.access(self.memory());
            let (vector, outcome) = self.bus().acknowledge(access);
            self.settle(outcome);
            self.interrupt(vector);
            return true;
        }
        false
    }

    /// Lets idle time pass: HLT until `until`.
    pub fn idle_until(&mut self, until: Instant) {
        self.charged_ns += until.since(self.now());
    }
}

#[cfg(test)]
mod tests;

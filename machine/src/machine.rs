//! The machine: CPU, memory and board together, the run loop, HLT, restart.
//!
//! [`Machine::run`] goes until the guest asks for something or the caller's limit is reached. A limit
//! is a count of retired instructions and cuts the run without a trace: a machine that ran in slices
//! is in the same state as one that ran through.
//!
//! A halted CPU costs no instructions: time jumps to the next event of the devices.

use crate::board::{Board, Request};
use crate::chipset;
use crate::clock::NEVER;
use crate::config::{MachineConfig, MachineError};
use crate::inputs::{Input, Inputs, Stamp};
use crate::milestones::{Charged, Listeners};
use arch::rflags;
use arch::time::Instant;
use boot::{BootError, BootPlan, Entry, Start, layout};
use core::cell::RefCell;
use cpu::bus::Bus;
use cpu::{Activity, Cpu, DebugStop, Exit, Registers};
use devices::fw_cfg::spec::key;
use devices::i8042::Stroke;
use devices::vga::{Picture, TextPage};
use memory::Memory;
use std::rc::Rc;

mod observers;
mod serve;

/// After so many events of devices that passed a halted CPU by, [`Machine::run`] lets its caller look
/// at the clock on the wall.
const IDLE_EVENTS_MAX: u32 = 1 << 16;
/// A CPU halted with interrupts disabled can only be woken by an NMI. If none has come after this
/// much time or this many events, none will.
const DEAF_NS: u64 = 1_000_000_000;
const DEAF_EVENTS: u32 = IDLE_EVENTS_MAX - 1;

/// Why [`Machine::run`] came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The guest powered the machine off (S5).
    PowerOff,
    /// The guest reset the machine: [`Machine::reset`] and [`Machine::boot`] carry it out.
    Reset,
    /// The CPU shut down after a triple fault.
    TripleFault,
    /// The guest told its hypervisor that it has crashed.
    Crashed,
    /// The guest wrote to isa-debug-exit; the exit status, `(value << 1) | 1`.
    DebugExit(u32),
    /// [`MachineConfig::max_instructions`] is reached.
    Limit,
    /// HLT, and no event of a device will ever end it. Input still may: see
    /// [`Machine::waiting_for_input`].
    HaltedForever,
    /// The guest gave the boot back to the BIOS, by this interrupt; there is nothing else to start.
    GaveUp(&'static str),
    /// The guest needs something that is not emulated; [`Machine::stopped_at`] shows where.
    Unimplemented(&'static str),
    /// A breakpoint or watchpoint that was set from outside.
    Debug(DebugStop),
    /// The limit of this call is reached, much output waits to be taken, or devices have moved much data
    /// at once: call again.
    Slice,
}

/// Where the CPU stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoppedAt {
    /// Instruction pointer.
    pub rip: u64,
    /// Its linear address.
    pub linear: u64,
    /// Code size in bits: 16, 32 or 64.
    pub bits: u32,
    /// The bytes there, at most 15, fewer where memory ends.
    pub bytes: Vec<u8>,
}

/// A PC.
pub struct Machine {
    config: MachineConfig,
    cpu: Cpu,
    memory: Memory,
    board: Board,
    inputs: Inputs,
    listeners: Rc<RefCell<Listeners>>,
    charged: Rc<Charged>,
    /// Where earlier boots of this machine ended.
    before: Stamp,
    /// Where the CPU was halted, and the events that have passed it by since.
    halted: (Stamp, u32),
    /// A BIOS service waits: before the CPU goes on, time passes until then or the next event. In the time
    /// of this boot.
    waits: Option<Instant>,
}

fn new_memory(config: &MachineConfig) -> Result<Memory, MachineError> {
    let ram = config.ram_bytes;
    let rom = config.rom.as_deref().unwrap_or_default();
    let memory = Memory::with_rom(ram, layout::LOW_RAM_END, rom)
        .map_err(|cause| MachineError::NoHostMemory { ram, cause })?;
    if !rom.is_empty() {
        chipset::show_rom(&memory);
    }
    Ok(memory)
}

impl Machine {
    /// A machine at power-on. Nothing runs sensibly before [`Machine::boot`]: there is no firmware.
    pub fn new(config: &MachineConfig) -> Result<Self, MachineError> {
        config.check()?;
        let charged = Rc::new(Charged::default());
        let listeners = Listeners::new(config.ns_per_insn, Rc::clone(&charged));
        let mut machine = Self {
            cpu: Cpu::new(&config.cpu()),
            memory: new_memory(config)?,
            board: Board::new(config, config.rtc_base, Rc::clone(&charged)),
            inputs: Inputs::default(),
            listeners: Rc::new(RefCell::new(listeners)),
            charged,
            before: Stamp::default(),
            halted: (Stamp::default(), 0),
            waits: None,
            config: config.clone(),
        };
        machine.connect_log();
        Ok(machine)
    }

    /// Copies a plan into memory and sets the registers that its protocol promises.
    pub fn boot(&mut self, plan: &BootPlan<'_>) -> Result<(), BootError> {
        plan.write(&self.memory)?;
        self.start(&plan.start())
    }

    /// The second half of [`Machine::boot`], for a plan of images that lie in this machine's RAM: it
    /// was written to [`Machine::memory`] and is gone.
    pub fn start(&mut self, start: &Start) -> Result<(), BootError> {
        match &start.firmware {
            Some(items) => {
                // The CPU is as reset left it.
                self.board.offer(items, &self.config)?;
            }
            None => {
                self.board.set_xen_map(&start.e820);
                self.cpu.set_registers(&registers_of(&start.entry));
                self.cpu.enable_mtrrs();
            }
        }
        if start.bios {
            self.begin_bios(&start.e820);
        }
        self.reach("entry");
        if self.cpu.long_mode() {
            self.reach("long_mode");
        }
        Ok(())
    }

    /// Power cycle: CPU, devices and RAM as at power-on, except for the clock, which has gone on, and
    /// the counts of instructions and time, which go on. [`Machine::boot`] must follow.
    pub fn reset(&mut self) -> Result<(), MachineError> {
        self.before = self.stamp();
        self.waits = None;
        self.charged.ns.set(0);
        let unix_s = self.config.rtc_base.saturating_add(self.before.now.ns() / 1_000_000_000);
        let board = Board::new(&self.config, unix_s, Rc::clone(&self.charged));
        let old = core::mem::replace(&mut self.board, board);
        self.board.inherit(old);
        self.memory = new_memory(&self.config)?;
        let mut before = core::mem::replace(&mut self.cpu, Cpu::new(&self.config.cpu()));
        self.cpu.continue_profile(&mut before);
        self.cpu.continue_debugger(&mut before);
        self.listeners.borrow_mut().begin_boot(self.before.retired, self.before.now.ns());
        self.connect_log();
        Ok(())
    }

    /// What is configured.
    pub fn config(&self) -> &MachineConfig {
        &self.config
    }

    /// Guest memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The CPU.
    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// The CPU, to set registers.
    pub fn cpu_mut(&mut self) -> &mut Cpu {
        &mut self.cpu
    }

    /// The board.
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// The board, to take what goes out.
    pub(crate) fn board_mut(&mut self) -> &mut Board {
        &mut self.board
    }

    /// CR8, the task priority.
    pub fn task_priority(&self) -> u8 {
        self.board.task_priority()
    }

    /// Instructions retired since the first power-on.
    pub fn retired(&self) -> u64 {
        self.before.retired + self.cpu.retired()
    }

    /// Virtual time since the first power-on.
    pub fn now(&self) -> Instant {
        self.before.now.after(self.cpu.now().ns())
    }

    fn stamp(&self) -> Stamp {
        Stamp { retired: self.retired(), now: self.now() }
    }

    // ---- running ----

    /// Runs until the guest asks for something or `limit` instructions have retired since the first
    /// power-on. HLT jumps to the next event.
    pub fn run(&mut self, limit: u64) -> Stop {
        self.run_until(limit, NEVER)
    }

    /// As [`Machine::run`], but a halted CPU and a BIOS service that waits do not let time jump past `pause`:
    /// then the call comes back with [`Stop::Slice`] and [`Machine::idle_until`] says how long to wait.
    /// This is how idle time is paced to a clock on the host. Running instructions take the time they take.
    pub fn run_until(&mut self, limit: u64, pause: Instant) -> Stop {
        self.board.begin_slice();
        loop {
            self.take_recorded_inputs();
            if let Some(stop) = self.wait(pause) {
                return stop;
            }
            self.board.attend_xen(&self.memory);
            let most = limit.min(self.config.max_instructions);
            let slice = self.inputs.next_after(self.retired()).map_or(most, |next| next.min(most));
            let slice = slice.saturating_sub(self.before.retired);
            let exit = self.cpu.run(&mut self.board, &self.memory, slice);
            self.note_first_console();
            match exit {
                Exit::Event => self.board.catch_up(self.cpu.now()),
                Exit::Limit if self.retired() < most => {}
                Exit::Limit if self.retired() >= self.config.max_instructions => {
                    return Stop::Limit;
                }
                Exit::Limit => return Stop::Slice,
                Exit::Stop | Exit::Hypercall { .. } => {
                    if let Exit::Hypercall { rip } = exit {
                        self.hypercall(rip);
                    }
                    self.remap();
                    // A hypercall, and work for Xen, are no news by themselves.
                    if self.board.has_news()
                        && let Some(stop) = self.requested()
                    {
                        return stop;
                    }
                }
                Exit::Shutdown => return Stop::TripleFault,
                Exit::Unimplemented(what) => return Stop::Unimplemented(what),
                Exit::Debug(stop) => return Stop::Debug(stop),
                Exit::Halted => {
                    if let Some(stop) = self.idle(pause) {
                        return stop;
                    }
                }
            }
        }
    }

    /// What the guest asked for; without a request, its output wants to be taken, or the host's clock to
    /// be looked at. `None` if it concerns the map of memory alone.
    fn requested(&mut self) -> Option<Stop> {
        Some(match self.board.take_request() {
            Some(Request::PowerOff) => {
                self.reach("power_off");
                Stop::PowerOff
            }
            Some(Request::Reset) => {
                self.reach("reset");
                Stop::Reset
            }
            Some(Request::DebugExit(status)) => Stop::DebugExit(status),
            Some(Request::Crash) => Stop::Crashed,
            Some(Request::Remap) => return None,
            Some(Request::Bios) => return self.serve_bios(),
            None => Stop::Slice,
        })
    }

    /// If the chipset says so, memory shows something else at some addresses from the next instruction on.
    fn remap(&mut self) {
        if self.board.remap(&self.memory) {
            self.cpu.forget_memory_map();
        }
    }

    /// True if firmware was offered a kernel and has not asked for it so far.
    pub fn kernel_ignored(&self) -> bool {
        let items = self.board.fw_cfg.items();
        let offered =
            [key::KERNEL_DATA, key::KERNEL_ENTRY].iter().any(|&key| items.get(key).is_some());
        self.config.rom.is_some() && offered && !self.board.fw_cfg.kernel_asked()
    }

    /// Lets a halted CPU wait for the next event.
    fn idle(&mut self, pause: Instant) -> Option<Stop> {
        let next = self.board.next_event();
        if next == NEVER || self.is_deaf() {
            return Some(Stop::HaltedForever);
        }
        if self.before.now.after(next.ns()) > pause {
            return Some(Stop::Slice);
        }
        self.halted.1 = self.halted.1.saturating_add(1);
        if self.halted.1.is_multiple_of(IDLE_EVENTS_MAX) {
            return Some(Stop::Slice);
        }
        self.pass_time(next);
        None
    }

    /// Idle time until then, which is not before the present.
    fn pass_time(&mut self, until: Instant) {
        let idle_ns = until.since(self.cpu.now());
        self.charged.ns.set(self.charged.ns.get().saturating_add(idle_ns));
        self.cpu.idle_until(until);
        self.board.catch_up(until);
    }

    /// True if the CPU has been halted with interrupts disabled for so long that no NMI will come.
    fn is_deaf(&mut self) -> bool {
        let stamp = self.stamp();
        if stamp.retired != self.halted.0.retired {
            self.halted = (stamp, 0);
        }
        let (since, events) = self.halted;
        self.cpu.activity() != Activity::Waiting
            && self.cpu.rflags() & rflags::IF == 0
            && (events >= DEAF_EVENTS || stamp.now.since(since.now) > DEAF_NS)
    }

    /// True while the CPU is halted.
    pub fn is_halted(&self) -> bool {
        self.cpu.activity().waits()
    }

    /// When a CPU that is halted, or waits in a BIOS service, goes on by itself, at the earliest; `None` if
    /// it runs or never will.
    pub fn idle_until(&self) -> Option<Instant> {
        let next = self.board.next_event().min(self.waits.unwrap_or(NEVER));
        let idle = self.is_halted() || self.waits.is_some();
        (idle && next != NEVER).then(|| self.before.now.after(next.ns()))
    }

    /// True if the CPU is halted with interrupts enabled and a byte at the serial port would raise
    /// its interrupt.
    pub fn waiting_for_input(&self) -> bool {
        let listens =
            self.cpu.rflags() & rflags::IF != 0 || self.cpu.activity() == Activity::Waiting;
        self.is_halted() && listens && self.board.listens_to_serial()
    }

    /// Where the CPU stands, with the bytes of the instruction there.
    pub fn stopped_at(&self) -> StoppedAt {
        let linear = self.cpu.linear_ip();
        let mut bytes = vec![0; 15];
        let len = self.cpu.debug_read(&self.memory, linear, &mut bytes);
        bytes.truncate(len);
        let rip = self.cpu.registers().rip;
        StoppedAt { rip, linear, bits: self.cpu.code_bits(), bytes }
    }

    // ---- in and out ----

    /// Sends bytes to the serial port. They arrive one after the other as the port has room.
    pub fn serial_input(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.inputs.note(self.stamp(), bytes, &[]);
            self.board.send_serial(bytes, self.cpu.now());
        }
    }

    /// Bytes that were sent to the serial port and have not arrived: a guest may never take them.
    pub fn serial_backlog(&self) -> usize {
        self.board.serial_backlog()
    }

    /// Types on the keyboard as many of the strokes as its queue has room for, and tells how many: none on
    /// a machine without a keyboard. They become scan codes one after the other.
    pub fn key_input(&mut self, strokes: &[Stroke]) -> usize {
        let taken = self.board.press(strokes, self.cpu.now());
        if taken > 0 {
            self.inputs.note(self.stamp(), &[], &strokes[..taken]);
        }
        taken
    }

    /// The text on the screen; `None` without a VGA and in a graphics mode.
    pub fn text_page(&self) -> Option<TextPage> {
        self.board.text_page()
    }

    /// What the monitor shows; `None` without a VGA.
    pub fn picture(&self) -> Option<Picture> {
        self.board.picture()
    }

    /// Everything that has come in, with its stamps: what [`Machine::replay`] repeats.
    pub fn recorded_inputs(&self) -> &[Input] {
        self.inputs.record()
    }

    /// Lets recorded inputs come in again, each at its stamp.
    pub fn replay(&mut self, inputs: Vec<Input>) {
        self.inputs.replay(inputs);
    }

    fn take_recorded_inputs(&mut self) {
        while let Some(input) = self.inputs.take_due(self.stamp()) {
            self.serial_input(&input.serial);
            self.key_input(&input.keys);
        }
    }

    /// Takes what the guest has written to the serial port.
    pub fn take_serial_output(&mut self) -> Vec<u8> {
        self.board.take_serial_output()
    }

    /// Takes what the guest has written to the debug consoles.
    pub fn take_debugcon_output(&mut self) -> Vec<u8> {
        self.board.take_debugcon_output()
    }

    /// Accesses by device since the first power-on, in a fixed order.
    pub fn device_accesses(&self) -> Vec<(&'static str, u64)> {
        self.board.accesses().collect()
    }

    /// Brings every device to the present of the CPU.
    pub(crate) fn settle_time(&mut self) {
        self.board.catch_up(self.cpu.now());
        self.board.bring_all();
        self.board.attend_xen(&self.memory);
    }
}

/// The entry state as registers. What an entry does not name is as after a reset.
fn registers_of(entry: &Entry) -> Registers {
    Registers {
        gpr: entry.gprs,
        rip: entry.rip,
        rflags: entry.rflags,
        segments: entry.segments,
        ldtr: entry.ldtr,
        tr: entry.tr,
        gdtr: entry.gdtr,
        idtr: entry.idtr,
        cr0: entry.cr0,
        cr2: 0,
        cr3: entry.cr3,
        cr4: entry.cr4,
        efer: entry.efer,
    }
}

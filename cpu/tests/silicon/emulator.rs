//! The emulator's side: a CPU at CPL 3 under page tables, descriptor tables and handlers of its own,
//! which see what Linux's signal frame shows.
//!
//! Each handler is a HLT, so that registers and the frame on its stack are what the exception left. The
//! system's own pages lie where no test points, for the supervisor alone.

use crate::layout::*;
use crate::state::{Case, End, Outcome, State};
use arch::control::{cr0, cr4, efer, xcr0};
use arch::paging::pte;
use arch::segment::{Descriptor, SegReg, Segment, Selector, TableRegister, attr};
use arch::time::Instant;
use cpu::bus::{Access, Bus, Lines, Outcome as BusOutcome};
use cpu::features::{MAX, Model, feature};
use cpu::{Config, Cpu, Exit, Extended, Registers};
use memory::{Memory, PhysAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Linear address of the system's pages.
const SYSTEM: u64 = 0xffff_c0de_0000_0000;
/// Their physical address, and their places from there.
const SYSTEM_AT: u64 = 0x4_0000;
const GDT_AT: u64 = 0;
const LDT_AT: u64 = 0x100;
const TSS_AT: u64 = 0x200;
const IDT_AT: u64 = 0x1000;
const HANDLERS_AT: u64 = 0x2000;
const STACK_AT: u64 = 0x4000;
const SYSTEM_PAGES: u64 = 4;
/// Physical address of the pages of the tests.
const BYTES_AT: u64 = 0x2_0000;
/// Physical address of the page tables.
const TABLES_AT: u64 = 0x5_0000;
/// Bytes of RAM.
const RAM: u64 = 1 << 20;

/// Vectors that Linux opens to CPL 3: INT3, INTO, and system calls.
const OPEN: [u64; 3] = [3, 4, 0x80];

/// Most instructions and iterations of one test.
const LIMIT: u64 = 200_000;

/// The bus of a machine without devices.
struct Nothing;

const QUIET: BusOutcome = BusOutcome {
    cost_ns: 0,
    next_event: Instant(u64::MAX),
    lines: Lines { intr: false, nmi: false, ignne: false },
    stop: false,
};

impl Bus for Nothing {
    fn port_in(&mut self, _: Access<'_>, _: u16, _: u8) -> (u32, BusOutcome) {
        (u32::MAX, QUIET)
    }
    fn port_out(&mut self, _: Access<'_>, _: u16, _: u8, _: u32) -> BusOutcome {
        QUIET
    }
    fn mmio_read(&mut self, _: Access<'_>, _: PhysAddr, _: u8) -> (u64, BusOutcome) {
        (u64::MAX, QUIET)
    }
    fn mmio_write(&mut self, _: Access<'_>, _: PhysAddr, _: u8, _: u64) -> BusOutcome {
        QUIET
    }
    fn state(&self) -> BusOutcome {
        QUIET
    }
    fn acknowledge(&mut self, _: Access<'_>) -> (u8, BusOutcome) {
        (0, QUIET)
    }
    fn take_nmi(&mut self) -> BusOutcome {
        QUIET
    }
    fn msr_read(&mut self, _: Access<'_>, _: u32) -> Option<(u64, BusOutcome)> {
        None
    }
    fn msr_write(&mut self, _: Access<'_>, _: u32, _: u64) -> Option<BusOutcome> {
        None
    }
    fn set_tsc_offset(&mut self, _: Access<'_>, _: u64) -> BusOutcome {
        QUIET
    }
    fn task_priority(&self) -> u8 {
        0
    }
    fn set_task_priority(&mut self, _: Access<'_>, _: u8) -> BusOutcome {
        QUIET
    }
}

/// The model that is compared: everything but what makes addresses wider than the host's.
pub(crate) fn model() -> Model {
    let mut model = MAX;
    model.remove(feature("la57").expect("a feature"));
    model
}

/// The emulator as it stands beside the host.
pub(crate) struct Emulator {
    cpu: Cpu,
    memory: Memory,
    background: Vec<u8>,
    /// What the test's pages hold before an instruction.
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Emulator {
    /// Ready for the first case.
    pub(crate) fn new() -> Self {
        let memory = Memory::new(RAM, RAM).expect("a megabyte of memory");
        let background = background();
        let mut emulator = Self {
            cpu: new_cpu(),
            memory,
            before: background.clone(),
            after: background.clone(),
            background,
        };
        emulator.write(BYTES_AT, &emulator.background);
        emulator.map_pages();
        emulator.write_tables();
        emulator
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        self.memory.write(PhysAddr(at), bytes).expect("RAM");
    }

    fn write_word(&self, at: u64, value: u64) {
        self.write(at, &value.to_le_bytes());
    }

    fn read_word(&self, at: u64) -> u64 {
        self.memory.read_u64(PhysAddr(at)).expect("RAM")
    }

    /// Page tables: the tests' pages and the system's.
    fn map_pages(&self) {
        let mut next = TABLES_AT + 0x1000;
        let mut map = |linear: u64, physical: u64, bits: u64| {
            let mut table = TABLES_AT;
            for shift in [39, 30, 21] {
                let at = table + (linear >> shift & 511) * 8;
                if self.read_word(at) == 0 {
                    self.write_word(at, next | pte::P | pte::RW | pte::US | pte::A);
                    next += 0x1000;
                }
                table = self.read_word(at) & !0xfff;
            }
            self.write_word(table + (linear >> 12 & 511) * 8, physical | bits | pte::P | pte::A);
        };
        for (n, &(linear, rights)) in PAGES.iter().enumerate() {
            let bits = match rights {
                Rights::Code => pte::US,
                Rights::ReadOnly => pte::US | pte::NX,
                Rights::ReadWrite => pte::US | pte::NX | pte::RW | pte::D,
            };
            map(linear, BYTES_AT + (n * PAGE) as u64, bits);
        }
        for page in 0..SYSTEM_PAGES {
            let at = page * PAGE as u64;
            map(SYSTEM + at, SYSTEM_AT + at, pte::RW | pte::D);
        }
    }

    /// GDT, LDT, TSS, IDT and the handlers.
    fn write_tables(&mut self) {
        for (at, limit, attributes) in GDT {
            let base = match at {
                0x40 => SYSTEM + TSS_AT,
                0x50 => SYSTEM + LDT_AT,
                _ => 0,
            };
            let entry = SYSTEM_AT + GDT_AT + u64::from(at);
            self.write_word(entry, descriptor(base as u32, limit, attributes));
            if base != 0 {
                self.write_word(entry + 8, base >> 32);
            }
        }
        for (n, entry) in LDT.iter().enumerate() {
            self.write_word(SYSTEM_AT + LDT_AT + 8 * n as u64, entry.descriptor());
        }
        self.write_word(SYSTEM_AT + TSS_AT + 4, SYSTEM + STACK_AT);
        // No I/O permission bitmap.
        self.write(SYSTEM_AT + TSS_AT + 0x66, &0x8000u16.to_le_bytes());
        for vector in 0..256 {
            let handler = SYSTEM + HANDLERS_AT + 16 * vector;
            let open = if OPEN.contains(&vector) { 3 } else { 0 };
            let kind = 0x8e00 | open << 13;
            let low = handler & 0xffff | 0x10 << 16 | kind << 32 | (handler >> 16 & 0xffff) << 48;
            self.write_word(SYSTEM_AT + IDT_AT + 16 * vector, low);
            self.write_word(SYSTEM_AT + IDT_AT + 16 * vector + 8, handler >> 32);
            self.write(SYSTEM_AT + HANDLERS_AT + 16 * vector, &[0xf4]);
        }
    }

    /// What the emulator makes of a case.
    pub(crate) fn run(&mut self, case: &Case) -> End {
        let (state, patch) = case.expand();
        let code = usize::from(case.offset);
        self.write(BYTES_AT + code as u64, &case.code);
        let window = index(patch.at).unwrap_or(0);
        self.write(BYTES_AT + window as u64, &patch.bytes);
        self.before[window..window + patch.bytes.len()].copy_from_slice(&patch.bytes);
        let end = catch_unwind(AssertUnwindSafe(|| self.execute(&state, LIMIT)));
        let end = end.unwrap_or_else(|panic| {
            self.cpu = new_cpu();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            End::Lost(format!("panic: {}", text.unwrap_or_default()))
        });
        self.write(BYTES_AT + code as u64, &self.background[code..code + case.code.len()]);
        let window = window..window + patch.bytes.len();
        self.before[window.clone()].copy_from_slice(&self.background[window.clone()]);
        self.write(BYTES_AT + window.start as u64, &self.background[window]);
        end
    }

    /// Calls a function of one argument in RDI; its result in RAX. It may use the stack.
    pub(crate) fn call(&mut self, code: &[u8], argument: u64) -> u64 {
        let stack = DATA + 0x1800;
        self.write(BYTES_AT, code);
        // It returns to INT3.
        self.write_word(BYTES_AT + index(stack).expect("data") as u64, CODE + 0x1800);
        let mut state = State { rip: CODE, rflags: 0x202, ..State::ZERO };
        state.selectors = [FLAT, CS64, FLAT, FLAT, FLAT, FLAT, 0, 0];
        (state.gpr[4], state.gpr[7]) = (stack, argument);
        let end = self.execute(&state, u64::MAX >> 1);
        self.write(BYTES_AT, &self.background);
        match end {
            End::Exception(outcome) if outcome.state.rip == CODE + 0x1801 => outcome.state.gpr[0],
            end => panic!("the function did not return: {end:?}"),
        }
    }

    fn execute(&mut self, state: &State, most: u64) -> End {
        self.cpu.set_registers(&registers(state));
        self.cpu.set_extended(&extended(state));
        let limit = self.cpu.retired() + most;
        let exit = self.cpu.run(&mut Nothing, &self.memory, limit);
        let memory = self.changes();
        match exit {
            Exit::Halted => self.outcome(memory),
            Exit::Limit | Exit::Event | Exit::Stop | Exit::Debug(_) | Exit::Hypercall { .. } => {
                End::Endless
            }
            Exit::Unimplemented(what) => End::Unimplemented(what.to_string()),
            Exit::Shutdown => {
                let faults = self.cpu.recent_faults();
                self.cpu = new_cpu();
                End::Lost(format!(
                    "shut down by {:?}",
                    faults.iter().map(|f| f.exception).collect::<Vec<_>>()
                ))
            }
        }
    }

    /// Words of the tests' pages that changed; they are changed back.
    fn changes(&mut self) -> Vec<(u16, u64)> {
        self.memory.read(PhysAddr(BYTES_AT), &mut self.after).expect("RAM");
        let mut changes = Vec::new();
        if self.after[DATA_AT..] == self.before[DATA_AT..] {
            return changes;
        }
        for at in (DATA_AT..BYTES).step_by(8) {
            let bytes = &self.after[at..at + 8];
            if bytes != &self.before[at..at + 8] {
                let value = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                changes.push(((at / 8) as u16, value));
                self.write(BYTES_AT + at as u64, &self.background[at..at + 8]);
            }
        }
        changes
    }

    /// The exception whose handler halted.
    fn outcome(&self, memory: Vec<(u16, u64)>) -> End {
        let after = self.cpu.registers();
        let handler = after.rip.wrapping_sub(SYSTEM + HANDLERS_AT + 1);
        if handler >= 16 * 256 || !handler.is_multiple_of(16) {
            return End::Lost(format!("halted at {:#x}", after.rip));
        }
        let vector = (handler / 16) as u8;
        let mut frame = SYSTEM_AT + after.gpr[4].wrapping_sub(SYSTEM);
        let has_error = matches!(vector, 8 | 10..=14 | 17 | 21);
        let error = if has_error { self.read_word(frame) as u32 } else { 0 };
        frame += if has_error { 8 } else { 0 };
        let word = |n: u64| self.read_word(frame + 8 * n);
        let mut state = State::ZERO;
        state.gpr = after.gpr;
        (state.rip, state.rflags, state.gpr[4]) = (word(0), word(2), word(3));
        for register in SegReg::ALL {
            state.selectors[register as usize] = after.segments[register as usize].selector.0;
        }
        (state.selectors[1], state.selectors[2]) = (word(1) as u16, word(4) as u16);
        state.bases = [after.segments[4].base, after.segments[5].base];
        take_extended(&self.cpu.extended(), &mut state);
        let cr2 = if vector == 14 { after.cr2 } else { 0 };
        End::Exception(Box::new(Outcome { state, vector, error, cr2, memory }))
    }
}

fn new_cpu() -> Cpu {
    Cpu::new(&Config { model: model(), ..Config::default() })
}

/// The hidden part that Linux's tables give a selector.
fn segment(selector: u16) -> Segment {
    let entry = if selector & 4 != 0 {
        LDT.get(usize::from(selector >> 3)).map(Local::descriptor)
    } else {
        let row = GDT.iter().find(|row| row.0 == selector & !7);
        row.map(|&(_, limit, attributes)| descriptor(0, limit, attributes))
    };
    match entry {
        Some(entry) => Segment::from_descriptor(Selector(selector), Descriptor(entry)),
        None => Segment { selector: Selector(selector), ..Segment::default() },
    }
}

fn registers(state: &State) -> Registers {
    let mut registers = Registers {
        gpr: state.gpr,
        rip: state.rip,
        rflags: state.rflags,
        ldtr: Segment {
            selector: Selector(0x50),
            attributes: attr::P | 2,
            limit: LDT.len() as u32 * 8 - 1,
            base: SYSTEM + LDT_AT,
        },
        tr: Segment {
            selector: Selector(0x40),
            attributes: attr::P | 11,
            limit: 0x67,
            base: SYSTEM + TSS_AT,
        },
        gdtr: TableRegister { base: SYSTEM + GDT_AT, limit: 0x7f },
        idtr: TableRegister { base: SYSTEM + IDT_AT, limit: 0xfff },
        cr0: cr0::PE | cr0::MP | cr0::NE | cr0::WP | cr0::AM | cr0::PG,
        cr3: TABLES_AT,
        cr4: cr4::PAE | cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::FSGSBASE | cr4::OSXSAVE | cr4::UMIP,
        efer: efer::SCE | efer::LME | efer::LMA | efer::NXE,
        ..Registers::default()
    };
    for register in SegReg::ALL {
        registers.segments[register as usize] = segment(state.selectors[register as usize]);
    }
    registers.segments[SegReg::Fs as usize].base = state.bases[0];
    registers.segments[SegReg::Gs as usize].base = state.bases[1];
    registers
}

fn extended(state: &State) -> Extended {
    let half = |bytes: &[u8]| u128::from_le_bytes(bytes.try_into().expect("sixteen bytes"));
    let (status, tags) = (state.fx16(2), state.fx[4]);
    Extended {
        control: state.fx16(0),
        status,
        tags,
        opcode: state.fx16(6),
        ip: state.fx64(8),
        cs: 0,
        dp: state.fx64(16),
        ds: 0,
        st: core::array::from_fn(|n| {
            state.fx[32 + 16 * n..42 + 16 * n].try_into().expect("ten bytes")
        }),
        mxcsr: state.fx32(24),
        ymm: core::array::from_fn(|n| {
            [half(&state.fx[160 + 16 * n..176 + 16 * n]), half(&state.upper[16 * n..16 * n + 16])]
        }),
        xcr0: xcr0::X87 | xcr0::SSE | xcr0::AVX,
        pkru: 0,
    }
}

/// As XSAVE64 of an AMD processor would store it.
fn take_extended(extended: &Extended, state: &mut State) {
    state.set_fx(0, &extended.control.to_le_bytes());
    state.set_fx(2, &extended.status.to_le_bytes());
    state.set_fx(4, &[extended.tags]);
    const SUMMARY: u16 = 1 << 7;
    if extended.status & SUMMARY != 0 {
        // Else the pointers are not saved.
        state.set_fx(6, &extended.opcode.to_le_bytes());
        state.set_fx(8, &extended.ip.to_le_bytes());
        state.set_fx(16, &extended.dp.to_le_bytes());
    }
    state.set_fx(24, &extended.mxcsr.to_le_bytes());
    for (n, bytes) in extended.st.iter().enumerate() {
        state.set_fx(32 + 16 * n, bytes);
    }
    for (n, [low, high]) in extended.ymm.iter().enumerate() {
        state.set_fx(160 + 16 * n, &low.to_le_bytes());
        state.upper[16 * n..16 * n + 16].copy_from_slice(&high.to_le_bytes());
    }
}

//! The host CPU as the oracle: the same instruction with the same state through the real processor
//! and through the emulator. Results, MXCSR, x87 tags and TOP, flags, memory and the faults with their
//! error codes must agree bit for bit, with unmasked exceptions, misaligned operands and missing pages.
//!
//! RCPPS and RSQRTPS are apart: they are AMD Zen's (`approximate.rs`). What the host shows is AMD Zen's choice
//! where the manuals leave one; seen on Zen 5.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

pub(in crate::insn) mod cases;

use super::approximate::{Approximate, Rcp, Rsqrt};
use crate::features::MAX;
use crate::testing::{Machine, Random, samples};
use arch::control::{cr0, cr4, xcr0};
use arch::paging::pte;
use arch::rflags;
use cases::{Encoding, encodings, extensions, listed, ordinary_floats};
use core::arch::asm;
use core::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

/// The state an instruction may see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::insn) struct State {
    pub(in crate::insn) xmm: [u128; 16],
    /// Bits 255:128 of YMM0-15.
    pub(in crate::insn) upper: [u128; 16],
    pub(in crate::insn) mxcsr: u32,
    /// Physical x87 registers.
    registers: [(u64, u16); 8],
    top: u8,
    empty: u8,
    /// RAX, RCX, RDX.
    pub(in crate::insn) gpr: [u64; 3],
    /// x87 control word, and the exceptions in the status word.
    control: u16,
    status: u16,
    /// Status flags, and AC.
    pub(in crate::insn) flags: u64,
}

/// What the two pages around the operand are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::insn) enum Layout {
    Both,
    NoFirst,
    NoSecond,
    ReadOnlyFirst,
    ReadOnlySecond,
}

/// The status flags, bit 1, and AC.
const FLAGS_SEEN: u64 = 0x8d7 | rflags::AC;

/// Bytes around the page boundary that are compared.
const WINDOW: usize = 96;
const WINDOW_START: u64 = 4096 - 64;

pub(in crate::insn) struct Case {
    pub(in crate::insn) bytes: Vec<u8>,
    /// What RDI points at, from the first page's start.
    pub(in crate::insn) offset: u64,
    pub(in crate::insn) window: [u64; WINDOW / 8],
    pub(in crate::insn) state: State,
    pub(in crate::insn) layout: Layout,
}

/// Vector, error code, CR2 from the first page's start.
type Trap = Option<(u64, u64, u64)>;

#[derive(PartialEq, Eq, Debug)]
pub(in crate::insn) struct Outcome {
    state: State,
    window: Vec<u8>,
    trap: Trap,
}

const PF: u64 = 14;

// ---- the host ----

/// XSAVE area in the standard form, of x87, SSE and AVX state: SDM Vol. 1, "XSAVE Area".
#[repr(C, align(64))]
struct Area([u8; 832]);

/// Where the upper halves of YMM registers are in it.
const UPPER: usize = 576;

impl Area {
    fn new(state: &State) -> Self {
        let mut area = Self([0; 832]);
        let mut put = |at: usize, bytes: &[u8]| area.0[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &state.control.to_le_bytes());
        put(2, &(u16::from(state.top) << 11 | state.status).to_le_bytes());
        put(4, &[!state.empty]);
        put(24, &state.mxcsr.to_le_bytes());
        for i in 0..8 {
            let (significand, exponent) = state.registers[(i + state.top as usize) & 7];
            put(32 + 16 * i, &significand.to_le_bytes());
            put(40 + 16 * i, &exponent.to_le_bytes());
        }
        for i in 0..16 {
            put(160 + 16 * i, &state.xmm[i].to_le_bytes());
            put(UPPER + 16 * i, &state.upper[i].to_le_bytes());
        }
        put(512, &components().to_le_bytes());
        area
    }

    fn number<const N: usize>(&self, at: usize) -> u128 {
        let mut bytes = [0; 16];
        bytes[..N].copy_from_slice(&self.0[at..at + N]);
        u128::from_le_bytes(bytes)
    }

    fn state(&self, gpr: [u64; 3], flags: u64) -> State {
        let top = (self.number::<2>(2) >> 11 & 7) as u8;
        let mut registers = [(0, 0); 8];
        for i in 0..8 {
            registers[(i + top as usize) & 7] =
                (self.number::<8>(32 + 16 * i) as u64, self.number::<2>(40 + 16 * i) as u16);
        }
        State {
            xmm: core::array::from_fn(|i| self.number::<16>(160 + 16 * i)),
            upper: core::array::from_fn(|i| self.number::<16>(UPPER + 16 * i)),
            mxcsr: self.number::<4>(24) as u32,
            registers,
            top,
            empty: !self.0[4],
            gpr,
            control: self.number::<2>(0) as u16,
            status: self.number::<2>(2) as u16 & 0x3f,
            flags: flags & FLAGS_SEEN,
        }
    }
}

/// The state components to load: AVX where the host has it.
fn components() -> u32 {
    if is_x86_feature_detected!("avx") { 7 } else { 3 }
}

unsafe extern "C" {
    fn mmap(at: *mut u8, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut u8;
    fn mprotect(at: *mut u8, len: usize, prot: c_int) -> c_int;
    fn sigaction(signal: c_int, new: *const SigAction, old: *mut SigAction) -> c_int;
}

/// `struct sigaction` of the C libraries on x86-64 Linux.
#[repr(C)]
#[derive(Clone, Copy)]
struct SigAction {
    handler: usize,
    mask: [u64; 16],
    flags: c_int,
    restorer: usize,
}

const NO_ACTION: SigAction = SigAction { handler: 0, mask: [0; 16], flags: 0, restorer: 0 };
/// SIGILL SIGTRAP SIGBUS SIGFPE SIGSEGV.
const SIGNALS: [c_int; 5] = [4, 5, 7, 8, 11];
/// SA_SIGINFO | SA_ONSTACK | SA_NODEFER.
const FLAGS: c_int = 4 | 0x0800_0000 | 0x4000_0000;
/// Places in the signal frame's `ucontext_t`, in 64-bit words: its general registers start at 5.
const RIP: usize = 5 + 16;
const ERR: usize = 5 + 19;
const TRAPNO: usize = 5 + 20;
const CR2: usize = 5 + 22;

/// The code page: the instruction, then a RET at this place.
static CODE_PAGE: AtomicU64 = AtomicU64::new(0);
const RET: u64 = 64;
static TRAP: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
/// Handlers that were there before, by place in `SIGNALS`.
static BEFORE: Mutex<[SigAction; 5]> = Mutex::new([NO_ACTION; 5]);

extern "C" fn on_signal(signal: c_int, info: *mut c_void, context: *mut u64) {
    let page = CODE_PAGE.load(Ordering::Relaxed);
    // SAFETY: the kernel passes a `ucontext_t`, which is ours until we return. AC is cleared for what
    // the compiler made of the rest.
    unsafe {
        asm!("pushfq", "and dword ptr [rsp], 0xfffbffff", "popfq");
        if (page..page + 4096).contains(&*context.add(RIP)) {
            for (slot, place) in TRAP.iter().zip([TRAPNO, ERR, CR2]) {
                slot.store(*context.add(place), Ordering::Relaxed);
            }
            *context.add(RIP) = page + RET;
            return;
        }
        // Another test's fault: its own handler's, or fatal.
        let place = SIGNALS.iter().position(|&s| s == signal).unwrap_or(0);
        let before = BEFORE.try_lock().map_or(NO_ACTION, |before| before[place]);
        if before.handler > 1 {
            let handler: extern "C" fn(c_int, *mut c_void, *mut u64) =
                core::mem::transmute(before.handler);
            handler(signal, info, context);
        } else {
            sigaction(signal, &NO_ACTION, core::ptr::null_mut());
        }
    }
}

/// Two pages for operands, one of code, and the right to use them: one thread at a time.
pub(in crate::insn) struct Host {
    pages: *mut u8,
}

pub(in crate::insn) static HOST: Mutex<()> = Mutex::new(());

const READ: c_int = 1;
const WRITE: c_int = 2;
const EXECUTE: c_int = 4;

impl Host {
    pub(in crate::insn) fn new() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let action =
                SigAction { handler: on_signal as *const () as usize, flags: FLAGS, ..NO_ACTION };
            // SAFETY: `on_signal` is a handler of the SA_SIGINFO form; the code page is new memory.
            unsafe {
                let page = mmap(core::ptr::null_mut(), 4096, READ | WRITE | EXECUTE, 0x22, -1, 0);
                CODE_PAGE.store(page as u64, Ordering::Relaxed);
                page.add(RET as usize).write(0xc3);
                for (place, &signal) in SIGNALS.iter().enumerate() {
                    sigaction(signal, &action, &mut BEFORE.lock().unwrap()[place]);
                }
            }
        });
        // SAFETY: new memory.
        let pages = unsafe { mmap(core::ptr::null_mut(), 8192, READ | WRITE, 0x22, -1, 0) };
        Self { pages }
    }

    fn protect(&self, layout: Layout) {
        let all = READ | WRITE;
        let (first, second) = match layout {
            Layout::Both => (all, all),
            Layout::NoFirst => (0, all),
            Layout::NoSecond => (all, 0),
            Layout::ReadOnlyFirst => (READ, all),
            Layout::ReadOnlySecond => (all, READ),
        };
        // SAFETY: our own two pages.
        unsafe {
            mprotect(self.pages, 4096, first);
            mprotect(self.pages.add(4096), 4096, second);
        }
    }

    pub(in crate::insn) fn run(&self, case: &Case) -> Outcome {
        let page = CODE_PAGE.load(Ordering::Relaxed);
        // SAFETY: within the code page and the two operand pages, all writable now.
        unsafe {
            core::ptr::copy_nonoverlapping(case.bytes.as_ptr(), page as *mut u8, case.bytes.len());
            (page as *mut u8).add(case.bytes.len()).write(0xc3);
            let window = self.pages.add(WINDOW_START as usize).cast();
            core::ptr::copy_nonoverlapping(case.window.as_ptr(), window, WINDOW / 8);
        }
        if case.layout != Layout::Both {
            self.protect(case.layout);
        }
        TRAP[0].store(u64::MAX, Ordering::Relaxed);
        let state = self.call(&case.state, case.offset);
        if case.layout != Layout::Both {
            self.protect(Layout::Both);
        }
        let [vector, code, cr2] = [0, 1, 2].map(|i: usize| TRAP[i].load(Ordering::Relaxed));
        let address = if vector == PF { cr2.wrapping_sub(self.pages as u64) } else { 0 };
        let code = if vector == PF { code } else { 0 };
        let mut window = vec![0; WINDOW];
        // SAFETY: as above.
        unsafe {
            let from = self.pages.add(WINDOW_START as usize);
            core::ptr::copy_nonoverlapping(from, window.as_mut_ptr(), WINDOW);
        }
        let trap = (vector != u64::MAX).then_some((vector, code, address));
        Outcome { state, window, trap }
    }

    /// Calls the code page with a state.
    fn call(&self, state: &State, offset: u64) -> State {
        let from = Area::new(state);
        let mut to = Area([0; 832]);
        let [mut rax, mut rcx, mut rdx] = state.gpr;
        let mut flags = state.flags;
        let masked = 0x1f80u32;
        // SAFETY: the code page holds one instruction that writes at most the operand pages, the
        // registers named here and the vector and x87 state, which are all given up; a fault ends
        // at the page's RET.
        unsafe {
            asm!(
                "push rax", "push rdx",
                "mov eax, r12d", "xor edx, edx", "xrstor64 [rsi]",
                "pop rdx", "pop rax",
                "push r10",
                "popfq",
                "call r11",
                "pushfq",
                "pop r10",
                "push 2",
                "popfq",
                "push rax", "push rdx",
                "mov eax, r12d", "xor edx, edx", "xsave64 [r9]",
                "pop rdx", "pop rax",
                "fninit",
                "ldmxcsr [r8]",
                inout("rax") rax,
                inout("rcx") rcx,
                inout("rdx") rdx,
                inout("rdi") self.pages as u64 + offset => _,
                inout("rsi") &from => _,
                inout("r8") &masked => _,
                inout("r9") &mut to => _,
                inout("r10") flags,
                in("r12") u64::from(components()),
                inout("r11") CODE_PAGE.load(Ordering::Relaxed) => _,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
                out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
            );
        }
        to.state([rax, rcx, rdx], flags)
    }
}

// ---- the emulator ----

const PAGES: u64 = 0x3_0000;

fn map(machine: &mut Machine, layout: Layout) {
    const ALL: u64 = pte::P | pte::RW | pte::US;
    let (first, second) = match layout {
        Layout::Both => (ALL, ALL),
        Layout::NoFirst => (0, ALL),
        Layout::NoSecond => (ALL, 0),
        Layout::ReadOnlyFirst => (ALL & !pte::RW, ALL),
        Layout::ReadOnlySecond => (ALL, ALL & !pte::RW),
    };
    machine.map(PAGES, first);
    machine.map(PAGES + 4096, second);
}

/// Reads and writes a byte of each page, so that the translations have tags: mov r14b, [r15 + n];
/// mov [r15 + n], r14b; and again for the other page.
const WARM: [u8; 28] = [
    0x45, 0x8a, 0xb7, 0, 0, 0, 0, 0x45, 0x88, 0xb7, 0, 0, 0, 0, //
    0x45, 0x8a, 0xb7, 0, 0x10, 0, 0, 0x45, 0x88, 0xb7, 0, 0x10, 0, 0,
];

/// `warm`: the pages have been used before, so that the frameless forms find their operands.
pub(in crate::insn) fn emulate(machine: &mut Machine, case: &Case, warm: bool) -> Outcome {
    map(machine, case.layout);
    let bytes: Vec<u8> = case.window.iter().flat_map(|half| half.to_le_bytes()).collect();
    machine.write(PAGES + WINDOW_START, &bytes);
    machine.regs.rip = crate::testing::CODE;
    machine.regs.rflags = case.state.flags;
    machine.regs.gpr[..3].copy_from_slice(&case.state.gpr);
    machine.regs.gpr[7] = PAGES + case.offset;
    machine.regs.gpr[15] = PAGES;
    machine.set_segments(64, 3);
    machine.cpu.faults.clear();
    machine.cpu.sse.xmm = case.state.xmm;
    machine.cpu.sse.upper = case.state.upper;
    machine.cpu.sse.mxcsr = case.state.mxcsr;
    machine.cpu.x87.registers = case.state.registers;
    machine.cpu.x87.top = case.state.top;
    machine.cpu.x87.empty = case.state.empty;
    machine.cpu.x87.control = case.state.control;
    machine.cpu.x87.status = case.state.status;
    if warm {
        machine.run(&[&WARM, &case.bytes[..]].concat(), 5);
    } else {
        machine.run(&case.bytes, 1);
    }
    let state = State {
        xmm: machine.cpu.sse.xmm,
        upper: machine.cpu.sse.upper,
        mxcsr: machine.cpu.sse.mxcsr,
        registers: machine.cpu.x87.registers,
        top: machine.cpu.x87.top,
        empty: machine.cpu.x87.empty,
        gpr: [machine.regs.gpr[0], machine.regs.gpr[1], machine.regs.gpr[2]],
        control: machine.cpu.x87.control,
        status: machine.cpu.x87.status & 0x3f,
        flags: machine.regs.rflags & FLAGS_SEEN,
    };
    let trap = machine.fault().map(|exception| {
        let page_fault = exception.vector as u64 == PF;
        let address = if page_fault { exception.address.wrapping_sub(PAGES) } else { 0 };
        (exception.vector as u64, u64::from(exception.error_code), address)
    });
    Outcome { state, window: machine.read(PAGES + WINDOW_START, WINDOW), trap }
}

/// What differs, in words.
fn difference(host: &Outcome, ours: &Outcome) -> String {
    let mut text = String::new();
    let mut note = |name: String, host: String, ours: String| {
        if host != ours {
            text += &format!("\n    {name}: host {host}, ours {ours}");
        }
    };
    note("trap".into(), format!("{:x?}", host.trap), format!("{:x?}", ours.trap));
    let (a, b) = (&host.state, &ours.state);
    for i in 0..16 {
        note(format!("xmm{i}"), format!("{:032x}", a.xmm[i]), format!("{:032x}", b.xmm[i]));
    }
    for i in 0..16 {
        let show = |s: &State| format!("{:032x}", s.upper[i]);
        note(format!("ymm{i} upper"), show(a), show(b));
    }
    for i in 0..8 {
        let show = |s: &State| format!("{:x?}", s.registers[i]);
        note(format!("R{i}"), show(a), show(b));
    }
    note("mxcsr".into(), format!("{:04x}", a.mxcsr), format!("{:04x}", b.mxcsr));
    note("top".into(), format!("{}", a.top), format!("{}", b.top));
    note("empty".into(), format!("{:02x}", a.empty), format!("{:02x}", b.empty));
    note("gpr".into(), format!("{:x?}", a.gpr), format!("{:x?}", b.gpr));
    note("x87 status".into(), format!("{:x}", a.status), format!("{:x}", b.status));
    note("flags".into(), format!("{:x}", a.flags), format!("{:x}", b.flags));
    note("memory".into(), format!("{:x?}", host.window), format!("{:x?}", ours.window));
    text
}

pub(in crate::insn) fn describe(text: &str, case: &Case, host: &Outcome, ours: &Outcome) -> String {
    let (bytes, offset, layout) = (&case.bytes, case.offset, case.layout);
    let mxcsr = case.state.mxcsr;
    let operands: Vec<String> =
        case.state.xmm[1..3].iter().map(|value| format!("{value:032x}")).collect();
    format!(
        "\n{text} {bytes:02x?} rdi {offset:x} {layout:?} mxcsr {mxcsr:04x} xmm1-2 {operands:?}{}",
        difference(host, ours)
    )
}

/// Makes a case of an encoding, with an operand in memory or without.
type Draw<'a> = &'a mut dyn FnMut(&Encoding, &mut Random, bool) -> Case;

/// The emulator, ready for all that the host can be asked.
pub(in crate::insn) fn machine() -> Machine {
    let mut machine = Machine::with_model(64, MAX);
    machine.regs.cr0 |= cr0::AM;
    machine.regs.cr4 |= cr4::OSXSAVE;
    let mut extended = machine.cpu.extended();
    extended.xcr0 = xcr0::X87 | xcr0::SSE | xcr0::AVX;
    machine.cpu.set_extended(&extended);
    machine
}

fn compare(encodings: &[Encoding], samples: u64, seed: u64, draw: Draw<'_>) {
    let _alone = HOST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let host = Host::new();
    let mut machine = machine();
    let mut random = Random(seed);
    let mut report = String::new();
    for encoding in encodings {
        for memory in encoding.forms() {
            let mut wrong = 0;
            for _ in 0..samples {
                let case = draw(encoding, &mut random, memory);
                let native = host.run(&case);
                for warm in [false, true] {
                    if warm && (!memory || case.layout != Layout::Both) {
                        continue;
                    }
                    let ours = emulate(&mut machine, &case, warm);
                    if native != ours {
                        wrong += 1;
                        if wrong <= 2 {
                            report += &describe(encoding.text, &case, &native, &ours);
                        }
                    }
                }
            }
            if wrong > 0 {
                report += &format!("\n{} memory {memory}: {wrong} of {samples}", encoding.text);
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_instruction_does_what_the_host_does() {
    compare(&encodings(), 200, 1, &mut Encoding::case);
}

#[test]
fn every_instruction_of_the_extensions_does_what_the_host_does() {
    compare(&extensions(), 300, 2, &mut Encoding::case);
}

/// The text instructions under each of the 256 control bytes.
#[test]
fn every_control_byte_of_the_text_instructions_does_what_the_host_does() {
    let mut texts = extensions();
    texts.retain(|encoding| ["PCMPES", "PCMPIS"].contains(&&encoding.text[..6]));
    let mut imm = 0u8;
    compare(&texts, 256 * 20, 3, &mut |encoding, random, memory| {
        imm = imm.wrapping_add(1);
        encoding.text_case(random, memory, imm)
    });
}

/// `BOOTSCOPE_SAMPLES` sets how often each form is drawn.
#[test]
fn every_vex_instruction_on_floats_does_what_the_host_does() {
    let floats = include_str!("native_tests/vex_float.txt");
    compare(&listed(floats), samples(60), 4, &mut |encoding, random, memory| {
        let mut case = encoding.case(random, memory);
        if random.below(2) == 0 {
            ordinary_floats(random, &mut case);
        }
        case
    });
}

/// On the processors whose approximations these are. `BOOTSCOPE_SAMPLES=4294967296` goes through all operands.
#[test]
fn approximations_are_those_of_amd_zen() {
    if !host_is_amd() {
        return;
    }
    let samples = samples(1 << 20);
    let mut random = Random(7);
    for i in 0..samples {
        let value = match samples {
            0x1_0000_0000 => i as u32,
            _ if i < 512 => (i as u32) << 23,
            _ => random.next() as u32,
        };
        assert_eq!(Rcp::of(value), host_rcp(value), "1 / {value:08x}");
        assert_eq!(Rsqrt::of(value), host_rsqrt(value), "1 / root of {value:08x}");
    }
}

/// CPUID names the vendor AuthenticAMD.
pub(in crate::insn) fn host_is_amd() -> bool {
    core::arch::x86_64::__cpuid(0).ecx == u32::from_le_bytes(*b"cAMD")
}

fn host_rcp(value: u32) -> u32 {
    let mut result = value;
    // SAFETY: one SSE instruction on a register; it raises no exception.
    unsafe {
        asm!("movd {x}, {v:e}", "rcpss {x}, {x}", "movd {v:e}, {x}",
            v = inout(reg) result, x = out(xmm_reg) _, options(nomem, nostack));
    }
    result
}

fn host_rsqrt(value: u32) -> u32 {
    let mut result = value;
    // SAFETY: as in `host_rcp`.
    unsafe {
        asm!("movd {x}, {v:e}", "rsqrtss {x}, {x}", "movd {v:e}, {x}",
            v = inout(reg) result, x = out(xmm_reg) _, options(nomem, nostack));
    }
    result
}

//! The host's own processor: a forged signal frame leads into one instruction, and the next signal tells
//! what it left. x86-64 Linux alone.
//!
//! A child process does it, in batches: its signal handler writes the next state into the frame that it
//! returns through and finds the outcome in the frame of the next signal, so that a test costs one
//! exception and one `rt_sigreturn`. What the frame does not carry is set by hand: DS, ES, FS, GS and the
//! bases. `NT` and `ID`, which `rt_sigreturn` leaves alone, and AC, under which the handler would run,
//! are cleared by POPF at its entry. It uses no thread-local memory: FS is the test's.
//!
//! A seccomp filter turns every system call of a test into a signal; an interval timer ends loops. The
//! program must be position-independent, so that the low 4 GiB hold the tests' pages alone.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

use crate::layout::{BYTES, DATA_AT, LDT, PAGE, PAGES, Rights, background};
use crate::state::{Case, End, FX, Outcome, State};
use core::arch::{asm, naked_asm};
use core::ptr::{addr_of, addr_of_mut, null_mut};
use std::sync::{Mutex, MutexGuard};

/// Tests of one child process.
const BATCH: usize = 1024;
/// Longest placed data.
const PATCH: usize = 896;
/// Changed words that a batch can report.
const CHANGES: usize = 1 << 17;
/// Timer ticks after which a test counts as endless.
const TICKS: u32 = 3;

#[repr(C)]
#[derive(Clone, Copy)]
struct Input {
    state: State,
    code_at: u32,
    code_len: u32,
    code: [u8; 16],
    patch_at: u32,
    patch_len: u32,
    patch: [u8; PATCH],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Output {
    state: State,
    signal: u32,
    vector: u32,
    error: u32,
    cr2: u64,
    /// Its part of the changed words.
    changes: u32,
    changes_end: u32,
}

/// What parent and child share.
#[repr(C)]
struct Shared {
    /// The test under way; -1 before the first.
    current: i64,
    count: i64,
    /// The child's own signal has been taken.
    started: bool,
    /// Timer ticks in this test.
    ticks: u32,
    changes_used: u32,
    /// The pages of the tests, writable.
    live: *mut u8,
    /// What the data pages held before the instruction.
    shadow: [u8; BYTES],
    background: [u8; BYTES],
    inputs: [Input; BATCH],
    outputs: [Output; BATCH],
    /// Index of a word, and its value.
    changes: [(u32, u64); CHANGES],
    stack: [u8; 1 << 16],
}

/// The shared block, for the signal handler.
static mut SHARED: *mut Shared = null_mut();

/// One test at a time has the pages.
static IN_USE: Mutex<()> = Mutex::new(());

mod number {
    pub(super) const MMAP: usize = 9;
    pub(super) const RT_SIGACTION: usize = 13;
    pub(super) const RT_SIGPROCMASK: usize = 14;
    pub(super) const SETITIMER: usize = 38;
    pub(super) const CLONE: usize = 56;
    pub(super) const WAIT4: usize = 61;
    pub(super) const FTRUNCATE: usize = 77;
    pub(super) const SIGALTSTACK: usize = 131;
    pub(super) const MODIFY_LDT: usize = 154;
    pub(super) const PRCTL: usize = 157;
    pub(super) const EXIT_GROUP: usize = 231;
    pub(super) const MEMFD_CREATE: usize = 319;
}

/// A system call.
///
/// # Safety
/// That of the call.
unsafe fn call(number: usize, args: [usize; 6]) -> isize {
    let result;
    // SAFETY: by the caller; the kernel changes RAX, RCX and R11 alone.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") args[0], in("rsi") args[1],
            in("rdx") args[2], in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _);
    }
    result
}

const SIGTRAP: u32 = 5;
const SIGALRM: u32 = 14;
const SIGSYS: u32 = 31;

/// The host as an oracle.
pub(crate) struct Native {
    shared: *mut Shared,
    _exclusive: MutexGuard<'static, ()>,
}

/// True on the processors whose choices the emulator follows.
pub(crate) fn is_amd() -> bool {
    core::arch::x86_64::__cpuid(0).ecx == u32::from_le_bytes(*b"cAMD")
}

/// The processor's name, as CPUID gives it, with family and model.
pub(crate) fn processor() -> String {
    let mut bytes = Vec::new();
    for leaf in 0x8000_0002..=0x8000_0004 {
        let words = core::arch::x86_64::__cpuid(leaf);
        for word in [words.eax, words.ebx, words.ecx, words.edx] {
            bytes.extend(word.to_le_bytes());
        }
    }
    let signature = core::arch::x86_64::__cpuid(1).eax;
    let name = String::from_utf8_lossy(&bytes);
    let name = name.trim_matches(['\0', ' ']);
    let family = (signature >> 8 & 15) + (signature >> 20 & 255);
    let model = signature >> 4 & 15 | signature >> 12 & 0xf0;
    format!("{name}, family {family:#x}, model {model:#x}, stepping {}", signature & 15)
}

/// The checksums of the exhaustive operations, by the host.
pub(crate) fn checksums(native: &mut Native) -> Vec<u64> {
    let operations = crate::exhaustive::OPERATIONS.iter();
    operations
        .map(|&(_, operation, _)| {
            crate::exhaustive::checksum(operation, |code, flags| {
                // SAFETY: `exhaustive::program` makes such functions.
                unsafe { native.call(code, flags) }
            })
        })
        .collect()
}

impl Native {
    /// The pages, the LDT and the block shared with children. The reason is told if the host cannot do it.
    pub(crate) fn new() -> Result<Self, &'static str> {
        let exclusive = IN_USE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if (Self::new as fn() -> _ as usize) < 1 << 32 {
            return Err("the program is not position-independent");
        }
        const FSGSBASE: u64 = 1 << 1;
        // SAFETY: reads the auxiliary vector.
        if unsafe { getauxval(26) } & FSGSBASE == 0 {
            return Err("the kernel does not let programs use WRFSBASE");
        }
        if !is_x86_feature_detected!("avx") {
            return Err("the processor has no AVX");
        }
        // SAFETY: only this function sets it, under the lock.
        let shared = unsafe { SHARED };
        let shared = if shared.is_null() { Self::map()? } else { shared };
        // SAFETY: as above.
        unsafe { SHARED = shared };
        Ok(Self { shared, _exclusive: exclusive })
    }

    fn map() -> Result<*mut Shared, &'static str> {
        const SHARED_MAP: usize = 1;
        const SHARED_FIXED_NOREPLACE: usize = 0x10_0001;
        const SHARED_ANONYMOUS: usize = 0x21;
        // SAFETY: new mappings; the flags refuse to replace one.
        unsafe {
            let fd = call(number::MEMFD_CREATE, [c"tests".as_ptr() as usize, 0, 0, 0, 0, 0]);
            if fd < 0 || call(number::FTRUNCATE, [fd as usize, BYTES, 0, 0, 0, 0]) < 0 {
                return Err("no memory file");
            }
            let live = call(number::MMAP, [0, BYTES, 3, SHARED_MAP, fd as usize, 0]);
            for (n, &(at, rights)) in PAGES.iter().enumerate() {
                let protection = match rights {
                    Rights::Code => 5,
                    Rights::ReadOnly => 1,
                    Rights::ReadWrite => 3,
                };
                let args =
                    [at as usize, PAGE, protection, SHARED_FIXED_NOREPLACE, fd as usize, n * PAGE];
                if call(number::MMAP, args) as u64 != at {
                    return Err("a page of the tests cannot be mapped");
                }
            }
            let size = size_of::<Shared>();
            let shared = call(number::MMAP, [0, size, 3, SHARED_ANONYMOUS, usize::MAX, 0]);
            if live < 0 || shared < 0 {
                return Err("out of memory");
            }
            let shared = shared as *mut Shared;
            (*shared).live = live as *mut u8;
            let background = background();
            core::ptr::copy_nonoverlapping(background.as_ptr(), live as *mut u8, BYTES);
            let shadow = addr_of_mut!((*shared).shadow).cast();
            core::ptr::copy_nonoverlapping(background.as_ptr(), shadow, BYTES);
            let kept = addr_of_mut!((*shared).background).cast();
            core::ptr::copy_nonoverlapping(background.as_ptr(), kept, BYTES);
            set_ldt()?;
            Ok(shared)
        }
    }

    /// Calls a function of one argument in RDI; its result in RAX.
    ///
    /// # Safety
    /// The code must be such a function, keep what one must keep, and touch nothing but the stack.
    pub(crate) unsafe fn call(&mut self, code: &[u8], argument: u64) -> u64 {
        // SAFETY: the code pages begin the alias and are executable at their address; the rest by the
        // caller.
        unsafe {
            let live = (*self.shared).live;
            core::ptr::copy_nonoverlapping(code.as_ptr(), live, code.len());
            let function: extern "sysv64" fn(u64) -> u64 =
                core::mem::transmute(PAGES[0].0 as usize);
            let result = function(argument);
            core::ptr::write_bytes(live, 0xcc, code.len());
            result
        }
    }

    /// What the host makes of the cases.
    pub(crate) fn run(&mut self, cases: &[Case]) -> Vec<End> {
        cases.chunks(BATCH).flat_map(|cases| self.batch(cases)).collect()
    }

    fn batch(&mut self, cases: &[Case]) -> Vec<End> {
        let mut ends = Vec::with_capacity(cases.len());
        for (n, case) in cases.iter().enumerate() {
            let input = input(case);
            // SAFETY: within the shared block; no child runs now.
            unsafe { addr_of_mut!((*self.shared).inputs[n]).write(input) };
        }
        while ends.len() < cases.len() {
            let status = self.child(ends.len(), cases.len());
            // SAFETY: the child has ended; the block is ours again.
            let (done, shared) = unsafe { ((*self.shared).current, &*self.shared) };
            while (ends.len() as i64) < done {
                ends.push(end(shared, ends.len(), &cases[ends.len()]));
            }
            if status != 0 && ends.len() < cases.len() {
                ends.push(End::Lost(format!("the child ended with {status:#x}")));
                self.repair();
            }
        }
        ends
    }

    /// Brings the pages back to the background after a child died.
    fn repair(&mut self) {
        // SAFETY: no child runs; both are as long.
        unsafe {
            let background = addr_of!((*self.shared).background).cast::<u8>();
            core::ptr::copy_nonoverlapping(background, (*self.shared).live, BYTES);
            let shadow = addr_of_mut!((*self.shared).shadow).cast();
            core::ptr::copy_nonoverlapping(background, shadow, BYTES);
        }
    }

    /// Runs the tests from `first` on in a child; its status.
    fn child(&mut self, first: usize, count: usize) -> i32 {
        const SIGCHLD: usize = 17;
        // SAFETY: a fork, whose child calls nothing of std, allocates nothing and takes no lock.
        unsafe {
            (*self.shared).current = first as i64 - 1;
            (*self.shared).count = count as i64;
            (*self.shared).changes_used = 0;
            (*self.shared).ticks = 0;
            (*self.shared).started = false;
            let pid = call(number::CLONE, [SIGCHLD, 0, 0, 0, 0, 0]);
            if pid == 0 {
                in_child();
            }
            assert!(pid > 0, "fork failed: {pid}");
            let mut status = 0i32;
            call(number::WAIT4, [pid as usize, addr_of_mut!(status) as usize, 0, 0, 0, 0]);
            status
        }
    }
}

unsafe extern "C" {
    fn getauxval(kind: u64) -> u64;
}

fn input(case: &Case) -> Input {
    let (state, patch) = case.expand();
    let mut input = Input {
        state,
        code_at: u32::from(case.offset),
        code_len: case.code.len() as u32,
        code: [0; 16],
        patch_at: crate::layout::index(patch.at).unwrap_or(0) as u32,
        patch_len: patch.bytes.len() as u32,
        patch: [0; PATCH],
    };
    input.code[..case.code.len()].copy_from_slice(&case.code);
    input.patch[..patch.bytes.len()].copy_from_slice(&patch.bytes);
    input
}

fn end(shared: &Shared, n: usize, case: &Case) -> End {
    let output = &shared.outputs[n];
    let mut state = output.state;
    if case.bits != 64 {
        // With a 16-bit stack the upper half is what the kernel's way back to it left.
        state.gpr[4] &= 0xffff_ffff;
    }
    match output.signal {
        SIGALRM => return End::Endless,
        SIGSYS => return End::Left,
        _ => {}
    }
    let changes = &shared.changes[output.changes as usize..output.changes_end as usize];
    End::Exception(Box::new(Outcome {
        state,
        vector: output.vector as u8,
        error: output.error,
        cr2: output.cr2,
        memory: changes.iter().map(|&(at, value)| (at as u16, value)).collect(),
    }))
}

/// `struct user_desc` of Linux for each entry.
unsafe fn set_ldt() -> Result<(), &'static str> {
    for (n, entry) in LDT.iter().enumerate() {
        let flags = u32::from(entry.big)
            | entry.contents << 1
            | u32::from(entry.exec_or_read_only) << 3
            | u32::from(entry.pages) << 4
            | u32::from(entry.absent) << 5
            | 1 << 6;
        let description = [n as u32, entry.base, entry.limit, flags];
        let args = [0x11, description.as_ptr() as usize, size_of_val(&description), 0, 0, 0];
        // SAFETY: the kernel reads the sixteen bytes.
        if unsafe { call(number::MODIFY_LDT, args) } != 0 {
            return Err("the kernel refuses an LDT");
        }
    }
    Ok(())
}

// ---- in the child ----

/// `struct kernel_sigaction`.
#[repr(C)]
struct Action {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Prepares signals, timer and filter, and enters the handler for the first time.
unsafe fn in_child() -> ! {
    const ON_STACK_INFO_RESTORER: u64 = 0x0c00_0004;
    let action = Action {
        handler: entry as extern "C" fn() as usize,
        flags: ON_STACK_INFO_RESTORER,
        restorer: restorer as extern "C" fn() as usize,
        mask: u64::MAX,
    };
    // SAFETY: this process is ours alone; the structures are those of the calls.
    unsafe {
        let shared = SHARED;
        let stack = [addr_of_mut!((*shared).stack) as usize, 0, 1 << 16];
        call(number::SIGALTSTACK, [stack.as_ptr() as usize, 0, 0, 0, 0, 0]);
        for signal in [4, SIGTRAP, 7, 8, 11, SIGALRM, SIGSYS] {
            let args = [signal as usize, &raw const action as usize, 0, 8, 0, 0];
            call(number::RT_SIGACTION, args);
        }
        let none = 0u64;
        call(number::RT_SIGPROCMASK, [2, &raw const none as usize, 0, 8, 0, 0]);
        let timer = [0u64, 10_000, 0, 10_000];
        call(number::SETITIMER, [0, timer.as_ptr() as usize, 0, 0, 0, 0]);
        // The page tables are filled on demand, and a fault before that would not tell of the rights.
        for (at, _) in PAGES {
            (at as *const u8).read_volatile();
        }
        filter();
        asm!("int3");
    }
    leave(1);
}

fn leave(status: usize) -> ! {
    // SAFETY: ends the process.
    unsafe { call(number::EXIT_GROUP, [status, 0, 0, 0, 0, 0]) };
    loop {
        core::hint::spin_loop();
    }
}

/// Lets the child return from signals and end; any other system call raises SIGSYS.
unsafe fn filter() {
    const LOAD: u64 = 0x20;
    const EQUAL: u64 = 0x15;
    const RETURN: u64 = 0x06;
    const TRAP: u64 = 0x0003_0000;
    const ALLOW: u64 = 0x7fff_0000;
    let row = |code: u64, yes: u64, no: u64, k: u64| code | yes << 16 | no << 24 | k << 32;
    let program = [
        row(LOAD, 0, 0, 4),
        row(EQUAL, 0, 3, 0xc000_003e),
        row(LOAD, 0, 0, 0),
        row(EQUAL, 2, 0, 15),
        row(EQUAL, 1, 0, number::EXIT_GROUP as u64),
        row(RETURN, 0, 0, TRAP),
        row(RETURN, 0, 0, ALLOW),
    ];
    let description = [program.len(), program.as_ptr() as usize];
    // SAFETY: PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with a program that the kernel copies.
    unsafe {
        call(number::PRCTL, [38, 1, 0, 0, 0, 0]);
        if call(number::PRCTL, [22, 2, description.as_ptr() as usize, 0, 0, 0]) != 0 {
            leave(2);
        }
    }
}

/// Where signals arrive: clears NT, ID and AC first.
#[unsafe(naked)]
extern "C" fn entry() {
    naked_asm!("push 0x202", "popfq", "jmp {0}", sym on_signal)
}

/// `rt_sigreturn`.
#[unsafe(naked)]
extern "C" fn restorer() {
    naked_asm!("mov eax, 15", "syscall")
}

/// `struct ucontext` of Linux as far as needed.
#[repr(C)]
struct Context {
    flags: u64,
    link: u64,
    stack: [u64; 3],
    /// R8-R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP.
    registers: [u64; 16],
    rip: u64,
    rflags: u64,
    /// CS, GS, FS, SS.
    selectors: [u16; 4],
    error: u64,
    vector: u64,
    old_mask: u64,
    cr2: u64,
    /// The XSAVE area.
    area: *mut u8,
}

/// Places of the frame's registers in encoding order.
const FRAME: [usize; 16] = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7];

unsafe extern "C" fn on_signal(signal: u32, _info: *const u8, context: *mut Context) {
    // SAFETY: the kernel hands its frame; the shared block is the parent's, which waits.
    unsafe {
        let shared = SHARED;
        if signal == SIGALRM {
            (*shared).ticks += 1;
            if (*shared).ticks < TICKS || !(*shared).started {
                return;
            }
        }
        // The first signal is the child's own.
        if (*shared).started {
            finish(shared, signal, context);
        }
        (*shared).started = true;
        (*shared).ticks = 0;
        (*shared).current += 1;
        let full = (*shared).changes_used as usize + BYTES / 8 > CHANGES;
        if (*shared).current >= (*shared).count || full {
            leave(0);
        }
        begin(shared, context);
    }
}

/// Records what the test left, and brings memory back.
unsafe fn finish(shared: *mut Shared, signal: u32, context: *mut Context) {
    // SAFETY: all within the block and the frame.
    unsafe {
        let n = (*shared).current as usize;
        let output = addr_of_mut!((*shared).outputs[n]);
        (*output).signal = signal;
        (*output).vector = (*context).vector as u32;
        (*output).error = (*context).error as u32;
        (*output).cr2 = if (*context).vector == 14 { (*context).cr2 } else { 0 };
        capture(addr_of_mut!((*output).state), context);
        let input = addr_of!((*shared).inputs[n]);
        (*output).changes = (*shared).changes_used;
        let live = (*shared).live.cast::<u64>();
        let shadow = addr_of_mut!((*shared).shadow).cast::<u64>();
        let background = addr_of!((*shared).background).cast::<u64>();
        for word in DATA_AT / 8..BYTES / 8 {
            let value = live.add(word).read();
            if value != shadow.add(word).read_unaligned() {
                let at = (*shared).changes_used as usize;
                addr_of_mut!((*shared).changes[at]).write((word as u32, value));
                (*shared).changes_used += 1;
                live.add(word).write(background.add(word).read_unaligned());
            }
        }
        (*output).changes_end = (*shared).changes_used;
        let (at, len) = ((*input).patch_at as usize, (*input).patch_len as usize);
        let (live, shadow) = (live.cast::<u8>(), shadow.cast::<u8>());
        let background = background.cast::<u8>();
        core::ptr::copy_nonoverlapping(background.add(at), live.add(at), len);
        core::ptr::copy_nonoverlapping(background.add(at), shadow.add(at), len);
        let code = live.add((*input).code_at as usize);
        core::ptr::write_bytes(code, 0xcc, (*input).code_len as usize);
    }
}

unsafe fn capture(state: *mut State, context: *const Context) {
    // SAFETY: the kernel's frame has all of it; the segment registers can always be read.
    unsafe {
        for (n, place) in FRAME.into_iter().enumerate() {
            (*state).gpr[n] = (*context).registers[place];
        }
        (*state).rip = (*context).rip;
        (*state).rflags = (*context).rflags;
        let [cs, _, _, ss] = (*context).selectors;
        let (es, ds, fs, gs): (u16, u16, u16, u16);
        let (fs_base, gs_base): (u64, u64);
        asm!("mov {0:x}, es", "mov {1:x}, ds", "mov {2:x}, fs", "mov {3:x}, gs",
            out(reg) es, out(reg) ds, out(reg) fs, out(reg) gs);
        asm!("rdfsbase {0}", "rdgsbase {1}", out(reg) fs_base, out(reg) gs_base);
        (*state).selectors = [es, cs, ss, ds, fs, gs, 0, 0];
        (*state).bases = [fs_base, gs_base];
        let area = (*context).area;
        core::ptr::copy_nonoverlapping(area, addr_of_mut!((*state).fx).cast(), FX);
        // Reserved bytes and MXCSR_MASK.
        let fx = addr_of_mut!((*state).fx).cast::<u8>();
        fx.add(5).write(0);
        core::ptr::write_bytes(fx.add(28), 0, 4);
        for n in 0..8 {
            core::ptr::write_bytes(fx.add(32 + 16 * n + 10), 0, 6);
        }
        let upper = addr_of_mut!((*state).upper).cast::<u8>();
        if area.add(512).read() & 4 != 0 {
            core::ptr::copy_nonoverlapping(area.add(576), upper, 256);
        } else {
            core::ptr::write_bytes(upper, 0, 256);
        }
    }
}

/// Writes the next test into the frame, the pages and the registers that the frame does not carry.
unsafe fn begin(shared: *mut Shared, context: *mut Context) {
    // SAFETY: all within the block and the frame; the selectors are valid ones.
    unsafe {
        let input = addr_of!((*shared).inputs[(*shared).current as usize]);
        let state = addr_of!((*input).state);
        let live = (*shared).live;
        let code = live.add((*input).code_at as usize);
        let len = (*input).code_len as usize;
        core::ptr::copy_nonoverlapping(addr_of!((*input).code).cast(), code, len);
        let (at, len) = ((*input).patch_at as usize, (*input).patch_len as usize);
        let patch = addr_of!((*input).patch).cast::<u8>();
        core::ptr::copy_nonoverlapping(patch, live.add(at), len);
        let shadow = addr_of_mut!((*shared).shadow).cast::<u8>();
        core::ptr::copy_nonoverlapping(patch, shadow.add(at), len);
        for (n, place) in FRAME.into_iter().enumerate() {
            (*context).registers[place] = (*state).gpr[n];
        }
        (*context).rip = (*state).rip;
        (*context).rflags = (*state).rflags;
        let [es, cs, ss, ds, fs, gs, _, _] = (*state).selectors;
        (*context).selectors = [cs, 0, 0, ss];
        // Restore SS as it is: UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS.
        (*context).flags |= 6;
        let area = (*context).area;
        core::ptr::copy_nonoverlapping(addr_of!((*state).fx).cast(), area, FX);
        core::ptr::copy_nonoverlapping(addr_of!((*state).upper).cast(), area.add(576), 256);
        core::ptr::write_bytes(area.add(512), 0, 64);
        area.add(512).write(7);
        let [fs_base, gs_base] = (*state).bases;
        asm!("mov es, {0:x}", "mov ds, {1:x}", "mov fs, {2:x}", "mov gs, {3:x}",
            in(reg) es, in(reg) ds, in(reg) fs, in(reg) gs);
        asm!("wrfsbase {0}", "wrgsbase {1}", in(reg) fs_base, in(reg) gs_base);
    }
}

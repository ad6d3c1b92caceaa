//! The host's own processor: a forged signal frame leads into one instruction, and the next signal tells
//! what it left. x86-64 Linux alone.
//!
//! A child process does it, in batches (`native/child.rs`); parent and child share a block of memory. The
//! program must be position-independent, so that the low 4 GiB hold the tests' pages alone.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

mod child;

use crate::layout::{BYTES, LDT, PAGE, PAGES, Rights, background};
use crate::state::{Case, End, Outcome, State};
use core::arch::asm;
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
                child::in_child();
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

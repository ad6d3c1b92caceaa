//! The process that executes the tests. Its signal handler writes the next state into the frame that it returns
//! through and finds the outcome in the frame of the next signal, so that a test costs one exception and one
//! `rt_sigreturn`. What the frame does not carry is set by hand: DS, ES, FS, GS and the bases. `NT` and `ID`, which
//! `rt_sigreturn` leaves alone, and AC, under which the handler would run, are cleared by POPF at its entry. It uses
//! no thread-local memory: FS is the test's.
//!
//! A seccomp filter turns every system call of a test into a signal; an interval timer ends loops.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

use super::{CHANGES, SHARED, SIGALRM, SIGSYS, SIGTRAP, Shared, TICKS, call, number};
use crate::layout::{BYTES, DATA_AT, PAGES};
use crate::state::{FX, State};
use core::arch::{asm, naked_asm};
use core::ptr::{addr_of, addr_of_mut};

/// `struct kernel_sigaction`.
#[repr(C)]
struct Action {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Prepares signals, timer and filter, and enters the handler for the first time.
pub(super) unsafe fn in_child() -> ! {
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

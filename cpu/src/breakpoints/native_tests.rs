//! Data breakpoints against the host's own: a child under ptrace runs the same instruction with the host's
//! debug registers armed. x86-64 Linux alone; where ptrace is not allowed the test says so and ends.
#![allow(unsafe_code)]

use super::tests::{access, arm, conditions, pushed_flags, trapped_at, write};
use crate::testing::*;
use arch::debug::dr7;
use arch::rflags;
use core::arch::asm;

/// Instructions that access [RBX + `at`] ..., and what is watched.
struct Case {
    code: &'static [u8],
    /// The watched address, from RBX (RSI, RDI).
    at: i64,
    len: u64,
    kind: u64,
    rcx: u64,
}

const fn watch_write(at: i64, len: u64, rcx: u64, code: &'static [u8]) -> Case {
    Case { code, at, len, kind: dr7::WRITE, rcx }
}
const fn watch_access(at: i64, len: u64, rcx: u64, code: &'static [u8]) -> Case {
    Case { code, at, len, kind: dr7::ACCESS, rcx }
}

/// Each ends in two NOPs and an INT3, which is what stops where no breakpoint does.
const CASES: &[Case] = &[
    watch_write(0, 4, 0, &[0x89, 0x03]),             // mov [rbx], eax
    watch_write(7, 1, 0, &[0x48, 0x89, 0x03]),       // mov [rbx], rax: its last byte
    watch_write(8, 1, 0, &[0x48, 0x89, 0x03]),       // and the one behind it
    watch_write(2, 2, 0, &[0x66, 0x89, 0x03]),       // mov [rbx], ax
    watch_write(0, 4, 0, &[0x8b, 0x03]),             // mov eax, [rbx]
    watch_access(0, 4, 0, &[0x8b, 0x03]),            //
    watch_access(15, 1, 0, &[0x0f, 0x10, 0x03]),     // movups xmm0, [rbx]
    watch_write(15, 1, 0, &[0x0f, 0x11, 0x03]),      // movups [rbx], xmm0
    watch_access(9, 1, 0, &[0xdb, 0x2b]),            // fld tword [rbx]
    watch_access(10, 1, 0, &[0xdb, 0x2b]),           //
    watch_write(9, 1, 0, &[0xd9, 0xe8, 0xdb, 0x3b]), // fld1; fstp tword [rbx]
    watch_write(2, 1, 0, &[0xd9, 0x33]),             // fnstenv [rbx]
    watch_write(27, 1, 0, &[0xd9, 0x33]),            //
    watch_write(28, 1, 0, &[0xd9, 0x33]),            //
    watch_write(400, 1, 0, &[0x0f, 0xae, 0x03]),     // fxsave [rbx]
    watch_write(416, 1, 0, &[0x0f, 0xae, 0x03]),     //
    watch_write(0, 4, 5, &[0xb8, 1, 0, 0, 0, 0x0f, 0xb1, 0x0b]), // mov eax, 1; cmpxchg [rbx], ecx
    watch_write(0, 4, 5, &[0xb8, 1, 0, 0, 0, 0x0f, 0xc7, 0x0b]), // cmpxchg8b [rbx]
    watch_write(0, 4, 5, &[0xb8, 1, 0, 0, 0, 0xf0, 0x0f, 0xb1, 0x0b]), // lock cmpxchg [rbx], ecx
    watch_access(0, 1, 0, &[0x0f, 0xa3, 0x03]),      // bt [rbx], eax
    watch_write(0, 1, 0, &[0x0f, 0xa3, 0x03]),       //
    watch_write(0, 1, 0, &[0x0f, 0xb3, 0x03]),       // btr [rbx], eax
    watch_write(0, 1, 0, &[0x87, 0x03]),             // xchg [rbx], eax
    watch_write(0, 1, 0, &[0x83, 0x13, 0x00]),       // adc dword [rbx], 0
    watch_write(0, 1, 0, &[0xf0, 0x0f, 0xc1, 0x03]), // lock xadd [rbx], eax
    watch_write(0, 1, 0, &[0xd3, 0x23]),             // shl dword [rbx], cl
    watch_write(0, 1, 0, &[0xd3, 0x13]),             // rcl dword [rbx], cl
    watch_write(0, 1, 0, &[0x0f, 0xa5, 0x03]),       // shld [rbx], eax, cl
    watch_access(0, 8, 0, &[0x0f, 0x18, 0x0b]),      // prefetcht0 [rbx]
    watch_access(0, 8, 0, &[0x0f, 0x0d, 0x0b]),      // prefetchw [rbx]
    watch_access(0, 8, 0, &[0x0f, 0xae, 0x3b]),      // clflush [rbx]
    watch_access(63, 1, 0, &[0x0f, 0xae, 0x3b]),     //
    watch_write(0, 8, 0, &[0x0f, 0xae, 0x3b]),       //
    watch_access(0, 1, 0, &[0x0f, 0x1f, 0x03]),      // nop [rbx]
    watch_access(0, 1, 0, &[0x8d, 0x03]),            // lea eax, [rbx]
    watch_access(0, 1, 0, &[0x31, 0xc0, 0x0f, 0x45, 0x03]), // xor eax, eax; cmovne eax, [rbx]
    watch_access(4, 1, 0, &[0xf3, 0x0f, 0x10, 0x03]), // movss xmm0, [rbx]
    watch_write(30, 1, 100, &[0xf3, 0xaa]),          // rep stosb
    watch_write(30, 1, 31, &[0xf3, 0xaa]),           //
    watch_write(240, 1, 100, &[0xf3, 0x48, 0xab]),   // rep stosq
    watch_access(30, 1, 100, &[0xf3, 0xa4]),         // rep movsb
    watch_access(30, 1, 100, &[0xf3, 0xac]),         // rep lodsb
    watch_access(-4, 4, 0, &[0x8b, 0x03]),           //
];

/// What a run ended with: where from the code's start, RCX, and, of a data breakpoint, RF and true.
#[derive(PartialEq, Eq, Debug)]
struct Seen {
    at: u64,
    rcx: u64,
    trapped: Option<bool>,
}

#[test]
fn data_breakpoints_trap_where_the_hosts_do() {
    let Some(host) = Tracer::new() else {
        eprintln!("skipped: ptrace with debug registers is not allowed here");
        return;
    };
    for case in CASES {
        let Some(native) = host.run(case) else {
            eprintln!("skipped: ptrace with debug registers is not allowed here");
            return;
        };
        assert_eq!(emulated(case), native, "{:x?} watching {}", case.code, case.at);
    }
}

fn emulated(case: &Case) -> Seen {
    const DATA: u64 = 0x3_0800;
    let mut machine = Machine::with_system_tables(64);
    for n in [3, 6, 7] {
        machine.regs.gpr[n] = DATA;
    }
    machine.regs.gpr[1] = case.rcx;
    let at = DATA.wrapping_add_signed(case.at);
    let set = if case.kind == dr7::WRITE { write(at, case.len) } else { access(at, case.len) };
    arm(&mut machine, &[set]);
    machine.cpu.set_extended(&crate::Extended::default());
    machine.run(&with_end(case.code), 1000);
    let rcx = machine.regs.gpr[1];
    match trapped_at(&machine) {
        Some(rip) => {
            assert_eq!(conditions(&machine), 1);
            let rf = pushed_flags(&machine) & rflags::RF != 0;
            Seen { at: rip - CODE, rcx, trapped: Some(rf) }
        }
        None => Seen { at: machine.stack(0, 8) - CODE, rcx, trapped: None },
    }
}

fn with_end(code: &[u8]) -> Vec<u8> {
    [code, &[0x90, 0x90, 0xcc]].concat()
}

// ---- the host ----

/// Linux `arch/x86/entry/syscalls/syscall_64.tbl`.
mod call {
    pub(super) const MMAP: usize = 9;
    pub(super) const FORK: usize = 57;
    pub(super) const EXIT: usize = 60;
    pub(super) const WAIT4: usize = 61;
    pub(super) const KILL: usize = 62;
    pub(super) const GETPID: usize = 39;
    pub(super) const PTRACE: usize = 101;
}

/// Linux `include/uapi/linux/ptrace.h`, `arch/x86/include/asm/user_64.h`.
mod request {
    pub(super) const TRACEME: usize = 0;
    pub(super) const PEEKUSER: usize = 3;
    pub(super) const POKEUSER: usize = 6;
    pub(super) const CONT: usize = 7;
    /// Offset of `u_debugreg` in `struct user`.
    pub(super) const DEBUG: usize = 848;
    // Offsets in `struct user_regs_struct`.
    pub(super) const RBX: usize = 5 * 8;
    pub(super) const RAX: usize = 10 * 8;
    pub(super) const RCX: usize = 11 * 8;
    pub(super) const RSI: usize = 13 * 8;
    pub(super) const RDI: usize = 14 * 8;
    pub(super) const ORIG_RAX: usize = 15 * 8;
    pub(super) const RIP: usize = 16 * 8;
    pub(super) const EFLAGS: usize = 18 * 8;
}

const SIGKILL: usize = 9;
const SIGSTOP: usize = 19;

fn system(number: usize, args: [usize; 5]) -> isize {
    let [a, b, c, d, e] = args;
    let result;
    // SAFETY: the calls made here touch only the shared mapping, the child, and words on this stack.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c,
            in("r10") d, in("r8") e, in("r9") 0, out("rcx") _, out("r11") _);
    }
    result
}

/// Code and data that a child shares.
struct Tracer {
    code: usize,
}

/// Bytes of the mapping: a page of code, pages of data.
const MAPPED: usize = 0x4000;
const SHARED_ANONYMOUS: usize = 0x21;

impl Tracer {
    fn new() -> Option<Self> {
        let code = system(call::MMAP, [0, MAPPED, 7, SHARED_ANONYMOUS, usize::MAX]);
        (code > 0).then_some(Self { code: code as usize })
    }

    fn data(&self) -> usize {
        self.code + 0x1800
    }

    /// Runs a case in a child; `None` where the host does not allow that.
    fn run(&self, case: &Case) -> Option<Seen> {
        let code = with_end(case.code);
        // SAFETY: within the mapping, which nothing else refers to.
        unsafe {
            core::ptr::write_bytes(self.code as *mut u8, 0, MAPPED);
            core::ptr::copy_nonoverlapping(code.as_ptr(), self.code as *mut u8, code.len());
        }
        let child = fork_stopped()?;
        let seen = self.trace(&child, case);
        system(call::KILL, [child.0, SIGKILL, 0, 0, 0]);
        child.wait();
        seen
    }

    fn trace(&self, child: &Child, case: &Case) -> Option<Seen> {
        child.wait();
        let data = self.data();
        for (register, value) in [
            (request::RBX, data),
            (request::RSI, data),
            (request::RDI, data),
            (request::RAX, 0),
            (request::RCX, case.rcx as usize),
            (request::RIP, self.code),
            (request::EFLAGS, 0x202),
            (request::ORIG_RAX, usize::MAX),
        ] {
            child.poke(register, value)?;
        }
        let len = [1, 2, 8, 4].iter().position(|&len| len == case.len)?;
        child.poke(request::DEBUG, data.wrapping_add_signed(case.at as isize))?;
        child.poke(request::DEBUG + 7 * 8, 1 | (case.kind as usize | len << 2) << 16)?;
        if system(call::PTRACE, [request::CONT, child.0, 0, 0, 0]) < 0 {
            return None;
        }
        child.wait();
        let trapped = child.peek(request::DEBUG + 6 * 8)? & 1 != 0;
        let rf = child.peek(request::EFLAGS)? as u64 & rflags::RF != 0;
        Some(Seen {
            at: (child.peek(request::RIP)? - self.code) as u64,
            rcx: child.peek(request::RCX)? as u64,
            trapped: trapped.then_some(rf),
        })
    }
}

/// A process id.
struct Child(usize);

/// A child that stops itself and is traced.
fn fork_stopped() -> Option<Child> {
    let pid = system(call::FORK, [0; 5]);
    if pid == 0 {
        // The child: a copy of one thread, so nothing but system calls from here.
        if system(call::PTRACE, [request::TRACEME, 0, 0, 0, 0]) == 0 {
            let own = system(call::GETPID, [0; 5]) as usize;
            system(call::KILL, [own, SIGSTOP, 0, 0, 0]);
        }
        loop {
            system(call::EXIT, [0; 5]);
        }
    }
    (pid > 0).then_some(Child(pid as usize))
}

impl Child {
    fn wait(&self) {
        let mut status = 0i32;
        system(call::WAIT4, [self.0, (&raw mut status) as usize, 0, 0, 0]);
    }

    fn poke(&self, offset: usize, value: usize) -> Option<()> {
        let done = system(call::PTRACE, [request::POKEUSER, self.0, offset, value, 0]);
        (done >= 0).then_some(())
    }

    fn peek(&self, offset: usize) -> Option<usize> {
        let mut word = 0usize;
        let to = (&raw mut word) as usize;
        let done = system(call::PTRACE, [request::PEEKUSER, self.0, offset, to, 0]);
        (done >= 0).then_some(word)
    }
}

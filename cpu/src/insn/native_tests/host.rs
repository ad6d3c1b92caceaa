//! One instruction on the host: registers in, registers out, at the guest's own addresses.
//!
//! ```text
//! 0x300000  state: 16 registers, RFLAGS, the host's RSP, far pointer to the instruction
//! 0x301000  entry: loads the state, jumps far to the instruction
//! 0x302000  exit: stores the state, returns to the test
//! 0x310000  INSN: the instruction, then a far jump to the exit
//! 0x320000  DATA: what memory operands and stack pointers point into
//! ```
//!
//! All of it lies below 4 GiB, so that the same instruction runs in 64-bit mode or, by Linux's
//! selector for 32-bit programs, in compatibility mode. Faults are not caught: the caller runs nothing
//! that the emulator says would fault.

use core::arch::asm;
use std::sync::{Mutex, MutexGuard};

const STATE: u32 = 0x30_0000;
const FLAGS: u32 = STATE + 128;
const HOST_RSP: u32 = STATE + 136;
const FAR_POINTER: u32 = STATE + 144;
const ENTRY: u32 = 0x30_1000;
const EXIT: u32 = 0x30_2000;
/// Where the instruction stands.
pub(super) const INSN: u32 = 0x31_0000;
/// Start of the data.
pub(super) const DATA: u32 = 0x32_0000;
/// Bytes of data that are compared; more are mapped behind and before them.
pub(super) const DATA_LEN: u32 = 0x2000;
const END: u32 = 0x33_0000;

/// Linux's code selectors.
const CS64: u16 = 0x33;
const CS32: u16 = 0x23;

static IN_USE: Mutex<()> = Mutex::new(());

/// The mapping; one test at a time has it.
pub(super) struct Host {
    _exclusive: MutexGuard<'static, ()>,
}

impl Host {
    /// `None` if the host does not let us have the addresses.
    pub(super) fn new() -> Option<Self> {
        let exclusive = IN_USE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mapped: usize;
        // SAFETY: mmap(STATE, .., RWX, PRIVATE | ANONYMOUS | FIXED_NOREPLACE, -1, 0) replaces nothing.
        unsafe {
            asm!("syscall", inlateout("rax") 9usize => mapped, in("rdi") STATE as usize,
                in("rsi") (END - STATE) as usize, in("rdx") 7, in("r10") 0x10_0022,
                in("r8") -1isize, in("r9") 0, out("rcx") _, out("r11") _);
        }
        const EEXIST: isize = 17;
        if mapped != STATE as usize && mapped as isize != -EEXIST {
            return None;
        }
        let host = Self { _exclusive: exclusive };
        host.place(ENTRY, &entry());
        host.place(EXIT, &exit());
        Some(host)
    }

    /// Writes to the mapping.
    pub(super) fn place(&self, address: u32, bytes: &[u8]) {
        assert!(address >= STATE && address + bytes.len() as u32 <= END);
        // SAFETY: within the mapping, which nothing else refers to.
        unsafe {
            core::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                address as usize as *mut u8,
                bytes.len(),
            );
        }
    }

    /// The data that is compared.
    pub(super) fn data(&self) -> &[u8] {
        // SAFETY: within the mapping; only `run` changes it, which borrows the host exclusively.
        unsafe { core::slice::from_raw_parts(DATA as usize as *const u8, DATA_LEN as usize) }
    }

    /// Runs one instruction in 32- or 64-bit mode.
    pub(super) fn run(&mut self, bits: u32, code: &[u8], regs: &mut [u64; 16], flags: &mut u64) {
        for (n, value) in (0..).zip(*regs) {
            self.place(STATE + 8 * n, &value.to_le_bytes());
        }
        self.place(FLAGS, &flags.to_le_bytes());
        let selector = if bits == 64 { CS64 } else { CS32 };
        self.place(FAR_POINTER, &INSN.to_le_bytes());
        self.place(FAR_POINTER + 4, &selector.to_le_bytes());
        let mut code = code.to_vec();
        let next = INSN + code.len() as u32;
        if bits == 64 {
            code.push(0xe9); // jmp rel32
            code.extend(EXIT.wrapping_sub(next + 5).to_le_bytes());
        } else {
            code.push(0xea); // jmp far ptr16:32
            code.extend(EXIT.to_le_bytes());
            code.extend(CS64.to_le_bytes());
        }
        self.place(INSN, &code);
        // SAFETY: the entry saves what a function must preserve and the exit restores it; the
        // instruction does not fault, by this module's contract.
        unsafe {
            let enter: extern "sysv64" fn() = core::mem::transmute(ENTRY as usize);
            enter();
        }
        let word = |address: u32| {
            // SAFETY: an aligned word of the mapping.
            unsafe { (address as usize as *const u64).read_volatile() }
        };
        *regs = core::array::from_fn(|n| word(STATE + 8 * n as u32));
        *flags = word(FLAGS);
    }
}

/// `opcode` with register `n` and an absolute 32-bit address.
fn with_address(code: &mut Vec<u8>, prefix: &[u8], opcode: u8, n: u8, address: u32) {
    code.extend(prefix);
    code.extend([opcode, (n & 7) << 3 | 4, 0x25]);
    code.extend(address.to_le_bytes());
}

const PRESERVED: [u8; 10] = [0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57];

fn entry() -> Vec<u8> {
    let mut code = PRESERVED.to_vec(); // push rbx, rbp, r12-r15
    with_address(&mut code, &[0x48], 0x89, 4, HOST_RSP); // mov [HOST_RSP], rsp
    // mov eax, 2Bh; mov ds, eax; mov es, eax: 64-bit programs run with null selectors.
    code.extend([0xb8, 0x2b, 0, 0, 0, 0x8e, 0xd8, 0x8e, 0xc0]);
    with_address(&mut code, &[], 0xff, 6, FLAGS); // push [FLAGS]
    code.push(0x9d); // popfq
    for n in 0..16 {
        with_address(&mut code, &[0x48 | n >> 3 << 2], 0x8b, n, STATE + 8 * u32::from(n));
    }
    with_address(&mut code, &[], 0xff, 5, FAR_POINTER); // jmp far [FAR_POINTER]
    code
}

fn exit() -> Vec<u8> {
    let mut code = Vec::new();
    for n in 0..16 {
        with_address(&mut code, &[0x48 | n >> 3 << 2], 0x89, n, STATE + 8 * u32::from(n));
    }
    with_address(&mut code, &[0x48], 0x8b, 4, HOST_RSP); // mov rsp, [HOST_RSP]
    code.push(0x9c); // pushfq
    with_address(&mut code, &[], 0x8f, 0, FLAGS); // pop [FLAGS]
    code.extend([0x68, 0x02, 0x02, 0, 0, 0x9d]); // push 202h; popfq
    code.extend([0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3]);
    code
}

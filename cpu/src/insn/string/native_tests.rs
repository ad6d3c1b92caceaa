//! The same repetition on this host's processor: results, pointers, counter and flags.
#![allow(unsafe_code, reason = "runs single instructions of the host")]

use crate::testing::{Machine, Random};
use arch::rflags;
use core::arch::asm;

/// Where the buffer is in the guest.
const BUFFER: u64 = 0x4_0000;
const LEN: usize = 0x2000;

/// Registers that go in and come out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Regs {
    rax: u64,
    rcx: u64,
    rsi: u64,
    rdi: u64,
    flags: u64,
}

type Native = unsafe fn(&mut Regs);

macro_rules! natives {
    ($($text:literal = $($byte:literal)*;)*) => {
        /// Text, encoding, and the instruction itself.
        const CASES: &[(&str, &[u8], Native)] = &[$(($text, &[$($byte),*], {
            /// # Safety
            /// The registers address memory that the instruction may access.
            unsafe fn native(regs: &mut Regs) {
                // SAFETY: the caller's promise; the flags that matter to Rust are put back (DF).
                unsafe {
                    asm!(
                        "push {flags}", "popfq", $text, "pushfq", "pop {flags}", "cld",
                        flags = inout(reg) regs.flags,
                        inout("rax") regs.rax, inout("rcx") regs.rcx,
                        inout("rsi") regs.rsi, inout("rdi") regs.rdi,
                    );
                }
            }
            native
        }),)*];
    };
}

natives! {
    "movsb" = 0xa4; "movsw" = 0x66 0xa5; "movsd" = 0xa5; "movsq" = 0x48 0xa5;
    "rep movsb" = 0xf3 0xa4; "rep movsw" = 0x66 0xf3 0xa5;
    "rep movsd" = 0xf3 0xa5; "rep movsq" = 0xf3 0x48 0xa5;
    "stosb" = 0xaa; "stosq" = 0x48 0xab;
    "rep stosb" = 0xf3 0xaa; "rep stosw" = 0x66 0xf3 0xab;
    "rep stosd" = 0xf3 0xab; "rep stosq" = 0xf3 0x48 0xab;
    "lodsb" = 0xac; "lodsw" = 0x66 0xad; "lodsd" = 0xad; "lodsq" = 0x48 0xad;
    "rep lodsb" = 0xf3 0xac; "rep lodsd" = 0xf3 0xad;
    "cmpsb" = 0xa6; "cmpsw" = 0x66 0xa7; "cmpsd" = 0xa7; "cmpsq" = 0x48 0xa7;
    "repe cmpsb" = 0xf3 0xa6; "repe cmpsw" = 0x66 0xf3 0xa7;
    "repe cmpsd" = 0xf3 0xa7; "repe cmpsq" = 0xf3 0x48 0xa7;
    "repne cmpsb" = 0xf2 0xa6; "repne cmpsw" = 0x66 0xf2 0xa7;
    "repne cmpsd" = 0xf2 0xa7; "repne cmpsq" = 0xf2 0x48 0xa7;
    "scasb" = 0xae; "scasw" = 0x66 0xaf; "scasd" = 0xaf; "scasq" = 0x48 0xaf;
    "repe scasb" = 0xf3 0xae; "repe scasw" = 0x66 0xf3 0xaf;
    "repe scasd" = 0xf3 0xaf; "repe scasq" = 0xf3 0x48 0xaf;
    "repne scasb" = 0xf2 0xae; "repne scasw" = 0x66 0xf2 0xaf;
    "repne scasd" = 0xf2 0xaf; "repne scasq" = 0xf2 0x48 0xaf;
}

/// Bytes of few values in long runs, so that comparisons find both equal and different elements.
fn contents(random: &mut Random) -> Vec<u8> {
    let values = [0, 0x55, 0x7f, 0x80, 0xff, random.next() as u8];
    let mut bytes = Vec::with_capacity(LEN);
    while bytes.len() < LEN {
        let value = values[random.below(6) as usize];
        let run = random.below(200) as usize + 1;
        bytes.extend(core::iter::repeat_n(value, run.min(LEN - bytes.len())));
    }
    bytes
}

fn check(seed: u64, (text, code, native): (&str, &[u8], Native)) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut bytes = contents(&mut random);
    // At most 40 elements of 8 bytes in either direction stay within the buffer.
    let (from, near) = (400 + random.below(0x1c00), random.below(0x200));
    let to =
        if random.below(2) == 0 { (from + near).min(0x1e00) } else { 400 + random.below(0x1a00) };
    let from = from.min(0x1e00);
    let flags = random.next() & rflags::STATUS
        | if random.below(4) == 0 { rflags::DF } else { 0 }
        | rflags::FIXED;
    let sample = bytes[to as usize];
    let rax = if random.below(2) == 0 { u64::from_le_bytes([sample; 8]) } else { random.next() };
    let start = Regs { rax, rcx: random.below(41), rsi: from, rdi: to, flags };
    let mut m = Machine::new(64);
    m.write(BUFFER, &bytes);
    m.regs.gpr[0] = start.rax;
    m.regs.gpr[1] = start.rcx;
    m.regs.gpr[6] = BUFFER + from;
    m.regs.gpr[7] = BUFFER + to;
    m.regs.rflags = flags;

    let host = bytes.as_mut_ptr() as u64;
    let mut expected =
        Regs { rsi: host + from, rdi: host + to, flags: flags | rflags::IF, ..start };
    // SAFETY: `from` and `to` lie at least 41 elements inside the buffer on either side.
    unsafe { native(&mut expected) };
    m.run(&[code, &[0xeb, 0xfe]].concat(), 60);

    let case = format!("{text}, seed {seed}, {start:x?}");
    assert_eq!(m.fault(), None, "{case}");
    assert_eq!(m.regs.rip, crate::testing::CODE + code.len() as u64, "{case}");
    let got = Regs {
        rax: m.regs.gpr[0],
        rcx: m.regs.gpr[1],
        rsi: m.regs.gpr[6] - BUFFER,
        rdi: m.regs.gpr[7] - BUFFER,
        flags: m.regs.rflags & (rflags::STATUS | rflags::DF),
    };
    expected.rsi -= host;
    expected.rdi -= host;
    expected.flags &= rflags::STATUS | rflags::DF;
    assert_eq!(got, expected, "{case}");
    assert!(m.read(BUFFER, LEN) == bytes, "{case}");
}

#[test]
fn string_instructions_leave_what_the_host_leaves() {
    for (i, &case) in CASES.iter().enumerate() {
        for seed in 0..60 {
            check((i as u64) << 32 | seed, case);
        }
    }
}

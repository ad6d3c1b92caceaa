//! The host's x87 unit as the oracle: every rounding mode and precision, with exceptions masked
//! and unmasked. FNSAVE reads the outcome: it does not wait for a pending exception.

use super::super::samples::Sample;
use super::super::*;
use super::{Random, each_pair};
use crate::testing::samples;
use core::arch::asm;

/// What an instruction left behind.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Outcome {
    /// ST(0) and ST(1); after a POP what was below.
    st: [F80; 2],
    memory: [u8; 16],
    /// The status word without TOP, ES and B.
    status: u16,
}

const C1: u16 = 1 << 9;
/// C0, C2 and C3.
const CONDITIONS: u16 = 0x4500;

/// Runs x87 instructions with ST(0) = `a`, ST(1) = `b`; `{m}` points to 16 bytes of memory.
macro_rules! x87 {
    ($line:literal) => {
        |fcw: u16, a: F80, b: F80, memory: [u8; 16]| -> Outcome {
            let (a, b, mut memory) = (a.to_bytes(), b.to_bytes(), memory);
            let mut image = [0u8; 108];
            // SAFETY: the x87 stack is empty between two pieces of Rust code and FNSAVE leaves
            // it so, with the control word of FNINIT, which is what the ABI asks for. The
            // instructions access the named arrays only, each of at least the size they use.
            unsafe {
                asm!(
                    "fninit", "fld tbyte ptr [{b}]", "fld tbyte ptr [{a}]", "fnclex",
                    "fldcw [{fcw}]", $line, "fnsave [{image}]", "/* {m} */",
                    a = in(reg) &a, b = in(reg) &b, fcw = in(reg) &fcw,
                    image = in(reg) &mut image, m = in(reg) &mut memory,
                    out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
                    out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
                );
            }
            let register = |at: usize| F80::from_bytes(image[at..at + 10].try_into().unwrap());
            let status = u16::from_le_bytes([image[4], image[5]]) & (CONDITIONS | C1 | 0x3f);
            Outcome { st: [register(28), register(38)], memory, status }
        }
    };
}

type Native = fn(u16, F80, F80, [u8; 16]) -> Outcome;

/// Four control words with any precision and rounding mode: all exceptions masked (twice), none,
/// and any.
fn control_words(random: u64) -> [u16; 4] {
    let modes = |at: u32| (random >> at & 0xf) as u16 * 0x100;
    [modes(0) | 0x3f, modes(4) | 0x3f, modes(8), modes(12) | (random >> 16) as u16 & 0x3f]
}

/// Compares ST(0), ST(1), memory and status of native code with what `ours` expects. `ours` is
/// given the starting state and changes it to the final one, but for exceptions and C1.
fn check(name: &str, seed: u64, native: Native, ours: fn(&mut Env, &mut Outcome)) {
    let mut failures = 0;
    each_pair::<F80, F80>(seed, 25_000, |a, b, random| {
        let mut memory = [0xcc; 16];
        memory[..8].copy_from_slice(&Random(random).next().to_le_bytes());
        for fcw in control_words(random) {
            let (got, expected) = outcomes(native, ours, fcw, a, b, memory);
            if got != expected && failures < 4 {
                failures += 1;
                println!(
                    "{name} FCW {fcw:#x} {a:x?}, {b:x?} {:x?}\n  host {got:x?}\n  ours {expected:x?}",
                    memory
                );
            }
        }
    });
    assert_eq!(failures, 0, "{name}");
}

/// `ST(0) = operation(ST(0), ST(1))`.
macro_rules! check_binary {
    ($seed:literal, $line:literal, $ours:expr) => {
        check($line, $seed, x87!($line), |env, state| {
            let result = $ours(env, state.st[0], state.st[1]);
            if !env.blocks_result() {
                state.st[0] = result;
            }
        })
    };
}

#[test]
fn x87_arithmetic_equals_the_host() {
    check_binary!(1, "fadd st, st(1)", add::<F80>);
    check_binary!(2, "fsub st, st(1)", sub::<F80>);
    check_binary!(3, "fsubr st, st(1)", |env: &mut _, a, b| sub::<F80>(env, b, a));
    check_binary!(4, "fmul st, st(1)", mul::<F80>);
    check_binary!(5, "fdiv st, st(1)", div::<F80>);
    check_binary!(6, "fsqrt", |env: &mut _, a, _| sqrt::<F80>(env, a));
}

/// Compares in each rounding and precision mode, with exceptions masked and now and then not.
fn check_every_mode(name: &str, native: Native, ours: fn(&mut Env, &mut Outcome)) {
    let corners = F80::corners();
    let mut failures = 0;
    for mode in 0..16u16 {
        if mode & 3 == 1 {
            continue; // a reserved precision
        }
        let mut random = Random(u64::from(mode) + 1);
        for _ in 0..samples(2_000) {
            let mut operand = || match random.below(3) {
                0 => random.pick(&corners),
                _ => F80::sample(&mut random),
            };
            let (a, b) = (operand(), operand());
            let mut memory = [0xcc; 16];
            memory[..8].copy_from_slice(&random.next().to_le_bytes());
            let masks = if random.below(8) == 0 { random.next() as u16 & 0x3f } else { 0x3f };
            let fcw = mode << 8 | masks;
            let (got, expected) = outcomes(native, ours, fcw, a, b, memory);
            if got != expected && failures < 8 {
                failures += 1;
                println!(
                    "{name} FCW {fcw:#x} {a:x?}, {b:x?}\n  host {got:x?}\n  ours {expected:x?}"
                );
            }
        }
    }
    assert_eq!(failures, 0, "{name}");
}

/// What the host does and what we expect.
fn outcomes(
    native: Native,
    ours: fn(&mut Env, &mut Outcome),
    fcw: u16,
    a: F80,
    b: F80,
    memory: [u8; 16],
) -> (Outcome, Outcome) {
    let mut expected = Outcome { st: [a, b], memory, status: 0 };
    let mut env = Env::from_control_word(fcw);
    ours(&mut env, &mut expected);
    expected.status |= env.raised().0 as u16;
    expected.status |= if env.rounded_up && !env.blocks_result() { C1 } else { 0 };
    (native(fcw, a, b, memory), expected)
}

/// `BOOTSCOPE_SAMPLES` sets the pairs of operands in each of the 12 modes.
#[test]
fn x87_basic_operations_equal_the_host_in_every_mode() {
    macro_rules! binary {
        ($line:literal, $ours:expr) => {
            || {
                check_every_mode($line, x87!($line), |env, state| {
                    let result = $ours(env, state.st[0], state.st[1]);
                    if !env.blocks_result() {
                        state.st[0] = result;
                    }
                })
            }
        };
    }
    let first: [fn(); 6] = [
        binary!("fadd st, st(1)", add::<F80>),
        binary!("fsub st, st(1)", sub::<F80>),
        binary!("frndint", |env: &mut _, a, _| frndint::<F80>(env, a)),
        binary!("fsqrt", |env: &mut _, a, _| sqrt::<F80>(env, a)),
        || {
            check_every_mode("fcom", x87!("fcom st(1)"), |env, state| {
                state.status = conditions(compare(env, state.st[0], state.st[1]));
            })
        },
        || {
            check_every_mode("fst m32", x87!("fst dword ptr [{m}]"), |env, state| {
                let value: F32 = super::super::store(env, state.st[0]);
                store(env, state, &value.0.to_le_bytes());
            })
        },
    ];
    let second: [fn(); 5] = [
        binary!("fmul st, st(1)", mul::<F80>),
        binary!("fdiv st, st(1)", div::<F80>),
        || {
            check_every_mode("fst m64", x87!("fst qword ptr [{m}]"), |env, state| {
                let value: F64 = super::super::store(env, state.st[0]);
                store(env, state, &value.0.to_le_bytes());
            })
        },
        || {
            check_every_mode("fistp", x87!("fld st(0)\nfistp qword ptr [{m}]"), |env, state| {
                let value = to_int(env, state.st[0], 64, env.rounding);
                store_and_pop(env, state, &value.to_le_bytes());
            })
        },
        || {
            check_every_mode("fld m64", x87!("fld qword ptr [{m}]"), |env, state| {
                let bits = u64::from_le_bytes(state.memory[..8].try_into().unwrap());
                let value = resize::<F64, F80>(env, F64(bits));
                push(env, state, value);
            })
        },
    ];
    std::thread::scope(|scope| {
        for half in [&first[..], &second[..]] {
            scope.spawn(move || half.iter().for_each(|run| run()));
        }
    });
}

#[test]
fn x87_scaling_and_rounding_equal_the_host() {
    check_binary!(7, "frndint", |env: &mut _, a, _| frndint::<F80>(env, a));
    check_binary!(8, "fscale", scale);
    check("fxtract", 9, x87!("ffree st(2)\nffree st(7)\nfxtract"), |env, state| {
        let (exponent, significand) = extract(env, state.st[0]);
        state.st = if env.blocks_result() { state.st } else { [significand, exponent] };
    });
}

#[test]
fn x87_partial_remainders_equal_the_host() {
    fn state_after(env: &mut Env, state: &mut Outcome, remainder: Remainder) {
        if env.blocks_result() {
            return;
        }
        state.st[0] = remainder.value;
        let bit = |n: u8| (remainder.quotient >> n & 1) as u16;
        state.status = bit(2) << 8 | bit(1) << 14 | (!remainder.complete as u16) << 10;
        env.rounded_up = bit(0) != 0;
    }
    check("fprem", 10, x87!("fprem"), |env, state| {
        let remainder = rem_truncated(env, state.st[0], state.st[1]);
        state_after(env, state, remainder);
    });
    check("fprem1", 11, x87!("fprem1"), |env, state| {
        let remainder = rem_nearest(env, state.st[0], state.st[1]);
        state_after(env, state, remainder);
    });
}

/// C3, C2 and C0 of a comparison.
fn conditions(order: Order) -> u16 {
    match order {
        Order::Greater => 0,
        Order::Less => 1 << 8,
        Order::Equal => 1 << 14,
        Order::Unordered => CONDITIONS,
    }
}

#[test]
fn x87_comparisons_equal_the_host() {
    check("fcom", 12, x87!("fcom st(1)"), |env, state| {
        state.status = conditions(compare(env, state.st[0], state.st[1]));
    });
    check("fucom", 13, x87!("fucom st(1)"), |env, state| {
        state.status = conditions(compare_quiet(env, state.st[0], state.st[1]));
    });
}

#[test]
fn x87_examination_equals_the_host() {
    check("fxam", 14, x87!("fxam"), |env, state| {
        env.rounded_up = state.st[0].sign();
        state.status = match state.st[0].class() {
            Class::Unsupported => 0x0000,
            Class::Nan => 0x0100,
            Class::Normal => 0x0400,
            Class::Infinity => 0x0500,
            Class::Zero => 0x4000,
            Class::Denormal => 0x4400,
        };
    });
}

/// Stores to memory happen only if nothing but PE is unmasked.
fn store(env: &Env, state: &mut Outcome, bytes: &[u8]) {
    if env.unmasked().and(Exceptions::PE.complement()).is_empty() {
        state.memory[..bytes.len()].copy_from_slice(bytes);
    }
}

#[test]
fn x87_stores_equal_the_host() {
    check("fst m32", 15, x87!("fst dword ptr [{m}]"), |env, state| {
        let value: F32 = super::super::store(env, state.st[0]);
        store(env, state, &value.0.to_le_bytes());
    });
    check("fst m64", 16, x87!("fst qword ptr [{m}]"), |env, state| {
        let value: F64 = super::super::store(env, state.st[0]);
        store(env, state, &value.0.to_le_bytes());
    });
    check("fist m16", 17, x87!("fist word ptr [{m}]"), |env, state| {
        let value = to_int(env, state.st[0], 16, env.rounding) as i16;
        store(env, state, &value.to_le_bytes());
    });
    check("fist m32", 18, x87!("fist dword ptr [{m}]"), |env, state| {
        let value = to_int(env, state.st[0], 32, env.rounding) as i32;
        store(env, state, &value.to_le_bytes());
    });
}

#[test]
fn x87_popping_stores_equal_the_host() {
    // FLD ST(0) first, so that the pop uncovers the operands again.
    check("fistp m64", 19, x87!("fld st(0)\nfistp qword ptr [{m}]"), |env, state| {
        let value = to_int(env, state.st[0], 64, env.rounding);
        store_and_pop(env, state, &value.to_le_bytes());
    });
    check("fisttp m32", 20, x87!("fld st(0)\nfisttp dword ptr [{m}]"), |env, state| {
        let value = to_int(env, state.st[0], 32, Rounding::Zero) as i32;
        store_and_pop(env, state, &value.to_le_bytes());
    });
    check("fbstp", 21, x87!("fld st(0)\nfbstp tbyte ptr [{m}]"), |env, state| {
        let value = to_bcd(env, state.st[0]);
        store_and_pop(env, state, &value);
    });
}

/// Stores and pops a copy of ST(0). An unmasked PE is reported after both have happened.
fn store_and_pop(env: &Env, state: &mut Outcome, bytes: &[u8]) {
    if env.unmasked().and(Exceptions::PE.complement()).is_empty() {
        state.memory[..bytes.len()].copy_from_slice(bytes);
    } else {
        state.st[1] = state.st[0];
    }
}

/// An unmasked DE does not keep a value from being loaded; an unmasked IE does.
fn push(env: &Env, state: &mut Outcome, value: F80) {
    if !env.unmasked().any(Exceptions::IE) {
        state.st = [value, state.st[0]];
    }
}

#[test]
fn x87_loads_equal_the_host() {
    check("fld m32", 20, x87!("fld dword ptr [{m}]"), |env, state| {
        let bits = u32::from_le_bytes(state.memory[..4].try_into().unwrap());
        let value = resize::<F32, F80>(env, F32(bits));
        push(env, state, value);
    });
    check("fld m64", 21, x87!("fld qword ptr [{m}]"), |env, state| {
        let bits = u64::from_le_bytes(state.memory[..8].try_into().unwrap());
        let value = resize::<F64, F80>(env, F64(bits));
        push(env, state, value);
    });
    check("fild m64", 22, x87!("fild qword ptr [{m}]"), |env, state| {
        let value = i64::from_le_bytes(state.memory[..8].try_into().unwrap());
        state.st = [from_int(env, value), state.st[0]];
    });
    check("fbld", 23, x87!("fbld tbyte ptr [{m}]"), |_, state| {
        let value = from_bcd(state.memory[..10].try_into().unwrap());
        state.st = [value, state.st[0]];
    });
}

#[test]
fn x87_constants_equal_the_host() {
    macro_rules! check_constant {
        ($line:literal, $constant:ident) => {
            check($line, 24, x87!($line), |env, state| {
                let value = constant(Constant::$constant, env.rounding);
                state.st = [value, state.st[0]];
            })
        };
    }
    check_constant!("fldz", Zero);
    check_constant!("fld1", One);
    check_constant!("fldpi", Pi);
    check_constant!("fldl2t", Log2Of10);
    check_constant!("fldl2e", Log2OfE);
    check_constant!("fldlg2", Log10Of2);
    check_constant!("fldln2", LnOf2);
}

/// Whether two results differ by no more than the lowest bit of their significands.
fn is_close(a: F80, b: F80) -> bool {
    let linear =
        |v: F80| (v.abs().sign_exponent as u128) << 63 | (v.significand & !INTEGER) as u128;
    a == b || (a.sign() == b.sign() && linear(a).abs_diff(linear(b)) <= 1)
}

/// As [`check`], but a significand may differ in its last place, and C1 with it: processors
/// differ there from each other. With `--nocapture` it says how often.
fn check_close(name: &str, seed: u64, native: Native, ours: fn(&mut Env, &mut Outcome)) {
    let (mut failures, mut all, mut values, mut directions) = (0, 0u32, 0u32, 0u32);
    each_pair::<F80, F80>(seed, 25_000, |a, b, random| {
        for fcw in control_words(random) {
            let (got, expected) = outcomes(native, ours, fcw, a, b, [0; 16]);
            all += 1;
            values += u32::from(got.st != expected.st);
            directions += u32::from(got.st == expected.st && got.status != expected.status);
            let same = got.status & !C1 == expected.status & !C1
                && got.st.iter().zip(expected.st).all(|(&a, b)| is_close(a, b));
            if !same && failures < 8 {
                failures += 1;
                println!(
                    "{name} FCW {fcw:#x} {a:x?}, {b:x?}\n  host {got:x?}\n  ours {expected:x?}"
                );
            }
        }
    });
    println!(
        "{name}: of {all} outcomes {values} differ in the last place, {directions} in C1 alone"
    );
    assert_eq!(failures, 0, "{name}");
}

/// A function of ST(0) that may set C2 and leave the operand, or push a second result.
macro_rules! check_angle {
    ($seed:literal, $line:literal, |$env:ident, $a:ident| $ours:expr) => {
        check_close($line, $seed, x87!($line), |$env, state| {
            let $a = state.st[0];
            let result: Option<(F80, Option<F80>)> = $ours;
            match result {
                _ if $env.blocks_result() => {}
                None => state.status = 1 << 10,
                Some((value, None)) => state.st[0] = value,
                Some((value, Some(pushed))) => state.st = [pushed, value],
            }
        })
    };
}

#[test]
fn x87_trigonometry_is_close_to_the_host() {
    check_angle!(30, "fsin", |env, a| sin(env, a).map(|v| (v, None)));
    check_angle!(31, "fcos", |env, a| cos(env, a).map(|v| (v, None)));
    check_angle!(32, "fsincos", |env, a| sin_cos(env, a).map(|(s, c)| (s, Some(c))));
    check_angle!(33, "fptan", |env, a| tan(env, a).map(|(t, one)| (t, Some(one))));
}

/// A function of ST(1) and ST(0) that pops, which uncovers an empty register.
macro_rules! check_popping {
    ($seed:literal, $line:literal, $ours:expr) => {
        check_close($line, $seed, x87!($line), |env, state| {
            let result = $ours(env, state.st[1], state.st[0]);
            if !env.blocks_result() {
                state.st = [result, F80::default()];
            }
        })
    };
}

#[test]
fn x87_logarithms_and_powers_are_close_to_the_host() {
    check_close("f2xm1", 34, x87!("f2xm1"), |env, state| {
        let result = exp2_minus_1(env, state.st[0]);
        state.st[0] = if env.blocks_result() { state.st[0] } else { result };
    });
    check_popping!(35, "fyl2x", y_log2_x);
    check_popping!(36, "fyl2xp1", y_log2_x_plus_1);
}

#[test]
fn x87_arc_tangents_are_close_to_the_host() {
    check_popping!(37, "fpatan", atan2);
}

//! Comparison, minimum and maximum: SDM Vol. 2, COMISS, UCOMISS, CMPPS, VCMPPS, MINPS, MAXPS,
//! FCOM, FUCOM, FCOMI, FUCOMI.

use super::{Env, Exceptions, Float, Kind, Operand, note_denormals};

/// How `a` stands to `b`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// `a < b`.
    Less,
    /// `a == b`; zeros are equal whatever their signs.
    Equal,
    /// `a > b`.
    Greater,
    /// At least one is a NaN (or an encoding that the x87 does not support).
    Unordered,
}

/// Compares; any NaN raises IE: COMISS, FCOM, FCOMI, FICOM, FTST.
pub fn compare<F: Float>(env: &mut Env, a: F, b: F) -> Order {
    order(env, a, b, true)
}

/// Compares; only a signalling NaN raises IE: UCOMISS, FUCOM, FUCOMI.
pub fn compare_quiet<F: Float>(env: &mut Env, a: F, b: F) -> Order {
    order(env, a, b, false)
}

fn order<F: Float>(env: &mut Env, a: F, b: F, signalling: bool) -> Order {
    match F::ordinary_order(a, b) {
        Some(core::cmp::Ordering::Less) => Order::Less,
        Some(core::cmp::Ordering::Equal) => Order::Equal,
        Some(core::cmp::Ordering::Greater) => Order::Greater,
        None => general_order(env, a, b, signalling),
    }
}

/// The order in every case.
pub(super) fn general_order<F: Float>(env: &mut Env, a: F, b: F, signalling: bool) -> Order {
    let (a, b) = (a.unpack(env), b.unpack(env));
    let mut unordered = false;
    for operand in [&a, &b] {
        match operand.kind {
            Kind::SignallingNan | Kind::Unsupported => env.raise(Exceptions::IE),
            Kind::QuietNan if signalling => env.raise(Exceptions::IE),
            Kind::QuietNan => {}
            _ => continue,
        }
        unordered = true;
    }
    if unordered {
        return Order::Unordered;
    }
    note_denormals(env, &[&a, &b]);
    match key(&a).cmp(&key(&b)) {
        core::cmp::Ordering::Less => Order::Less,
        core::cmp::Ordering::Equal => Order::Equal,
        core::cmp::Ordering::Greater => Order::Greater,
    }
}

/// A number that sorts as the operand does.
fn key(operand: &Operand) -> i128 {
    let magnitude = match operand.kind {
        Kind::Zero => 0,
        Kind::Infinity => i128::MAX,
        _ => ((operand.exponent + 0x8000) as i128) << 64 | operand.significand as i128,
    };
    if operand.sign { -magnitude } else { magnitude }
}

/// A predicate of CMPPS (0-7) or VCMPPS (0-31).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Predicate(u8);

impl Predicate {
    /// From the immediate byte of VCMPPS: bits 4:0. For CMPPS only bits 2:0 count; the caller
    /// masks the others.
    pub const fn from_bits(immediate: u8) -> Self {
        Self(immediate & 0x1f)
    }

    /// Whether a quiet NaN raises IE. SDM Vol. 2, VCMPPD, "Comparison Predicate for VCMPPD and
    /// VCMPPS Instructions", last column; bit n for predicate n. 16-31 are the opposite of 0-15.
    const SIGNALLING: u32 = 0x9999_6666;

    /// Whether the predicate holds; raises IE and DE.
    pub fn holds<F: Float>(self, env: &mut Env, a: F, b: F) -> bool {
        const L: u8 = 1;
        const E: u8 = 2;
        const G: u8 = 4;
        const U: u8 = 8;
        /// Under which orders predicates 0-15 hold; 16-31 repeat them with IE the other way.
        const TRUE_FOR: [u8; 16] = [
            E,             // EQ_OQ
            L,             // LT_OS
            L | E,         // LE_OS
            U,             // UNORD_Q
            L | G | U,     // NEQ_UQ
            E | G | U,     // NLT_US
            G | U,         // NLE_US
            L | E | G,     // ORD_Q
            E | U,         // EQ_UQ
            L | U,         // NGE_US
            L | E | U,     // NGT_US
            0,             // FALSE_OQ
            L | G,         // NEQ_OQ
            E | G,         // GE_OS
            G,             // GT_OS
            L | E | G | U, // TRUE_UQ
        ];
        let signalling = Self::SIGNALLING >> self.0 & 1 != 0;
        let order = match order(env, a, b, signalling) {
            Order::Less => L,
            Order::Equal => E,
            Order::Greater => G,
            Order::Unordered => U,
        };
        TRUE_FOR[self.0 as usize & 15] & order != 0
    }
}

/// MINSS, MINSD: the second source unless the first is less. A NaN or two zeros give the second
/// source as it is; every NaN raises IE.
pub fn min<F: Float>(env: &mut Env, a: F, b: F) -> F {
    let chosen = if compare(env, a, b) == Order::Less { a } else { b };
    flushed(env, chosen)
}

/// MAXSS, MAXSD: the second source unless the first is greater; otherwise as [`min`].
pub fn max<F: Float>(env: &mut Env, a: F, b: F) -> F {
    let chosen = if compare(env, a, b) == Order::Greater { a } else { b };
    flushed(env, chosen)
}

/// Under DAZ a denormal is a zero also where it is only passed on.
fn flushed<F: Float>(env: &Env, value: F) -> F {
    let operand = value.unpack(env);
    if operand.kind == Kind::Zero { F::zero(operand.sign) } else { value }
}

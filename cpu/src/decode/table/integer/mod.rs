//! Rows of the integer instructions, a file for each group.

mod alu;
mod bcd;
mod bit;
mod condition;
mod mov;
mod muldiv;
mod nop;
mod shift;
mod stack;
mod xchg;

use super::{Row, Rows};
use iced_x86::Code;

/// The groups.
const GROUPS: &[Rows] = &[
    alu::ROWS,
    bcd::ROWS,
    bit::ROWS,
    condition::ROWS,
    mov::ROWS,
    muldiv::ROWS,
    nop::ROWS,
    shift::ROWS,
    stack::ROWS,
    xchg::ROWS,
];

pub(crate) const ROWS: Rows = &joined::<{ count() }>();

/// How many rows there are.
const fn count() -> usize {
    let (mut sum, mut group) = (0, 0);
    while group < GROUPS.len() {
        sum += GROUPS[group].len();
        group += 1;
    }
    sum
}

/// All groups in one list.
const fn joined<const N: usize>() -> [(Code, Row); N] {
    let mut out = [GROUPS[0][0]; N];
    let (mut group, mut i, mut n) = (0, 0, 0);
    while n < N {
        if i == GROUPS[group].len() {
            (group, i) = (group + 1, 0);
        } else {
            out[n] = GROUPS[group][i];
            (i, n) = (i + 1, n + 1);
        }
    }
    out
}

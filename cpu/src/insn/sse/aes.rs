//! AESENC AESENCLAST AESDEC AESDECLAST AESIMC AESKEYGENASSIST: SDM Vol. 2; FIPS 197.
//!
//! The state is sixteen bytes, column after column. A round takes each column from a table of the substituted byte
//! already multiplied by a column of the matrix, made at compile time from the definition. The tables are looked
//! up by secret values, as in any such table form: a guest's secrets are not hidden from its host.

use super::gfni::{INVERSES, product};
use super::operation::{binary, binary_imm};

/// FIPS 197, SubBytes: the inverse in GF(2^8), then an affine map.
const fn substitute(byte: u8) -> u8 {
    let b = INVERSES[byte as usize];
    b ^ b.rotate_left(1) ^ b.rotate_left(2) ^ b.rotate_left(3) ^ b.rotate_left(4) ^ 0x63
}

static SUBSTITUTES: [u8; 256] = substitutes();
static ORIGINALS: [u8; 256] = originals();

const fn substitutes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = substitute(i as u8);
        i += 1;
    }
    table
}

const fn originals() -> [u8; 256] {
    let (substitutes, mut table) = (substitutes(), [0; 256]);
    let mut i = 0;
    while i < 256 {
        table[substitutes[i] as usize] = i as u8;
        i += 1;
    }
    table
}

/// What a byte of the first row brings into its column: times the first column of a matrix.
const fn column(byte: u8, matrix: [u8; 4]) -> u32 {
    u32::from_le_bytes([
        product(byte, matrix[0]),
        product(byte, matrix[1]),
        product(byte, matrix[2]),
        product(byte, matrix[3]),
    ])
}

/// SubBytes and MixColumns of one byte.
static ENCRYPT: [u32; 256] = columns(&substitutes(), [2, 1, 1, 3]);
/// InvSubBytes and InvMixColumns of one byte.
static DECRYPT: [u32; 256] = columns(&originals(), [14, 9, 13, 11]);

const fn columns(bytes: &[u8; 256], matrix: [u8; 4]) -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = column(bytes[i], matrix);
        i += 1;
    }
    table
}

/// A state whose byte in row `r`, column `c` comes from column `c + r * SHIFT`: ShiftRows (1), InvShiftRows (3).
#[inline(always)]
fn shifted<const SHIFT: usize>(state: u128) -> [u8; 16] {
    let from = state.to_le_bytes();
    core::array::from_fn(|i| from[4 * ((i / 4 + i % 4 * SHIFT) & 3) + i % 4])
}

/// Four columns from a table, of a state whose rows are shifted already.
#[inline(always)]
fn mixed(state: [u8; 16], table: &[u32; 256]) -> u128 {
    let part = |i: usize| table[usize::from(state[i])].rotate_left(8 * (i as u32 & 3));
    let column = |c: usize| part(4 * c) ^ part(4 * c + 1) ^ part(4 * c + 2) ^ part(4 * c + 3);
    (0..4).fold(0, |state, c| state | u128::from(column(c)) << (32 * c))
}

fn each(state: [u8; 16], table: &[u8; 256]) -> u128 {
    u128::from_le_bytes(state.map(|byte| table[usize::from(byte)]))
}

/// SubWord of doubleword `i`, and that rotated with the round constant.
fn key_words(src: u128, i: u32, constant: u8) -> u128 {
    let bytes = ((src >> (32 * i)) as u32).to_le_bytes();
    let word = u32::from_le_bytes(bytes.map(|byte| SUBSTITUTES[usize::from(byte)]));
    u128::from(word) | u128::from(word.rotate_right(8) ^ u32::from(constant)) << 32
}

binary! {
    /// AESENC.
    Aesenc = |dst, src| mixed(shifted::<1>(dst), &ENCRYPT) ^ src;
    /// AESENCLAST.
    Aesenclast = |dst, src| each(shifted::<1>(dst), &SUBSTITUTES) ^ src;
    /// AESDEC: the equivalent inverse cipher.
    Aesdec = |dst, src| mixed(shifted::<3>(dst), &DECRYPT) ^ src;
    /// AESDECLAST.
    Aesdeclast = |dst, src| each(shifted::<3>(dst), &ORIGINALS) ^ src;
    /// AESIMC: InvMixColumns of the source.
    Aesimc = |_, src| mixed(src.to_le_bytes().map(|byte| SUBSTITUTES[usize::from(byte)]), &DECRYPT);
}

binary_imm! {
    /// AESKEYGENASSIST: of the source's doublewords 1 and 3.
    Aeskeygenassist = |_, src, imm| key_words(src, 1, imm) | key_words(src, 3, imm) << 64;
}

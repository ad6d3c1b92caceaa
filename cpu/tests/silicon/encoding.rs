//! Draws encodings: what `OpCodeInfo` says of a form, and random bytes behind the opcode. They need not decode to the
//! form, so prefixes, ModRM, SIB, displacements and immediates come in all combinations. Prefixes that a form has
//! no use for, REX in front of a legacy prefix, VEX fields that should be other, LOCK anywhere, and more than
//! fifteen bytes are drawn on purpose.

use crate::layout::Random;
use iced_x86::{
    Code, EncodingKind, MandatoryPrefix, OpCodeInfo, OpCodeOperandKind, OpCodeTableKind,
};

/// Any bytes, with odd prefixes in front.
pub(crate) fn any(random: &mut Random, bits: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    const PREFIXES: [u8; 11] = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
    for _ in 0..random.pick(&[0, 0, 1, 1, 2, 3, 5]) {
        if bits == 64 && random.one_in(3) {
            bytes.push(0x40 | random.below(16) as u8);
        } else {
            bytes.push(random.pick(&PREFIXES));
        }
    }
    if bits == 64 && random.one_in(3) {
        bytes.push(0x40 | random.below(16) as u8);
    }
    match random.below(8) {
        0 | 1 => bytes.push(0x0f),
        2 => bytes.extend([0x0f, 0x38]),
        3 => bytes.extend([0x0f, 0x3a]),
        4 => bytes.extend([0xc4, random.next() as u8 & 0xe0 | random.below(4) as u8]),
        5 => bytes.push(0xc5),
        _ => {}
    }
    bytes.resize_with(15, || random.next() as u8);
    bytes
}

/// Bytes that are likely to be an encoding of `code`, with any behind it.
pub(crate) fn of(random: &mut Random, code: Code, bits: u32) -> Vec<u8> {
    let info = code.op_code();
    let mut bytes = prefixes(random, info, bits);
    let opcode = info.op_code() as u16;
    if info.encoding() == EncodingKind::VEX {
        vex(random, info, bits, &mut bytes);
    } else {
        rex(random, info, bits, &mut bytes);
        match info.table() {
            OpCodeTableKind::T0F => bytes.push(0x0f),
            OpCodeTableKind::T0F38 => bytes.extend([0x0f, 0x38]),
            OpCodeTableKind::T0F3A => bytes.extend([0x0f, 0x3a]),
            _ => {}
        }
    }
    if info.op_code_len() == 2 {
        bytes.push((opcode >> 8) as u8);
    }
    // Half of the time another register in the opcode's low bits; wrong ones decode to others.
    let low = if random.one_in(2) { random.below(8) as u8 } else { 0 };
    bytes.push((opcode as u8).wrapping_add(low));
    let mut modrm = random.next() as u8;
    if info.group_index() >= 0 {
        modrm = modrm & !0x38 | (info.group_index() as u8) << 3;
    }
    if info.rm_group_index() >= 0 {
        modrm = modrm & !7 | info.rm_group_index() as u8;
    }
    bytes.push(modrm);
    bytes.extend((0..11).map(|_| random.next() as u8));
    bytes
}

/// Legacy prefixes: those that the form needs, and some that it does not.
fn prefixes(random: &mut Random, info: &OpCodeInfo, bits: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if random.one_in(40) {
        let many = 3 + random.below(10);
        bytes.extend((0..many).map(|_| random.pick(&[0x66, 0x3e, 0x2e, 0xf2, 0xf3])));
    }
    let operand = info.operand_size();
    let narrow = operand == 16 && bits != 16 || operand == 32 && bits == 16;
    let address = info.address_size();
    let other = match bits {
        64 => address == 32,
        32 => address == 16,
        _ => address == 32,
    };
    let legacy = info.encoding() == EncodingKind::Legacy;
    let mandatory = match info.mandatory_prefix() {
        MandatoryPrefix::P66 if legacy => Some(0x66),
        MandatoryPrefix::PF3 if legacy => Some(0xf3),
        MandatoryPrefix::PF2 if legacy => Some(0xf2),
        _ => None,
    };
    let free = if legacy { 14 } else { 60 };
    for (prefix, needed, odds) in [
        (0x66, narrow, 2 * free),
        (0x67, other, 12),
        (0xf0, false, if info.can_use_lock_prefix() { 4 } else { free * 3 }),
        (0xf3, false, if info.can_use_rep_prefix() { 2 } else { free }),
        (0xf2, false, if info.can_use_repne_prefix() { 3 } else { free }),
    ] {
        if needed || random.one_in(odds) {
            bytes.push(prefix);
        }
    }
    if random.one_in(10) {
        bytes.push(random.pick(&[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]));
    }
    bytes.extend(mandatory);
    if bytes.len() > 1 && random.one_in(4) {
        let at = random.below(bytes.len() as u64) as usize;
        bytes.swap(0, at);
    }
    bytes
}

/// REX, sometimes at a place where it does not count.
fn rex(random: &mut Random, info: &OpCodeInfo, bits: u32, bytes: &mut Vec<u8>) {
    if bits != 64 {
        return;
    }
    if random.one_in(24) && !bytes.is_empty() {
        bytes.insert(0, 0x40 | random.below(16) as u8);
    }
    let wide = info.operand_size() == 64 && !info.default_op_size64() || info.w() == 1;
    if wide || random.one_in(2) {
        let w = if wide || random.one_in(5) { 8 } else { 0 };
        bytes.push(0x40 | w | random.below(8) as u8);
    }
}

/// A VEX prefix, of two or three bytes.
fn vex(random: &mut Random, info: &OpCodeInfo, bits: u32, bytes: &mut Vec<u8>) {
    let map = match info.table() {
        OpCodeTableKind::T0F => 1,
        OpCodeTableKind::T0F38 => 2,
        _ => 3,
    };
    let uses_vvvv = info.op_kinds().iter().any(|kind| {
        use OpCodeOperandKind::*;
        matches!(kind, xmm_vvvv | ymm_vvvv | r32_vvvv | r64_vvvv | k_vvvv)
    });
    let vvvv = match uses_vvvv || random.one_in(16) {
        true => random.below(16) as u8,
        false => 15,
    };
    let long = match info.is_lig() {
        true => random.below(2),
        false => info.l().into(),
    } as u8;
    // Outside 64-bit mode some forms decode with either W.
    let any_w = info.is_wig() || bits != 64 && random.one_in(8);
    let w = if any_w { random.below(2) as u8 } else { info.w() as u8 };
    let pp = match info.mandatory_prefix() {
        MandatoryPrefix::P66 => 1,
        MandatoryPrefix::PF3 => 2,
        MandatoryPrefix::PF2 => 3,
        _ => 0,
    };
    let last = vvvv << 3 | long << 2 | pp;
    if map == 1 && w == 0 && random.one_in(2) {
        let r = if bits == 64 { (random.next() as u8) & 0x80 } else { 0x80 };
        let last = if bits == 64 { last } else { last | 0x40 };
        bytes.extend([0xc5, r | last]);
        return;
    }
    let rxb =
        if bits == 64 { random.next() as u8 & 0xe0 } else { 0xc0 | random.next() as u8 & 0x20 };
    bytes.extend([0xc4, rxb | map, w << 7 | last]);
}

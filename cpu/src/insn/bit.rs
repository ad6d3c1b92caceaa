//! BT BTS BTR BTC BSF BSR POPCNT LZCNT TZCNT, BMI1, BMI2, ADCX ADOX CRC32: SDM Vol. 2, the
//! instructions' own pages. Where the manual leaves flags undefined, this is what Zen does.

use super::alu::modify;
use crate::cpu::{Cpu, Done, Fault, reg};
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use arch::rflags;

/// What becomes of the tested bit.
pub(crate) trait BitOp: Copy + 'static {
    /// False for BT.
    const WRITES: bool = true;
    /// The operand with its bit changed.
    fn eval(value: u64, bit: u64) -> u64;
}

macro_rules! bit_ops {
    ($($(#[$doc:meta])* $name:ident writes $writes:literal = |$value:ident, $bit:ident| $result:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl BitOp for $name {
            const WRITES: bool = $writes;
            #[inline(always)]
            fn eval($value: u64, $bit: u64) -> u64 {
                $result
            }
        }
    )*};
}
bit_ops! {
    /// BT.
    Bt writes false = |value, _bit| value;
    /// BTS.
    Bts writes true = |value, bit| value | bit;
    /// BTR.
    Btr writes true = |value, bit| value & !bit;
    /// BTC.
    Btc writes true = |value, bit| value ^ bit;
}

/// With the bit's number in a register. In memory it is signed, and reaches beyond the operand: the
/// word that holds the bit is accessed, its address cut to the address size.
#[inline(always)]
pub(crate) fn bt<B: BitOp, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let number = cpu.reg::<W>(op.src).to_u64();
    if !Cpu::is_memory(op.dst) {
        return bt_register::<B, W>(cpu, op, number);
    }
    let words = W::sign_extend(number) as i64 >> W::BITS.trailing_zeros();
    let delta = words.wrapping_mul(i64::from(W::BYTES)) as u64;
    let ea = cpu.effective_address(op).wrapping_add(delta) & op.address_mask();
    let linear = cpu.linear(op, ea, W::BYTES, B::WRITES)?;
    bt_memory::<B, W>(cpu, linear, number)
}

/// With an immediate number, modulo the operand's width.
#[inline(always)]
pub(crate) fn bt_imm<B: BitOp, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    if !Cpu::is_memory(op.dst) {
        return bt_register::<B, W>(cpu, op, op.imm);
    }
    let linear = cpu.linear(op, cpu.effective_address(op), W::BYTES, B::WRITES)?;
    bt_memory::<B, W>(cpu, linear, op.imm)
}

#[inline(always)]
fn bt_register<B: BitOp, W: Width>(cpu: &mut Cpu, op: &Op, number: u64) -> Done {
    let value = cpu.reg::<W>(op.dst).to_u64();
    let bit = 1 << (number % u64::from(W::BITS));
    if B::WRITES {
        cpu.set_reg(op.dst, W::from_u64(B::eval(value, bit)));
    }
    cpu.status = cpu.status.with_cf(value & bit != 0);
    Ok(())
}

#[inline(always)]
fn bt_memory<B: BitOp, W: Width>(cpu: &mut Cpu, linear: u64, number: u64) -> Done {
    let bit = 1 << (number % u64::from(W::BITS));
    let value: W = if B::WRITES { cpu.load_for_write(linear)? } else { cpu.load(linear)? };
    let value = value.to_u64();
    if B::WRITES {
        cpu.store(linear, W::from_u64(B::eval(value, bit)))?;
    }
    cpu.status = cpu.status.with_cf(value & bit != 0);
    Ok(())
}

/// BSF: a zero source leaves the whole destination register.
#[inline(always)]
pub(crate) fn bsf<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    scan::<W>(cpu, op, u64::trailing_zeros)
}

/// BSR: a zero source leaves the whole destination register.
#[inline(always)]
pub(crate) fn bsr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    scan::<W>(cpu, op, u64::ilog2)
}

#[inline(always)]
fn scan<W: Width>(cpu: &mut Cpu, op: &Op, find: fn(u64) -> u32) -> Done {
    let src: W = cpu.read_operand(op, op.src)?;
    let src = src.to_u64();
    if src != 0 {
        cpu.set_reg(op.dst, W::from_u64(find(src).into()));
    }
    // All but ZF is undefined: Zen takes PF from the number and clears the rest.
    let number = src.checked_ilog2().map_or(0, |_| find(src));
    cpu.status = Status::logic::<u8>(number.into()).with_zf(src == 0);
    Ok(())
}

/// POPCNT.
#[inline(always)]
pub(crate) fn popcnt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.src)?;
    let count = src.to_u64().count_ones();
    cpu.set_reg(op.dst, W::from_u64(count.into()));
    cpu.status = Status::from_rflags(u64::from(count == 0) * rflags::ZF);
    Ok(())
}

/// LZCNT.
#[inline(always)]
pub(crate) fn lzcnt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    count_zeros::<W>(cpu, op, |src| src.leading_zeros() - (64 - W::BITS))
}

/// TZCNT.
#[inline(always)]
pub(crate) fn tzcnt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    count_zeros::<W>(cpu, op, |src| src.trailing_zeros().min(W::BITS))
}

/// CF tells of a zero source, ZF of a zero count.
#[inline(always)]
fn count_zeros<W: Width>(cpu: &mut Cpu, op: &Op, count: impl FnOnce(u64) -> u32) -> Done {
    let src: W = cpu.read_operand(op, op.src)?;
    let count = count(src.to_u64());
    cpu.set_reg(op.dst, W::from_u64(count.into()));
    // The others are undefined: Zen keeps OF and clears SF, AF and PF.
    let of = cpu.status.to_rflags() & rflags::OF;
    let cf = if count == W::BITS { rflags::CF } else { 0 };
    let zf = if count == 0 { rflags::ZF } else { 0 };
    cpu.status = Status::from_rflags(of | cf | zf);
    Ok(())
}

/// The third operand: a register, or memory.
#[inline(always)]
fn third<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<u64, Fault> {
    cpu.read_operand::<W>(op, op.third()).map(W::to_u64)
}

/// The second operand.
#[inline(always)]
fn second<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<u64, Fault> {
    cpu.read_operand::<W>(op, op.src).map(W::to_u64)
}

/// ANDN.
#[inline(always)]
pub(crate) fn andn<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = third::<W>(cpu, op)?;
    let result = !second::<W>(cpu, op)? & src;
    cpu.set_reg(op.dst, W::from_u64(result));
    cpu.status = Status::logic::<W>(result);
    Ok(())
}

/// BLSR: resets the lowest set bit.
#[inline(always)]
pub(crate) fn blsr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    lowest_bit::<W>(cpu, op, |src| src & src.wrapping_sub(1), |src| src == 0)
}

/// BLSMSK: mask up to the lowest set bit.
#[inline(always)]
pub(crate) fn blsmsk<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    lowest_bit::<W>(cpu, op, |src| src ^ src.wrapping_sub(1), |src| src == 0)
}

/// BLSI: the lowest set bit alone.
#[inline(always)]
pub(crate) fn blsi<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    lowest_bit::<W>(cpu, op, |src| src & src.wrapping_neg(), |src| src != 0)
}

#[inline(always)]
fn lowest_bit<W: Width>(
    cpu: &mut Cpu,
    op: &Op,
    eval: fn(u64) -> u64,
    carry: fn(u64) -> bool,
) -> Done {
    let src = second::<W>(cpu, op)?;
    let result = eval(src) & W::MASK;
    cpu.set_reg(op.dst, W::from_u64(result));
    cpu.status = Status::with::<W>(result, carry(src), false, false);
    Ok(())
}

/// BEXTR: start in bits 0-7 of the third operand, length in bits 8-15. AF, undefined, is set by AMD.
#[inline(always)]
pub(crate) fn bextr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = second::<W>(cpu, op)?;
    let control = third::<W>(cpu, op)?;
    let (start, length) = (control as u8, (control >> 8) as u8);
    let result = src.checked_shr(start.into()).unwrap_or(0) & low_bits(length);
    cpu.set_reg(op.dst, W::from_u64(result));
    let status = Status::with::<W>(result, false, false, true);
    // SF is clear, also where the sign bit is taken over.
    let negative = result >> (W::BITS - 1) & 1 != 0;
    let without_sf = |status: Status| Status::from_rflags(status.to_rflags() & !rflags::SF);
    cpu.status = if negative { without_sf(status) } else { status };
    Ok(())
}

/// BZHI: CF tells of an index beyond the operand.
#[inline(always)]
pub(crate) fn bzhi<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = second::<W>(cpu, op)?;
    let index = third::<W>(cpu, op)? as u8;
    let result = src & low_bits(index);
    cpu.set_reg(op.dst, W::from_u64(result));
    cpu.status = Status::with::<W>(result, u32::from(index) >= W::BITS, false, false);
    Ok(())
}

/// Mask of the lowest `n` bits, all of them from 64 on.
fn low_bits(n: u8) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

/// PDEP: the low bits of the second operand go where the mask has ones.
#[inline(always)]
pub(crate) fn pdep<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let mut mask = third::<W>(cpu, op)?;
    let mut src = second::<W>(cpu, op)?;
    let mut result = 0;
    while mask != 0 {
        let bit = mask & mask.wrapping_neg();
        result |= if src & 1 != 0 { bit } else { 0 };
        src >>= 1;
        mask ^= bit;
    }
    cpu.set_reg(op.dst, W::from_u64(result));
    Ok(())
}

/// PEXT: the bits of the second operand where the mask has ones, packed.
#[inline(always)]
pub(crate) fn pext<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let mut mask = third::<W>(cpu, op)?;
    let src = second::<W>(cpu, op)?;
    let (mut result, mut place) = (0, 0);
    while mask != 0 {
        let bit = mask & mask.wrapping_neg();
        result |= u64::from(src & bit != 0) << place;
        place += 1;
        mask ^= bit;
    }
    cpu.set_reg(op.dst, W::from_u64(result));
    Ok(())
}

/// RORX: no flags.
#[inline(always)]
pub(crate) fn rorx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = second::<W>(cpu, op)?;
    let count = op.imm as u32 % W::BITS;
    let result = (u128::from(src) << W::BITS | u128::from(src)) >> count;
    cpu.set_reg(op.dst, W::from_u64(result as u64));
    Ok(())
}

/// SARX: no flags.
#[inline(always)]
pub(crate) fn sarx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    shift_without_flags::<W>(cpu, op, |src, count| (W::sign_extend(src) as i64 >> count) as u64)
}

/// SHLX: no flags.
#[inline(always)]
pub(crate) fn shlx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    shift_without_flags::<W>(cpu, op, |src, count| src << count)
}

/// SHRX: no flags.
#[inline(always)]
pub(crate) fn shrx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    shift_without_flags::<W>(cpu, op, |src, count| src >> count)
}

#[inline(always)]
fn shift_without_flags<W: Width>(cpu: &mut Cpu, op: &Op, eval: fn(u64, u32) -> u64) -> Done {
    let src = second::<W>(cpu, op)?;
    let count = third::<W>(cpu, op)? as u32 % W::BITS;
    cpu.set_reg(op.dst, W::from_u64(eval(src, count)));
    Ok(())
}

/// MULX: RDX times the third operand, high half to the first, low half to the second; no flags.
#[inline(always)]
pub(crate) fn mulx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = third::<W>(cpu, op)?;
    let product = u128::from(cpu.reg::<W>(reg::RDX).to_u64()) * u128::from(src);
    cpu.set_reg(op.src, W::from_u64(product as u64));
    // Of one register for both halves the high one stays.
    cpu.set_reg(op.dst, W::from_u64((product >> W::BITS) as u64));
    Ok(())
}

/// ADCX: addition with carry in CF; the other flags stay.
#[inline(always)]
pub(crate) fn adcx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = second::<W>(cpu, op)?;
    modify::<W>(cpu, op, |before, dst| {
        let sum = u128::from(dst) + u128::from(src) + u128::from(before.cf());
        (sum as u64, before.with_cf(sum >> W::BITS != 0))
    })
}

/// ADOX: addition with carry in OF; the other flags stay.
#[inline(always)]
pub(crate) fn adox<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = second::<W>(cpu, op)?;
    modify::<W>(cpu, op, |before, dst| {
        let sum = u128::from(dst) + u128::from(src) + u128::from(before.of());
        let of = if sum >> W::BITS != 0 { rflags::OF } else { 0 };
        (sum as u64, Status::from_rflags(before.to_rflags() & !rflags::OF | of))
    })
}

/// The polynomial 11EDC6F41h of CRC32 (iSCSI), bits reversed.
const CASTAGNOLI: u32 = 0x82f6_3b78;

/// CRC32: folds a source of width `W` into the low 32 bits of the destination; the upper 32 become 0.
#[inline(always)]
pub(crate) fn crc32<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src = second::<W>(cpu, op)?;
    let mut crc: u32 = cpu.reg(op.dst);
    for byte in &src.to_le_bytes()[..usize::from(W::BYTES)] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 != 0 { CASTAGNOLI } else { 0 };
        }
    }
    cpu.set_reg(op.dst, crc);
    Ok(())
}

//! XCHG, XADD, CMPXCHG and BT, BTS, BTR, BTC with a memory operand, LOCK or not: one tag compare, then
//! the operand is read and written through one host address.
//!
//! SDM Vol. 2, the instructions' own pages. Atomic without effort: one vCPU runs at a time. Operands of 32
//! and 64 bits; the others, and CMPXCHG8B and 16B, take their complete forms.

use super::forward::{Base, Choice, Index, Last};
use super::select::{AddressForm, Shape, by_form};
use super::{Address, Based, Indexed, Simple, complete, read_host, set_slot, slot, write_host};
use crate::cpu::{Cpu, reg};
use crate::decode::op::Op;
use crate::engine::{Handler, next};
use crate::flags::Width;
use crate::insn::alu::{Add, Alu, Cmp};
use crate::insn::bit::{BitOp, Bt, Btc, Btr, Bts};
use iced_x86::Mnemonic;

/// `XCHG m, r`.
unsafe fn xchg<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`. A write tag implies that the page can be read.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let old = read_host::<W>(host);
        write_host::<W>(host, slot(cpu, (*op).src));
        set_slot::<W>(cpu, (*op).src, old);
        next(cpu, op, 0)
    }
}

/// `XADD m, r`.
unsafe fn xadd<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `xchg`.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let old = read_host::<W>(host);
        let (sum, status) = Add::eval::<W>(old, slot(cpu, (*op).src) & W::MASK, false);
        write_host::<W>(host, sum);
        (*cpu).status = status;
        set_slot::<W>(cpu, (*op).src, old);
        next(cpu, op, 0)
    }
}

/// `CMPXCHG m, r`. The accumulator is written only if it differs, memory always.
unsafe fn cmpxchg<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `xchg`.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let old = read_host::<W>(host);
        let accumulator = slot(cpu, reg::RAX);
        (*cpu).status = Cmp::eval::<W>(accumulator & W::MASK, old, false).1;
        if accumulator & W::MASK == old {
            write_host::<W>(host, slot(cpu, (*op).src));
        } else {
            set_slot::<W>(cpu, reg::RAX, old);
        }
        next(cpu, op, 0)
    }
}

/// BT and its kin with the bit's number in a register, signed and reaching beyond the operand.
unsafe fn bit<B: BitOp, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let number = slot(cpu, (*op).src);
        let words = W::sign_extend(number) as i64 >> W::BITS.trailing_zeros();
        let delta = words.wrapping_mul(i64::from(W::BYTES)) as u64;
        let linear = A::linear(cpu, op, last).wrapping_add(delta);
        change_bit::<B, W>(cpu, op, last, linear, number)
    }
}

/// BT and its kin with an immediate number, modulo the operand's width.
unsafe fn bit_imm<B: BitOp, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { change_bit::<B, W>(cpu, op, last, A::linear(cpu, op, last), (*op).imm) }
}

/// # Safety
/// As for [`Handler`].
#[inline(always)]
unsafe fn change_bit<B: BitOp, W: Width>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
    linear: u64,
    number: u64,
) -> *const Op {
    // SAFETY: as for `xchg`; BT asks for a read tag and writes nothing.
    unsafe {
        let bit = 1 << (number % u64::from(W::BITS));
        let tlb = &(*cpu).tlb;
        let host = if B::WRITES {
            tlb.write_host(linear, W::BYTES)
        } else {
            tlb.read_host(linear, W::BYTES).map(<*const u8>::cast_mut)
        };
        let Some(host) = host else { return complete(cpu, op, last) };
        let value = read_host::<W>(host);
        if B::WRITES {
            write_host::<W>(host, B::eval(value, bit));
        }
        (*cpu).status = (*cpu).status.with_cf(value & bit != 0);
        next(cpu, op, 0)
    }
}

/// The form of an instruction of this family with a memory operand.
pub(super) fn pick(mnemonic: Mnemonic, shape: Shape, width: u32) -> Option<Choice> {
    match width {
        32 => of_width::<u32>(mnemonic, shape),
        64 => of_width::<u64>(mnemonic, shape),
        _ => None,
    }
}

fn of_width<W: Width>(mnemonic: Mnemonic, shape: Shape) -> Option<Choice> {
    let Shape::MemReg(form) = shape else {
        let Shape::MemImm(form) = shape else { return None };
        return match mnemonic {
            Mnemonic::Bt => Some(Choice::memory(by_form!(form, bit_imm::<Bt, W>))),
            Mnemonic::Bts => Some(Choice::memory(by_form!(form, bit_imm::<Bts, W>))),
            Mnemonic::Btr => Some(Choice::memory(by_form!(form, bit_imm::<Btr, W>))),
            Mnemonic::Btc => Some(Choice::memory(by_form!(form, bit_imm::<Btc, W>))),
            _ => None,
        };
    };
    Some(match mnemonic {
        Mnemonic::Xchg => Choice::memory(by_form!(form, xchg::<W>)),
        Mnemonic::Xadd => Choice::memory(by_form!(form, xadd::<W>)),
        Mnemonic::Cmpxchg => Choice::memory(by_form!(form, cmpxchg::<W>)),
        Mnemonic::Bt => Choice::memory(by_form!(form, bit::<Bt, W>)),
        Mnemonic::Bts => Choice::memory(by_form!(form, bit::<Bts, W>)),
        Mnemonic::Btr => Choice::memory(by_form!(form, bit::<Btr, W>)),
        Mnemonic::Btc => Choice::memory(by_form!(form, bit::<Btc, W>)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use arch::control::cr0;
    use arch::rflags;

    const DATA: u64 = 0x3_0000;

    /// A machine at CPL 3; with alignment checking there are no fast tags, so that every instruction
    /// takes its complete form.
    fn machine(checked: bool, gpr: &[u64; 16], data: &[u8]) -> Machine {
        let mut machine = Machine::new(64);
        machine.set_segments(64, 3);
        machine.regs.gpr = *gpr;
        if checked {
            machine.regs.cr0 |= cr0::AM;
            machine.regs.rflags |= rflags::AC;
        }
        machine.write(DATA - data.len() as u64 / 2, data);
        machine
    }

    /// What the program sees at the end.
    fn end(machine: &Machine, len: usize) -> ([u64; 16], u64, Vec<u8>) {
        assert_eq!(machine.fault(), None);
        let flags = machine.regs.rflags & rflags::STATUS;
        (machine.regs.gpr, flags, machine.read(DATA - len as u64 / 2, len))
    }

    /// Knuth's MMIX generator, its upper half.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x5851);
        state.rotate_left(32)
    }

    /// Every instruction of the file with operand [rbx + rsi*8 + 8] or [rbx + 8], LOCK where it may
    /// stand.
    fn instructions() -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        for rex in [&[][..], &[0x48]] {
            for address in [&[0x4b, 0x08][..], &[0x4c, 0xf3, 0x08]] {
                for (lock, opcode) in [
                    (&[][..], &[0x87][..]),
                    (&[0xf0], &[0x0f, 0xc1]),
                    (&[0xf0], &[0x0f, 0xb1]),
                    (&[], &[0x0f, 0xa3]),
                    (&[0xf0], &[0x0f, 0xab]),
                    (&[], &[0x0f, 0xb3]),
                    (&[0xf0], &[0x0f, 0xbb]),
                ] {
                    list.push([lock, rex, opcode, address].concat());
                }
                for digit in 4..8u8 {
                    let modrm = [address[0] & 0xc7 | digit << 3];
                    list.push([rex, &[0x0f, 0xba], &modrm, &address[1..], &[0x95]].concat());
                }
            }
        }
        list
    }

    #[test]
    fn hot_forms_do_what_the_complete_ones_do() {
        let mut state = 1;
        for instruction in instructions() {
            for round in 0..20 {
                let mut data = [0; 1024];
                data.fill_with(|| next(&mut state) as u8);
                let mut gpr = [0; 16];
                gpr.fill_with(|| next(&mut state));
                (gpr[3], gpr[4]) = (DATA, STACK);
                gpr[6] = next(&mut state) % 8;
                // A bit's number within the data, as signed as it comes.
                gpr[1] = ((next(&mut state) % 2048) as i64 - 1024) as u64;
                if round % 2 == 0 {
                    let at = (512 + 8 + if instruction.contains(&0xf3) { gpr[6] * 8 } else { 0 })
                        as usize;
                    data[at..at + 8].copy_from_slice(&gpr[0].to_le_bytes());
                }
                // A store first, so that there is a tag: mov [rbx], edx. Then twice, dependent.
                let code = [&[0x89, 0x13], &instruction[..], &instruction[..]].concat();
                let ends = [false, true].map(|checked| {
                    let mut machine = machine(checked, &gpr, &data);
                    machine.run(&code, 3);
                    end(&machine, data.len())
                });
                assert_eq!(ends[0], ends[1], "{instruction:02x?} with {gpr:x?}");
            }
        }
    }

    #[test]
    fn a_read_only_page_faults_before_anything_changes() {
        for instruction in instructions() {
            let mut gpr = [0; 16];
            (gpr[0], gpr[1], gpr[3]) = (5, 6, DATA);
            let mut machine = machine(false, &gpr, &[7; 64]);
            machine.map(DATA, arch::paging::pte::P | arch::paging::pte::US);
            // mov edx, [rbx + 8]: a read tag.
            machine.run(&[&[0x8b, 0x53, 0x08], &instruction[..]].concat(), 2);
            let reads = instruction.windows(2).any(|pair| pair == [0x0f, 0xa3]);
            let reads = reads
                || instruction.windows(2).any(|pair| pair == [0x0f, 0xba])
                    && (instruction.contains(&0x63) || instruction.contains(&0x64));
            assert_eq!(machine.fault().is_none(), reads, "{instruction:02x?}");
            assert_eq!(machine.read(DATA, 32), [7; 32]);
            assert_eq!((machine.regs.gpr[0], machine.regs.gpr[1]), (5, 6));
        }
    }
}

//! A comparison fused with the conditional branch behind it: one dispatch for two instructions.
//!
//! The block keeps both ops in their places; only the comparison's handler changes, and takes the
//! branch's op along. Counting, faults and links are those of the two ops.

use super::{get, set_slot};
use crate::cpu::Cpu;
use crate::decode::op::{HIGH_BYTE, MEMORY, Op};
use crate::engine::branch::{Form, take};
use crate::engine::{Handler, next};
use crate::flags::{self, Condition, Width};
use crate::insn::alu::{Add, Alu, And, Cmp, Sub, Test};
use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind};

/// `op r, r` (or `op r, imm`) and a branch on condition `C`.
unsafe fn compare_branch<F: Form, O: Alu, W: Width, C: Condition, const IMM: bool>(
    cpu: *mut Cpu,
    op: *const Op,
) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the branch.
    unsafe {
        let src = if IMM { (*op).imm & W::MASK } else { get::<W>(cpu, (*op).src) };
        let (result, status) = O::eval::<W>(get::<W>(cpu, (*op).dst), src, false);
        (*cpu).status = status;
        if O::WRITES {
            set_slot::<W>(cpu, (*op).dst, result);
        }
        let branch = op.add(1);
        if C::holds(status) {
            take::<F>(cpu, branch, i64::from((*branch).place) + 1, u64::MAX)
        } else {
            next(cpu, branch)
        }
    }
}

/// The fused handler of a 64-bit mode instruction with register operands and the branch behind it.
pub(crate) fn fuse<F: Form>(first: &Instruction, op: &Op, branch: &Instruction) -> Option<Handler> {
    if !branch.is_jcc_short_or_near()
        || first.op_count() != 2
        || op.dst == MEMORY
        || op.src == MEMORY
        || (op.dst | op.src) & HIGH_BYTE != 0
    {
        return None;
    }
    let immediate = first.op1_kind() != OpKind::Register;
    let size = first.op0_register().size();
    let condition = branch.condition_code();
    match first.mnemonic() {
        Mnemonic::Cmp => by_width::<F, Cmp>(size, immediate, condition, true),
        Mnemonic::Test => by_width::<F, Test>(size, immediate, condition, true),
        Mnemonic::Sub => by_width::<F, Sub>(size, immediate, condition, false),
        Mnemonic::Add => by_width::<F, Add>(size, immediate, condition, false),
        Mnemonic::And => by_width::<F, And>(size, immediate, condition, false),
        _ => None,
    }
}

fn by_width<F: Form, O: Alu>(
    size: usize,
    immediate: bool,
    condition: ConditionCode,
    bytes_too: bool,
) -> Option<Handler> {
    match (size, immediate) {
        (1, false) if bytes_too => by_condition::<F, O, u8, false>(condition),
        (1, true) if bytes_too => by_condition::<F, O, u8, true>(condition),
        (4, false) => by_condition::<F, O, u32, false>(condition),
        (4, true) => by_condition::<F, O, u32, true>(condition),
        (8, false) => by_condition::<F, O, u64, false>(condition),
        (8, true) => by_condition::<F, O, u64, true>(condition),
        _ => None,
    }
}

fn by_condition<F: Form, O: Alu, W: Width, const IMM: bool>(
    condition: ConditionCode,
) -> Option<Handler> {
    Some(match condition {
        ConditionCode::o => compare_branch::<F, O, W, flags::O, IMM>,
        ConditionCode::no => compare_branch::<F, O, W, flags::No, IMM>,
        ConditionCode::b => compare_branch::<F, O, W, flags::B, IMM>,
        ConditionCode::ae => compare_branch::<F, O, W, flags::Ae, IMM>,
        ConditionCode::e => compare_branch::<F, O, W, flags::E, IMM>,
        ConditionCode::ne => compare_branch::<F, O, W, flags::Ne, IMM>,
        ConditionCode::be => compare_branch::<F, O, W, flags::Be, IMM>,
        ConditionCode::a => compare_branch::<F, O, W, flags::A, IMM>,
        ConditionCode::s => compare_branch::<F, O, W, flags::S, IMM>,
        ConditionCode::ns => compare_branch::<F, O, W, flags::Ns, IMM>,
        ConditionCode::p => compare_branch::<F, O, W, flags::P, IMM>,
        ConditionCode::np => compare_branch::<F, O, W, flags::Np, IMM>,
        ConditionCode::l => compare_branch::<F, O, W, flags::L, IMM>,
        ConditionCode::ge => compare_branch::<F, O, W, flags::Ge, IMM>,
        ConditionCode::le => compare_branch::<F, O, W, flags::Le, IMM>,
        ConditionCode::g => compare_branch::<F, O, W, flags::G, IMM>,
        ConditionCode::None => return None,
    })
}

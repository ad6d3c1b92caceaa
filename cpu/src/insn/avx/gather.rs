//! VPGATHERxx VGATHERxPx: elements from addresses of their own, an index each. SDM Vol. 2, "VPGATHERDD/VPGATHERQD".
//!
//! The mask says which elements are still to be loaded, and each is cleared with its element. So a fault, or an
//! interrupt's handler that returns, goes on where the instruction stopped: the elements before the faulting one are
//! in the destination.

use super::mask::{element, load_element, selects, set_element};
use super::{Lanes, Length};
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;

/// Elements of `D` by indices of `I`; `L` is the length that the indices or the elements fill, whichever are wider.
pub(crate) fn gather<I: Width, D: Width, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let count = L::BYTES as usize / usize::from(I::BYTES.max(D::BYTES));
    let indices = cpu.ymm(op.index);
    let mut gathering = Gathering { value: cpu.ymm(op.dst), mask: cpu.ymm(op.third()) };
    for i in 0..count {
        if selects::<D>(&gathering.mask, i) {
            match load::<I, D>(cpu, op, &indices, i) {
                Ok(loaded) => set_element::<D>(&mut gathering.value, i, loaded),
                Err(fault) => {
                    gathering.keep(cpu, op);
                    return Err(fault);
                }
            }
        }
        set_element::<D>(&mut gathering.mask, i, D::from_u64(0));
    }
    // Nothing is above the elements, and nothing of the mask is left.
    let bits = count as u32 * D::BITS;
    let [low, high] = gathering.value;
    let low = if bits == 64 { low & u128::from(u64::MAX) } else { low };
    cpu.set_ymm(op.dst, [low, if bits == 256 { high } else { 0 }]);
    cpu.set_ymm(op.third(), [0; 2]);
    Ok(())
}

/// The registers on the way.
struct Gathering {
    value: Lanes,
    mask: Lanes,
}

impl Gathering {
    /// What a fault leaves.
    fn keep(&self, cpu: &mut Cpu, op: &Op) {
        cpu.set_ymm(op.dst, self.value);
        cpu.set_ymm(op.third(), self.mask);
    }
}

/// Loads element `i`.
fn load<I: Width, D: Width>(cpu: &mut Cpu, op: &Op, indices: &Lanes, i: usize) -> Result<D, Fault> {
    let index = I::sign_extend(element::<I>(indices, i).to_u64());
    let base = cpu.regs[(op.base & 31) as usize].wrapping_add(op.disp as i64 as u64);
    let offset = base.wrapping_add(index << (op.scale & 3));
    let linear = cpu.linear(op, offset & op.address_mask(), D::BYTES, false)?;
    load_element(cpu, linear)
}

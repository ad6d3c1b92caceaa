//! The areas of FXSAVE, XSAVE and their kin: operands of hundreds of bytes, whose offsets wrap around at the address size.

use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;

/// Where an area is.
pub(crate) struct Area {
    /// Linear address of its first byte.
    linear: u64,
    /// Bytes in front of the wrap: all of them where there is none.
    front: usize,
    /// Linear address of the byte behind the wrap: that of offset 0.
    behind: u64,
}

impl Area {
    /// The area of `bytes` at the op's memory operand, within the segment's limits.
    pub(crate) fn new(cpu: &Cpu, op: &Op, bytes: usize, write: bool) -> Result<Self, Fault> {
        let offset = cpu.effective_address(op);
        let behind_first = op.address_mask() - offset;
        if behind_first >= bytes as u64 - 1 {
            let linear = cpu.linear_in(op.segment(), offset, bytes as u64, write)?;
            return Ok(Self { linear, front: bytes, behind: 0 });
        }
        let front = behind_first + 1;
        let linear = cpu.linear_in(op.segment(), offset, front, write)?;
        let behind = cpu.linear_in(op.segment(), 0, bytes as u64 - front, write)?;
        Ok(Self { linear, front: front as usize, behind })
    }

    /// The one or two parts of `len` bytes at `at`: linear address and length.
    fn parts(&self, cpu: &Cpu, at: usize, len: usize) -> [(u64, usize); 2] {
        let front = self.front.saturating_sub(at).min(len);
        let behind = (at + front).saturating_sub(self.front) as u64;
        let first = (cpu.linear_behind(self.linear, at as u64), front);
        [first, (cpu.linear_behind(self.behind, behind), len - front)]
    }

    /// Faults as an access to `len` bytes at `at` would.
    pub(crate) fn probe(&self, cpu: &mut Cpu, at: usize, len: usize, intent: Intent) -> Done {
        for (linear, len) in self.parts(cpu, at, len) {
            if len != 0 {
                cpu.probe(linear, len as u64, intent, Privilege::Current)?;
            }
        }
        Ok(())
    }

    /// Reads the bytes at `at`.
    pub(crate) fn read(&self, cpu: &mut Cpu, at: usize, bytes: &mut [u8]) -> Done {
        let mut rest = bytes;
        for (linear, len) in self.parts(cpu, at, rest.len()) {
            let (part, behind) = rest.split_at_mut(len);
            if len != 0 {
                cpu.read_linear(linear, part, Privilege::Current)?;
            }
            rest = behind;
        }
        Ok(())
    }

    /// Writes bytes at `at`.
    pub(crate) fn write(&self, cpu: &mut Cpu, at: usize, bytes: &[u8]) -> Done {
        let mut rest = bytes;
        for (linear, len) in self.parts(cpu, at, rest.len()) {
            let (part, behind) = rest.split_at(len);
            if len != 0 {
                cpu.write_linear(linear, part, Privilege::Current)?;
            }
            rest = behind;
        }
        Ok(())
    }
}

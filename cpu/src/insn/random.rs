//! RDRAND RDSEED: SDM Vol. 2B; AMD APM Vol. 3.
//!
//! Both draw from one generator (SplitMix64), seeded by the configuration and part of the machine's state:
//! a run is repeatable, and a number is always there (CF = 1). Nothing here is secret or truly random.

use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use arch::rflags;

impl Cpu {
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// RDRAND and RDSEED: CF = 1 says that the number is valid, the other flags are cleared.
pub(crate) fn rdrand<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value = W::from_u64(cpu.draw());
    cpu.set_reg(op.dst, value);
    cpu.status = Status::from_rflags(rflags::CF);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::features::MAX;
    use crate::testing::Machine;
    use arch::rflags;

    #[test]
    fn a_number_of_the_operand_size_comes_with_carry_and_differs_from_the_last() {
        let mut machine = Machine::with_model(64, MAX);
        machine.regs.gpr = [u64::MAX; 16];
        machine.regs.rflags |= rflags::STATUS;
        // rdrand rax; rdseed ecx; rdrand dx
        let code = [0x48, 0x0f, 0xc7, 0xf0, 0x0f, 0xc7, 0xf9, 0x66, 0x0f, 0xc7, 0xf2];

        machine.run(&code, 3);

        assert_eq!(machine.fault(), None);
        let [rax, rcx, rdx] = [0, 1, 2].map(|n| machine.regs.gpr[n]);
        // SplitMix64 from seed 0: its published first outputs.
        assert_eq!(rax, 0xe220_a839_7b1d_cdaf);
        assert_eq!(rcx, 0x6e78_9e6a_a1b9_65f4 & 0xffff_ffff);
        assert_eq!(rdx, !0xffff | 0x06c4_5d18_8009_454f & 0xffff);
        assert_eq!(machine.regs.rflags & rflags::STATUS, rflags::CF);
    }
}

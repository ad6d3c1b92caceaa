//! RDFSBASE RDGSBASE WRFSBASE WRGSBASE: SDM Vol. 2B; AMD APM Vol. 3.

use crate::cpu::{Cpu, Done, gp, ud};
use crate::decode::op::Op;
use crate::flags::Width;
use arch::control::cr4;
use arch::segment::SegReg;

/// FS, as a parameter.
pub(crate) const FS: usize = SegReg::Fs as usize;
/// GS, as a parameter.
pub(crate) const GS: usize = SegReg::Gs as usize;

/// #UD outside 64-bit mode and without CR4.FSGSBASE.
fn require_enabled(cpu: &Cpu) -> Done {
    if cpu.mode64() && cpu.cr4 & cr4::FSGSBASE != 0 { Ok(()) } else { Err(ud()) }
}

/// RDFSBASE and RDGSBASE.
pub(crate) fn rd_base<W: Width, const REGISTER: usize>(cpu: &mut Cpu, op: &Op) -> Done {
    require_enabled(cpu)?;
    cpu.set_reg(op.dst, W::from_u64(cpu.seg_base[REGISTER]));
    Ok(())
}

/// WRFSBASE and WRGSBASE: #GP for a base that is not canonical.
pub(crate) fn wr_base<W: Width, const REGISTER: usize>(cpu: &mut Cpu, op: &Op) -> Done {
    require_enabled(cpu)?;
    let base = cpu.reg::<W>(op.dst).to_u64();
    if !cpu.is_canonical_base(base) {
        return Err(gp(0));
    }
    cpu.set_segment_base(if REGISTER == FS { SegReg::Fs } else { SegReg::Gs }, base);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::features::MAX;
    use crate::testing::Machine;
    use arch::control::cr4;
    use arch::exception::Vector;

    const WRGSBASE_RAX: [u8; 5] = [0xf3, 0x48, 0x0f, 0xae, 0xd8];

    fn machine() -> Machine {
        let mut machine = Machine::with_model(64, MAX);
        machine.regs.cr4 |= cr4::FSGSBASE;
        machine
    }

    #[test]
    fn a_base_is_written_whole_or_by_its_low_half_and_read_back() {
        let mut machine = machine();
        machine.regs.gpr[0] = 0xffff_8000_1234_5678;
        // wrgsbase rax; wrfsbase eax; rdgsbase rcx; rdfsbase rdx; rdgsbase ebx
        let code = [
            &WRGSBASE_RAX[..],
            &[0xf3, 0x0f, 0xae, 0xd0],
            &[0xf3, 0x48, 0x0f, 0xae, 0xc9],
            &[0xf3, 0x48, 0x0f, 0xae, 0xc2],
            &[0xf3, 0x0f, 0xae, 0xcb],
        ]
        .concat();

        machine.run(&code, 5);

        assert_eq!(machine.fault(), None);
        let gpr = machine.regs.gpr;
        assert_eq!((gpr[1], gpr[2], gpr[3]), (gpr[0], 0x1234_5678, 0x1234_5678));
    }

    #[test]
    fn without_the_control_bit_it_is_undefined_and_a_bad_base_is_a_protection_fault() {
        let mut off = Machine::with_model(64, MAX);
        assert_eq!(off.run_to_fault(&WRGSBASE_RAX), Some(Vector::UD));
        let mut bad = machine();
        bad.regs.gpr[0] = 1 << 63;
        assert_eq!(bad.run_to_fault(&WRGSBASE_RAX), Some(Vector::GP));
        let mut legacy = Machine::with_model(32, MAX);
        legacy.regs.cr4 |= cr4::FSGSBASE;
        assert_eq!(legacy.run_to_fault(&[0xf3, 0x0f, 0xae, 0xd8]), Some(Vector::UD));
    }
}

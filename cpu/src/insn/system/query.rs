//! What programs may learn of descriptors and selectors: LAR LSL VERR VERW ARPL. SDM Vol. 2; Vol. 3A, "Pointer
//! Validation".

use super::require_protected;
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;
use arch::segment::{Descriptor, Selector, system_type};

/// The descriptor that LAR, LSL, VERR or VERW look at; `None` where they just clear ZF.
fn visible_descriptor(
    cpu: &mut Cpu,
    op: &Op,
    n: u8,
) -> Result<Option<(Selector, Descriptor)>, Fault> {
    require_protected(cpu)?;
    let selector = Selector(cpu.read_operand::<u16>(op, n)?);
    let Some(address) = cpu.descriptor_address(selector, 8) else { return Ok(None) };
    if selector.is_null() {
        return Ok(None);
    }
    Ok(Some((selector, Descriptor(cpu.load_system::<u64>(address)?))))
}

/// True if code at CPL may look at the descriptor through this selector.
fn privileged_for(cpu: &Cpu, selector: Selector, descriptor: Descriptor) -> bool {
    descriptor.is_conforming()
        || (cpu.cpl <= descriptor.dpl() && selector.rpl() <= descriptor.dpl())
}

/// System descriptor types that LAR (`gates` too) and LSL accept: SDM Vol. 2A, "LAR", "LSL".
fn query_accepts(cpu: &Cpu, descriptor: Descriptor, gates: bool) -> bool {
    if descriptor.is_code_or_data() {
        return true;
    }
    let long = cpu.long_mode();
    match descriptor.kind() {
        system_type::LDT | system_type::TSS_AVAILABLE | system_type::TSS_BUSY => true,
        system_type::TSS16_AVAILABLE | system_type::TSS16_BUSY => !long,
        system_type::CALL_GATE => gates,
        system_type::CALL_GATE16 | system_type::TASK_GATE => gates && !long,
        _ => false,
    }
}

/// LAR.
pub(crate) fn lar<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let found = visible_descriptor(cpu, op, op.src)?;
    let value = found.and_then(|(selector, descriptor)| {
        let good =
            query_accepts(cpu, descriptor, true) && privileged_for(cpu, selector, descriptor);
        good.then_some(descriptor.0 >> 32 & 0x00ff_ff00)
    });
    if let Some(value) = value {
        cpu.set_reg(op.dst, W::from_u64(value));
    }
    cpu.status = cpu.status.with_zf(value.is_some());
    Ok(())
}

/// LSL.
pub(crate) fn lsl<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let found = visible_descriptor(cpu, op, op.src)?;
    let value = found.and_then(|(selector, descriptor)| {
        let good =
            query_accepts(cpu, descriptor, false) && privileged_for(cpu, selector, descriptor);
        good.then_some(u64::from(descriptor.limit()))
    });
    if let Some(value) = value {
        cpu.set_reg(op.dst, W::from_u64(value));
    }
    cpu.status = cpu.status.with_zf(value.is_some());
    Ok(())
}

/// VERR (`WRITE` false) and VERW.
pub(crate) fn verify<const WRITE: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    let found = visible_descriptor(cpu, op, op.dst)?;
    let good = found.is_some_and(|(selector, descriptor)| {
        let typed = if WRITE { descriptor.is_writable_data() } else { descriptor.is_readable() };
        typed && privileged_for(cpu, selector, descriptor)
    });
    cpu.status = cpu.status.with_zf(good);
    Ok(())
}

/// ARPL.
pub(crate) fn arpl(cpu: &mut Cpu, op: &Op) -> Done {
    require_protected(cpu)?;
    // What is not changed need not be writable.
    let dst = cpu.read_operand::<u16>(op, op.dst)?;
    let rpl = cpu.reg::<u16>(op.src) & 3;
    let raise = dst & 3 < rpl;
    if raise {
        cpu.write_operand(op, op.dst, dst & !3 | rpl)?;
    }
    cpu.status = cpu.status.with_zf(raise);
    Ok(())
}

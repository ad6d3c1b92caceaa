//! Descriptor-table registers: LGDT LIDT SGDT SIDT LLDT LTR SLDT STR. SDM Vol. 2; Vol. 3A, "Memory-Management
//! Registers".

use super::{require_not_prevented, require_protected};
use crate::cpu::{Cpu, Done, Fault, gp};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::descriptor::selector_fault;
use arch::exception::Vector;
use arch::segment::{Descriptor, Segment, Selector, TableRegister, system_type};

/// LGDT and LIDT share the operand: a 16-bit limit, then a base of 24, 32 or 64 bits.
fn load_table<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<TableRegister, Fault> {
    cpu.require_cpl0()?;
    let bytes = if W::BITS == 64 { 10 } else { 6 };
    let at = cpu.linear(op, cpu.effective_address(op), bytes, false)?;
    let limit = cpu.load::<u16>(at)?;
    let base = if W::BITS == 64 {
        cpu.load::<u64>(cpu.linear_behind(at, 2))?
    } else {
        u64::from(cpu.load::<u32>(cpu.linear_behind(at, 2))?)
    };
    let base = if W::BITS == 16 { base & 0xff_ffff } else { base };
    if W::BITS == 64 && !cpu.is_canonical_base(base) {
        return Err(gp(0));
    }
    Ok(TableRegister { base, limit })
}

/// LGDT.
pub(crate) fn lgdt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.gdtr = load_table::<W>(cpu, op)?;
    Ok(())
}

/// LIDT.
pub(crate) fn lidt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.idtr = load_table::<W>(cpu, op)?;
    Ok(())
}

fn store_table<W: Width>(cpu: &mut Cpu, op: &Op, table: TableRegister) -> Done {
    require_not_prevented(cpu)?;
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&table.limit.to_le_bytes());
    bytes[2..].copy_from_slice(&table.base.to_le_bytes());
    let len = if W::BITS == 64 { 10 } else { 6 };
    let at = cpu.linear(op, cpu.effective_address(op), len, true)?;
    cpu.write_linear(at, &bytes[..len as usize], Privilege::Current)
}

/// SGDT.
pub(crate) fn sgdt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_table::<W>(cpu, op, cpu.gdtr)
}

/// SIDT.
pub(crate) fn sidt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_table::<W>(cpu, op, cpu.idtr)
}

/// A system descriptor for LLDT and LTR: 16 bytes in long mode.
fn system_descriptor(cpu: &mut Cpu, selector: Selector) -> Result<(Descriptor, u64), Fault> {
    let fault = selector_fault(Vector::GP, selector);
    if selector.is_local() {
        return Err(fault);
    }
    let bytes = if cpu.long_mode() { 16 } else { 8 };
    let address = cpu.descriptor_address(selector, bytes).ok_or(fault)?;
    let descriptor = Descriptor(cpu.load_system::<u64>(address)?);
    let mut base = u64::from(descriptor.base());
    if bytes == 16 {
        let high = cpu.load_system::<u64>(address.wrapping_add(8))?;
        base |= high << 32;
        if !cpu.is_canonical_base(base) || high >> 40 & 0x1f != 0 {
            return Err(fault);
        }
    }
    Ok((descriptor, base))
}

/// LLDT.
pub(crate) fn lldt(cpu: &mut Cpu, op: &Op) -> Done {
    require_protected(cpu)?;
    cpu.require_cpl0()?;
    let selector = Selector(cpu.read_operand::<u16>(op, op.dst)?);
    if selector.is_null() {
        cpu.ldtr = Segment { selector, ..Segment::default() };
        return Ok(());
    }
    let (descriptor, base) = system_descriptor(cpu, selector)?;
    if descriptor.is_code_or_data() || descriptor.kind() != system_type::LDT {
        return Err(selector_fault(Vector::GP, selector));
    }
    if !descriptor.present() {
        return Err(selector_fault(Vector::NP, selector));
    }
    cpu.ldtr = Segment { base, ..Segment::from_descriptor(selector, descriptor) };
    Ok(())
}

/// LTR: marks the TSS busy.
pub(crate) fn ltr(cpu: &mut Cpu, op: &Op) -> Done {
    require_protected(cpu)?;
    cpu.require_cpl0()?;
    let selector = Selector(cpu.read_operand::<u16>(op, op.dst)?);
    if selector.is_null() {
        return Err(gp(0));
    }
    let (descriptor, base) = system_descriptor(cpu, selector)?;
    let available = match descriptor.kind() {
        system_type::TSS_AVAILABLE => true,
        system_type::TSS16_AVAILABLE => !cpu.long_mode(),
        _ => false,
    };
    if descriptor.is_code_or_data() || !available {
        return Err(selector_fault(Vector::GP, selector));
    }
    if !descriptor.present() {
        return Err(selector_fault(Vector::NP, selector));
    }
    let busy = Descriptor(descriptor.0 | 2 << 40);
    if let Some(address) = cpu.descriptor_address(selector, 8) {
        cpu.store_system::<u8>(address.wrapping_add(5), (busy.0 >> 40) as u8)?;
    }
    cpu.tr = Segment { base, ..Segment::from_descriptor(selector, busy) };
    Ok(())
}

/// Stores a selector: 16 bits to memory, zero-extended in a register.
fn store_selector<W: Width>(cpu: &mut Cpu, op: &Op, selector: Selector) -> Done {
    require_protected(cpu)?;
    require_not_prevented(cpu)?;
    if Cpu::is_memory(op.dst) {
        return cpu.store_mem(op, selector.0);
    }
    cpu.set_reg(op.dst, W::from_u64(u64::from(selector.0)));
    Ok(())
}

/// SLDT.
pub(crate) fn sldt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_selector::<W>(cpu, op, cpu.ldtr.selector)
}

/// STR.
pub(crate) fn str_<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_selector::<W>(cpu, op, cpu.tr.selector)
}

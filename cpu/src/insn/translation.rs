//! INVLPG INVPCID: SDM Vol. 2A, Vol. 3A, "Invalidation of TLBs and Paging-Structure Caches"; AMD APM Vol. 3.
//!
//! Translations are kept for the current process-context identifier alone, and for global pages: MOV to CR3
//! forgets the others, whether or not its bit 63 asks to keep them (it is a permission). So every type of
//! INVPCID forgets at least what it must.

use crate::cpu::{Cpu, Done, gp};
use crate::decode::op::Op;
use crate::mmu::Privilege;
use arch::control::{cr3, cr4};
use arch::segment::SegReg;

/// INVLPG: a non-canonical address does nothing.
pub(crate) fn invlpg(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.require_cpl0()?;
    let ea = cpu.effective_address(op);
    // In 64-bit mode only FS and GS have a base.
    let based = !cpu.mode64() || op.segment() >= SegReg::Fs as usize;
    let base = if based { cpu.seg_base[op.segment()] } else { 0 };
    let linear = cpu.linear_behind(ea, base);
    if !cpu.mode64() || cpu.is_canonical_base(linear) {
        cpu.forget_page(linear);
    }
    Ok(())
}

impl Cpu {
    /// Forgets the translations of a linear page, global ones too.
    fn forget_page(&mut self, linear: u64) {
        let large_bytes = if self.cr4 & cr4::PAE != 0 { 2 << 20 } else { 4 << 20 };
        // What is executed next may have lost its translation.
        self.leave |= self.tlb.flush_page(linear, large_bytes);
    }
}

/// INVPCID: which translations is said by a register, of what by a descriptor of 16 bytes: the PCID, and
/// the linear address.
pub(crate) fn invpcid(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.require_cpl0()?;
    let kind = if cpu.mode64() { cpu.reg::<u64>(op.dst) } else { cpu.reg::<u32>(op.dst).into() };
    let linear = cpu.linear_in(op.segment(), cpu.effective_address(op), 16, false)?;
    let mut descriptor = [0; 16];
    cpu.read_linear(linear, &mut descriptor, Privilege::Current)?;
    let descriptor = u128::from_le_bytes(descriptor);
    let (context, address) = (descriptor as u64, (descriptor >> 64) as u64);
    // Without CR4.PCIDE there is PCID 0 alone.
    let named = kind <= 1 && context != 0 && cpu.cr4 & cr4::PCIDE == 0;
    if kind > 3 || context & !cr3::PCID != 0 || named {
        return Err(gp(0));
    }
    let current = cpu.cr3 & cr3::PCID == context || cpu.cr4 & cr4::PCIDE == 0;
    match kind {
        0 if !cpu.is_canonical_base(address) => return Err(gp(0)),
        0 if current => cpu.forget_page(address),
        1 if current => cpu.tlb.flush_non_global(),
        2 => cpu.tlb.flush_all(),
        3 => cpu.tlb.flush_non_global(),
        _ => {}
    }
    if kind != 0 {
        cpu.leave = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::features::MAX;
    use crate::testing::{Machine, TABLES};
    use arch::control::cr4;
    use arch::exception::Vector;
    use arch::paging::pte;

    const DATA: u64 = 0x2_0000;
    /// Where the descriptor is.
    const DESCRIPTOR: u64 = 0x2_1000;

    /// mov rbx, [DATA]; (page table entry changed from outside) invpcid rax, [rcx]; mov rbx, [DATA]
    fn machine(kind: u64, context: u64, address: u64) -> Machine {
        let mut machine = Machine::with_model(64, MAX);
        machine.regs.gpr[0] = kind;
        machine.regs.gpr[1] = DESCRIPTOR;
        machine.write(DESCRIPTOR, &context.to_le_bytes());
        machine.write(DESCRIPTOR + 8, &address.to_le_bytes());
        machine.write(DATA, &[1]);
        machine.write(0x3_0000, &[2]);
        machine
    }

    const LOAD: [u8; 8] = [0x48, 0x8b, 0x1c, 0x25, 0, 0, 2, 0];
    const INVPCID: [u8; 5] = [0x66, 0x0f, 0x38, 0x82, 0x01];

    /// What the second load sees after the page was moved to where a 2 is.
    fn second_load(mut machine: Machine, page: u64) -> u64 {
        machine.map(DATA, page);
        machine.run(&[&LOAD[..], &INVPCID, &LOAD].concat(), 1);
        assert_eq!(machine.regs.gpr[3], 1);
        let moved = 0x3_0000 | page;
        machine.write(TABLES + 0x3000 + (DATA >> 12) * 8, &moved.to_le_bytes());
        machine.resume(2);
        assert_eq!(machine.fault(), None);
        machine.regs.gpr[3]
    }

    #[test]
    fn each_type_forgets_what_it_must() {
        let page = pte::P | pte::RW;
        assert_eq!(second_load(machine(0, 0, DATA), page), 2);
        assert_eq!(second_load(machine(1, 0, 0), page), 2);
        assert_eq!(second_load(machine(2, 0, 0), page), 2);
        assert_eq!(second_load(machine(3, 0, 0), page), 2);
    }

    #[test]
    fn a_global_page_is_forgotten_by_type_2_alone() {
        let page = pte::P | pte::RW | pte::G;
        for (kind, seen) in [(1, 1), (2, 2), (3, 1)] {
            let mut machine = machine(kind, 0, 0);
            machine.regs.cr4 |= cr4::PGE;
            assert_eq!(second_load(machine, page), seen, "type {kind}");
        }
    }

    #[test]
    fn reserved_types_bits_and_addresses_are_protection_faults() {
        for (kind, context, address) in
            [(4, 0, 0), (0, 1 << 12, 0), (0, 0, 1 << 62), (0, 1, 0), (1, 1, 0), (3, 1 << 63, 0)]
        {
            let mut machine = machine(kind, context, address);
            assert_eq!(machine.run_to_fault(&INVPCID), Some(Vector::GP), "{kind} {context:#x}");
        }
    }
}

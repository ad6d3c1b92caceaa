//! A hypervisor around the guest, as far as the CPU takes part: CPUID leaves, VMCALL and VMMCALL, and memory as the guest's own paging shows it.
//!
//! AMD APM Vol. 2, "Secure Virtual Machine" (VMMCALL); SDM Vol. 3C, "VMX Instruction Reference" (VMCALL). What a
//! call means is the machine's business: the CPU completes the instruction and hands over
//! ([`crate::Exit::Hypercall`]). Without a hypervisor both instructions raise #UD and the leaves are as
//! [`mod@crate::features`] has them.
//!
//! Not modelled: who of the two vendors has which instruction (with a hypervisor both exist), other instructions
//! that a hypervisor could intercept.

use crate::cpu::{Activity, Cpu, Done};
use crate::decode::op::Op;
use crate::mmu::walk::{self, Intent};
use arch::rflags;
use memory::{Memory, PhysAddr};

/// First CPUID leaf of a hypervisor.
pub(crate) const LEAF_FIRST: u32 = 0x4000_0000;
/// Last leaf of the first hypervisor, where guests look for one.
pub(crate) const LEAF_LAST: u32 = 0x4000_00ff;

/// What a CPU shows of the hypervisor that it runs under.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hypervisor {
    /// CPUID leaves 0x4000_0000 to 0x4000_00ff; what is not listed is all zero.
    pub leaves: Vec<Leaf>,
}

/// One answer of CPUID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// EAX before.
    pub leaf: u32,
    /// ECX before; `None` if it does not matter.
    pub subleaf: Option<u32>,
    /// EAX, EBX, ECX, EDX.
    pub registers: [u32; 4],
}

impl Hypervisor {
    /// The four registers of a leaf.
    pub(crate) fn answer(&self, leaf: u32, subleaf: u32) -> [u32; 4] {
        let fits = |row: &&Leaf| row.leaf == leaf && row.subleaf.is_none_or(|only| only == subleaf);
        self.leaves.iter().find(fits).map_or([0; 4], |row| row.registers)
    }
}

/// VMCALL and VMMCALL, where they exist: whoever runs the CPU serves the call.
pub(crate) fn hypercall(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.hypercall = Some(cpu.ip_of(op));
    cpu.leave = true;
    Ok(())
}

impl Cpu {
    /// Waits for an interrupt as HLT does; if interrupts are masked, for a request, which is then not taken.
    pub fn wait_for_interrupt(&mut self) {
        let masked = self.system_flags & rflags::IF == 0;
        self.activity = if masked { Activity::Waiting } else { Activity::Halted };
    }

    /// Physical address of a linear one for somebody who works in the guest's place: as the guest's supervisor
    /// would reach it, SMAP and protection keys aside. Sets A and D bits as an access does. `None` where it
    /// would fault.
    pub fn guest_translate(
        &self,
        memory: &Memory,
        linear: u64,
        intent: Intent,
    ) -> Option<PhysAddr> {
        self.reach_from_outside(memory, linear, |state, linear| {
            walk::walk(memory, state, linear, intent).ok()
        })
    }

    /// Reads guest memory at a linear address in the guest's place; false if not all of it can be read.
    pub fn guest_read(&self, memory: &Memory, linear: u64, out: &mut [u8]) -> bool {
        let len = out.len();
        let read = self.pieces((linear, len), |at, range| {
            let phys = self.guest_translate(memory, at, Intent::Read);
            phys.is_some_and(|phys| memory.read(phys, &mut out[range]).is_ok())
        });
        read == len
    }

    /// Writes guest memory likewise. What comes before a page that faults is written.
    pub fn guest_write(&self, memory: &Memory, linear: u64, bytes: &[u8]) -> bool {
        let written = self.pieces((linear, bytes.len()), |at, range| {
            let phys = self.guest_translate(memory, at, Intent::Write);
            phys.is_some_and(|phys| memory.write(phys, &bytes[range]).is_ok())
        });
        written == bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CODE, Machine};
    use crate::{Config, Exit};
    use arch::exception::Vector;
    use arch::paging::pte;

    const VMCALL: [u8; 3] = [0x0f, 0x01, 0xc1];
    const VMMCALL: [u8; 3] = [0x0f, 0x01, 0xd9];

    /// A machine whose CPU runs under a hypervisor.
    fn under_a_hypervisor(bits: u32) -> Machine {
        let mut machine = Machine::new(bits);
        let row = Leaf { leaf: LEAF_FIRST + 3, subleaf: Some(1), registers: [1, 2, 3, 4] };
        let hypervisor = Some(Hypervisor { leaves: vec![row] });
        machine.cpu = Cpu::new(&Config { hypervisor, ..Config::default() });
        machine
    }

    #[test]
    fn vmcall_and_vmmcall_hand_over_behind_themselves_under_a_hypervisor_alone() {
        for (bits, code) in [(64, VMCALL), (64, VMMCALL), (32, VMCALL), (32, VMMCALL)] {
            // With a segment prefix, which means nothing here.
            for code in [&code[..], &[&[0x2e], &code[..]].concat()] {
                let mut machine = under_a_hypervisor(bits);
                let behind = CODE + code.len() as u64;

                let exit = machine.run(&[code, &[0x90]].concat(), 5);

                assert_eq!((exit, machine.regs.rip), (Exit::Hypercall { rip: CODE }, behind));
                assert_eq!((machine.cpu.retired(), machine.resume(1)), (1, Exit::Limit));
                assert_eq!(machine.regs.rip, behind + 1);
                assert_eq!(Machine::new(bits).run_to_fault(code), Some(Vector::UD));
            }
        }
    }

    #[test]
    fn a_hypervisors_leaves_are_its_table_and_zeros() {
        let machine = under_a_hypervisor(64);
        assert_eq!(machine.cpu.cpuid_leaf(LEAF_FIRST + 3, 1), [1, 2, 3, 4]);
        assert_eq!(machine.cpu.cpuid_leaf(LEAF_FIRST + 3, 0), [0; 4]);
        assert_eq!(machine.cpu.cpuid_leaf(LEAF_FIRST, 0), [0; 4]);
        assert_eq!(machine.cpu.cpuid_leaf(LEAF_FIRST + 0x10, 0), [0; 4], "no timing leaf either");
    }

    #[test]
    fn msrs_of_the_hypervisor_range_fault_where_the_machine_has_none() {
        for code in [[0x0f, 0x30], [0x0f, 0x32]] {
            let mut machine = under_a_hypervisor(64);
            machine.regs.gpr[1] = 0x4000_0000;
            assert_eq!(machine.run_to_fault(&code), Some(Vector::GP));
        }
    }

    #[test]
    fn memory_is_reached_through_the_guests_paging_with_its_rights() {
        let mut machine = under_a_hypervisor(64);
        machine.map(0x3_0000, 0);
        machine.map(0x3_1000, pte::P);
        machine.run(&[0x90], 1);
        let (cpu, memory) = (&machine.cpu, &machine.memory);

        assert!(cpu.guest_write(memory, 0x2_fffc, &[1, 2, 3, 4]));
        assert!(!cpu.guest_write(memory, 0x2_fffe, &[5, 6, 7]), "no page behind");
        assert!(!cpu.guest_write(memory, 0x3_1000, &[1]), "read-only, and CR0.WP");
        assert!(!cpu.guest_read(memory, 1 << 47, &mut [0]), "not canonical");
        let mut bytes = [0; 4];
        assert!(cpu.guest_read(memory, 0x2_fffc, &mut bytes));
        assert_eq!(bytes, [1, 2, 5, 6]);
        assert!(cpu.guest_read(memory, 0x3_1000, &mut bytes));
    }

    #[test]
    fn waiting_ends_with_a_request_even_if_interrupts_are_masked() {
        let mut machine = under_a_hypervisor(64);
        machine.run(&[0x90, 0x90], 1);
        machine.cpu.wait_for_interrupt();
        assert_eq!(machine.resume(1), Exit::Halted);
        machine.bus.outcome.lines.intr = true;
        assert_eq!((machine.resume(1), machine.regs.rip), (Exit::Limit, CODE + 2));
    }
}

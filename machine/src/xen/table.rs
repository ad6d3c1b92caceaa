//! All hypercalls by number: `public/xen.h`, `__HYPERVISOR_*`. Those without a function answer -ENOSYS, as Xen
//! itself does for many of them to a domain of type PVH.

use super::caller::{Answer, Caller, Errno};
use super::{Xen, console, events, hvm, memory_op, sched, time, vcpu, version};

/// Serves a hypercall.
pub(super) type Serve = fn(&mut Xen, &Caller<'_>, &[u64; 6]) -> Answer;

/// One hypercall.
pub(super) struct Row {
    number: u64,
    pub(super) name: &'static str,
    pub(super) serve: Option<Serve>,
}

const fn served(number: u64, name: &'static str, serve: Serve) -> Row {
    Row { number, name, serve: Some(serve) }
}

const fn refused(number: u64, name: &'static str) -> Row {
    Row { number, name, serve: None }
}

/// Ascending by number.
static ROWS: &[Row] = &[
    refused(0, "set_trap_table"),
    refused(1, "mmu_update"),
    refused(2, "set_gdt"),
    refused(3, "stack_switch"),
    refused(4, "set_callbacks"),
    refused(5, "fpu_taskswitch"),
    refused(6, "sched_op_compat"),
    refused(7, "platform_op"),
    refused(8, "set_debugreg"),
    refused(9, "get_debugreg"),
    refused(10, "update_descriptor"),
    served(12, "memory_op", memory_op::serve),
    refused(13, "multicall"),
    refused(14, "update_va_mapping"),
    served(15, "set_timer_op", time::set_timer_op),
    refused(16, "event_channel_op_compat"),
    served(17, "xen_version", version::serve),
    served(18, "console_io", console::console_io),
    refused(19, "physdev_op_compat"),
    refused(20, "grant_table_op"),
    refused(21, "vm_assist"),
    refused(22, "update_va_mapping_otherdomain"),
    refused(23, "iret"),
    served(24, "vcpu_op", vcpu::serve),
    refused(25, "set_segment_base"),
    refused(26, "mmuext_op"),
    refused(27, "xsm_op"),
    refused(28, "nmi_op"),
    served(29, "sched_op", sched::serve),
    refused(30, "callback_op"),
    refused(31, "xenoprof_op"),
    served(32, "event_channel_op", events::serve),
    refused(33, "physdev_op"),
    served(34, "hvm_op", hvm::serve),
    refused(35, "sysctl"),
    refused(36, "domctl"),
    refused(37, "kexec_op"),
    refused(38, "tmem_op"),
    refused(39, "argo_op"),
    refused(40, "xenpmu_op"),
    refused(41, "dm_op"),
    refused(42, "hypfs_op"),
    refused(48, "arch_0"),
    refused(49, "arch_1"),
    refused(50, "arch_2"),
    refused(51, "arch_3"),
    refused(52, "arch_4"),
    refused(53, "arch_5"),
    refused(54, "arch_6"),
    refused(55, "arch_7"),
];

/// Serves one command of a hypercall: its structure is at a linear address.
pub(super) type Operation = fn(&mut Xen, &Caller<'_>, u64) -> Answer;

/// The operation of a command.
pub(super) fn operation(operations: &[(u64, Operation)], command: u64) -> Result<Operation, Errno> {
    let found = operations.iter().find(|(number, _)| *number == command);
    found.map(|(_, operation)| *operation).ok_or(Errno::NoSys)
}

/// The value of an argument that Xen takes as `int` or `unsigned int`: it does not look at the upper half.
pub(super) fn int(argument: u64) -> u64 {
    argument & 0xffff_ffff
}

/// The hypercall of a number.
pub(super) fn row(number: u64) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.number == number)
}

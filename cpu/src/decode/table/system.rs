//! Rows of the system instructions: far transfers, control registers, descriptor tables, MSRs.

use super::{Rows, rows};
use crate::hypervisor::hypercall;
use crate::insn::{cpuid::*, far::*, msr::*, segment::*, syscall::*, system::*, tsc::*};

pub(crate) const ROWS: Rows = rows! {
    // Far transfers.
    Jmp_ptr1616 => jump(jmp_ptr) ends;
    Jmp_ptr1632 => jump(jmp_ptr) ends;
    Jmp_m1616 => jump(jmp_far_mem::<u16>) ends;
    Jmp_m1632 => jump(jmp_far_mem::<u32>) ends;
    Jmp_m1664 => jump(jmp_far_mem::<u64>) ends;
    Call_ptr1616 => jump(call_ptr::<u16>) ends;
    Call_ptr1632 => jump(call_ptr::<u32>) ends;
    Call_m1616 => jump(call_far_mem::<u16>) ends;
    Call_m1632 => jump(call_far_mem::<u32>) ends;
    Call_m1664 => jump(call_far_mem::<u64>) ends;
    Retfw => jump(retf::<u16>) ends;
    Retfd => jump(retf::<u32>) ends;
    Retfq => jump(retf::<u64>) ends;
    Retfw_imm16 => jump(retf::<u16>) ends;
    Retfd_imm16 => jump(retf::<u32>) ends;
    Retfq_imm16 => jump(retf::<u64>) ends;
    Iretw => jump(iret::<u16>) ends;
    Iretd => jump(iret::<u32>) ends;
    Iretq => jump(iret::<u64>) ends;
    Int_imm8 => jump(int_imm8) ends;
    Int3 => jump(int3) ends;
    Int1 => jump(int1) ends;
    Into => jump(into) ends;
    Syscall => jump(syscall) ends;
    Sysretd => jump(sysret::<u32>) ends;
    Sysretq => jump(sysret::<u64>) ends;
    Sysenter => jump(sysenter) ends;
    Sysexitd => jump(sysexit::<u32>) ends;
    Sysexitq => jump(sysexit::<u64>) ends;
    Swapgs => plain(swapgs);

    // Segment registers.
    Mov_Sreg_rm16 => plain(mov_sreg_rm);
    Mov_Sreg_r32m16 => plain(mov_sreg_rm);
    Mov_Sreg_r64m16 => plain(mov_sreg_rm);
    Mov_rm16_Sreg => plain(mov_rm_sreg::<u16>);
    Mov_r32m16_Sreg => plain(mov_rm_sreg::<u32>);
    Mov_r64m16_Sreg => plain(mov_rm_sreg::<u64>);
    Popw_ES => plain(pop_sreg::<u16>);
    Popd_ES => plain(pop_sreg::<u32>);
    Popw_SS => plain(pop_sreg::<u16>);
    Popd_SS => plain(pop_sreg::<u32>);
    Popw_DS => plain(pop_sreg::<u16>);
    Popd_DS => plain(pop_sreg::<u32>);
    Popw_FS => plain(pop_sreg::<u16>);
    Popd_FS => plain(pop_sreg::<u32>);
    Popq_FS => plain(pop_sreg::<u64>);
    Popw_GS => plain(pop_sreg::<u16>);
    Popd_GS => plain(pop_sreg::<u32>);
    Popq_GS => plain(pop_sreg::<u64>);
    Les_r16_m1616 => plain(load_far::<u16, 0>);
    Les_r32_m1632 => plain(load_far::<u32, 0>);
    Lds_r16_m1616 => plain(load_far::<u16, 3>);
    Lds_r32_m1632 => plain(load_far::<u32, 3>);
    Lss_r16_m1616 => plain(load_far::<u16, 2>);
    Lss_r32_m1632 => plain(load_far::<u32, 2>);
    Lss_r64_m1664 => plain(load_far::<u64, 2>);
    Lfs_r16_m1616 => plain(load_far::<u16, 4>);
    Lfs_r32_m1632 => plain(load_far::<u32, 4>);
    Lfs_r64_m1664 => plain(load_far::<u64, 4>);
    Lgs_r16_m1616 => plain(load_far::<u16, 5>);
    Lgs_r32_m1632 => plain(load_far::<u32, 5>);
    Lgs_r64_m1664 => plain(load_far::<u64, 5>);

    // Control and debug registers.
    Mov_r32_cr => plain(mov_r_cr::<u32>);
    Mov_r64_cr => plain(mov_r_cr::<u64>);
    Mov_cr_r32 => jump(mov_cr_r::<u32>) ends;
    Mov_cr_r64 => jump(mov_cr_r::<u64>) ends;
    Mov_r32_dr => plain(mov_r_dr::<u32>);
    Mov_r64_dr => plain(mov_r_dr::<u64>);
    Mov_dr_r32 => plain(mov_dr_r::<u32>);
    Mov_dr_r64 => plain(mov_dr_r::<u64>);
    Clts => plain(clts);
    Lmsw_rm16 => plain(lmsw) ends;
    Lmsw_r32m16 => plain(lmsw) ends;
    Lmsw_r64m16 => plain(lmsw) ends;
    Smsw_rm16 => plain(smsw::<u16>);
    Smsw_r32m16 => plain(smsw::<u32>);
    Smsw_r64m16 => plain(smsw::<u64>);
    Invd => plain(wbinvd);
    Wbinvd => plain(wbinvd);

    // Descriptor tables.
    Lgdt_m1632_16 => plain(lgdt::<u16>);
    Lgdt_m1632 => plain(lgdt::<u32>);
    Lgdt_m1664 => plain(lgdt::<u64>);
    Lidt_m1632_16 => plain(lidt::<u16>);
    Lidt_m1632 => plain(lidt::<u32>);
    Lidt_m1664 => plain(lidt::<u64>);
    Sgdt_m1632_16 => plain(sgdt::<u16>);
    Sgdt_m1632 => plain(sgdt::<u32>);
    Sgdt_m1664 => plain(sgdt::<u64>);
    Sidt_m1632_16 => plain(sidt::<u16>);
    Sidt_m1632 => plain(sidt::<u32>);
    Sidt_m1664 => plain(sidt::<u64>);
    Lldt_rm16 => plain(lldt);
    Lldt_r32m16 => plain(lldt);
    Lldt_r64m16 => plain(lldt);
    Ltr_rm16 => plain(ltr);
    Ltr_r32m16 => plain(ltr);
    Ltr_r64m16 => plain(ltr);
    Sldt_rm16 => plain(sldt::<u16>);
    Sldt_r32m16 => plain(sldt::<u32>);
    Sldt_r64m16 => plain(sldt::<u64>);
    Str_rm16 => plain(str_::<u16>);
    Str_r32m16 => plain(str_::<u32>);
    Str_r64m16 => plain(str_::<u64>);
    Lar_r16_rm16 => plain(lar::<u16>);
    Lar_r32_r32m16 => plain(lar::<u32>);
    Lar_r64_r64m16 => plain(lar::<u64>);
    Lsl_r16_rm16 => plain(lsl::<u16>);
    Lsl_r32_r32m16 => plain(lsl::<u32>);
    Lsl_r64_r64m16 => plain(lsl::<u64>);
    Verr_rm16 => plain(verify::<false>);
    Verr_r32m16 => plain(verify::<false>);
    Verr_r64m16 => plain(verify::<false>);
    Verw_rm16 => plain(verify::<true>);
    Verw_r32m16 => plain(verify::<true>);
    Verw_r64m16 => plain(verify::<true>);
    Arpl_rm16_r16 => plain(arpl);
    Arpl_r32m16_r32 => plain(arpl);

    // Interrupt flag, HLT.
    Cli => plain(cli);
    Sti => plain(sti);
    Hlt => plain(hlt) ends;
    Stac => plain(set_ac::<true>);
    Clac => plain(set_ac::<false>);
    Rsm => plain(rsm) ends;
    Vmcall => plain(hypercall) ends;
    Vmmcall => plain(hypercall) ends;

    // CPUID, MSRs, counters.
    Cpuid => plain(cpuid);
    Rdmsr => plain(rdmsr);
    Wrmsr => plain(wrmsr);
    Rdtsc => plain(rdtsc);
    Rdtscp => plain(rdtscp);
    Rdpmc => plain(rdpmc);
};

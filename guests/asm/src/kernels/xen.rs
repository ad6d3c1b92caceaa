//! Is there a Xen, and how does it answer?
//!
//! Source: Xen's public headers: `arch-x86/cpuid.h`, `arch-x86/xen-x86_32.h` (calls: number in EAX, arguments
//! in EBX, ECX, EDX), `event_channel.h`, `vcpu.h`, `memory.h`, `hvm/params.h`, `sched.h`.
//!
//! The kernel prints `xen=` and whether CPUID names XenVMMXenVMM; without it it powers off at once. It then
//! prints one line for each call of a list, most of them with arguments that a hypervisor must refuse, has the
//! hypercall page written and calls through it, waits in HLT for the timer's event, and ends by
//! SCHEDOP_shutdown. [`xen_crash`] does only that, with the reason `SHUTDOWN_crash`.

use iced_x86::IcedError;
use iced_x86::code_asm::*;

use super::console::{Console, routines, say, say_eax};
use super::{STACK_TOP, TABLES, pvh_kernel};
use crate::asm;
use crate::asm::Program;
use crate::descriptors::{enter_flat, flat_tables};
use crate::power::power_off;

const IDT: u32 = TABLES;
/// Structures of calls.
const ARGS: u32 = TABLES + 0x1000;
const HYPERCALL_PAGE: u32 = TABLES + 0x2000;
const SHARED_INFO: u32 = TABLES + 0x3000;
/// No RAM: the VGA's window; the end of 4 GiB.
const HOLE: u32 = 0xa_0000;
const END: u32 = 0xffff_fffc;

const VECTOR: u32 = 0x20;

const MEMORY_OP: u32 = 12;
const XEN_VERSION: u32 = 17;
const CONSOLE_IO: u32 = 18;
const GRANT_TABLE_OP: u32 = 20;
const VCPU_OP: u32 = 24;
const SCHED_OP: u32 = 29;
const EVENT_CHANNEL_OP: u32 = 32;
const HVM_OP: u32 = 34;

const SHUTDOWN_CRASH: u32 = 3;

/// Name, number, arguments; the structure at [`ARGS`] is all ones.
const CALLS: &[(&str, u32, [u32; 3])] = &[
    ("version", XEN_VERSION, [0, 0, 0]),
    ("unknown", 60, [0, 0, 0]),
    ("huge", u32::MAX, [ARGS, ARGS, ARGS]),
    ("multicall", 13, [ARGS, u32::MAX, 0]),
    ("grant_table", GRANT_TABLE_OP, [6, ARGS, u32::MAX]),
    ("memory_hole", MEMORY_OP, [7, HOLE, 0]),
    ("memory_end", MEMORY_OP, [9, END, 0]),
    ("memory_strange", MEMORY_OP, [7, ARGS, 0]),
    ("event_hole", EVENT_CHANNEL_OP, [6, HOLE - 2, 0]),
    ("event_strange", EVENT_CHANNEL_OP, [4, ARGS, 0]),
    ("event_fifo", EVENT_CHANNEL_OP, [11, ARGS, 0]),
    ("hvm_end", HVM_OP, [1, END, 0]),
    ("hvm_strange", HVM_OP, [1, ARGS, 0]),
    ("hvm_unknown", HVM_OP, [99, ARGS, 0]),
    ("vcpu_up", VCPU_OP, [3, 0, 0]),
    ("vcpu_other", VCPU_OP, [3, 1, 0]),
    ("vcpu_info", VCPU_OP, [10, 0, ARGS]),
    ("poll", SCHED_OP, [3, ARGS, 0]),
    ("shutdown_hole", SCHED_OP, [2, HOLE, 0]),
    ("shutdown_strange", SCHED_OP, [2, ARGS, 0]),
    ("console_long", CONSOLE_IO, [0, u32::MAX, ARGS]),
];

/// The kernel: ELF32, PVH.
pub fn xen() -> Vec<u8> {
    pvh_kernel(|a| {
        find(a)?;
        refusals(a)?;
        page(a)?;
        event(a)?;
        shutdown(a)?;
        routines(a, Console::Com1)
    })
}

/// A kernel that tells Xen of its crash, as Linux does when it panics: ELF32, PVH.
pub fn xen_crash() -> Vec<u8> {
    pvh_kernel(|a| {
        asm! { a =>
                mov(esp, STACK_TOP);
                mov(dword_ptr(ARGS), SHUTDOWN_CRASH);
        }
        call(a, SCHED_OP, [2, ARGS, 0])?;
        asm! { a =>
            'over:
                cli();
                hlt();
                jmp('over);
        }
        Ok(())
    })
}

/// A hypercall by VMMCALL; the result is in EAX.
fn call(a: &mut Program, number: u32, args: [u32; 3]) -> Result<(), IcedError> {
    let [first, second, third] = args;
    asm! { a =>
            mov(ebx, first);
            mov(ecx, second);
            mov(edx, third);
            mov(eax, number);
            vmmcall();
    }
    Ok(())
}

fn find(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(esp, STACK_TOP);
            cld();
            mov(eax, 0x4000_0000u32);
            cpuid();
            cmp(ebx, 0x566e_6558u32);           //! XenV
            jne('no_xen);
            cmp(ecx, 0x6558_4d4du32);           //! MMXe
            jne('no_xen);
            cmp(edx, 0x4d4d_566eu32);           //! nVMM
            je('is_xen);
        'no_xen:
            nop();
    }
    say(a, "xen=none\n")?;
    power_off(a)?;
    asm! { a =>
        'is_xen:
            nop();
    }
    say_eax(a, "xen")
}

fn refusals(a: &mut Program) -> Result<(), IcedError> {
    for &(name, number, args) in CALLS {
        asm! { a =>
                mov(edi, ARGS);
                mov(ecx, 64u32);
                or(eax, -1);
                rep_stosd();
        }
        call(a, number, args)?;
        say_eax(a, name)?;
    }
    asm! { a =>
        /// The other vendor's instruction is served too.
            xor(ebx, ebx);
            mov(eax, XEN_VERSION);
            vmcall();
    }
    say_eax(a, "vmcall")
}

fn page(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(eax, 0x4000_0002u32);
            cpuid();
            mov(ecx, ebx);
            mov(eax, HYPERCALL_PAGE);
            xor(edx, edx);
            wrmsr();
            xor(ebx, ebx);
            mov(edx, HYPERCALL_PAGE + 32 * XEN_VERSION);
            call(edx);
    }
    say_eax(a, "by_page")
}

fn event(a: &mut Program) -> Result<(), IcedError> {
    enter_flat(a, IDT, VECTOR, "upcall")?;
    asm! { a =>
        /// xen_add_to_physmap: shared_info.
            mov(dword_ptr(ARGS), 0x7ff0u32);
            mov(dword_ptr(ARGS + 4), 0u32);
            mov(dword_ptr(ARGS + 8), 0u32);
            mov(dword_ptr(ARGS + 12), SHARED_INFO >> 12);
    }
    call(a, MEMORY_OP, [7, ARGS, 0])?;
    say_eax(a, "shared_info")?;
    asm! { a =>
        /// xen_hvm_param: HVM_PARAM_CALLBACK_IRQ, a vector.
            mov(dword_ptr(ARGS + 4), 0u32);
            mov(dword_ptr(ARGS + 8), VECTOR);
            mov(dword_ptr(ARGS + 12), 0x0200_0000u32);
    }
    call(a, HVM_OP, [0, ARGS, 0])?;
    say_eax(a, "callback")?;
    asm! { a =>
        /// evtchn_bind_virq: VIRQ_TIMER of vCPU 0.
            mov(dword_ptr(ARGS), 0u32);
            mov(dword_ptr(ARGS + 4), 0u32);
    }
    call(a, EVENT_CHANNEL_OP, [1, ARGS, 0])?;
    say_eax(a, "bind_virq")?;
    asm! { a =>
            mov(eax, dword_ptr(ARGS + 8));
    }
    say_eax(a, "port")?;
    asm! { a =>
        /// vcpu_set_singleshot_timer: 100 ms after the start.
            mov(dword_ptr(ARGS), 100_000_000u32);
            mov(dword_ptr(ARGS + 4), 0u32);
            mov(dword_ptr(ARGS + 8), 1u32);
    }
    call(a, VCPU_OP, [8, 0, ARGS])?;
    say_eax(a, "timer")?;
    asm! { a =>
        'wait:
            sti();
            hlt();
            cli();
            cmp(dword_ptr('upcalls), 0);
            je('wait);
            mov(eax, dword_ptr('upcalls));
    }
    say_eax(a, "upcalls")?;
    asm! { a =>
        /// Which port it was: shared_info.evtchn_pending.
            mov(eax, dword_ptr(SHARED_INFO + 2048));
    }
    say_eax(a, "pending")?;
    asm! { a =>
            lea(edx, ptr('greeting));
            mov(ebx, 0u32);
            mov(ecx, 6u32);
            mov(eax, CONSOLE_IO);
            vmmcall();
    }
    say_eax(a, "console")
}

fn shutdown(a: &mut Program) -> Result<(), IcedError> {
    asm! { a =>
            mov(dword_ptr(ARGS), 0u32);
    }
    call(a, SCHED_OP, [2, ARGS, 0])?;
    asm! { a =>
        'over:
            cli();
            hlt();
            jmp('over);

        /// upcall: takes what is pending off vcpu_info, and counts.
        'upcall:
            push(eax);
            xor(eax, eax);
            mov(byte_ptr(SHARED_INFO), al);
            mov(dword_ptr(SHARED_INFO + 4), eax);
            inc(dword_ptr('upcalls));
            pop(eax);
            iretd();

        'upcalls:
            dd(&[0]);
        'greeting:
            db(b"hello\n");
    }
    flat_tables(a, IDT, VECTOR)
}

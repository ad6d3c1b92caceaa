//! Machines that stand before the first byte of a program, in one of the processor's modes, with
//! handlers that let the program go on whatever it does.
//!
//! ```text
//! 0x00000  real-mode vectors        0x08000  handlers
//! 0x00600  GDT                      0x09000  tables of transfers, by the programs
//! 0x01000  IDT                      0x10000  the program, again and again, to 0x1ffff
//! 0x02000  page tables              0x80000  the stack, downwards
//! ```
//! A handler of an exception goes on one byte further; one of an interrupt acknowledges it.

use arch::control::{cr0, cr4, efer};
use arch::segment::{SegReg, Segment, Selector, TableRegister};
use machine::{Machine, MachineConfig};
use memory::{Memory, PhysAddr};

/// Where programs are.
pub(crate) const CODE: u64 = 0x1_0000;
/// Room for a program.
pub(crate) const CODE_LEN: usize = 0x1_0000;
const GDT: u64 = 0x600;
const IDT: u64 = 0x1000;
const PAGES: u64 = 0x2000;
const HANDLERS: u64 = 0x8000;
const STACK: u64 = 0x8_0000;
/// Vectors whose exceptions push an error code: SDM Vol. 3A, "Exception and Interrupt Vectors".
const WITH_CODE: [u64; 8] = [8, 10, 11, 12, 13, 14, 17, 21];

/// A mode, with all rights in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// 16 bits; data segments reach 4 GiB.
    Real,
    /// 32 bits, flat, without paging.
    Protected,
    /// 64 bits, 4 GiB mapped one to one.
    Long,
}

/// Handlers at 0, 0x40 and 0x80 of [`HANDLERS`]: exception, exception with a code, interrupt.
fn handlers(mode: Mode) -> [&'static [u8]; 3] {
    match mode {
        Mode::Real => [
            // push bp; mov bp, sp; inc word [bp+2]; pop bp; iret
            &[0x55, 0x89, 0xe5, 0xff, 0x46, 0x02, 0x5d, 0xcf],
            &[0x55, 0x89, 0xe5, 0xff, 0x46, 0x02, 0x5d, 0xcf],
            // push ax; mov al, 0x20; out 0xa0, al; out 0x20, al; pop ax; iret
            &[0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf],
        ],
        Mode::Protected => [
            // inc dword [esp]; iretd
            &[0xff, 0x04, 0x24, 0xcf],
            // add esp, 4; inc dword [esp]; iretd
            &[0x83, 0xc4, 0x04, 0xff, 0x04, 0x24, 0xcf],
            // push eax; mov al, 0x20; out 0xa0, al; out 0x20, al; mov eax, 0xfee000b0; mov [eax], eax;
            // pop eax; iretd
            &[
                0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0xb8, 0xb0, 0x00, 0xe0, 0xfe, 0x89, 0x00,
                0x58, 0xcf,
            ],
        ],
        Mode::Long => [
            // inc qword [rsp]; iretq
            &[0x48, 0xff, 0x04, 0x24, 0x48, 0xcf],
            // add rsp, 8; inc qword [rsp]; iretq
            &[0x48, 0x83, 0xc4, 0x08, 0x48, 0xff, 0x04, 0x24, 0x48, 0xcf],
            // push rax; mov eax, 0xfee000b0; mov [rax], eax; pop rax; iretq
            &[0x50, 0xb8, 0xb0, 0x00, 0xe0, 0xfe, 0x89, 0x00, 0x58, 0x48, 0xcf],
        ],
    }
}

fn put(memory: &Memory, at: u64, bytes: &[u8]) {
    memory.write(PhysAddr(at), bytes).expect("RAM below 1 MiB");
}

/// Which handler a vector has.
fn handler_of(vector: u64) -> u64 {
    let kind = if vector >= 32 { 2 } else { u64::from(WITH_CODE.contains(&vector)) };
    HANDLERS + 0x40 * kind
}

fn put_vectors(memory: &Memory, mode: Mode) {
    for (number, handler) in handlers(mode).into_iter().enumerate() {
        put(memory, HANDLERS + 0x40 * number as u64, handler);
    }
    for vector in 0..256 {
        let target = handler_of(vector);
        match mode {
            Mode::Real => put(memory, 4 * vector, &(target as u32).to_le_bytes()),
            Mode::Protected => {
                put(memory, IDT + 8 * vector, &(target | 0x0008_0000 | 0x8e00 << 32).to_le_bytes());
            }
            Mode::Long => {
                put(
                    memory,
                    IDT + 16 * vector,
                    &(target | 0x0008_0000 | 0x8e00 << 32).to_le_bytes(),
                );
            }
        }
    }
}

fn put_page_tables(memory: &Memory) {
    put(memory, PAGES, &((PAGES + 0x1000) | 7).to_le_bytes());
    for gib in 0..4 {
        let directory = PAGES + 0x2000 + 0x1000 * gib;
        put(memory, PAGES + 0x1000 + 8 * gib, &(directory | 7).to_le_bytes());
        for page in 0..512 {
            let base = gib << 30 | page << 21;
            put(memory, directory + 8 * page, &(base | 0x87).to_le_bytes());
        }
    }
}

/// A machine in a mode before a program, which is repeated as far as there is room.
pub(crate) fn machine(config: &MachineConfig, mode: Mode, code: &[u8]) -> Machine {
    let mut machine = Machine::new(config).expect("a machine of a few MiB");
    let memory = machine.memory();
    if !code.is_empty() {
        let whole: Vec<u8> = code.iter().copied().cycle().take(CODE_LEN).collect();
        put(memory, CODE, &whole);
    }
    put_vectors(memory, mode);
    let code_descriptor: u64 =
        if mode == Mode::Long { 0x00af_9b00_0000_ffff } else { 0x00cf_9b00_0000_ffff };
    for (index, descriptor) in [0, code_descriptor, 0x00cf_9300_0000_ffff].into_iter().enumerate() {
        put(memory, GDT + 8 * index as u64, &descriptor.to_le_bytes());
    }
    if mode == Mode::Long {
        put_page_tables(memory);
    }
    set_registers(&mut machine, mode);
    machine
}

fn set_registers(machine: &mut Machine, mode: Mode) {
    let mut registers = machine.cpu().registers();
    let flat = |selector, attributes| Segment {
        selector: Selector(selector),
        attributes,
        limit: 0xffff_ffff,
        base: 0,
    };
    registers.gdtr = TableRegister { base: GDT, limit: 23 };
    registers.idtr = TableRegister { base: IDT, limit: 0xfff };
    registers.gpr[4] = STACK;
    registers.rip = CODE;
    match mode {
        Mode::Real => {
            registers.segments = [Segment { limit: 0xffff_ffff, ..Segment::real_mode(0) }; 6];
            registers.segments[SegReg::Cs as usize] = Segment::real_mode((CODE >> 4) as u16);
            registers.segments[SegReg::Cs as usize].attributes |= arch::segment::attr::CODE;
            registers.segments[SegReg::Ss as usize] = Segment::real_mode(0x7000);
            registers.idtr = TableRegister { base: 0, limit: 0x3ff };
            registers.gpr[4] = 0xfff0;
            registers.rip = 0;
        }
        Mode::Protected => {
            registers.segments = [flat(0x10, 0xc093); 6];
            registers.segments[SegReg::Cs as usize] = flat(8, 0xc09b);
            registers.cr0 = cr0::PE | cr0::NE | cr0::ET;
        }
        Mode::Long => {
            registers.segments = [flat(0x10, 0xc093); 6];
            registers.segments[SegReg::Cs as usize] = flat(8, 0xa09b);
            registers.cr0 = cr0::PE | cr0::PG | cr0::NE | cr0::ET;
            registers.cr3 = PAGES;
            registers.cr4 = cr4::PAE;
            registers.efer = efer::LME | efer::LMA;
        }
    }
    machine.cpu_mut().set_registers(&registers);
}

/// A small machine in 64-bit mode.
pub(crate) fn in_long_mode(code: &[u8]) -> Machine {
    let config = MachineConfig { ram_bytes: 2 << 20, ..MachineConfig::default() };
    machine(&config, Mode::Long, code)
}

//! A whole board, fed by a guest that does nothing but access it: ports and registers of any address and
//! width, repeated string accesses, tables and descriptors of transfers that point anywhere, hypercalls,
//! waiting.
//!
//! The first bytes say how the machine is built; each order after them becomes a few instructions of a
//! program for flat 32-bit mode. Nothing panics, every stop is one of the known ones, time and memory are
//! bounded by the instructions, and a second run of the same program ends in the same state.

use crate::program::{self, CODE_LEN, Mode};
use crate::{Outcome, Stream, Target};
use cpu::features::MODELS;
use machine::{DRIVES, DriveConfig, DriveKind, Machine, MachineConfig, MediaBytes, Stop};
use seeds::{Damage, EDGES, Random, roms};
use std::sync::Arc;

/// A configuration and orders.
pub const TARGET: Target = Target {
    name: "guest",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 16, words: &[] },
    inputs: 250,
    shows: &[Outcome::Accepted],
};

/// Instructions of one run.
const INSTRUCTIONS: u64 = 60_000;
/// Times that the machine may come back without having reached them: to have output taken, or because
/// a halted guest has let many events pass.
const SLICES: u32 = 6;
/// Bytes of RAM.
const RAM: u64 = 4 << 20;

/// Ports at which something answers on some machine, and their neighbours.
const PORTS: &[u16] = &[
    0x20, 0x21, 0x40, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0xa0, 0xa1, 0xb2, 0xb3,
    0xe9, 0xf0, 0xf4, 0x170, 0x171, 0x172, 0x173, 0x174, 0x175, 0x176, 0x177, 0x1ce, 0x1cf, 0x1f0,
    0x1f1, 0x1f2, 0x1f3, 0x1f4, 0x1f5, 0x1f6, 0x1f7, 0x376, 0x3b4, 0x3b5, 0x3c0, 0x3c1, 0x3c2,
    0x3c4, 0x3c5, 0x3c7, 0x3c8, 0x3c9, 0x3ce, 0x3cf, 0x3d4, 0x3d5, 0x3da, 0x3f6, 0x3f8, 0x3f9,
    0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x402, 0x4d0, 0x510, 0x511, 0x514, 0x518, 0x600, 0x602, 0x604,
    0x608, 0x620, 0xc000, 0xc002, 0xc004, 0xcf8, 0xcf9, 0xcfc, 0xcfd, 0xcfe, 0xcff,
];

/// Addresses of registers, of memory that firmware shadows, and of nothing.
const PLACES: &[u32] = &[
    0xfee0_0000,
    0xfee0_0080,
    0xfee0_00b0,
    0xfee0_00f0,
    0xfee0_0300,
    0xfee0_0310,
    0xfee0_0320,
    0xfee0_0350,
    0xfee0_0370,
    0xfee0_0380,
    0xfee0_0390,
    0xfee0_03e0,
    0xfec0_0000,
    0xfec0_0010,
    0xfec0_0040,
    0xfea0_0200,
    0xa_0000,
    0xb_8000,
    0xb_ffff,
    0xc_0000,
    0xf_0000,
    0xf_fffc,
    0xffff_fff0,
    0xfff_ffff,
    0x9000,
    0x3f_fffe,
    0x40_0000,
    0xc000_0000,
    0xffff_fffe,
];

/// The hypercalls that are served: memory_op, set_timer_op, xen_version, console_io, vcpu_op, sched_op,
/// event_channel_op, hvm_op (Xen, `public/xen.h`).
const HYPERCALLS: [u32; 8] = [12, 15, 17, 18, 24, 29, 32, 34];
/// Where their structures are.
const STRUCTURE: u32 = 0x9200;

fn drive(kind: DriveKind, bytes: usize) -> Option<DriveConfig> {
    let image = (0..bytes).map(|at| (at / 5) as u8).collect();
    Some(DriveConfig { kind, image: Arc::new(MediaBytes(image)) })
}

/// A machine by the bits of a number. One with a ROM is no domain of Xen, and a domain has a CPU on which it finds
/// Xen.
pub(crate) fn config(bits: u16, rom: &[u8]) -> MachineConfig {
    let xen = bits & 0x8001 == 0x8000;
    let model = if xen { 0 } else { usize::from(bits >> 11) % MODELS.len() };
    let mut drives = [const { None }; DRIVES];
    if bits & 2 != 0 {
        drives[0] = drive(DriveKind::Disk { read_only: false }, 100 * 512 + 3);
        drives[2] = drive(DriveKind::Cd, 20 * 2048);
    }
    if bits & 4 != 0 {
        drives[1] = drive(DriveKind::Disk { read_only: true }, 512);
    }
    MachineConfig {
        ram_bytes: RAM,
        rom: (bits & 1 != 0).then(|| rom.into()),
        drives,
        vga: bits & 8 != 0,
        keyboard: bits & 0x10 != 0,
        acpi: if bits & 0x60 == 0x60 {
            boot::AcpiProfile::Reduced
        } else {
            boot::AcpiProfile::Full
        },
        debug_exit: (bits & 0x80 != 0).then_some((0xf4, 4)),
        debugcon: bits & 0x100 == 0,
        ns_per_insn: [1, 1, 40, 1000][usize::from(bits >> 9 & 3)],
        model: MODELS[model],
        xen,
        ..MachineConfig::default()
    }
}

/// Orders of any kind; every other machine has all devices, every fourth is a domain of Xen.
fn seeds() -> Vec<Vec<u8>> {
    let one = |seed| {
        let mut bytes = Random(seed).bytes(700);
        match seed % 4 {
            0 | 2 => bytes[..2].copy_from_slice(&[0x1f, 0]),
            1 => bytes[..2].copy_from_slice(&[0x1e, 0x80]),
            _ => {}
        }
        bytes
    };
    (0..48).map(one).collect()
}

/// A program in the making.
struct Writer(Vec<u8>);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// An opcode and a 32-bit immediate.
    fn imm(&mut self, opcode: &[u8], value: u32) {
        self.bytes(opcode);
        self.bytes(&value.to_le_bytes());
    }

    /// `out` of 1, 2 or 4 bytes.
    fn out(&mut self, port: u16, width: u8, value: u32) {
        self.imm(&[0xba], port.into()); // mov edx
        self.imm(&[0xb8], value); // mov eax
        self.bytes(match width % 3 {
            0 => &[0xee],
            1 => &[0x66, 0xef],
            _ => &[0xef],
        });
    }

    fn input(&mut self, port: u16, width: u8) {
        self.imm(&[0xba], port.into());
        self.bytes(match width % 3 {
            0 => &[0xec],
            1 => &[0x66, 0xed],
            _ => &[0xed],
        });
    }

    /// `mov [address], value` of 1, 2 or 4 bytes.
    fn store(&mut self, address: u32, width: u8, value: u32) {
        self.imm(&[0xbf], address); // mov edi
        self.imm(&[0xb8], value);
        self.bytes(match width % 3 {
            0 => &[0x88, 0x07],
            1 => &[0x66, 0x89, 0x07],
            _ => &[0x89, 0x07],
        });
    }

    fn load(&mut self, address: u32, width: u8) {
        self.imm(&[0xbe], address); // mov esi
        self.bytes(match width % 3 {
            0 => &[0x8a, 0x06],
            1 => &[0x66, 0x8b, 0x06],
            _ => &[0x8b, 0x06],
        });
    }

    /// `rep ins` or `rep outs`, in either direction.
    fn repeated(&mut self, port: u16, stream: &mut Stream<'_>) {
        // Seldom long: a long one is all that a run has instructions for.
        let (kind, count) = (stream.u8(), stream.u8());
        let count = if count < 252 { u16::from(count & 0x3f) } else { stream.u16() };
        let address = place(stream);
        self.imm(&[0xba], port.into());
        self.imm(&[0xb9], count.into()); // mov ecx
        self.imm(&[if kind & 1 == 0 { 0xbf } else { 0xbe }], address);
        self.bytes(if kind & 8 == 0 { &[0xfc] } else { &[0xfd] }); // cld or std
        let opcode = if kind & 1 == 0 { 0x6c } else { 0x6e };
        self.bytes(match kind >> 1 & 3 {
            0 => &[0xf3, 0x90],
            1 => &[0xf3, 0x66, 0x90],
            _ => &[0xf3, 0x90],
        });
        let last = self.0.len() - 1;
        self.0[last] = opcode | u8::from(kind & 6 != 0);
    }

    /// A descriptor of the configuration device at 0x9000, and the transfer.
    fn firmware_dma(&mut self, stream: &mut Stream<'_>) {
        let (control, length) = (stream.u32() & 0x3f_001f, number(stream));
        let address = place(stream);
        let at = if stream.u8() < 240 { 0x9000 } else { place(stream) };
        for (offset, word) in [(0, control), (4, length), (8, 0), (12, address)] {
            self.store(at.wrapping_add(offset), 2, word.swap_bytes());
        }
        self.out(0x518, 2, at.swap_bytes());
    }

    /// A bus master where the first order of a firmware puts it, its table at 0x9100, and its start.
    fn bus_master(&mut self, stream: &mut Stream<'_>) {
        let (channel, way) = (u16::from(stream.u8() & 1), stream.u8());
        self.pci(0x0920, 0xc001);
        self.pci(0x0904, 5);
        let (address, length) = (place(stream), number(stream));
        self.store(0x9100, 2, address);
        self.store(0x9104, 2, length);
        let base = 0xc000 + 8 * channel;
        self.out(base + 4, 2, if way < 240 { 0x9100 } else { address });
        self.out(base, 0, u32::from(way & 9 | 1));
        let block = if channel == 0 { 0x1f0 } else { 0x170 };
        self.out(block + 6, 0, if way & 0x20 == 0 { 0xe0 } else { 0xf0 });
        self.out(block + 2, 0, u32::from(way >> 4));
        self.out(block + 7, 0, if way & 8 != 0 { 0xc8 } else { 0xca });
    }

    /// A hypercall with a structure of any numbers at 0x9200. Without Xen VMMCALL is undefined.
    fn hypercall(&mut self, stream: &mut Stream<'_>) {
        for at in [STRUCTURE, STRUCTURE + 4, STRUCTURE + 8, STRUCTURE + 12] {
            self.store(at, 2, number(stream));
        }
        let call = HYPERCALLS[usize::from(stream.u8()) % HYPERCALLS.len()];
        let command = stream.u8() % 32;
        let [second, third] = [argument(stream), argument(stream)];
        self.imm(&[0xbb], command.into()); // mov ebx
        self.imm(&[0xb9], second); // mov ecx
        self.imm(&[0xba], third); // mov edx
        self.imm(&[0xb8], call); // mov eax
        self.bytes(&[0x0f, 0x01, 0xd9]); // vmmcall
    }

    /// A register of PCI configuration space.
    fn pci(&mut self, register: u32, value: u32) {
        self.out(0xcf8, 2, 0x8000_0000 | register);
        self.out(0xcfc, 2, value);
    }

    fn order(&mut self, stream: &mut Stream<'_>) {
        let (what, width) = (stream.u8(), stream.u8());
        match what % 17 {
            0..=3 => {
                let at = port(stream);
                self.out(at, width, number(stream));
            }
            4 | 5 => {
                let at = port(stream);
                self.input(at, width);
            }
            6 | 7 => {
                let at = place(stream);
                self.store(at, width, number(stream));
            }
            8 => {
                let at = place(stream);
                self.load(at, width);
            }
            9 => {
                let at = port(stream);
                self.repeated(at, stream);
            }
            10 => self.firmware_dma(stream),
            11 => self.bus_master(stream),
            12 => self.pci(0x0800 | u32::from(stream.u16()) & 0x3fc, number(stream)),
            // mov ecx, N; loop $
            13 => {
                self.imm(&[0xb9], u32::from(stream.u8()) + 1);
                self.bytes(&[0xe2, 0xfe]);
            }
            14 => self.bytes(&[0xfb, 0x90]),
            15 => self.hypercall(stream),
            // The timer, unmasked, so that somebody wakes: then sti; hlt.
            _ => {
                self.out(0x43, 0, 0x34);
                self.out(0x40, 0, 0x10);
                self.out(0x40, 0, u32::from(width));
                self.out(0x21, 0, 0);
                self.bytes(&[0xfb, 0xf4, 0xfa]);
            }
        }
    }
}

/// An argument of a hypercall: none, the structure, or an address.
fn argument(stream: &mut Stream<'_>) -> u32 {
    match stream.u8() % 4 {
        0 => 0,
        1 | 2 => STRUCTURE,
        _ => place(stream),
    }
}

fn port(stream: &mut Stream<'_>) -> u16 {
    match stream.u8() {
        any @ 0xf0.. => u16::from(any) << 8 | u16::from(stream.u8()),
        // Most of what ends the run at once is left to those.
        known => match PORTS[usize::from(known) % PORTS.len()] {
            0x92 | 0xcf9 if known < 0x80 => 0x64,
            port => port,
        },
    }
}

fn place(stream: &mut Stream<'_>) -> u32 {
    match stream.u8() {
        known @ 0..160 => PLACES[usize::from(known) % PLACES.len()],
        160..200 => u32::from(stream.u16()),
        near @ 200..240 => {
            PLACES[usize::from(near) % PLACES.len()].wrapping_add(stream.u8().into())
        }
        _ => stream.u32(),
    }
}

fn number(stream: &mut Stream<'_>) -> u32 {
    match stream.u8() {
        small @ 0..128 => small.into(),
        edge @ 128..160 => EDGES[usize::from(edge) % EDGES.len()] as u32,
        160..200 => stream.u16().into(),
        _ => stream.u32(),
    }
}

/// What is left when a machine has stopped, and how.
pub(crate) fn outcome_of(machine: &mut Machine, instructions: u64) -> (Stop, u128) {
    let mut stop = Stop::Slice;
    for _ in 0..SLICES {
        stop = machine.run(instructions);
        let output = machine.take_serial_output().len() + machine.take_debugcon_output().len();
        assert!(output <= 1 << 17, "output without bound");
        for place in 0..DRIVES {
            let _ = machine.take_drive_writes(place);
        }
        if stop != Stop::Slice || machine.retired() >= instructions {
            break;
        }
    }
    assert!(!matches!(stop, Stop::Debug(_) | Stop::Limit), "{stop:?}");
    look_at(machine, stop);
    (stop, machine.state_hash())
}

/// What the command would print of it.
fn look_at(machine: &Machine, stop: Stop) {
    let (cpu, memory) = (machine.cpu(), machine.memory());
    let symbols = debug::symbols::Symbols::default();
    let story = match stop {
        Stop::TripleFault => debug::explain::triple_fault(cpu, memory, &symbols),
        Stop::Unimplemented(what) => debug::explain::unimplemented(cpu, memory, what, &symbols),
        _ => debug::explain::halted(cpu, memory, &symbols),
    };
    let registers = debug::dump::registers(&cpu.registers());
    let walk = debug::dump::walk(cpu, memory, cpu.linear_ip());
    assert!(!story.is_empty() && !registers.is_empty() && !walk.is_empty());
    let _ = (machine.stopped_at(), machine.text_page(), machine.idle_until(), machine.is_halted());
}

/// The machine and the program that an input asks for.
fn prepared(bytes: &[u8]) -> (MachineConfig, Vec<u8>) {
    let mut stream = Stream::new(bytes);
    let bits = stream.u16();
    let mut writer = Writer(Vec::new());
    while !stream.is_over() && writer.0.len() < CODE_LEN - 256 {
        writer.order(&mut stream);
    }
    writer.bytes(&[0xeb, 0xfe]); // jmp $
    let rom = roms::firmware(0x1_0000, &[0xf4]);
    (config(bits, &rom), writer.0)
}

/// Runs the program, often twice.
pub fn run(bytes: &[u8]) -> Outcome {
    let (config, program) = prepared(bytes);
    let mut machine = program::machine(&config, Mode::Protected, &program);
    let first = outcome_of(&mut machine, INSTRUCTIONS);
    if bytes.len().is_multiple_of(4) {
        let mut again = program::machine(&config, Mode::Protected, &program);
        assert_eq!(outcome_of(&mut again, INSTRUCTIONS), first, "the second run differs");
    }
    Outcome::Accepted
}

/// How often the program of an input has reached each device.
pub fn accesses(bytes: &[u8]) -> Vec<(&'static str, u64)> {
    let (config, program) = prepared(bytes);
    let mut machine = program::machine(&config, Mode::Protected, &program);
    outcome_of(&mut machine, INSTRUCTIONS);
    machine.device_accesses()
}

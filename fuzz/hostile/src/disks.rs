//! What reaches into memory by itself: IDE drives with their bus masters, and the configuration device.
//!
//! A disk, a disk that may not be written, a CD-ROM drive and a disk with a damaged sector; addresses of
//! transfers point anywhere. What a guest can make them allocate is bounded by the media, which are small
//! here.

use crate::timed::{Clocked, step_ns};
use crate::{Outcome, Stream, Target};
use devices::ata::{Bytes, Drive, Ide, Media, MediaError};
use devices::fw_cfg::{FwCfg, Items};
use memory::{Memory, PhysAddr};
use seeds::{Damage, EDGES, Random};
use std::sync::Arc;

/// Orders to the IDE controller.
pub const TARGET: Target = Target {
    name: "ata",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 16, words: WORDS },
    inputs: 2500,
    shows: &[Outcome::Accepted],
};

/// Orders to the configuration device.
pub const FW_CFG: Target = Target {
    name: "fw_cfg",
    run: run_fw_cfg,
    seeds: fw_cfg_seeds,
    damage: Damage { window: usize::MAX, changes: 12, words: &[] },
    inputs: 4000,
    shows: &[Outcome::Accepted],
};

/// Orders that begin or go on with something: a command, a packet, a bus master's start.
const WORDS: &[&[u8]] = &[
    &[2, 0x17, 0x20],
    &[2, 0x17, 0xa0],
    &[2, 0x17, 0xc8],
    &[2, 0x17, 0xca],
    &[2, 0x17, 0xec],
    &[2, 0x17, 0x30],
    &[2, 0x1f, 0xa0],
    &[3, 0x10, 0xc0],
    &[6, 0, 9],
    &[6, 0, 1],
    &[1, 0x10, 0xff],
    &[7, 200],
];

const SECTOR: usize = 512;
const RAM: u64 = 2 << 20;
/// Where RAM ends below 4 GiB.
const LOW_RAM_END: u64 = 3 << 30;

/// An image with a sector that cannot be read.
#[derive(Debug)]
struct Damaged(Bytes);

impl Media for Damaged {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), MediaError> {
        let bad = 3 * SECTOR as u64;
        let touched = offset < bad + SECTOR as u64 && bad < offset + out.len() as u64;
        if touched { Err(MediaError) } else { self.0.read_at(offset, out) }
    }
}

/// The controller, its memory and its time.
pub(crate) struct Disks {
    pub(crate) ide: Clocked<Ide>,
    memory: Memory,
}

fn drives() -> [Option<Drive>; 4] {
    let bytes = |len: usize| Bytes((0..len).map(|at| (at / 7) as u8).collect());
    [
        Some(Drive::disk(Arc::new(bytes(300 * SECTOR + 77)), false, 0)),
        Some(Drive::disk(Arc::new(bytes(9 * SECTOR)), true, 1)),
        Some(Drive::cd(Arc::new(bytes(40 * 2048)), 2)),
        Some(Drive::disk(Arc::new(Damaged(bytes(64 * SECTOR))), false, 3)),
    ]
}

impl Disks {
    pub(crate) fn new() -> Self {
        let memory = Memory::new(RAM, LOW_RAM_END).expect("a little RAM");
        Self { ide: Clocked::new(Ide::new(drives())), memory }
    }

    /// A disk in the middle of a transfer: WRITE DMA of four sectors has been given a table of 700 bytes, so that a
    /// part of a sector waits, and now waits for another table.
    pub(crate) fn between_tables() -> Self {
        const ORDERS: &[&[u8]] = &[
            &[5, 0, 0x10, 0, 0x20, 0, 0, 0xbc, 0x02, 0, 0x80],
            &[6, 5, 0x10],
            &[6, 0, 1],
            &[2, 0x16, 0xe0],
            &[2, 0x12, 4],
            &[2, 0x17, 0xca],
        ];
        let mut disks = Self::new();
        Stream::new(&ORDERS.concat()).each(|stream| disks.order(stream));
        let drive = disks.ide.device.drives_mut().next().flatten();
        let wanted = drive.and_then(|drive| drive.dma_wanted());
        assert_eq!(wanted, Some((4 * SECTOR as u64 - 700, false)));
        disks
    }

    /// After a restore: what is no state.
    pub(crate) fn attach(&mut self) {
        let places = self.ide.device.drives_mut().zip(drives());
        for (drive, fresh) in places {
            if let (Some(drive), Some(_)) = (drive, fresh) {
                let image = Bytes(vec![7; 64 * SECTOR]);
                drive.medium_mut().attach(Arc::new(image));
            }
        }
    }

    /// One order; those to registers are one byte of register and one of value.
    pub(crate) fn order(&mut self, stream: &mut Stream<'_>) {
        let ide = &mut self.ide.device;
        match stream.u8() % 8 {
            0 => {
                let at = stream.u8();
                let channel = &mut ide.channels[usize::from(at & 1)];
                channel.read(at >> 1);
                channel.read_control();
            }
            1 => self.read_data(stream),
            2 | 4 => {
                let (at, value) = (stream.u8(), stream.u8());
                let channel = &mut ide.channels[usize::from(at >> 3 & 1)];
                match at & 0x10 {
                    0 => channel.write_control(value & 0x86),
                    _ => channel.write(at & 7, value),
                }
            }
            3 => self.write_data(stream),
            5 => self.write_memory(stream),
            6 => {
                let (at, value) = (stream.u8(), stream.u8());
                ide.write_bus_master(at & 15, value);
                ide.read_bus_master(at & 15);
            }
            _ => {
                let ns = step_ns(stream.u8());
                self.ide.pass(ns);
            }
        }
        self.settle();
    }

    /// What the board does after each access.
    fn settle(&mut self) {
        let ide = &mut self.ide.device;
        ide.run_dma(&self.memory);
        ide.watch();
        let _ = (ide.irq(0), ide.irq(1), ide.next_event());
        for drive in ide.drives_mut().flatten() {
            let writes = drive.medium_mut().take_writes();
            assert!(writes.iter().all(|run| run.bytes.len() % SECTOR == 0));
        }
    }

    /// One word, or as many as do not end the block, and one more.
    fn read_data(&mut self, stream: &mut Stream<'_>) {
        let (which, count) = (stream.u8(), stream.u8());
        let channel = &mut self.ide.device.channels[usize::from(which >> 4 & 1)];
        let most = if count == 0xff { channel.readable() } else { usize::from(count) * 2 };
        let mut out = vec![0; most.min(channel.readable()) & !1];
        channel.read_data_to(&mut out);
        channel.read_data();
    }

    fn write_data(&mut self, stream: &mut Stream<'_>) {
        let which = stream.u8();
        let channel = &mut self.ide.device.channels[usize::from(which >> 4 & 1)];
        if which & 15 == 0 {
            // A packet, or the beginning of a sector.
            for word in stream.bytes(12).chunks(2) {
                channel.write_data(u16::from_le_bytes([word[0], *word.last().unwrap_or(&0)]));
            }
        } else {
            let data = vec![which; channel.writable() & !1];
            channel.write_data_from(&data);
            channel.write_data(0x55aa);
        }
    }

    /// An entry of a bus master's table, at an address that a table may have.
    fn write_memory(&mut self, stream: &mut Stream<'_>) {
        let (at, low) = (stream.u16(), stream.u32());
        let high = stream.u32();
        let entry = u64::from(low) | u64::from(high) << 32;
        let _ = self.memory.write(PhysAddr(u64::from(at)), &entry.to_le_bytes());
    }
}

/// Commands as a driver gives them, and orders of any kind.
fn seeds() -> Vec<Vec<u8>> {
    let driven = (0..16).map(|seed| {
        let mut random = Random(seed);
        let mut out = Vec::new();
        for _ in 0..12 {
            let channel = random.below(2) as u8;
            let registers = [6, 2, 3, 4, 5].map(|register| {
                let value = if register == 6 {
                    random.pick(&[0xa0, 0xb0, 0xe0, 0xf0])
                } else {
                    random.below(4) as u8
                };
                [2, 0x10 | channel << 3 | register, value]
            });
            out.extend(registers.concat());
            out.extend([5, 0, 0x10, 0, 0x20, 0, 0, 0, 0x02, 0, 0x80]); // a table at 0x1000
            out.extend([6, channel << 3 | 5, 0x10]);
            out.extend([6, channel << 3, random.pick(&[1, 9])]);
            let command = random.pick(&[
                0x00, 0x08, 0x10, 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x90, 0x91,
                0xa0, 0xa1, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe0, 0xe5, 0xe7, 0xec, 0xef, 0xf8,
            ]);
            out.extend([2, 0x10 | channel << 3 | 7, command]);
            out.extend([7, 64 + 28]);
            let packet = random
                .pick(&[0x00, 0x03, 0x12, 0x1b, 0x25, 0x28, 0x43, 0x46, 0x4a, 0x5a, 0xa8, 0xbe]);
            out.extend([3, channel << 4, packet, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0]);
            out.extend([1, channel << 4, 0xff, 7, 64 + 28, 1, channel << 4, 0xff]);
        }
        out
    });
    let any = (100..108).map(|seed| Random(seed).bytes(600));
    driven.chain(any).collect()
}

/// Carries out orders.
pub fn run(bytes: &[u8]) -> Outcome {
    let mut disks = Disks::new();
    Stream::new(bytes).each(|stream| disks.order(stream));
    Outcome::Accepted
}

/// Items as a boot has them, and an empty one.
pub(crate) fn items() -> Items {
    let mut items = Items::new();
    items.add(0x11, vec![0xcc; 70_000]);
    items.add(0x12, Vec::new());
    items.add_u32(0x08, 70_000);
    for name in ["etc/e820", "bootorder", "genroms/a.bin"] {
        items.add_file(name, vec![1; 300]).expect("a name");
    }
    items
}

/// One order to the configuration device.
pub(crate) fn fw_cfg_order(device: &mut FwCfg, memory: &Memory, stream: &mut Stream<'_>) {
    match stream.u8() % 6 {
        0 => device.select(stream.u16()),
        1 => {
            device.read_data();
        }
        2 => {
            let mut out = vec![0xee; usize::from(stream.u8())];
            device.read_data_to(&mut out);
        }
        3 => {
            let (at, len) = (stream.u8(), stream.u8());
            device.read_dma(at, [1, 2, 4][usize::from(len % 3)]);
        }
        4 => {
            let (at, value) = (stream.u8(), stream.u32());
            device.write_dma(at & 7, value, memory);
        }
        _ => {
            // A descriptor, and the transfer it asks for.
            let (at, control) = (stream.u16(), stream.u32());
            let (length, address) = (anything(stream), anything(stream));
            let descriptor = [
                &control.to_be_bytes()[..],
                &(length as u32).to_be_bytes(),
                &address.to_be_bytes(),
            ];
            let _ = memory.write(PhysAddr(at.into()), &descriptor.concat());
            device.write_dma(4, u32::from(at).swap_bytes(), memory);
        }
    }
}

/// An edge of arithmetic, or any number.
fn anything(stream: &mut Stream<'_>) -> u64 {
    match stream.u8() {
        edge @ 0..16 => EDGES[usize::from(edge)],
        16..128 => u64::from(stream.u16()),
        128..192 => u64::from(stream.u32()),
        _ => stream.u64(),
    }
}

fn fw_cfg_seeds() -> Vec<Vec<u8>> {
    let read = |key: u16, length: u16, to: u16| {
        let control = (u32::from(key) << 16 | 0xa).to_le_bytes();
        let [low, high] = length.to_le_bytes();
        [&[5, 0, 0x20][..], &control, &[16, low, high, 16], &to.to_le_bytes()].concat()
    };
    let mut seeds = vec![
        [read(0x11, 5000, 0x3000), read(0x19, 2052, 0x4000), read(0x20, 300, 0xffff)].concat(),
        vec![0, 0x11, 0, 1, 2, 200, 3, 0, 2, 4, 0, 0, 0, 0, 0, 4, 4, 0, 0, 0x20, 0],
    ];
    seeds.extend((0..8).map(|seed| Random(seed).bytes(200)));
    seeds
}

/// Carries out orders.
pub fn run_fw_cfg(bytes: &[u8]) -> Outcome {
    let memory = Memory::new(RAM, LOW_RAM_END).expect("a little RAM");
    let mut device = FwCfg::new(items());
    Stream::new(bytes).each(|stream| {
        fw_cfg_order(&mut device, &memory, stream);
        let _ = (device.selected(), device.kernel_asked());
    });
    Outcome::Accepted
}

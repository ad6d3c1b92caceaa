//! Devices in any state that a damaged snapshot may hold: whatever it says, no access panics or hangs.
//!
//! A byte for the device, the length of its saved state, the state as postcard encodes it, then orders as
//! the other targets take them.

use crate::chips::Chips;
use crate::disks::{self, Disks};
use crate::screen;
use crate::timed::Clocked;
use crate::{Outcome, Stream, Target};
use devices::fw_cfg::FwCfg;
use devices::i8042::I8042;
use devices::vga::Vga;
use memory::Memory;
use seeds::{Damage, Random};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that are damaged: to the last PCI function, and far into the VGA's registers; orders, which follow short
/// states, are any bytes anyway.
const WINDOW: usize = 3000;

/// A saved state and orders.
pub const TARGET: Target = Target {
    name: "restored",
    run,
    seeds,
    damage: Damage {
        window: WINDOW,
        changes: 6,
        words: &[b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"],
    },
    inputs: 4000,
    shows: &[Outcome::Accepted, Outcome::Refused],
};

fn plain(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("devices are plain data")
}

/// Number of the drives among the devices.
const IDE: usize = 10;

fn seeds() -> Vec<Vec<u8>> {
    let chips = Chips::new();
    let states = [
        plain(&chips.pic),
        plain(&chips.ioapic),
        plain(&chips.uart),
        plain(&chips.pci),
        plain(&chips.pit.device),
        plain(&chips.rtc.device),
        plain(&chips.pm.device),
        plain(&chips.lapic.device),
        plain(&I8042::new()),
        plain(&FwCfg::new(disks::items())),
        plain(&Disks::new().ide.device),
        plain(&Vga::new()),
    ];
    let more = (IDE, plain(&Disks::between_tables().ide.device));
    let one = |(which, state): (usize, Vec<u8>)| {
        let len = (state.len() as u32).to_le_bytes();
        [&[which as u8][..], &len, &state, &Random(which as u64).bytes(240)].concat()
    };
    states.into_iter().enumerate().chain([more]).map(one).collect()
}

fn restore<T: DeserializeOwned>(slot: &mut T, state: &[u8]) -> Option<()> {
    *slot = postcard::from_bytes(state).ok()?;
    Some(())
}

/// Restores one device, then carries out orders.
pub fn run(bytes: &[u8]) -> Outcome {
    let mut stream = Stream::new(bytes);
    let (which, len) = (stream.u8(), stream.u32());
    let state = stream.bytes(len as usize);
    match try_device(which, state, &mut stream) {
        Some(()) => Outcome::Accepted,
        None => Outcome::Refused,
    }
}

fn try_device(which: u8, state: &[u8], stream: &mut Stream<'_>) -> Option<()> {
    match which % 12 {
        8 => {
            let mut device = Clocked::new(I8042::new());
            restore(&mut device.device, state)?;
            stream.each(|stream| screen::i8042_order(&mut device, stream));
        }
        9 => {
            let memory = Memory::new(2 << 20, 3 << 30).expect("a little RAM");
            let mut device = FwCfg::new(disks::items());
            restore(&mut device, state)?;
            device.attach(disks::items());
            stream.each(|stream| disks::fw_cfg_order(&mut device, &memory, stream));
        }
        10 => {
            let mut disks = Disks::new();
            restore(&mut disks.ide.device, state)?;
            disks.attach();
            stream.each(|stream| disks.order(stream));
        }
        11 => {
            let (mut vga, mut pictures) = (Vga::new(), 1);
            restore(&mut vga, state)?;
            stream.each(|stream| screen::vga_order(&mut vga, stream, &mut pictures));
        }
        chip => {
            let mut chips = Chips::new();
            match chip {
                0 => restore(&mut chips.pic, state)?,
                1 => restore(&mut chips.ioapic, state)?,
                2 => restore(&mut chips.uart, state)?,
                3 => restore(&mut chips.pci, state)?,
                4 => restore(&mut chips.pit.device, state)?,
                5 => restore(&mut chips.rtc.device, state)?,
                6 => restore(&mut chips.pm.device, state)?,
                _ => restore(&mut chips.lapic.device, state)?,
            }
            stream.each(|stream| chips.order_to(chip, stream));
        }
    }
    Some(())
}

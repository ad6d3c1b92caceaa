//! Display memory as the processor sees it: the window, odd/even and chain-4, write and read modes,
//! latches. IBM VGA/XGA Technical Reference, "Display Memory", "Graphics Controller".

use super::spec::{graphics, miscellaneous, sequencer};
use super::{OPEN_BUS, Vga};
use serde::{Deserialize, Serialize};

/// Bytes of a plane.
const PLANE_BYTES: usize = 0x1_0000;

/// The planes, side by side, and the latches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Planes {
    /// The byte of each plane at an address.
    bytes: Vec<[u8; 4]>,
    latches: [u8; 4],
}

impl Planes {
    pub(super) fn new() -> Self {
        Self { bytes: vec![[0; 4]; PLANE_BYTES], latches: [0; 4] }
    }

    /// No memory at all: what stands in for planes that are elsewhere for a moment.
    pub(super) const fn empty() -> Self {
        Self { bytes: Vec::new(), latches: [0; 4] }
    }

    /// The bytes of all planes at an address; zeros where a snapshot has none.
    pub(super) fn at(&self, address: u16) -> [u8; 4] {
        self.bytes.get(usize::from(address)).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, address: u16, plane: usize, value: u8) {
        if let Some(bytes) = self.bytes.get_mut(usize::from(address)) {
            bytes[plane & 3] = value;
        }
    }
}

/// What an address in the window means.
struct Target {
    /// Address within the planes.
    address: u16,
    /// Planes that a write may reach, one bit each.
    written: u8,
    /// The plane that a read in read mode 0 returns.
    read: usize,
}

impl Vga {
    /// True if the adapter answers at 0xa0000 + `offset`: memory map and RAM enable.
    pub fn claims(&self, offset: u32) -> bool {
        self.within_window(offset).is_some()
    }

    /// Reads the byte at 0xa0000 + `offset` and loads the latches.
    pub fn read_memory(&mut self, offset: u32) -> u8 {
        let Some(within) = self.within_window(offset) else { return OPEN_BUS };
        let target = self.target(within);
        let bytes = self.planes.at(target.address);
        self.planes.latches = bytes;
        if self.graphics[graphics::MODE] & graphics::READ_COMPARE == 0 {
            return bytes[target.read];
        }
        let wanted = self.graphics[graphics::COLOR_COMPARE];
        let care = self.graphics[graphics::COLOR_CARE];
        let compared = (0..4).filter(|plane| care >> plane & 1 != 0);
        compared.fold(0xff, |equal, plane| equal & !(bytes[plane] ^ spread(wanted, plane)))
    }

    /// Writes the byte at 0xa0000 + `offset`.
    pub fn write_memory(&mut self, offset: u32, value: u8) {
        let Some(within) = self.within_window(offset) else { return };
        let target = self.target(within);
        for plane in (0..4).filter(|plane| target.written >> plane & 1 != 0) {
            let byte = self.written_byte(value, plane);
            self.planes.set(target.address, plane, byte);
        }
    }

    /// The address within the window as it is mapped now.
    fn within_window(&self, offset: u32) -> Option<u32> {
        let map = usize::from(self.graphics[graphics::MISC] >> 2 & 3);
        let (start, len) = graphics::WINDOWS[map];
        let within = offset.checked_sub(start).filter(|&within| within < len)?;
        (self.misc & miscellaneous::RAM_ENABLE != 0).then_some(within)
    }

    fn target(&self, within: u32) -> Target {
        let low = (within & 3) as u8;
        let (map_mask, read_map) =
            (self.sequencer[sequencer::MAP_MASK], self.graphics[graphics::READ_MAP]);
        let mode = self.sequencer[sequencer::MEMORY_MODE];
        if mode & sequencer::CHAIN_4 != 0 {
            let address = (within & 0xfffc) as u16;
            return Target { address, written: map_mask & 1 << low, read: low.into() };
        }
        let odd = low & 1;
        let chained = self.graphics[graphics::MISC] & graphics::CHAIN_ODD_EVEN != 0;
        // Bit 0 has chosen the plane; in the 128 KiB map, bit 16 takes its place.
        let address =
            if chained { (within & 0xfffe | within >> 16 & 1) as u16 } else { within as u16 };
        let written = match (mode & sequencer::SEQUENTIAL != 0, odd) {
            (true, _) => map_mask,
            (false, 0) => map_mask & 0b0101,
            (false, _) => map_mask & 0b1010,
        };
        let read = match self.graphics[graphics::MODE] & graphics::READ_ODD_EVEN {
            0 => read_map & 3,
            _ => read_map & 2 | odd,
        };
        Target { address, written, read: read.into() }
    }

    /// The byte that reaches a plane: write modes 0 to 3.
    fn written_byte(&self, value: u8, plane: usize) -> u8 {
        let latch = self.planes.latches[plane];
        let register = |index: usize| self.graphics[index];
        let set_reset = spread(register(graphics::SET_RESET), plane);
        let rotated = value.rotate_right(u32::from(register(graphics::DATA_ROTATE) & 7));
        let mask = register(graphics::BIT_MASK);
        let (data, mask) = match register(graphics::MODE) & graphics::WRITE_MODE {
            0 if register(graphics::ENABLE_SET_RESET) >> plane & 1 != 0 => (set_reset, mask),
            0 => (rotated, mask),
            1 => return latch,
            2 => (spread(value, plane), mask),
            _ => (set_reset, mask & rotated),
        };
        let data = match register(graphics::DATA_ROTATE) >> 3 & 3 {
            0 => data,
            1 => data & latch,
            2 => data | latch,
            _ => data ^ latch,
        };
        data & mask | latch & !mask
    }
}

/// The bit of a plane, eight times.
const fn spread(bits: u8, plane: usize) -> u8 {
    if bits >> plane & 1 != 0 { 0xff } else { 0 }
}

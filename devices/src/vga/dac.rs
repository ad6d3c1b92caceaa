//! The digital-to-analog converter: 256 colors of 18 bits. IBM VGA/XGA Technical Reference, "Video
//! Digital-to-Analog Converter".

use serde::{Deserialize, Serialize};

/// Six bits a color.
const COLOR_BITS: u8 = 0x3f;

/// Colors and the index that walks through them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dac {
    /// The PEL mask, ANDed with every color number.
    pub(super) mask: u8,
    /// Red, green, blue of each color, 16 colors a row.
    colors: [[[u8; 3]; 16]; 16],
    /// The color that is read or written next.
    index: u8,
    /// Its component that is next.
    component: u8,
    /// What has been written of a color: it takes effect whole.
    written: [u8; 3],
    reading: bool,
}

impl Dac {
    pub(super) const fn new() -> Self {
        Self {
            mask: 0xff,
            colors: [[[0; 3]; 16]; 16],
            index: 0,
            component: 0,
            written: [0; 3],
            reading: false,
        }
    }

    /// What the last index was written for: 3 for reads, 0 for writes.
    pub(super) const fn state(&self) -> u8 {
        if self.reading { 3 } else { 0 }
    }

    pub(super) const fn write_index(&self) -> u8 {
        self.index
    }

    pub(super) const fn set_read_index(&mut self, index: u8) {
        (self.index, self.component, self.reading) = (index, 0, true);
    }

    pub(super) const fn set_write_index(&mut self, index: u8) {
        (self.index, self.component, self.reading) = (index, 0, false);
    }

    pub(super) fn read(&mut self) -> u8 {
        let component = usize::from(self.component % 3);
        let value = self.color(self.index)[component];
        self.step();
        value
    }

    pub(super) fn write(&mut self, value: u8) {
        self.written[usize::from(self.component % 3)] = value & COLOR_BITS;
        if self.component == 2 {
            self.set_color(self.index, self.written);
        }
        self.step();
    }

    fn step(&mut self) {
        self.component = self.component.wrapping_add(1);
        if self.component >= 3 {
            self.component = 0;
            self.index = self.index.wrapping_add(1);
        }
    }

    /// Red, green and blue, 6 bits each, of a color number as it lies there.
    fn color(&self, number: u8) -> [u8; 3] {
        self.colors[usize::from(number >> 4)][usize::from(number & 0xf)]
    }

    /// Sets a color.
    pub(super) fn set_color(&mut self, number: u8, color: [u8; 3]) {
        self.colors[usize::from(number >> 4)][usize::from(number & 0xf)] = color;
    }

    /// What the monitor shows for a color number, 8 bits a component.
    pub(super) fn shown(&self, number: u8) -> [u8; 3] {
        self.color(number & self.mask).map(|six| six << 2 | six >> 4 & 3)
    }
}

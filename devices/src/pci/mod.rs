//! PCI: configuration mechanism 1 and the functions of a 440FX board.
//!
//! Follows the PCI Local Bus Specification 2.3, "Configuration Mechanism #1": an address register of 32
//! bits (which only 32-bit accesses reach: the bytes of its ports belong to other devices) and a data
//! window of four bytes. A function that is not there reads all-ones.
//!
//! ```text
//! 00:00.0  82441FX host bridge           PAM registers: what memory the area c0000-fffff shows
//! 00:01.0  82371SB ISA bridge
//! 00:01.1  82371SB IDE interface         only on a board with drives
//! 00:01.3  82371AB power management      where the PM ports answer
//! ```
//!
//! Not emulated: other buses, type 1 cycles, configuration mechanism 2, PCI interrupt wires, parity.

pub mod function;
pub mod i440fx;
mod piix;
#[cfg(test)]
mod tests;

use function::{Function, command, header};
use i440fx::{Attributes, SEGMENTS};
use serde::{Deserialize, Serialize};

/// Address register bit 31: the data window is open.
const ENABLE: u32 = 1 << 31;
/// What can be written of the address register.
const ADDRESS_BITS: u32 = 0x80ff_fffc;

/// The board's functions by device and function number, ascending.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Pci {
    address: u32,
    /// Device number << 3 | function number, and the function.
    functions: Vec<(u8, Function)>,
}

const HOST_BRIDGE: u8 = 0 << 3;
const ISA_BRIDGE: u8 = 1 << 3;
const IDE: u8 = 1 << 3 | 1;
const POWER: u8 = 1 << 3 | 3;

/// What firmware writes, by function and first register: SeaBIOS `fw/pciinit.c`, `fw/shadow.c`, `hw/ata.c`. But
/// that all of the PAM area is RAM to be written, too: there is no ROM in it.
const AS_FIRMWARE: &[(u8, u8, &[u8])] = &[
    (HOST_BRIDGE, header::COMMAND, &[0x06, 0x01]), // SERR# is reported
    (HOST_BRIDGE, 0x59, &[0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33]), // PAM0 to PAM6
    (ISA_BRIDGE, 0x60, &[10, 10, 11, 11]),         // PIRQ A to D
    (IDE, header::COMMAND, &[command::IO as u8]),
    (IDE, 0x20, &[0x00, 0xc0]), // bus master registers at 0xc000
    (POWER, header::COMMAND, &[command::IO as u8]),
    (POWER, 0x90, &[0x00, 0x07]), // SMBus at 0x700
    (POWER, 0xd2, &[0x09]),
];

impl Pci {
    /// The board as firmware leaves it, with the power management registers at `pm_base`.
    pub fn set_up(with_ide: bool, pm_base: u16) -> Self {
        let mut pci = Self::new(with_ide);
        let base = pm_base.to_le_bytes();
        let power = [(POWER, piix::PMBASE, &base[..]), (POWER, piix::PMREGMISC, &[1])];
        for (place, first, bytes) in AS_FIRMWARE.iter().copied().chain(power) {
            if let Some(function) = pci.function_mut(place) {
                for (register, value) in (first..).zip(bytes) {
                    function.write_byte(register, *value);
                }
            }
        }
        pci
    }

    /// The board at reset.
    pub fn new(with_ide: bool) -> Self {
        let rows = [
            (HOST_BRIDGE, i440fx::FIELDS, true),
            (ISA_BRIDGE, piix::ISA_BRIDGE, true),
            (IDE, piix::IDE, with_ide),
            (POWER, piix::POWER, true),
        ];
        let present = rows.into_iter().filter(|&(_, _, present)| present);
        let functions = present.map(|(place, fields, _)| (place, Function::new(fields)));
        Self { address: 0, functions: functions.collect() }
    }

    /// Reads the address register: 32 bits at offset 0.
    pub fn address(&self) -> u32 {
        self.address
    }

    /// Writes the address register.
    pub fn set_address(&mut self, value: u32) {
        self.address = value & ADDRESS_BITS;
    }

    /// Reads the byte of the data window at `offset` (0 to 3).
    pub fn read_data(&self, offset: u8) -> u8 {
        match self.addressed() {
            Some((place, register)) => {
                self.function(place).map_or(0xff, |function| function.byte(register | offset & 3))
            }
            None => 0xff,
        }
    }

    /// Writes the byte of the data window at `offset` (0 to 3).
    pub fn write_data(&mut self, offset: u8, value: u8) {
        let Some((place, register)) = self.addressed() else { return };
        if let Some(function) = self.function_mut(place) {
            function.write_byte(register | offset & 3, value);
        }
    }

    /// What the area c0000-fffff shows, by segments of [`i440fx::segment`].
    pub fn shadow(&self) -> [Attributes; SEGMENTS] {
        self.function(HOST_BRIDGE).map(i440fx::attributes).unwrap_or_default()
    }

    /// First port of the power management registers, if they answer.
    pub fn pm_base(&self) -> Option<u16> {
        self.function(POWER).and_then(piix::pm_base)
    }

    /// First port of the IDE bus master registers, if they answer.
    pub fn bus_master_base(&self) -> Option<u16> {
        let ide = self.function(IDE)?;
        // The host bridge makes no I/O cycles above 64 KiB.
        let base = u16::try_from(ide.dword(0x20) & 0xffff_fff0).ok()?;
        (ide.word(header::COMMAND) & command::IO != 0 && base != 0).then_some(base)
    }

    /// True if the IDE interface may access memory itself: without it no bus master transfers.
    pub fn ide_is_master(&self) -> bool {
        self.function(IDE).is_some_and(|ide| ide.word(header::COMMAND) & command::MASTER != 0)
    }

    /// Function on bus 0 and register that the address register names.
    fn addressed(&self) -> Option<(u8, u8)> {
        let bus = self.address >> 16 & 0xff;
        let open = self.address & ENABLE != 0 && bus == 0;
        open.then_some(((self.address >> 8) as u8, self.address as u8))
    }

    fn function(&self, place: u8) -> Option<&Function> {
        self.functions.iter().find(|(at, _)| *at == place).map(|(_, function)| function)
    }

    fn function_mut(&mut self, place: u8) -> Option<&mut Function> {
        self.functions.iter_mut().find(|(at, _)| *at == place).map(|(_, function)| function)
    }
}

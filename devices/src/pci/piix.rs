//! The south bridge: configuration registers of the 82371SB (PIIX3) and of the power management
//! function of the 82371AB (PIIX4), together as QEMU's `pc` has them.
//!
//! Follows: Intel 82371FB/82371SB (290550), "PCI Configuration Registers"; 82371AB (290562), "Power
//! Management PCI Configuration Registers".
//!
//! Not emulated: PIRQ routing (stored; no function here drives a PCI interrupt wire), X-bus chip
//! selects, USB, SMBus, SMM: APMC_EN reads 1 from reset on, which tells SeaBIOS that SMM is set up
//! already; no write to port 0xb2 raises an SMI.

use super::function::{Field, Function};

/// Function 0: PCI-to-ISA bridge.
pub(super) const ISA_BRIDGE: &[Field] = &[
    (0x00, 4, 0x7000_8086, 0),
    (0x04, 2, 0x0007, 0),
    (0x06, 2, 0x0200, 0),
    (0x08, 4, 0x0601_0000, 0),
    (0x0e, 1, 0x80, 0),
    (0x2c, 4, 0x1100_1af4, 0),
    (0x4c, 4, 0x0003_004d, 0xffff_ffff), // I/O recovery, X-bus chip select
    (0x60, 4, 0x8080_8080, 0x8f8f_8f8f), // PIRQ routing: none
    (0x69, 1, 0x02, 0xfe),               // top of memory
    (0x6a, 1, 0, 0xff),
    (0x70, 2, 0x8080, 0xffff),
    (0x76, 2, 0x0c0c, 0xffff),
    (0x78, 2, 0x0002, 0xffff),
    (0x80, 1, 0, 0xff), // APIC base relocation
    (0x82, 1, 0, 0xff),
    (0xa0, 4, 0x0000_0008, 0xffff_ffff), // SMI control and enable
    (0xa8, 4, 0x0000_000f, 0xffff_ffff),
];

/// Function 1: IDE interface in legacy mode, both channels.
pub(super) const IDE: &[Field] = &[
    (0x00, 4, 0x7010_8086, 0),
    (0x04, 2, 0, 0x0005),
    (0x06, 2, 0x0280, 0),
    (0x08, 4, 0x0101_8000, 0),
    (0x0d, 1, 0, 0xf0),
    (0x20, 4, 0x0000_0001, 0xffff_fff0), // bus master registers, 16 ports
    (0x2c, 4, 0x1100_1af4, 0),
    (0x40, 4, 0x8000_8000, 0xffff_ffff), // timing: both channels decode
    (0x44, 1, 0, 0xff),
];

/// Function 3: power management.
pub(super) const POWER: &[Field] = &[
    (0x00, 4, 0x7113_8086, 0),
    (0x04, 2, 0, 0x0001),
    (0x06, 2, 0x0280, 0),
    (0x08, 4, 0x0680_0003, 0),
    (0x2c, 4, 0x1100_1af4, 0),
    (0x3c, 2, 0x0109, 0x00ff), // IRQ 9, pin A
    (PMBASE, 4, 0x0000_0001, 0x0000_ffc0),
    (0x58, 4, APMC_EN, 0xffff_ffff),
    (0x5c, 4, 0, 0xffff_ffff),
    (0x60, 4, 0x9000_0000, 0x0fff_ffff),
    (PMREGMISC, 1, 0, 0x01),
    (0x90, 4, 0x0000_0001, 0x0000_fff0), // SMBus base
    (0xd2, 1, 0, 0x0f),
    (0xd4, 2, 0, 0),
];

/// Base of the power management ports.
pub(super) const PMBASE: u8 = 0x40;
/// Bit 0 (PMIOSE) lets them answer.
pub(super) const PMREGMISC: u8 = 0x80;
/// DEVACTB bit 25: a write to the APM control port would raise SMI#.
const APMC_EN: u32 = 1 << 25;

/// First port of the power management registers, if they answer.
pub(super) fn pm_base(function: &Function) -> Option<u16> {
    let base = function.word(PMBASE) & 0xffc0;
    (function.byte(PMREGMISC) & 1 != 0 && base != 0).then_some(base)
}

//! The boot protocols by the names of `--protocol`.

use core::fmt;
use core::str::FromStr;

/// The usual machine serves the real-mode BIOS calls that some protocols begin with.
pub const BIOS_SERVICES: bool = true;

/// A way to hand a machine over to an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Xen's PVH direct boot: a 32-bit entry named by an ELF note.
    Pvh,
    /// Linux boot protocol, 64-bit entry.
    Linux64,
    /// Linux boot protocol, 32-bit entry.
    Linux32,
    /// Linux boot protocol, real-mode setup code.
    Linux16,
    /// Multiboot 0.6.96.
    Multiboot1,
    /// Multiboot 2.
    Multiboot2,
    /// A boot sector at 0x7c00, as a BIOS starts a disk.
    BootSector,
    /// A CD-ROM's boot image, as a BIOS starts it.
    ElTorito,
    /// A firmware image at the reset vector.
    Firmware,
}

impl Protocol {
    /// Every protocol that has a name, built or not.
    pub const ALL: [Self; 9] = [
        Self::Pvh,
        Self::Linux64,
        Self::Linux32,
        Self::Linux16,
        Self::Multiboot1,
        Self::Multiboot2,
        Self::BootSector,
        Self::ElTorito,
        Self::Firmware,
    ];

    /// The name `--protocol` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pvh => "pvh",
            Self::Linux64 => "linux64",
            Self::Linux32 => "linux32",
            Self::Linux16 => "linux16",
            Self::Multiboot1 => "multiboot1",
            Self::Multiboot2 => "multiboot2",
            Self::BootSector => "bootsector",
            Self::ElTorito => "eltorito",
            Self::Firmware => "firmware",
        }
    }

    /// True if its first instructions call a BIOS in real mode.
    pub const fn needs_bios(self) -> bool {
        matches!(self, Self::Linux16 | Self::BootSector | Self::ElTorito)
    }

    /// True if [`crate::plan`] can plan it.
    pub const fn is_built(self) -> bool {
        self.is_built_for(BIOS_SERVICES)
    }

    /// The same for a machine with or without BIOS services.
    pub(crate) const fn is_built_for(self, bios_services: bool) -> bool {
        bios_services || !self.needs_bios()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownProtocol;

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, UnknownProtocol> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name).ok_or(UnknownProtocol)
    }
}

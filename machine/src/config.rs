//! What a machine is built with: plain data, checked once.
//!
//! The clocks are not in it: every machine has the same. Virtual time is counted in nanoseconds of
//! instructions and device accesses; from it derive a TSC of 1 GHz ([`TSC_CLOCK`]) and a local APIC
//! timer of 25 MHz ([`LAPIC_TIMER_CLOCK`]), the crystal of which the TSC is 40 times, as CPUID leaf
//! 0x15 would say it. PIT, PM timer and RTC have the frequencies their datasheets give.

use crate::chipset::ROM_LEN_MAX;
use crate::drives::{DRIVES, DriveConfig, DriveKind};
use crate::xen::{console_page, cpuid};
use arch::cpuid::{ext1_edx, leaf1_ecx, leaf1_edx};
use arch::time::Ratio;
use boot::{AcpiProfile, Platform, layout};
use core::fmt;
use core::ops::Range;
use cpu::EngineForm;
use cpu::features::{self, Model, Word};
use devices::lapic::LapicConfig;
use std::sync::Arc;

/// The time-stamp counter: one tick a nanosecond of virtual time, whatever an instruction takes.
pub const TSC_CLOCK: Ratio = Ratio::hz(1_000_000_000);
/// Input clock of the local APIC timer in Hz: the crystal.
const LAPIC_TIMER_HZ: u64 = 25_000_000;
/// Input clock of the local APIC timer.
pub const LAPIC_TIMER_CLOCK: Ratio = Ratio::hz(LAPIC_TIMER_HZ);
/// Width of a physical address.
const PHYSICAL_BITS: u32 = cpu::walk::PHYSICAL_BITS;

/// What a machine is built with.
#[derive(Clone, Debug)]
pub struct MachineConfig {
    /// RAM in bytes, whole pages; what does not fit below 3 GiB continues at 4 GiB.
    pub ram_bytes: u64,
    /// CPU model.
    pub model: Model,
    /// Which ACPI tables the guest is given.
    pub acpi: AcpiProfile,
    /// Seed of RDRAND and RDSEED.
    pub seed: u64,
    /// What the real-time clock shows at power-on, in seconds since 1970-01-01T00:00:00.
    pub rtc_base: u64,
    /// Virtual nanoseconds of one instruction, at least 1.
    pub ns_per_insn: u32,
    /// `isa-debug-exit`: first port and number of ports. Wins over every other device.
    pub debug_exit: Option<(u16, u16)>,
    /// The debug consoles at 0xe9 and 0x402 exist.
    pub debugcon: bool,
    /// A VGA adapter exists. Without firmware it is in text mode from the start.
    pub vga: bool,
    /// A keyboard controller with keyboard and mouse exists.
    pub keyboard: bool,
    /// Drives: primary device 0 and 1, secondary device 0 and 1. Without any there is no IDE
    /// controller.
    pub drives: [Option<DriveConfig>; DRIVES],
    /// Engine form of the CPU. Changes nothing that a guest can see.
    pub engine: EngineForm,
    /// Count how often every instruction is executed. Changes nothing that a guest can see.
    pub profile: bool,
    /// Virtual nanoseconds of a port access beyond its instruction: what ISA takes.
    pub cost_port_ns: u32,
    /// Virtual nanoseconds of an access to memory-mapped registers beyond its instruction.
    pub cost_mmio_ns: u32,
    /// Firmware: the bytes of a ROM that ends at 4 GiB, a multiple of 64 KiB. With it the machine has
    /// a chipset to be set up, and begins at the reset vector.
    pub rom: Option<Arc<[u8]>>,
    /// Places of drives that a firmware is to try after a kernel, in order; empty for its own order.
    pub boot_order: Vec<usize>,
    /// The guest runs under Xen, as far as [`crate`] serves it.
    pub xen: bool,
    /// The name its owner gave it, for SMBIOS; may be empty.
    pub name: String,
    /// Its UUID in the order of its text, for SMBIOS and fw_cfg; all zero means none.
    pub uuid: [u8; 16],
    /// Text of BIOS services goes to COM1 too, and what comes in there is typed.
    pub bios_serial: bool,
    /// Instructions after which the machine stops with [`crate::Stop::Limit`].
    pub max_instructions: u64,
}

impl Default for MachineConfig {
    /// 512 MiB, the default CPU model, full ACPI, 2020-01-01T00:00:00, 1 ns an instruction.
    fn default() -> Self {
        Self {
            ram_bytes: 512 << 20,
            model: features::MODELS[0],
            acpi: AcpiProfile::Full,
            seed: 0,
            rtc_base: devices::rtc::DEFAULT_START_UNIX_S,
            ns_per_insn: 1,
            debug_exit: None,
            debugcon: true,
            vga: false,
            keyboard: false,
            drives: [const { None }; DRIVES],
            engine: EngineForm::BEST,
            profile: false,
            cost_port_ns: 1000,
            cost_mmio_ns: 500,
            rom: None,
            boot_order: Vec::new(),
            xen: false,
            name: String::new(),
            uuid: [0; 16],
            bios_serial: false,
            max_instructions: u64::MAX,
        }
    }
}

impl MachineConfig {
    /// The machine as the tables handed to a guest must describe it.
    pub fn platform(&self) -> Platform {
        Platform {
            acpi: self.acpi,
            lapic: self.model.has(Word::Leaf1Edx, leaf1_edx::APIC),
            vga: self.vga,
            i8042: self.keyboard,
            pci: self.has_pci(),
            disks: self.disks(),
            boot_order: self.boot_order.iter().map(|&place| drive_path(place)).collect(),
            name: self.name.clone(),
            uuid: self.uuid,
            cpu_signature: (self.model.signature, self.model.word(Word::Leaf1Edx)),
            ..Platform::default()
        }
    }

    /// Refuses what no machine can be built with.
    pub fn check(&self) -> Result<(), MachineError> {
        let (ram, min) = (self.ram_bytes, layout::RAM_MIN);
        if ram < min {
            return Err(MachineError::RamTooSmall { ram, min });
        }
        if ram >= RAM_END_MAX - layout::HIGH_RAM {
            return Err(MachineError::RamTooLarge { ram, max: RAM_END_MAX - layout::HIGH_RAM });
        }
        if !ram.is_multiple_of(memory::PAGE_SIZE) {
            return Err(MachineError::RamNotPages { ram });
        }
        if let Some(rom) = &self.rom
            && (rom.is_empty()
                || !rom.len().is_multiple_of(ROM_UNIT)
                || rom.len() as u64 > ROM_LEN_MAX)
        {
            return Err(MachineError::RomSize { len: rom.len() as u64 });
        }
        if self.xen && self.rom.is_some() {
            return Err(MachineError::XenWithRom);
        }
        if self.xen && !xen_may_be_shown(&self.model) {
            return Err(MachineError::XenNeeds { model: self.model.name });
        }
        if self.ns_per_insn == 0 {
            return Err(MachineError::NoTime);
        }
        if !self.engine.is_sound() {
            return Err(MachineError::NoFullTail);
        }
        for (place, drive) in self.drives.iter().enumerate() {
            let bytes = drive.as_ref().map(|drive| drive.image.size_bytes());
            if bytes.is_some_and(|bytes| bytes == 0 || bytes > DRIVE_BYTES_MAX) {
                return Err(MachineError::DriveSize { place, bytes: bytes.unwrap_or(0) });
            }
        }
        match self.debug_exit {
            Some((base, size)) if size == 0 || base.checked_add(size - 1).is_none() => {
                Err(MachineError::DebugExitPorts { base, size })
            }
            _ => Ok(()),
        }
    }

    /// RAM that the machine keeps for itself: a guest's map must call it reserved.
    pub fn reserved(&self) -> Vec<Range<u64>> {
        if self.xen { vec![console_page(self.ram_bytes)] } else { Vec::new() }
    }

    /// What a guest finds of Xen, in lines for people; none without it.
    pub fn explain_xen(&self) -> Vec<String> {
        if self.xen { crate::xen::explain(self.ram_bytes) } else { Vec::new() }
    }

    /// True if there is a PCI bus: with firmware always. Without, drives bring it, but not on hardware-reduced
    /// ACPI, which has no such chipset, and not under Xen, which shows its guests none.
    pub(crate) fn has_pci(&self) -> bool {
        let direct = self.has_drives() && self.acpi != AcpiProfile::Reduced && !self.xen;
        self.rom.is_some() || direct
    }

    /// True if the machine has an IDE controller.
    pub(crate) fn has_drives(&self) -> bool {
        self.drives.iter().any(Option::is_some)
    }

    /// Hard disks, which a BIOS numbers.
    fn disks(&self) -> u8 {
        let disks = self.drives.iter().flatten();
        disks.filter(|drive| matches!(drive.kind, DriveKind::Disk { .. })).count() as u8
    }

    pub(crate) fn cpu(&self) -> cpu::Config {
        cpu::Config {
            model: self.model,
            index: 0,
            ns_per_insn: self.ns_per_insn,
            tsc_clock: TSC_CLOCK,
            apic_hz: LAPIC_TIMER_HZ,
            seed: self.seed,
            form: self.engine,
            profile: self.profile,
            hypervisor: self.xen.then(|| {
                let rdtscp = self.model.has(Word::Ext1Edx, ext1_edx::RDTSCP);
                cpuid::hypervisor(rdtscp)
            }),
        }
    }

    pub(crate) fn lapic(&self) -> LapicConfig {
        let offers = |bit: u32| self.model.has(Word::Leaf1Ecx, bit);
        LapicConfig {
            id: 0,
            bootstrap: true,
            timer_clock: LAPIC_TIMER_CLOCK,
            tsc_clock: TSC_CLOCK,
            tsc_deadline: offers(leaf1_ecx::TSC_DEADLINE),
            x2apic: offers(leaf1_ecx::X2APIC),
            physical_address_bits: PHYSICAL_BITS as u8,
        }
    }
}

/// True if a guest on this model would look for a hypervisor and can work with Xen's.
fn xen_may_be_shown(model: &Model) -> bool {
    model.has(Word::Leaf1Ecx, leaf1_ecx::HYPERVISOR)
        && model.has(Word::Leaf1Edx, leaf1_edx::APIC | leaf1_edx::TSC)
}

/// The Open Firmware path of an IDE drive, as QEMU's `bootorder` has it: two channels of two.
fn drive_path(place: usize) -> String {
    format!("/pci@i0cf8/ide@1,1/drive@{}/disk@{}", place / 2, place % 2)
}

/// ROM chips come in multiples of 64 KiB.
const ROM_UNIT: usize = 0x1_0000;
/// RAM must end within the physical address space.
const RAM_END_MAX: u64 = 1 << PHYSICAL_BITS;

/// What 48 bits of sectors address.
const DRIVE_BYTES_MAX: u64 = 512 << 48;

/// Why a machine cannot be built.
#[derive(Debug)]
#[allow(missing_docs, reason = "fields carry the numbers that the variant's sentence names")]
pub enum MachineError {
    /// Less RAM than the low-memory map of a PC needs.
    RamTooSmall { ram: u64, min: u64 },
    /// RAM would pass the end of the physical address space.
    RamTooLarge { ram: u64, max: u64 },
    /// RAM is no whole number of pages.
    RamNotPages { ram: u64 },
    /// A ROM that no chipset can show.
    RomSize { len: u64 },
    /// The host does not give the RAM.
    NoHostMemory { ram: u64, cause: std::io::Error },
    /// Instructions take no time.
    NoTime,
    /// The full-tail engine form is unsound as this program was compiled.
    NoFullTail,
    /// The ports of isa-debug-exit do not exist.
    DebugExitPorts { base: u16, size: u16 },
    /// A drive's image is empty, or larger than a drive can be.
    DriveSize { place: usize, bytes: u64 },
    /// Xen starts a guest by PVH, firmware would be a guest of another type.
    XenWithRom,
    /// A CPU model on which no guest looks for a hypervisor.
    XenNeeds { model: &'static str },
}

impl MachineError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::RamTooSmall { min, .. } => format!("give at least -m {}M", min.div_ceil(1 << 20)),
            Self::RamTooLarge { max, .. } => format!("give less than -m {}G", max >> 30),
            Self::RamNotPages { ram } => {
                format!("give a multiple of 4096 bytes, for example -m {}M", ram.div_ceil(1 << 20))
            }
            Self::RomSize { .. } => {
                "firmware is a multiple of 64 KiB up to 8 MiB, such as bios-256k.bin or qboot.rom"
                    .into()
            }
            Self::NoHostMemory { .. } => "give less RAM with -m".into(),
            Self::NoTime => "give at least one nanosecond an instruction".into(),
            Self::NoFullTail => "leave the choice to --engine auto, or build with --release".into(),
            Self::DriveSize { .. } => "give an image of at least one sector".into(),
            Self::XenWithRom => "leave out --xen or --bios".into(),
            Self::XenNeeds { .. } => "take --cpu qemu64 or a newer one".into(),
            Self::DebugExitPorts { .. } => {
                "ports are 0 to 0xffff; QEMU's default is 0x501, 2 ports".into()
            }
        }
    }
}

impl core::error::Error for MachineError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NoHostMemory { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RamTooSmall { ram, min } => {
                write!(f, "{} KiB of RAM, a PC needs at least {} KiB", ram >> 10, min >> 10)
            }
            Self::RamTooLarge { ram, max } => {
                write!(f, "{} GiB of RAM, the CPU can address {} GiB", ram >> 30, max >> 30)
            }
            Self::RamNotPages { ram } => write!(f, "{ram} bytes of RAM are no whole pages"),
            Self::RomSize { len } => write!(f, "a firmware ROM of {len} bytes"),
            Self::NoHostMemory { ram, cause } => {
                write!(f, "the host does not give {} MiB for guest RAM: {cause}", ram >> 20)
            }
            Self::NoTime => f.write_str("an instruction cannot take 0 ns"),
            Self::XenWithRom => f.write_str("Xen's PVH guests have no firmware"),
            Self::XenNeeds { model } => {
                write!(f, "CPU model {model} shows no hypervisor, so no guest would find Xen")
            }
            Self::NoFullTail => f.write_str("this build has no sound full-tail engine"),
            Self::DriveSize { place, bytes } => {
                write!(f, "the image of drive {place} has {bytes} bytes")
            }
            Self::DebugExitPorts { base, size } => {
                write!(f, "isa-debug-exit cannot have {size} ports at {base:#x}")
            }
        }
    }
}

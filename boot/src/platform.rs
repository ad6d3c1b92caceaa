//! What the tables handed to a guest must describe: processors and devices, as plain data.
//!
//! The machine fills it from its configuration; the ACPI builder and the loaders read it. It holds
//! only what a table can say; how a device behaves is not its business. Port numbers that a PC fixes
//! (PM block 0x600, reset 0xcf9, IOAPIC 0xfec00000 ...) are constants of the ACPI builder.

/// Which ACPI tables the guest finds (`--acpi`).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum AcpiProfile {
    /// RSDP, XSDT, FADT with the fixed PM registers, FACS, MADT, DSDT.
    #[default]
    Full,
    /// Hardware-reduced: the FADT has sleep and reset registers in memory and no fixed hardware, MADT
    /// and DSDT know no PIC, PIT or RTC whatever the platform says.
    Reduced,
    /// No RSDP at all: every protocol passes address 0 or leaves the field out.
    Off,
}

/// A 16550 at its legacy place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SerialPort {
    /// First of eight I/O ports.
    pub io_base: u16,
    /// ISA interrupt.
    pub irq: u8,
}

/// A virtio-mmio register window (512 bytes) and its interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VirtioMmio {
    /// Physical address of the window.
    pub base: u64,
    /// Global system interrupt, level triggered.
    pub gsi: u8,
}

/// The machine as tables describe it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Platform {
    /// Processors, at least 1; local APIC ids are 0, 1, 2 ...
    pub cpus: u8,
    /// Which ACPI tables to build.
    pub acpi: AcpiProfile,
    /// The processors have a local APIC (else there is neither MADT nor MP table: they name nothing else).
    pub lapic: bool,
    /// An 8259A pair is present (MADT flag `PCAT_COMPAT`).
    pub pic: bool,
    /// An MC146818 is present (else FADT boot flag "CMOS RTC not present").
    pub rtc: bool,
    /// A keyboard controller is present (FADT boot flag "8042").
    pub i8042: bool,
    /// A VGA adapter is present (else FADT boot flag "VGA not present").
    pub vga: bool,
    /// An HPET is present at 0xfed00000.
    pub hpet: bool,
    /// PCI configuration mechanism 1 with a host bridge is present.
    pub pci: bool,
    /// Hard disks that INT 13h reaches.
    pub disks: u8,
    /// Devices that firmware tries after a kernel, by Open Firmware path, in order.
    pub boot_order: Vec<String>,
    /// The serial ports present.
    pub serial_ports: Vec<SerialPort>,
    /// The virtio-mmio windows present.
    pub virtio_mmio: Vec<VirtioMmio>,
    /// The processors' CPUID leaf 1: signature (EAX) and features (EDX).
    pub cpu_signature: (u32, u32),
    /// Their clock in MHz.
    pub cpu_mhz: u16,
    /// The machine's UUID in the order its text has; all zero means none.
    pub uuid: [u8; 16],
    /// The name the machine's owner gave it; may be empty.
    pub name: String,
}

impl Default for Platform {
    /// One processor, PIC, RTC and COM1, full ACPI: the smallest machine that boots Linux by PVH.
    fn default() -> Self {
        Self {
            cpus: 1,
            acpi: AcpiProfile::Full,
            lapic: true,
            pic: true,
            rtc: true,
            i8042: false,
            vga: false,
            hpet: false,
            pci: false,
            disks: 0,
            boot_order: Vec::new(),
            serial_ports: vec![SerialPort { io_base: 0x3f8, irq: 4 }],
            virtio_mmio: Vec::new(),
            cpu_signature: (0, 0),
            cpu_mhz: 1000,
            uuid: [0; 16],
            name: String::new(),
        }
    }
}

//! DSDT: the namespace. ACPI Specification 6.5, "ACPI-Defined Devices and Device-Specific Objects",
//! "\_Sx (System States)", "Resource Data Types for ACPI".
//!
//! Only objects without methods: nothing here needs the guest's AML interpreter to run code.

use super::fixed::table;
use super::linker::Blob;
use super::*;
use crate::layout;
use crate::platform::{SerialPort, VirtioMmio};
use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Device, EISAName, IO, Interrupt, Memory32Fixed, Name,
    Package, ResourceTemplate, Scope,
};

/// Revision 2: integers are 64 bits wide.
const REVISION: u8 = 2;

/// COM1 to COM4; a platform with more has ports that no table of a PC can name.
const MAX_COM_PORTS: u8 = 4;

/// AML ready to be nested into other AML.
struct Code(Vec<u8>);

impl Code {
    fn of(object: &dyn Aml) -> Self {
        let mut bytes = Vec::new();
        object.to_aml_bytes(&mut bytes);
        Self(bytes)
    }
}

impl Aml for Code {
    fn to_aml_bytes(&self, sink: &mut dyn acpi_tables::AmlSink) {
        sink.vec(&self.0);
    }
}

/// The table for `platform`.
pub(super) fn dsdt(platform: &Platform) -> Blob {
    let mut devices: Vec<Code> = (0..platform.cpus).map(processor).collect();
    devices.extend(platform.serial_ports.iter().zip(1..=MAX_COM_PORTS).map(serial_port));
    if platform.rtc {
        devices.push(isa_device("RTC_", "PNP0B00", &[(0x70, 2)], 8));
    }
    if platform.i8042 {
        devices.push(isa_device("KBD_", "PNP0303", &[(0x60, 1), (0x64, 1)], 1));
        devices.push(isa_device("MOU_", "PNP0F13", &[], 12));
    }
    if platform.hpet {
        devices.push(hpet());
    }
    if platform.pci {
        devices.push(host_bridge());
    }
    devices.extend(platform.virtio_mmio.iter().zip(0..=u8::MAX).map(virtio_mmio));

    let children = devices.iter().map(|device| device as &dyn Aml).collect();
    let mut code = Code::of(&sleep_state_s5(platform.acpi)).0;
    Scope::new("\\_SB_".into(), children).to_aml_bytes(&mut code);
    table("DSDT", REVISION, &code)
}

/// `\_S5_`: SLP_TYP for PM1a and PM1b, two reserved elements. The only sleep state there is. Reduced
/// hardware has one sleep control register, which takes the first value.
fn sleep_state_s5(profile: AcpiProfile) -> Name {
    let slp_typ = if profile == AcpiProfile::Reduced { REDUCED_SLP_TYP_S5 } else { SLP_TYP_S5 };
    Name::new("\\_S5_".into(), &Package::new(vec![&slp_typ, &slp_typ, &0u8, &0u8]))
}

/// A processor device; its `_UID` is the MADT's processor UID.
fn processor(id: u8) -> Code {
    let path = format!("C{id:03X}");
    device(&path, &[Name::new("_HID".into(), &"ACPI0007"), Name::new("_UID".into(), &id)])
}

/// COM1 and its like: PNP0501, "16550A-compatible COM port". `uid` counts from 1, as COM ports do.
fn serial_port((port, uid): (&SerialPort, u8)) -> Code {
    let io = IO::new(port.io_base, port.io_base, 1, 8);
    let irq = isa_interrupt(port.irq);
    device(
        &format!("COM{uid:X}"),
        &[
            Name::new("_HID".into(), &EISAName::new("PNP0501")),
            Name::new("_UID".into(), &uid),
            Name::new("_CRS".into(), &ResourceTemplate::new(vec![&io, &irq])),
        ],
    )
}

/// A device with fixed ISA resources: ranges as (first port, count).
fn isa_device(name: &str, hid: &str, ports: &[(u16, u8)], irq: u8) -> Code {
    let ios: Vec<IO> = ports.iter().map(|&(base, len)| IO::new(base, base, 1, len)).collect();
    let irq = isa_interrupt(irq);
    let mut resources: Vec<&dyn Aml> = ios.iter().map(|io| io as &dyn Aml).collect();
    resources.push(&irq);
    device(
        name,
        &[
            Name::new("_HID".into(), &EISAName::new(hid)),
            Name::new("_CRS".into(), &ResourceTemplate::new(resources)),
        ],
    )
}

/// PCI bus 0: what it passes on, and where the one function with an interrupt pin leads.
fn host_bridge() -> Code {
    const LAST_MMIO: u32 = IOAPIC_ADDR - 1;
    const ROUTE_SLOT_1: u32 = 0x0001_ffff;
    let config = IO::new(0xcf8, 0xcf8, 1, 8);
    let bus = AddressSpace::new_bus_number(0u16, 0u16);
    let ports = [
        AddressSpace::new_io(0u16, 0xcf7u16, None),
        AddressSpace::new_io(0xd00u16, 0xffffu16, None),
    ];
    let window = |first: u32, last: u32| {
        AddressSpace::new_memory(AddressSpaceCacheable::NotCacheable, true, first, last, None)
    };
    let vga = window(0xa_0000, 0xb_ffff);
    let high = window(layout::LOW_RAM_END as u32, LAST_MMIO);
    let sci = Package::new(vec![&ROUTE_SLOT_1, &0u8, &0u8, &SCI_IRQ]);
    device(
        "PCI0",
        &[
            Name::new("_HID".into(), &EISAName::new("PNP0A03")),
            Name::new("_UID".into(), &0u8),
            Name::new(
                "_CRS".into(),
                &ResourceTemplate::new(vec![&bus, &config, &ports[0], &ports[1], &vga, &high]),
            ),
            Name::new("_PRT".into(), &Package::new(vec![&sci])),
        ],
    )
}

fn hpet() -> Code {
    let registers = Memory32Fixed::new(true, HPET_ADDR, 0x400);
    device(
        "HPET",
        &[
            Name::new("_HID".into(), &EISAName::new("PNP0103")),
            Name::new("_CRS".into(), &ResourceTemplate::new(vec![&registers])),
        ],
    )
}

/// A virtio-mmio transport: Linux finds it by the id LNRO0005. `_CCA` says its DMA is coherent.
fn virtio_mmio((window, uid): (&VirtioMmio, u8)) -> Code {
    const WINDOW_LEN: u64 = 512;
    let last = window.base.saturating_add(WINDOW_LEN - 1);
    let cacheable = AddressSpaceCacheable::NotCacheable;
    let registers = AddressSpace::new_memory(cacheable, true, window.base, last, None);
    let irq = Interrupt::new(true, false, false, false, window.gsi.into());
    device(
        &format!("VM{uid:02X}"),
        &[
            Name::new("_HID".into(), &"LNRO0005"),
            Name::new("_UID".into(), &uid),
            Name::new("_CCA".into(), &1u8),
            Name::new("_CRS".into(), &ResourceTemplate::new(vec![&registers, &irq])),
        ],
    )
}

/// Edge triggered, active high, not shared: the ISA bus.
fn isa_interrupt(irq: u8) -> Interrupt {
    Interrupt::new(true, true, false, false, irq.into())
}

fn device(name: &str, objects: &[Name]) -> Code {
    let children = objects.iter().map(|object| object as &dyn Aml).collect();
    Code::of(&Device::new(name.into(), children))
}

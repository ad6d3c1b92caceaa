//! PC devices, each a plain value: registers in, registers out, levels as methods.
//!
//! | device | part | document | not emulated |
//! |---|---|---|---|
//! | [`pic`] | two 8259A, ELCR | Intel 8259A (231468); 82371AB (PIIX4) | MCS-80 mode, LTIM, free cascade, buffered mode |
//! | [`pit`] | 8254, port 0x61 | Intel 8254 (231164); 82371AB | write-to-CLK delay, IOCHK#, SERR# |
//! | [`uart16550`] | 16550A | National PC16550D | baud timing, line errors, break, DMA pins |
//! | [`rtc`] | MC146818, 128 bytes CMOS | Motorola MC146818 | other crystals, daylight saving, SQW pin |
//! | [`ferr`] | coprocessor error logic | 82371AB, "Coprocessor Error"; SDM Vol. 1, "MS-DOS Compatibility Sub-mode" | port 0xf1 (reset of a 287) |
//! | [`lapic`] | local APIC, xAPIC and x2APIC | SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)" | LINT polarity, EOI broadcast suppression |
//! | [`ioapic`] | 82093AA, version 0x20 | Intel 82093AA (290566) | polarity, delivery status, APIC bus |
//! | [`pm`] | PM1a, PM timer, GPE0, reset registers | ACPI 6.4; 82371AB | SMM, legacy mode, sleep states but S5 |
//! | [`pci`] | configuration space of 82441FX, 82371SB, 82371AB functions | PCI 2.3; their datasheets | PCI interrupt wires, other buses |
//! | [`fw_cfg`] | QEMU firmware configuration | QEMU `docs/specs/fw_cfg.rst` | writable items |
//! | [`vga`] | VGA, what a Bochs VBE adapter is found by | IBM VGA/XGA Technical Reference; FreeVGA | VBE modes, scrolling by dots, blinking, retrace interrupt |
//! | [`i8042`] | keyboard controller, keyboard, mouse | IBM PS/2 Hardware Interface Technical Reference | passwords, multiplexing, repetition, mouse movement |
//! | [`ata`] | IDE channels of a PIIX, disks, CD-ROM drives | ATA/ATAPI-6; SFF-8020i, MMC-3; SFF-8038i; 82371AB | audio, SMART, security, queues, seek times |
//! | [`debug_port`] | Bochs and QEMU debug ports | QEMU source | input |
//!
//! Each module opens with the whole list of what it does not emulate. What all of them share:
//!
//! - A device knows no port base, no other device, no CPU and no host clock. Offsets count from its
//!   first register. The board wires outputs to inputs after every access and every event.
//! - A timed device is told the time by `advance(now)`, before each access and at each of its own
//!   `next_event()`s, never past the earliest. `next_event` names only edges that somebody listens
//!   to; everything else is computed when it is looked at.
//! - Tick counts are derived from instants by [`arch::time::Ratio`], never summed up from rounded
//!   pieces.
//! - Whatever bytes a guest writes or a snapshot holds, no access panics, hangs or allocates without
//!   bound.
//! - Each device is `Serialize` and `Deserialize`: that is how a machine is saved.
#![forbid(unsafe_code)]

pub mod ata;
pub mod debug_port;
pub mod ferr;
pub mod fw_cfg;
pub mod i8042;
pub mod ioapic;
pub mod lapic;
pub mod pci;
pub mod pic;
pub mod pit;
pub mod pm;
pub mod rtc;
pub mod uart16550;
pub mod vga;

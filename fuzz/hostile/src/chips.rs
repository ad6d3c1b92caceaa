//! Small devices as plain values: interrupt controllers, timers, clock, serial port, power management,
//! PCI configuration. Every order is a device, an operation, an offset, a value and a step in time.

use crate::timed::{Clocked, step_ns};
use crate::{Outcome, Stream, Target};
use arch::time::Ratio;
use devices::ioapic::Ioapic;
use devices::lapic::{Lapic, LapicConfig, Lint};
use devices::pci::Pci;
use devices::pic::{PicPair, Which};
use devices::pit::Pit;
use devices::pm::{Pm, Port92, ResetControl};
use devices::rtc::Rtc;
use devices::uart16550::Uart16550;
use seeds::{Damage, Random};

/// Orders of eight bytes.
pub const TARGET: Target = Target {
    name: "chips",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 24, words: &[] },
    inputs: 4000,
    shows: &[Outcome::Accepted],
};

const ORDER: usize = 8;

/// Orders of any kind.
fn seeds() -> Vec<Vec<u8>> {
    (0..24).map(|seed| Random(seed).bytes(ORDER * 120)).collect()
}

/// All of them, at power-on or as a snapshot left them.
pub(crate) struct Chips {
    pub(crate) pic: PicPair,
    pub(crate) ioapic: Ioapic,
    pub(crate) uart: Uart16550,
    pub(crate) pci: Pci,
    reset_control: ResetControl,
    port92: Port92,
    pub(crate) pit: Clocked<Pit>,
    pub(crate) rtc: Clocked<Rtc>,
    pub(crate) pm: Clocked<Pm>,
    pub(crate) lapic: Clocked<Lapic>,
}

fn new_lapic() -> Lapic {
    Lapic::new(LapicConfig {
        id: 0,
        bootstrap: true,
        timer_clock: Ratio::hz(25_000_000),
        tsc_clock: Ratio::hz(1_000_000_000),
        tsc_deadline: true,
        x2apic: true,
        physical_address_bits: 40,
    })
}

impl Chips {
    pub(crate) fn new() -> Self {
        Self {
            pic: PicPair::new(),
            ioapic: Ioapic::new(),
            uart: Uart16550::new(),
            pci: Pci::new(true),
            reset_control: ResetControl::new(),
            port92: Port92::new(),
            pit: Clocked::new(Pit::new()),
            rtc: Clocked::new(Rtc::new()),
            pm: Clocked::new(Pm::new()),
            lapic: Clocked::new(new_lapic()),
        }
    }

    fn order(&mut self, stream: &mut Stream<'_>) {
        let which = stream.u8() % 10;
        self.order_to(which, stream);
    }

    /// One order to the device of this number.
    pub(crate) fn order_to(&mut self, which: u8, stream: &mut Stream<'_>) {
        let (operation, offset, step) = (stream.u8(), stream.u8(), stream.u8());
        let value = stream.u32();
        let ns = step_ns(step);
        match which {
            0 => pic(&mut self.pic, operation, offset, value as u8),
            1 => ioapic(&mut self.ioapic, operation, offset, value),
            2 => uart(&mut self.uart, operation, offset, value as u8),
            3 => pci(&mut self.pci, operation, offset, value),
            4 => {
                self.pit.pass(ns);
                pit(&mut self.pit.device, operation, offset, value as u8);
            }
            5 => {
                self.rtc.pass(ns);
                rtc(&mut self.rtc.device, operation, offset, value as u8);
            }
            6 => {
                self.pm.pass(ns);
                pm(&mut self.pm.device, operation, offset, value);
            }
            7 | 8 => {
                self.lapic.pass(ns);
                lapic(&mut self.lapic.device, operation, offset, value);
            }
            _ => {
                let _ = self.reset_control.write(value as u8);
                let _ = self.port92.write(value as u8);
                let _ = (self.reset_control.read(), self.port92.read());
            }
        }
    }
}

fn pic(pic: &mut PicPair, operation: u8, offset: u8, value: u8) {
    let which = if offset & 2 == 0 { Which::Master } else { Which::Slave };
    match operation % 6 {
        0 => {
            pic.read(which, offset & 1);
        }
        1 | 2 => pic.write(which, offset & 1, value),
        3 => pic.write_elcr(which, value),
        4 => pic.set_irq(value & 15, value & 16 != 0),
        _ if pic.intr() => {
            pic.acknowledge();
        }
        _ => {
            pic.read_elcr(which);
        }
    }
}

fn ioapic(ioapic: &mut Ioapic, operation: u8, offset: u8, value: u32) {
    match operation % 5 {
        0 => {
            ioapic.read(offset.into());
        }
        1 | 2 => ioapic.write(u16::from(offset), value),
        3 => ioapic.set_irq(offset % 24, value & 1 != 0),
        _ => ioapic.eoi(value as u8),
    }
    let deliveries = core::iter::from_fn(|| ioapic.take_delivery()).take(1000).count();
    assert!(deliveries < 1000, "messages without end");
}

fn uart(uart: &mut Uart16550, operation: u8, offset: u8, value: u8) {
    match operation % 5 {
        0 => {
            uart.read(offset & 7);
        }
        1 | 2 => uart.write(offset & 7, value),
        3 => {
            uart.receive(value);
        }
        _ => uart.set_modem_inputs(value),
    }
    while uart.take_output().is_some() {}
    let _ = (uart.irq(), uart.can_receive(), uart.write_ends_interrupt(offset & 7));
}

fn pci(pci: &mut Pci, operation: u8, offset: u8, value: u32) {
    match operation % 4 {
        0 => {
            pci.read_data(offset & 3);
        }
        1 | 2 => pci.write_data(offset & 3, value as u8),
        _ => pci.set_address(value & 0xffff | 0x8000_0000),
    }
    let _ = (pci.shadow(), pci.pm_base(), pci.bus_master_base(), pci.address());
}

fn pit(pit: &mut Pit, operation: u8, offset: u8, value: u8) {
    match operation % 4 {
        0 => {
            pit.read(offset & 3);
        }
        1 | 2 => pit.write(offset & 3, value),
        _ => pit.write_port61(value),
    }
    let _ = (pit.out(0), pit.out(2), pit.speaker(), pit.read_port61());
}

fn rtc(rtc: &mut Rtc, operation: u8, offset: u8, value: u8) {
    match operation % 4 {
        0 => {
            rtc.read(offset & 1);
        }
        1 => rtc.write(0, value & 0x3f),
        _ => rtc.write(offset & 1, value),
    }
    let _ = (rtc.irq(), rtc.nmi_masked());
}

fn pm(pm: &mut Pm, operation: u8, offset: u8, value: u32) {
    let len = [1, 2, 4][usize::from(operation >> 4) % 3];
    match operation % 5 {
        0 => {
            pm.read(u16::from(offset % 16), len);
        }
        1 => pm.write(u16::from(offset % 16), len, value),
        2 => pm.write_gpe0(u16::from(offset % 8), len, value),
        3 => pm.set_gpe0(offset, value & 1 != 0),
        _ => pm.press_power_button(),
    }
    let _ = (pm.sci(), pm.take_sleep(), pm.timer(), pm.read_gpe0(u16::from(offset % 8), len));
}

fn lapic(lapic: &mut Lapic, operation: u8, offset: u8, value: u32) {
    let at = u16::from(offset) << 4;
    match operation % 12 {
        0 => {
            lapic.read(at);
        }
        1..=3 => lapic.write(at, value),
        4 => {
            let _ = lapic.read_msr(0x800 + u32::from(offset));
        }
        5 => {
            let _ = lapic.write_msr(0x800 + u32::from(offset), u64::from(value));
        }
        6 => {
            let _ = lapic.set_base_msr(u64::from(value) & 0xfff | 0xfee0_0000);
        }
        7 => lapic.set_tsc_deadline(u64::from(value) << (offset & 31)),
        8 => lapic.set_tsc_offset(u64::from(value).wrapping_neg() << (offset & 31)),
        9 => {
            lapic.set_lint(if offset & 1 == 0 { Lint::Lint0 } else { Lint::Lint1 }, value & 1 != 0)
        }
        10 => lapic.set_cr8(value as u8 & 15),
        _ => lapic.accept(value as u8, offset & 1 != 0),
    }
    if lapic.intr() && operation & 0x80 != 0 {
        let _ = lapic.acknowledge();
    }
    let eois = core::iter::from_fn(|| lapic.take_eoi()).take(1000).count();
    let requests = core::iter::from_fn(|| lapic.take_request()).take(1000).count();
    assert!(eois < 1000 && requests < 1000, "outputs without end");
    if let Some(message) = lapic.take_message()
        && lapic.is_addressed(message.destination, true)
    {
        lapic.receive(message.mode, message.vector, message.level);
    }
}

/// Carries out orders at power-on.
pub fn run(bytes: &[u8]) -> Outcome {
    let (mut chips, mut stream) = (Chips::new(), Stream::new(bytes));
    stream.each(|stream| chips.order(stream));
    Outcome::Accepted
}

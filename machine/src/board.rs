//! The board: every device by name, and every wire between them.
//!
//! An access goes in through [`Bus`]: what was due happens first, the addressed device is brought to
//! the present and answers, then [`Board::settle`] carries every changed output to the inputs it is
//! soldered to. No device calls another.
//!
//! ```text
//! PIT OUT0 ---- IRQ 0 --+                          +-- GSI 2 --+
//! keyboard ---- IRQ 1 --+                          |           |
//! UART INTR --- IRQ 4 --+--> 8259A pair --INTR-->  |           |
//! RTC IRQ ----- IRQ 8 --+                  LINT0 --+-- GSI n --+--> I/O APIC --messages--> LAPIC
//! PM SCI ------ IRQ 9 --+                                                      <--EOI---
//! mouse ------- IRQ 12 -+
//! FERR# latch - IRQ 13 -+
//! IDE INTRQ - IRQ 14, 15 +
//! ```
//! Interrupts of the 8259A pair pass the local APIC by LINT0 (virtual wire mode); IRQ 0 is on pin 2
//! of the I/O APIC, as the MADT's override says, every other IRQ on the pin of its number.

use crate::bios::Bios;
use crate::chipset::Chipset;
use crate::clock::{Agenda, Timed};
use crate::config::MachineConfig;
use crate::drives;
use crate::inputs::SerialLine;
use crate::milestones::Charged;
use crate::port_map::{PortMap, Present};
use crate::xen::Xen;
use arch::time::Instant;
use boot::AcpiProfile;
use cpu::bus::{Bus, Lines, Outcome};
use devices::ata::Ide;
use devices::debug_port::{DebugConsole, DebugExit};
use devices::ferr::FerrLatch;
use devices::fw_cfg::FwCfg;
use devices::i8042::I8042;
use devices::ioapic::Ioapic;
use devices::lapic::{self, Lapic, Lint};
use devices::pic::PicPair;
use devices::pit::Pit;
use devices::pm::{Pm, Port92, ResetControl, SleepBlock};
use devices::rtc::Rtc;
use devices::uart16550::Uart16550;
use devices::vga::Vga;
use std::rc::Rc;

mod bus;
pub(crate) mod console;
mod outgoing;
mod preset;
mod xen;

use outgoing::Outgoing;
pub(crate) use outgoing::{Moment, Request};

/// IRQ numbers of a PC.
mod irq {
    pub(super) const PIT: u8 = 0;
    pub(super) const KEYBOARD: u8 = 1;
    pub(super) const COM1: u8 = 4;
    pub(super) const RTC: u8 = 8;
    pub(super) const SCI: u8 = boot::acpi::SCI_IRQ;
    pub(super) const MOUSE: u8 = 12;
    pub(super) const FERR: u8 = 13;
    pub(super) const IDE: [u8; 2] = [14, 15];
}

/// What accesses are counted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(crate) enum Counted {
    Uart,
    Pic,
    Pit,
    Rtc,
    Ferr,
    Pm,
    Reset,
    Lapic,
    Ioapic,
    FwCfg,
    DebugConsole,
    DebugExit,
    Vga,
    Keyboard,
    Ide,
    Absent,
    Pci,
    Bios,
    Xen,
}

impl Counted {
    const NAMES: [&'static str; 19] = [
        "uart",
        "pic",
        "pit",
        "rtc",
        "ferr",
        "pm",
        "reset",
        "lapic",
        "ioapic",
        "fw_cfg",
        "debugcon",
        "debug-exit",
        "vga",
        "i8042",
        "ide",
        "absent",
        "pci",
        "bios",
        "xen",
    ];
}

/// Levels of the interrupt wires that leave devices.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Levels {
    pit: bool,
    com1: bool,
    rtc: bool,
    sci: bool,
    ferr: bool,
    keyboard: bool,
    mouse: bool,
    ide: [bool; 2],
}

/// All devices of the machine and what connects them.
pub(crate) struct Board {
    // Static configuration
    pub(crate) cost_port_ns: u32,
    cost_mmio_ns: u32,
    ns_per_insn: u64,
    tsc_deadline: bool,
    pub(crate) debugcon: bool,
    pub(crate) debug_exit_ports: Option<(u16, u16)>,
    /// Which register is at which port.
    pub(crate) ports: PortMap,

    // Devices
    pub(crate) pic: PicPair,
    pub(crate) pit: Pit,
    pub(crate) uart: Uart16550,
    pub(crate) rtc: Rtc,
    pub(crate) ferr: FerrLatch,
    pub(crate) pm: Pm,
    pub(crate) reset_control: ResetControl,
    pub(crate) port92: Port92,
    pub(crate) fw_cfg: FwCfg,
    pub(crate) lapic: Lapic,
    pub(crate) ioapic: Ioapic,
    pub(crate) debug_console: DebugConsole,
    pub(crate) debug_exit: DebugExit,
    pub(crate) vga: Option<Vga>,
    pub(crate) keyboard: Option<I8042>,
    pub(crate) serial_line: SerialLine,
    /// On a machine with hardware-reduced ACPI, which has no PIC, PIT, RTC and PM registers.
    pub(crate) sleep_block: Option<SleepBlock>,
    /// On a machine with firmware.
    pub(crate) chipset: Option<Chipset>,
    /// On a machine whose guest calls a BIOS and has no firmware.
    pub(crate) bios: Option<Bios>,
    /// `None` in a machine without drives.
    pub(crate) ide: Option<Box<Ide>>,
    /// `None` without `--xen`.
    pub(crate) xen: Option<Box<Xen>>,

    // Wires
    levels: Levels,
    lines: Lines,
    /// The I/O APIC was written or an input of it changed: it may have messages.
    pub(crate) ioapic_touched: bool,
    /// An output may have changed since the wires were last settled.
    pub(crate) unsettled: bool,

    // Time
    pub(crate) now: Instant,
    pub(crate) agenda: Agenda,
    charged: Rc<Charged>,

    // What goes out
    out: Outgoing,
    /// When fw_cfg was last asked, on a machine with firmware.
    last_query: Option<Moment>,
    pub(crate) counts: [u64; Counted::NAMES.len()],
}

impl Board {
    /// A board at power-on; without firmware in the state in which firmware would leave it. The clock
    /// shows `unix_s`.
    pub(crate) fn new(config: &MachineConfig, unix_s: u64, charged: Rc<Charged>) -> Self {
        let lapic_config = config.lapic();
        let chipset = config.rom.is_some().then(|| Chipset::new(config.has_drives()));
        let ide = drives::build(&config.drives);
        let mut board = Self {
            cost_port_ns: config.cost_port_ns,
            cost_mmio_ns: config.cost_mmio_ns,
            ns_per_insn: u64::from(config.ns_per_insn.max(1)),
            tsc_deadline: lapic_config.tsc_deadline,
            debugcon: config.debugcon,
            debug_exit_ports: config.debug_exit,
            ports: PortMap::new(Present::new(
                chipset.as_ref(),
                ide.is_some(),
                config.acpi == AcpiProfile::Reduced,
            )),
            pic: PicPair::new(),
            pit: Pit::new(),
            uart: Uart16550::new(),
            rtc: Rtc::new(),
            ferr: FerrLatch::new(),
            pm: Pm::new(),
            reset_control: ResetControl::new(),
            port92: Port92::new(),
            fw_cfg: FwCfg::new(preset::firmware_items(config)),
            lapic: Lapic::new(lapic_config),
            ioapic: Ioapic::new(),
            debug_console: DebugConsole::new(),
            debug_exit: DebugExit::new(),
            vga: config.vga.then(Vga::new),
            keyboard: config.keyboard.then(I8042::new),
            serial_line: SerialLine::default(),
            sleep_block: (config.acpi == AcpiProfile::Reduced).then(SleepBlock::default),
            chipset,
            bios: None,
            ide,
            xen: config
                .xen
                .then(|| Box::new(Xen::new(config.ram_bytes, unix_s, config.model.is_amd()))),
            levels: Levels::default(),
            lines: Lines::default(),
            ioapic_touched: false,
            unsettled: false,
            now: Instant::ZERO,
            agenda: Agenda::new(),
            charged,
            last_query: None,
            out: Outgoing::default(),
            counts: [0; Counted::NAMES.len()],
        };
        board.rtc.set_time(unix_s);
        preset::cmos(&mut board.rtc, config.ram_bytes);
        if let Some(ide) = &board.ide {
            preset::cmos_disks(&mut board.rtc, ide);
        }
        if config.rom.is_none() {
            preset::pic(&mut board.pic);
            preset::console(&mut board);
        }
        board.lapic.enter_virtual_wire();
        board.bring_all();
        board
    }

    /// Offers what firmware asks the configuration device for.
    pub(crate) fn offer(
        &mut self,
        boot: &boot::firmware::Items,
        config: &MachineConfig,
    ) -> Result<(), boot::BootError> {
        let mut items = preset::firmware_items(config);
        preset::add_boot_items(&mut items, boot).map_err(|error| {
            let name = "a file".to_owned();
            boot::BootError::FirmwareFile { name, why: error.to_string() }
        })?;
        self.fw_cfg.attach(items);
        Ok(())
    }

    /// Which ports answer, as firmware has it now.
    pub(crate) fn present(&self) -> Present {
        Present::new(self.chipset.as_ref(), self.ide.is_some(), self.sleep_block.is_some())
    }

    // ---- wires ----

    /// Carries every output to the inputs it is soldered to. The one place where that happens; to be
    /// called after each event and each access that may have changed an output.
    pub(crate) fn settle(&mut self) {
        self.unsettled = false;
        let (keyboard, mouse) = self.keyboard_levels();
        let levels = Levels {
            pit: self.pit.out(0),
            com1: self.uart.irq(),
            rtc: self.rtc.irq(),
            sci: self.pm.sci(),
            ferr: self.ferr.irq(),
            keyboard,
            mouse,
            ide: self.ide_irqs(),
        };
        if levels != self.levels {
            self.levels = levels;
            self.set_irq(irq::PIT, levels.pit);
            self.set_irq(irq::COM1, levels.com1);
            self.set_irq(irq::RTC, levels.rtc);
            self.set_irq(irq::SCI, levels.sci);
            self.set_irq(irq::FERR, levels.ferr);
            self.set_irq(irq::KEYBOARD, levels.keyboard);
            self.set_irq(irq::MOUSE, levels.mouse);
            for (irq, level) in irq::IDE.into_iter().zip(levels.ide) {
                self.set_irq(irq, level);
            }
        }
        self.lapic.set_lint(Lint::Lint0, self.pic.intr());
        self.carry_messages();
        while let Some(request) = self.lapic.take_request() {
            match request {
                lapic::Request::Nmi => self.lines.nmi = true,
                lapic::Request::Init => self.request(Request::Reset),
                // A running processor ignores start-up messages; there is no SMM.
                lapic::Request::StartUp(_) | lapic::Request::Smi => {}
            }
        }
        self.lines.intr = self.lapic.intr() || self.has_xen_upcall();
        self.lines.ignne = self.ferr.ignne();
    }

    /// The interrupt wire of COM1 falls; [`Board::settle`] raises it again if it is still asserted,
    /// which is an edge.
    pub(crate) fn drop_com1_irq(&mut self) {
        self.levels.com1 = false;
        self.set_irq(irq::COM1, false);
        self.unsettled = true;
    }

    /// A device whose only output is an interrupt wire was touched: have the wires settled if it
    /// drives another level now.
    #[inline(always)]
    pub(crate) fn watch_level(&mut self, who: Timed) {
        self.unsettled |= match who {
            Timed::Pit => self.pit.out(0) != self.levels.pit,
            Timed::Rtc => self.rtc.irq() != self.levels.rtc,
            Timed::Pm => self.pm.sci() != self.levels.sci,
            Timed::SerialLine => self.uart.irq() != self.levels.com1,
            Timed::Keyboard => self.keyboard_levels() != (self.levels.keyboard, self.levels.mouse),
            Timed::Lapic => true,
            Timed::Ide => self.ide_irqs() != self.levels.ide,
            Timed::Xen => true,
        };
    }

    fn set_irq(&mut self, irq: u8, level: bool) {
        self.pic.set_irq(irq, level);
        self.ioapic.set_irq(if irq == irq::PIT { 2 } else { irq }, level);
        self.ioapic_touched = true;
    }

    /// EOI broadcasts to the I/O APIC, its messages and those of the local APIC to the local APIC.
    fn carry_messages(&mut self) {
        while let Some(vector) = self.lapic.take_eoi() {
            self.ioapic.eoi(vector);
            self.ioapic_touched = true;
        }
        if let Some(message) = self.lapic.take_message()
            && self.lapic.is_addressed(message.destination, true)
        {
            self.lapic.receive(message.mode, message.vector, message.level);
        }
        if std::mem::take(&mut self.ioapic_touched) {
            while let Some(delivery) = self.ioapic.take_delivery() {
                if self.lapic.matches(u32::from(delivery.dest), delivery.logical) {
                    self.lapic.receive(delivery.mode, delivery.vector, delivery.level);
                }
            }
        }
    }

    /// The outcome of an access, after the wires have settled.
    pub(crate) fn finish(&mut self, cost_ns: u32) -> Outcome {
        if self.unsettled {
            self.settle();
        }
        self.charged.ns.set(self.charged.ns.get().saturating_add(u64::from(cost_ns)));
        Outcome { cost_ns, ..self.state() }
    }

    // ---- the serial cable ----

    /// Bytes arrive at the far end of the serial cable.
    pub(crate) fn send_serial(&mut self, bytes: &[u8], now: Instant) {
        if let Some(xen) = self.xen.as_mut().filter(|xen| xen.takes_input()) {
            xen.send(bytes);
            return;
        }
        self.serial_line.send(bytes, now);
        self.refresh(Timed::SerialLine);
    }

    /// Bytes on their way to the serial port.
    pub(crate) fn serial_backlog(&self) -> usize {
        self.serial_line.len() + self.xen.as_ref().map_or(0, |xen| xen.backlog())
    }

    /// True if a byte at the serial port would raise its interrupt now.
    pub(crate) fn listens_to_serial(&self) -> bool {
        if let Some(xen) = self.xen_console() {
            return xen.listens();
        }
        let mut uart = self.uart.clone();
        self.serial_line.is_empty() && uart.receive(0) && uart.irq()
    }

    /// The moment of the access that is being answered.
    fn moment(&self) -> Moment {
        let of_instructions = self.now.ns().saturating_sub(self.charged.ns.get());
        (of_instructions / self.ns_per_insn, self.now, self.charged.accesses.get())
    }

    /// When fw_cfg was last asked, on a machine with firmware.
    pub(crate) fn last_query(&self) -> Option<Moment> {
        self.last_query
    }

    pub(crate) fn count(&mut self, device: Counted) {
        self.count_many(device, 1);
    }

    pub(crate) fn count_many(&mut self, device: Counted, accesses: u64) {
        self.counts[device as usize] += accesses;
        self.charged.accesses.set(self.charged.accesses.get() + accesses);
        if device == Counted::FwCfg && self.chipset.is_some() {
            self.last_query = Some(self.moment());
        }
    }

    /// Accesses by device since power-on, bytes of split ones counted singly.
    pub(crate) fn accesses(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Counted::NAMES.into_iter().zip(self.counts)
    }

    /// What was taken out of an earlier board goes on in this one.
    pub(crate) fn inherit(&mut self, old: Self) {
        self.out.inherit(old.out);
        self.counts = old.counts;
        // Discs keep what was written to them.
        self.ide = old.ide.map(|ide| Box::new(ide.power_cycled()));
    }

    // ---- time ----

    /// Earliest instant at which something happens by itself.
    pub(crate) fn next_event(&self) -> Instant {
        self.agenda.next()
    }
}

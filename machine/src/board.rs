//! The board: every device by name, and every wire between them.
//!
//! An access goes in through [`Bus`](cpu::bus::Bus): what was due happens first, the addressed device is brought to
//! the present and answers, then [`Board::settle`] carries every changed output to the inputs it is
//! soldered to. No device calls another. The wires are drawn in `wires.rs`.

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
use cpu::bus::Lines;
use devices::ata::Ide;
use devices::debug_port::{DebugConsole, DebugExit};
use devices::ferr::FerrLatch;
use devices::fw_cfg::FwCfg;
use devices::i8042::I8042;
use devices::ioapic::Ioapic;
use devices::lapic::Lapic;
use devices::pic::PicPair;
use devices::pit::Pit;
use devices::pm::{Pm, Port92, ResetControl, SleepBlock};
use devices::rtc::Rtc;
use devices::uart16550::Uart16550;
use devices::vga::Vga;
use std::rc::Rc;

mod bus;
pub(crate) mod console;
mod counted;
mod outgoing;
mod preset;
mod wires;
mod xen;

pub(crate) use counted::Counted;
use outgoing::Outgoing;
pub(crate) use outgoing::{Moment, Request};
use wires::Levels;

/// All devices of the machine and what connects them.
pub(crate) struct Board {
    // Static configuration
    pub(crate) cost_port_ns: u32,
    cost_mmio_ns: u32,
    ns_per_insn: u64,
    tsc_deadline: bool,
    with_firmware: bool,
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
    /// On a machine with firmware or PCI drives.
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
    /// Accesses by device.
    counts: [u64; Counted::NAMES.len()],
}

impl Board {
    /// A board at power-on; without firmware in the state in which firmware would leave it. The clock
    /// shows `unix_s`.
    pub(crate) fn new(config: &MachineConfig, unix_s: u64, charged: Rc<Charged>) -> Self {
        let lapic_config = config.lapic();
        let chipset = Chipset::of(config);
        let ide = drives::build(&config.drives);
        let mut board = Self {
            cost_port_ns: config.cost_port_ns,
            cost_mmio_ns: config.cost_mmio_ns,
            ns_per_insn: u64::from(config.ns_per_insn.max(1)),
            tsc_deadline: lapic_config.tsc_deadline,
            with_firmware: config.rom.is_some(),
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

//! The encoding of a machine's whole state, and its hash.
//!
//! ```text
//! u32 version | u64 RAM bytes | CPU | devices | VGA | keyboard controller | drives | BIOS | wait | Xen
//!     | for each page: u64 number, 4096 bytes
//! ```
//! Integers are little-endian; CPU and devices are encoded by postcard, which is the same on every
//! host. VGA, keyboard controller, drives, BIOS services and Xen are there if the machine has them, and the end of
//! a wait if a service waits. Of RAM only the pages that hold something are in it, ascending by number: a page that was
//! never written is not looked at, so that nothing is faulted in on the host, and one that was
//! cleared again counts as never written. Before encoding, every device is brought to the present:
//! two machines in equal states have equal encodings, however they got there.
//!
//! Part of the state is all that a guest could ever tell apart; not part of it are counters, output
//! that was not taken yet, and who listens.

use crate::board::Board;
use crate::machine::Machine;
use devices::debug_port::DebugExit;
use devices::ferr::FerrLatch;
use devices::fw_cfg::FwCfg;
use devices::ioapic::Ioapic;
use devices::lapic::Lapic;
use devices::pci::Pci;
use devices::pic::PicPair;
use devices::pit::Pit;
use devices::pm::{Pm, Port92, ResetControl, SleepBlock};
use devices::rtc::Rtc;
use devices::uart16550::Uart16550;
use memory::{Memory, PAGE_SIZE};
use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use crate::inputs::SerialLine;

/// Version of the encoding: changes whenever an equal state would be encoded differently.
pub const VERSION: u32 = 3;

/// The devices in the order of their encoding.
#[derive(Serialize)]
struct Devices<'a> {
    pic: &'a PicPair,
    pit: &'a Pit,
    uart: &'a Uart16550,
    rtc: &'a Rtc,
    pm: &'a Pm,
    reset_control: &'a ResetControl,
    port92: &'a Port92,
    fw_cfg: &'a FwCfg,
    lapic: &'a Lapic,
    ioapic: &'a Ioapic,
    debug_exit: &'a DebugExit,
    serial_line: &'a SerialLine,
    nmi: bool,
    ferr: &'a FerrLatch,
    sleep_block: Option<SleepBlock>,
    /// PCI functions and APM bytes of a machine that has them.
    chipset: Option<(&'a Pci, [u8; 2])>,
}

impl<'a> Devices<'a> {
    fn of(board: &'a Board) -> Self {
        Self {
            pic: &board.pic,
            pit: &board.pit,
            uart: &board.uart,
            rtc: &board.rtc,
            pm: &board.pm,
            reset_control: &board.reset_control,
            port92: &board.port92,
            fw_cfg: &board.fw_cfg,
            lapic: &board.lapic,
            ioapic: &board.ioapic,
            debug_exit: &board.debug_exit,
            serial_line: &board.serial_line,
            nmi: cpu::bus::Bus::state(board).lines.nmi,
            ferr: &board.ferr,
            sleep_block: board.sleep_block,
            chipset: board.chipset.as_ref().map(|chipset| (&chipset.pci, chipset.apm)),
        }
    }
}

impl Machine {
    /// Hands the encoding of the whole state to `out`, piece by piece.
    pub fn encode(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.settle_time();
        out(&VERSION.to_le_bytes());
        out(&self.memory().ram().len().to_le_bytes());
        out(&plain(&self.cpu().state()));
        out(&plain(&Devices::of(self.board())));
        let (vga, keyboard) = (&self.board().vga, &self.board().keyboard);
        let optional = [vga.as_ref().map(plain), keyboard.as_ref().map(plain)];
        optional.iter().flatten().for_each(|bytes| out(bytes));
        if let Some(ide) = &self.board().ide {
            out(&plain(ide));
        }
        if let Some(bios) = &self.board().bios {
            out(&plain(bios));
        }
        if let Some(end) = self.waits() {
            out(&plain(&end));
        }
        if let Some(xen) = &self.board().xen {
            out(&plain(xen));
        }
        pages(self.memory(), out);
    }

    /// XXH3-128 of the encoding: equal for equal states, on every host.
    pub fn state_hash(&mut self) -> u128 {
        let mut hasher = Xxh3::new();
        self.encode(&mut |piece| hasher.update(piece));
        hasher.digest128()
    }
}

/// The postcard form. Plain data without maps or borrowed lengths cannot fail to be encoded.
fn plain(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("states are plain data")
}

fn pages(memory: &Memory, out: &mut dyn FnMut(&[u8])) {
    let mut bytes = [0; PAGE_SIZE as usize];
    for page in memory.touched_pages().to_vec() {
        memory.ram().read(page * PAGE_SIZE, &mut bytes);
        if bytes.iter().any(|&byte| byte != 0) {
            out(&page.to_le_bytes());
            out(&bytes);
        }
    }
}

//! A device on an IDE cable: the front, a command set behind it, and a medium.

use super::cd::Cd;
use super::disk::Disk;
use super::front::{BLOCK_NS, COMMAND_NS, DMA_NS, Front, RESET_NS, Work};
use super::media::{Media, Medium};
use super::spec::{command, error, status};
use arch::time::Instant;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The command set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Disk(Disk),
    Cd(Cd),
}

/// A disk or a CD-ROM drive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drive {
    pub(super) front: Front,
    kind: Kind,
    medium: Medium,
    /// Tells the drives of a machine apart in their serial numbers.
    unit: u8,
}

impl Drive {
    /// A disk with this image. `unit` is in its serial number.
    pub fn disk(image: Arc<dyn Media>, read_only: bool, unit: u8) -> Self {
        let medium = Medium::new(image, read_only);
        Self::with(Kind::Disk(Disk::new(medium.sectors())), medium, unit)
    }

    /// A CD-ROM drive with this disc in it. `unit` is in its serial number.
    pub fn cd(image: Arc<dyn Media>, unit: u8) -> Self {
        Self::with(Kind::Cd(Cd::new()), Medium::new(image, true), unit)
    }

    fn with(kind: Kind, medium: Medium, unit: u8) -> Self {
        let mut drive = Self { front: Front::new(), kind, medium, unit };
        drive.end_reset();
        drive
    }

    /// The same drive with the same medium, switched off and on again.
    pub fn power_cycled(self) -> Self {
        let kind = match self.kind {
            Kind::Disk(_) => Kind::Disk(Disk::new(self.medium.sectors())),
            Kind::Cd(_) => Kind::Cd(Cd::new()),
        };
        Self::with(kind, self.medium, self.unit)
    }

    /// What the drive reads and writes.
    pub fn medium(&self) -> &Medium {
        &self.medium
    }

    /// What the drive reads and writes, to take what was written.
    pub fn medium_mut(&mut self) -> &mut Medium {
        &mut self.medium
    }

    /// Cylinders, heads and sectors a track of a disk at power-on; `None` for a CD-ROM drive.
    pub fn geometry(&self) -> Option<(u16, u8, u8)> {
        match &self.kind {
            Kind::Disk(disk) => {
                let geometry = disk.default_geometry();
                Some((geometry.cylinders, geometry.heads, geometry.track_sectors))
            }
            Kind::Cd(_) => None,
        }
    }

    /// True for a CD-ROM drive.
    pub const fn is_cd(&self) -> bool {
        matches!(self.kind, Kind::Cd(_))
    }

    // ---- commands ----

    /// The Command register is written.
    pub(super) fn write_command(&mut self, code: u8) {
        if code == command::DEVICE_RESET && self.is_cd() {
            self.reset_kind();
            self.front.begin(Work::Reset { interrupt: false }, COMMAND_NS);
        } else if !self.front.is_occupied() {
            self.front.irq = false;
            self.front.begin(Work::Command(code), COMMAND_NS);
            // A bus master may be started before the command or after it, and moves data at once.
            if is_dma(code) {
                self.carry_out(Work::Command(code));
            }
        }
    }

    /// The software reset line: BSY as long as it is asserted.
    pub(super) fn hold_in_reset(&mut self) {
        self.reset_kind();
        self.front.file.device = 0;
        self.front.hold();
    }

    /// The end of [`Drive::hold_in_reset`].
    pub(super) fn leave_reset(&mut self) {
        self.front.begin(Work::Reset { interrupt: false }, RESET_NS);
    }

    /// EXECUTE DEVICE DIAGNOSTIC, which goes to both devices; one of them interrupts at its end.
    pub(super) fn diagnose(&mut self, interrupt: bool) {
        self.reset_kind();
        self.front.file.device = 0;
        self.front.begin(Work::Reset { interrupt }, COMMAND_NS);
    }

    fn reset_kind(&mut self) {
        match &mut self.kind {
            Kind::Disk(disk) => disk.reset(),
            Kind::Cd(cd) => cd.reset(),
        }
    }

    /// Diagnostic code and signature. A packet device is not ready before its first command.
    fn end_reset(&mut self) {
        let (ready, mid, high) = match self.kind {
            Kind::Disk(_) => (status::DRDY | status::DSC, 0, 0),
            Kind::Cd(_) => (0, Cd::SIGNATURE.0, Cd::SIGNATURE.1),
        };
        self.front.end(ready, error::PASSED);
        self.front.sign(mid, high);
    }

    // ---- time ----

    /// Brings the drive to `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(work) = self.front.take_due(now) {
            self.carry_out(work);
        }
        self.front.set_now(now);
    }

    fn carry_out(&mut self, work: Work) {
        match (work, &mut self.kind) {
            (Work::Reset { interrupt }, _) => {
                self.end_reset();
                self.front.irq = interrupt;
            }
            (Work::Command(code), Kind::Disk(disk)) => {
                disk.command(code, &mut self.front, &self.medium, self.unit);
            }
            (Work::Command(code), Kind::Cd(cd)) => cd.command(code, &mut self.front, self.unit),
            (Work::Block, Kind::Disk(disk)) => disk.next_block(&mut self.front, &mut self.medium),
            (Work::Block, Kind::Cd(cd)) => cd.next_block(&mut self.front, &self.medium),
            (Work::DmaDone, Kind::Disk(_)) => self.front.finish(),
            (Work::DmaDone, Kind::Cd(cd)) => cd.end(&mut self.front),
        }
    }

    // ---- data ----

    /// Moves bytes of the DRQ block to the host.
    pub(super) fn read_data(&mut self, out: &mut [u8]) {
        if self.front.read_block(out) {
            let more = match &self.kind {
                Kind::Disk(disk) => disk.has_more(),
                Kind::Cd(cd) => cd.has_more(),
            };
            match more {
                true => self.front.begin(Work::Block, BLOCK_NS),
                false => self.front.end(status::DRDY | status::DSC, 0),
            }
        }
    }

    /// Moves bytes of the host to the DRQ block.
    pub(super) fn write_data(&mut self, data: &[u8]) {
        if self.front.write_block(data) {
            let block = self.front.take_block();
            let by_dma = match &mut self.kind {
                Kind::Disk(disk) => {
                    disk.receive(block);
                    false
                }
                Kind::Cd(cd) => cd.receive(&block),
            };
            self.front.begin(Work::Block, BLOCK_NS);
            if by_dma {
                self.carry_out(Work::Block);
            }
        }
    }

    // ---- DMA ----

    /// Bytes that the drive would move by DMA now, and whether to memory. `None`: it would not.
    pub fn dma_wanted(&self) -> Option<(u64, bool)> {
        if !self.front.dma_ready {
            return None;
        }
        Some(match &self.kind {
            Kind::Disk(disk) => disk.dma_wanted(&self.front),
            Kind::Cd(cd) => (cd.dma_wanted(), true),
        })
    }

    /// The next bytes of the transfer for memory, at most as many as are wanted; `false` if the medium
    /// cannot be read, and the command has failed.
    pub fn dma_read(&mut self, out: &mut [u8]) -> bool {
        match &mut self.kind {
            Kind::Disk(disk) => disk.dma_read(&mut self.front, &self.medium, out),
            Kind::Cd(cd) => cd.dma_read(&mut self.front, &self.medium, out),
        }
    }

    /// The next bytes of the transfer from memory, at most as many as are wanted; `false` if they cannot
    /// be written, and the command has failed.
    pub fn dma_write(&mut self, data: &[u8]) -> bool {
        match &mut self.kind {
            Kind::Disk(disk) => disk.dma_write(&mut self.front, &mut self.medium, data),
            Kind::Cd(_) => false, // it wants nothing from memory
        }
    }

    /// The bus master has moved all that the drive wanted, by this table `bytes`: the command ends a
    /// while later.
    pub fn dma_done(&mut self, bytes: u64) {
        self.front.begin(Work::DmaDone, COMMAND_NS + bytes.div_ceil(1 << 16) * DMA_NS);
    }
}

/// Commands whose data is moved by DMA, PACKET not counted in.
const fn is_dma(code: u8) -> bool {
    matches!(
        code,
        command::READ_DMA
            | command::READ_DMA_NO_RETRY
            | command::READ_DMA_EXT
            | command::WRITE_DMA
            | command::WRITE_DMA_NO_RETRY
            | command::WRITE_DMA_EXT
    )
}

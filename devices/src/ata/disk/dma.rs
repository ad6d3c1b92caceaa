//! Sectors of a disk by bus master: ATA/ATAPI-6, "DMA data-in" and "DMA data-out command protocol".
//!
//! Regions of a bus master's table end anywhere: what is no whole sector yet waits in the front. Not here: the
//! table (`bus_master.rs`).

use super::{Disk, SECTOR, Transfer, read, within};
use crate::ata::front::Front;
use crate::ata::media::Medium;
use crate::ata::spec::error;

impl Disk {
    /// A command begins: the drive waits for the bus master.
    pub(super) fn start_dma(
        &mut self,
        front: &mut Front,
        medium: &Medium,
        ext: bool,
        to_device: bool,
    ) {
        if to_device && medium.is_read_only() {
            return front.abort();
        }
        let Some((next, left)) = self.range(&front.file, ext) else {
            return front.fail(error::IDNF);
        };
        self.standby = false;
        let received = Vec::new();
        self.transfer = Some(Transfer { next, left, to_device, ext, block_sectors: 1, received });
        match within(medium, next, left) {
            Ok(()) => front.wait_for_dma(),
            Err(bad) => self.fail_at(front, bad),
        }
    }

    /// Bytes of the transfer that are left, and whether they go to memory.
    pub(in crate::ata) fn dma_wanted(&self, front: &Front) -> (u64, bool) {
        let Some(transfer) = &self.transfer else { return (0, true) };
        let sectors = transfer.left.saturating_mul(SECTOR as u64);
        match transfer.to_device {
            true => (sectors.saturating_sub(front.waiting()), false),
            false => (sectors.saturating_add(front.waiting()), true),
        }
    }

    /// The next bytes, to memory. The rest of a sector of which they are a part waits.
    pub(in crate::ata) fn dma_read(
        &mut self,
        front: &mut Front,
        medium: &Medium,
        out: &mut [u8],
    ) -> bool {
        let waited = front.take_waiting(out);
        let (whole, part) = split_sectors(&mut out[waited..]);
        let mut sector = [0; SECTOR];
        let last = &mut sector[..if part.is_empty() { 0 } else { SECTOR }];
        if !self.read_next(front, medium, whole) || !self.read_next(front, medium, last) {
            return false;
        }
        let (wanted, rest) = last.split_at(part.len());
        part.copy_from_slice(wanted);
        front.keep_waiting(rest);
        true
    }

    /// The next whole sectors of a read.
    fn read_next(&mut self, front: &mut Front, medium: &Medium, out: &mut [u8]) -> bool {
        let Some(transfer) = &mut self.transfer else { return false };
        let sectors = (out.len() / SECTOR) as u64;
        match read(medium, transfer.next, out) {
            Ok(()) => {
                transfer.pass(sectors);
                true
            }
            Err(bad) => {
                self.fail_at(front, bad);
                false
            }
        }
    }

    /// The next bytes, from memory; `false` if they cannot be written, and the command has failed. What
    /// is no whole sector yet waits.
    pub(in crate::ata) fn dma_write(
        &mut self,
        front: &mut Front,
        medium: &mut Medium,
        data: &[u8],
    ) -> bool {
        let Some(transfer) = &mut self.transfer else { return false };
        let bytes = front.take_sectors(data);
        let sectors = (bytes.len() / SECTOR) as u64;
        if let Err(sector) = medium.write(transfer.next, &bytes) {
            self.fault_at(front, sector);
            return false;
        }
        transfer.pass(sectors);
        true
    }
}

/// Whole sectors, and a part of one behind them.
fn split_sectors(bytes: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let whole = bytes.len() / SECTOR * SECTOR;
    bytes.split_at_mut(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ata::Bytes;
    use std::sync::Arc;

    /// In a build with overflow checks too.
    #[test]
    fn a_transfer_with_the_numbers_of_a_damaged_snapshot_moves_or_fails() {
        let mut medium = Medium::new(Arc::new(Bytes(vec![0; 4 * SECTOR])), false);
        for to_device in [false, true] {
            let received = vec![0; SECTOR];
            let (next, left, block_sectors) = (u64::MAX, u64::MAX, u64::MAX);
            let transfer = Transfer { next, left, to_device, ext: true, block_sectors, received };
            let (mut disk, mut front) = (Disk::new(4), Front::new());
            front.keep_waiting(&[0; 3]);

            disk.transfer = Some(transfer.clone());
            let wanted = if to_device { u64::MAX - 3 } else { u64::MAX };
            assert_eq!(disk.dma_wanted(&front), (wanted, !to_device));
            assert!(disk.dma_write(&mut front, &mut medium, &[0; 2 * SECTOR]), "dropped");
            assert!(!disk.dma_read(&mut front, &medium, &mut [0; 2 * SECTOR]), "no such sector");

            disk.transfer = Some(transfer);
            disk.next_block(&mut front, &mut medium);
            assert_eq!(front.file.error, error::IDNF);
        }
    }
}

//! Guest memory as gdb reads and writes it: RAM and ROM, never a device.

use super::debuggee::Debuggee;
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use memory::PhysAddr;

impl Debuggee {
    /// Reads what can be read from an address on; returns how many bytes that is.
    pub(super) fn read_guest(&self, address: u64, out: &mut [u8]) -> usize {
        if !self.physical {
            return self.cpu().debug_read(self.memory(), address, out);
        }
        let mut done = 0;
        while done < out.len() {
            let Some(at) = address.checked_add(done as u64) else { break };
            let len = ((PAGE_SIZE - (at & PAGE_MASK)) as usize).min(out.len() - done);
            if self.memory().read(PhysAddr(at), &mut out[done..done + len]).is_err() {
                break;
            }
            done += len;
        }
        done
    }

    /// Writes all bytes, or none and false.
    pub(super) fn write_guest(&mut self, address: u64, bytes: &[u8]) -> bool {
        let mut pieces = Vec::new();
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let len = ((PAGE_SIZE - (at & PAGE_MASK)) as usize).min(bytes.len() - done);
            let physical = if self.physical {
                Some(PhysAddr(at))
            } else {
                self.cpu().debug_translate(self.memory(), at)
            };
            match physical {
                Some(phys) if self.memory().check_writable(phys, len as u64).is_ok() => {
                    pieces.push((phys, done..done + len));
                }
                _ => return false,
            }
            done += len;
        }
        pieces.into_iter().all(|(phys, range)| self.memory().write(phys, &bytes[range]).is_ok())
    }
}

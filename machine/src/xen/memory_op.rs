//! memory_op: `public/memory.h`.
//!
//! RAM is what the machine was built with: reservations do not change, which an operation says by the number of
//! extents it has served, 0. Of the pages that Xen could show a guest there is `shared_info` alone.

use super::Xen;
use super::caller::{Answer, Caller, Errno};
use memory::PAGE_SIZE;

/// memory_op(command, structure): `XENMEM_*`. The command's upper bits continue an earlier call, of which there
/// are none.
pub(super) fn serve(xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    let [command, at, ..] = *args;
    match command {
        // increase_reservation, decrease_reservation, populate_physmap. Of arguments that cannot be read
        // Xen says as much.
        0 | 1 | 6 => change_reservation(caller, at),
        // maximum_ram_page, maximum_gpfn.
        2 => Ok(xen.last_frame()),
        3 | 4 => {
            Xen::own_domain(caller.read::<2>(at)?.u16(0))?;
            Ok((xen.ram_bytes / PAGE_SIZE) as i64)
        }
        7 => add_to_physmap(xen, caller, at),
        9 => memory_map(xen, caller, at),
        10 => Err(Errno::Perm), // machine_memory_map
        14 => {
            Xen::own_domain(caller.read::<2>(at)?.u16(0))?;
            Ok(xen.last_frame())
        }
        15 => remove_from_physmap(caller, at),
        _ => Err(Errno::NoSys),
    }
}

impl Xen {
    /// Number of the highest page of RAM.
    fn last_frame(&self) -> i64 {
        let low = self.ram_bytes.min(boot::layout::LOW_RAM_END);
        let end = match self.ram_bytes - low {
            0 => low,
            high => boot::layout::HIGH_RAM + high,
        };
        (end / PAGE_SIZE) as i64 - 1
    }
}

/// `xen_memory_reservation`: extent_start, nr_extents, extent_order, mem_flags, domid.
fn change_reservation(caller: &Caller<'_>, at: u64) -> Answer {
    let long = caller.long();
    let domain = caller.read_short::<26>(at, 2 * long + 10).map(|fields| fields.u16(2 * long + 8));
    match domain {
        Ok(domain) => Xen::own_domain(domain).or_else(|errno| match errno {
            Errno::Srch => Ok(()),
            errno => Err(errno),
        })?,
        Err(_) => return Ok(0),
    }
    Ok(0)
}

/// `xen_add_to_physmap`: domid, size, space, idx, gpfn.
fn add_to_physmap(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const SHARED_INFO: u32 = 0;
    const GRANT_TABLE: u32 = 1;
    const SPACE_LAST: u32 = 5;
    let long = caller.long();
    let fields = caller.read_short::<24>(at, 8 + 2 * long)?;
    Xen::own_domain(fields.u16(0))?;
    let (index, frame) = (fields.long(8, long), fields.long(8 + long, long));
    match fields.u32(4) {
        SHARED_INFO if index == 0 && caller.is_ram_page(frame) => {
            xen.latch_width(caller);
            xen.shared.show(caller.memory, frame * PAGE_SIZE);
            Ok(0)
        }
        // Nothing to show, or nowhere to show it; gmfn and what follows are the tools'.
        SHARED_INFO | GRANT_TABLE..=SPACE_LAST => Err(Errno::Inval),
        _ => Err(Errno::NoSys),
    }
}

/// `xen_memory_map`: nr_entries, buffer. Of a map that is longer than the buffer the first rows are told.
fn memory_map(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const ENTRY: u64 = 20;
    let long = caller.long();
    let fields = caller.read_short::<16>(at, 2 * long)?;
    let (room, buffer) = (fields.u32(0), fields.long(long, long));
    let rows = xen.map.iter().take(room as usize);
    for (at, region) in (0u64..).map(|n| buffer.wrapping_add(n * ENTRY)).zip(rows.clone()) {
        let mut entry = [0; ENTRY as usize];
        entry[..8].copy_from_slice(&region.addr.to_le_bytes());
        entry[8..16].copy_from_slice(&region.len.to_le_bytes());
        entry[16..].copy_from_slice(&(region.kind as u32).to_le_bytes());
        caller.write(at, &entry)?;
    }
    caller.write_u32(at, rows.count() as u32)?;
    Ok(0)
}

/// `xen_remove_from_physmap`: domid, gpfn. No page goes.
fn remove_from_physmap(caller: &Caller<'_>, at: u64) -> Answer {
    Xen::own_domain(caller.read::<2>(at)?.u16(0))?;
    Err(Errno::Inval)
}

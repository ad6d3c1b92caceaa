//! xen_version: `public/version.h`, features of `public/features.h`.

use super::Xen;
use super::caller::{Answer, Caller, Errno};
use super::cpuid::VERSION;
use super::table::int;
use memory::PAGE_SIZE;

/// XENFEAT_auto_translated_physmap, XENFEAT_hvm_callback_vector, XENFEAT_hvm_safe_pvclock.
const FEATURES: u32 = 1 << 2 | 1 << 8 | 1 << 9;
const EXTRA: &str = ".0-bootscope";
/// Guests that it runs.
const CAPABILITIES: &str = "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64";

/// xen_version(command, structure): `XENVER_*`.
pub(super) fn serve(_xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    let [command, at, ..] = *args;
    match int(command) {
        0 => return Ok(i64::from(VERSION.0) << 16 | i64::from(VERSION.1)),
        1 => write_text::<16>(caller, at, EXTRA)?,
        // compile_info: compiler, by whom, where, when.
        2 => caller.write(at, &[0; 64 + 16 + 32 + 32])?,
        3 => write_text::<1024>(caller, at, CAPABILITIES)?,
        4 => write_text::<64>(caller, at, "unavailable")?,
        // platform_parameters: where Xen's own part of the address space begins, which no guest of this type has.
        5 => caller.write(at, &[0; 8][..caller.long()])?,
        6 => get_features(caller, at)?,
        7 => return Ok(PAGE_SIZE as i64),
        // guest_handle: the domain's UUID.
        8 => caller.write(at, &[0; 16])?,
        9 => write_text::<1024>(caller, at, "")?,
        10 => return Err(Errno::NoData), // build_id
        _ => return Err(Errno::NoSys),
    }
    Ok(0)
}

/// `xen_feature_info`: submap_idx; submap.
fn get_features(caller: &Caller<'_>, at: u64) -> Result<(), Errno> {
    match caller.read::<8>(at)?.u32(0) {
        0 => caller.write_u32(at.wrapping_add(4), FEATURES),
        _ => Err(Errno::Inval),
    }
}

/// A string in a field of `N` bytes.
fn write_text<const N: usize>(caller: &Caller<'_>, at: u64, text: &str) -> Result<(), Errno> {
    let mut out = [0; N];
    let len = text.len().min(N - 1);
    out[..len].copy_from_slice(&text.as_bytes()[..len]);
    caller.write(at, &out)
}

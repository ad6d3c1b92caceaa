//! The Linux boot protocol: Linux `Documentation/x86/boot.rst` and `zero-page.rst`.
//!
//! | protocol | what starts | in |
//! |---|---|---|
//! | `linux64` | the protected-mode part at +0x200, or an ELF64 vmlinux | 64-bit mode, identity page tables |
//! | `linux32` | the protected-mode part, or an ELF32 vmlinux | 32-bit protected mode |
//! | `linux16` | the setup code, which calls the BIOS and then enters by itself | real mode |
//!
//! The kernel unpacks and, with KASLR, moves itself. A kernel that allows it, and a ramdisk with it, go
//! above 4 GiB where there is no room below. A zImage starts by its setup code alone, which moves the
//! protected-mode part from 10000 to 1000. Not modelled: protocols before 2.00, DTB and other setup_data than the memory map's (a seed from
//! here would defeat determinism).

mod boot_params;
mod header;
mod page_tables;
mod protected;
mod real_mode;
mod vmlinux;

pub use boot_params::{BootParams, setup_data};
pub(crate) use header::Way;
pub use header::{ENTRY64, LOADED_HIGH, SetupHeader, XLF_ABOVE_4G, XLF_KERNEL_64, is_bzimage};
pub use page_tables::identity;
pub(crate) use protected::{Kernel, plan as plan_protected};
pub(crate) use real_mode::{
    check as check_real_mode, place as place_real_mode, plan as plan_real_mode,
};
pub use vmlinux::says_linux;

use crate::error::BootError;
use crate::plan::{Draft, Request};
use crate::protocol::Protocol;

/// Refuses a command line or modules that the kernel cannot take.
fn check_request(
    request: &Request<'_>,
    header: &SetupHeader,
    protocol: Protocol,
) -> Result<(), BootError> {
    let (len, max) = (request.cmdline.len(), header.cmdline_size as usize);
    if len > max {
        return Err(BootError::CommandLineTooLong { len, max });
    }
    match request.modules.as_slice() {
        [] | [_] => Ok(()),
        more => Err(BootError::TooManyModules { protocol, count: more.len(), max: 1 }),
    }
}

/// Places the ramdisk as high as the kernel reaches below 4 GiB, where it is out of the way of whatever
/// the kernel unpacks to; else, if that is `above_4g`'s to say, beyond. Address and length.
fn place_ramdisk(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
    header: &SetupHeader,
    above_4g: bool,
) -> Result<(u64, u64), BootError> {
    use crate::layout::{ACPI_END, HIGH_RAM, LOW_RAM_END};
    if request.modules.is_empty() {
        return Ok((0, 0));
    }
    let below = (u64::from(header.initrd_addr_max) + 1).min(LOW_RAM_END);
    let len = draft.module_len(0);
    let highest = |window| draft.ledger.highest(len, memory::PAGE_SIZE, &window);
    let high = || above_4g.then(|| highest(HIGH_RAM..u64::MAX)).flatten();
    let at = highest(ACPI_END..below).or_else(high);
    let addr = draft.module(0, at, below)?;
    Ok((addr, len))
}

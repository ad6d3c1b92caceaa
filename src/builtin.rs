//! What boots when the user gives nothing: the demo guest, and an initramfs with our own /init.

use crate::failure::Failure;
use boot::Blob;
use boot::cpio::{Entry, Kind, newc};

/// The demo guest, a kernel for PVH and multiboot; its source is `guests/asm`.
const DEMO: &[u8] = include_bytes!("../guests/demo/demo.elf");
/// A static Linux program: prints USERSPACE-UP and /proc/version, powers off.
const INIT: &[u8] = include_bytes!("../guests/init/init.elf");

/// The demo guest.
pub(crate) fn demo() -> Blob {
    Blob { name: "the built-in demo guest".into(), bytes: DEMO.to_vec() }
}

/// The built-in initramfs: /init, and /dev/console, without which /init would have no output.
pub(crate) fn initramfs() -> Result<Blob, Failure> {
    let console = Kind::CharDevice { major: 5, minor: 1 };
    let entries = [
        Entry { path: b"dev/console".to_vec(), permissions: 0o600, kind: console },
        Entry { path: b"init".to_vec(), permissions: 0o755, kind: Kind::File(INIT.to_vec()) },
    ];
    let name = "the built-in initramfs".to_owned();
    match newc(&entries) {
        Ok(bytes) => Ok(Blob { name, bytes }),
        Err(error) => Err(Failure::internal(error.to_string(), name, "report this as a bug")),
    }
}

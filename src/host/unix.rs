//! Linux, macOS and their relatives.

use super::FileKind;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Reads the whole buffer from a place in the file.
pub(crate) fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buf, offset)
}

/// Writes the whole buffer to a place in the file.
pub(crate) fn write_all_at(file: &File, buf: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(buf, offset)
}

/// What the file is.
pub(crate) fn kind(meta: &Metadata) -> FileKind {
    let kind = meta.file_type();
    let device = device_number(meta.rdev());
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_file() {
        FileKind::Regular
    } else if kind.is_symlink() {
        FileKind::Symlink
    } else if kind.is_char_device() {
        FileKind::CharDevice { major, minor }
    } else if kind.is_block_device() {
        FileKind::BlockDevice { major, minor }
    } else if kind.is_fifo() {
        FileKind::Fifo
    } else {
        FileKind::Socket
    }
}

/// A device number in the system's own type: 32 bits on macOS, 64 on Linux.
#[allow(clippy::unnecessary_cast, reason = "it is one only where the types are the same")]
fn device_number(rdev: u64) -> rustix::fs::Dev {
    rdev as rustix::fs::Dev
}

/// Device and inode: equal for two names of one file.
pub(crate) fn identity(meta: &Metadata) -> Option<(u64, u64)> {
    Some((meta.dev(), meta.ino()))
}

/// The permission bits.
pub(crate) fn permissions(meta: &Metadata) -> u16 {
    (meta.mode() & 0o7777) as u16
}

/// A path's bytes, as the host has them.
pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

/// A flag that SIGINT, SIGTERM and SIGHUP raise; raised twice, the process ends at once.
pub(crate) fn interrupt_flag() -> io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}

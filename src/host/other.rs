//! Hosts that are no Unix: Windows, WASI.

use super::FileKind;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Reads the whole buffer from a place in the file. Nobody else uses the file's position.
pub(crate) fn read_exact_at(mut file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buf)
}

/// Writes the whole buffer to a place in the file. Nobody else uses the file's position.
pub(crate) fn write_all_at(mut file: &File, buf: &[u8], offset: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(buf)
}

/// What the file is, as far as the standard library tells.
pub(crate) fn kind(meta: &Metadata) -> FileKind {
    if meta.is_dir() {
        FileKind::Directory
    } else if meta.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Regular
    }
}

/// Not told here: two names of one file are told apart by their paths alone.
pub(crate) fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Everything is readable and executable: these hosts keep no such bits.
pub(crate) fn permissions(_: &Metadata) -> u16 {
    0o755
}

/// A path with the separator that an archive has.
pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/").into_bytes()
}

/// A flag that Ctrl-C raises; raised twice, the process ends at once.
#[cfg(windows)]
pub(crate) fn interrupt_flag() -> io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}

/// A flag that nothing raises: there are no signals.
#[cfg(not(windows))]
pub(crate) fn interrupt_flag() -> io::Result<Arc<AtomicBool>> {
    Ok(Arc::default())
}

/// True: there are no jobs in the background.
pub(crate) fn terminal_is_ours() -> bool {
    true
}

/// The terminal in raw mode, which there is none of.
pub(crate) enum RawMode {}

impl RawMode {
    /// No raw mode here: lines come when they are complete.
    pub(crate) fn enter() -> Option<Self> {
        None
    }
}

//! Where hosts differ: kinds of files, positioned reads, signals, the terminal.
//!
//! `unix.rs` is for Linux and macOS. `other.rs` is for Windows and for WASI, and does what the
//! standard library offers there: no raw terminal (a line at a time), no devices or links in
//! `mkinitrd`, on WASI no signals.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::{
    RawMode, identity, interrupt_flag, kind, path_bytes, permissions, read_exact_at,
    terminal_is_ours, write_all_at,
};
#[cfg(unix)]
pub(crate) use terminal::{RawMode, terminal_is_ours};
#[cfg(unix)]
pub(crate) use unix::{
    identity, interrupt_flag, kind, path_bytes, permissions, read_exact_at, write_all_at,
};

/// What a directory entry is. Not every host has every kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "these hosts tell no devices and pipes apart"))]
pub(crate) enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    Regular,
    /// A symbolic link, itself.
    Symlink,
    /// A character device with its numbers.
    CharDevice { major: u32, minor: u32 },
    /// A block device with its numbers.
    BlockDevice { major: u32, minor: u32 },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

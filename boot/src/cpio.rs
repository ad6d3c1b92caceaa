//! Writes cpio archives in the "newc" format, the one Linux unpacks as its initramfs.
//!
//! Follows Linux `Documentation/driver-api/early-userspace/buffer-format.rst`. Each member is a header
//! of 110 ASCII characters (a magic, then thirteen 8-digit hexadecimal fields), its path with a NUL,
//! padding to 4 bytes, its content, padding to 4 bytes; a member named `TRAILER!!!` ends the archive.
//!
//! The same entries give the same bytes, in whatever order they come: members are sorted by path,
//! inodes are numbered from 1 in that order, owner, group and times are 0.
//!
//! Not modelled: hard links, owners, the "crc" variant (magic 070702), sockets, reading archives.

use core::fmt;
use std::collections::BTreeMap;

/// What kind of file an entry is, with what only that kind has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A directory. Those that an entry's path needs and nobody lists are made with mode 0755.
    Directory,
    /// A regular file with its content.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Symlink(Vec<u8>),
    /// A character device (`/dev/console` is 5, 1).
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// One file to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Path from the root, without a leading slash: `dev/console`.
    pub path: Vec<u8>,
    /// Permissions, set-id and sticky bits; the bits above 07777 are ignored.
    pub permissions: u16,
    /// The rest.
    pub kind: Kind,
}

/// Why an archive cannot be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CpioError {
    /// The path is empty, absolute, contains a NUL, an empty component, `.` or `..`, or is the name
    /// that ends an archive.
    Path(Vec<u8>),
    /// The path or link target is longer than the 4095 bytes that Linux takes.
    TooLong {
        /// Path of the entry.
        path: Vec<u8>,
        /// Length of the path or target in bytes.
        len: usize,
    },
    /// A symbolic link's target is empty or contains a NUL.
    Target(Vec<u8>),
    /// The content is longer than the 32-bit size field can say.
    FileTooLarge {
        /// Path of the entry.
        path: Vec<u8>,
        /// Length of the content in bytes.
        len: u64,
    },
    /// Two entries have the same path.
    Duplicate(Vec<u8>),
    /// An entry lies below one that is no directory.
    NotADirectory(Vec<u8>),
}

impl core::error::Error for CpioError {}

impl fmt::Display for CpioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        match self {
            Self::Path(path) => write!(f, "{:?} cannot be a path in a cpio archive", text(path)),
            Self::TooLong { path, len } => {
                write!(f, "{:?}: {len} bytes of path or link target, Linux takes 4095", text(path))
            }
            Self::Target(path) => write!(f, "{:?}: a link to nothing", text(path)),
            Self::FileTooLarge { path, len } => {
                write!(f, "{:?}: {len} bytes, a cpio member holds 4294967295", text(path))
            }
            Self::Duplicate(path) => write!(f, "{:?} is there twice", text(path)),
            Self::NotADirectory(path) => {
                write!(f, "{:?} is no directory, but another entry lies in it", text(path))
            }
        }
    }
}

/// `PATH_MAX` of Linux counts the NUL; longer names stop its unpacker.
const MAX_PATH: usize = 4095;
/// The member that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";
/// Archives end at a multiple of this, as cpio's own do.
const BLOCK: usize = 512;

/// The archive of `entries`.
pub fn newc(entries: &[Entry]) -> Result<Vec<u8>, CpioError> {
    let mut tree: BTreeMap<&[u8], Member> = BTreeMap::new();
    for entry in entries {
        if tree.insert(&entry.path, Member::new(entry)?).is_some() {
            return Err(CpioError::Duplicate(entry.path.clone()));
        }
    }
    for entry in entries {
        for parent in parents(&entry.path) {
            // Linux does not make directories by itself: it would lose the file without a word.
            let directory = tree.entry(parent).or_insert(Member::DIRECTORY);
            if directory.mode & S_IFMT != S_IFDIR {
                return Err(CpioError::NotADirectory(parent.to_vec()));
            }
        }
    }
    let mut archive = Vec::new();
    // Sorted by path, so that a directory comes before what is in it.
    for ((path, member), ino) in tree.iter().zip(1..) {
        member.write(&mut archive, path, ino);
    }
    let trailer = Member { mode: 0, links: 1, device: (0, 0), content: &[] };
    trailer.write(&mut archive, TRAILER, 0);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    Ok(archive)
}

// File types of stat(2), which newc's mode field holds above the permissions.
const S_IFMT: u32 = 0o170_000;
const S_IFIFO: u32 = 0o010_000;
const S_IFCHR: u32 = 0o020_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFBLK: u32 = 0o060_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// A member as its header describes it.
struct Member<'a> {
    mode: u32,
    links: u32,
    /// Major and minor number of a device.
    device: (u32, u32),
    /// Content of a file, target of a link.
    content: &'a [u8],
}

impl<'a> Member<'a> {
    /// A directory that nobody listed.
    const DIRECTORY: Self = Self { mode: S_IFDIR | 0o755, links: 2, device: (0, 0), content: &[] };

    fn new(entry: &'a Entry) -> Result<Self, CpioError> {
        let path = &entry.path;
        check_path(path)?;
        let (kind, device, content): (u32, (u32, u32), &[u8]) = match &entry.kind {
            Kind::Directory => (S_IFDIR, (0, 0), &[]),
            Kind::File(content) => (S_IFREG, (0, 0), content),
            Kind::Symlink(target) if target.is_empty() || target.contains(&0) => {
                return Err(CpioError::Target(path.clone()));
            }
            Kind::Symlink(target) if target.len() > MAX_PATH => {
                return Err(CpioError::TooLong { path: path.clone(), len: target.len() });
            }
            Kind::Symlink(target) => (S_IFLNK, (0, 0), target),
            &Kind::CharDevice { major, minor } => (S_IFCHR, (major, minor), &[]),
            &Kind::BlockDevice { major, minor } => (S_IFBLK, (major, minor), &[]),
            Kind::Fifo => (S_IFIFO, (0, 0), &[]),
        };
        if u32::try_from(content.len()).is_err() {
            let len = content.len() as u64;
            return Err(CpioError::FileTooLarge { path: path.clone(), len });
        }
        let links = if kind == S_IFDIR { 2 } else { 1 };
        let mode = kind | u32::from(entry.permissions & 0o7777);
        Ok(Self { mode, links, device, content })
    }

    /// Appends header, path and content.
    fn write(&self, archive: &mut Vec<u8>, path: &[u8], ino: u32) {
        archive.extend(b"070701");
        let fields = [
            ino,
            self.mode,
            0, // uid
            0, // gid
            self.links,
            0, // mtime
            self.content.len() as u32,
            0, // devmajor
            0, // devminor
            self.device.0,
            self.device.1,
            path.len() as u32 + 1, // with its NUL
            0,                     // check, of the crc variant only
        ];
        for field in fields {
            archive.extend(format!("{field:08X}").as_bytes());
        }
        archive.extend(path);
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(self.content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
}

/// Refuses what would not come out of the archive as the file that went in.
fn check_path(path: &[u8]) -> Result<(), CpioError> {
    if path.len() > MAX_PATH {
        return Err(CpioError::TooLong { path: path.to_vec(), len: path.len() });
    }
    let odd = |part: &[u8]| part.is_empty() || part == b"." || part == b"..";
    if path.contains(&0) || path == TRAILER || path.split(|&byte| byte == b'/').any(odd) {
        return Err(CpioError::Path(path.to_vec()));
    }
    Ok(())
}

/// The directories a path goes through, outermost first.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/');
    slashes.map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, permissions: u16, kind: Kind) -> Entry {
        Entry { path: path.into(), permissions, kind }
    }

    fn small_root() -> Vec<Entry> {
        vec![
            entry("init", 0o755, Kind::File(b"#!/bin/sh\n".to_vec())),
            entry("dev/console", 0o600, Kind::CharDevice { major: 5, minor: 1 }),
            entry("dev/vda", 0o660, Kind::BlockDevice { major: 254, minor: 0 }),
            entry("bin/sh", 0o777, Kind::Symlink(b"busybox".to_vec())),
            entry("tmp", 0o1777, Kind::Directory),
            entry("run/pipe", 0o644, Kind::Fifo),
        ]
    }

    /// The expected bytes are what GNU cpio 2.13 writes for this file: `cpio -o -H newc --reproducible
    /// -R 0:0` with the time set to 0, apart from the inode number.
    #[test]
    fn a_file_becomes_header_path_and_content_each_padded_to_four_bytes() {
        let archive = newc(&[entry("hello", 0o644, Kind::File(b"hi\n".to_vec()))]).unwrap();

        let header = b"070701\
            00000001000081A400000000000000000000000100000000\
            0000000300000000000000000000000000000000\
            0000000600000000";
        assert_eq!(&archive[..110], header);
        assert_eq!(&archive[110..120], b"hello\0hi\n\0");
        assert_eq!(&archive[120..126], b"070701");
        assert_eq!(&archive[120 + 110..120 + 121], b"TRAILER!!!\0");
        assert_eq!(archive.len(), 512);
    }

    #[test]
    fn the_order_of_the_entries_does_not_change_the_archive() {
        let mut entries = small_root();
        let archive = newc(&entries).unwrap();

        entries.reverse();

        assert_eq!(newc(&entries).unwrap(), archive);
    }

    #[test]
    fn missing_parents_are_made_before_what_is_in_them() {
        let archive = newc(&[entry("a/b/c", 0o644, Kind::File(Vec::new()))]).unwrap();

        let at = |path: &[u8]| archive.windows(path.len()).position(|window| window == path);
        let (a, b, c) = (at(b"a\0").unwrap(), at(b"a/b\0").unwrap(), at(b"a/b/c\0").unwrap());
        assert!(a < b && b < c);
        assert_eq!(&archive[..22], b"07070100000001000041ED");
    }

    #[test]
    fn entries_that_would_be_lost_or_misplaced_are_refused() {
        let file = |path: &str| entry(path, 0o644, Kind::File(Vec::new()));
        for path in ["", "/etc", "a//b", "a/", "./a", "a/../b", "a\0b", "TRAILER!!!"] {
            assert_eq!(newc(&[file(path)]), Err(CpioError::Path(path.into())), "{path:?}");
        }
        let long = "x".repeat(4096);
        let refused = newc(&[file(&long)]);
        assert_eq!(refused, Err(CpioError::TooLong { path: long.into(), len: 4096 }));
        assert_eq!(newc(&[file("a"), file("a")]), Err(CpioError::Duplicate(b"a".to_vec())));
        assert_eq!(newc(&[file("a/b"), file("a")]), Err(CpioError::NotADirectory(b"a".to_vec())));
        let nowhere = entry("link", 0o777, Kind::Symlink(Vec::new()));
        assert_eq!(newc(&[nowhere]), Err(CpioError::Target(b"link".to_vec())));
    }

    /// GNU cpio lists what we wrote. Skipped, with a word about it, where it is not installed.
    #[test]
    fn cpio_lists_every_member_with_its_kind_and_mode() {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut command = Command::new("cpio");
        command.args(["-itvn", "--quiet"]).env("LC_ALL", "C").env("TZ", "UTC");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut cpio) = command.spawn() else {
            println!("SKIPPED: cpio is not installed");
            return;
        };

        cpio.stdin.take().unwrap().write_all(&newc(&small_root()).unwrap()).unwrap();
        let output = cpio.wait_with_output().unwrap();

        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "drwxr-xr-x 2 0 0 0 Jan 1 1970 bin",
                "lrwxrwxrwx 1 0 0 7 Jan 1 1970 bin/sh -> busybox",
                "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
                "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
                "brw-rw---- 1 0 0 254, 0 Jan 1 1970 dev/vda",
                "-rwxr-xr-x 1 0 0 10 Jan 1 1970 init",
                "drwxr-xr-x 2 0 0 0 Jan 1 1970 run",
                "prw-r--r-- 1 0 0 0 Jan 1 1970 run/pipe",
                "drwxrwxrwt 2 0 0 0 Jan 1 1970 tmp",
            ]
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

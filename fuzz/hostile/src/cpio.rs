//! The writer of initramfs archives: entries of any path and kind.

use crate::{Outcome, Stream, Target};
use boot::cpio::{Entry, Kind, newc};
use seeds::Damage;

/// Entries, each a kind, permissions, the length of its path, its path and its content.
pub const TARGET: Target = Target {
    name: "cpio",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 4, words: &[b"TRAILER!!!", b"/", b"..", b"\0"] },
    inputs: 4000,
    shows: &[Outcome::Accepted, Outcome::Refused],
};

fn entry(kind: u8, path: &str, content: &[u8]) -> Vec<u8> {
    let head = [kind, 0xed, 0x01, path.len() as u8];
    [&head[..], path.as_bytes(), &[content.len() as u8], content].concat()
}

fn seeds() -> Vec<Vec<u8>> {
    let tree = [
        entry(0, "dev", b""),
        entry(3, "dev/console", b"\x05\0\0\0\x01\0\0\0"),
        entry(1, "init", b"#!/bin/sh\n"),
        entry(2, "bin", b"usr/bin"),
        entry(1, "usr/bin/busybox", b"\x7fELF"),
        entry(5, "run/fifo", b""),
    ];
    vec![tree.concat(), entry(1, "init", b"x")]
}

/// Packs.
pub fn run(bytes: &[u8]) -> Outcome {
    let mut entries = Vec::new();
    Stream::new(bytes).each(|stream| {
        let (kind, permissions, path_len) = (stream.u8(), stream.u16(), stream.u8());
        let path = stream.bytes(path_len.into()).to_vec();
        let len = stream.u8();
        let content = stream.bytes(len.into());
        let (major, minor) = {
            let mut numbers = Stream::new(content);
            (numbers.u32(), numbers.u32())
        };
        let kind = match kind % 6 {
            0 => Kind::Directory,
            1 => Kind::File(content.to_vec()),
            2 => Kind::Symlink(content.to_vec()),
            3 => Kind::CharDevice { major, minor },
            4 => Kind::BlockDevice { major, minor },
            _ => Kind::Fifo,
        };
        entries.push(Entry { path, permissions, kind });
    });
    match newc(&entries) {
        Ok(archive) => {
            assert!(archive.len() % 512 == 0 && archive.starts_with(b"070701"));
            entries.reverse();
            assert_eq!(newc(&entries), Ok(archive), "the order of entries means nothing");
            Outcome::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Outcome::Refused
        }
    }
}

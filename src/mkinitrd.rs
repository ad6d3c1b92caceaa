//! `bootscope mkinitrd`: a directory as an initramfs.
//!
//! The archive is what `boot::cpio` writes: newc, sorted, owners and times 0, so that the same tree
//! gives the same bytes. Not kept: hard links (each name gets the content), owners, sockets (refused).

use crate::cli::MkinitrdArgs;
use crate::failure::Failure;
use crate::files::{self, Named, Output};
use crate::host::{self, FileKind};
use boot::cpio::{Entry, Kind, newc};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Packs the directory.
pub(crate) fn run(args: &MkinitrdArgs) -> Result<(), Failure> {
    let root = &args.directory;
    let meta = fs::metadata(root).map_err(|error| unreadable(root, &error))?;
    if !meta.is_dir() {
        let hint = "give the directory whose content becomes the root";
        return Err(Failure::usage("it is no directory", root.display().to_string(), hint));
    }
    let mut entries = Vec::new();
    let mut sources = Vec::new();
    collect(root, &mut entries, &mut sources)?;
    // The archive would hold a piece of itself, another one at each run.
    let mut named = vec![Named::written(&args.output, "-o")];
    named.extend(sources.iter().map(|source| Named::read(source, "DIR")));
    files::check_distinct(&named)?;
    let archive = newc(&entries).map_err(|error| {
        Failure::usage(error.to_string(), root.display().to_string(), "rename or remove that file")
    })?;
    Output::create(&args.output, "-o")?.write(&archive)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let hint = "check the path and its permissions";
    let error = format!("cannot read it: {}", files::plain(error));
    Failure::usage(error, path.display().to_string(), hint)
}

/// Every file below `root`, without following links; directories are walked one by one.
fn collect(
    root: &Path,
    entries: &mut Vec<Entry>,
    sources: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let listing = fs::read_dir(&directory).map_err(|error| unreadable(&directory, &error))?;
        for item in listing {
            let path = item.map_err(|error| unreadable(&directory, &error))?.path();
            let meta = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?;
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let kind = kind(&path, &meta)?;
            if meta.is_dir() {
                directories.push(path.clone());
            }
            entries.push(Entry {
                path: host::path_bytes(relative),
                permissions: host::permissions(&meta),
                kind,
            });
            if meta.is_file() {
                sources.push(path);
            }
        }
    }
    Ok(())
}

fn kind(path: &Path, meta: &Metadata) -> Result<Kind, Failure> {
    let failed = |error: io::Error| unreadable(path, &error);
    Ok(match host::kind(meta) {
        FileKind::Directory => Kind::Directory,
        FileKind::Regular => Kind::File(fs::read(path).map_err(failed)?),
        FileKind::Symlink => Kind::Symlink(host::path_bytes(&fs::read_link(path).map_err(failed)?)),
        FileKind::CharDevice { major, minor } => Kind::CharDevice { major, minor },
        FileKind::BlockDevice { major, minor } => Kind::BlockDevice { major, minor },
        FileKind::Fifo => Kind::Fifo,
        FileKind::Socket => {
            let hint = "remove it: a socket exists only while a program listens";
            return Err(Failure::usage("it is a socket", path.display().to_string(), hint));
        }
    })
}

//! Files of the host: kernels and ramdisks as byte providers, and files to write.
//!
//! An image is read in place by positioned reads and never mapped: others can change it while the
//! emulator runs, and a changed mapping would be a fault. What cannot be positioned (a pipe, as the
//! shell's `<(zcat vmlinux.gz)`) is read into memory once, up to a limit.

use crate::failure::Failure;
use crate::host::{self, FileKind};
use boot::{Blob, Image, ReadError};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes taken from a pipe.
const MAX_PIPE: u64 = 1 << 30;

/// A regular file, read where it lies.
struct FileImage {
    name: String,
    file: File,
    len: u64,
}

impl Image for FileImage {
    fn name(&self) -> &str {
        &self.name
    }
    fn len(&self) -> u64 {
        self.len
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        let len = buf.len() as u64;
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(ReadError::past_end(self, offset, len));
        }
        host::read_exact_at(&self.file, buf, offset).map_err(|error| {
            let reason = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the file became shorter".to_owned(),
                _ => error.to_string(),
            };
            ReadError { name: self.name.clone(), offset, len, reason }
        })
    }
}

/// Opens an image; `option` is how the user gave it, for the error.
pub(crate) fn open_image(
    path: &Path,
    option: &str,
) -> Result<Box<dyn Image + Send + Sync>, Failure> {
    let name = path.display().to_string();
    if name.is_empty() {
        return Err(Failure::usage("the file has no name", option, "give the path of a file"));
    }
    let unreadable = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path",
            io::ErrorKind::PermissionDenied => "check the permissions of the file",
            _ => "give a regular file",
        };
        Failure::usage(
            format!("cannot read it: {}", plain(&error)),
            format!("{name} ({option})"),
            hint,
        )
    };
    let kind = host::kind(&std::fs::metadata(path).map_err(unreadable)?);
    let not_a_file =
        |what| Failure::usage(what, format!("{name} ({option})"), "give a regular file");
    match kind {
        FileKind::Directory => return Err(not_a_file("it is a directory")),
        FileKind::CharDevice { .. } | FileKind::BlockDevice { .. } | FileKind::Socket => {
            return Err(not_a_file("it is a device or a socket"));
        }
        FileKind::Regular | FileKind::Symlink | FileKind::Fifo => {}
    }
    let file = File::open(path).map_err(unreadable)?;
    let len = file.metadata().map_err(unreadable)?.len();
    if kind == FileKind::Fifo {
        let mut bytes = Vec::new();
        (&file).take(MAX_PIPE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_PIPE {
            return Err(not_a_file("the pipe holds more than 1 GiB"));
        }
        return Ok(Box::new(Blob { name, bytes }));
    }
    Ok(Box::new(FileImage { name, file, len }))
}

/// An error without the number that `Display` adds.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// A file to be written, opened before the run so that a bad path costs no boot.
#[derive(Debug)]
pub(crate) struct Output {
    name: String,
    option: &'static str,
    file: File,
}

impl Output {
    /// Creates or empties the file.
    pub(crate) fn create(path: &Path, option: &'static str) -> Result<Self, Failure> {
        let name = path.display().to_string();
        match File::create(path) {
            Ok(file) => Ok(Self { name, option, file }),
            Err(error) => Err(Failure::usage(
                format!("cannot write it: {}", plain(&error)),
                format!("{name} ({option})"),
                "check that the directory exists and can be written",
            )),
        }
    }

    /// The file, for somebody who writes by himself.
    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| {
            let at = format!("{} ({})", self.name, self.option);
            Failure::usage(
                format!("cannot write it: {}", plain(&error)),
                at,
                "check the space on the disk",
            )
        })
    }
}

/// A file that the command line names.
pub(crate) struct Named<'a> {
    /// Its path.
    pub(crate) path: &'a Path,
    /// The option that names it.
    pub(crate) option: &'a str,
    /// It will be written, and emptied before.
    pub(crate) written: bool,
}

impl<'a> Named<'a> {
    /// A file to read.
    pub(crate) fn read(path: &'a Path, option: &'a str) -> Self {
        Self { path, option, written: false }
    }

    /// A file to write.
    pub(crate) fn written(path: &'a Path, option: &'a str) -> Self {
        Self { path, option, written: true }
    }
}

/// Refuses an option that would destroy what another one reads or writes.
pub(crate) fn check_distinct(files: &[Named<'_>]) -> Result<(), Failure> {
    let identities: Vec<Option<Identity>> = files.iter().map(|file| identity(file.path)).collect();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| file.written) {
        let same = |(other, identity): &(usize, &Option<Identity>)| {
            *other != index && identity.is_some() && **identity == identities[index]
        };
        if let Some((other, _)) = identities.iter().enumerate().find(same) {
            let error = format!("{} and {} name the same file", files[other].option, file.option);
            let at = file.path.display().to_string();
            return Err(Failure::usage(error, at, "write to another file"));
        }
    }
    Ok(())
}

/// Equal for two names of one file; `None` for devices and pipes, which may be written twice.
fn identity(path: &Path) -> Option<Identity> {
    let by_path = || Identity::Path(std::path::absolute(path).unwrap_or_else(|_| path.into()));
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => Some(match host::identity(&meta) {
            Some((device, inode)) => Identity::Inode(device, inode),
            None => by_path(),
        }),
        Ok(_) => None,
        Err(_) => Some(by_path()),
    }
}

#[derive(PartialEq, Eq)]
enum Identity {
    Inode(u64, u64),
    Path(PathBuf),
}

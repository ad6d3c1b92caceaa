//! Disks and discs: `--drive`, `--cdrom`, the files behind them, and what guests write to them.
//!
//! Follows QEMU's `-drive` for names and values, a comma in a file's name doubled. A file is read in
//! place. What a guest writes goes into the file at the end of each slice of the run, unless the drive
//! is read-only or `snapshot=on`; the run itself never reads it back from there.
//!
//! A file that ends within a sector is padded with zeros, as QEMU pads disks. Not there: formats but
//! raw, places but the four of IDE, locks against other programs that use the file.

use crate::cli::RunArgs;
use crate::failure::{BadValue, Failure};
use crate::files::{Named, open_image, plain};
use crate::host;
use crate::images::{SharedImage, split_list};
use machine::{DRIVE_WRITES_MAX, DRIVES, DriveConfig, DriveKind, Machine, Media, MediaError};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `--drive`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DriveSpec {
    file: PathBuf,
    cdrom: bool,
    read_only: bool,
    snapshot: bool,
    /// The format is said, and not to be guessed at.
    raw: bool,
    /// Its place, 0 to 3.
    index: Option<usize>,
}

impl DriveSpec {
    /// True if the guest's writes go into the file.
    fn is_written(&self) -> bool {
        !self.cdrom && !self.read_only && !self.snapshot
    }
}

const HINT: &str = "write file=F[,format=raw][,if=ide][,media=disk|cdrom][,index=0-3][,readonly=on]\
                    [,snapshot=on]; a comma in a name is doubled";
/// Where `--cdrom` puts its disc, as QEMU: secondary device 0.
const CDROM_INDEX: usize = 2;

/// The value of `--drive`.
pub(crate) fn parse(text: &str) -> Result<DriveSpec, BadValue> {
    let mut spec = DriveSpec {
        file: PathBuf::new(),
        cdrom: false,
        read_only: false,
        snapshot: false,
        raw: false,
        index: None,
    };
    for part in split_list(text) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(BadValue::new(format!("{part:?} has no value"), HINT));
        };
        match name {
            "file" => spec.file = value.into(),
            "format" => spec.raw = is_raw(value)?,
            "if" => check_interface(value)?,
            "media" => {
                spec.cdrom = match value {
                    "disk" => false,
                    "cdrom" => true,
                    _ => return Err(BadValue::new(format!("no medium {value:?}"), HINT)),
                }
            }
            "index" => {
                let place = value.parse().ok().filter(|&place: &usize| place < DRIVES);
                let why = || format!("no place {value:?}: IDE has 0 to 3");
                spec.index = Some(place.ok_or_else(|| BadValue::new(why(), HINT))?);
            }
            "readonly" | "read-only" => spec.read_only = switch(name, value)?,
            "snapshot" => spec.snapshot = switch(name, value)?,
            _ => return Err(BadValue::new(format!("no property {name:?}"), HINT)),
        }
    }
    match spec.file.as_os_str().is_empty() {
        true => Err(BadValue::new("the drive has no file", HINT)),
        false => Ok(spec),
    }
}

fn is_raw(format: &str) -> Result<bool, BadValue> {
    match format {
        "raw" => Ok(true),
        _ => {
            let why = format!("the format {format:?} is not in this version");
            Err(BadValue::new(why, "convert it: qemu-img convert -O raw IMAGE F"))
        }
    }
}

fn check_interface(interface: &str) -> Result<(), BadValue> {
    match interface {
        "ide" => Ok(()),
        "virtio" => {
            let hint = "write if=ide, or leave it out: the guest needs ata_piix or pata_legacy";
            Err(BadValue::new("virtio disks are not in this version", hint))
        }
        _ => Err(BadValue::new(format!("no interface {interface:?}"), "write if=ide")),
    }
}

fn switch(name: &str, value: &str) -> Result<bool, BadValue> {
    match value {
        "on" | "yes" | "true" => Ok(true),
        "off" | "no" | "false" => Ok(false),
        _ => Err(BadValue::new(format!("{name}={value} is neither on nor off"), HINT)),
    }
}

/// What QEMU's `-hda F` to `-hdd F` ask for; the name is not parsed.
pub(crate) fn words_for_disk(index: usize, file: &str) -> Vec<String> {
    let file = file.replace(',', ",,");
    vec![format!("--drive=file={file},if=ide,media=disk,index={index}")]
}

/// The drives of the command line, those of `--drive` first, each with its option.
fn specs(args: &RunArgs) -> Vec<(DriveSpec, &'static str)> {
    let disc = |file: &PathBuf| DriveSpec {
        file: file.clone(),
        cdrom: true,
        read_only: true,
        snapshot: false,
        raw: true,
        index: Some(CDROM_INDEX),
    };
    let drives = args.drive.iter().cloned().map(|spec| (spec, "--drive"));
    drives.chain(args.cdrom.iter().map(|file| (disc(file), "--cdrom"))).collect()
}

/// The files of the drives, for the check that no file is written that another option names.
pub(crate) fn named(args: &RunArgs) -> impl Iterator<Item = Named<'_>> {
    let drives = args.drive.iter().map(|spec| match spec.is_written() {
        true => Named::written(&spec.file, "--drive"),
        false => Named::read(&spec.file, "--drive"),
    });
    drives.chain(args.cdrom.iter().map(|file| Named::read(file, "--cdrom")))
}

/// An image as a drive reads it.
pub(crate) struct DriveImage(pub(crate) SharedImage);

impl fmt::Debug for DriveImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriveImage({:?})", self.0.name())
    }
}

impl Media for DriveImage {
    fn size_bytes(&self) -> u64 {
        self.0.len()
    }
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), MediaError> {
        self.0.read_at(offset, out).map_err(|_| MediaError)
    }
}

/// A file that the guest's writes go into.
struct Writer {
    name: String,
    file: File,
}

/// The drives of a run.
#[derive(Default)]
pub(crate) struct Drives {
    configs: [Option<DriveConfig>; DRIVES],
    writers: [Option<Writer>; DRIVES],
}

impl Drives {
    /// Opens the files and finds each drive its place: the one it names, else the first free one.
    pub(crate) fn open(args: &RunArgs) -> Result<Self, Failure> {
        let mut drives = Self::default();
        let (placed, others): (Vec<_>, Vec<_>) =
            specs(args).into_iter().partition(|(spec, _)| spec.index.is_some());
        for (spec, option) in placed.into_iter().chain(others) {
            let place = drives.place(&spec, option)?;
            let image = open(&spec, option)?;
            drives.writers[place] =
                if spec.is_written() { Some(Writer::open(&spec.file)?) } else { None };
            let kind = match spec.cdrom {
                true => DriveKind::Cd,
                false => DriveKind::Disk { read_only: spec.read_only },
            };
            drives.configs[place] = Some(DriveConfig { kind, image: Arc::new(image) });
        }
        Ok(drives)
    }

    /// The disk that a boot sector was taken from, unless there is a disk. Its writes are not kept.
    pub(crate) fn add_boot_disk(&mut self, image: Arc<dyn Media>) {
        let is_disk = |drive: &DriveConfig| matches!(drive.kind, DriveKind::Disk { .. });
        let any = self.configs.iter().flatten().any(is_disk);
        if let Some(place) = self.configs.iter_mut().find(|place| !any && place.is_none()) {
            *place = Some(DriveConfig { kind: DriveKind::Disk { read_only: false }, image });
        }
    }

    /// The disc that the guest is booted from, unless there is one.
    pub(crate) fn add_boot_disc(&mut self, image: Arc<dyn Media>) {
        let is_cd = |drive: &DriveConfig| matches!(drive.kind, DriveKind::Cd);
        let any = self.configs.iter().flatten().any(is_cd);
        let places = [CDROM_INDEX].into_iter().chain(0..DRIVES);
        let free = places.into_iter().find(|&place| !any && self.configs[place].is_none());
        if let Some(place) = free {
            self.configs[place] = Some(DriveConfig { kind: DriveKind::Cd, image });
        }
    }

    /// What the machine is built with.
    pub(crate) fn take_configs(&mut self) -> [Option<DriveConfig>; DRIVES] {
        core::mem::take(&mut self.configs)
    }

    fn place(&self, spec: &DriveSpec, option: &str) -> Result<usize, Failure> {
        let taken = |place: &usize| self.configs[*place].is_some();
        let at = || format!("{} ({option})", spec.file.display());
        match spec.index {
            Some(place) if taken(&place) => {
                let hint =
                    "-hda to -hdd are 0 to 3, --cdrom is 2; leave index out to have the next";
                let error = format!("place {place} is taken by another drive");
                Err(Failure::usage(error, at(), hint))
            }
            Some(place) => Ok(place),
            None => (0..DRIVES).find(|place| !taken(place)).ok_or_else(|| {
                Failure::usage("more than 4 drives", at(), "IDE has places for 4 drives")
            }),
        }
    }

    /// What the guest was refused, a line for each drive.
    pub(crate) fn refusals(machine: &Machine) -> Vec<String> {
        let full = (0..DRIVES).filter(|&place| machine.drive_overflowed(place));
        full.map(refusal).collect()
    }

    /// Writes into the files what the guest has written since the last call.
    pub(crate) fn flush(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        for (place, writer) in self.writers.iter_mut().enumerate() {
            let Some(writer) = writer else { continue };
            for run in machine.take_drive_writes(place) {
                writer.write(run.offset, &run.bytes)?;
            }
        }
        Ok(())
    }
}

fn refusal(place: usize) -> String {
    let gib = DRIVE_WRITES_MAX >> 30;
    format!("drive {place}: the guest wrote more than {gib} GiB; what has no room in memory failed")
}

impl Writer {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        if !std::fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
            let hint = "add snapshot=on or readonly=on";
            let place = format!("{name} (--drive)");
            return Err(Failure::usage("only a regular file can be written back", place, hint));
        }
        match OpenOptions::new().write(true).open(path) {
            Ok(file) => Ok(Self { name, file }),
            Err(error) => Err(Failure::usage(
                format!("cannot write it: {}", plain(&error)),
                format!("{name} (--drive)"),
                "add snapshot=on to keep the file as it is, or readonly=on",
            )),
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        host::write_all_at(&self.file, bytes, offset).map_err(|error| {
            Failure::usage(
                format!("cannot write it: {}", plain(&error)),
                format!("{}, offset {offset:#x} (--drive)", self.name),
                "check the space on the disk, or add snapshot=on",
            )
        })
    }
}

/// Beginnings of images in other formats: where, what, and the format's name.
const FORMATS: &[(u64, &[u8], &str)] = &[
    (0, b"QFI\xfb", "qcow2"),
    (0, b"KDMV", "vmdk"),
    (0, b"vhdxfile", "vhdx"),
    (0x40, b"\x7f\x10\xda\xbe", "vdi"),
];

fn open(spec: &DriveSpec, option: &str) -> Result<DriveImage, Failure> {
    let image = open_image(&spec.file, option)?;
    let at = || format!("{} ({option})", spec.file.display());
    if image.is_empty() {
        let hint = "make one: truncate -s 64M F";
        return Err(Failure::usage("the image is empty", at(), hint));
    }
    if !spec.raw
        && let Some((.., format)) = FORMATS.iter().find(|(offset, magic, _)| {
            let mut bytes = vec![0; <[u8]>::len(magic)];
            image.read_at(*offset, &mut bytes).is_ok() && bytes == *magic
        })
    {
        let hint = format!("convert it: qemu-img convert -O raw {} F", spec.file.display());
        return Err(Failure::usage(format!("it is an image in the format {format}"), at(), hint));
    }
    Ok(DriveImage(image.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_disk(file: &str) -> DriveSpec {
        DriveSpec {
            file: file.into(),
            cdrom: false,
            read_only: false,
            snapshot: false,
            raw: false,
            index: None,
        }
    }

    #[test]
    fn a_drive_that_took_all_it_can_is_named_with_the_limit() {
        let expected =
            "drive 2: the guest wrote more than 1 GiB; what has no room in memory failed";
        assert_eq!(refusal(2), expected);
    }

    #[test]
    fn a_drive_is_described_as_in_qemu() {
        assert_eq!(parse("file=disk.img").unwrap(), plain_disk("disk.img"));
        assert_eq!(parse("file=a,,b=c.img,if=ide").unwrap(), plain_disk("a,b=c.img"));
        let all = "file=x,format=raw,if=ide,media=cdrom,index=3,readonly=on,snapshot=off";
        let spec = parse(all).unwrap();
        assert_eq!((spec.raw, spec.cdrom, spec.index, spec.read_only), (true, true, Some(3), true));
        assert!(!spec.snapshot && !spec.is_written());
        assert!(parse("file=x,snapshot=on").unwrap().snapshot);
        assert!(parse("file=x").unwrap().is_written());
    }

    #[test]
    fn what_a_drive_cannot_be_is_refused_with_advice() {
        for (text, hint) in [
            ("file=x,if=virtio", "if=ide"),
            ("file=x,format=qcow2", "qemu-img convert"),
            ("file=x,if=scsi", "if=ide"),
            ("file=x,index=4", "index=0-3"),
            ("file=x,readonly=maybe", "readonly=on"),
            ("file=x,cache=none", "file=F"),
            ("disk.img", "file=F"),
            ("file=", "file=F"),
            ("if=ide", "file=F"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.hint.contains(hint), "{text}: {}", refused.hint);
        }
    }

    #[test]
    fn the_letters_of_disks_are_places_and_their_names_are_not_parsed() {
        let words = words_for_disk(3, "a,readonly=on");
        assert_eq!(words, ["--drive=file=a,,readonly=on,if=ide,media=disk,index=3"]);
        let spec = parse(words[0].strip_prefix("--drive=").unwrap()).unwrap();
        assert_eq!(spec, DriveSpec { index: Some(3), ..plain_disk("a,readonly=on") });
    }
}

//! The devices of a domain: drives and what is booted from them, serial ports, input, and what there is not.

use super::Effects;
use crate::drives::{self, DriveSpec};
use crate::values::SerialTo;
use ::domain::{BootDevice, Disk, DiskDevice, DiskSource, InputBus, SerialTo as Other, Word};

/// The places of IDE, by libvirt's names.
const PLACES: [&str; 4] = ["hda", "hdb", "hdc", "hdd"];

impl Effects<'_> {
    pub(super) fn devices(&mut self) {
        let domain = self.domain;
        match self.given(&["drive", "cdrom"]) {
            true => self.boot_order(None),
            false => {
                let places = self.disks();
                self.boot_order(Some(&places));
            }
        }
        self.args.keyboard = domain.inputs.iter().any(|input| input.bus == InputBus::Ps2);
        for card in &domain.interfaces {
            self.lack(card.offset, format!("<interface type={:?}>", card.kind.word()));
        }
        for input in domain.inputs.iter().filter(|input| input.bus != InputBus::Ps2) {
            let what = format!("<input type={:?} bus={:?}>", input.kind.word(), input.bus.word());
            self.lack(input.offset, what);
        }
        for screen in &domain.graphics {
            self.lack(screen.offset, format!("<graphics type={:?}>", screen.kind.word()));
        }
        for serial in &domain.serials {
            if serial.port != 0 {
                self.lack(serial.offset, format!("serial port {}; there is port 0", serial.port));
            } else if !self.given(&["serial"]) {
                self.serial(&serial.to);
            }
        }
    }

    /// The domain's disks, by what they are and their places.
    fn disks(&mut self) -> Vec<(DiskDevice, usize)> {
        let mut places = Vec::new();
        for disk in &self.domain.disks {
            let place = PLACES.iter().position(|target| **target == disk.target);
            match place.and_then(|place| Some((place, self.drive(disk, place)?))) {
                Some((place, spec)) => {
                    self.args.drive.push(spec);
                    places.push((disk.device, place));
                }
                None => self.lack(disk.offset, disk_in_words(disk)),
            }
            if disk.shareable {
                self.note(format!("shareable {}: nothing keeps others from its file", disk.target));
            }
        }
        places
    }

    /// The disk as a drive of ours, if it can be one.
    fn drive(&self, disk: &Disk, place: usize) -> Option<DriveSpec> {
        let media = match disk.device {
            DiskDevice::Disk => "disk",
            DiskDevice::Cdrom => "cdrom",
            DiskDevice::Floppy => return None,
        };
        let Some(DiskSource::File(path)) = &disk.source else { return None };
        if disk.bus != "ide" || disk.format != "raw" {
            return None;
        }
        let file = self.path(path).to_str()?.replace(',', ",,");
        let read_only = if disk.readonly { "on" } else { "off" };
        let spec =
            format!("file={file},format=raw,media={media},index={place},readonly={read_only}");
        drives::parse(&spec).ok()
    }

    /// What firmware boots from, after a kernel. `None`: the drives are not the domain's.
    fn boot_order(&mut self, drives: Option<&[(DiskDevice, usize)]>) {
        let has_kernel = self.args.kernel_path().is_some();
        for device in &self.domain.os.boot {
            let what = format!("<boot dev={:?}>", device.word());
            let kind = match **device {
                BootDevice::Disk => DiskDevice::Disk,
                BootDevice::Cdrom => DiskDevice::Cdrom,
                BootDevice::Floppy | BootDevice::Network if !has_kernel => {
                    self.lack(device.offset, what);
                    continue;
                }
                BootDevice::Floppy | BootDevice::Network => {
                    self.note(format!("{what}: there is none, the kernel boots"));
                    continue;
                }
            };
            let place = |drives: &[(DiskDevice, usize)]| {
                drives.iter().find(|(drive, _)| *drive == kind).map(|(_, place)| *place)
            };
            match drives.map(place) {
                _ if self.args.bios.is_none() => {
                    self.note(format!("{what}: without firmware nothing but the kernel boots"));
                }
                None => self.note(format!(
                    "{what}: the drives are the command line's, firmware has its own order of them"
                )),
                Some(None) => self.note(format!("{what}: there is no such drive")),
                Some(Some(place)) => self.args.boot_order.push(place),
            }
        }
    }

    fn serial(&mut self, other_end: &Other) {
        self.args.serial = match other_end {
            Other::Stdio => SerialTo::Stdio,
            Other::Null => SerialTo::Null,
            Other::File(path) => SerialTo::File(self.path(path)),
            Other::Pty => {
                self.note("console pty: it is this terminal (--serial stdio)");
                SerialTo::Stdio
            }
        };
    }
}

fn disk_in_words(disk: &Disk) -> String {
    let source = match &disk.source {
        None => "empty".to_owned(),
        Some(DiskSource::File(path) | DiskSource::Block(path)) => format!("{path:?}"),
    };
    format!("<disk device={:?}> {} ({source})", disk.device.word(), disk.target)
}

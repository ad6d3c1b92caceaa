//! From an S-expression to devices: those in the image, and those in `(device ...)`.

use super::form::List;
use super::read::missing;
use super::syntax::Item;
use crate::error::{Notes, Refusal, named, shown};
use crate::model::{
    At, BackEnd, Disk, DiskDevice, DiskSource, Graphics, GraphicsKind, GraphicsPort, Input,
    InputBus, InputKind, Interface, InterfaceKind, OsKind, Serial, SerialTo,
};
use crate::normal::Devices;
use crate::words::{self, Word};

/// First TCP port of VNC: display 0.
const VNC_PORT: u16 = 5900;

/// Drives that xend keeps in the image: floppies, and in old documents the CD-ROM.
pub(super) fn drives(
    image: &mut List<'_>,
    devices: &mut Devices,
    notes: &mut Notes,
) -> Result<(), Refusal> {
    const DRIVES: [(&str, &str, DiskDevice); 3] = [
        ("cdrom", "hdc", DiskDevice::Cdrom),
        ("fda", "fda", DiskDevice::Floppy),
        ("fdb", "fdb", DiskDevice::Floppy),
    ];
    for (name, target, device) in DRIVES {
        let Some(path) = image.value(name, notes)? else { continue };
        let disk = Disk {
            device,
            source: Some(DiskSource::File(path.value)),
            format: "raw".into(),
            back_end: BackEnd::Usual,
            target: target.into(),
            bus: Disk::bus_of(target).into(),
            readonly: device == DiskDevice::Cdrom,
            shareable: false,
        };
        devices.disks.push(At::new(disk, path.offset));
    }
    Ok(())
}

/// USB's keyboards and pointers.
pub(super) fn inputs(
    image: &mut List<'_>,
    devices: &mut Devices,
    notes: &mut Notes,
) -> Result<(), Refusal> {
    let usb = image.switch("usb", notes)?;
    for list in image.lists("usbdevice") {
        let offset = list.offset();
        let mut words = list.items().iter();
        match (words.next(), words.next()) {
            (Some(Item::Word(word)), None) => match InputKind::of(word) {
                Some(kind) => {
                    devices.inputs.push(At::new(Input { kind, bus: InputBus::Usb }, offset));
                }
                None => notes.gap(offset, format!("(usbdevice {})", named(word))),
            },
            _ => notes.gap(offset, "a (usbdevice ...) that is not one word"),
        }
    }
    if let Some(usb) = usb.filter(|usb| usb.value && devices.inputs.is_empty()) {
        notes.remark(usb.offset, "(usb 1) without a (usbdevice ...) plugs nothing in");
    }
    Ok(())
}

/// `(serial pty)`, `(serial none)`, or a list with a word for each port.
pub(super) fn serials(
    image: &mut List<'_>,
    devices: &mut Devices,
    notes: &mut Notes,
) -> Result<(), Refusal> {
    let Some(list) = image.list("serial")? else { return Ok(()) };
    let title = list.title();
    let ports = match list.items() {
        [Item::List(ports)] => &ports.value,
        words => words,
    };
    for (port, item) in ports.iter().enumerate() {
        let Item::Word(word) = item else {
            notes.gap(item.offset(), format!("a list in {title}"));
            continue;
        };
        let to = match &*word.value {
            "none" => continue,
            "pty" => SerialTo::Pty,
            "stdio" => SerialTo::Stdio,
            "null" => SerialTo::Null,
            other => match other
                .strip_prefix("file:")
                .map(words::trimmed)
                .filter(|path| !path.is_empty())
            {
                Some(path) => SerialTo::File(path.to_owned()),
                None => {
                    notes.gap(word.offset, format!("(serial {})", named(other)));
                    continue;
                }
            },
        };
        devices.serials.push(At::new(Serial { to, port: port as u32 }, word.offset));
    }
    Ok(())
}

/// A screen, whose words are the same in an image and in a device of its own.
pub(super) fn graphics(
    list: &mut List<'_>,
    notes: &mut Notes,
) -> Result<Option<At<Graphics>>, Refusal> {
    let vnc = list.switch("vnc", notes)?.filter(|on| on.value);
    let sdl = list.switch("sdl", notes)?.filter(|on| on.value);
    let named_kind = match list.head() {
        "vfb" => list.value("type", notes)?,
        _ => None,
    };
    let named_kind = named_kind.map(|word| words::one_of(&word, "a kind of screen")).transpose()?;
    let (kind, offset) = match (named_kind, vnc, sdl) {
        (Some(kind), ..) => (kind.value, kind.offset),
        (None, Some(vnc), None) => (GraphicsKind::Vnc, vnc.offset),
        (None, None, Some(sdl)) => (GraphicsKind::Sdl, sdl.offset),
        (None, Some(_), Some(sdl)) => {
            notes.gap(sdl.offset, "(sdl 1) beside (vnc 1)");
            (GraphicsKind::Vnc, sdl.offset)
        }
        (None, None, None) if list.head() == "vfb" => {
            let what = format!("{} does not say its type", list.title());
            return Err(Refusal::new(list.offset(), what, "write (type vnc) or (type sdl)"));
        }
        (None, None, None) => return Ok(None),
    };
    let port = vnc_port(list, notes)?;
    let mut value = |name| -> Result<Option<String>, Refusal> {
        Ok(list.value(name, notes)?.map(|text| text.value))
    };
    let graphics = Graphics {
        kind,
        port,
        listen: value("vnclisten")?,
        passwd: value("vncpasswd")?,
        keymap: value("keymap")?,
        display: value("display")?,
        xauth: value("xauthority")?,
    };
    Ok(Some(At::new(graphics, offset)))
}

fn vnc_port(list: &mut List<'_>, notes: &mut Notes) -> Result<GraphicsPort, Refusal> {
    let unused = list.switch("vncunused", notes)?.is_some_and(|on| on.value);
    let most = u64::from(u16::MAX - VNC_PORT);
    let display = list.value("vncdisplay", notes)?;
    let display = display.map(|text| words::number(&text, "a VNC display", most)).transpose()?;
    Ok(match display {
        _ if unused => GraphicsPort::Free,
        Some(display) => GraphicsPort::Fixed(VNC_PORT + display.value as u16),
        None => GraphicsPort::Unsaid,
    })
}

/// `(device (vbd ...))` and the like.
pub(super) fn device(
    list: List<'_>,
    os: OsKind,
    devices: &mut Devices,
    notes: &mut Notes,
) -> Result<(), Refusal> {
    for item in list.items() {
        let inner = match item {
            Item::List(items) => List::new(items),
            Item::Word(_) => None,
        };
        let Some(mut inner) = inner else {
            notes.gap(item.offset(), "words in (device ...) that name no device");
            continue;
        };
        match inner.head() {
            "vbd" | "tap" | "tap2" => devices.disks.push(disk(&mut inner, notes)?),
            "vif" => devices.interfaces.push(interface(&mut inner, os, notes)?),
            "vfb" => devices.graphics.extend(graphics(&mut inner, notes)?),
            // A keyboard and a mouse, which every domain with a screen has.
            "vkbd" if os == OsKind::Linux => {
                for kind in [InputKind::Mouse, InputKind::Keyboard] {
                    let input = Input { kind, bus: InputBus::Xen };
                    devices.inputs.push(At::new(input, inner.offset()));
                }
            }
            _ => {
                notes.gap(inner.offset(), format!("(device {})", inner.title()));
                continue;
            }
        }
        inner.finish(notes);
    }
    Ok(())
}

fn disk(list: &mut List<'_>, notes: &mut Notes) -> Result<At<Disk>, Refusal> {
    let dev = list.value("dev", notes)?;
    let dev = missing(dev, "dev", list)?;
    let name = dev.strip_prefix("ioemu:").unwrap_or(&dev);
    let (target, device) = match name.split_once(':') {
        None | Some((_, "disk")) => (name.split(':').next().unwrap_or(name), DiskDevice::Disk),
        Some((target, "cdrom")) => (target, DiskDevice::Cdrom),
        Some((_, other)) => {
            let what = format!("{} is no kind of drive", shown(other));
            return Err(Refusal::new(dev.offset, what, "hda:disk or hdc:cdrom"));
        }
    };
    if target.is_empty() {
        let what = format!("{} names no place for a disk", shown(&dev));
        return Err(Refusal::new(dev.offset, what, "write a target such as hda"));
    }
    let back_end = BackEnd::of(list.head()).unwrap_or(BackEnd::Usual);
    let uname = list.value("uname", notes)?;
    let (source, format, back_end) = match uname {
        Some(uname) => uname_of(&uname, back_end)?,
        None if device == DiskDevice::Cdrom => (None, "raw".to_owned(), back_end),
        None => {
            let what = format!("(uname ...) is missing in {}", list.title());
            return Err(Refusal::new(list.offset(), what, "write (uname 'file:/path')"));
        }
    };
    let mode = list.value("mode", notes)?;
    let (readonly, shareable) = match mode.as_ref().map(|mode| &*mode.value) {
        None | Some("w") => (false, false),
        Some("r") => (true, false),
        Some("w!") => (false, true),
        Some("r!") => (true, true),
        Some(other) => {
            let offset = mode.as_ref().map_or(0, |mode| mode.offset);
            let what = format!("{} is no mode of a disk", shown(other));
            return Err(Refusal::new(offset, what, "r, w, r! or w!"));
        }
    };
    let disk = Disk {
        device,
        source,
        format,
        back_end,
        target: target.to_owned(),
        bus: Disk::bus_of(target).to_owned(),
        readonly: readonly || device == DiskDevice::Cdrom,
        shareable,
    };
    Ok(At::new(disk, list.offset()))
}

/// `file:/path`, `phy:/dev/x`, `tap:aio:/path`.
fn uname_of(
    uname: &At<String>,
    back_end: BackEnd,
) -> Result<(Option<DiskSource>, String, BackEnd), Refusal> {
    let refused = |what: String| {
        let hint = "file:/path, phy:/dev/x or tap:aio:/path";
        Err(Refusal::new(uname.offset, what, hint))
    };
    let Some((driver, rest)) = uname.split_once(':') else {
        return refused(format!("{} does not say what it is a path of", shown(uname)));
    };
    let tap = BackEnd::of(driver);
    let rest = words::trimmed(rest);
    let (source, format) = match (driver, tap) {
        ("file", _) => (DiskSource::File(rest.to_owned()), "raw"),
        ("phy", _) => (DiskSource::Block(rest.to_owned()), "raw"),
        (_, Some(_)) => match rest.split_once(':') {
            Some((format, path)) => (DiskSource::File(words::trimmed(path).to_owned()), format),
            None => return refused(format!("{} does not say its format", shown(uname))),
        },
        _ => return refused(format!("{} is stored in no way that is known", shown(uname))),
    };
    let (DiskSource::File(path) | DiskSource::Block(path)) = &source;
    if path.is_empty() || format.is_empty() {
        return refused(format!("{} has an empty part", shown(uname)));
    }
    let format = if format == "aio" { "raw" } else { format };
    // (tap2 (uname 'tap:aio:/path')): the device's name counts.
    let back_end = if back_end == BackEnd::Usual { tap.unwrap_or(back_end) } else { back_end };
    Ok((Some(source), format.to_owned(), back_end))
}

fn interface(list: &mut List<'_>, os: OsKind, notes: &mut Notes) -> Result<At<Interface>, Refusal> {
    let mut value = |name| list.value(name, notes);
    let mac = value("mac")?.map(|mac| words::mac(&mac)).transpose()?;
    let bridge = value("bridge")?;
    let text = |value: Option<At<String>>| value.map(|value| value.value);
    let (script, ip, vifname) =
        (text(value("script")?), text(value("ip")?), text(value("vifname")?));
    let (mut model, kind) = (text(value("model")?), value("type")?);
    match kind {
        Some(kind) if &*kind.value == "netfront" => model = model.or(Some("netfront".to_owned())),
        // The card of a PC is an emulated one unless something else is said.
        Some(kind) if os == OsKind::Hvm && &*kind.value == "ioemu" => {}
        Some(kind) => notes.gap(kind.offset, format!("(type {}) of a (vif ...)", named(&kind))),
        None => {}
    }
    // libvirt's bridge script stands for a bridge that is chosen later.
    let bridged = bridge.is_some() || script.as_deref() == Some("vif-bridge");
    let interface = Interface {
        kind: if bridged { InterfaceKind::Bridge } else { InterfaceKind::Ethernet },
        source: text(bridge),
        mac,
        script,
        model,
        target: vifname,
        ip,
    };
    Ok(At::new(interface, list.offset()))
}

//! From XML to devices.

use super::element::Element;
use super::read::missing;
use crate::error::{Notes, Refusal, shown};
use crate::model::{
    At, BackEnd, Disk, DiskDevice, DiskSource, Graphics, GraphicsPort, Input, InputBus, InputKind,
    Interface, InterfaceKind, OsKind, Serial, SerialTo,
};
use crate::normal::Devices;
use crate::words::{self, Word};

/// The children of `<devices>`.
pub(super) fn devices(
    mut element: Element<'_>,
    os: OsKind,
    notes: &mut Notes,
) -> Result<Devices, Refusal> {
    let mut out = Devices { emulator: element.value("emulator", notes)?, ..Devices::default() };
    for device in element.children("disk") {
        out.disks.extend(disk(device, notes)?);
    }
    for device in element.children("interface") {
        out.interfaces.extend(interface(device, notes)?);
    }
    for device in element.children("input") {
        out.inputs.extend(input(device, os, notes)?);
    }
    for device in element.children("graphics") {
        out.graphics.extend(graphics(device, notes)?);
    }
    for (index, device) in element.children("serial").into_iter().enumerate() {
        let end = device.offset();
        if let Some((to, port)) = character(device, &["serial", "isa-serial"], notes)? {
            let port = port.unwrap_or(index as u32);
            out.serials.push(At::new(Serial { to, port }, end));
        }
    }
    for device in element.children("console") {
        let end = device.offset();
        let kinds = match os {
            OsKind::Hvm => ["serial", "isa-serial"],
            OsKind::Linux => ["xen", "serial"],
        };
        if let Some((to, _)) = character(device, &kinds, notes)? {
            out.consoles.push(At::new(to, end));
        }
    }
    element.finish(notes);
    Ok(out)
}

/// A word of a device's own kind; a kind that is not known makes the whole device a gap.
fn kind_of<T: Word>(element: &Element<'_>, word: &At<String>, notes: &mut Notes) -> Option<T> {
    let kind = T::of(word);
    if kind.is_none() {
        let title = element.title();
        let title = title.trim_end_matches('>');
        notes.gap(element.offset(), format!("{title} type={}>", shown(word)));
    }
    kind
}

fn disk(mut element: Element<'_>, notes: &mut Notes) -> Result<Option<At<Disk>>, Refusal> {
    let offset = element.offset();
    let kind = element.needed("type")?;
    let attribute = match &*kind.value {
        "file" => "file",
        "block" => "dev",
        _ => {
            notes.gap(offset, format!("<disk type={}>", shown(&kind)));
            return Ok(None);
        }
    };
    let device = match element.attribute("device")? {
        Some(word) => words::one_of(&word, "a kind of drive")?.value,
        None => DiskDevice::Disk,
    };
    let source = element.detail("source", attribute, notes)?.map(|path| match attribute {
        "file" => DiskSource::File(path.value),
        _ => DiskSource::Block(path.value),
    });
    if source.is_none() && device == DiskDevice::Disk {
        let hint = format!("write <source {attribute}='...'/>");
        return Err(Refusal::new(offset, "a hard disk without a source", hint));
    }
    let target = element.child("target")?;
    let mut target = missing(target, "target", &element)?;
    let (name, bus) = (target.needed("dev")?, target.attribute("bus")?);
    target.finish(notes);
    // Xen's name for "emulated, not paravirtual".
    let name = name.strip_prefix("ioemu:").unwrap_or(&name).to_owned();
    let (back_end, format) = driver(&mut element, source.as_ref(), notes)?;
    let disk = Disk {
        device,
        source,
        format,
        back_end,
        bus: bus.map_or_else(|| Disk::bus_of(&name).to_owned(), |bus| bus.value),
        target: name,
        readonly: element.flag("readonly", notes)?.is_some() || device == DiskDevice::Cdrom,
        shareable: element.flag("shareable", notes)?.is_some(),
    };
    element.finish(notes);
    Ok(Some(At::new(disk, offset)))
}

/// Which part of the host serves the disk, and the format of its bytes.
fn driver(
    disk: &mut Element<'_>,
    source: Option<&DiskSource>,
    notes: &mut Notes,
) -> Result<(BackEnd, String), Refusal> {
    let raw = || (BackEnd::Usual, "raw".to_owned());
    let Some(mut element) = disk.child("driver")? else { return Ok(raw()) };
    let (name, format) = (element.attribute("name")?, element.attribute("type")?);
    element.finish(notes);
    let format = format.map_or_else(|| "raw".to_owned(), |format| format.value);
    let format = if format == "aio" { "raw".to_owned() } else { format };
    let Some(name) = name else { return Ok((BackEnd::Usual, format)) };
    let usual = match source {
        Some(DiskSource::Block(_)) => "phy",
        _ => "file",
    };
    if let Some(back_end) = BackEnd::of(&name) {
        return Ok((back_end, format));
    }
    if &*name.value != "qemu" && &*name.value != usual {
        notes.gap(name.offset, format!("driver name={} of <disk>", shown(&name)));
    }
    Ok((BackEnd::Usual, format))
}

fn interface(
    mut element: Element<'_>,
    notes: &mut Notes,
) -> Result<Option<At<Interface>>, Refusal> {
    let offset = element.offset();
    let word = element.needed("type")?;
    let Some(kind) = kind_of::<InterfaceKind>(&element, &word, notes) else { return Ok(None) };
    let mut detail = |child, attribute| element.detail(child, attribute, notes);
    let value = |found: Option<At<String>>| found.map(|found| found.value);
    let source = match kind {
        InterfaceKind::Bridge => value(detail("source", "bridge")?),
        InterfaceKind::Network => value(detail("source", "network")?),
        InterfaceKind::Ethernet | InterfaceKind::User => None,
    };
    let interface = Interface {
        kind,
        source,
        mac: detail("mac", "address")?.map(|mac| words::mac(&mac)).transpose()?,
        script: value(detail("script", "path")?),
        model: value(detail("model", "type")?),
        target: value(detail("target", "dev")?),
        ip: value(detail("ip", "address")?),
    };
    element.finish(notes);
    Ok(Some(At::new(interface, offset)))
}

fn input(
    mut element: Element<'_>,
    os: OsKind,
    notes: &mut Notes,
) -> Result<Option<At<Input>>, Refusal> {
    let offset = element.offset();
    let word = element.needed("type")?;
    let Some(kind) = kind_of::<InputKind>(&element, &word, notes) else { return Ok(None) };
    let bus = match element.attribute("bus")? {
        None if kind == InputKind::Tablet => InputBus::Usb,
        None if os == OsKind::Linux => InputBus::Xen,
        None => InputBus::Ps2,
        Some(word) => match InputBus::of(&word) {
            Some(bus) => bus,
            None => {
                notes.gap(offset, format!("<input> with bus={}", shown(&word)));
                return Ok(None);
            }
        },
    };
    element.finish(notes);
    Ok(Some(At::new(Input { kind, bus }, offset)))
}

fn graphics(mut element: Element<'_>, notes: &mut Notes) -> Result<Option<At<Graphics>>, Refusal> {
    let offset = element.offset();
    let word = element.needed("type")?;
    let Some(kind) = kind_of(&element, &word, notes) else { return Ok(None) };
    let free = match element.attribute("autoport")? {
        None => false,
        Some(word) if &*word.value == "yes" => true,
        Some(word) if &*word.value == "no" => false,
        Some(word) => {
            let what = format!("autoport={} is neither yes nor no", shown(&word));
            return Err(Refusal::new(word.offset, what, "write yes or no"));
        }
    };
    let port = match element.attribute("port")? {
        _ if free => GraphicsPort::Free,
        None => GraphicsPort::Unsaid,
        Some(port) if &*port.value == "-1" => GraphicsPort::Free,
        Some(port) => GraphicsPort::Fixed(words::number(&port, "a TCP port", 65535)?.value as u16),
    };
    let mut value = |name| -> Result<Option<String>, Refusal> {
        Ok(element.attribute(name)?.filter(|text| !text.is_empty()).map(|text| text.value))
    };
    let graphics = Graphics {
        kind,
        port,
        listen: value("listen")?,
        passwd: value("passwd")?,
        keymap: value("keymap")?,
        display: value("display")?,
        xauth: value("xauth")?,
    };
    element.finish(notes);
    Ok(Some(At::new(graphics, offset)))
}

/// A serial port or console whose `<target type=...>` is one of `kinds`: its other end and its port.
fn character<'a>(
    mut element: Element<'a>,
    kinds: &[&str],
    notes: &mut Notes,
) -> Result<Option<(SerialTo, Option<u32>)>, Refusal> {
    let (offset, title) = (element.offset(), element.title());
    // `tty` is where a running domain's terminal is; old documents have it instead of a type.
    let (kind, tty) = (element.attribute("type")?, element.attribute("tty")?);
    let kind = kind.map(|kind| kind.value).or(tty.map(|_| "pty".to_owned()));
    let Some(kind) = kind else {
        let what = format!("attribute type of {title} is missing");
        return Err(Refusal::new(offset, what, "write type='pty'"));
    };
    let target = element.child("target")?.map(|target| port_of(target, &title, notes));
    let (port, plugged) = target.transpose()?.unwrap_or_default();
    if let Some(other) = plugged.filter(|plugged| !kinds.contains(&&**plugged)) {
        notes.gap(offset, format!("{title} with target type={}", shown(&other)));
        return Ok(None);
    }
    let path = element.detail("source", "path", notes)?;
    if let Some(path) = path.as_ref().filter(|_| matches!(&*kind, "stdio" | "null")) {
        notes.gap(path.offset, format!("a path of {title}, which has no file"));
    }
    let to = match (&*kind, path) {
        // The path of a pty is where a running domain had it.
        ("pty", _) => SerialTo::Pty,
        ("stdio", _) => SerialTo::Stdio,
        ("null", _) => SerialTo::Null,
        ("file", Some(path)) => SerialTo::File(path.value),
        ("file", None) => {
            let what = format!("{title} of type file without a file");
            return Err(Refusal::new(offset, what, "write <source path='...'/>"));
        }
        (other, _) => {
            let title = title.trim_end_matches('>');
            notes.gap(offset, format!("{title} type={}>", shown(other)));
            return Ok(None);
        }
    };
    element.finish(notes);
    Ok(Some((to, port)))
}

/// `<target type='isa-serial' port='0'>`: the port, and what kind of device it belongs to.
fn port_of(
    mut target: Element<'_>,
    title: &str,
    notes: &mut Notes,
) -> Result<(Option<u32>, Option<String>), Refusal> {
    let port = target.attribute("port")?.map(|port| words::small(&port, "a port")).transpose()?;
    let kind = target.attribute("type")?;
    let model = target.detail("model", "name", notes)?;
    if let Some(model) = model.filter(|model| &*model.value != "isa-serial") {
        notes.gap(model.offset, format!("model {} of {title}", shown(&model)));
    }
    target.finish(notes);
    Ok((port.map(|port| port.value), kind.map(|kind| kind.value)))
}

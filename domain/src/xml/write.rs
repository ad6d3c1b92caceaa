//! From a domain to XML: the elements in the order libvirt's own documents had.

use crate::model::{
    At, BackEnd, Clock, Disk, DiskSource, Domain, Graphics, GraphicsPort, Input, Interface,
    InterfaceKind, Serial, SerialTo,
};
use crate::words::Word;
use core::fmt::Write;

/// The domain as libvirt's XML.
pub fn to_xml(domain: &Domain) -> String {
    let mut out = Out { text: String::new(), depth: 0 };
    let id = domain.id.as_ref().map(|id| id.to_string());
    let head = [("type", Some(&*domain.hypervisor.value)), ("id", id.as_deref())];
    out.open("domain", &head);
    out.value("name", Some(&domain.name));
    out.text_element("uuid", domain.uuid.map(|uuid| uuid.to_string()).as_deref());
    out.value("title", domain.title.as_ref());
    out.value("description", domain.description.as_ref());
    os(domain, &mut out);
    memory("memory", *domain.memory, &mut out);
    memory("currentMemory", *domain.current_memory, &mut out);
    out.text_element("vcpu", Some(&domain.vcpus.to_string()));
    out.text_element("on_poweroff", Some(domain.on_poweroff.word()));
    out.text_element("on_reboot", Some(domain.on_reboot.word()));
    out.text_element("on_crash", Some(domain.on_crash.word()));
    features(domain, &mut out);
    clock(*domain.clock, &mut out);
    devices(domain, &mut out);
    out.close("domain");
    out.text
}

/// Attributes; those without a value are left out.
type Attributes<'a> = [(&'a str, Option<&'a str>)];

/// Indented XML.
struct Out {
    text: String,
    depth: usize,
}

impl Out {
    fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.tag(name, attributes);
        self.text += ">\n";
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        let indent = 2 * self.depth;
        let _ = writeln!(self.text, "{:indent$}</{name}>", "");
    }

    fn empty(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.tag(name, attributes);
        self.text += "/>\n";
    }

    /// An element with an attribute, if that has a value.
    fn detail(&mut self, name: &str, attribute: &str, value: Option<&str>) {
        if value.is_some() {
            self.empty(name, &[(attribute, value)]);
        }
    }

    fn text_element(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.tag(name, &[]);
            let _ = writeln!(self.text, ">{}</{name}>", escaped(value));
        }
    }

    fn value(&mut self, name: &str, value: Option<&At<String>>) {
        self.text_element(name, value.map(|value| &*value.value));
    }

    /// A start tag without its end.
    fn tag(&mut self, name: &str, attributes: &Attributes<'_>) {
        let indent = 2 * self.depth;
        let _ = write!(self.text, "{:indent$}<{name}", "");
        for (name, value) in attributes {
            if let Some(value) = value {
                let _ = write!(self.text, " {name}='{}'", escaped(value));
            }
        }
    }
}

/// Text in which nothing is markup, for elements and for attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '\'' => out += "&apos;",
            '"' => out += "&quot;",
            other => out.push(other),
        }
    }
    out
}

fn os(domain: &Domain, out: &mut Out) {
    let os = &domain.os;
    out.open("os", &[]);
    let text = |value: &Option<At<String>>| value.as_ref().map(|value| value.value.clone());
    let (arch, machine) = (text(&os.arch), text(&os.machine));
    out.tag("type", &[("arch", arch.as_deref()), ("machine", machine.as_deref())]);
    let _ = writeln!(out.text, ">{}</type>", os.kind.word());
    out.value("loader", os.loader.as_ref());
    out.value("kernel", os.kernel.as_ref());
    out.value("initrd", os.initrd.as_ref());
    out.value("cmdline", os.cmdline.as_ref());
    out.value("root", os.root.as_ref());
    for device in &os.boot {
        out.empty("boot", &[("dev", Some(device.word()))]);
    }
    out.close("os");
}

fn memory(name: &str, bytes: u64, out: &mut Out) {
    let (size, unit) = match bytes % 1024 {
        0 => (bytes / 1024, "KiB"),
        _ => (bytes, "b"),
    };
    out.tag(name, &[("unit", Some(unit))]);
    let _ = writeln!(out.text, ">{size}</{name}>");
}

fn features(domain: &Domain, out: &mut Out) {
    let Some(features) = &domain.features else { return };
    out.open("features", &[]);
    for (name, has) in [("acpi", features.acpi), ("apic", features.apic), ("pae", features.pae)] {
        if has {
            out.empty(name, &[]);
        }
    }
    out.close("features");
}

fn clock(clock: Clock, out: &mut Out) {
    let (offset, adjustment) = match clock {
        Clock::Utc => ("utc", None),
        Clock::Localtime => ("localtime", None),
        Clock::Variable(seconds) => ("variable", Some(seconds.to_string())),
    };
    out.empty("clock", &[("offset", Some(offset)), ("adjustment", adjustment.as_deref())]);
}

fn devices(domain: &Domain, out: &mut Out) {
    out.open("devices", &[]);
    out.value("emulator", domain.emulator.as_ref());
    for device in &domain.disks {
        disk(device, &domain.hypervisor, out);
    }
    for device in &domain.interfaces {
        interface(device, out);
    }
    for device in &domain.serials {
        serial(device, out);
    }
    for input in &domain.inputs {
        let Input { kind, bus } = input.value;
        out.empty("input", &[("type", Some(kind.word())), ("bus", Some(bus.word()))]);
    }
    for device in &domain.graphics {
        graphics(device, out);
    }
    out.close("devices");
}

fn disk(disk: &Disk, hypervisor: &str, out: &mut Out) {
    let (kind, attribute, path) = match &disk.source {
        None => ("file", "file", None),
        Some(DiskSource::File(path)) => ("file", "file", Some(&**path)),
        Some(DiskSource::Block(path)) => ("block", "dev", Some(&**path)),
    };
    out.open("disk", &[("type", Some(kind)), ("device", Some(disk.device.word()))]);
    let plain = disk.format == "raw";
    let format = Some(&*disk.format);
    match (disk.back_end, kind) {
        (BackEnd::Usual, "file") if plain && hypervisor == "xen" => {
            out.empty("driver", &[("name", Some("file"))]);
        }
        (BackEnd::Usual, _) if plain && hypervisor == "xen" => {
            out.empty("driver", &[("name", Some("phy"))]);
        }
        (BackEnd::Usual, _) => out.empty("driver", &[("name", Some("qemu")), ("type", format)]),
        (tap, _) => {
            let format = if plain { Some("aio") } else { format };
            out.empty("driver", &[("name", Some(tap.word())), ("type", format)]);
        }
    }
    out.detail("source", attribute, path);
    let bus = Some(&*disk.bus).filter(|bus| *bus != Disk::bus_of(&disk.target));
    out.empty("target", &[("dev", Some(&disk.target)), ("bus", bus)]);
    for (name, has) in [("readonly", disk.readonly), ("shareable", disk.shareable)] {
        if has {
            out.empty(name, &[]);
        }
    }
    out.close("disk");
}

fn interface(card: &Interface, out: &mut Out) {
    out.open("interface", &[("type", Some(card.kind.word()))]);
    let attribute = match card.kind {
        InterfaceKind::Network => "network",
        _ => "bridge",
    };
    out.detail("source", attribute, card.source.as_deref());
    out.detail("mac", "address", card.mac.as_deref());
    out.detail("ip", "address", card.ip.as_deref());
    out.detail("script", "path", card.script.as_deref());
    out.detail("target", "dev", card.target.as_deref());
    out.detail("model", "type", card.model.as_deref());
    out.close("interface");
}

fn serial(serial: &Serial, out: &mut Out) {
    let (kind, path) = match &serial.to {
        SerialTo::Pty => ("pty", None),
        SerialTo::Stdio => ("stdio", None),
        SerialTo::Null => ("null", None),
        SerialTo::File(path) => ("file", Some(&**path)),
    };
    out.open("serial", &[("type", Some(kind))]);
    out.detail("source", "path", path);
    out.empty("target", &[("port", Some(&serial.port.to_string()))]);
    out.close("serial");
}

fn graphics(screen: &Graphics, out: &mut Out) {
    let port = match screen.port {
        GraphicsPort::Unsaid => None,
        GraphicsPort::Free => Some("-1".to_owned()),
        GraphicsPort::Fixed(port) => Some(port.to_string()),
    };
    let attributes = [
        ("type", Some(screen.kind.word())),
        ("port", port.as_deref()),
        ("listen", screen.listen.as_deref()),
        ("passwd", screen.passwd.as_deref()),
        ("keymap", screen.keymap.as_deref()),
        ("display", screen.display.as_deref()),
        ("xauth", screen.xauth.as_deref()),
    ];
    out.empty("graphics", &attributes);
}

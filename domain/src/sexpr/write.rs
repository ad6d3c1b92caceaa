//! From a domain to an S-expression, in the order in which libvirt gave the parts to xend.

use crate::error::{Gap, shown};
use crate::model::{
    At, BackEnd, BootDevice, Clock, Disk, DiskDevice, DiskSource, Domain, Graphics, GraphicsPort,
    InputBus, Interface, InterfaceKind, OsKind, SerialTo,
};
use crate::words::Word;

/// First TCP port of VNC: display 0.
const VNC_PORT: u16 = 5900;
const MIB: u64 = 1 << 20;

/// The domain as xend's S-expression, and what of the domain such an expression cannot say.
pub fn to_sexpr(domain: &Domain) -> (String, Vec<Gap>) {
    let mut out = Out { text: String::new(), gaps: Vec::new() };
    if &*domain.hypervisor.value != "xen" {
        let what = format!("type={} of the domain: it would be Xen's", shown(&domain.hypervisor));
        out.gap(domain.hypervisor.offset, what);
    }
    if let Some(title) = &domain.title {
        out.gap(title.offset, "the title");
    }
    out.open(if domain.id.is_some() { "domain " } else { "vm " });
    if let Some(id) = &domain.id {
        out.word("domid", &id.to_string());
    }
    out.string("name", &domain.name);
    memory("memory", &domain.current_memory, &mut out);
    memory("maxmem", &domain.memory, &mut out);
    out.word("vcpus", &domain.vcpus.to_string());
    if let Some(uuid) = &domain.uuid {
        out.string("uuid", &uuid.to_string());
    }
    out.optional("description", domain.description.as_ref());
    out.string("on_poweroff", domain.on_poweroff.word());
    out.string("on_reboot", domain.on_reboot.word());
    out.string("on_crash", domain.on_crash.word());
    image(domain, &mut out);
    for (index, disk) in domain.disks.iter().enumerate() {
        if !in_image(domain, index) {
            device_disk(disk, *domain.os.kind, &mut out);
        }
    }
    for card in &domain.interfaces {
        interface(card, *domain.os.kind, &mut out);
    }
    if *domain.os.kind == OsKind::Linux {
        for screen in &domain.graphics {
            out.text += "(device (vkbd))";
            out.open("device ");
            out.open("vfb ");
            out.word("type", screen.kind.word());
            graphics(screen, &mut out);
            out.text += "))";
        }
    }
    out.text += ")\n";
    out.gaps.sort_by_key(|gap| gap.offset);
    (out.text, out.gaps)
}

/// The text, and what was lost.
struct Out {
    text: String,
    gaps: Vec<Gap>,
}

impl Out {
    fn gap(&mut self, offset: usize, what: impl Into<String>) {
        self.gaps.push(Gap { what: what.into(), offset });
    }

    fn open(&mut self, head: &str) {
        self.text.push('(');
        self.text += head;
    }

    /// `(head word)`, for what is never more than one word.
    fn word(&mut self, head: &str, word: &str) {
        self.text += &format!("({head} {word})");
    }

    /// `(head 'string')`.
    fn string(&mut self, head: &str, string: &str) {
        let mut quoted = String::with_capacity(string.len());
        for char in string.chars() {
            if matches!(char, '\\' | '\'') {
                quoted.push('\\');
            }
            quoted.push(char);
        }
        self.text += &format!("({head} '{quoted}')");
    }

    fn optional(&mut self, head: &str, string: Option<&At<String>>) {
        if let Some(string) = string {
            self.string(head, string);
        }
    }

    fn optional_text(&mut self, head: &str, string: Option<&String>) {
        if let Some(string) = string {
            self.string(head, string);
        }
    }
}

/// A size in MiB, rounded up.
fn memory(head: &str, bytes: &At<u64>, out: &mut Out) {
    if !bytes.is_multiple_of(MIB) {
        let what = format!("{} bytes of memory: no whole number of MiB", bytes.value);
        out.gap(bytes.offset, what);
    }
    out.word(head, &bytes.div_ceil(MIB).to_string());
}

fn image(domain: &Domain, out: &mut Out) {
    let os = &domain.os;
    for (what, value) in [("arch", &os.arch), ("machine", &os.machine)] {
        if let Some(value) = value {
            out.gap(value.offset, format!("{what}={} of <type>", shown(value)));
        }
    }
    out.text += "(image (";
    out.text += os.kind.word();
    out.text.push(' ');
    out.optional("kernel", os.kernel.as_ref());
    out.optional("ramdisk", os.initrd.as_ref());
    out.optional("root", os.root.as_ref());
    out.optional("args", os.cmdline.as_ref());
    match *os.kind {
        OsKind::Hvm => hvm(domain, out),
        OsKind::Linux => linux(domain, out),
    }
    out.text += "))";
}

/// What the image of a PC has besides the kernel.
fn hvm(domain: &Domain, out: &mut Out) {
    let os = &domain.os;
    match (&os.loader, &os.kernel) {
        (Some(loader), Some(kernel)) if loader == kernel => {
            out.gap(kernel.offset, "a kernel that is the loader too: it would be the loader alone");
            out.string("loader", loader);
        }
        (Some(loader), Some(_)) => out.string("loader", loader),
        // The old spelling.
        (Some(loader), None) => out.string("kernel", loader),
        (None, Some(kernel)) => {
            out.gap(kernel.offset, "a kernel without a loader: it would be taken for the loader");
        }
        (None, None) => {}
    }
    out.word("vcpus", &domain.vcpus.to_string());
    let letter = |device: &At<BootDevice>| {
        BootDevice::LETTERS.iter().find(|(_, known)| *known == device.value).map(|(it, _)| *it)
    };
    out.word("boot", &os.boot.iter().filter_map(letter).collect::<String>());
    for (index, disk) in domain.disks.iter().enumerate().filter(|(at, _)| in_image(domain, *at)) {
        let head = match disk.device {
            DiskDevice::Cdrom => "cdrom",
            _ => &*disk.target,
        };
        if let Some(DiskSource::File(path)) = &domain.disks[index].source {
            out.string(head, path);
        }
    }
    let features = domain.features.unwrap_or(At::implied(Default::default()));
    for (name, has) in [("acpi", features.acpi), ("apic", features.apic), ("pae", features.pae)] {
        if has {
            out.word(name, "1");
        }
    }
    out.word("usb", "1");
    for input in &domain.inputs {
        match input.bus {
            InputBus::Ps2 => {}
            InputBus::Usb => out.word("usbdevice", input.kind.word()),
            InputBus::Xen => out.gap(input.offset, "an <input> on Xen's bus"),
        }
    }
    serials(domain, out);
    clock(domain, out);
    out.optional("device_model", domain.emulator.as_ref());
    for (index, screen) in domain.graphics.iter().enumerate() {
        if index > 0 {
            out.gap(screen.offset, "a second <graphics>");
            continue;
        }
        out.word(screen.kind.word(), "1");
        graphics(screen, out);
    }
}

/// What the image of a paravirtual guest has besides the kernel.
fn linux(domain: &Domain, out: &mut Out) {
    if let Some(loader) = &domain.os.loader {
        out.gap(loader.offset, "<loader> of a linux domain");
    }
    for device in &domain.os.boot {
        out.gap(device.offset, "<boot> of a linux domain");
    }
    if let Some(features) = &domain.features {
        out.gap(features.offset, "<features> of a linux domain");
    }
    for serial in &domain.serials {
        if serial.port != 0 || serial.to != SerialTo::Pty {
            out.gap(serial.offset, "a <serial> or <console> of a linux domain that is no pty");
        }
    }
    if domain.serials.is_empty() {
        out.gap(0, "a linux domain without a console");
    }
    for input in &domain.inputs {
        if input.bus != InputBus::Xen || domain.graphics.is_empty() {
            out.gap(input.offset, "an <input> of a linux domain that is not its screen's");
        }
    }
    clock(domain, out);
    out.optional("device_model", domain.emulator.as_ref());
}

fn clock(domain: &Domain, out: &mut Out) {
    match *domain.clock {
        Clock::Utc => {}
        Clock::Localtime => out.word("localtime", "1"),
        Clock::Variable(seconds) => out.word("rtc_timeoffset", &seconds.to_string()),
    }
}

/// One port is a word, several are a list with `none` for what is not there.
fn serials(domain: &Domain, out: &mut Out) {
    const MOST: u32 = 3;
    let mut words: Vec<String> = Vec::new();
    for serial in &domain.serials {
        if serial.port > MOST {
            out.gap(serial.offset, format!("serial port {}: a PC has four", serial.port));
            continue;
        }
        words.resize(serial.port as usize, "none".to_owned());
        words.push(match &serial.to {
            SerialTo::Pty => "pty".to_owned(),
            SerialTo::Stdio => "stdio".to_owned(),
            SerialTo::Null => "null".to_owned(),
            SerialTo::File(path) => {
                let escaped = path.replace('\\', "\\\\").replace('\'', "\\'");
                format!("'file:{escaped}'")
            }
        });
    }
    match &*words {
        [] => {}
        [only] => out.word("serial", only),
        several => out.word("serial", &format!("({})", several.join(" "))),
    }
}

fn graphics(screen: &Graphics, out: &mut Out) {
    match screen.port {
        GraphicsPort::Unsaid => {}
        GraphicsPort::Free => out.word("vncunused", "1"),
        GraphicsPort::Fixed(port) if port >= VNC_PORT => {
            out.word("vncunused", "0");
            out.word("vncdisplay", &(port - VNC_PORT).to_string());
        }
        GraphicsPort::Fixed(port) => {
            out.gap(0, format!("VNC at TCP port {port}: displays begin at {VNC_PORT}"));
        }
    }
    for (head, value) in [
        ("vnclisten", &screen.listen),
        ("vncpasswd", &screen.passwd),
        ("keymap", &screen.keymap),
        ("display", &screen.display),
        ("xauthority", &screen.xauth),
    ] {
        out.optional_text(head, value.as_ref());
    }
}

/// True for a drive that xend keeps in the image of a PC: the floppies, and the CD-ROM at its usual place.
fn in_image(domain: &Domain, index: usize) -> bool {
    let disk = &domain.disks[index];
    let plain = disk.back_end == BackEnd::Usual
        && disk.format == "raw"
        && disk.bus == Disk::bus_of(&disk.target)
        && !disk.shareable
        && matches!(disk.source, Some(DiskSource::File(_)));
    let place = match disk.device {
        DiskDevice::Cdrom => disk.target == "hdc",
        DiskDevice::Floppy => matches!(&*disk.target, "fda" | "fdb") && !disk.readonly,
        DiskDevice::Disk => false,
    };
    *domain.os.kind == OsKind::Hvm && plain && place
}

fn device_disk(disk: &At<Disk>, os: OsKind, out: &mut Out) {
    if disk.device == DiskDevice::Floppy {
        out.gap(disk.offset, format!("the floppy drive {}", shown(&disk.target)));
        return;
    }
    if disk.bus != Disk::bus_of(&disk.target) {
        let what = format!("bus={} of {}", shown(&disk.bus), shown(&disk.target));
        out.gap(disk.offset, what);
    }
    if disk.back_end == BackEnd::Usual && disk.format != "raw" {
        let what = format!("the format {} of {}", shown(&disk.format), shown(&disk.target));
        out.gap(disk.offset, what);
    }
    out.open("device ");
    out.open(match disk.back_end {
        BackEnd::Usual => "vbd ",
        BackEnd::Tap => "tap ",
        BackEnd::Tap2 => "tap2 ",
    });
    let target = &disk.target;
    match (os, disk.device) {
        (_, DiskDevice::Cdrom) => out.string("dev", &format!("{target}:cdrom")),
        (OsKind::Hvm, _) => out.string("dev", &format!("ioemu:{target}")),
        (OsKind::Linux, _) => out.string("dev", target),
    }
    let format = if disk.format == "raw" { "aio" } else { &*disk.format };
    match (&disk.source, disk.back_end) {
        (None, _) => {}
        (Some(DiskSource::File(path)), BackEnd::Usual) => {
            out.string("uname", &format!("file:{path}"));
        }
        (Some(DiskSource::Block(path)), BackEnd::Usual) => {
            out.string("uname", &format!("phy:{path}"));
        }
        (Some(DiskSource::File(path)), tap) => {
            out.string("uname", &format!("{}:{format}:{path}", tap.word()));
        }
        (Some(DiskSource::Block(path)), tap) => {
            out.gap(disk.offset, format!("a device of the host behind {}", tap.word()));
            out.string("uname", &format!("{}:{format}:{path}", tap.word()));
        }
    }
    out.string(
        "mode",
        match (disk.readonly, disk.shareable) {
            (false, false) => "w",
            (true, false) => "r",
            (false, true) => "w!",
            (true, true) => "r!",
        },
    );
    out.text += "))";
}

fn interface(card: &At<Interface>, os: OsKind, out: &mut Out) {
    let bridged = card.source.is_some() || card.script.as_deref() == Some("vif-bridge");
    let can = match card.kind {
        InterfaceKind::Bridge => bridged,
        InterfaceKind::Ethernet => !bridged,
        InterfaceKind::Network | InterfaceKind::User => false,
    };
    if !can {
        let what = format!("<interface type={:?}> as it is", card.kind.word());
        out.gap(card.offset, what);
    }
    out.open("device ");
    out.open("vif ");
    out.optional_text("mac", card.mac.as_ref());
    out.optional_text("bridge", card.source.as_ref());
    out.optional_text("script", card.script.as_ref());
    out.optional_text("ip", card.ip.as_ref());
    out.optional_text("vifname", card.target.as_ref());
    match (os, card.model.as_deref()) {
        (OsKind::Hvm, Some("netfront")) => out.word("type", "netfront"),
        (OsKind::Hvm, _) => {
            out.optional_text("model", card.model.as_ref());
            out.word("type", "ioemu");
        }
        (OsKind::Linux, _) => out.optional_text("model", card.model.as_ref()),
    }
    out.text += "))";
}

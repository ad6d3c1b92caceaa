//! From an S-expression to a domain.

use super::devices::{self, drives, graphics, inputs, serials};
use super::form::List;
use super::syntax;
use crate::error::{Notes, Refusal, named, shown};
use crate::model::{Action, At, BootDevice, Clock, Domain, Features, Os, OsKind};
use crate::normal::{self, Devices, Found};
use crate::words;

const MIB: u64 = 1 << 20;

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<(Domain, Notes), Refusal> {
    const HINT: &str = "write (vm (name 'x') ...)";
    let items = syntax::parse(text)?;
    let Some(root) = List::new(&items) else {
        return Err(Refusal::new(items.offset, "the first list has no name", HINT));
    };
    if !matches!(root.head(), "vm" | "domain") {
        let what = format!("the document is ({} ...), not (vm ...)", named(root.head()));
        return Err(Refusal::new(root.offset(), what, HINT));
    }
    let mut notes = Notes::default();
    let found = domain(root, &mut notes)?;
    let domain = normal::domain(found, &mut notes)?;
    Ok((domain, notes))
}

pub(super) fn missing<T>(found: Option<T>, name: &str, parent: &List<'_>) -> Result<T, Refusal> {
    found.ok_or_else(|| {
        let what = format!("({name} ...) is missing in {}", parent.title());
        Refusal::new(parent.offset(), what, format!("write ({name} ...)"))
    })
}

fn domain(mut root: List<'_>, notes: &mut Notes) -> Result<Found, Refusal> {
    let domid = root.value("domid", notes)?;
    let id = domid.map(|id| words::small(&id, "a domain's number")).transpose()?;
    let name = root.value("name", notes)?;
    let name = words::name(missing(name, "name", &root)?)?;
    let uuid = root.value("uuid", notes)?.map(|text| words::uuid(&text)).transpose()?;
    let description = root.value("description", notes)?;
    let current = memory(&mut root, "memory", notes)?;
    let most = memory(&mut root, "maxmem", notes)?;
    let vcpus = vcpus(&mut root, notes)?;
    let mut action = |name| -> Result<Option<At<Action>>, Refusal> {
        let text = root.value(name, notes)?;
        text.map(|text| words::one_of(&text, "an action")).transpose()
    };
    let (on_poweroff, on_reboot) = (action("on_poweroff")?, action("on_reboot")?);
    let on_crash = action("on_crash")?;
    let mut found_devices = Devices::default();
    let image = root.list("image")?;
    let mut image = image_of(missing(image, "image", &root)?, notes)?;
    let outer = root.switch("localtime", notes)?;
    let image_found = read_image(&mut image, vcpus, outer, &mut found_devices, notes)?;
    image.finish(notes);
    let kind = *image_found.os.kind;
    for device in root.lists("device") {
        devices::device(device, kind, &mut found_devices, notes)?;
    }
    let memory = match (most, current) {
        (Some(most), _) => most,
        (None, current) => missing(current, "memory", &root)?,
    };
    let found = Found {
        hypervisor: At::implied("xen".to_owned()),
        id,
        name,
        uuid,
        title: None,
        description,
        os: image_found.os,
        memory,
        current_memory: current,
        vcpus: image_found.vcpus,
        on_poweroff,
        on_reboot,
        on_crash,
        features: image_found.features,
        clock: image_found.clock,
        devices: found_devices,
    };
    root.finish(notes);
    Ok(found)
}

/// A size in MiB.
fn memory(root: &mut List<'_>, name: &str, notes: &mut Notes) -> Result<Option<At<u64>>, Refusal> {
    let Some(text) = root.value(name, notes)? else { return Ok(None) };
    let size = words::number(&text, "a number of MiB", u64::MAX / MIB)?;
    match size.value {
        0 => Err(Refusal::new(text.offset, "a machine without memory", "give it some")),
        mib => Ok(Some(At::new(mib * MIB, text.offset))),
    }
}

fn vcpus(list: &mut List<'_>, notes: &mut Notes) -> Result<Option<At<u32>>, Refusal> {
    let text = list.value("vcpus", notes)?;
    text.map(|text| words::small(&text, "a number of processors")).transpose()
}

/// The one list in `(image ...)`.
fn image_of<'a>(mut image: List<'a>, notes: &mut Notes) -> Result<List<'a>, Refusal> {
    let mut found = image.lists("hvm");
    found.extend(image.lists("linux"));
    let second = found.get(1).map(List::offset);
    let (offset, title) = (image.offset(), image.title());
    image.finish(notes);
    match (found.into_iter().next(), second) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(second)) => {
            let what = format!("two kinds of domain in {title}");
            Err(Refusal::new(second, what, "leave one of (hvm ...) and (linux ...)"))
        }
        (None, _) => {
            let what = format!("neither (hvm ...) nor (linux ...) is in {title}");
            Err(Refusal::new(offset, what, "write (image (hvm ...)) or (image (linux ...))"))
        }
    }
}

/// What `(image ...)` says besides devices.
struct Image {
    os: Os,
    vcpus: Option<At<u32>>,
    features: Option<At<Features>>,
    clock: Option<At<Clock>>,
}

fn read_image(
    image: &mut List<'_>,
    vcpus: Option<At<u32>>,
    localtime: Option<At<bool>>,
    devices: &mut Devices,
    notes: &mut Notes,
) -> Result<Image, Refusal> {
    let hvm = image.head() == "hvm";
    let os = os(image, notes)?;
    devices.emulator = image.value("device_model", notes)?;
    let mut features = None;
    let mut all_vcpus = vcpus;
    if hvm {
        all_vcpus = same_vcpus(vcpus, self::vcpus(image, notes)?)?;
        let mut has = |name| Ok(image.switch(name, notes)?.is_some_and(|on| on.value));
        let (acpi, apic, pae) = (has("acpi")?, has("apic")?, has("pae")?);
        features = Some(At::new(Features { acpi, apic, pae }, image.offset()));
        drives(image, devices, notes)?;
        inputs(image, devices, notes)?;
        serials(image, devices, notes)?;
        if let Some(none) = image.value("parallel", notes)?.filter(|to| &*to.value != "none") {
            notes.gap(none.offset, format!("(parallel {})", named(&none)));
        }
    }
    if let Some(screen) = graphics(image, notes)? {
        devices.graphics.push(screen);
    }
    let localtime = image.switch("localtime", notes)?.or(localtime);
    let adjustment = image.value("rtc_timeoffset", notes)?;
    let clock = clock(localtime, adjustment, notes)?;
    Ok(Image { os, vcpus: all_vcpus, features, clock })
}

/// xend says the number twice.
fn same_vcpus(outer: Option<At<u32>>, inner: Option<At<u32>>) -> Result<Option<At<u32>>, Refusal> {
    match (outer, inner) {
        (Some(outer), Some(inner)) if outer != inner => {
            let what = format!("{} processors here, {} outside", *inner, *outer);
            Err(Refusal::new(inner.offset, what, "write the same number in both places"))
        }
        (outer, inner) => Ok(outer.or(inner)),
    }
}

fn os(image: &mut List<'_>, notes: &mut Notes) -> Result<Os, Refusal> {
    let kind = match image.head() {
        "hvm" => OsKind::Hvm,
        _ => OsKind::Linux,
    };
    let mut kernel = image.value("kernel", notes)?;
    let mut loader = image.value("loader", notes)?;
    match &loader {
        _ if kind == OsKind::Linux => {}
        // The old spelling, before a PC could be given a kernel: this one is the firmware.
        None => loader = kernel.take(),
        // xend says both while it has no kernel.
        Some(loader) if kernel.as_ref() == Some(loader) => kernel = None,
        Some(_) => {}
    }
    let mut boot = Vec::new();
    if let Some(letters) = image.value("boot", notes)? {
        for (index, letter) in letters.char_indices() {
            let known = BootDevice::LETTERS.iter().find(|(known, _)| *known == letter);
            let Some((_, device)) = known else {
                let what = format!("no boot device {letter:?}");
                let hint = "a: floppy, c: disk, d: CD-ROM, n: network";
                return Err(Refusal::new(letters.offset, what, hint));
            };
            boot.push(At::new(*device, letters.offset + index));
        }
    }
    Ok(Os {
        kind: At::new(kind, image.offset()),
        arch: None,
        machine: None,
        loader,
        kernel,
        initrd: image.value("ramdisk", notes)?,
        cmdline: image.value("args", notes)?,
        root: image.value("root", notes)?,
        boot,
    })
}

fn clock(
    localtime: Option<At<bool>>,
    adjustment: Option<At<String>>,
    notes: &mut Notes,
) -> Result<Option<At<Clock>>, Refusal> {
    let seconds = match &adjustment {
        None => 0,
        Some(text) => text.parse::<i32>().map_err(|_| {
            let what = format!("{} is no number of seconds", shown(text));
            Refusal::new(text.offset, what, "write seconds, such as -3600")
        })?,
    };
    let local = localtime.filter(|on| on.value);
    let offset = adjustment.map_or(0, |text| text.offset);
    Ok(match local {
        Some(local) => {
            if seconds != 0 {
                notes.gap(offset, "(rtc_timeoffset ...) beside (localtime 1)");
            }
            Some(At::new(Clock::Localtime, local.offset))
        }
        None if seconds != 0 => Some(At::new(Clock::Variable(seconds), offset)),
        None => None,
    })
}

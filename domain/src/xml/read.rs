//! From XML to a domain.

use super::devices::devices;
use super::element::Element;
use crate::MAX_DEPTH;
use crate::error::{Notes, Place, Refusal, named, shown};
use crate::model::{Action, At, Clock, Domain, Features, Os, OsKind};
use crate::normal::{self, Devices, Found};
use crate::units;
use crate::words;
use roxmltree::{Document, Error, ParsingOptions};

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<(Domain, Notes), Refusal> {
    check_encoding(text)?;
    check_counts(text)?;
    let options = ParsingOptions { nodes_limit: 1 << 16, ..ParsingOptions::default() };
    let tree =
        Document::parse_with_options(text, options).map_err(|error| malformed(&error, text))?;
    check_depth(&tree)?;
    let root = tree.root_element();
    let tag = root.tag_name();
    if tag.name() != "domain" || tag.namespace().is_some() {
        let what = format!("the document is a <{}>, not a <domain>", named(tag.name()));
        return Err(Refusal::new(root.range().start, what, "give the domain alone"));
    }
    let mut notes = Notes::default();
    let found = domain(Element::new(root), &mut notes)?;
    let domain = normal::domain(found, &mut notes)?;
    Ok((domain, notes))
}

/// What the reader of XML says, with the place it means.
fn malformed(error: &Error, text: &str) -> Refusal {
    const HINT: &str = "mend the XML; `xmllint` explains such errors";
    let said = error.to_string();
    // The place is at the end of most sentences, and has its own line in ours.
    let what = match said.rsplit_once(" at ") {
        Some((what, place)) if place.bytes().all(|it| it == b':' || it.is_ascii_digit()) => what,
        _ => &said,
    };
    let what = format!("not well-formed XML: {}", named(what).replace("\\'", "'"));
    match error {
        Error::DtdDetected => {
            let at = text.find("<!DOCTYPE").unwrap_or(0);
            let what = "a document type, which could define entities";
            Refusal::new(at, what, "take it out: a domain needs none")
        }
        Error::UnknownEntityReference(name, pos) => {
            let place = Place { line: pos.row as usize, column: pos.col as usize };
            let what = format!("the entity &{};, which XML does not have", named(name));
            let hint = "XML's own are &amp; &lt; &gt; &quot; &apos; and &#NUMBER;";
            Refusal::counted(place, what, hint)
        }
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream | Error::NoRootNode => {
            Refusal::new(text.len(), what, HINT)
        }
        _ => {
            let pos = error.pos();
            Refusal::counted(Place { line: pos.row as usize, column: pos.col as usize }, what, HINT)
        }
    }
}

/// The tree's reader compares every attribute of an element with those before it, and copies every
/// namespace into every element below: hostile numbers of them would take minutes.
fn check_counts(text: &str) -> Result<(), Refusal> {
    for (word, what, most) in [("=", "signs =", 2048), ("xmlns", "namespaces", 64)] {
        let count = text.matches(word).count();
        if count > most {
            let what = format!("{count} {what}; a description has at most {most}");
            return Err(Refusal::new(0, what, "give the description of one domain"));
        }
    }
    Ok(())
}

/// The declaration may name an encoding; only one is read.
fn check_encoding(text: &str) -> Result<(), Refusal> {
    let start = text.trim_start_matches('\u{feff}');
    let Some(declaration) = start.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next())
    else {
        return Ok(());
    };
    let Some((_, value)) = declaration.split_once("encoding") else { return Ok(()) };
    let name = value.split(['\'', '"']).nth(1).unwrap_or_default();
    if ["utf-8", "us-ascii", "ascii"].contains(&&*name.to_ascii_lowercase()) {
        return Ok(());
    }
    let what = format!("the encoding {}; only UTF-8 is read", shown(name));
    Err(Refusal::new(text.len() - start.len(), what, "store the file as UTF-8, and say so"))
}

/// Nothing here walks down by recursion, but other programs do with what they are given.
fn check_depth(tree: &Document<'_>) -> Result<(), Refusal> {
    let (mut node, mut depth) = (tree.root(), 0);
    loop {
        if let Some(child) = node.first_child() {
            (node, depth) = (child, depth + 1);
            if depth > MAX_DEPTH {
                let what = format!("elements are nested deeper than {MAX_DEPTH} levels");
                return Err(Refusal::new(node.range().start, what, "no domain needs that"));
            }
            continue;
        }
        loop {
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            match node.parent() {
                Some(parent) => (node, depth) = (parent, depth - 1),
                None => return Ok(()),
            }
        }
    }
}

pub(super) fn missing<T>(found: Option<T>, name: &str, parent: &Element<'_>) -> Result<T, Refusal> {
    found.ok_or_else(|| {
        let what = format!("<{name}> is missing in {}", parent.title());
        Refusal::new(parent.offset(), what, format!("write <{name}>...</{name}>"))
    })
}

fn domain(mut root: Element<'_>, notes: &mut Notes) -> Result<Found, Refusal> {
    let hypervisor = root.needed("type")?;
    let id = root.attribute("id")?.map(|id| words::small(&id, "a domain's number")).transpose()?;
    let name = root.value("name", notes)?;
    let uuid = root.value("uuid", notes)?.map(|text| words::uuid(&text)).transpose()?;
    let title = root.value("title", notes)?;
    let description = root.value("description", notes)?;
    let os_element = root.child("os")?;
    let memory = memory(&mut root, "memory", notes)?;
    let current_memory = self::memory(&mut root, "currentMemory", notes)?;
    let vcpus = vcpus(&mut root, notes)?;
    let mut action = |name| -> Result<Option<At<Action>>, Refusal> {
        let text = root.value(name, notes)?;
        text.map(|text| words::one_of(&text, "an action")).transpose()
    };
    let (on_poweroff, on_reboot) = (action("on_poweroff")?, action("on_reboot")?);
    let on_crash = action("on_crash")?;
    let features = root.child("features")?.map(|element| features(element, notes)).transpose()?;
    let clock = match root.child("clock")? {
        Some(element) => clock(element, notes)?,
        None => None,
    };
    let name = words::name(missing(name, "name", &root)?)?;
    let os = os(missing(os_element, "os", &root)?, notes)?;
    let devices = match root.child("devices")? {
        Some(element) => devices(element, *os.kind, notes)?,
        None => Devices::default(),
    };
    let found = Found {
        hypervisor,
        id,
        name,
        uuid,
        title,
        description,
        os,
        memory: missing(memory, "memory", &root)?,
        current_memory,
        vcpus,
        on_poweroff,
        on_reboot,
        on_crash,
        features,
        clock,
        devices,
    };
    root.finish(notes);
    Ok(found)
}

fn memory<'a>(
    root: &mut Element<'a>,
    name: &'a str,
    notes: &mut Notes,
) -> Result<Option<At<u64>>, Refusal> {
    let Some(mut element) = root.child(name)? else { return Ok(None) };
    let unit = element.attribute("unit")?;
    units::size(&element.text(notes)?, unit.as_ref()).map(Some)
}

fn vcpus(root: &mut Element<'_>, notes: &mut Notes) -> Result<Option<At<u32>>, Refusal> {
    let Some(mut element) = root.child("vcpu")? else { return Ok(None) };
    // Which of the host's processors run them is said to be none in particular.
    if let Some(placement) = element.attribute("placement")?.filter(|it| &*it.value != "static") {
        notes.gap(placement.offset, format!("placement={} of <vcpu>", shown(&placement)));
    }
    let current = element.attribute("current")?;
    let vcpus = words::small(&element.text(notes)?, "a number of processors")?;
    if let Some(current) = current.filter(|current| **current != vcpus.to_string()) {
        notes.gap(current.offset, format!("current={} of <vcpu>", shown(&current)));
    }
    Ok(Some(vcpus))
}

fn os(mut element: Element<'_>, notes: &mut Notes) -> Result<Os, Refusal> {
    let kind = element.child("type")?;
    let mut kind = missing(kind, "type", &element)?;
    let (arch, machine) = (kind.attribute("arch")?, kind.attribute("machine")?);
    let kind = words::one_of::<OsKind>(&kind.text(notes)?, "a type of domain")?;
    let mut boot = Vec::new();
    for mut device in element.children("boot") {
        boot.push(words::one_of(&device.needed("dev")?, "a boot device")?);
        device.finish(notes);
    }
    let cmdline = element.words("cmdline", notes)?.filter(|cmdline| !cmdline.is_empty());
    let os = Os {
        kind,
        arch,
        machine,
        loader: element.value("loader", notes)?,
        kernel: element.value("kernel", notes)?,
        initrd: element.value("initrd", notes)?,
        cmdline,
        root: element.value("root", notes)?,
        boot,
    };
    element.finish(notes);
    Ok(os)
}

fn features(mut element: Element<'_>, notes: &mut Notes) -> Result<At<Features>, Refusal> {
    let features = Features {
        acpi: element.flag("acpi", notes)?.is_some(),
        apic: element.flag("apic", notes)?.is_some(),
        pae: element.flag("pae", notes)?.is_some(),
    };
    let features = At::new(features, element.offset());
    element.finish(notes);
    Ok(features)
}

fn clock(mut element: Element<'_>, notes: &mut Notes) -> Result<Option<At<Clock>>, Refusal> {
    let offset = element.needed("offset")?;
    let clock = match &*offset.value {
        "utc" => Some(Clock::Utc),
        "localtime" => Some(Clock::Localtime),
        "variable" => {
            let adjustment = element.attribute("adjustment")?;
            let seconds = match &adjustment {
                None => Some(0),
                Some(text) => text.parse::<i32>().ok(),
            };
            if let (None, Some(text)) = (seconds, adjustment) {
                let what = format!("{} is no number of seconds", shown(&text));
                return Err(Refusal::new(text.offset, what, "write seconds, such as -3600"));
            }
            if let Some(basis) = element.attribute("basis")?.filter(|it| &*it.value != "utc") {
                notes.gap(basis.offset, format!("basis={} of <clock>", shown(&basis)));
            }
            seconds.map(|seconds| if seconds == 0 { Clock::Utc } else { Clock::Variable(seconds) })
        }
        _ => {
            notes.gap(offset.offset, format!("offset={} of <clock>", shown(&offset)));
            None
        }
    };
    element.finish(notes);
    Ok(clock.map(|clock| At::new(clock, offset.offset)))
}

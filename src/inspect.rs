//! `bootscope inspect` and `bootscope extract-vmlinux`: images looked at, not booted.

use crate::cli::{ExtractArgs, InspectArgs};
use crate::failure::Failure;
use crate::files::{self, Named, Output};
use crate::text;
use boot::inspect::{ElfInfo, Field, NoteInfo, ProtocolInfo, SegmentInfo};
use boot::{Image, Inspection};
use serde_json::{Value, json};

/// Prints what the image is.
pub(crate) fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    let image = files::open_image(&args.file, "FILE")?;
    let inspection = boot::inspect(&*image).map_err(|error| refusal(&error, &*image))?;
    let words = if args.json {
        format!("{:#}\n", as_json(&inspection))
    } else {
        format!("{}\n", inspection.to_string().trim_end())
    };
    text::output(&words).map_err(|error| stdout_failure(&error))
}

/// Unpacks the ELF kernel of a bzImage.
pub(crate) fn extract(args: &ExtractArgs) -> Result<(), Failure> {
    let image = files::open_image(&args.file, "F")?;
    files::check_distinct(&[Named::read(&args.file, "F"), Named::written(&args.output, "-o")])?;
    let unpacked = boot::payload::vmlinux_from_bzimage(&*image);
    let bytes = unpacked.map_err(|error| refusal(&error, &*image))?;
    Output::create(&args.output, "-o")?.write(&bytes)
}

fn refusal(error: &boot::BootError, image: &dyn Image) -> Failure {
    Failure::boot(error, &[image.name().to_owned()])
}

/// Standard output cannot take the answer.
pub(crate) fn stdout_failure(error: &std::io::Error) -> Failure {
    let error = format!("cannot write the answer: {error}");
    Failure::usage(error, "standard output", "check the space on the disk")
}

/// The same facts as the text, by their names.
fn as_json(inspection: &Inspection) -> Value {
    let Inspection { name, len, compression, protocols, elf, linux, multiboot1, multiboot2 } =
        inspection;
    json!({
        "file": name,
        "length": len,
        "compression": compression,
        "ram_needed": inspection.ram_needed(),
        "protocols": protocols.iter().map(protocol).collect::<Vec<_>>(),
        "elf": elf.as_ref().map(elf_json),
        "linux": fields(linux),
        "multiboot1": fields(multiboot1),
        "multiboot2": fields(multiboot2),
    })
}

fn protocol(info: &ProtocolInfo) -> Value {
    let ProtocolInfo { name, bootable, reason, code, entry, ram_needed } = info;
    let code = if code.is_empty() { Value::Null } else { json!(code) };
    json!({
        "name": name,
        "bootable": bootable,
        "reason": reason,
        "code": code,
        "entry": entry,
        "ram_needed": ram_needed,
    })
}

fn elf_json(elf: &ElfInfo) -> Value {
    let ElfInfo { bits, machine, entry, segments, notes } = elf;
    json!({
        "bits": bits,
        "machine": machine,
        "entry": entry,
        "segments": segments.iter().map(segment).collect::<Vec<_>>(),
        "notes": notes.iter().map(note).collect::<Vec<_>>(),
    })
}

fn segment(segment: &SegmentInfo) -> Value {
    let SegmentInfo { index, kind, flags, offset, vaddr, paddr, filesz, memsz, align } = segment;
    json!({
        "index": index,
        "type": kind,
        "flags": flags,
        "offset": offset,
        "vaddr": vaddr,
        "paddr": paddr,
        "filesz": filesz,
        "memsz": memsz,
        "align": align,
    })
}

fn note(note: &NoteInfo) -> Value {
    let NoteInfo { offset, owner, kind, name, size, value, meaning } = note;
    json!({
        "offset": offset,
        "owner": owner,
        "type": kind,
        "name": name,
        "size": size,
        "value": value,
        "meaning": meaning,
    })
}

/// Header fields as an object, `null` for an image without that header.
fn fields(fields: &[Field]) -> Value {
    if fields.is_empty() {
        return Value::Null;
    }
    let entry = |field: &Field| {
        (field.name.to_owned(), json!({ "value": field.value, "meaning": field.meaning }))
    };
    Value::Object(fields.iter().map(entry).collect())
}

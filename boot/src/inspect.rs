//! What an image is, as plain data: `bootscope inspect`.
//!
//! The same parsers as booting, so the same refusals. Values are numbers with the names of their
//! documents; formatting as text is here, JSON is made of the same fields by the command.

mod describe;

use crate::detect::{self, Offer};
use crate::el_torito::BootImage;
use crate::elf::{self, Class, Elf};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::linux::{self, SetupHeader, Way};
use crate::multiboot1::{self, Load};
use crate::multiboot2;
use crate::payload;
use crate::protocol::{BIOS_SERVICES, Protocol};
use crate::pvh;
use crate::reader::Reader;

/// An ELF segment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the gABI's p_ fields")]
pub struct SegmentInfo {
    pub index: usize,
    pub kind: String,
    pub flags: String,
    pub offset: u64,
    pub vaddr: u64,
    pub paddr: u64,
    pub filesz: u64,
    pub memsz: u64,
    pub align: u64,
}

/// An ELF note.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteInfo {
    /// Offset of its header in the file.
    pub offset: u64,
    /// Owner.
    pub owner: String,
    /// Type number.
    pub kind: u32,
    /// Name of the type, empty if unknown.
    pub name: String,
    /// Length of the content in bytes.
    pub size: u32,
    /// The content, readable.
    pub value: String,
    /// What a loader does with it.
    pub meaning: String,
}

/// An ELF image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElfInfo {
    /// 32 or 64.
    pub bits: u8,
    /// `e_machine` as a word.
    pub machine: String,
    /// `e_entry`.
    pub entry: u64,
    /// Program headers.
    pub segments: Vec<SegmentInfo>,
    /// Notes of segments and, where those hold no PVH note, sections.
    pub notes: Vec<NoteInfo>,
}

/// A header field: name, value, what it means here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Name in its document.
    pub name: &'static str,
    /// Value.
    pub value: u64,
    /// Words, empty if the number says it all.
    pub meaning: String,
}

/// A protocol the image shows a sign of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProtocolInfo {
    /// Its name as `--protocol` takes it.
    pub name: &'static str,
    /// True if this version boots it so.
    pub bootable: bool,
    /// Why, or why not.
    pub reason: String,
    /// Code of the refusal, empty if bootable.
    pub code: &'static str,
    /// Physical entry address, if known.
    pub entry: Option<u64>,
    /// RAM in bytes below which the kernel cannot be placed, ramdisk not counted.
    pub ram_needed: Option<u64>,
}

/// Everything about an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inspection {
    /// The image's name.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
    /// Set if the file is compressed; the rest then describes what is inside.
    pub compression: Option<&'static str>,
    /// Protocols, best first.
    pub protocols: Vec<ProtocolInfo>,
    /// Set for ELF images.
    pub elf: Option<ElfInfo>,
    /// Fields of the Linux setup header, empty for other images.
    pub linux: Vec<Field>,
    /// Fields of the multiboot header, empty for other images.
    pub multiboot1: Vec<Field>,
    /// Tags of the multiboot 2 header, empty for other images.
    pub multiboot2: Vec<Field>,
}

impl Inspection {
    /// RAM in bytes that the preferred protocol needs at least.
    pub fn ram_needed(&self) -> Option<u64> {
        self.protocols.iter().find(|protocol| protocol.bootable)?.ram_needed
    }
}

/// Describes an image, or refuses it as [`crate::plan`] would.
pub fn inspect(image: &dyn Image) -> Result<Inspection, BootError> {
    detect::check_not_empty(image, Part::Kernel)?;
    if let Some(blob) = crate::unpack_gzip(image)? {
        let inside = describe(&blob)?;
        return Ok(Inspection { len: image.len(), compression: Some("gzip"), ..inside });
    }
    describe(image)
}

fn describe(image: &dyn Image) -> Result<Inspection, BootError> {
    let mut offers = detect::detect(image);
    let speaks = |offer: &Offer| matches!(offer.outcome, Ok(_) | Err(BootError::NotBuilt { .. }));
    if !offers.iter().any(speaks) {
        detect::choose(image, BIOS_SERVICES)?;
    }
    let prefix = Reader::new(image).prefix(0x206)?;
    let header = linux::is_bzimage(&prefix).then(|| SetupHeader::parse(image).ok()).flatten();
    let multiboot = match header {
        Some(_) => None,
        None => multiboot1::Kernel::parse(image).ok().flatten(),
    };
    let multiboot2 = match header {
        Some(_) => None,
        None => multiboot2::Kernel::parse(image).ok().flatten(),
    };
    let packed = header.as_ref().filter(|header| header.payload_length != 0);
    let pvh = match packed {
        Some(_) => pvh_inside(image, &mut offers),
        None => pvh::Kernel::parse(image).ok(),
    };
    let places = Places {
        image,
        multiboot: multiboot.as_ref().map(|kernel| &kernel.load),
        multiboot2: multiboot2.as_ref().map(|kernel| &kernel.load),
        pvh: pvh.as_ref(),
    };
    Ok(Inspection {
        name: image.name().to_owned(),
        len: image.len(),
        compression: None,
        protocols: offers.into_iter().map(|offer| places.protocol(offer)).collect(),
        elf: if elf::is_elf(&prefix) { Some(elf_info(image)?) } else { None },
        linux: header.as_ref().map_or(Vec::new(), describe::linux_fields),
        multiboot1: multiboot.as_ref().map_or(Vec::new(), describe::multiboot_fields),
        multiboot2: multiboot2.as_ref().map_or(Vec::new(), describe::multiboot2_fields),
    })
}

/// The kernel packed in a bzImage, with its offer behind those of the bzImage itself, which `auto`
/// prefers.
fn pvh_inside(image: &dyn Image, offers: &mut Vec<Offer>) -> Option<pvh::Kernel> {
    let inside = payload::vmlinux_from_bzimage(image);
    let inside = inside.and_then(|vmlinux| pvh::Kernel::parse(&vmlinux));
    let words = |kernel: &pvh::Kernel| {
        format!("by --protocol pvh: ELF inside with a PVH note, entry {:#x}", kernel.notes.entry)
    };
    let outcome = inside.as_ref().map(words).map_err(Clone::clone);
    let after_last =
        offers.iter().rposition(|offer| offer.outcome.is_ok()).map_or(0, |last| last + 1);
    let at = if outcome.is_ok() { after_last } else { offers.len() };
    offers.insert(at, Offer { protocol: Protocol::Pvh, outcome });
    inside.ok()
}

/// The parsed forms of an image that know entry and extent.
struct Places<'a> {
    image: &'a dyn Image,
    multiboot: Option<&'a Load>,
    multiboot2: Option<&'a Load>,
    pvh: Option<&'a pvh::Kernel>,
}

impl Places<'_> {
    fn protocol(&self, offer: Offer) -> ProtocolInfo {
        let linux = |way| {
            let kernel = linux::Kernel::parse(self.image, way).ok();
            kernel.map(|kernel| kernel.place(way)).unzip()
        };
        let load = |load: &Load| (load.entry.into(), load.span().end);
        let (entry, ram_needed) = match offer.protocol {
            Protocol::Pvh => self.pvh.map(|k| (k.notes.entry.into(), k.span().end)).unzip(),
            Protocol::Linux64 => linux(Way::Entry64),
            Protocol::Linux32 => linux(Way::Entry32),
            Protocol::Linux16 => {
                let header = SetupHeader::parse(self.image).ok();
                header.map(|header| linux::place_real_mode(&header)).unzip()
            }
            Protocol::Multiboot1 => self.multiboot.map(load).unzip(),
            Protocol::Multiboot2 => self.multiboot2.map(load).unzip(),
            Protocol::BootSector => (Some(layout::BOOT_SECTOR), Some(layout::RAM_MIN)),
            Protocol::ElTorito => {
                let boot_image = BootImage::parse(self.image).ok();
                boot_image.map(|it| (it.address(), layout::RAM_MIN)).unzip()
            }
            _ => (None, None),
        };
        let (reason, code) = match &offer.outcome {
            Ok(why) => (why.clone(), ""),
            Err(error) => (error.to_string(), error.code()),
        };
        let bootable = offer.outcome.is_ok();
        ProtocolInfo { name: offer.protocol.name(), bootable, reason, code, entry, ram_needed }
    }
}

fn elf_info(image: &dyn Image) -> Result<ElfInfo, BootError> {
    let elf = Elf::parse(image)?;
    let is_entry = |note: &elf::Note| note.is_xen() && note.kind == pvh::ENTRY_NOTE;
    // A malformed note was already judged by the protocol that needs notes.
    let notes = elf::notes(&elf, image, is_entry).unwrap_or_default();
    Ok(ElfInfo {
        bits: if elf.class == Class::Elf32 { 32 } else { 64 },
        machine: if elf.machine == elf::EM_386 { "i386" } else { "x86-64" }.to_owned(),
        entry: elf.entry,
        segments: elf.segments.iter().map(describe::segment).collect(),
        notes: notes.iter().map(describe::note).collect(),
    })
}

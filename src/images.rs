//! Which files are booted: the kernel, and the ramdisk or modules that go with it.
//!
//! Not here: what a kernel is, which `boot` decides; this only asks it which protocol it would follow,
//! because the words of `--initrd` depend on that.

use crate::builtin;
use crate::cli::RunArgs;
use crate::drives::DriveImage;
use crate::failure::Failure;
use crate::files::open_image;
use boot::payload::{self, Compression};
use boot::{AcpiProfile, Blob, Image, Module, Platform, Protocol, Request, elf, linux};
use machine::Media;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// An image that a drive may read too.
pub(crate) type SharedImage = Arc<dyn Image + Send + Sync>;

/// A module and the string that goes with it.
struct ModuleFile {
    image: Box<dyn Image>,
    cmdline: String,
}

/// The files of a boot.
pub(crate) struct Images {
    kernel: SharedImage,
    modules: Vec<ModuleFile>,
    /// What the user did not ask for and should know.
    pub(crate) notice: Option<String>,
    /// The protocol that boots the kernel, if no firmware does.
    protocol: Option<Protocol>,
}

impl Images {
    /// Opens what the options name.
    pub(crate) fn open(args: &RunArgs) -> Result<Self, Failure> {
        let kernel: SharedImage = match args.kernel_path() {
            Some(path) => unpacked(open_image(path, "--kernel")?.into())?,
            None => Arc::new(builtin::demo()),
        };
        let protocol = args.protocol.0.or_else(|| preferred(&*kernel));
        let mut images = Self { kernel, modules: Vec::new(), notice: None, protocol };
        for spec in &args.module {
            let (file, cmdline) = spec.split_once(' ').unwrap_or((spec, ""));
            images.add(file.as_ref(), cmdline, "--module")?;
        }
        match args.initrd.as_deref() {
            Some(none) if none == "none" => {}
            Some(spec) if matches!(protocol, Some(Protocol::Multiboot1 | Protocol::Multiboot2)) => {
                images.add_list(spec)?;
            }
            Some(file) => images.add(file, "", "--initrd")?,
            None if args.module.is_empty() && images.wants_initramfs(protocol, &args.append) => {
                let image = Box::new(builtin::initramfs()?);
                images.modules.push(ModuleFile { image, cmdline: String::new() });
                let words = "no --initrd: the built-in initramfs boots (--initrd none for none)";
                images.notice = Some(words.into());
            }
            None => {}
        }
        Ok(images)
    }

    /// The kernel.
    pub(crate) fn kernel(&self) -> &dyn Image {
        &*self.kernel
    }

    /// True if the guest begins in real mode and calls a BIOS.
    pub(crate) fn needs_bios(&self, args: &RunArgs) -> bool {
        args.bios.is_none() && self.protocol.is_some_and(Protocol::needs_bios)
    }

    /// True if the guest is booted from a CD-ROM.
    pub(crate) fn is_disc(&self) -> bool {
        self.protocol == Some(Protocol::ElTorito)
    }

    /// The image of a boot sector, which is the disk that it reads from, or of a CD-ROM; `None` of other kernels.
    pub(crate) fn boot_disk(&self, args: &RunArgs) -> Option<Arc<dyn Media>> {
        let is_sector = self.protocol == Some(Protocol::BootSector);
        let is_disk = args.bios.is_none() && (is_sector || self.is_disc());
        is_disk.then(|| Arc::new(DriveImage(Arc::clone(&self.kernel))) as Arc<dyn Media>)
    }

    /// The names of the kernel and of the modules, in this order.
    pub(crate) fn names(&self) -> Vec<String> {
        let modules = self.modules.iter().map(|module| module.image.name().to_owned());
        std::iter::once(self.kernel.name().to_owned()).chain(modules).collect()
    }

    /// The request that `boot` plans, without the RAM that the machine keeps for itself.
    pub(crate) fn request<'a>(
        &'a self,
        args: &'a RunArgs,
        platform: &'a Platform,
        kept: Vec<Range<u64>>,
    ) -> Request<'a> {
        let module = |file: &'a ModuleFile| Module { image: &*file.image, cmdline: &file.cmdline };
        Request {
            modules: self.modules.iter().map(module).collect(),
            cmdline: &args.append,
            protocol: args.protocol.0,
            ignore_video: args.ignore_video,
            reserved: args.reserve.iter().map(|span| span.0.clone()).chain(kept).collect(),
            bios_services: args.acpi.0 != AcpiProfile::Reduced,
            ..Request::new(&*self.kernel, args.memory.0, platform)
        }
    }

    fn add(&mut self, file: &OsStr, cmdline: &str, option: &str) -> Result<(), Failure> {
        let image = open_image(Path::new(file), option)?;
        self.modules.push(ModuleFile { image, cmdline: cmdline.to_owned() });
        Ok(())
    }

    /// `F [ARGS],F2 [ARGS]`, as QEMU; `,,` is a comma in a name or string.
    fn add_list(&mut self, spec: &OsStr) -> Result<(), Failure> {
        let Some(spec) = spec.to_str() else {
            let hint = "a list of modules has to be UTF-8";
            return Err(Failure::usage("the list is not UTF-8", "option --initrd", hint));
        };
        for item in split_list(spec) {
            let (file, cmdline) = item.split_once(' ').unwrap_or((&item, ""));
            self.add(file.as_ref(), cmdline, "--initrd")?;
        }
        Ok(())
    }

    /// True for a 64-bit Linux kernel that was given no root file system.
    fn wants_initramfs(&self, protocol: Option<Protocol>, append: &str) -> bool {
        let linux = match protocol {
            Some(Protocol::Linux64 | Protocol::Linux32 | Protocol::Linux16) => true,
            Some(Protocol::Pvh) => is_linux(&*self.kernel),
            _ => false,
        };
        linux
            && runs_64_bit_programs(&*self.kernel)
            && !append.split_whitespace().any(|word| word.starts_with("root="))
    }
}

/// The kernel inside a gzip file; any other file as it is.
fn unpacked(image: SharedImage) -> Result<SharedImage, Failure> {
    let mut first = [0; 16];
    let first = &mut first[..image.len().min(16) as usize];
    let name = image.name().to_owned();
    let refused = |error: boot::BootError| Failure::boot(&error, std::slice::from_ref(&name));
    image.read_at(0, first).map_err(|error| refused(error.into()))?;
    if payload::compression_of(first) != Some(Compression::Gzip) {
        return Ok(image);
    }
    match payload::unpack_image(&*image).map_err(refused)? {
        Some(bytes) => Ok(Arc::new(Blob { name, bytes })),
        None => Ok(image),
    }
}

/// The protocol that `boot` would follow.
fn preferred(image: &dyn Image) -> Option<Protocol> {
    boot::detect(image).into_iter().find(|offer| offer.outcome.is_ok()).map(|offer| offer.protocol)
}

/// True for a bzImage, and for an ELF kernel whose notes say so.
fn is_linux(image: &dyn Image) -> bool {
    let mut prefix = vec![0; image.len().min(0x206) as usize];
    if image.read_at(0, &mut prefix).is_err() {
        return false;
    }
    if linux::is_bzimage(&prefix) {
        return true;
    }
    linux::says_linux(image)
}

/// True for a kernel that runs 64-bit programs, as the built-in initramfs holds one.
fn runs_64_bit_programs(image: &dyn Image) -> bool {
    match linux::SetupHeader::parse(image) {
        Ok(header) => header.xloadflags & linux::XLF_KERNEL_64 != 0,
        Err(_) => elf::Elf::parse(image).is_ok_and(|elf| elf.class == elf::Class::Elf64),
    }
}

/// Splits at single commas; two commas are one in the text.
pub(crate) fn split_list(spec: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut chars = spec.chars().peekable();
    while let Some(char) = chars.next() {
        match items.last_mut() {
            Some(item) if char != ',' || chars.next_if_eq(&',').is_some() => item.push(char),
            _ => items.push(String::new()),
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_commas_in_a_module_list_are_one_in_a_name() {
        assert_eq!(split_list("a x=1,b"), ["a x=1", "b"]);
        assert_eq!(split_list("a,,b,c"), ["a,b", "c"]);
        assert_eq!(split_list(""), [""]);
    }

    #[test]
    fn the_demo_guest_is_no_linux() {
        assert!(!is_linux(&builtin::demo()));
    }
}

//! Firmware images and option ROMs: where they are found, and what the plan of a boot through them needs.
//!
//! Not here: what the firmware is told, which `boot::firmware` decides.

use crate::cli::RunArgs;
use crate::failure::{BadValue, Failure};
use crate::files::open_image;
use crate::images::Images;
use crate::screen;
use boot::firmware::{self, FirmwareRequest, Rom};
use boot::{BootPlan, Platform, Protocol};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where distributions put SeaBIOS and QEMU's option ROMs.
const DIRECTORIES: [&str; 5] = [
    "/usr/share/seabios",
    "/usr/share/qemu",
    "/usr/share/qemu-kvm",
    "/usr/local/share/qemu",
    "/opt/homebrew/share/qemu",
];
/// The VGA BIOS for a VGA without PCI.
const VGA_BIOS: &str = "vgabios-isavga.bin";
/// Most bytes of a firmware or option ROM.
const ROM_MAX: u64 = 8 << 20;

/// `--option-rom`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OptionRom {
    path: PathBuf,
    boot_index: Option<u32>,
}

impl OptionRom {
    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// `F`, or as QEMU: `rom=F,bootindex=N`.
pub(crate) fn option_rom(text: &str) -> Result<OptionRom, BadValue> {
    let hint = "write a file, or rom=F,bootindex=0";
    let Some(rest) = text.strip_prefix("rom=") else {
        return Ok(OptionRom { path: text.into(), boot_index: None });
    };
    let (file, index) = match rest.split_once(",bootindex=") {
        None => (rest, None),
        Some((file, index)) => {
            let index = index.parse().map_err(|_| {
                BadValue::new(format!("bootindex {index:?} is no number from 0 on"), hint)
            })?;
            (file, Some(index))
        }
    };
    if file.is_empty() || file.contains(',') {
        return Err(BadValue::new(format!("{text:?} has no file, or an unknown property"), hint));
    }
    Ok(OptionRom { path: file.into(), boot_index: index })
}

/// A ROM file.
struct RomFile {
    name: String,
    bytes: Vec<u8>,
    boot_index: Option<u32>,
}

impl RomFile {
    fn rom(&self) -> Rom<'_> {
        Rom { name: &self.name, bytes: &self.bytes, boot_index: self.boot_index }
    }
}

/// The ROMs of a boot through firmware.
pub(crate) struct Firmware {
    rom: Arc<[u8]>,
    kernel_rom: Option<RomFile>,
    option_roms: Vec<RomFile>,
    vga_rom: Option<RomFile>,
    has_kernel: bool,
}

impl Firmware {
    /// Opens the ROMs; `None` without `--bios`.
    pub(crate) fn open(args: &RunArgs, images: &Images) -> Result<Option<Self>, Failure> {
        let Some(path) = &args.bios else { return Ok(None) };
        let found = find(path, None);
        let rom = read(found.as_deref().unwrap_or(path), "--bios")?;
        let beside = found.as_deref().and_then(Path::parent).map(Path::to_owned);
        let has_kernel = args.kernel_path().is_some();
        let kernel_rom = match has_kernel {
            true => Some(kernel_rom(images, args.protocol.0, beside.as_deref())?),
            false => None,
        };
        let option_roms = args.option_rom.iter().map(|OptionRom { path, boot_index }| {
            let found = find(path, None);
            let rom = read(found.as_deref().unwrap_or(path), "--option-rom")?;
            Ok(RomFile { boot_index: *boot_index, ..rom })
        });
        let option_roms = option_roms.collect::<Result<Vec<_>, _>>()?;
        for rom in &option_roms {
            check_option_rom(rom)?;
        }
        let wanted = screen::has_vga(args, true).then_some(VGA_BIOS);
        let vga_rom = wanted.and_then(|name| find(Path::new(name), beside.as_deref()));
        let vga_rom = vga_rom.map(|path| read(&path, "--bios")).transpose()?;
        let rom = rom.bytes.into();
        Ok(Some(Self { rom, kernel_rom, option_roms, vga_rom, has_kernel }))
    }

    /// The firmware's bytes.
    pub(crate) fn rom(&self) -> Arc<[u8]> {
        Arc::clone(&self.rom)
    }

    /// The plan of a boot through it.
    pub(crate) fn plan<'a>(
        &'a self,
        images: &'a Images,
        args: &'a RunArgs,
        platform: &'a Platform,
    ) -> Result<BootPlan<'a>, boot::BootError> {
        let request = images.request(args, platform, Vec::new());
        firmware::plan(&FirmwareRequest {
            request,
            has_kernel: self.has_kernel,
            kernel_rom: self.kernel_rom.as_ref().map(RomFile::rom),
            option_roms: self.option_roms.iter().map(RomFile::rom).collect(),
            vga_rom: self.vga_rom.as_ref().map(RomFile::rom),
        })
    }
}

/// The option ROM that starts the kernel.
fn kernel_rom(
    images: &Images,
    wanted: Option<Protocol>,
    beside: Option<&Path>,
) -> Result<RomFile, Failure> {
    let refused = |error: boot::BootError| Failure::boot(&error, &images.names());
    let name = firmware::way(images.kernel(), wanted).map_err(refused)?.option_rom;
    match find(Path::new(name), beside) {
        // QEMU gives it the first place too.
        Some(path) => read(&path, "--bios").map(|rom| RomFile { boot_index: Some(0), ..rom }),
        None => {
            let error = format!("the option ROM {name}, which starts such a kernel, is not found");
            let hint = "install QEMU's ROMs (Debian: qemu-system-data), or boot without --bios";
            Err(Failure::usage(error, "option --bios", hint))
        }
    }
}

/// A file where it was named, beside the firmware, or where ROMs are installed.
fn find(path: &Path, beside: Option<&Path>) -> Option<PathBuf> {
    let bare = path.components().count() == 1;
    let named = beside.is_none().then(|| path.to_owned());
    let directories = beside.into_iter().chain(DIRECTORIES.into_iter().map(Path::new));
    let installed = directories.filter(|_| bare).map(|directory| directory.join(path));
    named.into_iter().chain(installed).find(|path| path.exists())
}

fn read(path: &Path, option: &str) -> Result<RomFile, Failure> {
    let image = open_image(path, option)?;
    let place = format!("{} ({option})", path.display());
    let len = image.len();
    if len == 0 || len > ROM_MAX {
        let error = format!("{len} bytes are no ROM");
        return Err(Failure::usage(error, place, "a ROM has 1 byte to 8 MiB"));
    }
    let mut bytes = vec![0; len as usize];
    let read = image.read_at(0, &mut bytes);
    read.map_err(|error| Failure::usage(error.to_string(), place, "check the file"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(RomFile { name: name.unwrap_or_default(), bytes, boot_index: None })
}

/// PCI Firmware Specification 3.0, "PCI Expansion ROM Header Format": signature, length in units of 512
/// bytes, and a sum of 0 that firmware checks without a word.
fn check_option_rom(rom: &RomFile) -> Result<(), Failure> {
    let refused = |error: String| {
        let place = format!("{} (--option-rom)", rom.name);
        Failure::usage(
            error,
            place,
            "an option ROM begins with 55 aa, its length and a checksum of 0",
        )
    };
    let bytes = &rom.bytes;
    if bytes.len() < 3 || bytes[..2] != [0x55, 0xaa] {
        return Err(refused("it has no option ROM signature".to_owned()));
    }
    let len = usize::from(bytes[2]) * 512;
    if len == 0 || len > bytes.len() {
        let error = format!("its header says {len} bytes, the file has {}", bytes.len());
        return Err(refused(error));
    }
    let sum = bytes[..len].iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    if sum != 0 {
        return Err(refused(format!("its bytes sum up to {sum:#04x}, not to 0")));
    }
    Ok(())
}

//! The setup header of a bzImage: Linux `Documentation/x86/boot.rst`, "The Real-Mode Kernel Header".
//!
//! The header begins at 0x1f1 and ends at 0x202 plus the byte at 0x201; fields past that end, and
//! those of a later protocol than the header's, read as the value older kernels imply. Not accepted:
//! protocols before 2.00, and zImages (not LOADED_HIGH) by another entry than their setup code.

use crate::elf;
use crate::error::BootError;
use crate::image::Image;
use crate::payload::compression_of;
use crate::protocol::Protocol;
use crate::reader::{Reader, u8_at, u16_at, u32_at, u64_at};

/// Offset of the header in the file and in boot_params.
pub(super) const HEADER: usize = 0x1f1;
/// "HdrS" at 0x202.
const MAGIC: [u8; 4] = *b"HdrS";
/// The longest header of any protocol so far is 0x7b bytes; the jump's reach bounds it to this.
const HEADER_END_MAX: u64 = 0x202 + 0xff;
/// The first protocol with xloadflags, hence with an announced 64-bit entry.
const VERSION_XLOADFLAGS: u16 = 0x20c;
/// The first protocol with cmd_line_ptr.
pub(super) const VERSION_CMDLINE: u16 = 0x202;
/// The first protocol whose syssize has 32 bits; before, the upper two bytes are not its.
const VERSION_SYSSIZE: u16 = 0x204;
/// The first protocol with pref_address and init_size.
const VERSION_INIT_SIZE: u16 = 0x20a;
/// Kernels before payload_offset expect their setup code to have run; how they are entered without is
/// not written down.
const VERSION_PAYLOAD: u16 = 0x208;
/// Where the protected-mode part of a kernel goes that does not say.
pub(super) const DEFAULT_LOAD: u64 = 0x10_0000;
/// Distance of the 64-bit entry from the start of the protected-mode part.
pub const ENTRY64: u64 = 0x200;

/// `xloadflags` bit 0: the kernel has the 64-bit entry.
pub const XLF_KERNEL_64: u16 = 1 << 0;
/// `xloadflags` bit 1: kernel, boot_params, command line and ramdisk may lie above 4 GiB.
pub const XLF_ABOVE_4G: u16 = 1 << 1;
/// `loadflags` bit 0: the protected-mode part loads at 1 MiB or above.
pub const LOADED_HIGH: u8 = 1 << 0;

/// How the protected-mode part is entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// In 64-bit mode.
    Entry64,
    /// In 32-bit protected mode without paging.
    Entry32,
}

impl Way {
    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Entry64 => Protocol::Linux64,
            Self::Entry32 => Protocol::Linux32,
        }
    }

    /// Distance of the entry from the start of the protected-mode part.
    pub(crate) const fn offset(self) -> u64 {
        match self {
            Self::Entry64 => ENTRY64,
            Self::Entry32 => 0,
        }
    }
}

/// The fields of the setup header that loaders and `inspect` read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are those of boot.rst, same names, same units")]
pub struct SetupHeader {
    /// As in the file; 0 stands for 4.
    pub setup_sects: u8,
    pub syssize: u32,
    pub boot_flag: u16,
    pub version: u16,
    pub loadflags: u8,
    pub code32_start: u32,
    pub initrd_addr_max: u32,
    pub kernel_alignment: u32,
    pub relocatable_kernel: bool,
    pub min_alignment: u8,
    pub xloadflags: u16,
    pub cmdline_size: u32,
    pub payload_offset: u32,
    pub payload_length: u32,
    pub pref_address: u64,
    pub init_size: u32,
    /// The header's bytes from 0x1f1 on, as they go into boot_params.
    pub bytes: Vec<u8>,
    /// Length of the image.
    pub file_len: u64,
}

/// True if the image has the signature of the setup header.
pub fn is_bzimage(prefix: &[u8]) -> bool {
    prefix.get(0x202..0x206) == Some(&MAGIC[..])
}

impl SetupHeader {
    /// Reads the header and checks what every entry needs: signature words, a version, and a
    /// protected-mode part of the promised length.
    pub fn parse(image: &dyn Image) -> Result<Self, BootError> {
        let reader = Reader::new(image);
        reader.check("the Linux setup header", 0, 0x208)?;
        let mut head = reader.prefix(HEADER_END_MAX)?;
        let end = 0x202 + u64::from(u8_at(&head, 0x201));
        reader.check("the Linux setup header", 0, end)?;
        head.truncate(end as usize); // what follows is code, not fields
        let header = Self::fields(&head, image.len());
        if header.boot_flag != 0xaa55 {
            return Err(BootError::LinuxBootFlag { flag: header.boot_flag });
        }
        if header.version < 0x200 {
            return Err(BootError::LinuxVersion { version: header.version, min: 0x200 });
        }
        header.check_lengths()?;
        header.check_payload(&reader)?;
        Ok(header)
    }

    /// A field counts from the protocol that brought it on: iPXE (2.07) has its copyright behind a
    /// header that claims more length than its version fills.
    fn fields(head: &[u8], file_len: u64) -> Self {
        let version = u16_at(head, 0x206);
        let byte = |since, at| if version >= since { u8_at(head, at) } else { 0 };
        let word = |since, at| if version >= since { u32_at(head, at) } else { 0 };
        Self {
            setup_sects: u8_at(head, 0x1f1),
            syssize: match version >= VERSION_SYSSIZE {
                true => u32_at(head, 0x1f4),
                false => u16_at(head, 0x1f4).into(),
            },
            boot_flag: u16_at(head, 0x1fe),
            version,
            loadflags: byte(0x200, 0x211),
            code32_start: word(0x200, 0x214),
            initrd_addr_max: if version >= 0x203 { u32_at(head, 0x22c) } else { 0x37ff_ffff },
            kernel_alignment: word(0x205, 0x230),
            relocatable_kernel: byte(0x205, 0x234) != 0,
            min_alignment: byte(0x20a, 0x235),
            xloadflags: if version >= VERSION_XLOADFLAGS { u16_at(head, 0x236) } else { 0 },
            cmdline_size: if version >= 0x206 { u32_at(head, 0x238) } else { 255 },
            payload_offset: word(VERSION_PAYLOAD, 0x248),
            payload_length: word(VERSION_PAYLOAD, 0x24c),
            pref_address: if version >= VERSION_INIT_SIZE { u64_at(head, 0x258) } else { 0 },
            init_size: word(VERSION_INIT_SIZE, 0x260),
            bytes: head[HEADER.min(head.len())..].to_vec(),
            file_len,
        }
    }

    fn check_lengths(&self) -> Result<(), BootError> {
        let (start, len) = (self.kernel_offset(), self.file_len);
        if start >= len {
            let sects = self.setup_sects;
            return Err(BootError::LinuxSetupBeyondFile { sects, end: start, len });
        }
        let (promised, present) = (self.payload(), len - start);
        // memtest86+ 6.10 and iPXE round syssize up and do not pad: the last paragraph may be short.
        if promised > present + 15 {
            return Err(BootError::LinuxShort { syssize_bytes: promised, present });
        }
        Ok(())
    }

    /// Offset of the protected-mode part in the file: the boot sector and `setup_sects` more.
    pub fn kernel_offset(&self) -> u64 {
        let sects = if self.setup_sects == 0 { 4 } else { self.setup_sects };
        (u64::from(sects) + 1) * 512
    }

    /// Bytes of the protected-mode part: what syssize says, before 2.04 all there are, because a kernel at
    /// 1 MiB may have more than 16 bits count (`boot.rst`, "syssize").
    fn payload(&self) -> u64 {
        match self.version >= VERSION_SYSSIZE {
            true => u64::from(self.syssize) * 16,
            false => self.file_len.saturating_sub(self.kernel_offset()),
        }
    }

    /// Bytes of the protected-mode part to load: all of the file's rest, as far as the kernel has
    /// room for it (signatures may be appended).
    pub fn load_len(&self) -> u64 {
        (self.file_len - self.kernel_offset()).min(self.room())
    }

    /// Checks what an entry into the protected-mode part needs beyond [`SetupHeader::parse`].
    pub(crate) fn check_entry(&self, image: &dyn Image, way: Way) -> Result<(), BootError> {
        let min = match way {
            Way::Entry64 => VERSION_XLOADFLAGS,
            Way::Entry32 => VERSION_CMDLINE,
        };
        if self.version < min {
            return Err(BootError::LinuxVersion { version: self.version, min });
        }
        self.check_high()?;
        if way == Way::Entry64 && self.xloadflags & XLF_KERNEL_64 == 0 {
            return Err(BootError::LinuxNo64Entry { xloadflags: self.xloadflags });
        }
        self.check_place()?;
        let entry = self.kernel_offset() + way.offset();
        let code = Reader::new(image).bytes("the kernel's entry", entry, 16)?;
        if code.iter().all(|&byte| byte == 0) {
            return Err(self.wrong_content(entry));
        }
        Ok(())
    }

    /// False for a zImage.
    pub(super) fn is_high(&self) -> bool {
        self.loadflags & LOADED_HIGH != 0
    }

    /// Refuses a zImage: its protected-mode part wants to be moved by the setup code.
    fn check_high(&self) -> Result<(), BootError> {
        if self.is_high() { Ok(()) } else { Err(BootError::LinuxNotHigh) }
    }

    /// Alignment and room, where the protocol has words for them.
    pub(crate) fn check_place(&self) -> Result<(), BootError> {
        let says = self.version >= VERSION_INIT_SIZE;
        if (says || self.relocatable_kernel) && !self.kernel_alignment.is_power_of_two() {
            return Err(BootError::LinuxAlignment { align: self.kernel_alignment });
        }
        let payload = self.payload();
        if says && (u64::from(self.init_size) < payload || self.init_size == 0) {
            return Err(BootError::LinuxInitSize { init_size: self.init_size, payload });
        }
        Ok(())
    }

    /// True if the kernel expects its own setup code to run first.
    pub(crate) fn wants_setup(&self) -> bool {
        self.version < VERSION_PAYLOAD
    }

    /// Where the kernel runs unless it is moved: pref_address, before 2.10 code32_start.
    pub fn start(&self) -> u64 {
        let old = u64::from(self.code32_start);
        [self.pref_address, old].into_iter().find(|&addr| addr != 0).unwrap_or(DEFAULT_LOAD)
    }

    /// Bytes from [`SetupHeader::start`] on that the kernel needs: init_size, before 2.10 at least
    /// itself.
    pub fn room(&self) -> u64 {
        u64::from(self.init_size).max(self.payload())
    }

    /// A wrong `setup_sects` shifts everything: then there is no compressed kernel where the payload
    /// should be. Said here, because the guest would only hang.
    fn check_payload(&self, reader: &Reader<'_>) -> Result<(), BootError> {
        if self.payload_length == 0 {
            return Ok(());
        }
        let offset = self.kernel_offset() + u64::from(self.payload_offset);
        let first = reader.bytes("the compressed kernel", offset, 16)?;
        if compression_of(&first).is_none() && !elf::is_elf(&first) {
            return Err(self.wrong_content(offset));
        }
        Ok(())
    }

    fn wrong_content(&self, offset: u64) -> BootError {
        BootError::LinuxSetupSects { sects: self.setup_sects, offset }
    }
}

//! Kernels of every protocol, made byte by byte from the documents that loaders follow.

/// Bytes of a mebibyte.
pub const MIB: u64 = 1 << 20;
/// Where the made kernels are linked.
pub const LINKED_AT: u64 = 0x10_0000;
/// Their PVH entry.
pub const ENTRY: u64 = LINKED_AT + 0x10;

/// Overwrites bytes of an image.
pub fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The image with some bytes overwritten.
pub fn with(mut image: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    put(&mut image, at, bytes);
    image
}

/// The little-endian number at an offset.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

/// The little-endian number at an offset.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The little-endian number at an offset.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// A program header and its bytes.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the gABI's p_ fields")]
pub struct Ph {
    pub kind: u32,
    pub vaddr: u64,
    pub paddr: u64,
    pub memsz: u64,
    pub align: u64,
    pub data: Vec<u8>,
}

/// A PT_LOAD at `paddr`, 0x100 bytes longer in memory than in the file.
pub fn load(paddr: u64, data: Vec<u8>) -> Ph {
    let memsz = data.len() as u64 + 0x100;
    Ph { kind: 1, vaddr: paddr, paddr, memsz, align: 0x1000, data }
}

/// A PT_NOTE.
pub fn notes(data: Vec<u8>, align: u64) -> Ph {
    Ph { kind: 4, vaddr: 0, paddr: 0, memsz: data.len() as u64, align, data }
}

/// One note, padded to `align`.
pub fn note(owner: &[u8], kind: u32, desc: &[u8], align: usize) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend((owner.len() as u32).to_le_bytes());
    out.extend((desc.len() as u32).to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend(owner);
    out.resize(out.len().next_multiple_of(align), 0);
    out.extend(desc);
    out.resize(out.len().next_multiple_of(align), 0);
    out
}

/// Xen's PHYS32_ENTRY as 64-bit Linux writes it.
pub fn pvh_note(entry: u64) -> Vec<u8> {
    note(b"Xen\0", 18, &entry.to_le_bytes(), 4)
}

/// Offset of program header `index` in an ELF64 image.
pub const fn ph64(index: usize) -> usize {
    64 + 56 * index
}

/// Where a 64-bit program header has `p_offset`.
pub const P_OFFSET: usize = 8;
/// Where it has `p_filesz`.
pub const P_FILESZ: usize = 32;
/// Where it has `p_memsz`.
pub const P_MEMSZ: usize = 40;

/// An ELF64 x86-64 executable.
pub fn elf64(entry: u64, segments: &[Ph]) -> Vec<u8> {
    let mut out = vec![0; ph64(segments.len())];
    put(&mut out, 0, b"\x7fELF\x02\x01\x01");
    put(&mut out, 16, &[2, 0, 62, 0, 1, 0, 0, 0]); // ET_EXEC, EM_X86_64, version
    put(&mut out, 24, &entry.to_le_bytes());
    put(&mut out, 32, &64u64.to_le_bytes());
    put(&mut out, 52, &[64, 0, 56, 0, segments.len() as u8, 0]);
    for (index, s) in segments.iter().enumerate() {
        out.resize(out.len().next_multiple_of(16), 0);
        let at = out.len() as u64;
        let words = [at, s.vaddr, s.paddr, s.data.len() as u64, s.memsz, s.align];
        put(&mut out, ph64(index), &s.kind.to_le_bytes());
        for (word, value) in words.iter().enumerate() {
            put(&mut out, ph64(index) + 8 + 8 * word, &value.to_le_bytes());
        }
        out.extend(&s.data);
    }
    out
}

/// An ELF32 i386 executable.
pub fn elf32(entry: u32, segments: &[Ph]) -> Vec<u8> {
    let mut out = vec![0; 52 + 32 * segments.len()];
    put(&mut out, 0, b"\x7fELF\x01\x01\x01");
    put(&mut out, 16, &[2, 0, 3, 0, 1, 0, 0, 0]);
    put(&mut out, 24, &entry.to_le_bytes());
    put(&mut out, 28, &52u32.to_le_bytes());
    put(&mut out, 40, &[52, 0, 32, 0, segments.len() as u8, 0]);
    for (index, s) in segments.iter().enumerate() {
        out.resize(out.len().next_multiple_of(16), 0);
        let at = out.len() as u32;
        let len = s.data.len() as u32;
        let words =
            [s.kind, at, s.vaddr as u32, s.paddr as u32, len, s.memsz as u32, 5, s.align as u32];
        for (word, value) in words.iter().enumerate() {
            put(&mut out, 52 + 32 * index + 4 * word, &value.to_le_bytes());
        }
        out.extend(&s.data);
    }
    out
}

/// Code that is recognisably the kernel's.
pub fn code() -> Vec<u8> {
    (0..0x200).map(|i| (i * 7) as u8).collect()
}

/// A sound PVH kernel: one segment, one note.
pub fn pvh64() -> Vec<u8> {
    elf64(ENTRY, &[load(LINKED_AT, code()), notes(pvh_note(ENTRY), 4)])
}

/// A PVH kernel with these notes.
pub fn pvh64_with_notes(data: Vec<u8>, align: u64) -> Vec<u8> {
    elf64(ENTRY, &[load(LINKED_AT, code()), notes(data, align)])
}

/// A multiboot header: flags, a good checksum, more words.
pub fn multiboot_header(flags: u32, more: &[u32]) -> Vec<u8> {
    let magic = 0x1bad_b002u32;
    let sum = 0u32.wrapping_sub(magic).wrapping_sub(flags);
    [magic, flags, sum].iter().chain(more).flat_map(|word| word.to_le_bytes()).collect()
}

/// A flat image with address fields: header at file offset 0x40, loaded from file offset 0x20.
pub fn multiboot_flat(change: impl Fn(&mut [u32; 5])) -> Vec<u8> {
    let load_addr = LINKED_AT as u32;
    // header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr
    let mut fields =
        [load_addr + 0x20, load_addr, load_addr + 0x300, load_addr + 0x800, load_addr + 0x60];
    change(&mut fields);
    let mut out: Vec<u8> = (0..0x400).map(|i| (i * 3) as u8).collect();
    put(&mut out, 0x40, &multiboot_header(1 << 16, &fields));
    out
}

/// An ELF32 multiboot kernel with the header at the start of its segment.
pub fn multiboot_elf32(flags: u32) -> Vec<u8> {
    let mut data = multiboot_header(flags, &[]);
    data.resize(0x200, 0x90);
    elf32(ENTRY as u32, &[load(LINKED_AT, data)])
}

/// A multiboot 2 tag: type, optional or not, 32-bit words.
pub fn mb2_tag(kind: u16, optional: bool, words: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(kind.to_le_bytes());
    out.extend(u16::from(optional).to_le_bytes());
    out.extend((8 + 4 * words.len() as u32).to_le_bytes());
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

/// The end tag.
pub fn mb2_end() -> Vec<u8> {
    mb2_tag(0, false, &[])
}

/// A multiboot 2 header with a good checksum around these tags, end tag included by the caller.
pub fn mb2_header(tags: &[Vec<u8>]) -> Vec<u8> {
    let tags = tags.concat();
    let (magic, len) = (0xe852_50d6u32, 16 + tags.len() as u32);
    let sum = 0u32.wrapping_sub(magic).wrapping_sub(len);
    let mut out: Vec<u8> =
        [magic, 0, len, sum].iter().flat_map(|word| word.to_le_bytes()).collect();
    out.extend(tags);
    out
}

/// An ELF32 multiboot 2 kernel with these tags and the end tag, the header at the start of its segment.
pub fn mb2_elf32(tags: &[Vec<u8>]) -> Vec<u8> {
    let mut data = mb2_header(&[tags, &[mb2_end()]].concat());
    data.resize(0x200, 0x90);
    // The header has to lie on 8 bytes in the file: 52 + 32 is rounded up to 96 by the segment.
    elf32(ENTRY as u32, &[load(LINKED_AT, data)])
}

/// A flat multiboot 2 image: header at file offset 0x40, loaded from file offset 0x20.
pub fn mb2_flat(change: impl Fn(&mut [u32; 4])) -> Vec<u8> {
    let load_addr = LINKED_AT as u32;
    // header_addr, load_addr, load_end_addr, bss_end_addr
    let mut fields = [load_addr + 0x20, load_addr, load_addr + 0x300, load_addr + 0x800];
    change(&mut fields);
    let mut out: Vec<u8> = (0..0x400).map(|i| (i * 3) as u8).collect();
    let tags = [mb2_tag(2, false, &fields), mb2_tag(3, false, &[load_addr + 0x80]), mb2_end()];
    put(&mut out, 0x40, &mb2_header(&tags));
    out
}

/// A bzImage without a 64-bit entry, as i386 kernels are.
pub fn bzimage32() -> Vec<u8> {
    with(bzimage(), 0x236, &[0])
}

/// A bzImage of an old protocol: fields it does not know hold rubbish.
pub fn bzimage_of(version: u16) -> Vec<u8> {
    let mut image = with(bzimage(), 0x206, &version.to_le_bytes());
    for (since, at, len) in [
        (0x202, 0x228, 4),
        (0x203, 0x22c, 4),
        (0x205, 0x230, 5),
        (0x206, 0x238, 4),
        (0x208, 0x248, 8),
        (0x20a, 0x258, 12),
    ] {
        if version < since {
            image[at..at + len].fill(0xee);
        }
    }
    image
}

/// An ELF64 kernel that only a note of Linux tells from any other program.
pub fn vmlinux64() -> Vec<u8> {
    let salt = note(b"Linux\0", 0x100, b"6.1.0\0", 4);
    elf64(ENTRY, &[load(LINKED_AT, code()), notes(salt, 4)])
}

/// A disk whose first sector starts.
pub fn boot_disk() -> Vec<u8> {
    let mut out: Vec<u8> = (0..4096).map(|i| (i * 11) as u8).collect();
    put(&mut out, 510, &[0x55, 0xaa]);
    out
}

/// A CD-ROM with a boot image of four sectors of 512 bytes in sector 20, for the usual segment. It is a disk too.
pub fn boot_disc() -> Vec<u8> {
    const SECTOR: usize = 2048;
    let mut out: Vec<u8> = (0..22 * SECTOR).map(|i| (i / 512 + i * 7) as u8).collect();
    out[16 * SECTOR..20 * SECTOR].fill(0);
    put(&mut out, 510, &[0x55, 0xaa]);
    put(&mut out, 16 * SECTOR, b"\x01CD001\x01");
    put(&mut out, 17 * SECTOR, b"\0CD001\x01EL TORITO SPECIFICATION");
    put(&mut out, 17 * SECTOR + 0x47, &19u32.to_le_bytes());
    put(&mut out, 19 * SECTOR, &[1]);
    put(&mut out, 19 * SECTOR + 28, &[0xaa, 0x55, 0x55, 0xaa]); // the sum, then the key
    put(&mut out, 19 * SECTOR + 32, &[0x88, 0, 0, 0, 0, 0, 4, 0, 20]);
    out
}

/// A bzImage of protocol 2.15 with everything the 64-bit entry asks for.
pub fn bzimage() -> Vec<u8> {
    let mut out = vec![0; 5 * 512 + 0x1000];
    let kernel = out.len() - 0x1000;
    put(&mut out, 0x1f1, &[4]); // setup_sects
    put(&mut out, 0x1f4, &0x100u32.to_le_bytes()); // syssize
    put(&mut out, 0x1fe, &[0x55, 0xaa, 0xeb, 0x6a]); // boot_flag, jump: header ends at 0x26c
    put(&mut out, 0x202, b"HdrS");
    put(&mut out, 0x206, &0x20fu16.to_le_bytes());
    put(&mut out, 0x211, &[1]); // LOADED_HIGH
    put(&mut out, 0x214, &0x10_0000u32.to_le_bytes());
    put(&mut out, 0x22c, &0x7fff_ffffu32.to_le_bytes()); // initrd_addr_max
    put(&mut out, 0x230, &0x20_0000u32.to_le_bytes()); // kernel_alignment
    put(&mut out, 0x234, &[1, 21, 0x7f, 0]); // relocatable, min_alignment, xloadflags
    put(&mut out, 0x238, &2047u32.to_le_bytes());
    put(&mut out, 0x248, &0x800u32.to_le_bytes()); // payload_offset
    put(&mut out, 0x24c, &0x100u32.to_le_bytes());
    put(&mut out, 0x258, &0x100_0000u64.to_le_bytes()); // pref_address
    put(&mut out, 0x260, &0x80_0000u32.to_le_bytes()); // init_size
    out[kernel..].fill(0x90);
    put(&mut out, kernel + 0x200, &[0xfc, 0xfa]); // cld; cli
    put(&mut out, kernel + 0x800, &[0x1f, 0x8b, 8]);
    out
}

//! Every code with its meaning, for `bootscope explain` and the documentation.

/// Code and meaning, ascending.
pub const CODES: [(&str, &str); 75] = [
    ("BOOT-E001", "The image has no byte"),
    ("BOOT-E002", "The image could not be read"),
    ("BOOT-E003", "The kernel file is compressed in a way that is not unpacked"),
    ("BOOT-E004", "No protocol recognises the image"),
    ("BOOT-E005", "The wanted protocol is not one the image offers"),
    ("BOOT-E006", "The protocol exists but this version has no loader for it"),
    ("BOOT-E008", "e_flags has a bit that PVH loaders refuse"),
    ("BOOT-E009", "The file does not begin with the ELF magic"),
    ("BOOT-E010", "A structure reaches past the end of the file"),
    ("BOOT-E011", "EI_CLASS is neither 32 nor 64 bit"),
    ("BOOT-E012", "EI_DATA is not little endian"),
    ("BOOT-E013", "EI_VERSION or e_version is not 1"),
    ("BOOT-E014", "e_machine is not x86"),
    ("BOOT-E015", "e_type is not ET_EXEC or ET_DYN"),
    ("BOOT-E016", "e_phentsize does not match the class"),
    ("BOOT-E017", "e_phnum is PN_XNUM"),
    ("BOOT-E018", "No PT_LOAD segment with content"),
    ("BOOT-E019", "p_filesz exceeds p_memsz"),
    ("BOOT-E020", "p_paddr + p_memsz passes the end of the address space"),
    ("BOOT-E021", "A segment lies, at least partly, where there is no RAM"),
    ("BOOT-E022", "Two segments claim the same bytes"),
    ("BOOT-E023", "The entry point lies in no loaded segment"),
    ("BOOT-E024", "A 32-bit protocol was given an entry point above 4 GiB"),
    ("BOOT-E025", "A note's sizes reach past its segment"),
    ("BOOT-E026", "There are more bytes of notes than any real file has"),
    ("BOOT-E027", "The PVH note has no room for an address"),
    ("BOOT-E028", "Two PVH notes name different entries"),
    ("BOOT-E029", "The ELF file has no PVH note"),
    ("BOOT-E030", "XEN_ELFNOTE_PHYS32_RELOC asks for something impossible"),
    ("BOOT-E031", "boot_flag is not 0xAA55"),
    ("BOOT-E032", "Boot protocol older than this loader accepts"),
    ("BOOT-E033", "The real-mode part is longer than the file"),
    ("BOOT-E034", "The protected-mode part is shorter than the header says"),
    ("BOOT-E035", "The kernel has no 64-bit entry (xloadflags bit 0)"),
    ("BOOT-E036", "The kernel is not loaded high (a zImage), which only its setup code can start"),
    ("BOOT-E037", "kernel_alignment is no power of two"),
    ("BOOT-E038", "Neither code nor a compressed kernel where setup_sects leads"),
    ("BOOT-E039", "init_size is smaller than the kernel itself"),
    ("BOOT-E040", "The multiboot header's three words do not sum to zero"),
    ("BOOT-E041", "A multiboot magic lies beyond the part of the file that loaders search"),
    ("BOOT-E042", "Required feature bits this loader does not know"),
    ("BOOT-E043", "The kernel requires a video mode"),
    ("BOOT-E044", "Address fields contradict each other"),
    ("BOOT-E045", "The address fields load bytes the file does not have"),
    ("BOOT-E046", "No address fields, and no ELF file either: nothing says where the kernel loads"),
    ("BOOT-E050", "The protocol has no use for modules, or not for so many"),
    ("BOOT-E051", "A string holds a byte that the protocol cannot carry"),
    ("BOOT-E052", "A module does not fit into free RAM"),
    ("BOOT-E060", "The command line is longer than the kernel accepts"),
    ("BOOT-E061", "Command line and module strings together exceed the space reserved for them"),
    ("BOOT-E070", "RAM is smaller than any protocol can use"),
    ("BOOT-E071", "The kernel needs more RAM than there is"),
    ("BOOT-E072", "Two placements claim the same bytes"),
    ("BOOT-E073", "A placement lies, at least partly, where there is no RAM"),
    ("BOOT-E074", "The memory map has more rows than the protocol can carry"),
    ("BOOT-E080", "The bzImage header points to no payload (protocol before 2.08, or length 0)"),
    ("BOOT-E081", "The payload's compression is not known"),
    ("BOOT-E082", "The payload does not unpack"),
    ("BOOT-E083", "The payload unpacks to more than a kernel can be"),
    ("BOOT-E090", "A file cannot be offered to firmware"),
    ("BOOT-E092", "Boot sector and setup code leave no room for heap and stack"),
    ("BOOT-E093", "The first sector does not end with 55 aa"),
    ("BOOT-E094", "A zImage is longer than real-mode memory has room for"),
    ("BOOT-E095", "A CD-ROM's boot record or boot catalog cannot be followed"),
    ("BOOT-E100", "The multiboot 2 header's first four words do not sum to zero"),
    ("BOOT-E101", "The multiboot 2 header lies beyond the part of the file that loaders search"),
    ("BOOT-E102", "The multiboot 2 header is for another processor"),
    ("BOOT-E103", "A multiboot 2 header tag is too short or reaches past the header"),
    ("BOOT-E104", "The multiboot 2 header's tags do not end with an end tag"),
    ("BOOT-E105", "A required multiboot 2 header tag that this loader does not know"),
    ("BOOT-E106", "A required multiboot 2 information request that cannot be answered"),
    ("BOOT-E107", "The multiboot 2 kernel requires EFI boot services"),
    ("BOOT-E108", "A multiboot 2 address tag without an entry address tag"),
    ("BOOT-E109", "The multiboot 2 relocatable tag asks for something impossible"),
    ("BOOT-E110", "Free RAM has no place that suits the multiboot 2 relocatable tag"),
];

/// The meaning of a code such as `BOOT-E021`.
pub fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|&(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The match in `error.rs` and this table are two lists of the same codes.
    #[test]
    fn every_code_is_given_to_one_cause_and_explained() {
        let source = include_str!("../error.rs");
        let mut given: Vec<&str> =
            source.split('"').filter(|s| s.starts_with("BOOT-E") && s.len() == 9).collect();
        given.sort_unstable();

        let explained: Vec<&str> = CODES.iter().map(|&(code, _)| code).collect();

        assert_eq!(given, explained, "a code is used twice, or missing from one list");
        assert!(explained.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(explain("BOOT-E001"), Some(CODES[0].1));
        assert_eq!(explain("BOOT-E999"), None);
    }
}

//! The test kernels' files are what a loader expects: read back here by offsets of the
//! specifications, not by the code that wrote them. That the kernels do what they say is shown
//! by the machine tests that boot them.

use bootscope_guests::elf::Class;
use bootscope_guests::kernels::{
    ALL, mb1_elf32, mb1_elf64, mb1_flat, mb2_elf32, mb2_elf64, pvh_entry_state,
};

fn u16_at(file: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(file[at..at + 2].try_into().unwrap())
}

fn u32_at(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}

/// Where a multiboot loader finds the header: 4-byte aligned, in the first 8 KiB.
fn multiboot_header(file: &[u8]) -> Option<usize> {
    (0..file.len().min(8192) - 12).step_by(4).find(|at| u32_at(file, *at) == 0x1bad_b002)
}

#[test]
fn every_kernel_ends_below_its_tables_at_eight_kilobytes() {
    for (name, kernel) in ALL {
        let size = kernel().len();
        assert!((1..8192).contains(&size), "{name}: {size} bytes");
    }
}

#[test]
fn a_pvh_note_of_either_size_in_either_class_names_the_first_instruction() {
    for (class, header, p_offset, p_filesz) in
        [(Class::Elf32, 52, 4, 16), (Class::Elf64, 64, 8, 32)]
    {
        for descriptor_size in [4, 8] {
            let file = pvh_entry_state(class, descriptor_size);
            let entry_size = if class == Class::Elf32 { 32 } else { 56 };
            let notes = header + entry_size; // the second program header
            assert_eq!(u32_at(&file, notes), 4, "PT_NOTE");
            let note = u32_at(&file, notes + p_offset) as usize;
            assert_eq!(u32_at(&file, notes + p_filesz), 16 + descriptor_size);
            assert_eq!([0, 4, 8].map(|at| u32_at(&file, note + at)), [4, descriptor_size, 18]);
            assert_eq!(&file[note + 12..note + 16], b"Xen\0");
            assert_eq!(u32_at(&file, note + 16), 0x10_0100, "base and the header's 256 bytes");
        }
    }
}

#[test]
fn multiboot_headers_add_up_to_zero() {
    for file in [mb1_elf32(), mb1_elf64(), mb1_flat()] {
        let at = multiboot_header(&file).expect("a multiboot header");
        let sum =
            [0, 4, 8].map(|field| u32_at(&file, at + field)).into_iter().fold(0, u32::wrapping_add);
        assert_eq!(sum, 0);
    }
}

/// Multiboot2 Specification 2.0, "OS image format": 8-byte aligned in the first 32 KiB.
#[test]
fn multiboot_2_headers_add_up_to_zero_and_end_with_an_end_tag() {
    for file in [mb2_elf32(), mb2_elf64()] {
        let mut places = (0..file.len() - 16).step_by(8);
        let at = places.find(|at| u32_at(&file, *at) == 0xe852_50d6).expect("a header");
        let words = [0, 4, 8, 12].map(|field| u32_at(&file, at + field));
        assert_eq!(words.into_iter().fold(0, u32::wrapping_add), 0);
        let end = at + words[2] as usize;
        assert_eq!((u32_at(&file, end - 8), u32_at(&file, end - 4)), (0, 8));
    }
}

#[test]
fn elf_kernels_say_their_class_and_machine() {
    for (file, class, machine) in [(mb1_elf32(), 1, 3), (mb1_elf64(), 2, 62)] {
        assert_eq!(&file[..4], b"\x7fELF");
        assert_eq!((file[4], u16_at(&file, 18)), (class, machine));
    }
}

#[test]
fn the_flat_kernel_describes_itself_by_address_fields() {
    let file = mb1_flat();
    let at = multiboot_header(&file).expect("a multiboot header");
    let [header_addr, load_addr, load_end, bss_end, entry] =
        [12, 16, 20, 24, 28].map(|field| u32_at(&file, at + field));

    assert_ne!(u32_at(&file, at + 4) & 1 << 16, 0);
    assert_eq!((header_addr - load_addr) as usize, at, "loading begins with the file");
    assert_eq!((load_end - load_addr) as usize, file.len());
    assert!(bss_end > load_end && (load_addr..load_end).contains(&entry));
}

#[test]
fn kernels_for_pvh_leave_a_loader_no_choice() {
    for (name, kernel) in ALL.iter().filter(|(name, _)| !name.starts_with("mb1")) {
        assert_eq!(multiboot_header(&kernel()), None, "{name}");
    }
}

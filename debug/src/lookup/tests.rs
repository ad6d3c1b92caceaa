use super::*;
use crate::testing::{Small, TABLES, put};
use arch::paging::pte;
use boot::Blob;

/// Where the kernel's only segment is linked, and where its bytes lie in RAM.
const LINKED: u64 = 0xffff_ffff_8110_0000;
const LOADED: u64 = 0x10_0000;
/// Where the first name of the table is, as linked.
const FIRST: u64 = 0xffff_ffff_8100_0000;
const SLIDE: u64 = 0x0a20_0000;
/// Names in the table.
const NAMES: usize = 300;

/// An ELF64 file with one segment in the upper half: 64 bytes, and Linux' table of names.
fn kernel() -> Vec<u8> {
    let payload = [vec![0x90; 64], kallsyms::tests::table(NAMES, false)].concat();
    let mut file = vec![0; 0x1000];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    for (at, value) in [(16, 2_u16), (18, 62), (20, 1), (52, 64), (54, 56), (56, 1), (58, 64)] {
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    let len = payload.len() as u64;
    // e_entry, e_phoff; then the program header: type and flags, offset, addresses, sizes, alignment.
    let words =
        [(24, LOADED), (32, 64), (64, 5 << 32 | 1), (72, 0x1000), (80, LINKED), (88, LOADED)];
    for (at, value) in words.into_iter().chain([(96, len), (104, len), (112, 0x1000)]) {
        file[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    [file, payload].concat()
}

/// A guest in whose upper half the kernel runs, moved by [`SLIDE`]; page tables at `top`.
fn guest(top: u64) -> Small {
    let mut guest = Small::long(&[]);
    guest.memory.write(PhysAddr(LOADED), &kernel()[0x1000..]).unwrap();
    let (pdpt, directory) = (0x7000, 0x8000);
    put(&guest.memory, top + 511 * 8, pdpt | pte::P | pte::RW);
    put(&guest.memory, pdpt + 510 * 8, directory | pte::P | pte::RW);
    let page = (LINKED + SLIDE) >> 21 & 511;
    put(&guest.memory, directory + page * 8, pte::P | pte::RW | pte::PS);
    guest = guest.with(|registers| registers.rip = LINKED + SLIDE);
    guest
}

fn file(bytes: Vec<u8>) -> Blob {
    Blob { name: "kernel".into(), bytes }
}

fn ram(guest: &Small) -> Vec<u8> {
    let mut bytes = vec![0; guest.memory.ram().len() as usize];
    guest.memory.ram().read(0, &mut bytes);
    bytes
}

#[test]
fn names_are_found_where_the_kernel_moved_itself_and_the_guest_is_left_as_it_was() {
    let (image, guest) = (file(kernel()), guest(TABLES));
    let given = Symbols::of_file(&b"1000 T low\nffffffff81000010 T mine\n".to_vec());
    let mut lookup = Lookup::new(Some(&image), given);
    let before = (ram(&guest), guest.cpu.registers());

    assert!(lookup.look(&guest.cpu, &guest.memory));

    assert_eq!(lookup.slide(), Some(SLIDE));
    let at = |address| lookup.symbols().at(address);
    assert_eq!(at(FIRST + SLIDE), Some("f0".into()));
    assert_eq!(at(FIRST + SLIDE + 0x1f), Some("mine+0xf".into()), "the user's names come first");
    assert_eq!(at(0x1004), Some("low+0x4".into()));
    assert!(before == (ram(&guest), guest.cpu.registers()));
    assert!(!lookup.look(&guest.cpu, &guest.memory), "once is enough");
    lookup.forget();
    assert!(lookup.is_open() && lookup.symbols().address("f0").is_none());
}

/// Nothing is copied for a boot, nor for the next one.
#[test]
fn the_names_of_a_kernel_that_stays_are_the_same_ones_in_every_boot() {
    let image = file(seeds::symbols::elf64());
    let mut lookup = Lookup::new(Some(&image), Symbols::default());
    let first = Rc::clone(lookup.symbols());
    lookup.forget();

    assert!(first.address("copy").is_some() && Rc::ptr_eq(&first, lookup.symbols()));
}

/// With page table isolation, user programs run on tables without the kernel's text.
#[test]
fn the_kernel_is_found_behind_the_tables_of_a_user_program() {
    let (image, top) = (file(kernel()), 0xa000);
    let guest = guest(top).with(|registers| registers.cr3 = top | USER_PAGES);
    let mut lookup = Lookup::new(Some(&image), Symbols::default());

    assert!(lookup.look(&guest.cpu, &guest.memory));
    assert_eq!(lookup.slide(), Some(SLIDE));
}

#[test]
fn before_the_kernel_runs_nothing_is_known_and_no_time_is_spent() {
    let image = file(kernel());
    let mut lookup = Lookup::new(Some(&image), Symbols::default());
    let guest = Small::long(&[]);

    assert!(!lookup.look(&guest.cpu, &guest.memory));
    assert!(lookup.is_open() && lookup.slide().is_none());
    assert!(lookup.kernel.get().is_none(), "the file is not even read");
    assert!(lookup.linked.get().is_none(), "nor is its symbol table");
}

#[test]
fn a_kernel_from_a_disk_is_named_by_its_table_in_ram() {
    let guest = guest(TABLES);
    // The kernel has written down where it is.
    let base = FIRST.to_le_bytes();
    let at = ram(&guest).windows(8).position(|window| window == base).unwrap();
    put(&guest.memory, at as u64, FIRST + SLIDE);
    let given = Symbols::of_file(&b"ffffffff81000004 T inner\nffffffff81000000 T f0\n".to_vec());
    let mut lookup = Lookup::new(None, given);

    assert!(lookup.look(&guest.cpu, &guest.memory));

    assert_eq!(lookup.symbols().at(FIRST + SLIDE), Some("f0".into()));
    assert_eq!(lookup.slide(), None);
    assert!(!lookup.is_open());
}

#[test]
fn ram_without_names_is_searched_once() {
    let guest = Small::long(&[]).with(|registers| registers.rip = HIGH_HALF);
    put(&guest.memory, TABLES + 511 * 8, 0x7000 | pte::P);
    let mut lookup = Lookup::new(None, Symbols::default());

    lookup.look(&guest.cpu, &guest.memory);

    assert!(!lookup.is_open() && lookup.symbols().is_empty());
}

#[test]
fn a_symbol_has_an_address_before_the_run_if_the_kernel_stays_where_it_is_linked() {
    let elf = file(kernel());
    let other = file(b"no ELF file".to_vec());
    let given = Symbols::of_file(&b"ffffffff81000000 T start\n1000 T low\n".to_vec());

    let fixed = Lookup::new(Some(&elf), given.clone());
    assert_eq!(fixed.linked_address("f1", false), Some(FIRST + 16));
    assert_eq!(fixed.linked_address("start", false), Some(FIRST));
    let moving = Lookup::new(Some(&other), given);
    assert_eq!(moving.linked_address("start", false), None);
    assert_eq!(moving.linked_address("start", true), Some(FIRST));
    assert_eq!(moving.linked_address("low", false), Some(0x1000));
}

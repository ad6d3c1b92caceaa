//! Plans written to guest memory.

use crate::requests::*;
use boot::{Blob, BootError, GuestRange, Image, Module, Part, ReadError, Request};
use memory::{Memory, PhysAddr};

const LOW_END: u64 = 0xc000_0000;

fn read(memory: &Memory, addr: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    memory.read(PhysAddr(addr), &mut out).unwrap();
    out
}

#[test]
fn every_placement_reads_back_from_guest_memory() {
    let (image, ramdisk) = (pvh64(), (0..3_000_000).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let plan =
        boot::plan(&Request { modules, ..Request::new(&image, 64 * MIB, &PLATFORM) }).unwrap();
    let memory = Memory::new(64 * MIB, LOW_END).unwrap();

    plan.write(&memory).unwrap();

    assert_eq!(read(&memory, LINKED_AT, 0x200), code());
    assert_eq!(read(&memory, LINKED_AT + 0x200, 0x100), [0; 0x100]);
    let module = plan.placement("module 0").unwrap().addr.0;
    assert!(read(&memory, module, ramdisk.len()) == ramdisk, "ramdisk differs");
    assert_eq!(read(&memory, 0x6000, 56), placed(&plan, "PVH start_info"));
    assert_eq!(read(&memory, 0xe_0000, 8), b"RSD PTR ");
    assert_eq!(read(&memory, 0x40e, 2), [0xc0, 0x9f]);
    assert_eq!(read(&memory, 0x413, 2), [0x7f, 0x02]);
}

/// SMBIOS 2.8 and MultiProcessor Specification 1.4: guests scan the BIOS area for both.
#[test]
fn the_bios_area_has_smbios_and_mp_table_on_the_largest_platform_too() {
    let image = pvh64();
    for (cpus, pci) in [(1, false), (255, true)] {
        let platform = boot::Platform { cpus, pci, ..PLATFORM.clone() };
        let plan = boot::plan(&Request::new(&image, 64 * MIB, &platform)).unwrap();
        let memory = Memory::new(64 * MIB, LOW_END).unwrap();

        plan.write(&memory).unwrap();

        let scan = |magic: &[u8]| {
            let mut places = (0xf_0000..0x10_0000).step_by(16);
            places.find(|&addr| read(&memory, addr, magic.len()) == magic)
        };
        let smbios = read(&memory, scan(b"_SM_").unwrap(), 31);
        assert_eq!(u32_at(&smbios, 24), 0xf_0020);
        let pointer = read(&memory, scan(b"_MP_").unwrap(), 16);
        assert_eq!(read(&memory, u32_at(&pointer, 4).into(), 4), b"PCMP");
    }
}

/// A restart writes the same plan over the remains of a run.
#[test]
fn writing_over_a_used_memory_clears_what_must_be_zero() {
    let image = pvh64();
    let plan = plan_alone(&image, 64).unwrap();
    let memory = Memory::new(64 * MIB, LOW_END).unwrap();
    plan.write(&memory).unwrap();
    memory.fill(PhysAddr(LINKED_AT), 0x2000, 0xcc).unwrap();
    memory.fill(PhysAddr(0x6000), 0x1000, 0xcc).unwrap();

    plan.write(&memory).unwrap();

    assert_eq!(read(&memory, LINKED_AT, 0x200), code());
    assert_eq!(read(&memory, LINKED_AT + 0x200, 0x100), [0; 0x100]);
    assert_eq!(read(&memory, LINKED_AT + 0x300, 1), [0xcc], "nothing beyond is touched");
    assert_eq!(read(&memory, 0x6000, 56), placed(&plan, "PVH start_info"));
}

#[test]
fn zeros_in_fresh_memory_touch_no_page() {
    let segment = Ph { memsz: 0x80_0000, ..load(LINKED_AT, code()) };
    let image = elf64(ENTRY, &[segment, notes(pvh_note(ENTRY), 4)]);
    let plan = plan_alone(&image, 64).unwrap();
    let memory = Memory::new(64 * MIB, LOW_END).unwrap();

    plan.write(&memory).unwrap();

    let touched = (0x101..0x900).filter(|&page| memory.touched_pages().contains(page)).count();
    assert_eq!(touched, 0);
}

#[test]
fn a_kernel_that_lies_in_guest_ram_boots_like_one_from_a_file() {
    let bytes = pvh64();
    let memory = Memory::new(64 * MIB, LOW_END).unwrap();
    memory.write(PhysAddr(0x200_0000), &bytes).unwrap();
    let image = GuestRange {
        name: "left by the toolstack".into(),
        memory: &memory,
        addr: PhysAddr(0x200_0000),
        len: bytes.len() as u64,
    };
    let plan = boot::plan(&Request::new(&image, 64 * MIB, &PLATFORM)).unwrap();

    plan.write(&memory).unwrap();

    assert_eq!(plan.entry, plan_alone(&bytes, 64).unwrap().entry);
    assert_eq!(read(&memory, LINKED_AT, 0x200), code());
}

/// A file that shrinks between planning and writing.
struct Vanishing(Blob);

impl Image for Vanishing {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn len(&self) -> u64 {
        self.0.len() + 4096
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        self.0.read_at(offset, buf)
    }
}

#[test]
fn a_module_that_cannot_be_read_is_an_error_that_names_it() {
    let kernel = pvh64();
    let module = Vanishing(Blob { name: "initrd.img".into(), bytes: vec![0; 100] });
    let modules = vec![Module { image: &module, cmdline: "" }];
    let request = Request { modules, ..Request::new(&kernel, 64 * MIB, &PLATFORM) };
    let plan = boot::plan(&request).unwrap();

    let error = plan.write(&Memory::new(64 * MIB, LOW_END).unwrap()).unwrap_err();

    assert!(matches!(&error, BootError::Read { part: Part::Module(0), .. }));
    assert!(error.to_string().contains("initrd.img"));
}

#[test]
fn every_plan_keeps_its_placements_apart_and_inside_the_machine() {
    let ramdisk = vec![9u8; 100_000];
    let kernels = [
        pvh64(),
        bzimage(),
        bzimage32(),
        vmlinux64(),
        multiboot_flat(|_| {}),
        multiboot_elf32(3),
        mb2_flat(|_| {}),
        mb2_elf32(&[mb2_tag(10, false, &[0x20_0000, 0x7fff_ffff, 0x20_0000, 2])]),
    ];
    for kernel in &kernels {
        for mib in [24, 32, 64, 3072, 3073, 4096] {
            let modules = vec![Module { image: &ramdisk, cmdline: "" }];
            let request = Request { modules, ..Request::new(kernel, mib * MIB, &PLATFORM) };
            let plan = boot::plan(&request).unwrap();
            let ranges: Vec<_> = plan.placements.iter().map(|p| p.range()).collect();
            assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "{mib} MiB");
            assert!(ranges.iter().all(|r| r.end <= (mib * MIB).min(LOW_END)), "{mib} MiB");
            assert!(!plan.explanation.is_empty());
        }
    }
}

#[test]
fn nothing_is_placed_over_an_image_that_lies_in_guest_ram() {
    let memory = Memory::new(64 * MIB, LOW_END).unwrap();
    let bytes = pvh64();
    memory.write(PhysAddr(LINKED_AT), &bytes).unwrap();
    let image = GuestRange {
        name: "left behind".into(),
        memory: &memory,
        addr: PhysAddr(LINKED_AT),
        len: bytes.len() as u64,
    };

    let refused = boot::plan(&Request::new(&image, 64 * MIB, &PLATFORM)).err();

    let Some(BootError::Conflict { first, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(first.0, "left behind, where it lies");
}

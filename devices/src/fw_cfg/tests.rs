use super::spec::key;
use super::*;

const DESCRIPTOR: PhysAddr = PhysAddr(0x8000);
const BUFFER: u64 = 0x9000;

fn memory() -> Memory {
    Memory::new(1 << 20, 1 << 30).unwrap()
}

fn device() -> FwCfg {
    let mut items = Items::new();
    items.add(key::CMDLINE_DATA, b"console=ttyS0\0".to_vec());
    items.add_u16(key::NB_CPUS, 4);
    items.add_u64(key::RAM_SIZE, 0x2000_0000);
    FwCfg::new(items)
}

fn read_item(device: &mut FwCfg, key: u16, len: usize) -> Vec<u8> {
    device.select(key);
    (0..len).map(|_| device.read_data()).collect()
}

/// Runs a descriptor as a guest does and returns what its control field reads afterwards.
fn dma(device: &mut FwCfg, memory: &Memory, control: u32, length: u32, address: u64) -> u32 {
    let mut bytes = control.to_be_bytes().to_vec();
    bytes.extend(length.to_be_bytes());
    bytes.extend(address.to_be_bytes());
    memory.write(DESCRIPTOR, &bytes).unwrap();
    device.write_dma(0, 0, memory);
    device.write_dma(4, (DESCRIPTOR.0 as u32).swap_bytes(), memory);
    memory.read_u32(DESCRIPTOR).unwrap().swap_bytes()
}

fn bytes(memory: &Memory, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    memory.read(PhysAddr(BUFFER), &mut out).unwrap();
    out
}

fn select(key: u16) -> u32 {
    u32::from(key) << 16 | Descriptor::SELECT
}

#[test]
fn numbers_are_little_endian_and_past_the_end_reads_0() {
    let mut device = device();
    assert_eq!(read_item(&mut device, key::SIGNATURE, 5), b"QEMU\0");
    assert_eq!(read_item(&mut device, key::ID, 4), [3, 0, 0, 0]);
    assert_eq!(read_item(&mut device, key::NB_CPUS, 3), [4, 0, 0]);
    assert_eq!(read_item(&mut device, key::RAM_SIZE, 8), [0, 0, 0, 0x20, 0, 0, 0, 0]);
    assert_eq!(read_item(&mut device, 0x7777, 2), [0, 0]);
    assert_eq!(read_item(&mut device, 0x4000 | key::NB_CPUS, 1), [4], "write channel bit");
}

#[test]
fn selecting_again_starts_over() {
    let mut device = device();
    assert_eq!(read_item(&mut device, key::CMDLINE_DATA, 4), b"cons");
    assert_eq!(read_item(&mut device, key::CMDLINE_DATA, 4), b"cons");
    device.reset();
    assert_eq!(device.read_data(), b'Q');
}

/// The directory of QEMU 7.2 is 2052 bytes; entries are sorted by strcmp and keys follow from 0x20.
#[test]
fn the_directory_lists_files_by_name() {
    let mut items = Items::new();
    items.add_file("genroms/pvh.bin", vec![7; 1536]).unwrap();
    items.add_file("bootorder", b"/rom@genroms/pvh.bin\0".to_vec()).unwrap();
    items.add_file("etc/e820", vec![1; 40]).unwrap();

    let directory = items.get(key::FILE_DIR).unwrap();

    assert_eq!(directory.len(), 2052);
    assert_eq!(directory[..4], [0, 0, 0, 3]);
    assert_eq!(directory[4..12], [0, 0, 0, 21, 0, 0x20, 0, 0]);
    assert_eq!(&directory[12..22], b"bootorder\0");
    assert_eq!(directory[68..76], [0, 0, 0, 40, 0, 0x21, 0, 0]);
    assert_eq!(&directory[76..85], b"etc/e820\0");
    assert_eq!(directory[132..140], [0, 0, 6, 0, 0, 0x22, 0, 0]);
    assert!(directory[196..].iter().all(|&byte| byte == 0));
    assert_eq!(items.file_key("etc/e820"), Some(0x21));
    assert_eq!(items.get(0x21), Some(&[1; 40][..]));
    assert_eq!(items.get(0x23), None);
}

#[test]
fn files_that_the_directory_cannot_hold_are_refused() {
    let mut items = Items::new();
    let long = "x".repeat(56);
    assert_eq!(items.add_file(&long, vec![]), Err(FileError::Name(long.clone())));
    assert_eq!(items.add_file("", vec![]), Err(FileError::Name(String::new())));
    for slot in 0..32 {
        items.add_file(&format!("opt/{slot}"), vec![slot]).unwrap();
    }
    assert_eq!(items.add_file("opt/32", vec![]), Err(FileError::TooMany));
    items.add_file("opt/31", vec![0xff]).unwrap();
    let key = items.file_key("opt/31").unwrap();
    assert_eq!(items.get(key), Some(&[0xff][..]));
}

#[test]
fn dma_is_found_by_its_signature() {
    let device = device();
    assert_eq!(device.read_dma(0, 4).to_le_bytes(), *b"QEMU");
    assert_eq!(device.read_dma(4, 4).to_le_bytes(), *b" CFG");
    assert_eq!(device.read_dma(1, 1), u32::from(b'E'));
    assert_eq!(device.read_dma(7, 2), u32::from(b'G'));
}

#[test]
fn dma_reads_an_item_in_pieces_and_zeros_after_it() {
    let (mut device, memory) = (device(), memory());
    memory.fill(PhysAddr(BUFFER), 64, 0xaa).unwrap();

    let control = select(key::CMDLINE_DATA) | Descriptor::READ;
    assert_eq!(dma(&mut device, &memory, control, 8, BUFFER), 0);
    assert_eq!(bytes(&memory, 9), b"console=\xaa");
    assert_eq!(dma(&mut device, &memory, Descriptor::READ, 8, BUFFER), 0);
    assert_eq!(bytes(&memory, 9), b"ttyS0\0\0\0\xaa");
}

#[test]
fn dma_skips() {
    let (mut device, memory) = (device(), memory());

    let control = select(key::CMDLINE_DATA) | Descriptor::SKIP;
    assert_eq!(dma(&mut device, &memory, control, 8, 0), 0);
    assert_eq!(device.read_data(), b't');
    assert_eq!(dma(&mut device, &memory, Descriptor::SKIP, u32::MAX, 0), 0);
    assert_eq!(device.read_data(), 0);
}

#[test]
fn dma_of_an_absent_item_gives_zeros() {
    let (mut device, memory) = (device(), memory());
    memory.fill(PhysAddr(BUFFER), 4, 0xaa).unwrap();

    assert_eq!(dma(&mut device, &memory, select(0x99) | Descriptor::READ, 4, BUFFER), 0);
    assert_eq!(bytes(&memory, 4), [0; 4]);
}

#[test]
fn dma_outside_ram_sets_the_error_bit_and_moves_nothing() {
    let (mut device, memory) = (device(), memory());
    let control = select(key::CMDLINE_DATA) | Descriptor::READ;

    for address in [0x9_fffc, 0x10_0000, u64::MAX - 3] {
        assert_eq!(dma(&mut device, &memory, control, 8, address), Descriptor::ERROR);
        assert_eq!(device.read_data(), b'c');
    }
    assert_eq!(memory.read_u32(PhysAddr(0x9_fffc)).unwrap(), 0);
    assert_eq!(dma(&mut device, &memory, control, u32::MAX, 0), Descriptor::ERROR);
}

#[test]
fn dma_writes_are_refused() {
    let (mut device, memory) = (device(), memory());
    let control = select(key::CMDLINE_DATA) | Descriptor::WRITE;
    assert_eq!(dma(&mut device, &memory, control, 1, BUFFER), Descriptor::ERROR);
    assert_eq!(dma(&mut device, &memory, Descriptor::SELECT, 1, BUFFER), 0, "select alone");
}

/// A guest may point the register anywhere.
#[test]
fn a_descriptor_outside_ram_is_ignored() {
    let (mut device, memory) = (device(), memory());
    for (high, low) in [(0, 0xa_0000), (0xffff_ffff, 0xffff_fffc), (0, 0xf_fff8)] {
        device.write_dma(0, u32::to_be(high), &memory);
        device.write_dma(4, u32::to_be(low), &memory);
    }
    device.write_dma(0, 1, &memory);
    device.write_dma(4, (DESCRIPTOR.0 as u32).swap_bytes(), &memory);
    assert_eq!(device.selected(), key::SIGNATURE);
}

/// A checkpoint restored from bytes has no items until the machine attaches them again.
#[test]
fn attached_items_are_read_from_where_the_guest_was() {
    let mut device = device();
    read_item(&mut device, key::CMDLINE_DATA, 8);
    let items = device.items().clone();
    device.attach(Items::new());
    assert_eq!(device.read_data(), 0);

    device.attach(items);

    assert_eq!(device.read_data(), b't');
}

#[test]
fn a_transfer_tells_how_much_memory_it_has_filled() {
    let (memory, mut device) = (memory(), device());
    for (control, address, filled) in [
        (select(key::NB_CPUS) | Descriptor::READ, BUFFER, 0x1000_u64),
        (select(key::NB_CPUS) | Descriptor::SKIP, BUFFER, 0),
        (Descriptor::READ, 1 << 40, 0),
    ] {
        let fields = [control.to_be_bytes(), 0x1000_u32.to_be_bytes()].concat();
        memory.write(DESCRIPTOR, &[&fields[..], &address.to_be_bytes()].concat()).unwrap();
        device.write_dma(0, 0, &memory);
        let moved = device.write_dma(4, (DESCRIPTOR.0 as u32).swap_bytes(), &memory);
        assert_eq!(moved, filled, "{control:#x}");
    }
}

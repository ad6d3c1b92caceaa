//! What firmware leaves behind: the state of the devices in which a boot without firmware finds them.

use super::Board;
use crate::config::MachineConfig;
use boot::firmware;
use devices::ata::Ide;
use devices::fw_cfg::spec::key;
use devices::fw_cfg::{FileError, Items};
use devices::pic::{PicPair, Which};
use devices::rtc::Rtc;

/// What fw_cfg tells of the machine itself.
pub(crate) fn firmware_items(config: &MachineConfig) -> Items {
    let mut items = Items::new();
    items.add(key::UUID, config.uuid.to_vec());
    items.add_u64(key::RAM_SIZE, config.ram_bytes);
    items.add_u16(key::NB_CPUS, 1);
    items.add_u16(key::MAX_CPUS, 1);
    items.add_u32(key::IRQ0_OVERRIDE, 1);
    items
}

/// What fw_cfg tells a firmware besides: the kernel, and named files. A name that is no file name or
/// one file too many is refused.
pub(crate) fn add_boot_items(items: &mut Items, boot: &firmware::Items) -> Result<(), FileError> {
    items.add_u16(key::NOGRAPHIC, 0);
    items.add_u16(key::BOOT_MENU, 0);
    items.add_u64(key::NUMA, 0);
    if let Some(entry) = boot.entry {
        items.add_u32(key::KERNEL_ENTRY, entry);
    }
    if let Some((addr, len)) = boot.loaded {
        items.add_u32(key::KERNEL_ADDR, addr);
        items.add_u32(key::KERNEL_SIZE, len);
    }
    let parts = [
        (&boot.kernel, key::KERNEL_ADDR, key::KERNEL_SIZE, key::KERNEL_DATA),
        (&boot.setup, key::SETUP_ADDR, key::SETUP_SIZE, key::SETUP_DATA),
        (&boot.initrd, key::INITRD_ADDR, key::INITRD_SIZE, key::INITRD_DATA),
        (&boot.cmdline, key::CMDLINE_ADDR, key::CMDLINE_SIZE, key::CMDLINE_DATA),
    ];
    for (part, addr, size, data) in parts {
        if let Some(item) = part {
            items.add_u32(addr, item.addr);
            items.add_u32(size, item.bytes.len() as u32);
            items.add(data, item.bytes.clone());
        }
    }
    for (name, bytes) in &boot.files {
        items.add_file(name, bytes.clone())?;
    }
    Ok(())
}

/// The 8259A pair as firmware leaves it: vectors 0x08 and 0x70, but all masked, because no handler of
/// firmware is there. A guest that uses the I/O APIC alone would otherwise see every interrupt twice.
pub(super) fn pic(pic: &mut PicPair) {
    for (which, vectors, cascade) in [(Which::Master, 0x08, 4), (Which::Slave, 0x70, 2)] {
        pic.write(which, 0, 0x11); // ICW1: cascaded, ICW4 follows
        for data in [vectors, cascade, 0x01, 0xff] {
            pic.write(which, 1, data); // ICW2, ICW3, ICW4: 8086 mode, OCW1
        }
    }
}

/// Screen and keyboard, if there are any: text mode, and scan codes on their way to IRQ 1.
pub(super) fn console(board: &mut Board) {
    if let Some(vga) = &mut board.vga {
        vga.enter_text_mode();
    }
    if let Some(keyboard) = &mut board.keyboard {
        keyboard.set_up_as_firmware();
    }
}

/// Memory sizes where firmware keeps them in CMOS: 0x15 base and 0x17, 0x30 extended memory in KiB,
/// 0x34 memory above 16 MiB and 0x5b above 4 GiB in 64 KiB (IBM AT Technical Reference; SeaBIOS
/// `hw/rtc.h` for the last two).
pub(super) fn cmos(rtc: &mut Rtc, ram_bytes: u64) {
    let low = ram_bytes.min(boot::layout::LOW_RAM_END);
    let extended_kib = (low >> 10).saturating_sub(1024).min(0xffff);
    let above_16m = (low.saturating_sub(16 << 20) >> 16).min(0xffff);
    let high = (ram_bytes - low) >> 16;
    let fields =
        [(0x15, 640, 2), (0x17, extended_kib, 2), (0x30, extended_kib, 2), (0x34, above_16m, 2)];
    for (index, value, len) in fields.into_iter().chain([(0x5b, high, 3)]) {
        for at in 0..len {
            rtc.set_cmos(index + at, (value >> (8 * at)) as u8);
        }
    }
}

/// Disks as firmware finds them in CMOS: the types of the first two at 0x12, their geometries from 0x1b
/// (IBM AT Technical Reference, type 47), and at 0x39 two bits for each drive, 1 where cylinders beyond
/// 1,024 need a translation by LBA (SeaBIOS `hw/rtc.h` and `block.c`).
pub(super) fn cmos_disks(rtc: &mut Rtc, ide: &Ide) {
    const USER_TYPE: u8 = 47;
    let (mut types, mut translations) = (0, 0);
    let geometries = (0..4).map(|at| ide.channels[at / 2].drive(at as u8 % 2)?.geometry());
    for (place, (cylinders, heads, sectors)) in
        geometries.enumerate().filter_map(|(place, geometry)| Some((place, geometry?)))
    {
        let [low, high] = cylinders.to_le_bytes();
        translations |= u8::from(cylinders > 1024) << (2 * place);
        if place < 2 {
            types |= 0xf0 >> (4 * place);
            rtc.set_cmos(0x19 + place as u8, USER_TYPE);
            let control = 0xc0 | u8::from(heads > 8) << 3;
            let bytes = [low, high, heads, 0xff, 0xff, control, low, high, sectors];
            for (index, byte) in (0x1b + 9 * place as u8..).zip(bytes) {
                rtc.set_cmos(index, byte);
            }
        }
    }
    rtc.set_cmos(0x12, types);
    rtc.set_cmos(0x39, translations);
}

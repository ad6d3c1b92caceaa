//! What firmware leaves behind: the state of the devices in which a boot without firmware finds them.

use crate::config::MachineConfig;
use devices::fw_cfg::Items;
use devices::fw_cfg::spec::key;
use devices::pic::{PicPair, Which};
use devices::rtc::Rtc;

/// What fw_cfg tells of the machine itself.
pub(super) fn firmware_items(config: &MachineConfig) -> Items {
    let mut items = Items::new();
    items.add_u64(key::RAM_SIZE, config.ram_bytes);
    items.add_u16(key::NB_CPUS, 1);
    items.add_u16(key::MAX_CPUS, 1);
    items.add_u32(key::IRQ0_OVERRIDE, 1);
    items
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

use super::*;

/// Type, formatted part and strings of each structure, walked as a guest does.
fn walk(tables: &[u8]) -> Vec<(u8, &[u8], Vec<String>)> {
    let (mut rest, mut out) = (tables, Vec::new());
    while !rest.is_empty() {
        let (formatted, after) = rest.split_at(rest[1].into());
        let end = after.windows(2).position(|pair| pair == [0, 0]).unwrap();
        let strings = after[..end].split(|&byte| byte == 0).filter(|s| !s.is_empty());
        let strings = strings.map(|s| String::from_utf8(s.to_vec()).unwrap()).collect();
        out.push((formatted[0], formatted, strings));
        rest = &after[end + 2..];
    }
    out
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, &byte| sum.wrapping_add(byte))
}

fn sample() -> Platform {
    let mut uuid = [0; 16];
    for (index, byte) in uuid.iter_mut().enumerate() {
        *byte = 0x11 * index as u8;
    }
    Platform { cpus: 2, uuid, name: "web-3".into(), ..Platform::default() }
}

#[test]
fn both_parts_of_a_placed_entry_point_add_up_to_zero() {
    let smbios = build(&sample(), 512 << 20);

    let placed = smbios.placed_at(0xf_0000);

    assert_eq!((sum(&placed[..31]), sum(&placed[16..31])), (0, 0));
    assert_eq!((&placed[..4], &placed[16..21]), (&b"_SM_"[..], &b"_DMI_"[..]));
    assert_eq!(placed[24..28], 0xf_0020u32.to_le_bytes());
    assert_eq!(placed[0x20..], smbios.tables);
    assert_eq!(usize::from(u16::from_le_bytes([placed[22], placed[23]])), smbios.tables.len());
}

/// SeaBIOS and qboot fill these in.
#[test]
fn the_entry_point_for_a_firmware_has_no_address_and_no_checksum() {
    let anchor = build(&sample(), 512 << 20).anchor;

    assert_eq!((anchor.len(), anchor[4], anchor[21]), (31, 0, 0));
    assert_eq!(anchor[24..28], [0; 4]);
}

/// Lengths: SMBIOS 2.8, the "Length" field of each structure.
#[test]
fn structures_have_the_lengths_of_version_2_8_and_are_counted() {
    let smbios = build(&sample(), 6 << 30);

    let found = walk(&smbios.tables);
    let kinds: Vec<_> = found.iter().map(|(kind, formatted, _)| (*kind, formatted.len())).collect();
    let expected = [
        (0, 24),
        (1, 27),
        (3, 22),
        (4, 42),
        (4, 42),
        (16, 23),
        (17, 40),
        (19, 31),
        (19, 31),
        (32, 11),
        (127, 4),
    ];
    assert_eq!(kinds, expected);
    let count = u16::from_le_bytes([smbios.anchor[28], smbios.anchor[29]]);
    assert_eq!(usize::from(count), found.len());
}

#[test]
fn uuid_and_name_of_the_platform_are_in_the_system_and_chassis_structures() {
    let smbios = build(&sample(), 512 << 20);

    let found = walk(&smbios.tables);
    // SMBIOS 2.8, "System - UUID": 33221100-5544-7766-8899-... from bytes 00 11 22 33 ...
    let uuid = [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99];
    assert_eq!(found[1].1[8..18], uuid);
    let asset_tag = usize::from(found[2].1[8]);
    assert_eq!(found[2].2[asset_tag - 1], "web-3");
}

#[test]
fn memory_devices_and_ranges_add_up_to_the_ram() {
    for gib in [1, 3, 6, 40, 4096] {
        let smbios = build(&Platform::default(), gib << 30);

        let found = walk(&smbios.tables);
        let word = |s: &[u8], at: usize| u32::from_le_bytes(s[at..at + 4].try_into().unwrap());
        let size = |s: &[u8]| match u16::from_le_bytes([s[12], s[13]]) {
            0x7fff => u64::from(word(s, 28)),
            mib => mib.into(),
        };
        let devices = found.iter().filter(|s| s.0 == 17).map(|s| size(s.1)).sum::<u64>();
        let ranges = found.iter().filter(|s| s.0 == 19).map(|s| match word(s.1, 4) {
            u32::MAX => {
                let at = |at: usize| u64::from_le_bytes(s.1[at..at + 8].try_into().unwrap());
                (at(23) - at(15) + 1) >> 10
            }
            first => u64::from(word(s.1, 8) - first + 1),
        });
        assert_eq!((devices, ranges.sum::<u64>()), (gib << 10, gib << 20), "{gib} GiB");
    }
}

#[test]
fn strings_with_nul_or_without_end_do_not_break_the_walk() {
    for name in ["a\0b".to_owned(), "x".repeat(100_000), String::new()] {
        let smbios = build(&Platform { name, ..sample() }, 512 << 20);

        assert_eq!(walk(&smbios.tables).last().map(|s| s.0), Some(127));
        assert!(smbios.tables.len() < 1000);
    }
}

//! Registers, time and memory. Expected values: register tables of the IBM VGA/XGA Technical Reference.

use super::*;

pub(super) const WINDOW_TEXT: u32 = 0x1_8000;

pub(super) fn text_mode() -> Vga {
    let mut vga = Vga::new();
    vga.enter_text_mode();
    vga
}

pub(super) fn read(vga: &mut Vga, port: u16) -> u8 {
    vga.read((port - 0x3b0) as u8, Instant::ZERO)
}

pub(super) fn write(vga: &mut Vga, port: u16, value: u8) {
    vga.write((port - 0x3b0) as u8, value);
}

/// Index and data, as OUT of a word gives them.
pub(super) fn set(vga: &mut Vga, port: u16, index: u8, value: u8) {
    write(vga, port, index);
    write(vga, port + 1, value);
}

pub(super) fn print(vga: &mut Vga, cell: u32, text: &str) {
    for (at, byte) in (0..).zip(text.bytes()) {
        vga.write_memory(WINDOW_TEXT + 2 * (cell + at), byte);
        vga.write_memory(WINDOW_TEXT + 2 * (cell + at) + 1, 0x1e);
    }
}

// ---- registers ----

#[test]
fn the_crt_controller_moves_with_the_io_address_select_bit() {
    let mut vga = text_mode();
    set(&mut vga, 0x3d4, 0x0f, 0x12);
    assert_eq!(read(&mut vga, 0x3d5), 0x12);
    assert_eq!(read(&mut vga, 0x3b5), 0xff, "not on the monochrome side");
    write(&mut vga, 0x3c2, 0x66);
    assert_eq!(read(&mut vga, 0x3cc), 0x66);
    assert_eq!((read(&mut vga, 0x3b5), read(&mut vga, 0x3d5)), (0x12, 0xff));
    assert_eq!(read(&mut vga, 0x3da), 0xff);
    assert_ne!(read(&mut vga, 0x3ba), 0xff);
}

#[test]
fn bits_that_do_not_exist_read_zero() {
    let mut vga = text_mode();
    for (port, expected) in [
        (0x3c4, &[0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0][..]),
        (0x3ce, &[0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff, 0]),
    ] {
        for (index, &mask) in (0..).zip(expected) {
            set(&mut vga, port, index, 0xff);
            assert_eq!(read(&mut vga, port + 1), mask, "{port:#x} {index}");
        }
    }
}

#[test]
fn index_and_data_of_the_attribute_controller_take_turns_from_a_read_of_the_status_on() {
    let mut vga = text_mode();
    read(&mut vga, 0x3da);
    write(&mut vga, 0x3c0, 0x03);
    write(&mut vga, 0x3c0, 0x2a);
    write(&mut vga, 0x3c0, 0x30);
    assert_eq!(read(&mut vga, 0x3c0), 0x30, "an index, with the palette address source");
    assert_eq!(read(&mut vga, 0x3c1), 0x0c, "mode control as mode 3 has it");
    read(&mut vga, 0x3da);
    write(&mut vga, 0x3c0, 0x23);
    assert_eq!(read(&mut vga, 0x3c1), 0x2a);
    write(&mut vga, 0x3c0, 0xff);
    assert_eq!(read(&mut vga, 0x3c1), 0x3f, "six bits of palette");
}

#[test]
fn protected_crt_registers_take_only_bit_8_of_line_compare() {
    let mut vga = text_mode();
    for index in 0..8 {
        set(&mut vga, 0x3d4, index, 0xff);
    }
    let crtc: Vec<u8> = (0..8)
        .map(|index| {
            write(&mut vga, 0x3d4, index);
            read(&mut vga, 0x3d5)
        })
        .collect();
    assert_eq!(crtc, [0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f], "bit 4 was set");
    set(&mut vga, 0x3d4, 0x07, 0);
    assert_eq!(read(&mut vga, 0x3d5), 0x0f);
    set(&mut vga, 0x3d4, 0x11, 0x0e);
    set(&mut vga, 0x3d4, 0x00, 0x2d);
    assert_eq!(read(&mut vga, 0x3d5), 0x2d);
}

#[test]
fn a_color_is_three_writes_of_six_bits_and_the_index_goes_on() {
    let mut vga = text_mode();
    write(&mut vga, 0x3c8, 0x10);
    for value in [0xff, 0x01, 0x20, 0x05, 0x06, 0x07, 0x3f, 0x3f] {
        write(&mut vga, 0x3c9, value);
    }
    assert_eq!((read(&mut vga, 0x3c7), read(&mut vga, 0x3c8)), (0, 0x12));
    write(&mut vga, 0x3c7, 0x10);
    assert_eq!(read(&mut vga, 0x3c7), 3);
    let back: Vec<u8> = (0..9).map(|_| read(&mut vga, 0x3c9)).collect();
    assert_eq!(back[..6], [0x3f, 0x01, 0x20, 0x05, 0x06, 0x07]);
    // Color 12h had only two: it is still what the defaults say, green 2/3 and 1/3.
    assert_eq!(back[6..], [0x00, 0x3f, 0x00]);
}

#[test]
fn bochs_vbe_is_found_and_offers_nothing_beyond_vga() {
    let mut vga = Vga::new();
    let mut vbe = |index: u16, value: Option<u16>| {
        vga.write_vbe(0, index);
        if let Some(value) = value {
            vga.write_vbe(1, value);
        }
        vga.read_vbe(1)
    };
    assert_eq!(vbe(0, None), 0xb0c5);
    assert_eq!(vbe(0, Some(0xb0c0)), 0xb0c0);
    assert_eq!(vbe(0, Some(0x1234)), 0xb0c0);
    assert_eq!(vbe(10, None), 4, "256 KiB");
    assert_eq!(vbe(1, Some(1024)), 1024);
    assert_eq!(vbe(4, Some(0x41)), 0, "refused");
    assert_eq!(vbe(4, Some(2)), 2);
    assert_eq!([1, 2, 3].map(|index| vbe(index, None)), [640, 480, 4]);
    assert_eq!(vbe(0xffff, Some(1)), 0);
}

// ---- time ----

/// Mode 3: 100 characters of 9 dots at 28.322 MHz are 31.78 us, 449 lines 14.27 ms (70 Hz); retrace from
/// line 19ch for two lines.
#[test]
fn the_beam_of_mode_3_runs_at_70_hz_with_two_lines_of_retrace() {
    let mut vga = text_mode();
    let mut status = |line: u64, dot: u64| {
        let dots = line * 900 + dot;
        let ns = (dots * 1_000_000_000).div_ceil(28_322_000);
        vga.read(0x2a, Instant(ns)) & 0x09
    };
    assert_eq!(status(0, 0), 0);
    assert_eq!(status(0, 719), 0);
    assert_eq!(status(0, 720), 1, "beside the picture");
    assert_eq!(status(399, 0), 0);
    assert_eq!(status(400, 0), 1, "below");
    assert_eq!((status(0x19b, 0), status(0x19c, 0), status(0x19d, 899)), (1, 9, 9));
    assert_eq!(status(0x19e, 0), 1);
    assert_eq!((status(448, 899), status(449, 0)), (1, 0), "the next frame");
    assert_eq!(status(449 * 1000 + 0x19c, 0), 9);
}

#[test]
fn an_adapter_that_nobody_programmed_has_a_beam_too() {
    let mut vga = Vga::new();
    for ns in [0, 1, 1_000_003, u64::MAX] {
        vga.read(0x0a, Instant(ns));
    }
}

// ---- memory ----

/// Graphics controller, miscellaneous register, bits 3-2.
#[test]
fn each_memory_map_has_its_window() {
    for (map, first, last) in
        [(0, 0, 0x1_ffff), (1, 0, 0xffff), (2, 0x1_0000, 0x1_7fff), (3, 0x1_8000, 0x1_ffff)]
    {
        let mut vga = text_mode();
        set(&mut vga, 0x3ce, 6, map << 2);
        assert!(vga.claims(first) && vga.claims(last), "map {map}");
        assert!(!vga.claims(last + 1), "map {map}");
        assert!(first == 0 || !vga.claims(first - 1), "map {map}");
        write(&mut vga, 0x3c2, 0x65); // RAM enable off
        assert!(!vga.claims(first));
        assert_eq!(vga.read_memory(first), 0xff);
    }
}

/// BIOS mode parameters of mode 13h.
pub(super) fn mode_13h() -> Vga {
    let mut vga = text_mode();
    write(&mut vga, 0x3c2, 0x63);
    for (index, value) in (1..).zip([0x01, 0x0f, 0x00, 0x0e]) {
        set(&mut vga, 0x3c4, index, value);
    }
    set(&mut vga, 0x3d4, 0x11, 0x0e);
    let crtc = [
        0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e,
        0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff,
    ];
    for (index, value) in (0..).zip(crtc) {
        set(&mut vga, 0x3d4, index, value);
    }
    for (index, value) in [(5, 0x40), (6, 0x05), (7, 0x0f), (8, 0xff)] {
        set(&mut vga, 0x3ce, index, value);
    }
    read(&mut vga, 0x3da);
    for (index, value) in [(0x10, 0x41), (0x13, 0), (0x20, 0)] {
        write(&mut vga, 0x3c0, index);
        if index < 0x20 {
            write(&mut vga, 0x3c0, value);
        }
    }
    for address in 0..0x1_0000 {
        vga.write_memory(address, 0);
    }
    vga
}

/// All planes at one address of a planar mode at 0xa0000.
pub(super) fn planar() -> Vga {
    let mut vga = text_mode();
    set(&mut vga, 0x3c4, 2, 0x0f);
    set(&mut vga, 0x3c4, 4, 0x06);
    set(&mut vga, 0x3ce, 5, 0x00);
    set(&mut vga, 0x3ce, 6, 0x05);
    vga
}

fn planes(vga: &mut Vga, address: u32) -> [u8; 4] {
    [0, 1, 2, 3].map(|plane| {
        set(vga, 0x3ce, 4, plane);
        vga.read_memory(address)
    })
}

#[test]
fn write_mode_0_rotates_sets_combines_and_masks() {
    let mut vga = planar();
    vga.write_memory(5, 0b1100_0101);
    assert_eq!(planes(&mut vga, 5), [0xc5; 4]);
    set(&mut vga, 0x3c4, 2, 0b0110);
    vga.write_memory(5, 0);
    assert_eq!(planes(&mut vga, 5), [0xc5, 0, 0, 0xc5], "map mask");

    set(&mut vga, 0x3c4, 2, 0x0f);
    set(&mut vga, 0x3ce, 3, 0x03); // rotate by three
    set(&mut vga, 0x3ce, 0, 0b1000);
    set(&mut vga, 0x3ce, 1, 0b1100); // planes 2 and 3 from set/reset: 0 and 1
    vga.write_memory(6, 0b0000_0111);
    assert_eq!(planes(&mut vga, 6), [0xe0, 0xe0, 0x00, 0xff]);

    set(&mut vga, 0x3ce, 1, 0);
    set(&mut vga, 0x3ce, 8, 0b0000_1111);
    for (function, expected) in [(0x08, 0xe0 & 0xf0), (0x10, 0xe5), (0x18, 0xe5)] {
        set(&mut vga, 0x3ce, 3, function); // AND, OR, XOR with the latches
        vga.read_memory(6);
        vga.write_memory(7, 0x05);
        assert_eq!(planes(&mut vga, 7)[0], expected, "function {function:#x}");
    }
}

#[test]
fn write_mode_1_copies_the_latches() {
    let mut vga = planar();
    for (plane, value) in [(1, 0x11), (2, 0x22), (4, 0x44), (8, 0x88)] {
        set(&mut vga, 0x3c4, 2, plane);
        vga.write_memory(9, value);
    }
    set(&mut vga, 0x3c4, 2, 0x0f);
    set(&mut vga, 0x3ce, 5, 1);
    vga.read_memory(9);
    vga.write_memory(0xffff, 0);
    assert_eq!(planes(&mut vga, 0xffff), [0x11, 0x22, 0x44, 0x88]);
}

#[test]
fn write_mode_2_spreads_a_color_over_the_planes() {
    let mut vga = planar();
    set(&mut vga, 0x3ce, 5, 2);
    set(&mut vga, 0x3ce, 8, 0x3c);
    vga.write_memory(0, 0b1010);
    assert_eq!(planes(&mut vga, 0), [0, 0x3c, 0, 0x3c]);
}

#[test]
fn write_mode_3_takes_the_data_as_a_mask_for_set_reset() {
    let mut vga = planar();
    vga.write_memory(0, 0xff);
    set(&mut vga, 0x3ce, 5, 3);
    set(&mut vga, 0x3ce, 0, 0b0101);
    set(&mut vga, 0x3ce, 8, 0xf0);
    vga.read_memory(0);
    vga.write_memory(0, 0x3c);
    assert_eq!(planes(&mut vga, 0), [0xff, 0xcf, 0xff, 0xcf]);
}

/// Read mode 1: a bit is set where the planes that count hold the color.
#[test]
fn read_mode_1_compares_colors() {
    let mut vga = planar();
    set(&mut vga, 0x3ce, 5, 2);
    for (bit, color) in [(0x80, 5), (0x40, 13), (0x20, 4), (0x10, 5)] {
        set(&mut vga, 0x3ce, 8, bit);
        vga.read_memory(0);
        vga.write_memory(0, color);
    }
    set(&mut vga, 0x3ce, 5, 0x08);
    set(&mut vga, 0x3ce, 2, 5);
    set(&mut vga, 0x3ce, 7, 0x0f);
    assert_eq!(vga.read_memory(0), 0x90);
    set(&mut vga, 0x3ce, 7, 0x07);
    assert_eq!(vga.read_memory(0), 0xd0, "plane 3 does not matter");
    set(&mut vga, 0x3ce, 7, 0);
    assert_eq!(vga.read_memory(0), 0xff);
}

#[test]
fn odd_addresses_of_a_text_page_are_attributes_in_plane_1() {
    let mut vga = text_mode();
    vga.write_memory(WINDOW_TEXT + 4, b'A');
    vga.write_memory(WINDOW_TEXT + 5, 0x4e);
    assert_eq!((vga.read_memory(WINDOW_TEXT + 4), vga.read_memory(WINDOW_TEXT + 5)), (b'A', 0x4e));
    assert_eq!(vga.planes.at(4)[..2], [b'A', 0x4e]);
    assert_eq!(vga.planes.at(5)[..2], [0, 0], "the gap of odd/even");
}

#[test]
fn chain_4_deals_four_addresses_to_four_planes() {
    let mut vga = mode_13h();
    for address in 0..8 {
        vga.write_memory(address, 0xa0 + address as u8);
    }
    assert_eq!(vga.read_memory(6), 0xa6);
    assert_eq!(vga.planes.at(0), [0xa0, 0xa1, 0xa2, 0xa3]);
    assert_eq!((vga.planes.at(1), vga.planes.at(4)), ([0; 4], [0xa4, 0xa5, 0xa6, 0xa7]));
}

// ---- whatever a guest does ----

#[test]
fn a_reset_keeps_the_memory_and_nothing_else() {
    let mut vga = text_mode();
    print(&mut vga, 0, "kept");
    vga.reset();
    assert_eq!(vga.planes.at(0)[0], b'k');
    assert_eq!((&vga.crtc, vga.misc), (&Vga::new().crtc, 0));
}

#[test]
fn random_accesses_and_pictures_of_what_they_leave_never_panic() {
    let mut vga = text_mode();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..60 {
        for _ in 0..2000 {
            let value = random();
            let byte = (value >> 8) as u8;
            match value & 7 {
                0 => _ = vga.read((value >> 16) as u8, Instant(value)),
                1..=3 => vga.write((value >> 16) as u8 % 0x30, byte),
                4 => vga.write_memory((value >> 16) as u32 & 0x3_ffff, byte),
                5 => _ = vga.read_memory((value >> 16) as u32),
                6 => vga.write_vbe((value >> 16) as u8 & 1, (value >> 32) as u16),
                _ => _ = vga.read_vbe((value >> 16) as u8),
            }
        }
        let page = vga.text_page();
        assert!(page.is_none_or(|page| page.cells.len() <= 256 * 1024));
        if round % 4 == 0 {
            let picture = vga.picture();
            assert!(picture.width <= 4608 && picture.height <= 1024);
            assert_eq!(picture.rgb.len(), 3 * picture.width * picture.height);
        }
    }
    vga.planes = Planes::empty(); // as a damaged snapshot may have it
    vga.write_memory(0x1_8000, 1);
    assert_eq!(vga.picture().rgb.len() % 3, 0);
}
